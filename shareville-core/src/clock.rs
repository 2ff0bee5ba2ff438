//! Time, injected: everything that asks for the time asks a [`Clock`].

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::sync::watch;

/// A point in time, UTC, in whole microseconds (what every store can keep).
pub type Timestamp = DateTime<Utc>;

/// Tells the time and waits for it.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now, in whole microseconds.
    fn now(&self) -> Timestamp;

    /// Returns once [`now`](Self::now) has reached `time`.
    async fn sleep_until(&self, time: Timestamp);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Utc::now().trunc_subsecs(6)
    }

    async fn sleep_until(&self, time: Timestamp) {
        // In slices, so that a machine that was suspended, or whose clock was set, wakes soon after.
        const SLICE: Duration = Duration::from_secs(10);
        while let Ok(left) = (time - Utc::now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLICE)).await;
        }
    }
}

/// A clock that stands still until it is told to go on: for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(now.trunc_subsecs(6)),
        }
    }

    /// Lets time pass; whoever slept until a time now past wakes up.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = later(*now, by));
    }

    /// Sets the time.
    pub fn set(&self, to: Timestamp) {
        self.now.send_replace(to.trunc_subsecs(6));
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, time: Timestamp) {
        let mut now = self.now.subscribe();
        // An error would mean that the sender is gone, but `self` holds it.
        let _ = now.wait_for(|now| *now >= time).await;
    }
}

/// `time` plus `by`; the end of time, where that would overflow.
#[must_use]
pub fn later(time: Timestamp, by: Duration) -> Timestamp {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| time.checked_add_signed(by))
        .unwrap_or(Timestamp::MAX_UTC)
        .trunc_subsecs(6)
}

/// How long it is from `from` until `to`; zero if that is past.
#[must_use]
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

/// Until when a commit may be sent and waited for, counted on this machine.
///
/// It ends at the earlier of monotonic and wall time, and is checked each time before the request is polled: a
/// process that was frozen or suspended past its deadline sends nothing when it wakes.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    monotonic: Instant,
    wall: SystemTime,
}

impl Deadline {
    /// A deadline `after` from now.
    #[must_use]
    pub fn after(after: Duration) -> Self {
        Self {
            monotonic: Instant::now() + after,
            wall: SystemTime::now() + after,
        }
    }

    /// Whether it is past.
    #[must_use]
    pub fn is_past(&self) -> bool {
        Instant::now() >= self.monotonic || SystemTime::now() >= self.wall
    }

    /// What is left of it.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let monotonic = self.monotonic.saturating_duration_since(Instant::now());
        let wall = self
            .wall
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        monotonic.min(wall)
    }

    /// Runs `work` under this deadline.
    ///
    /// # Errors
    /// [`TooLate::NotStarted`] if the deadline was past before `work` was first polled, so that it did nothing;
    /// [`TooLate::Unfinished`] if it was under way: what it did is unknown.
    pub async fn guard<F: Future>(self, work: F) -> Result<F::Output, TooLate> {
        let mut work = pin!(work);
        // Only wakes the task; whether it is too late is asked anew at each poll.
        let mut alarm = pin!(tokio::time::sleep(self.remaining()));
        let mut started = false;
        poll_fn(|context| {
            if self.is_past() || alarm.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(match started {
                    true => TooLate::Unfinished,
                    false => TooLate::NotStarted,
                }));
            }
            started = true;
            work.as_mut().poll(context).map(Ok)
        })
        .await
    }
}

/// Work that a [`Deadline`] cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLate {
    /// The deadline was past before the work began: nothing was done.
    #[error("the deadline was past before the call was sent")]
    NotStarted,
    /// The deadline passed while the work was under way.
    #[error("the deadline passed while the call was under way")]
    Unfinished,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_that_is_past_should_not_even_poll_the_work() {
        let deadline = Deadline::after(Duration::ZERO);
        let mut polled = false;
        let outcome = deadline.guard(async { polled = true }).await;
        assert_eq!(outcome, Err(TooLate::NotStarted));
        assert!(!polled);
    }

    #[tokio::test]
    async fn a_deadline_should_cut_off_work_that_never_ends() {
        let deadline = Deadline::after(Duration::from_millis(5));
        let outcome = deadline.guard(std::future::pending::<()>()).await;
        assert_eq!(outcome, Err(TooLate::Unfinished));
    }

    #[tokio::test]
    async fn a_manual_clock_should_wake_whoever_waits() {
        let start = SystemClock.now();
        let clock = ManualClock::at(start);
        let asleep = clock.sleep_until(start + TimeDelta::seconds(5));
        let mut asleep = pin!(asleep);
        assert!(futures::poll!(asleep.as_mut()).is_pending());
        clock.advance(Duration::from_secs(5));
        asleep.await;
    }
}
