//! Connections whose tokens are to be looked after, in memory.

use std::time::Duration;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    clock::later,
    connection::Connection,
    store::{Result, UpkeepStore},
};

#[async_trait]
impl UpkeepStore for MemoryStore {
    async fn claim_upkeep(&self, limit: usize, lease: Duration) -> Result<Vec<Connection>> {
        let mut guard = self.state();
        let state = &mut *guard;
        let now = self.clock.now();
        // With the claims that are over go those of connections that are gone.
        state.upkeep.retain(|_, leased_until| *leased_until > now);
        let free = state.connections.values();
        let free = free.filter(|it| !state.upkeep.contains_key(&it.id));
        let mut due: Vec<_> = free
            .filter_map(|it| Some((it.upkeep_at()?, it)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_by_key(|(at, connection)| (*at, connection.id));
        due.truncate(limit);
        let claimed: Vec<_> = due.into_iter().map(|(_, it)| it.clone()).collect();
        let until = later(now, lease);
        state.upkeep.extend(claimed.iter().map(|it| (it.id, until)));
        Ok(claimed)
    }
}
