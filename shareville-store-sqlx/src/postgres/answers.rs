//! What was answered to requests that can be sent again, in PostgreSQL.

use shareville_core::{
    id::TenantId,
    idempotency::{Answered, KeyHash},
    store::Result,
};
use sqlx::query_as;

use super::{PostgresStore, clock::now};
use crate::{answers::answer, error::failed};

/// An answer that is still kept.
pub(super) const ANSWER: &str = concat!(
    "SELECT request, answer FROM shareville_answers WHERE tenant = $1 AND key = $2 AND expires_at > (SELECT ",
    now!("$3"),
    ")"
);

impl PostgresStore {
    /// The answer that is kept under a key, if there is one.
    pub(super) async fn answer(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>> {
        let mut on = self.lend().await?;
        let row = query_as(ANSWER)
            .bind(tenant.as_uuid())
            .bind(&key.as_bytes()[..])
            .bind(self.clock.now())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        row.map(answer).transpose()
    }
}
