//! The library: what it is put together from.

use std::{fmt, sync::Arc};

use shareville_core::{
    clock::{Clock, SystemClock, Timestamp, later},
    id::{MediaId, TenantId},
    media::{MediaError, MediaFetcher, Upload, UploadLimits},
    store::{Store, StoreError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use crate::{fetched::FetchedMedia, objects::Objects};

/// How a [`MediaLibrary`] goes about its work. Every field has a default that suits most.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MediaOptions {
    /// What tells the time. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// How long uploads stay: the same as in the [settings](shareville_core::Settings::uploads).
    pub limits: UploadLimits,
    /// How many pictures are decoded at once in this process. Default 2.
    pub decoding: usize,
    /// The most pixels of a picture that is decoded. Each has up to 8 bytes then; what would have more is refused. Up to
    /// three times as much memory is in use meanwhile, by the decoder and for what is made of it. Default 50 million.
    pub max_pixels: u64,
    /// The most bytes of a picture that is decoded. Default 64 MiB.
    pub max_picture_bytes: u64,
}

impl MediaOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            limits: UploadLimits::default(),
            decoding: 2,
            max_pixels: 50_000_000,
            max_picture_bytes: 64 * 1024 * 1024,
        }
    }

    /// The same, going by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same, with uploads that stay as long as these limits say.
    #[must_use]
    pub const fn with_limits(mut self, limits: UploadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same, decoding pictures of other sizes at most.
    #[must_use]
    pub const fn with_max_pixels(mut self, pixels: u64) -> Self {
        self.max_pixels = pixels;
        self
    }
}

impl Default for MediaOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads media at public addresses, keeps uploads, and makes renditions of them.
///
/// Clones are the same library.
#[derive(Clone)]
pub struct MediaLibrary(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) objects: Objects,
    pub(crate) fetched: FetchedMedia,
    pub(crate) api_url: Url,
    pub(crate) options: MediaOptions,
    decoding: Arc<Semaphore>,
}

impl fmt::Debug for MediaLibrary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaLibrary")
            .field("objects", &self.0.objects)
            .field("fetched", &self.0.fetched)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

impl MediaLibrary {
    /// A library of the uploads that `store` knows and whose bytes are in `objects`. They are fetched below `api_url`, where
    /// the router is reachable from outside. `fetcher` calls the addresses that posts name.
    pub fn new(
        store: Arc<dyn Store>,
        objects: Objects,
        fetcher: impl MediaFetcher,
        api_url: Url,
        options: MediaOptions,
    ) -> Self {
        let decoding = Arc::new(Semaphore::new(options.decoding.max(1)));
        Self(Arc::new(Inner {
            store,
            objects,
            fetched: FetchedMedia::new(fetcher),
            api_url,
            options,
            decoding,
        }))
    }
}

impl Inner {
    /// Waits for its turn to decode a picture.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, MediaError> {
        let turn = Arc::clone(&self.decoding).acquire_owned().await;
        turn.map_err(|closed| MediaError::Unavailable(Box::new(closed)))
    }

    /// Until when something stays that is used now.
    pub(crate) fn kept_until(&self) -> Timestamp {
        let options = &self.options;
        later(options.clock.now(), options.limits.life)
    }

    pub(crate) async fn upload(&self, tenant: TenantId, id: MediaId) -> Result<Upload, MediaError> {
        let found = self.store.uploads(tenant, &[id]).await.map_err(unknown)?;
        found.into_iter().next().ok_or(MediaError::Unknown)
    }
}

/// The store does not say what there is.
pub(crate) fn unknown(error: StoreError) -> MediaError {
    MediaError::Unavailable(Box::new(error))
}
