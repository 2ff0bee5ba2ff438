//! All that is wrong with a post for a Page, each with where, what, and how to mend it.

mod file;
mod medium;
#[cfg(test)]
mod tests;

use shareville_core::{
    media::{Media, MediaKind},
    post::{Content, Placement},
    publisher::PlacementLimits,
    violation::Violation,
};

pub(super) use self::file::check_media;
use super::{
    limits::{self, COMMENT_CHARS},
    route::Route,
};
use crate::address::{self, Address};

/// What Facebook has no room for.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

/// A medium stands where not everybody can fetch it.
pub(super) const NOT_PUBLIC: &str = "url_not_public";

pub(super) fn check(content: &Content) -> Vec<Violation> {
    let room = limits::of(content.placement);
    let mut found = Vec::new();
    found.extend(caption(content, &room));
    found.extend(link(content, &room));
    found.extend(media_count(content, &room));
    for (index, item) in content.media.iter().enumerate() {
        found.extend(
            medium::check(item, &room)
                .into_iter()
                .map(|v| v.under(&format!("/media/{index}"))),
        );
    }
    found.extend(options(content));
    found.extend(first_comment(content, &room));
    found
}

/// What a placement is called.
const fn name(placement: Placement) -> &'static str {
    match placement {
        Placement::Feed => "A post",
        Placement::Reel => "A Reel",
        Placement::Story => "A story",
    }
}

fn no_room(pointer: &str, placement: Placement, what: &str) -> Violation {
    let name = name(placement);
    Violation::new(
        pointer,
        NOT_SUPPORTED,
        format!("{name} on Facebook has no room for {what}: leave it out."),
    )
}

fn caption(content: &Content, room: &PlacementLimits) -> Option<Violation> {
    let caption = content.caption.as_deref().unwrap_or_default();
    let is_blank = caption.trim().is_empty();
    if room.text_alone && is_blank && content.link.is_none() && content.media.is_empty() {
        return Some(Violation::new(
            "/caption",
            "required",
            "There is nothing to publish: give a caption, a link, one to ten photos, or a video.",
        ));
    }
    if room.max_caption_chars == 0 {
        return (!is_blank).then(|| no_room("/caption", content.placement, "a caption"));
    }
    too_long("/caption", "The caption", caption, room.max_caption_chars)
}

fn too_long(pointer: &str, what: &str, text: &str, most: usize) -> Option<Violation> {
    let chars = text.chars().count();
    (chars > most).then(|| {
        Violation::new(
            pointer,
            "too_long",
            format!("{what} has {chars} characters; Facebook takes at most {most}."),
        )
    })
}

fn link(content: &Content, room: &PlacementLimits) -> Vec<Violation> {
    let Some(link) = &content.link else {
        return Vec::new();
    };
    if !room.links {
        return vec![no_room("/link", content.placement, "a link")];
    }
    let mut found = Vec::from_iter(link_address(link));
    // Facebook ignores the link of a post with media; a link that vanishes in silence is worse than a refusal.
    if !content.media.is_empty() {
        found.push(Violation::new(
            "/link",
            "link_with_media",
            "Facebook shows either a link or photos and videos: leave one out, or put the link into the caption.",
        ));
    }
    found
}

fn link_address(link: &str) -> Option<Violation> {
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

/// How many media there are, and of which kinds.
fn media_count(content: &Content, room: &PlacementLimits) -> Vec<Violation> {
    let mut found = Vec::new();
    let of = |kind| {
        content
            .media
            .iter()
            .filter(|item| item.kind == kind)
            .count()
    };
    let (images, videos) = (of(MediaKind::Image), of(MediaKind::Video));
    let has_room = |item: &Media| room.max_media(item.kind) > 0;
    if !room.text_alone && !content.media.iter().any(has_room) {
        let what = match content.placement {
            Placement::Story => "A story shows one photo or one video: add one.",
            Placement::Reel | Placement::Feed => "A Reel shows one video: add one.",
        };
        found.push(Violation::new("/media", "required", what));
    }
    for (count, most, what) in [
        (images, room.max_images, "photos"),
        (videos, room.max_videos, "videos"),
    ] {
        // Where there is room for none, each of them is told.
        if count > most && most > 0 {
            let name = name(content.placement);
            found.push(Violation::new(
                "/media",
                "too_many",
                format!("There are {count} {what}; {name} takes at most {most}."),
            ));
        }
    }
    if images > 0 && videos > 0 && room.max_images > 0 {
        found.push(Violation::new(
            "/media",
            "mixed_media",
            "Facebook shows either photos or a video: make two posts of them.",
        ));
    }
    found
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
    let options = content.options.facebook.as_ref();
    if let Some(id) = options.and_then(|options| options.place_id.as_deref()) {
        found.extend(place(id, content));
    }
    found
}

fn place(id: &str, content: &Content) -> Option<Violation> {
    const POINTER: &str = "/options/facebook/placeId";
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) {
        return Some(Violation::new(
            POINTER,
            "invalid_id",
            "A place is named by its Page id, which has digits only.",
        ));
    }
    match Route::of(content) {
        Route::Post | Route::Reel => None,
        Route::Film => Some(Violation::new(
            POINTER,
            NOT_SUPPORTED,
            "A video in the feed has no room for a place: leave it out, or publish a Reel.",
        )),
        Route::PhotoStory | Route::VideoStory => {
            Some(no_room(POINTER, content.placement, "a place"))
        }
    }
}

fn first_comment(content: &Content, room: &PlacementLimits) -> Option<Violation> {
    let comment = content.first_comment.as_deref()?;
    if !room.first_comment {
        return Some(no_room("/firstComment", content.placement, "comments"));
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
        COMMENT_CHARS.max,
    )
}
