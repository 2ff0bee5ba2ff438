//! The port that tells how far behind the workers are.

use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::Result;
use crate::clock::Timestamp;

/// What waits for workers, of all tenants together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The store's clock.
    pub now: Timestamp,
    /// How many lanes are ready and not claimed.
    pub lanes: u64,
    /// Since when the first of them is ready.
    pub lanes_since: Option<Timestamp>,
    /// How many deliveries to endpoints have not ended. What was told since workers last looked is not taken up yet,
    /// and does not count.
    pub deliveries: u64,
    /// Since when the first delivery that nobody has claimed is due; `None` if none is.
    pub deliveries_since: Option<Timestamp>,
}

impl Backlog {
    /// How long the lane that was ready first has been waiting: the due lag.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.waited(self.lanes_since)
    }

    /// How long the delivery that was due first has been waiting.
    #[must_use]
    pub fn delivery_lag(&self) -> Duration {
        self.waited(self.deliveries_since)
    }

    fn waited(&self, since: Option<Timestamp>) -> Duration {
        let waited = since.and_then(|since| (self.now - since).to_std().ok());
        waited.unwrap_or_default()
    }
}

/// Tells how far behind the workers are.
#[async_trait]
pub trait BacklogStore: fmt::Debug + Send + Sync + 'static {
    /// Counts what waits. A tenant at its cap counts too; a lane that is paused or held does not. Deliveries of a tenant
    /// without an endpoint rest, and do not count.
    ///
    /// It may cost as much as there are tenants, and what is ready: it is for somebody who asks every few seconds.
    ///
    /// # Errors
    /// As any method.
    async fn backlog(&self) -> Result<Backlog>;
}
