//! One medium.

use shareville_core::{
    media::{Media, MediaKind, MediaSource, UserTag},
    post::{Content, Placement},
    violation::Violation,
};

use super::{
    super::limits::{ALT_TEXT_CHARS, USER_TAGS},
    NOT_PUBLIC, is_reel, no_room, too_long, too_many,
};
use crate::address::{self, Address};

/// What is wrong with one medium, seen from it.
pub(super) fn check(content: &Content, media: &Media) -> Vec<Violation> {
    let mut found = Vec::new();
    if content.placement == Placement::Reel && media.kind == MediaKind::Image {
        found.push(no_room(
            "",
            "A Reel is a film: give a video, or publish the picture with `feed` or `story`.",
        ));
    }
    if let MediaSource::Url(url) = &media.source {
        found.extend(web_address("/url", url));
    }
    found.extend(alt_text(content, media));
    found.extend(cover(content, media));
    found.extend(people(content, media));
    found
}

fn web_address(pointer: &str, url: &str) -> Option<Violation> {
    let (code, message) = match address::read(url) {
        Address::Malformed => (
            "invalid_url",
            "An address must be a whole http or https address, such as https://example.com/photo.jpg.",
        ),
        Address::WithCredentials => (
            "invalid_url",
            "An address must not carry a user name or password: Instagram fetches it without a login.",
        ),
        Address::Http { public: false, .. } => (
            NOT_PUBLIC,
            "Instagram cannot reach this address: media must be where everybody can fetch them.",
        ),
        Address::Http { .. } => return None,
    };
    Some(Violation::new(pointer, code, message))
}

fn alt_text(content: &Content, media: &Media) -> Option<Violation> {
    let text = media.alt_text.as_deref();
    let text = text.filter(|text| !text.trim().is_empty())?;
    let why = match (content.placement, media.kind) {
        (Placement::Story, _) => "A story has no alternative text: leave it out.",
        (_, MediaKind::Video) => "A film has no alternative text: leave it out.",
        (_, MediaKind::Image) => {
            return too_long("/altText", "The alternative text", text, &ALT_TEXT_CHARS);
        }
    };
    Some(no_room("/altText", why))
}

/// Only a Reel has a cover; of a picture and a moment the picture would win in silence.
fn cover(content: &Content, media: &Media) -> Vec<Violation> {
    let (url, offset) = (media.thumbnail_url.as_deref(), media.thumbnail_offset_ms);
    if is_reel(content) && media.kind == MediaKind::Video {
        let mut found = Vec::from_iter(url.and_then(|url| web_address("/thumbnailUrl", url)));
        if url.is_some() && offset.is_some() {
            found.push(Violation::new(
                "/thumbnailOffsetMs",
                "cover_twice",
                "A cover is either a picture (`thumbnailUrl`) or a moment of the film (`thumbnailOffsetMs`): leave one \
                 out.",
            ));
        }
        return found;
    }
    let why = "Only a Reel, or a film alone in the feed, has a cover: leave this out.";
    let given = [
        (url.is_some(), "/thumbnailUrl"),
        (offset.is_some(), "/thumbnailOffsetMs"),
    ];
    let given = given.iter().filter(|(given, _)| *given);
    given.map(|(_, pointer)| no_room(pointer, why)).collect()
}

fn people(content: &Content, media: &Media) -> Vec<Violation> {
    if media.user_tags.is_empty() {
        return Vec::new();
    }
    if content.placement == Placement::Story {
        return vec![no_room(
            "/userTags",
            "People cannot be marked on a story from here: leave this out.",
        )];
    }
    let count = media.user_tags.len();
    let too_many = too_many("/userTags", "too_many", "people marked", count, &USER_TAGS);
    let mut found = Vec::from_iter(too_many);
    for (index, tag) in media.user_tags.iter().enumerate() {
        let wrong = person(media.kind, tag).into_iter();
        found.extend(wrong.map(|v| v.under(&format!("/userTags/{index}"))));
    }
    found
}

/// On a picture one stands at a place, on a film nowhere in particular.
fn person(kind: MediaKind, tag: &UserTag) -> Vec<Violation> {
    let mut found = Vec::from_iter(user_name("/username", &tag.username));
    for (pointer, place) in [("/x", tag.x), ("/y", tag.y)] {
        let within = place.is_some_and(|place| (0.0..=1.0).contains(&place));
        match (kind, place) {
            (MediaKind::Image, None) => found.push(Violation::new(
                pointer,
                "required",
                "On a picture a person is marked at a place: give `x` and `y`, 0 to 1 from the left and from the top.",
            )),
            (MediaKind::Image, Some(_)) if !within => found.push(Violation::new(
                pointer,
                "out_of_range",
                "A place on a picture is given as 0 to 1 from the left and from the top.",
            )),
            (MediaKind::Video, Some(_)) => found.push(no_room(
                pointer,
                "On a film people are marked without a place: leave `x` and `y` out.",
            )),
            _ => {}
        }
    }
    found
}

/// A name as Instagram has them: up to 30 letters, digits, periods and underscores.
pub(super) fn user_name(pointer: &str, name: &str) -> Option<Violation> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let good = (1..=30).contains(&name.len()) && name.chars().all(fits);
    (!good).then(|| {
        Violation::new(
            pointer,
            "invalid_username",
            "A person is named by their Instagram user name, without @: up to 30 letters, digits, periods and underscores.",
        )
    })
}
