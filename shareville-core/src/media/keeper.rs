//! The port to where the bytes of uploads are kept.

use std::{fmt, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::{MediaError, MediaFacts, MediaFormat, MediaPlace};

/// Keeps the bytes of uploads. Which there are, the store knows.
#[async_trait]
pub trait MediaKeeper: fmt::Debug + Send + Sync + 'static {
    /// What kind of file begins with these bytes; `None` if none that is known.
    fn recognize(&self, head: &[u8]) -> Option<MediaFormat>;

    /// Begins to keep an upload's bytes. Until it is finished, nobody can read them.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`].
    async fn keep(&self, place: MediaPlace) -> Result<Box<dyn MediaWriter>, MediaError>;

    /// What an upload's bytes are, once they are all there.
    ///
    /// # Errors
    /// [`MediaError::NotUnderstood`] if they are no whole picture or film; [`MediaError::Unavailable`].
    async fn examine(
        &self,
        place: MediaPlace,
        format: MediaFormat,
        bytes: u64,
    ) -> Result<MediaFacts, MediaError>;

    /// Reads a part of an upload's bytes, piece by piece.
    ///
    /// # Errors
    /// [`MediaError::Unknown`] if they are not there, [`MediaError::Unavailable`].
    async fn stream(
        &self,
        place: MediaPlace,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError>;

    /// Erases an upload's bytes, whole or not, if there are any.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`]: some may be left.
    async fn erase(&self, place: MediaPlace) -> Result<(), MediaError>;
}

/// Takes the bytes of one upload. One that is dropped leaves nothing to be read; [`MediaKeeper::erase`] clears up after it.
#[async_trait]
pub trait MediaWriter: fmt::Debug + Send {
    /// Takes the next bytes; it waits where they cannot be kept as fast as they come.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`].
    async fn write(&mut self, bytes: Bytes) -> Result<(), MediaError>;

    /// Ends it: from now on it can be read.
    ///
    /// # Errors
    /// [`MediaError::Unavailable`].
    async fn finish(self: Box<Self>) -> Result<(), MediaError>;

    /// Gives it up.
    async fn abandon(self: Box<Self>);
}
