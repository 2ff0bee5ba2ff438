//! What a file is, by its head: its format, how large it is shown, how long it lasts.

mod film;
mod format;
mod picture;
mod tiff;

use std::{fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::media::{Fetched, MediaError, MediaFacts, MediaFetcher};

pub use self::format::sniff;

/// How much of a file is read at first: with most pictures and films all that is needed is there.
const HEAD: u64 = 64 * 1024;

/// A file that can be read in parts.
#[async_trait]
pub trait Parts: fmt::Debug + Send + Sync {
    /// Reads a part.
    ///
    /// # Errors
    /// [`MediaError`] says why it cannot be read.
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError>;
}

/// What stands at an address.
#[derive(Debug, Clone)]
pub struct AtAddress {
    /// Fetches it.
    pub fetcher: Arc<dyn MediaFetcher>,
    /// Where it stands.
    pub url: String,
}

#[async_trait]
impl Parts for AtAddress {
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError> {
        self.fetcher.fetch(&self.url, range).await
    }
}

#[async_trait]
impl Parts for Bytes {
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError> {
        let clamp = |at: u64| usize::try_from(at).map_or(self.len(), |at| at.min(self.len()));
        let (start, end) = (clamp(range.start), clamp(range.end));
        Ok(Fetched {
            bytes: self.slice(start..end.max(start)),
            total: Some(self.len() as u64),
        })
    }
}

/// Finds out what a file is, and reads no more of it than that takes: of a picture its first bytes, of a film the table
/// of what is in it, wherever that stands.
///
/// # Errors
/// [`MediaError::NotUnderstood`] if it is of no known format, or broken; else as its parts were read.
pub async fn probe(file: &dyn Parts) -> Result<MediaFacts, MediaError> {
    let head = file.part(0..HEAD).await?;
    let format = sniff(&head.bytes).ok_or_else(|| {
        MediaError::NotUnderstood(
            "it begins like no JPEG, PNG, GIF, WebP, BMP, TIFF, HEIF, MP4 or QuickTime file"
                .to_owned(),
        )
    })?;
    let mut facts = MediaFacts::of(format);
    facts.bytes = head.total;
    match format.is_video() {
        true => film::read(file, &head, &mut facts).await?,
        false => picture::read(file, &head, &mut facts).await?,
    }
    Ok(facts)
}
