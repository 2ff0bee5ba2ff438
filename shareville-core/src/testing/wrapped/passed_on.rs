//! What no test lets go wrong: it is passed on as it is.

use std::{result::Result as StdResult, time::Duration};

use async_trait::async_trait;

use super::Wrapped;
use crate::{
    clock::Timestamp,
    connection::{Connection, Grant},
    credential::TokenHash,
    delivery::Delivery,
    event::Event,
    id::{DeliveryId, MediaId, TenantId, UserId},
    media::{BegunUpload, MediaPlace, OverQuota, Upload, UploadLimits},
    notice::{DeletionCode, Notice},
    secret::Sealed,
    store::{
        Backlog, BacklogStore, ClaimRequest, ClaimedDeliveries, ClaimedNotices, DeliveryChange,
        DeliveryStore, Holder, MediaStore, NotFinished, NoticeChange, NoticeStore, Page,
        PageRequest, Result, SealedPage, SecretStore, Stale, Swap, UpkeepStore, UserStore,
    },
};

#[async_trait]
impl UserStore for Wrapped {
    async fn shut_out(
        &self,
        tenant: TenantId,
        user: &UserId,
        events: &[Event],
    ) -> Result<Option<Vec<Grant>>> {
        self.inner()?.shut_out(tenant, user, events).await
    }

    async fn erase_posts(&self, tenant: TenantId, user: &UserId, limit: usize) -> Result<bool> {
        self.inner()?.erase_posts(tenant, user, limit).await
    }
}

#[async_trait]
impl DeliveryStore for Wrapped {
    async fn claim_deliveries(&self, request: ClaimRequest) -> Result<ClaimedDeliveries> {
        self.inner()?.claim_deliveries(request).await
    }

    async fn apply_deliveries(
        &self,
        changes: &[DeliveryChange],
    ) -> Result<Vec<StdResult<(), Stale>>> {
        self.inner()?.apply_deliveries(changes).await
    }

    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>> {
        self.inner()?.delivery(tenant, id).await
    }

    async fn deliveries(&self, tenant: TenantId, page: PageRequest) -> Result<Page<Delivery>> {
        self.inner()?.deliveries(tenant, page).await
    }

    async fn wake_for_deliveries(&self, until: Timestamp) -> Result<()> {
        self.inner()?.wake_for_deliveries(until).await
    }
}

#[async_trait]
impl BacklogStore for Wrapped {
    async fn backlog(&self) -> Result<Backlog> {
        self.inner()?.backlog().await
    }
}

#[async_trait]
impl UpkeepStore for Wrapped {
    async fn claim_upkeep(&self, limit: usize, lease: Duration) -> Result<Vec<Connection>> {
        self.inner()?.claim_upkeep(limit, lease).await
    }
}

#[async_trait]
impl SecretStore for Wrapped {
    async fn holders(&self) -> Result<u64> {
        self.inner()?.holders().await
    }

    async fn sealed(&self, after: Option<&Holder>, limit: usize) -> Result<SealedPage> {
        self.inner()?.sealed(after, limit).await
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<Vec<bool>> {
        self.inner()?.swap(swaps).await
    }

    async fn probes(&self) -> Result<Vec<Sealed>> {
        self.inner()?.probes().await
    }

    async fn keep_probe(&self, key: &str, probe: &Sealed) -> Result<()> {
        self.inner()?.keep_probe(key, probe).await
    }

    async fn forget_probes(&self, keys: &[String]) -> Result<()> {
        self.inner()?.forget_probes(keys).await
    }
}

#[async_trait]
impl MediaStore for Wrapped {
    async fn begin_upload(
        &self,
        begun: &BegunUpload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), OverQuota>> {
        self.inner()?.begin_upload(begun, limits).await
    }

    async fn finish_upload(
        &self,
        upload: &Upload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), NotFinished>> {
        self.inner()?.finish_upload(upload, limits).await
    }

    async fn uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<Vec<Upload>> {
        self.inner()?.uploads(tenant, ids).await
    }

    async fn upload_by_token(&self, tenant: TenantId, token: &TokenHash) -> Result<Option<Upload>> {
        self.inner()?.upload_by_token(tenant, token).await
    }

    async fn rendition(
        &self,
        tenant: TenantId,
        original: MediaId,
        form: &str,
    ) -> Result<Option<Upload>> {
        self.inner()?.rendition(tenant, original, form).await
    }

    async fn keep_uploads(
        &self,
        tenant: TenantId,
        ids: &[MediaId],
        until: Timestamp,
    ) -> Result<Vec<MediaId>> {
        self.inner()?.keep_uploads(tenant, ids, until).await
    }

    async fn discard_uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<()> {
        self.inner()?.discard_uploads(tenant, ids).await
    }

    async fn discard_uploads_of(&self, tenant: TenantId, user: &UserId) -> Result<Vec<MediaPlace>> {
        self.inner()?.discard_uploads_of(tenant, user).await
    }

    async fn sweep_uploads(&self, until: Timestamp, limit: usize) -> Result<usize> {
        self.inner()?.sweep_uploads(until, limit).await
    }

    async fn discarded_uploads(
        &self,
        after: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaPlace>> {
        self.inner()?.discarded_uploads(after, limit).await
    }

    async fn forget_uploads(&self, places: &[MediaPlace]) -> Result<()> {
        self.inner()?.forget_uploads(places).await
    }
}

#[async_trait]
impl NoticeStore for Wrapped {
    async fn keep_notices(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>> {
        self.inner()?.keep_notices(notices).await
    }

    async fn claim_notices(&self, limit: usize, lease: Duration) -> Result<ClaimedNotices> {
        self.inner()?.claim_notices(limit, lease).await
    }

    async fn apply_notices(&self, changes: &[NoticeChange]) -> Result<Vec<StdResult<(), Stale>>> {
        self.inner()?.apply_notices(changes).await
    }

    async fn deletion(&self, tenant: TenantId, code: &DeletionCode) -> Result<Option<Notice>> {
        self.inner()?.deletion(tenant, code).await
    }

    async fn sweep_notices(&self) -> Result<u64> {
        self.inner()?.sweep_notices().await
    }
}
