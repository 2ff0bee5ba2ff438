//! The port that hands out connections whose tokens are to be looked after.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::Result;
use crate::connection::Connection;

/// Hands out connections whose tokens are to be looked after, of all tenants.
#[async_trait]
pub trait UpkeepStore: fmt::Debug + Send + Sync + 'static {
    /// Claims up to `limit` connections that are [due](Connection::upkeep_at) by the store's clock, those first that have
    /// been due longest. Nobody else gets them before `lease` is over, whatever is written of them meanwhile.
    ///
    /// # Errors
    /// As any method.
    async fn claim_upkeep(&self, limit: usize, lease: Duration) -> Result<Vec<Connection>>;
}
