//! Each rule at its limit and just beyond.

mod files;

use shareville_core::{
    id::MediaId,
    media::{Media, MediaSource, UserTag},
    post::{Content, FacebookOptions, InstagramOptions, Placement},
};

use super::{super::limits, NOT_SUPPORTED, check};

fn pictures(count: usize) -> Content {
    Content {
        media: vec![Media::image("https://cdn.example/a.jpg"); count],
        ..Content::default()
    }
}

fn film(placement: Placement) -> Content {
    Content {
        media: vec![Media::video("https://cdn.example/a.mp4")],
        placement,
        ..Content::default()
    }
}

/// Where and what, for all that is wrong.
fn found(content: &Content) -> Vec<(String, String)> {
    let wrong = check(content).into_iter();
    wrong.map(|v| (v.pointer, v.code)).collect()
}

fn assert_found(content: &Content, pointer: &str, code: &str) {
    let expected = [(pointer.to_owned(), code.to_owned())];
    assert_eq!(found(content), expected, "{content:?}");
}

fn with_options(content: Content, options: InstagramOptions) -> Content {
    let mut content = content;
    content.options.instagram = Some(options);
    content
}

fn tag(x: Option<f64>, y: Option<f64>) -> UserTag {
    UserTag {
        username: "ada.lovelace_1".into(),
        x,
        y,
    }
}

#[test]
fn each_limit_should_hold_and_one_more_should_not() {
    type Case = (fn(usize) -> Content, usize, &'static str, &'static str);
    let cases: [Case; 8] = [
        (
            |count| Content {
                caption: Some("ß".repeat(count)),
                ..pictures(1)
            },
            limits::CAPTION_CHARS.max,
            "/caption",
            "too_long",
        ),
        (
            |count| Content {
                caption: Some("#a ".repeat(count)),
                ..film(Placement::Reel)
            },
            limits::HASHTAGS.max,
            "/caption",
            "too_many_hashtags",
        ),
        (
            |count| Content {
                caption: Some("@a ".repeat(count)),
                ..pictures(2)
            },
            limits::MENTIONS.max,
            "/caption",
            "too_many_mentions",
        ),
        (
            |count| {
                let mut content = pictures(2);
                content.media[1].alt_text = Some("ß".repeat(count));
                content
            },
            limits::ALT_TEXT_CHARS.max,
            "/media/1/altText",
            "too_long",
        ),
        (pictures, limits::CAROUSEL_ITEMS.max, "/media", "too_many"),
        (
            |count| {
                let collaborators = vec!["ada".to_owned(); count];
                let options = InstagramOptions {
                    collaborators,
                    ..InstagramOptions::default()
                };
                with_options(pictures(3), options)
            },
            limits::COLLABORATORS.max,
            "/options/instagram/collaborators",
            "too_many",
        ),
        (
            |count| {
                let mut content = pictures(1);
                content.media[0].user_tags = vec![tag(Some(0.0), Some(1.0)); count];
                content
            },
            limits::USER_TAGS.max,
            "/media/0/userTags",
            "too_many",
        ),
        (
            |count| Content {
                first_comment: Some("ß".repeat(count)),
                ..pictures(1)
            },
            limits::COMMENT_CHARS.max,
            "/firstComment",
            "too_long",
        ),
    ];
    for (content, most, pointer, code) in cases {
        assert_eq!(found(&content(most)), [], "{pointer}");
        assert_found(&content(most + 1), pointer, code);
    }
}

#[test]
fn a_post_should_show_something_and_no_more_than_fits() {
    for placement in [Placement::Feed, Placement::Reel, Placement::Story] {
        let nothing = Content {
            placement,
            ..Content::default()
        };
        assert_found(&nothing, "/media", "required");
        assert_eq!(found(&film(placement)), []);
    }
    assert_found(&Content::text(" "), "/media", "required");
    for placement in [Placement::Reel, Placement::Story] {
        let mut two = film(placement);
        two.media.push(two.media[0].clone());
        assert_found(&two, "/media", "too_many");
    }
    let mut mixed = pictures(9);
    mixed.media.extend(film(Placement::Feed).media);
    assert_eq!(found(&mixed), []);
    let still = Content {
        placement: Placement::Reel,
        ..pictures(1)
    };
    assert_found(&still, "/media/0", NOT_SUPPORTED);
}

#[test]
fn what_has_no_room_should_be_refused_and_not_dropped() {
    type Case = (fn(&mut Content), &'static str);
    let anywhere: [Case; 2] = [
        (
            |content| content.link = Some("https://example.com".into()),
            "/link",
        ),
        (
            |content| content.options.facebook = Some(FacebookOptions::default()),
            "/options/facebook",
        ),
    ];
    let in_a_story: [Case; 8] = [
        (|content| content.caption = Some("x".into()), "/caption"),
        (
            |content| content.first_comment = Some("x".into()),
            "/firstComment",
        ),
        (
            |content| content.media[0].alt_text = Some("x".into()),
            "/media/0/altText",
        ),
        (
            |content| content.media[0].user_tags = vec![tag(Some(0.5), Some(0.5))],
            "/media/0/userTags",
        ),
        (
            |content| content.media[0].thumbnail_offset_ms = Some(1),
            "/media/0/thumbnailOffsetMs",
        ),
        (
            |content| instagram(content).location_id = Some("7".into()),
            "/options/instagram/locationId",
        ),
        (
            |content| instagram(content).collaborators = vec!["ada".into()],
            "/options/instagram/collaborators",
        ),
        (
            |content| instagram(content).share_to_feed = Some(true),
            "/options/instagram/shareToFeed",
        ),
    ];
    for (add, pointer) in anywhere {
        for mut content in [pictures(1), film(Placement::Reel), film(Placement::Story)] {
            add(&mut content);
            assert_found(&content, pointer, NOT_SUPPORTED);
        }
    }
    for (add, pointer) in in_a_story {
        let mut content = film(Placement::Story);
        add(&mut content);
        assert_found(&content, pointer, NOT_SUPPORTED);
    }
}

fn instagram(content: &mut Content) -> &mut InstagramOptions {
    content.options.instagram.get_or_insert_default()
}

#[test]
fn a_reel_alone_should_have_a_cover_and_only_one() {
    let url = "https://cdn.example/cover.jpg";
    for placement in [Placement::Feed, Placement::Reel] {
        let mut content = film(placement);
        content.media[0].thumbnail_url = Some(url.into());
        assert_eq!(found(&content), []);
        content.media[0].thumbnail_offset_ms = Some(1_000);
        assert_found(&content, "/media/0/thumbnailOffsetMs", "cover_twice");
        content.media[0].thumbnail_url = None;
        assert_eq!(found(&content), []);
        content.media[0].thumbnail_offset_ms = None;
        content.media[0].thumbnail_url = Some("http://localhost/cover.jpg".into());
        assert_found(&content, "/media/0/thumbnailUrl", "url_not_public");
    }
    let mut mixed = pictures(1);
    mixed.media.extend(film(Placement::Feed).media);
    mixed.media[1].thumbnail_url = Some(url.into());
    assert_found(&mixed, "/media/1/thumbnailUrl", NOT_SUPPORTED);
    let mut picture = pictures(1);
    picture.media[0].thumbnail_offset_ms = Some(0);
    assert_found(&picture, "/media/0/thumbnailOffsetMs", NOT_SUPPORTED);
}

#[test]
fn people_should_stand_at_a_place_on_pictures_and_at_none_on_films() {
    for (x, y, wrong) in [
        (Some(0.0), Some(1.0), None),
        (None, Some(0.5), Some(("x", "required"))),
        (Some(0.5), None, Some(("y", "required"))),
        (Some(1.01), Some(0.5), Some(("x", "out_of_range"))),
        (Some(0.5), Some(-0.01), Some(("y", "out_of_range"))),
        (Some(0.5), Some(f64::NAN), Some(("y", "out_of_range"))),
    ] {
        let mut content = pictures(1);
        content.media[0].user_tags = vec![tag(x, y)];
        match wrong {
            Some((name, code)) => {
                assert_found(&content, &format!("/media/0/userTags/0/{name}"), code);
            }
            None => assert_eq!(found(&content), []),
        }
    }
    let mut content = film(Placement::Reel);
    content.media[0].user_tags = vec![tag(None, None)];
    assert_eq!(found(&content), []);
    content.media[0].user_tags = vec![tag(Some(0.5), None)];
    assert_found(&content, "/media/0/userTags/0/x", NOT_SUPPORTED);
}

#[test]
fn names_and_places_should_be_what_they_are_given_for() {
    for (name, good) in [
        ("ada.lovelace_1", true),
        (&"a".repeat(30), true),
        (&"a".repeat(31), false),
        ("@ada", false),
        ("", false),
        ("größe", false),
    ] {
        let mut content = film(Placement::Reel);
        instagram(&mut content).collaborators = vec![name.into()];
        content.media[0].user_tags = vec![UserTag {
            username: name.into(),
            x: None,
            y: None,
        }];
        let expected = match good {
            true => vec![],
            false => vec![
                "/media/0/userTags/0/username",
                "/options/instagram/collaborators/0",
            ],
        };
        let pointers: Vec<_> = check(&content).into_iter().map(|v| v.pointer).collect();
        assert_eq!(pointers, expected, "{name}");
    }
    for (id, good) in [("1234567890", true), ("", false), ("Paris", false)] {
        let mut content = pictures(1);
        instagram(&mut content).location_id = Some(id.into());
        assert_eq!(check(&content).is_empty(), good, "{id}");
    }
}

#[test]
fn a_film_in_the_feed_should_show_there() {
    for (content, share, good) in [
        (film(Placement::Reel), true, true),
        (film(Placement::Reel), false, true),
        (film(Placement::Feed), true, true),
        (film(Placement::Feed), false, false),
        (pictures(1), true, false),
        (pictures(2), false, false),
    ] {
        let mut content = content;
        instagram(&mut content).share_to_feed = Some(share);
        match good {
            true => assert_eq!(found(&content), []),
            false => assert_found(&content, "/options/instagram/shareToFeed", NOT_SUPPORTED),
        }
    }
}

#[test]
fn media_should_be_uploaded_or_where_everybody_can_fetch_them() {
    let mut content = pictures(1);
    for (url, code) in [
        ("photo.jpg", "invalid_url"),
        ("https://u:p@cdn.example/a.jpg", "invalid_url"),
        ("http://192.168.0.7/a.jpg", "url_not_public"),
    ] {
        content.media[0].source = MediaSource::Url(url.into());
        assert_found(&content, "/media/0/url", code);
    }
    content.media[0].source = MediaSource::MediaId(MediaId::generate());
    assert_eq!(found(&content), []);
}

#[test]
fn everything_wrong_should_be_said_at_once() {
    let mut content = pictures(11);
    content.caption = Some("x".repeat(2_201));
    content.link = Some("https://example.com".into());
    content.media[10].source = MediaSource::Url("nowhere".into());
    content.first_comment = Some(String::new());
    instagram(&mut content).location_id = Some("Paris".into());
    let pointers: Vec<_> = check(&content).into_iter().map(|v| v.pointer).collect();
    assert_eq!(
        pointers,
        [
            "/caption",
            "/link",
            "/media",
            "/media/10/url",
            "/options/instagram/locationId",
            "/firstComment"
        ]
    );
}
