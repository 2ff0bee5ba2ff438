//! Media of a post: what it shows, what is known of that, and the port by which it is read.

mod facts;
mod keeper;
mod preflight;
mod reader;
mod upload;

use serde::{Deserialize, Serialize};

pub use self::{
    facts::{MediaFacts, MediaFormat},
    keeper::{MediaKeeper, MediaWriter},
    preflight::MediaPreflight,
    reader::{
        Addressed, Fetched, JpegLimits, MediaError, MediaFetcher, MediaForm, MediaReader,
        PublicMedia,
    },
    upload::{
        BegunUpload, MadeFrom, MediaPlace, MediaToken, OverQuota, QuotaOf, Upload, UploadLimits,
    },
};

use crate::id::MediaId;

/// Picture or film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A still picture.
    Image,
    /// A film.
    Video,
}

/// Where a medium's bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaSource {
    /// At a public address, from which the platform fetches them.
    Url(String),
    /// Uploaded to us.
    MediaId(MediaId),
}

/// A person marked on a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTag {
    /// The person's user name at the platform.
    pub username: String,
    /// Where from the left, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// Where from the top, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
}

/// One medium of a post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Picture or film.
    pub kind: MediaKind,
    /// Where its bytes are.
    pub source: MediaSource,
    /// What it shows, for those who cannot see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
    /// A cover picture for a film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// Which moment of a film makes the cover, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_offset_ms: Option<u64>,
    /// Who is marked on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_tags: Vec<UserTag>,
}

impl Media {
    /// A picture at a public address.
    pub fn image(url: impl Into<String>) -> Self {
        Self::at(MediaKind::Image, url)
    }

    /// A film at a public address.
    pub fn video(url: impl Into<String>) -> Self {
        Self::at(MediaKind::Video, url)
    }

    fn at(kind: MediaKind, url: impl Into<String>) -> Self {
        Self {
            kind,
            source: MediaSource::Url(url.into()),
            alt_text: None,
            thumbnail_url: None,
            thumbnail_offset_ms: None,
            user_tags: Vec::new(),
        }
    }
}
