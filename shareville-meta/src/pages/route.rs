//! Which way a content goes to the Page.
//!
//! Source: graph-api.md 5.6, 5.7 (D-VID, D-REEL; field postiz#1740).

use shareville_core::{
    failure::{Failure, FailureClass},
    media::{Media, MediaFacts, MediaKind},
    post::{Content, Placement},
};

use super::limits::REEL_SECONDS;

/// The way of a content, as far as the content itself tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// A post of text, a link or photos.
    Post,
    /// A film in the feed: its shape says whether it is a Reel.
    Film,
    /// A Reel.
    Reel,
    /// A story of a photo.
    PhotoStory,
    /// A story of a film.
    VideoStory,
}

impl Route {
    pub(super) fn of(content: &Content) -> Self {
        let shows_film = content.media.first().map(|media| media.kind) == Some(MediaKind::Video);
        match (content.placement, shows_film) {
            (Placement::Feed, false) => Self::Post,
            (Placement::Feed, true) => Self::Film,
            (Placement::Reel, _) => Self::Reel,
            (Placement::Story, false) => Self::PhotoStory,
            (Placement::Story, true) => Self::VideoStory,
        }
    }
}

/// What a film in the feed becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Film {
    /// A video like any other.
    Video,
    /// A Reel. Sent as a video it would become a draft that waits for its owner, and nobody would be told.
    Reel,
    /// Nothing: it is vertical, and too long for a Reel.
    TooLong,
    /// Nobody knows: what was read does not tell its shape, or how long it lasts.
    Unknown,
}

impl Film {
    pub(super) fn of(facts: &MediaFacts) -> Self {
        match (facts.is_vertical(), facts.duration) {
            (Some(false), _) => Self::Video,
            (Some(true), Some(duration)) if duration.as_secs_f64() <= REEL_SECONDS.max => {
                Self::Reel
            }
            (Some(true), Some(_)) => Self::TooLong,
            (Some(true) | None, _) => Self::Unknown,
        }
    }
}

/// Why a vertical film that is longer than a Reel cannot be published.
pub(super) const TOO_LONG: &str = "A vertical video on a Page becomes a Reel, and a Reel lasts at most 90 seconds: \
                                   shorten it, or turn it to landscape.";

/// Why a film of unknown shape cannot be published in the feed.
pub(super) const UNREADABLE: &str = "The file does not tell how wide, how high and how long the video is, so nobody \
                                     knows whether it is a Reel: save it anew as MP4, or publish it with the placement \
                                     `reel`.";

/// The content's only film, or picture.
pub(super) fn only_medium(content: &Content) -> Result<&Media, Failure> {
    content.media.first().ok_or_else(|| {
        Failure::new(
            FailureClass::Content { retryable: false },
            "There is no medium to publish. Add one, then publish the post again.",
        )
    })
}
