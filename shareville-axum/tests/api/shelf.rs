//! A keeper of uploads in memory, which knows two kinds of file by their first three letters.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::body::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use shareville_core::media::{
    MediaError, MediaFacts, MediaFormat, MediaKeeper, MediaPlace, MediaWriter,
};

/// What is kept, by its place; what is still being written is not.
pub(crate) type Kept = Arc<Mutex<HashMap<MediaPlace, Vec<u8>>>>;

#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) kept: Kept,
    /// What cannot be erased.
    pub(crate) stuck: Arc<Mutex<HashSet<MediaPlace>>>,
}

#[derive(Debug)]
struct Writer {
    kept: Kept,
    place: MediaPlace,
    bytes: Vec<u8>,
}

#[async_trait]
impl MediaWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), MediaError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), MediaError> {
        self.kept.lock().unwrap().insert(self.place, self.bytes);
        Ok(())
    }

    async fn abandon(self: Box<Self>) {}
}

#[async_trait]
impl MediaKeeper for Shelf {
    fn recognize(&self, head: &[u8]) -> Option<MediaFormat> {
        match head.get(..3)? {
            b"PNG" => Some(MediaFormat::Png),
            b"MP4" => Some(MediaFormat::Mp4),
            _ => None,
        }
    }

    async fn keep(&self, place: MediaPlace) -> Result<Box<dyn MediaWriter>, MediaError> {
        Ok(Box::new(Writer {
            kept: Arc::clone(&self.kept),
            place,
            bytes: Vec::new(),
        }))
    }

    async fn examine(
        &self,
        _: MediaPlace,
        format: MediaFormat,
        bytes: u64,
    ) -> Result<MediaFacts, MediaError> {
        let mut facts = MediaFacts::of(format);
        facts.bytes = Some(bytes);
        if !format.is_video() {
            (facts.width, facts.height) = (Some(3), Some(2));
        }
        Ok(facts)
    }

    async fn stream(
        &self,
        place: MediaPlace,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes, MediaError>>, MediaError> {
        let kept = self.kept.lock().unwrap();
        let bytes = kept.get(&place).ok_or(MediaError::Unknown)?;
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        let pieces: Vec<_> = bytes[range].chunks(4).map(Bytes::copy_from_slice).collect();
        Ok(stream::iter(pieces.into_iter().map(Ok)).boxed())
    }

    async fn erase(&self, place: MediaPlace) -> Result<(), MediaError> {
        if self.stuck.lock().unwrap().contains(&place) {
            return Err(MediaError::Unavailable("its disk is broken".into()));
        }
        self.kept.lock().unwrap().remove(&place);
        Ok(())
    }
}
