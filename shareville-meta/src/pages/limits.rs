//! What a Page takes, as data: one row each, with where it is known from.

use std::time::Duration;

use shareville_core::{
    post::Placement,
    publisher::{Capabilities, PlacementLimits},
};

/// A number that content must not exceed.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) max: usize,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for whoever reads, and checked by a test")
    )]
    pub(super) source: &'static str,
}

/// Characters of a caption.
pub(super) const CAPTION_CHARS: Limit = Limit {
    max: 63_206,
    source: "graph-api.md 5.1 (POSTIZ)",
};

/// Photos of a post.
pub(super) const PHOTOS: Limit = Limit {
    max: 10,
    source: "graph-api.md 5.3: ten verified by PROBE, no maximum documented",
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

/// How long before its time a post with photos is prepared: Facebook fetches them one after the other.
pub(super) const PHOTO_LEAD: Duration = Duration::from_secs(30);

/// All of it for programs.
pub(super) fn capabilities() -> Capabilities {
    let mut feed = PlacementLimits::of(Placement::Feed);
    feed.max_caption_chars = CAPTION_CHARS.max;
    feed.max_images = PHOTOS.max;
    feed.max_alt_text_chars = ALT_TEXT_CHARS.max;
    feed.links = true;
    feed.text_alone = true;
    feed.first_comment = true;
    let mut capabilities = Capabilities::default();
    capabilities.placements = vec![feed];
    capabilities.edits_published = true;
    capabilities.deletes_published = true;
    capabilities
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_should_name_its_source() {
        for limit in [CAPTION_CHARS, PHOTOS, ALT_TEXT_CHARS, COMMENT_CHARS] {
            assert!(limit.max > 0 && !limit.source.is_empty());
        }
    }
}
