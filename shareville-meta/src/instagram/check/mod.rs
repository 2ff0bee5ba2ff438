//! All that is wrong with a post for Instagram, each with where, what, and how to mend it.

mod file;
mod item;
mod options;
#[cfg(test)]
mod tests;
mod text;

use shareville_core::{
    media::MediaKind,
    post::{Content, Placement},
    violation::Violation,
};

pub(super) use self::file::check_media;
use super::limits::CAROUSEL_ITEMS;
use crate::limit::Limit;

/// What Instagram has no room for.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

/// A medium stands where not everybody can fetch it.
pub(super) const NOT_PUBLIC: &str = "url_not_public";

pub(super) fn check(content: &Content) -> Vec<Violation> {
    let mut found = text::caption(content);
    found.extend(link(content));
    found.extend(media_count(content));
    for (index, media) in content.media.iter().enumerate() {
        let wrong = item::check(content, media).into_iter();
        found.extend(wrong.map(|v| v.under(&format!("/media/{index}"))));
    }
    found.extend(options::check(content));
    found.extend(text::first_comment(content));
    found
}

fn no_room(pointer: &str, why: &str) -> Violation {
    Violation::new(pointer, NOT_SUPPORTED, why)
}

fn too_many(
    pointer: &str,
    code: &str,
    what: &str,
    count: usize,
    limit: &Limit,
) -> Option<Violation> {
    (count > limit.max).then(|| {
        let message = format!(
            "There are {count} {what}; Instagram takes at most {}.",
            limit.max
        );
        Violation::new(pointer, code, message)
    })
}

fn too_long(pointer: &str, what: &str, text: &str, limit: &Limit) -> Option<Violation> {
    let chars = text.chars().count();
    (chars > limit.max).then(|| {
        Violation::new(
            pointer,
            "too_long",
            format!(
                "{what} has {chars} characters; Instagram takes at most {}.",
                limit.max
            ),
        )
    })
}

fn link(content: &Content) -> Option<Violation> {
    content.link.as_ref().map(|_| {
        no_room(
            "/link",
            "Instagram has no room for a link: leave it out, or put it into the caption, where it is plain text.",
        )
    })
}

fn media_count(content: &Content) -> Option<Violation> {
    let count = content.media.len();
    let (what, most) = match content.placement {
        Placement::Feed => ("pictures and films", CAROUSEL_ITEMS.max),
        Placement::Reel => ("films", 1),
        Placement::Story => ("pictures and films", 1),
    };
    if count == 0 {
        let message = match content.placement {
            Placement::Feed => {
                "Instagram takes no text alone: give a picture or a film, or up to ten."
            }
            Placement::Reel => "A Reel is one film: give it.",
            Placement::Story => "A story is one picture or one film: give it.",
        };
        return Some(Violation::new("/media", "required", message));
    }
    (count > most).then(|| {
        Violation::new(
            "/media",
            "too_many",
            format!("There are {count} {what}; at most {most} fit here. Nothing is cut off, so take some away."),
        )
    })
}

/// Whether the post is one film in the feed or in the Reels: then it is a Reel.
fn is_reel(content: &Content) -> bool {
    match (content.placement, content.media.as_slice()) {
        (Placement::Reel, _) => true,
        (Placement::Feed, [media]) => media.kind == MediaKind::Video,
        _ => false,
    }
}
