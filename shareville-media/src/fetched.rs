//! Reading media at public addresses.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::{
    id::TenantId,
    media::{
        Addressed, MediaError, MediaFacts, MediaFetcher, MediaForm, MediaReader, MediaSource,
        PublicMedia,
    },
};

use crate::probe::{AtAddress, probe};

const NO_UPLOADS: &str = "its host keeps no uploads";

/// Reads media at public addresses, and knows of no uploads: for a host that keeps none. Clones are the same reader.
#[derive(Debug, Clone)]
pub struct FetchedMedia {
    fetcher: Arc<dyn MediaFetcher>,
}

impl FetchedMedia {
    /// A reader that calls the addresses that posts name by `fetcher`.
    pub fn new(fetcher: impl MediaFetcher) -> Self {
        Self {
            fetcher: Arc::new(fetcher),
        }
    }
}

#[async_trait]
impl MediaReader for FetchedMedia {
    async fn facts(&self, _: TenantId, source: &MediaSource) -> Result<MediaFacts, MediaError> {
        let MediaSource::Url(url) = source else {
            return Err(MediaError::NotSupported(NO_UPLOADS));
        };
        let file = AtAddress {
            fetcher: Arc::clone(&self.fetcher),
            url: url.clone(),
        };
        probe(&file).await
    }

    async fn address(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        form: MediaForm,
    ) -> Result<Addressed, MediaError> {
        match source {
            MediaSource::Url(_) => PublicMedia.address(tenant, source, form).await,
            MediaSource::MediaId(_) => Err(MediaError::NotSupported(NO_UPLOADS)),
        }
    }

    async fn read(
        &self,
        _: TenantId,
        source: &MediaSource,
        range: Range<u64>,
    ) -> Result<Bytes, MediaError> {
        match source {
            MediaSource::Url(url) => Ok(self.fetcher.fetch(url, range).await?.bytes),
            MediaSource::MediaId(_) => Err(MediaError::NotSupported(NO_UPLOADS)),
        }
    }
}
