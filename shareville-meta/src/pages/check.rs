//! All that is wrong with a post for a Page, each with where, what, and how to mend it.

use shareville_core::{
    media::{Media, MediaKind, MediaSource},
    post::{Content, Placement},
    violation::Violation,
};

use super::{
    address::{self, Address},
    limits::{ALT_TEXT_CHARS, CAPTION_CHARS, COMMENT_CHARS, Limit, PHOTOS},
};

/// What Facebook, or this version, has no room for.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

/// A medium stands where not everybody can fetch it.
pub(super) const NOT_PUBLIC: &str = "url_not_public";

pub(super) fn check(content: &Content) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(placement(content.placement));
    found.extend(caption(content));
    found.extend(content.link.as_deref().and_then(link));
    found.extend(link_with_media(content));
    found.extend(photo_count(content));
    for (index, item) in content.media.iter().enumerate() {
        found.extend(
            medium(item)
                .into_iter()
                .map(|v| v.under(&format!("/media/{index}"))),
        );
    }
    found.extend(options(content));
    found.extend(first_comment(content));
    found
}

fn placement(placement: Placement) -> Option<Violation> {
    let name = match placement {
        Placement::Feed => return None,
        Placement::Reel => "Reels",
        Placement::Story => "Stories",
    };
    Some(Violation::new(
        "/placement",
        NOT_SUPPORTED,
        format!("{name} on Facebook Pages are not supported yet: use `feed`."),
    ))
}

fn caption(content: &Content) -> Option<Violation> {
    let caption = content.caption.as_deref().unwrap_or_default();
    if caption.trim().is_empty() && content.link.is_none() && content.media.is_empty() {
        return Some(Violation::new(
            "/caption",
            "required",
            "There is nothing to publish: give a caption, a link, or one to ten photos.",
        ));
    }
    too_long("/caption", "The caption", caption, &CAPTION_CHARS)
}

fn too_long(pointer: &str, what: &str, text: &str, limit: &Limit) -> Option<Violation> {
    let chars = text.chars().count();
    (chars > limit.max).then(|| {
        Violation::new(
            pointer,
            "too_long",
            format!(
                "{what} has {chars} characters; Facebook takes at most {}.",
                limit.max
            ),
        )
    })
}

fn link(link: &str) -> Option<Violation> {
    let (code, message) = match address::read(link) {
        Address::Malformed => (
            "invalid_url",
            "A link must be a whole http or https address, such as https://example.com/news.",
        ),
        Address::WithCredentials => (
            "invalid_url",
            "A link must not carry a user name or password: everybody would see them.",
        ),
        Address::Http { host, .. } if address::is_facebook(&host) => (
            "link_to_facebook",
            "Facebook does not take links to facebook.com itself (1609008): leave it out, or put it into the caption.",
        ),
        Address::Http { .. } => return None,
    };
    Some(Violation::new("/link", code, message))
}

/// Facebook ignores the link of a post with photos; a link that vanishes in silence is worse than a refusal.
fn link_with_media(content: &Content) -> Option<Violation> {
    (content.link.is_some() && !content.media.is_empty()).then(|| {
        Violation::new(
            "/link",
            "link_with_media",
            "Facebook shows either a link or photos: leave one out, or put the link into the caption.",
        )
    })
}

fn photo_count(content: &Content) -> Option<Violation> {
    let photos = content.media.len();
    (photos > PHOTOS.max).then(|| {
        Violation::new(
            "/media",
            "too_many",
            format!(
                "There are {photos} photos; a post takes at most {}.",
                PHOTOS.max
            ),
        )
    })
}

/// What is wrong with one medium, seen from it.
fn medium(media: &Media) -> Vec<Violation> {
    let mut found = Vec::new();
    if media.kind == MediaKind::Video {
        found.push(Violation::new(
            "",
            NOT_SUPPORTED,
            "Videos on Facebook Pages are not supported yet: send photos.",
        ));
    }
    found.extend(source(&media.source));
    if let Some(text) = &media.alt_text {
        found.extend(too_long(
            "/altText",
            "The alternative text",
            text,
            &ALT_TEXT_CHARS,
        ));
    }
    let no_room = [
        (
            media.thumbnail_url.is_some(),
            "/thumbnailUrl",
            "A photo has no cover",
        ),
        (
            media.thumbnail_offset_ms.is_some(),
            "/thumbnailOffsetMs",
            "A photo has no cover",
        ),
        (
            !media.user_tags.is_empty(),
            "/userTags",
            "People cannot be marked on a Page's photos",
        ),
    ];
    for (_, pointer, why) in no_room.iter().filter(|(given, ..)| *given) {
        found.push(Violation::new(
            *pointer,
            NOT_SUPPORTED,
            format!("{why}: leave this out."),
        ));
    }
    found
}

fn source(source: &MediaSource) -> Option<Violation> {
    let url = match source {
        MediaSource::MediaId(_) => {
            return Some(Violation::new(
                "/mediaId",
                NOT_SUPPORTED,
                "Uploaded media on Facebook Pages are not supported yet: give a public `url`.",
            ));
        }
        MediaSource::Url(url) => url,
    };
    let (code, message) = match address::read(url) {
        Address::Malformed => (
            "invalid_url",
            "A photo's address must be a whole http or https address, such as https://example.com/photo.jpg.",
        ),
        Address::WithCredentials => (
            "invalid_url",
            "A photo's address must not carry a user name or password: Facebook fetches it without a login.",
        ),
        Address::Http { public: false, .. } => (
            NOT_PUBLIC,
            "Facebook cannot reach this address: a photo must be where everybody can fetch it.",
        ),
        Address::Http { .. } => return None,
    };
    Some(Violation::new("/url", code, message))
}

fn options(content: &Content) -> Vec<Violation> {
    let mut found = Vec::new();
    if content.options.instagram.is_some() {
        found.push(Violation::new(
            "/options/instagram",
            NOT_SUPPORTED,
            "This post goes to a Facebook Page: leave Instagram's options out.",
        ));
    }
    let place = content
        .options
        .facebook
        .as_ref()
        .and_then(|options| options.place_id.as_deref());
    if place.is_some_and(|id| id.is_empty() || !id.chars().all(|c| c.is_ascii_digit())) {
        found.push(Violation::new(
            "/options/facebook/placeId",
            "invalid_id",
            "A place is named by its Page id, which has digits only.",
        ));
    }
    found
}

fn first_comment(content: &Content) -> Option<Violation> {
    let comment = content.first_comment.as_deref()?;
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

#[cfg(test)]
mod tests {
    use shareville_core::{
        id::MediaId,
        media::UserTag,
        post::{FacebookOptions, InstagramOptions},
    };

    use super::*;

    fn photos(count: usize) -> Content {
        Content {
            media: vec![Media::image("https://cdn.example/a.jpg"); count],
            ..Content::default()
        }
    }

    /// What is done to a medium, and where and how that is told.
    type Case = (fn(&mut Media), &'static str, &'static str);

    /// Where and what, for all that is wrong.
    fn found(content: &Content) -> Vec<(String, String)> {
        check(content)
            .into_iter()
            .map(|v| (v.pointer, v.code))
            .collect()
    }

    fn assert_found(content: &Content, pointer: &str, code: &str) {
        assert_eq!(
            found(content),
            [(pointer.to_owned(), code.to_owned())],
            "{content:?}"
        );
    }

    #[test]
    fn each_limit_should_hold_and_one_more_should_not() {
        let text = |chars| Content::text("ß".repeat(chars));
        let alt = |chars| {
            let mut content = photos(4);
            content.media[3].alt_text = Some("ß".repeat(chars));
            content
        };
        let comment = |chars| Content {
            first_comment: Some("ß".repeat(chars)),
            ..Content::text("t")
        };
        assert_eq!(found(&text(CAPTION_CHARS.max)), []);
        assert_found(&text(CAPTION_CHARS.max + 1), "/caption", "too_long");
        assert_eq!(found(&photos(PHOTOS.max)), []);
        assert_found(&photos(PHOTOS.max + 1), "/media", "too_many");
        assert_eq!(found(&alt(ALT_TEXT_CHARS.max)), []);
        assert_found(&alt(ALT_TEXT_CHARS.max + 1), "/media/3/altText", "too_long");
        assert_eq!(found(&comment(COMMENT_CHARS.max)), []);
        assert_found(&comment(COMMENT_CHARS.max + 1), "/firstComment", "too_long");
    }

    #[test]
    fn a_post_should_say_or_show_something() {
        assert_found(&Content::default(), "/caption", "required");
        assert_found(&Content::text(" \n"), "/caption", "required");
        assert_found(
            &Content {
                first_comment: Some(" ".into()),
                ..Content::text("t")
            },
            "/firstComment",
            "required",
        );
    }

    #[test]
    fn links_should_be_whole_and_not_lead_to_facebook() {
        let link = |link: &str| Content {
            link: Some(link.into()),
            ..Content::default()
        };
        for good in [
            "https://example.com/a?b=c#d",
            "http://example.com",
            "https://notfacebook.com/",
        ] {
            assert_eq!(found(&link(good)), [], "{good}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com/",
            "javascript:alert(1)",
            "https://u:p@example.com/",
        ] {
            assert_found(&link(bad), "/link", "invalid_url");
        }
        for own in [
            "https://facebook.com/x",
            "https://m.FACEBOOK.com./x",
            "https://fb.com/x",
        ] {
            assert_found(&link(own), "/link", "link_to_facebook");
        }
        let both = Content {
            link: Some("https://example.com/".into()),
            ..photos(1)
        };
        assert_found(&both, "/link", "link_with_media");
    }

    #[test]
    fn what_has_no_room_should_be_refused_and_not_dropped() {
        let placed = |placement| Content {
            placement,
            ..Content::text("t")
        };
        assert_found(&placed(Placement::Reel), "/placement", NOT_SUPPORTED);
        assert_found(&placed(Placement::Story), "/placement", NOT_SUPPORTED);

        let with = |change: fn(&mut Media)| {
            let mut content = photos(2);
            change(&mut content.media[1]);
            content
        };
        let cases: [Case; 8] = [
            (
                |media| media.kind = MediaKind::Video,
                "/media/1",
                NOT_SUPPORTED,
            ),
            (
                |media| media.source = MediaSource::MediaId(MediaId::generate()),
                "/media/1/mediaId",
                NOT_SUPPORTED,
            ),
            (
                |media| media.thumbnail_url = Some(String::new()),
                "/media/1/thumbnailUrl",
                NOT_SUPPORTED,
            ),
            (
                |media| media.thumbnail_offset_ms = Some(1),
                "/media/1/thumbnailOffsetMs",
                NOT_SUPPORTED,
            ),
            (
                |media| {
                    let username = String::new();
                    media.user_tags = vec![UserTag {
                        username,
                        x: None,
                        y: None,
                    }];
                },
                "/media/1/userTags",
                NOT_SUPPORTED,
            ),
            (
                |media| media.source = MediaSource::Url("a.jpg".into()),
                "/media/1/url",
                "invalid_url",
            ),
            (
                |media| media.source = MediaSource::Url("https://u:p@cdn.example/a".into()),
                "/media/1/url",
                "invalid_url",
            ),
            (
                |media| media.source = MediaSource::Url("http://10.0.0.1/a".into()),
                "/media/1/url",
                "url_not_public",
            ),
        ];
        for (change, pointer, code) in cases {
            assert_found(&with(change), pointer, code);
        }
    }

    #[test]
    fn the_other_networks_options_should_be_refused() {
        let mut content = Content::text("t");
        content.options.instagram = Some(InstagramOptions::default());
        assert_found(&content, "/options/instagram", NOT_SUPPORTED);
        content.options.instagram = None;
        for (id, good) in [("123456", true), ("", false), ("12x", false)] {
            content.options.facebook = Some(FacebookOptions {
                place_id: Some(id.into()),
            });
            assert_eq!(check(&content).is_empty(), good, "{id}");
        }
    }

    #[test]
    fn everything_wrong_should_be_said_at_once() {
        let mut content = photos(11);
        content.placement = Placement::Story;
        content.link = Some("nowhere".into());
        content.first_comment = Some(String::new());
        content.media[10].kind = MediaKind::Video;
        let pointers: Vec<_> = check(&content).into_iter().map(|v| v.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/placement",
                "/link",
                "/link",
                "/media",
                "/media/10",
                "/firstComment"
            ]
        );
    }
}
