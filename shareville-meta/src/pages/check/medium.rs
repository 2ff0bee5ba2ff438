//! What is wrong with one medium, by what the post says of it.

use shareville_core::{
    media::{Media, MediaKind, MediaSource},
    publisher::PlacementLimits,
    violation::Violation,
};

use super::{NOT_PUBLIC, NOT_SUPPORTED, no_room, too_long};
use crate::address::{self, Address};

/// What is wrong with it, seen from it.
pub(super) fn check(media: &Media, room: &PlacementLimits) -> Vec<Violation> {
    let mut found = Vec::new();
    if room.max_media(media.kind) == 0 {
        found.push(no_room("", room.placement, "photos"));
    }
    found.extend(source(media));
    found.extend(alt_text(media, room));
    let (cover, people) = match media.kind {
        MediaKind::Image => (
            "A photo has no cover",
            "People cannot be marked on a Page's photos",
        ),
        MediaKind::Video => (
            "Facebook chooses the cover of a Page's video by itself",
            "People cannot be marked on a Page's videos",
        ),
    };
    let refused = [
        (media.thumbnail_url.is_some(), "/thumbnailUrl", cover),
        (
            media.thumbnail_offset_ms.is_some(),
            "/thumbnailOffsetMs",
            cover,
        ),
        (!media.user_tags.is_empty(), "/userTags", people),
    ];
    for (_, pointer, why) in refused.iter().filter(|(given, ..)| *given) {
        found.push(Violation::new(
            *pointer,
            NOT_SUPPORTED,
            format!("{why}: leave this out."),
        ));
    }
    found
}

fn alt_text(media: &Media, room: &PlacementLimits) -> Option<Violation> {
    const POINTER: &str = "/altText";
    let text = media.alt_text.as_deref()?;
    match (media.kind, room.max_alt_text_chars) {
        (MediaKind::Video, _) => Some(Violation::new(
            POINTER,
            NOT_SUPPORTED,
            "A video on Facebook has no room for an alternative text: leave it out.",
        )),
        (MediaKind::Image, 0) => Some(no_room(POINTER, room.placement, "an alternative text")),
        (MediaKind::Image, most) => too_long(POINTER, "The alternative text", text, most),
    }
}

fn source(media: &Media) -> Option<Violation> {
    let MediaSource::Url(url) = &media.source else {
        return None;
    };
    let (what, example) = match media.kind {
        MediaKind::Image => ("photo", "photo.jpg"),
        MediaKind::Video => ("video", "video.mp4"),
    };
    let (code, message) = match address::read(url) {
        Address::Malformed => (
            "invalid_url",
            format!(
                "A {what}'s address must be a whole http or https address, such as https://example.com/{example}."
            ),
        ),
        Address::WithCredentials => (
            "invalid_url",
            format!(
                "A {what}'s address must not carry a user name or password: Facebook fetches it without a login."
            ),
        ),
        Address::Http { public: false, .. } => (
            NOT_PUBLIC,
            format!(
                "Facebook cannot reach this address: a {what} must be where everybody can fetch it."
            ),
        ),
        Address::Http { .. } => return None,
    };
    Some(Violation::new("/url", code, message))
}
