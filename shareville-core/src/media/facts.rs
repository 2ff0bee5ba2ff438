//! What the head of a file tells of a medium.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What kind of file it is, by its first bytes; never by its name or by what a server calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MediaFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// BMP.
    Bmp,
    /// TIFF.
    Tiff,
    /// HEIF, HEIC or AVIF.
    Heif,
    /// MP4.
    Mp4,
    /// `QuickTime`.
    Mov,
}

impl MediaFormat {
    /// Its media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Bmp => "image/bmp",
            Self::Tiff => "image/tiff",
            Self::Heif => "image/heif",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::Webp => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Heif => "HEIF",
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
        }
    }

    /// Whether it is a film.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov)
    }
}

/// What the head of a file tells. What it does not tell is `None`: nothing is guessed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaFacts {
    /// What kind of file it is.
    pub format: MediaFormat,
    /// How many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How wide it is shown, in pixels: its orientation is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// How high it is shown, in pixels: its orientation is applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long a film lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// A film's video codec, as its sample entry names it: `avc1`, `hvc1`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// A film's audio codec, as its sample entry names it: `mp4a`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_codec: Option<String>,
    /// A film's frames in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame_rate: Option<f64>,
}

impl MediaFacts {
    /// Of a file of this kind nothing else is known yet.
    #[must_use]
    pub const fn of(format: MediaFormat) -> Self {
        Self {
            format,
            bytes: None,
            width: None,
            height: None,
            duration: None,
            video_codec: None,
            audio_codec: None,
            frame_rate: None,
        }
    }

    /// Width by height, where both are known and there is a picture at all.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (self.width?, self.height?) {
            (0, _) | (_, 0) => None,
            (width, height) => Some(f64::from(width) / f64::from(height)),
        }
    }

    /// Whether it is higher than wide; `None` if its shape is not known.
    #[must_use]
    pub fn is_vertical(&self) -> Option<bool> {
        self.ratio().map(|ratio| ratio < 1.0)
    }
}
