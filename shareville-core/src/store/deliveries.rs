//! The port that hands out deliveries to tenants' endpoints.

use std::{fmt, result::Result as StdResult, sync::Arc};

use async_trait::async_trait;
use uuid::Uuid;

use super::{ClaimRequest, Page, PageRequest, Result, Stale};
use crate::{
    clock::Timestamp,
    delivery::Delivery,
    event::Event,
    id::{DeliveryId, TenantId},
    tenant::Tenant,
};

/// A claimed delivery, with all that is needed to send it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryClaim {
    /// Made anew by each claim.
    pub nonce: Uuid,
    /// The delivery.
    pub delivery: Delivery,
    /// The event it tells of.
    pub event: Event,
    /// The tenant, as it is now.
    pub tenant: Arc<Tenant>,
}

/// What a worker gets.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDeliveries {
    /// The claims, going round the tenants.
    pub claims: Vec<DeliveryClaim>,
    /// The store's clock.
    pub now: Timestamp,
    /// When there is next something to claim, as far as is known now; it may be past.
    pub next_ready: Option<Timestamp>,
}

/// A change to one delivery, with what must still be true for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryChange {
    /// The delivery afterwards.
    pub delivery: Delivery,
    /// The revision it must still have.
    pub revision: u64,
    /// The claim that must still hold, and ends with it; `None` if nobody may have claimed it.
    pub claim: Option<Uuid>,
}

/// Hands out deliveries to tenants' endpoints.
///
/// A tenant has an endpoint while its `webhook_url` is set. The events told from then on whose kind
/// [is public](crate::event::EventKind::is_public) are owed to it: whoever publishes writes nothing but the event, and
/// the store keeps a cursor of its own on the events, in the order in which they were committed. When a tenant's
/// `webhook_url` is cleared its deliveries rest, and go on when there is one again.
#[async_trait]
pub trait DeliveryStore: fmt::Debug + Send + Sync + 'static {
    /// Takes up what was told since, then claims deliveries that are due, no matter in which order; never more of one
    /// tenant than its share, so that no endpoint keeps others waiting. A claim that is not ended in its time is handed
    /// out again.
    ///
    /// # Errors
    /// As any method.
    async fn claim_deliveries(&self, request: ClaimRequest) -> Result<ClaimedDeliveries>;

    /// Executes changes, each for itself.
    ///
    /// # Errors
    /// As any method; then none is written, or, for [`StoreError::Lost`](super::StoreError::Lost), all or none.
    async fn apply_deliveries(
        &self,
        changes: &[DeliveryChange],
    ) -> Result<Vec<StdResult<(), Stale>>>;

    /// Reads a delivery that was taken up.
    ///
    /// # Errors
    /// As any method.
    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>>;

    /// Lists the deliveries that were taken up.
    ///
    /// # Errors
    /// As any method.
    async fn deliveries(&self, tenant: TenantId, page: PageRequest) -> Result<Page<Delivery>>;

    /// Waits until there may be something to deliver, or it is `until`.
    ///
    /// # Errors
    /// As any method.
    async fn wake_for_deliveries(&self, until: Timestamp) -> Result<()>;
}
