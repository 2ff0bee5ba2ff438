//! The port that hands out work, lane by lane.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::Result;
use crate::{
    clock::Timestamp,
    connection::{Account, Connection},
    id::{Provider, TenantId},
    lane::{ClaimRef, Lane, Pause, PauseReason},
    post::Post,
    tenant::Tenant,
};

/// What a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// How many lanes at most; or deliveries, for those who send these.
    pub limit: usize,
    /// For how long.
    pub lease: Duration,
    /// How many of one tenant may be claimed at once, by all workers together.
    pub per_tenant: usize,
}

impl ClaimRequest {
    /// Up to `limit` lanes for `lease`, with no more than `per_tenant` of one tenant.
    #[must_use]
    pub const fn new(limit: usize, lease: Duration, per_tenant: usize) -> Self {
        Self {
            limit,
            lease,
            per_tenant,
        }
    }
}

/// A claimed lane and the post that is up in it, with all it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The claim.
    pub claim: ClaimRef,
    /// The post.
    pub post: Post,
    /// The account it goes to.
    pub account: Account,
    /// The connection that account came with.
    pub connection: Connection,
    /// The tenant.
    pub tenant: Arc<Tenant>,
}

/// What a worker gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The claims: at most one a lane, and going round the tenants.
    pub claims: Vec<Claim>,
    /// The store's clock.
    pub now: Timestamp,
    /// When there is next something to claim, as far as is known now; it may be past.
    pub next_ready: Option<Timestamp>,
}

/// Which lanes a pause is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PauseScope {
    /// All of the tenant's accounts on one network.
    Provider(Provider),
    /// All of the tenant's accounts.
    Tenant,
}

/// Hands out work, lane by lane.
#[async_trait]
pub trait LaneStore: fmt::Debug + Send + Sync + 'static {
    /// Claims lanes in which a post is up.
    ///
    /// # Errors
    /// As any method.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed>;

    /// Makes claims last `lease` from now; says of each whether it still held.
    ///
    /// # Errors
    /// As any method.
    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>>;

    /// Gives claims back. Those that no longer hold are passed over.
    ///
    /// # Errors
    /// As any method.
    async fn release(&self, claims: &[ClaimRef]) -> Result<()>;

    /// Lets a tenant's lanes stand still. A longer pause that is there already stays.
    ///
    /// # Errors
    /// As any method.
    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()>;

    /// Ends the pauses of a tenant's lanes that are there for `reason`.
    ///
    /// # Errors
    /// As any method.
    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()>;

    /// Says of each lane whether and why it stands still now.
    ///
    /// # Errors
    /// As any method.
    async fn pauses(&self, lanes: &[Lane]) -> Result<Vec<Option<Pause>>>;

    /// Waits until there may be new work, or it is `until`.
    ///
    /// # Errors
    /// As any method.
    async fn wake(&self, until: Timestamp) -> Result<()>;

    /// Whether the store can be reached and written to.
    ///
    /// # Errors
    /// As any method: then it cannot.
    async fn ready(&self) -> Result<()>;
}
