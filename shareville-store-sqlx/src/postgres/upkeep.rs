//! Connections whose tokens are to be looked after, in PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use shareville_core::{
    connection::Connection,
    store::{Result, UpkeepStore},
};
use sqlx::query_as;

use super::{PostgresStore, clock::now};
use crate::{error::failed, row::count, upkeep::read};

/// Claims connections that are due, passing over those that are locked. What is claimed already stands among the first in
/// the index, and is little.
pub(super) const CLAIM: &str = concat!(
    "WITH c AS MATERIALIZED (SELECT ",
    now!("$1"),
    " AS now),
     due AS MATERIALIZED (
         SELECT d.id FROM shareville_connections d
         WHERE d.upkeep_at <= (SELECT now FROM c) AND coalesce(d.upkeep_leased_until, 0) <= (SELECT now FROM c)
         ORDER BY d.upkeep_at, d.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE shareville_connections t SET upkeep_leased_until = (SELECT now FROM c) + $3
     FROM due WHERE t.id = due.id RETURNING t.upkeep_at, t.record"
);

#[async_trait]
impl UpkeepStore for PostgresStore {
    async fn claim_upkeep(&self, limit: usize, lease: Duration) -> Result<Vec<Connection>> {
        let lease = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 2);
        let mut on = self.lend().await?;
        let rows: Vec<(i64, String)> = query_as(CLAIM)
            .bind(self.clock.now())
            .bind(count(limit))
            .bind(lease)
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(read(rows))
    }
}
