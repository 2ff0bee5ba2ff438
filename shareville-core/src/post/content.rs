//! What a post says and shows.

use serde::{Deserialize, Serialize};

use crate::media::Media;

/// Where on the account a post appears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// The account's ordinary posts.
    #[default]
    Feed,
    /// A short vertical video.
    Reel,
    /// A story, gone after a day.
    Story,
}

/// What only Facebook knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FacebookOptions {
    /// The Page id of a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_id: Option<String>,
}

/// What only Instagram knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstagramOptions {
    /// The Page id of a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<String>,
    /// User names of those invited to co-author.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collaborators: Vec<String>,
    /// Whether a Reel shows in the feed too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_to_feed: Option<bool>,
}

/// What only one network knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// For Facebook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facebook: Option<FacebookOptions>,
    /// For Instagram.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instagram: Option<InstagramOptions>,
}

/// What a post says and shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Content {
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// A link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Pictures and films, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// Where it appears.
    #[serde(skip_serializing_if = "super::is_default")]
    pub placement: Placement,
    /// What only one network knows.
    #[serde(skip_serializing_if = "super::is_default")]
    pub options: Options,
    /// A comment of the account's own, right below the post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_comment: Option<String>,
}

impl Content {
    /// A post of text alone.
    pub fn text(caption: impl Into<String>) -> Self {
        Self {
            caption: Some(caption.into()),
            ..Self::default()
        }
    }

    /// Whether it would look the same to those who see it: same text, link and media, in the same place.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let text = |content: &Self| {
            content
                .caption
                .as_deref()
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let media = |content: &Self| -> Vec<_> {
            let media = content.media.iter();
            media
                .map(|media| (media.kind, media.source.clone()))
                .collect()
        };
        self.placement == other.placement
            && self.link == other.link
            && text(self) == text(other)
            && media(self) == media(other)
    }
}
