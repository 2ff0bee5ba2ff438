//! Deliveries as they stand in rows.

use std::time::Duration;

use shareville_core::{
    clock::Timestamp,
    delivery::Delivery,
    id::{EventId, TenantId},
    store::{DeliveryClaim, Result},
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{row::record, tenants::Tenants};

/// How many events are looked at in one go.
pub(crate) const STRIDE: i64 = 1000;

/// A lease of no length would hand out the same delivery twice in one call.
pub(crate) const SHORTEST_LEASE: Duration = Duration::from_micros(1);

/// A new event that is owed to an endpoint.
#[derive(Debug, FromRow)]
pub(crate) struct Owed {
    pub(crate) seq: i64,
    pub(crate) id: Uuid,
    pub(crate) tenant: Uuid,
    pub(crate) kind: String,
}

impl Owed {
    /// The delivery that is made of it.
    pub(crate) fn delivery(&self, now: Timestamp) -> Result<Delivery> {
        let tenant = TenantId::from_uuid(self.tenant);
        // Stored by its name, which is its JSON form.
        let kind = record(&format!("\"{}\"", self.kind))?;
        let event = EventId::from_uuid(self.id);
        Ok(Delivery::of(tenant, event, kind, now))
    }
}

/// A claimed delivery with all that is needed to send it: the nonce, the delivery, the event, and the tenant.
pub(crate) type Whole = (Uuid, String, String, Uuid, String);

/// Reads claimed deliveries. One that cannot be read stays leased, so that it stands in nobody's way.
pub(crate) fn claims(rows: Vec<Whole>) -> Vec<DeliveryClaim> {
    let mut tenants = Tenants::default();
    let mut claims = Vec::with_capacity(rows.len());
    for (nonce, delivery, event, id, tenant) in rows {
        let mut whole = || {
            let tenant = tenants.read(id, &tenant)?;
            Result::Ok((record(&delivery)?, record(&event)?, tenant))
        };
        match whole() {
            Ok((delivery, event, tenant)) => claims.push(DeliveryClaim {
                nonce,
                delivery,
                event,
                tenant,
            }),
            Err(error) => {
                tracing::error!(tenant = %id, error = &error as &dyn std::error::Error, "a delivery cannot be read");
            }
        }
    }
    claims
}
