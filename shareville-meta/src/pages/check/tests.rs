//! What a Page takes, and what it does not.

use shareville_core::{
    id::MediaId,
    media::{Media, MediaKind, MediaSource, UserTag},
    post::{Content, FacebookOptions, InstagramOptions, Placement},
};

use super::{
    super::limits::{ALT_TEXT_CHARS, CAPTION_CHARS, COMMENT_CHARS, PHOTOS},
    NOT_SUPPORTED, check,
};

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
    let with = |change: fn(&mut Media)| {
        let mut content = photos(2);
        change(&mut content.media[1]);
        content
    };
    let cases: [Case; 7] = [
        (
            |media| media.kind = MediaKind::Video,
            "/media",
            "mixed_media",
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

/// A film in a placement.
fn film(placement: Placement) -> Content {
    Content {
        placement,
        media: vec![Media::video("https://cdn.example/a.mp4")],
        ..Content::default()
    }
}

fn story_of_photo() -> Content {
    Content {
        placement: Placement::Story,
        ..photos(1)
    }
}

#[test]
fn films_and_uploads_should_be_taken_in_every_placement() {
    for placement in [Placement::Feed, Placement::Reel, Placement::Story] {
        let mut content = film(placement);
        assert_eq!(found(&content), [], "{placement:?}");
        content.media[0].source = MediaSource::MediaId(MediaId::generate());
        assert_eq!(found(&content), [], "{placement:?}");
        content.media.push(content.media[0].clone());
        assert_found(&content, "/media", "too_many");
    }
    for placement in [Placement::Feed, Placement::Story] {
        let mut content = photos(1);
        content.placement = placement;
        content.media[0].source = MediaSource::MediaId(MediaId::generate());
        assert_eq!(found(&content), [], "{placement:?}");
    }
}

#[test]
fn reels_and_stories_should_show_what_they_have_room_for() {
    let placed = |placement| Content {
        placement,
        ..Content::default()
    };
    assert_found(&placed(Placement::Reel), "/media", "required");
    assert_found(&placed(Placement::Story), "/media", "required");
    let of_photo = Content {
        placement: Placement::Reel,
        ..photos(1)
    };
    assert_eq!(
        found(&of_photo),
        [
            ("/media".to_owned(), "required".to_owned()),
            ("/media/0".to_owned(), NOT_SUPPORTED.to_owned())
        ]
    );
    let mut two = story_of_photo();
    two.media.push(two.media[0].clone());
    assert_found(&two, "/media", "too_many");
    let mut mixed = film(Placement::Story);
    mixed.media.push(Media::image("https://cdn.example/a.jpg"));
    assert_found(&mixed, "/media", "mixed_media");
}

#[test]
fn what_a_story_has_no_room_for_should_be_refused() {
    let full = |mut content: Content| {
        content.caption = Some("t".into());
        content.link = Some("https://example.com/".into());
        content.first_comment = Some("c".into());
        content.options.facebook = Some(FacebookOptions {
            place_id: Some("7".into()),
        });
        content.media[0].alt_text = Some("a".into());
        let pointers = found(&content).into_iter();
        let refused = pointers.filter(|(_, code)| code == NOT_SUPPORTED);
        refused.map(|(pointer, _)| pointer).collect::<Vec<_>>()
    };
    let all = [
        "/caption",
        "/link",
        "/media/0/altText",
        "/options/facebook/placeId",
        "/firstComment",
    ];
    assert_eq!(full(story_of_photo()), all);
    assert_eq!(full(film(Placement::Story)), all);
    assert_eq!(
        full(film(Placement::Reel)),
        ["/link", "/media/0/altText"],
        "a Reel takes the rest"
    );
    assert_eq!(
        full(film(Placement::Feed)),
        ["/media/0/altText", "/options/facebook/placeId"]
    );
}

#[test]
fn a_film_should_have_no_cover_of_ones_own() {
    for placement in [Placement::Feed, Placement::Reel, Placement::Story] {
        let mut content = film(placement);
        content.media[0].thumbnail_offset_ms = Some(1);
        assert_found(&content, "/media/0/thumbnailOffsetMs", NOT_SUPPORTED);
        content.media[0].thumbnail_offset_ms = None;
        content.media[0].thumbnail_url = Some("https://cdn.example/a.jpg".into());
        assert_found(&content, "/media/0/thumbnailUrl", NOT_SUPPORTED);
    }
}

#[test]
fn everything_wrong_should_be_said_at_once() {
    let mut content = photos(11);
    content.link = Some("nowhere".into());
    content.first_comment = Some(String::new());
    content.media[10].kind = MediaKind::Video;
    content.media[10].alt_text = Some("a".into());
    content.media.push(content.media[10].clone());
    content.media.push(Media::image("a.jpg"));
    let pointers: Vec<_> = check(&content).into_iter().map(|v| v.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/link",
            "/link",
            "/media",
            "/media",
            "/media",
            "/media/10/altText",
            "/media/11/altText",
            "/media/12/url",
            "/firstComment"
        ]
    );
}
