//! What a Page takes, as data: one row each, with where it is known from.

use std::time::Duration;

use shareville_core::{
    media::{JpegLimits, MediaFacts, MediaFormat},
    post::Placement,
    publisher::{Capabilities, PlacementLimits},
};

use crate::limit::Limit;

/// Numbers between which something must lie.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) min: f64,
    pub(super) max: f64,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for whoever reads, and checked by a test")
    )]
    pub(super) source: &'static str,
}

impl Span {
    pub(super) fn contains(&self, number: f64) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

/// Characters of a caption.
pub(super) const CAPTION_CHARS: Limit = Limit {
    max: 63_206,
    source: "graph-api.md 5.1 (POSTIZ); none is documented for the text of a film",
};

/// Photos of a post.
pub(super) const PHOTOS: Limit = Limit {
    max: 10,
    source: "graph-api.md 5.3: ten verified by PROBE, no maximum documented",
};

/// Films of a post.
pub(super) const VIDEOS: Limit = Limit {
    max: 1,
    source: "graph-api.md 5.6, 5.7, 5.8 (D-VID, D-REEL, D-STORY): one film each",
};

/// Characters of a photo's alternative text. Meta documents none for Pages: this is ours, and Instagram's.
pub(super) const ALT_TEXT_CHARS: Limit = Limit {
    max: 1_000,
    source: "ours; graph-api.md 6.1 (D-IGM) has it for Instagram",
};

/// Characters of a comment.
pub(super) const COMMENT_CHARS: Limit = Limit {
    max: 8_000,
    source: "Facebook's own comment box; no Graph API page names one",
};

/// Bytes of a photo.
pub(super) const PHOTO_BYTES: Limit = Limit {
    max: 10_000_000,
    source: "graph-api.md 5.2 (D-FEED): under 10 MB",
};

/// Bytes that a photo should have at the most: a bigger one that was uploaded to us is made smaller.
pub(super) const PHOTO_AIM_BYTES: Limit = Limit {
    max: 4_000_000,
    source: "graph-api.md 5.2: the text of 1366046 speaks of 4 MB",
};

/// Seconds of a Reel.
pub(super) const REEL_SECONDS: Span = Span {
    min: 3.0,
    max: 90.0,
    source: "graph-api.md 5.7 (D-REEL); 1363128",
};

/// Frames in a second of a Reel. What is written as 24 or 60 may be 23.976 or 60.01 in the file.
pub(super) const REEL_FRAME_RATE: Span = Span {
    min: 23.9,
    max: 60.1,
    source: "graph-api.md 5.7 (D-REEL): 24 to 60; 1363129; the tenth is ours",
};

/// Width by height of a Reel, and of a film in a story.
pub(super) const TALL_RATIO: Span = Span {
    min: 9.0 / 16.0 - 0.01,
    max: 9.0 / 16.0 + 0.01,
    source: "graph-api.md 5.7, 5.8 (D-REEL, D-STORY): 9:16; 1363040; the hundredth is ours, for odd pixels",
};

/// The least pixels of a Reel's width.
pub(super) const REEL_WIDTH: Span = Span {
    min: 540.0,
    max: f64::INFINITY,
    source: "graph-api.md 5.7 (D-REEL); 1363127",
};

/// The least pixels of a Reel's height.
pub(super) const REEL_HEIGHT: Span = Span {
    min: 960.0,
    max: f64::INFINITY,
    source: "graph-api.md 5.7 (D-REEL); 1363127",
};

/// Seconds of a film in a story.
pub(super) const STORY_SECONDS: Span = Span {
    min: 0.0,
    max: 60.0,
    source: "graph-api.md 5.8 (D-STORY): longer gets cut or refused",
};

/// The formats of photos.
///
/// Source: graph-api.md 5.2 (D-FEED).
pub(super) const PHOTO_FORMATS: [MediaFormat; 5] = [
    MediaFormat::Jpeg,
    MediaFormat::Png,
    MediaFormat::Gif,
    MediaFormat::Bmp,
    MediaFormat::Tiff,
];

/// The formats of Reels.
///
/// Source: graph-api.md 5.7 (D-REEL).
pub(super) const REEL_FORMATS: [MediaFormat; 1] = [MediaFormat::Mp4];

/// What an uploaded picture is made into where it cannot go as it is. The width is ours: Facebook shows no more.
pub(super) const JPEG: JpegLimits = JpegLimits {
    max_bytes: 4_000_000,
    min_width: 1,
    max_width: 2_048,
};

/// How long before its time a post with photos is prepared: Facebook fetches them one after the other.
pub(super) const PHOTO_LEAD: Duration = Duration::from_secs(30);

/// How long before its time a film is prepared.
pub(super) const VIDEO_LEAD: Duration = Duration::from_secs(600);

/// What a placement takes.
pub(super) const fn of(placement: Placement) -> PlacementLimits {
    let mut room = PlacementLimits::of(placement);
    room.max_videos = VIDEOS.max;
    match placement {
        Placement::Feed => {
            room.max_caption_chars = CAPTION_CHARS.max;
            room.max_images = PHOTOS.max;
            room.max_alt_text_chars = ALT_TEXT_CHARS.max;
            room.links = true;
            room.text_alone = true;
            room.first_comment = true;
        }
        Placement::Reel => {
            room.max_caption_chars = CAPTION_CHARS.max;
            room.first_comment = true;
        }
        Placement::Story => room.max_images = 1,
    }
    room
}

/// All of it for programs. That a story can neither be changed nor deleted, `edit` and `delete` say.
pub(super) fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::default();
    capabilities.placements = vec![
        of(Placement::Feed),
        of(Placement::Reel),
        of(Placement::Story),
    ];
    capabilities.edits_published = true;
    capabilities.deletes_published = true;
    capabilities
}

/// Whether an uploaded picture must become a JPEG first.
pub(super) fn needs_jpeg(facts: &MediaFacts) -> bool {
    let most = u64::try_from(PHOTO_AIM_BYTES.max).unwrap_or(u64::MAX);
    !PHOTO_FORMATS.contains(&facts.format) || facts.bytes.is_some_and(|bytes| bytes > most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_should_name_its_source() {
        for limit in [
            CAPTION_CHARS,
            PHOTOS,
            VIDEOS,
            ALT_TEXT_CHARS,
            COMMENT_CHARS,
            PHOTO_BYTES,
            PHOTO_AIM_BYTES,
        ] {
            assert!(limit.max > 0 && !limit.source.is_empty());
        }
        for span in [
            REEL_SECONDS,
            REEL_FRAME_RATE,
            TALL_RATIO,
            REEL_WIDTH,
            REEL_HEIGHT,
            STORY_SECONDS,
        ] {
            assert!(span.min < span.max && !span.source.is_empty());
        }
    }

    #[test]
    fn only_pictures_that_facebook_does_not_take_should_become_jpegs() {
        let facts = |format, bytes| MediaFacts {
            bytes: Some(bytes),
            ..MediaFacts::of(format)
        };
        for format in PHOTO_FORMATS {
            assert!(!needs_jpeg(&facts(format, 4_000_000)), "{format:?}");
            assert!(needs_jpeg(&facts(format, 4_000_001)), "{format:?}");
        }
        assert!(needs_jpeg(&facts(MediaFormat::Webp, 1)));
        assert!(needs_jpeg(&MediaFacts::of(MediaFormat::Heif)));
        assert!(!needs_jpeg(&MediaFacts::of(MediaFormat::Png)));
    }
}
