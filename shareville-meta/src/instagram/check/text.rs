//! Captions and comments.

use shareville_core::{
    post::{Content, Placement},
    violation::Violation,
};

use super::{
    super::limits::{CAPTION_CHARS, COMMENT_CHARS, HASHTAGS, MENTIONS},
    no_room, too_long, too_many,
};

pub(super) fn caption(content: &Content) -> Vec<Violation> {
    let caption = content.caption.as_deref().unwrap_or_default();
    if content.placement == Placement::Story {
        let given = !caption.trim().is_empty();
        let wrong = given.then(|| {
            no_room(
                "/caption",
                "A story has no caption: leave it out, or draw it into the picture.",
            )
        });
        return Vec::from_iter(wrong);
    }
    let mut found = Vec::new();
    found.extend(too_long("/caption", "The caption", caption, &CAPTION_CHARS));
    found.extend(too_many(
        "/caption",
        "too_many_hashtags",
        "hashtags",
        count(caption, '#'),
        &HASHTAGS,
    ));
    found.extend(too_many(
        "/caption",
        "too_many_mentions",
        "people mentioned",
        count(caption, '@'),
        &MENTIONS,
    ));
    found
}

pub(super) fn first_comment(content: &Content) -> Option<Violation> {
    let comment = content.first_comment.as_deref()?;
    if content.placement == Placement::Story {
        return Some(no_room(
            "/firstComment",
            "A story has no comments: leave the first comment out.",
        ));
    }
    if comment.trim().is_empty() {
        return Some(Violation::new(
            "/firstComment",
            "required",
            "A first comment must not be empty: write something, or leave it out.",
        ));
    }
    too_long(
        "/firstComment",
        "The first comment",
        comment,
        &COMMENT_CHARS,
    )
}

/// How many words begin with `sign`: one that stands within a word, as in an e-mail address, begins none.
fn count(text: &str, sign: char) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    let mut found = 0;
    while let Some(c) = chars.next() {
        let begins = c == sign && !is_word(before) && chars.peek().copied().is_some_and(is_word);
        found += usize::from(begins);
        before = c;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_begin_with_the_sign_should_count() {
        for (text, hashtags, mentions) in [
            ("", 0, 0),
            ("#one #two, (#drei)\n#vier", 4, 0),
            ("# alone, 1#2, ##x", 1, 0),
            ("#größe#klein", 1, 0),
            ("@ada and ada@example.com, @", 0, 1),
        ] {
            let counted = (count(text, '#'), count(text, '@'));
            assert_eq!(counted, (hashtags, mentions), "{text}");
        }
    }
}
