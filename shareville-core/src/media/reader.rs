//! The port to media: where a platform can fetch one, what it is, and its bytes.

use std::{error::Error as StdError, fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;

use super::{MediaFacts, MediaSource};
use crate::{
    failure::{Failure, FailureClass},
    id::TenantId,
};

/// What a platform takes of a JPEG picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JpegLimits {
    /// The most bytes.
    pub max_bytes: u64,
    /// The least width, in pixels.
    pub min_width: u32,
    /// The greatest width, in pixels.
    pub max_width: u32,
}

/// In which form a platform takes a medium.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MediaForm {
    /// As it is.
    AsItIs,
    /// As a JPEG picture in sRGB, upright, scaled into these limits and never cropped.
    Jpeg(JpegLimits),
}

/// Where a platform can fetch a medium.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressed {
    /// The address.
    pub url: String,
    /// What was done to the medium for it, for the post's history; `None` if it is as it was.
    pub changed: Option<String>,
}

/// Why a medium cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// There is no such upload, or its time is over: upload it again.
    #[error("there is no such upload, or its time is over: upload the file again")]
    Unknown,
    /// It could not be fetched: its address must answer everybody with the file.
    #[error("it could not be fetched: its address must answer everybody with the file itself")]
    Unreachable(#[source] Box<dyn StdError + Send + Sync>),
    /// Its server does not answer just now, or not with the file: try again later.
    #[error("its server does not answer just now, or breaks off: try again later")]
    NotAnswering(#[source] Box<dyn StdError + Send + Sync>),
    /// Its bytes are no picture and no film that is known here.
    #[error("its bytes are no picture and no film of a known format: {0}")]
    NotUnderstood(String),
    /// It cannot be brought into the form that the platform takes.
    #[error("it cannot be brought into the form that the platform takes: {0}")]
    NotConvertible(String),
    /// This server was built without what is needed for it.
    #[error("this server cannot read media: {0}")]
    NotSupported(&'static str),
    /// Where uploads are kept cannot be reached: try again later.
    #[error("where uploads are kept cannot be reached: try again later")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
}

impl MediaError {
    /// The same for a post that needs the medium.
    #[must_use]
    pub fn failure(&self) -> Failure {
        let (class, code) = match self {
            Self::Unavailable(_) => (FailureClass::Transient, "media_unavailable"),
            Self::NotAnswering(_) => (FailureClass::Transient, "media_unreadable"),
            Self::Unreachable(_) => (
                FailureClass::Content { retryable: true },
                "media_unreadable",
            ),
            Self::Unknown => (FailureClass::Content { retryable: false }, "media_expired"),
            Self::NotSupported(_) => (FailureClass::Config, "media_not_supported"),
            Self::NotUnderstood(_) | Self::NotConvertible(_) => (
                FailureClass::Content { retryable: false },
                "media_unreadable",
            ),
        };
        Failure::new(class, format!("The medium cannot be used: {self}.")).with_code(code)
    }
}

/// Reads media for publishers: of posts' public addresses, and of what was uploaded.
///
/// An implementor calls addresses that others name through a guarded client only.
#[async_trait]
pub trait MediaReader: fmt::Debug + Send + Sync + 'static {
    /// What a medium is; reads no more of it than its head.
    ///
    /// # Errors
    /// [`MediaError`] says why it cannot be told.
    async fn facts(&self, tenant: TenantId, source: &MediaSource)
    -> Result<MediaFacts, MediaError>;

    /// Where a platform can fetch a medium in the form that it takes. What stands at a public address already is left
    /// there: whether it has that form, the platform says.
    ///
    /// # Errors
    /// [`MediaError`] says why it has no such address.
    async fn address(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        form: MediaForm,
    ) -> Result<Addressed, MediaError>;

    /// Reads a part of a medium's bytes; fewer only where it ends before.
    ///
    /// # Errors
    /// [`MediaError`] says why it cannot be read.
    async fn read(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        range: Range<u64>,
    ) -> Result<Bytes, MediaError>;
}

/// A part of what stands at a public address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes; fewer than asked for only where it ends before.
    pub bytes: Bytes,
    /// How many bytes it has as a whole, if its server says so.
    pub total: Option<u64>,
}

/// Fetches parts of what stands at addresses that others name. An implementor is guarded against private addresses.
#[async_trait]
pub trait MediaFetcher: fmt::Debug + Send + Sync + 'static {
    /// Fetches a part.
    ///
    /// # Errors
    /// [`MediaError::NotAnswering`] if it may be fetched later, else [`MediaError::Unreachable`].
    async fn fetch(&self, url: &str, range: Range<u64>) -> Result<Fetched, MediaError>;
}

/// Media at public addresses, of which nothing but the address is known: what a host has that gives no other reader.
#[derive(Debug, Clone, Copy, Default)]
pub struct PublicMedia;

const WITHOUT_READER: &str = "its host has set up nothing that reads media";

#[async_trait]
impl MediaReader for PublicMedia {
    async fn facts(&self, _: TenantId, _: &MediaSource) -> Result<MediaFacts, MediaError> {
        Err(MediaError::NotSupported(WITHOUT_READER))
    }

    async fn address(
        &self,
        _: TenantId,
        source: &MediaSource,
        _: MediaForm,
    ) -> Result<Addressed, MediaError> {
        match source {
            MediaSource::Url(url) => Ok(Addressed {
                url: url.clone(),
                changed: None,
            }),
            MediaSource::MediaId(_) => Err(MediaError::NotSupported(WITHOUT_READER)),
        }
    }

    async fn read(&self, _: TenantId, _: &MediaSource, _: Range<u64>) -> Result<Bytes, MediaError> {
        Err(MediaError::NotSupported(WITHOUT_READER))
    }
}
