//! What waits, in PostgreSQL.

use async_trait::async_trait;
use shareville_core::store::{Backlog, BacklogStore, Result};
use sqlx::query_as;

use super::{PostgresStore, clock::now};
use crate::{error::failed, row::time};

/// Lanes that are ready and deliveries that have not ended, found tenant by tenant on their indexes.
const BACKLOG: &str = concat!(
    "SELECT c.now, l.waiting, l.first, d.waiting, d.first FROM (SELECT ",
    now!("$1"),
    " AS now) c
     CROSS JOIN LATERAL (
         SELECT count(*) AS waiting, min(l.ready_at) AS first FROM shareville_turns q
         JOIN shareville_lanes l ON l.tenant = q.tenant AND l.ready_at <= c.now
         WHERE q.turn IS NOT NULL) l
     CROSS JOIN LATERAL (
         SELECT count(*) AS waiting, min(d.ready_at) FILTER (WHERE d.ready_at <= c.now) AS first
         FROM shareville_endpoints q
         JOIN shareville_deliveries d ON d.tenant = q.tenant AND d.ready_at IS NOT NULL
         WHERE q.active) d"
);

#[async_trait]
impl BacklogStore for PostgresStore {
    async fn backlog(&self) -> Result<Backlog> {
        let mut on = self.lend().await?;
        let (now, lanes, lanes_since, deliveries, deliveries_since): (
            i64,
            i64,
            Option<i64>,
            i64,
            Option<i64>,
        ) = query_as(BACKLOG)
            .bind(self.clock.now())
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(Backlog {
            now: time(now),
            lanes: lanes.unsigned_abs(),
            lanes_since: lanes_since.map(time),
            deliveries: deliveries.unsigned_abs(),
            deliveries_since: deliveries_since.map(time),
        })
    }
}
