//! What the network takes, as its capabilities say.
//!
//! Each behaviour is async like all the others, so that one macro runs them.
#![allow(clippy::unused_async)]

use super::{Harness, limits};
use crate::{
    media::{Media, MediaKind},
    post::{Content, Placement},
};

fn codes_at(on: &impl Harness, content: &Content, pointer: &str) -> usize {
    let wrong = on.publisher().check(content);
    let there = wrong.iter().filter(|it| it.pointer.starts_with(pointer));
    there.count()
}

/// The harness's own content passes.
pub async fn should_find_nothing_wrong_with_what_it_takes(on: &impl Harness) {
    assert_eq!(on.publisher().check(&on.content()), []);
    assert!(!on.publisher().capabilities().placements.is_empty());
}

/// A caption may have as many characters as the capabilities say, and not one more.
pub async fn should_take_a_caption_of_just_the_limit(on: &impl Harness) {
    let content = on.content();
    let Some(limits) = limits(on, content.placement) else {
        panic!("the content's own placement is not among the capabilities");
    };
    // Two bytes each, so that characters are counted and not bytes.
    let with = |count: usize| Content {
        caption: Some("é".repeat(count)),
        ..content.clone()
    };
    let most = limits.max_caption_chars;
    if most > 0 {
        assert_eq!(on.publisher().check(&with(most)), []);
    }
    assert!(codes_at(on, &with(most + 1), "/caption") > 0);
}

/// As many pictures as the capabilities say, and not one more.
pub async fn should_take_media_up_to_the_limit(on: &impl Harness) {
    for limits in &on.publisher().capabilities().placements {
        let with = |kind: MediaKind, count: usize| Content {
            caption: None,
            link: None,
            placement: limits.placement,
            media: (0..count)
                .map(|index| match kind {
                    MediaKind::Image => Media::image(format!("https://media.example/{index}.jpg")),
                    MediaKind::Video => Media::video(format!("https://media.example/{index}.mp4")),
                })
                .collect(),
            ..Content::default()
        };
        for kind in [MediaKind::Image, MediaKind::Video] {
            let most = limits.max_media(kind);
            if most > 0 {
                let taken = on.publisher().check(&with(kind, most));
                assert_eq!(taken, [], "{most} of {kind:?} in {:?}", limits.placement);
            }
            assert!(
                codes_at(on, &with(kind, most + 1), "/media") > 0,
                "{} of {kind:?} are too many in {:?}",
                most + 1,
                limits.placement
            );
        }
    }
}

/// A placement the network does not have is refused, not replaced.
pub async fn should_refuse_what_a_placement_has_no_room_for(on: &impl Harness) {
    for placement in [Placement::Feed, Placement::Reel, Placement::Story] {
        let content = Content {
            placement,
            first_comment: Some("First!".to_owned()),
            ..on.content()
        };
        match limits(on, placement) {
            None => assert!(codes_at(on, &content, "/placement") > 0),
            Some(limits) if !limits.first_comment => {
                assert!(codes_at(on, &content, "/firstComment") > 0);
            }
            Some(_) => assert_eq!(codes_at(on, &content, "/firstComment"), 0),
        }
    }
}

/// Two things wrong are two violations, each with a pointer, a code and a message.
pub async fn should_name_all_violations_at_once(on: &impl Harness) {
    let content = on.content();
    let Some(limits) = limits(on, content.placement) else {
        panic!("the content's own placement is not among the capabilities");
    };
    let wrong = on.publisher().check(&Content {
        caption: Some("x".repeat(limits.max_caption_chars + 1)),
        media: (0..=limits.max_images)
            .map(|index| Media::image(format!("https://media.example/{index}.jpg")))
            .collect(),
        ..content
    });
    for pointer in ["/caption", "/media"] {
        let found = wrong.iter().find(|it| it.pointer.starts_with(pointer));
        let found = found.unwrap_or_else(|| panic!("{pointer} is wrong too: {wrong:?}"));
        assert!(!found.code.is_empty() && !found.message.is_empty());
    }
}
