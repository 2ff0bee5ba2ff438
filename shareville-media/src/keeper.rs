//! Keeping the bytes of uploads.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::buffered::BufWriter;
use shareville_core::media::{
    Fetched, MediaError, MediaFacts, MediaFormat, MediaKeeper, MediaPlace, MediaWriter,
};
use tokio::io::AsyncWriteExt as _;

use crate::{
    MediaLibrary, Objects, Parts,
    objects::failed,
    picture,
    probe::{probe, sniff},
};

/// An upload whose bytes are there.
#[derive(Debug)]
struct Stored {
    objects: Objects,
    place: MediaPlace,
    bytes: u64,
}

#[async_trait]
impl Parts for Stored {
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError> {
        let within = range.start.min(self.bytes)..range.end.min(self.bytes);
        Ok(Fetched {
            bytes: self.objects.read(self.place, within).await?,
            total: Some(self.bytes),
        })
    }
}

/// An upload whose bytes are coming.
#[derive(Debug)]
struct Writer(BufWriter);

#[async_trait]
impl MediaWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), MediaError> {
        self.0.put(bytes).await.map_err(failed)
    }

    async fn finish(mut self: Box<Self>) -> Result<(), MediaError> {
        let ended = self.0.shutdown().await;
        ended.map_err(|error| MediaError::Unavailable(Box::new(error)))
    }

    async fn abandon(mut self: Box<Self>) {
        if let Err(error) = self.0.abort().await {
            // What is left of it is erased with its place.
            tracing::debug!(%error, "an upload could not be given up");
        }
    }
}

#[async_trait]
impl MediaKeeper for MediaLibrary {
    fn recognize(&self, head: &[u8]) -> Option<MediaFormat> {
        sniff(head)
    }

    async fn keep(&self, place: MediaPlace) -> Result<Box<dyn MediaWriter>, MediaError> {
        Ok(Box::new(Writer(self.0.objects.writer(place))))
    }

    async fn examine(
        &self,
        place: MediaPlace,
        format: MediaFormat,
        bytes: u64,
    ) -> Result<MediaFacts, MediaError> {
        let stored = Stored {
            objects: self.0.objects.clone(),
            place,
            bytes,
        };
        let facts = probe(&stored).await?;
        // Its head alone says what it would be. Better now than when it is due to be posted, that it is not.
        if picture::is_readable(format) && bytes <= self.0.options.max_picture_bytes {
            let turn = self.0.turn().await?;
            let whole = self.0.objects.read(place, 0..bytes).await?;
            let begun = tokio::task::spawn_blocking(move || {
                let begun = picture::begin(format, &whole);
                drop(turn);
                begun
            });
            begun
                .await
                .map_err(|stopped| MediaError::Unavailable(Box::new(stopped)))??;
        }
        Ok(facts)
    }

    async fn stream(
        &self,
        place: MediaPlace,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        self.0.objects.stream(place, range).await
    }

    async fn erase(&self, place: MediaPlace) -> Result<(), MediaError> {
        self.0.objects.erase(place).await
    }
}
