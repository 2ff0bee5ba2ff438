//! What Instagram takes, as data: one row each, with where it is known from.

use std::time::Duration;

use shareville_core::{
    media::JpegLimits,
    post::Placement,
    publisher::{Capabilities, PlacementLimits},
};

use crate::limit::Limit;

/// What a film's file must be.
#[derive(Debug)]
pub(super) struct FilmLimits {
    /// Where, for people.
    pub(super) place: &'static str,
    /// The shortest, in seconds.
    pub(super) min_seconds: u64,
    /// The longest, in seconds.
    pub(super) max_seconds: u64,
    pub(super) max_bytes: u64,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for whoever reads, and checked by a test")
    )]
    pub(super) source: &'static str,
}

const MEGABYTE: u64 = 1024 * 1024;

/// Characters of a caption.
pub(super) const CAPTION_CHARS: Limit = Limit {
    max: 2_200,
    source: "graph-api.md 6.1 (D-IGM)",
};

/// Hashtags of a caption.
pub(super) const HASHTAGS: Limit = Limit {
    max: 30,
    source: "graph-api.md 6.1 (D-IGM)",
};

/// People mentioned in a caption.
pub(super) const MENTIONS: Limit = Limit {
    max: 20,
    source: "graph-api.md 6.1 (D-IGM)",
};

/// Characters of a picture's alternative text.
pub(super) const ALT_TEXT_CHARS: Limit = Limit {
    max: 1_000,
    source: "graph-api.md 6.1 (D-IGM)",
};

/// Items of a carousel; it has at least two.
pub(super) const CAROUSEL_ITEMS: Limit = Limit {
    max: 10,
    source: "graph-api.md 6.1 (D-IGP; error 2207028); the app's own 20 are not the API's",
};

/// People invited to co-author.
pub(super) const COLLABORATORS: Limit = Limit {
    max: 3,
    source: "graph-api.md 6.1 (D-IGM)",
};

/// People marked on one item.
pub(super) const USER_TAGS: Limit = Limit {
    max: 20,
    source: "graph-api.md 8.4 (2207040, D-IGE)",
};

/// Characters of a comment.
pub(super) const COMMENT_CHARS: Limit = Limit {
    max: 2_200,
    source: "ours, as a caption's; graph-api.md 6.6 names none",
};

/// The file of a Reel, and so of a single film in the feed.
pub(super) const REEL: FilmLimits = FilmLimits {
    place: "a Reel",
    min_seconds: 3,
    max_seconds: 15 * 60,
    max_bytes: 300 * MEGABYTE,
    source: "graph-api.md 6.2 (D-IGM)",
};

/// The file of a film in a story.
pub(super) const STORY_FILM: FilmLimits = FilmLimits {
    place: "a story",
    min_seconds: 3,
    max_seconds: 60,
    max_bytes: 100 * MEGABYTE,
    source: "graph-api.md 6.2 (D-IGM)",
};

/// The file of a film in a carousel.
pub(super) const CAROUSEL_FILM: FilmLimits = FilmLimits {
    place: "a carousel",
    min_seconds: 3,
    max_seconds: 60,
    max_bytes: 300 * MEGABYTE,
    source: "graph-api.md 6.2: length from memory, size as a Reel's",
};

/// How wide a film may be, in pixels (graph-api.md 6.2, D-IGM).
pub(super) const FILM_WIDTH: u32 = 1_920;

/// How many frames a second a film may have (graph-api.md 6.2, D-IGM).
pub(super) const FILM_FRAMES: (f64, f64) = (23.0, 60.0);

/// A film's width by its height (graph-api.md 6.2, D-IGM).
pub(super) const FILM_RATIO: (f64, f64) = (0.01, 10.0);

/// The width by the height of a picture in the feed: 4:5 to 1.91:1 (graph-api.md 6.2, D-IGM).
pub(super) const PICTURE_RATIO: (f64, f64) = (0.8, 1.91);

/// The form of every picture (graph-api.md 6.2, D-IGM; 2207004).
pub(super) const PICTURE: JpegLimits = JpegLimits {
    max_bytes: 8 * MEGABYTE,
    min_width: 320,
    max_width: 1_440,
};

/// How long before its time a post with a film is prepared: Reels take up to several minutes (graph-api.md 6.4).
pub(super) const FILM_LEAD: Duration = Duration::from_secs(10 * 60);

/// How long before its time a post with pictures only is prepared: seconds each (graph-api.md 6.4, postiz#1562).
pub(super) const PICTURE_LEAD: Duration = Duration::from_secs(60);

/// All of it for programs.
pub(super) fn capabilities() -> Capabilities {
    let mut feed = PlacementLimits::of(Placement::Feed);
    feed.max_caption_chars = CAPTION_CHARS.max;
    feed.max_images = CAROUSEL_ITEMS.max;
    feed.max_videos = CAROUSEL_ITEMS.max;
    feed.max_alt_text_chars = ALT_TEXT_CHARS.max;
    feed.first_comment = true;
    let mut reel = PlacementLimits::of(Placement::Reel);
    reel.max_caption_chars = CAPTION_CHARS.max;
    reel.max_videos = 1;
    reel.first_comment = true;
    let mut story = PlacementLimits::of(Placement::Story);
    story.max_images = 1;
    story.max_videos = 1;
    let mut capabilities = Capabilities::default();
    capabilities.placements = vec![feed, reel, story];
    // Where the account came by Facebook's login; where it came by Instagram's own, deleting says that it cannot.
    capabilities.deletes_published = true;
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_should_name_its_source() {
        for limit in [
            CAPTION_CHARS,
            HASHTAGS,
            MENTIONS,
            ALT_TEXT_CHARS,
            CAROUSEL_ITEMS,
            COLLABORATORS,
            USER_TAGS,
            COMMENT_CHARS,
        ] {
            assert!(limit.max > 0 && !limit.source.is_empty());
        }
        for film in [REEL, STORY_FILM, CAROUSEL_FILM] {
            assert!(film.min_seconds < film.max_seconds && !film.source.is_empty());
        }
    }
}
