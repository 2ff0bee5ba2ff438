//! What time it is for the store: by the database's clock, or by one that a host gave it.

use std::sync::Arc;

use shareville_core::clock::{Clock, Timestamp, until};

use crate::row::micros;

/// Now in microseconds, in SQL: the parameter, if it is not null, else what the database's clock shows.
macro_rules! now {
    ($parameter:literal) => {
        concat!(
            "coalesce(",
            $parameter,
            "::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
        )
    };
}
pub(super) use now;

/// Lets the transaction be on the disk once it is committed, in SQL: a host's connection may be set not to wait for that.
macro_rules! durable {
    () => {
        "CASE WHEN current_setting('synchronous_commit') = 'off'
              THEN set_config('synchronous_commit', 'on', true) END"
    };
}
pub(super) use durable;

/// The clock a store goes by.
#[derive(Debug, Clone, Default)]
pub(super) struct StoreClock(pub(super) Option<Arc<dyn Clock>>);

impl StoreClock {
    /// What the statements take for `now!`.
    pub(super) fn now(&self) -> Option<i64> {
        self.0.as_ref().map(|clock| micros(clock.now()))
    }

    /// Sleeps from `now` to `time`, both by this clock; by the database's, it is a guess that is looked at again.
    pub(super) async fn sleep(&self, now: Timestamp, time: Timestamp) {
        match &self.0 {
            Some(clock) => clock.sleep_until(time).await,
            None => tokio::time::sleep(until(now, time)).await,
        }
    }
}
