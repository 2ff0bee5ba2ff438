//! What waits, in memory.

use async_trait::async_trait;

use super::MemoryStore;
use crate::store::{Backlog, BacklogStore, Result};

#[async_trait]
impl BacklogStore for MemoryStore {
    async fn backlog(&self) -> Result<Backlog> {
        let state = self.state();
        let now = self.clock.now();
        let (lanes, lanes_since) = state.lanes.waiting(now);
        let (deliveries, deliveries_since) = state.deliveries.waiting(now);
        Ok(Backlog {
            now,
            lanes,
            lanes_since,
            deliveries,
            deliveries_since,
        })
    }
}
