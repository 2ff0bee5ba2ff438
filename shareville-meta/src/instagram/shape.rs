//! What a content becomes at Instagram.

use shareville_core::{
    media::{Media, MediaKind},
    post::{Content, Placement},
};

use super::limits::CAROUSEL_ITEMS;

/// What a content becomes.
///
/// Source: graph-api.md 6.1 (D-IGM).
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'a> {
    /// One picture in the feed.
    Picture(&'a Media),
    /// One film, as a Reel; in the feed too if it was meant for that.
    Reel(&'a Media),
    /// One picture or film as a story.
    Story(&'a Media),
    /// Two to ten pictures and films as one post.
    Carousel(&'a [Media]),
}

impl<'a> Shape<'a> {
    /// What it becomes; `None` if it can become nothing, as `check` says.
    pub(super) fn of(content: &'a Content) -> Option<Self> {
        match (content.placement, content.media.as_slice()) {
            (Placement::Story, [media]) => Some(Self::Story(media)),
            (Placement::Feed | Placement::Reel, [media]) if media.kind == MediaKind::Video => {
                Some(Self::Reel(media))
            }
            (Placement::Feed, [media]) => Some(Self::Picture(media)),
            (Placement::Feed, media) if (2..=CAROUSEL_ITEMS.max).contains(&media.len()) => {
                Some(Self::Carousel(media))
            }
            _ => None,
        }
    }
}
