//! The port that keeps what platforms tell, and hands it out to be looked into.

use std::{fmt, result::Result as StdResult, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use super::{Result, Stale};
use crate::{
    clock::Timestamp,
    id::TenantId,
    notice::{DeletionCode, Notice},
};

/// A claimed notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeClaim {
    /// Made anew by each claim.
    pub nonce: Uuid,
    /// The notice.
    pub notice: Notice,
}

/// What a worker gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedNotices {
    /// The claims, what is up longest first.
    pub claims: Vec<NoticeClaim>,
    /// The store's clock.
    pub now: Timestamp,
    /// When there is next something to claim, as far as is known now; it may be past.
    pub next_ready: Option<Timestamp>,
}

/// A change to one notice, with what must still be true for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeChange {
    /// The notice afterwards.
    pub notice: Notice,
    /// The revision it must still have.
    pub revision: u64,
    /// The claim that must still hold, and ends with it; `None` if nobody may have claimed it.
    pub claim: Option<Uuid>,
}

/// Keeps notices, and hands them out.
#[async_trait]
pub trait NoticeStore: fmt::Debug + Send + Sync + 'static {
    /// Stores notices, all or none; but one that is there already, by its tenant and digest, stays as it is. Gives for each
    /// the one that was there before it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if the tenant is gone (the field is named `tenant`); else as any method.
    async fn keep_notices(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>>;

    /// Claims up to `limit` notices that are due, of all tenants. A claim that is not ended within `lease` is handed out
    /// again.
    ///
    /// # Errors
    /// As any method.
    async fn claim_notices(&self, limit: usize, lease: Duration) -> Result<ClaimedNotices>;

    /// Executes changes, each for itself.
    ///
    /// # Errors
    /// As any method; then none is written, or, for [`StoreError::Lost`](super::StoreError::Lost), all or none.
    async fn apply_notices(&self, changes: &[NoticeChange]) -> Result<Vec<StdResult<(), Stale>>>;

    /// Finds a wish to be deleted by its code.
    ///
    /// # Errors
    /// As any method.
    async fn deletion(&self, tenant: TenantId, code: &DeletionCode) -> Result<Option<Notice>>;

    /// Erases notices that are [kept](Notice::kept_until) no longer; says how many.
    ///
    /// # Errors
    /// As any method.
    async fn sweep_notices(&self) -> Result<u64>;
}
