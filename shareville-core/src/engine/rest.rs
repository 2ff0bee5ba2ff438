//! Waiting for work, and while the store fails: publishing and delivering go about it alike.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Timestamp, later},
    shareville::Shareville,
    store::StoreError,
};

/// The longest an idle worker waits before it asks again.
const IDLE: Duration = Duration::from_secs(5);

/// The shortest it waits when it found nothing.
const BREATH: Duration = Duration::from_millis(10);

/// How long it waits when the store fails.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Until when a worker waits that found nothing, where there is next something to do at `next_ready`.
pub(crate) fn next_look(now: Timestamp, next_ready: Option<Timestamp>) -> Timestamp {
    let idle = later(now, IDLE);
    next_ready.map_or(idle, |ready| ready.clamp(later(now, BREATH), idle))
}

/// Waits until the store has told of new work, or for a while if it cannot.
pub(crate) async fn rest(
    shareville: &Shareville,
    told: impl Future<Output = Result<(), StoreError>> + Send,
    shutdown: &CancellationToken,
) {
    let woken = shutdown.run_until_cancelled(told).await;
    if let Some(Err(error)) = woken {
        tracing::warn!(%error, "the store cannot tell of new work: asking again");
        pause(shareville, shutdown).await;
    }
}

/// Waits for a while, since the store fails.
pub(crate) async fn pause(shareville: &Shareville, shutdown: &CancellationToken) {
    let until = later(shareville.clock().now(), STORE_PAUSE);
    shutdown
        .run_until_cancelled(shareville.clock().sleep_until(until))
        .await;
}
