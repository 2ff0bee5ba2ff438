//! Waiting for work, and while the store fails: publishing and delivering go about it alike.

use std::time::Duration;

use tokio::{sync::Semaphore, time::timeout};
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

/// The longest a busy worker waits for more of its slots to be free. To claim costs the store a good deal before the first
/// that is found, so it is done for several at once.
const GATHER: Duration = Duration::from_millis(5);

/// Waits for a free slot; and while few of `all` are, for a moment, or until a quarter is.
pub(crate) async fn gather(slots: &Semaphore, all: usize) {
    // Nobody closes it; and whether a quarter was reached or not, what is free by now is claimed for.
    drop(slots.acquire().await);
    let quarter = u32::try_from(all / 4).unwrap_or(u32::MAX);
    drop(timeout(GATHER, slots.acquire_many(quarter)).await);
}

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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn few_free_slots_should_be_waited_for_no_longer_than_a_moment() {
        let slots = Semaphore::new(8);
        let begun = Instant::now();
        gather(&slots, 8).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "all are free");
        let mut busy = slots.acquire_many(7).await.unwrap();
        gather(&slots, 8).await;
        assert!(begun.elapsed() >= GATHER);
        assert_eq!(slots.available_permits(), 1);
        drop(busy.split(1));
        let begun = Instant::now();
        gather(&slots, 8).await;
        assert_eq!(begun.elapsed(), Duration::ZERO, "a quarter is free");
        assert_eq!(slots.available_permits(), 2);
        gather(&Semaphore::new(1), 1).await;
    }
}
