//! Connections whose tokens are to be looked after, in SQLite.

use std::time::Duration;

use async_trait::async_trait;
use shareville_core::{
    clock::later,
    connection::Connection,
    store::{Result, UpkeepStore},
};
use sqlx::query_as;

use super::SqliteStore;
use crate::{
    error::failed,
    row::{count, micros},
    upkeep::read,
};

/// Claims connections that are due. What is claimed already stands among the first in the index, and is little.
pub(super) const CLAIM: &str =
    "UPDATE shareville_connections SET upkeep_leased_until = ?3 WHERE id IN (
         SELECT id FROM shareville_connections
         WHERE upkeep_at <= ?1 AND coalesce(upkeep_leased_until, 0) <= ?1 ORDER BY upkeep_at, id LIMIT ?2)
     RETURNING upkeep_at, record";

#[async_trait]
impl UpkeepStore for SqliteStore {
    async fn claim_upkeep(&self, limit: usize, lease: Duration) -> Result<Vec<Connection>> {
        let mut write = self.write().await?;
        let now = self.clock.now();
        let rows: Vec<(i64, String)> = query_as(CLAIM)
            .bind(micros(now))
            .bind(count(limit))
            .bind(micros(later(now, lease)))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(read(rows))
    }
}
