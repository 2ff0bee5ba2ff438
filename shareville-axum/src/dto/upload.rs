//! Uploads.

use serde::Serialize;
use shareville_core::{id::MediaId, media};
use url::Url;
use utoipa::ToSchema;

use super::Time;

/// The bytes of a picture or film.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct File(String);

/// A form with a file in it.
#[derive(Debug, ToSchema)]
#[schema(as = UploadForm)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct Form {
    /// The file; the first one of the form is taken.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// A medium that was uploaded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Upload {
    /// What posts name it by, as `mediaId`.
    #[schema(value_type = Uuid)]
    id: MediaId,
    /// Where everybody who knows this address can fetch it.
    url: String,
    /// Its media type, by its bytes.
    r#type: &'static str,
    /// How wide it is shown, in pixels, where that is known.
    width: Option<u32>,
    /// How high it is shown, in pixels, where that is known.
    height: Option<u32>,
    /// How many bytes it has.
    size: u64,
    /// When it is erased, unless it is used: what a draft, or a post that is not settled, names stays.
    expires_at: Time,
}

impl Upload {
    pub(crate) fn new(upload: &media::Upload, api_url: &Url) -> Self {
        Self {
            id: upload.id,
            url: upload.url(api_url).into(),
            r#type: upload.facts.format.content_type(),
            width: upload.facts.width,
            height: upload.facts.height,
            size: upload.bytes,
            expires_at: Time(upload.expires_at),
        }
    }
}
