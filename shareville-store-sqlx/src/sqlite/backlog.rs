//! What waits, in SQLite.

use async_trait::async_trait;
use shareville_core::store::{Backlog, BacklogStore, Result};
use sqlx::query_as;

use super::SqliteStore;
use crate::{
    error::failed,
    row::{micros, time},
};

/// Lanes that are ready, found tenant by tenant on their index.
pub(super) const LANES: &str = "SELECT count(*), min(l.ready_at) FROM shareville_turns q
     CROSS JOIN shareville_lanes l ON l.tenant = q.tenant AND l.ready_at <= ?1
     WHERE q.turn >= 0";

/// Deliveries that have not ended, and since when the first one waits.
pub(super) const DELIVERIES: &str =
    "SELECT count(*), min(d.ready_at) FILTER (WHERE d.ready_at <= ?1) FROM shareville_endpoints q
     CROSS JOIN shareville_deliveries d ON d.tenant = q.tenant AND d.ready_at IS NOT NULL
     WHERE q.turn >= 0";

#[async_trait]
impl BacklogStore for SqliteStore {
    async fn backlog(&self) -> Result<Backlog> {
        let now = self.clock.now();
        let waiting = async |sql| -> Result<(u64, _)> {
            let (number, since): (i64, Option<i64>) = query_as(sql)
                .bind(micros(now))
                .fetch_one(&self.reads)
                .await
                .map_err(failed)?;
            Ok((number.unsigned_abs(), since.map(time)))
        };
        let (lanes, lanes_since) = waiting(LANES).await?;
        let (deliveries, deliveries_since) = waiting(DELIVERIES).await?;
        Ok(Backlog {
            now,
            lanes,
            lanes_since,
            deliveries,
            deliveries_since,
        })
    }
}
