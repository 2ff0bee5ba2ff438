//! What a visitor of an Instagram account sees.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Media, MediaFile, Medium, UserTag};
use crate::world::{VisibleComment, World};

/// What a media is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// One photo in the feed.
    Image,
    /// Two to ten photos and videos.
    Carousel,
    /// A video.
    Reel,
    /// A photo or video that is shown for 24 hours.
    Story,
}

/// A media as a visitor of the account sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisibleMedia {
    /// The media's id.
    pub id: String,
    /// The account it stands on.
    pub account: String,
    /// What it is.
    pub kind: MediaKind,
    /// The text; stories have none.
    pub caption: Option<String>,
    /// The photos and videos in their order: one, or a carousel's parts.
    pub files: Vec<VisibleMediaFile>,
    /// The `@names` of those invited to collaborate.
    pub collaborators: Vec<String>,
    /// The id of the place.
    pub location: Option<String>,
    /// A Reel's own cover.
    pub cover_url: Option<String>,
    /// The moment of a Reel that is its cover, in milliseconds.
    pub thumb_offset: Option<u64>,
    /// Whether a Reel is shown in the feed too, if that was said.
    pub share_to_feed: Option<bool>,
    /// The comments, oldest first.
    pub comments: Vec<VisibleComment>,
    /// When it went live.
    pub published_time: DateTime<Utc>,
    /// Where it is shown in this sandbox.
    pub permalink: String,
}

/// One photo or video of a media.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisibleMediaFile {
    /// What it is.
    pub medium: Medium,
    /// The address that was given; never fetched.
    pub url: String,
    /// What a screen reader says.
    pub alt_text: Option<String>,
    /// Who is tagged.
    pub user_tags: Vec<UserTag>,
}

impl From<&MediaFile> for VisibleMediaFile {
    fn from(file: &MediaFile) -> Self {
        Self {
            medium: file.medium,
            url: file.url.clone(),
            alt_text: file.alt_text.clone(),
            user_tags: file.user_tags.clone(),
        }
    }
}

impl World {
    /// What a visitor of this account sees, newest first.
    pub(crate) fn visible_media_of(&self, account: &str) -> Vec<VisibleMedia> {
        self.media_of(account)
            .map(|media| self.visible_media(media))
            .collect()
    }

    pub(crate) fn visible_media(&self, media: &Media) -> VisibleMedia {
        let comments = media.comments.iter().map(|comment| VisibleComment {
            id: comment.id.clone(),
            parent: None,
            from_id: comment.from.0.clone(),
            from_name: comment.from.1.clone(),
            message: comment.text.clone(),
            created_time: comment.created,
        });
        VisibleMedia {
            id: media.id.clone(),
            account: media.made.account.clone(),
            kind: media.kind,
            caption: media.made.caption.clone(),
            files: media
                .made
                .files
                .iter()
                .map(VisibleMediaFile::from)
                .collect(),
            collaborators: media.made.collaborators.clone(),
            location: media.made.location.clone(),
            cover_url: media.made.cover_url.clone(),
            thumb_offset: media.made.thumb_offset,
            share_to_feed: media.made.share_to_feed,
            comments: comments.collect(),
            published_time: media.published,
            permalink: self.media_permalink(media),
        }
    }
}
