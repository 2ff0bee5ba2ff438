//! The port that remembers uploads. Their bytes are kept elsewhere: see [`MediaKeeper`](crate::media::MediaKeeper).

use std::{fmt, result::Result as StdResult};

use async_trait::async_trait;

use super::Result;
use crate::{
    clock::Timestamp,
    credential::TokenHash,
    id::{MediaId, TenantId, UserId},
    media::{BegunUpload, MediaPlace, OverQuota, Upload, UploadLimits},
};

/// Why an upload was not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFinished {
    /// It turned out larger than there is room for.
    OverQuota(OverQuota),
    /// It was given up meanwhile, or what it is made from is gone.
    Gone,
}

/// Remembers uploads.
///
/// Each is known before its first byte is kept, and until after its last byte is erased, so that no bytes are ever left
/// that nobody knows of. What is *discarded* nobody sees any more; its bytes are still to be erased.
#[async_trait]
pub trait MediaStore: fmt::Debug + Send + Sync + 'static {
    /// Takes the place of an upload, if there is room for what it announces: checked in the same step.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) with the field `tenant` if that is gone; else as any method.
    async fn begin_upload(
        &self,
        begun: &BegunUpload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), OverQuota>>;

    /// Makes an upload that has begun one that can be seen, if there is room for it, and what it is made from is there:
    /// checked in the same step. If not, it stays as it was.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) with the field `form` if there is another rendition of the
    /// same form; else as any method.
    async fn finish_upload(
        &self,
        upload: &Upload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), NotFinished>>;

    /// Reads uploads that are whole and not discarded, in no particular order.
    ///
    /// # Errors
    /// As any method.
    async fn uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<Vec<Upload>>;

    /// Finds an upload by the hash of its token.
    ///
    /// # Errors
    /// As any method.
    async fn upload_by_token(&self, tenant: TenantId, token: &TokenHash) -> Result<Option<Upload>>;

    /// Finds the rendition of an upload in some form.
    ///
    /// # Errors
    /// As any method.
    async fn rendition(
        &self,
        tenant: TenantId,
        original: MediaId,
        form: &str,
    ) -> Result<Option<Upload>>;

    /// Keeps uploads, with their renditions, at least until then. Gives those that are there; another tenant's is not.
    ///
    /// # Errors
    /// As any method.
    async fn keep_uploads(
        &self,
        tenant: TenantId,
        ids: &[MediaId],
        until: Timestamp,
    ) -> Result<Vec<MediaId>>;

    /// Discards uploads, whole or not, with their renditions.
    ///
    /// # Errors
    /// As any method.
    async fn discard_uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<()>;

    /// Discards all uploads of an end user, whole or not. Gives all of theirs that are discarded, also from before.
    ///
    /// # Errors
    /// As any method.
    async fn discard_uploads_of(&self, tenant: TenantId, user: &UserId) -> Result<Vec<MediaPlace>>;

    /// Looks at up to `limit` uploads whose time is over by the store's clock: those that a post names which is a draft
    /// or not settled are kept until `until`, with their renditions; the others are discarded. Gives how many it looked
    /// at.
    ///
    /// # Errors
    /// As any method.
    async fn sweep_uploads(&self, until: Timestamp, limit: usize) -> Result<usize>;

    /// Reads up to `limit` uploads that are discarded, in the order of their ids, after this one.
    ///
    /// # Errors
    /// As any method.
    async fn discarded_uploads(
        &self,
        after: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaPlace>>;

    /// Forgets discarded uploads: their bytes are erased. What is not discarded stays.
    ///
    /// # Errors
    /// As any method.
    async fn forget_uploads(&self, places: &[MediaPlace]) -> Result<()>;
}
