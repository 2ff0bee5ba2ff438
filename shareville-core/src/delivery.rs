//! Deliveries: telling a tenant's endpoint of one event, attempt by attempt, until it has it or about a day is over.
//!
//! What becomes of a delivery is computed here, purely; a store writes it, guarded by its revision.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    clock::{Timestamp, later},
    event::EventKind,
    id::{DeliveryId, EventId, TenantId},
    post::back_off,
};

/// How long an event is tried to be delivered before it is a dead letter.
pub const DELIVERY_LIFE: Duration = Duration::from_secs(86_400);

/// How many attempts are kept in the log of one delivery: the last ones.
pub const KEPT_ATTEMPTS: usize = 50;

/// The longest back-off, in units of the base: 2 hours for a base of 5 seconds.
const CAP: u32 = 1440;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryStatus {
    /// The endpoint does not have it yet.
    Pending,
    /// The endpoint answered with a status from 200 to 299.
    Delivered,
    /// A dead letter: given up, and sent again only if the owner says so.
    Dead,
}

impl DeliveryStatus {
    /// The status's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// Why an attempt got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// The endpoint's address may not be called: it is private, or its URL is not allowed.
    AddressRefused,
    /// The endpoint's name has no address.
    NameUnknown,
    /// No connection could be made: nobody listens there, or its certificate is wrong.
    NotConnected,
    /// No answer came in time.
    TimedOut,
    /// The connection broke before there was an answer.
    NoAnswer,
    /// It could not be signed or made: the server's operator finds the cause in the log.
    NotSent,
}

impl Trouble {
    /// What it is, for people.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::AddressRefused => {
                "the endpoint's address may not be called: it must be https on a public address"
            }
            Self::NameUnknown => "the endpoint's host name has no address",
            Self::NotConnected => {
                "no connection could be made: nobody listens there, or the certificate is wrong"
            }
            Self::TimedOut => "no answer came in time",
            Self::NoAnswer => "the connection broke before there was an answer",
            Self::NotSent => {
                "it could not be made or signed: the server's operator finds the cause in the log"
            }
        }
    }
}

/// How an attempt ended. Of an answer only the status is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The endpoint answered with this HTTP status.
    Answered(u16),
    /// It did not answer.
    Failed(Trouble),
}

impl Outcome {
    /// Whether the endpoint has taken it: a redirect is no such answer, since none is followed.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Answered(200..=299))
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// By which times deliveries are tried again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeliveryPace {
    /// The first back-off.
    pub base: Duration,
    /// Where in its span a back-off falls: 0 is half of it, 1 the whole.
    pub jitter: f64,
}

impl DeliveryPace {
    /// How long to wait after the `attempt`th failed attempt, from 1: base × 4^(n−1), at most 1440 × base, between half
    /// of that and the whole.
    ///
    /// ```
    /// use std::time::Duration;
    /// use shareville_core::delivery::DeliveryPace;
    ///
    /// let pace = DeliveryPace { base: Duration::from_secs(5), jitter: 1.0 };
    /// let waits: Vec<_> = (1..=8).map(|n| pace.back_off(n).as_secs()).collect();
    /// assert_eq!(waits, [5, 20, 80, 320, 1280, 5120, 7200, 7200]);
    /// ```
    #[must_use]
    pub fn back_off(&self, attempt: u32) -> Duration {
        back_off(self.base, CAP, attempt, self.jitter)
    }
}

/// One event on its way to a tenant's endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id: the event's, since each event goes to one endpoint.
    pub id: DeliveryId,
    /// The tenant.
    pub tenant: TenantId,
    /// What happened.
    pub kind: EventKind,
    /// Raised by each change.
    pub revision: u64,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried since it was last asked for.
    pub tries: u32,
    /// The last attempts, the first of them first.
    pub attempts: Vec<Attempt>,
    /// When it is tried next; `None` once it has ended.
    pub next_attempt_at: Option<Timestamp>,
    /// Beyond this time it is not tried again.
    pub give_up_at: Timestamp,
    /// When it was taken up.
    pub created_at: Timestamp,
}

impl Delivery {
    /// An event that is to be delivered from `now` on.
    #[must_use]
    pub fn of(tenant: TenantId, event: EventId, kind: EventKind, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::from_uuid(event.as_uuid()),
            tenant,
            kind,
            revision: 1,
            status: DeliveryStatus::Pending,
            tries: 0,
            attempts: Vec::new(),
            next_attempt_at: Some(now),
            give_up_at: later(now, DELIVERY_LIFE),
            created_at: now,
        }
    }

    /// The event it tells of; the same for every attempt.
    #[must_use]
    pub const fn event(&self) -> EventId {
        EventId::from_uuid(self.id.as_uuid())
    }

    /// What it is after an attempt: delivered, tried again later, or a dead letter.
    #[must_use]
    pub fn after(&self, attempt: Attempt, pace: &DeliveryPace) -> Self {
        let mut next = self.clone();
        next.revision += 1;
        next.tries = next.tries.saturating_add(1);
        next.attempts.push(attempt);
        let surplus = next.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        next.attempts.drain(..surplus);
        let ended = later(attempt.at, attempt.took);
        let again = later(ended, pace.back_off(next.tries));
        (next.status, next.next_attempt_at) = match attempt.outcome {
            done if done.is_success() => (DeliveryStatus::Delivered, None),
            _ if again > self.give_up_at => (DeliveryStatus::Dead, None),
            _ => (DeliveryStatus::Pending, Some(again)),
        };
        next
    }

    /// The same to be sent from `now` on, for about a day, whatever became of it before.
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        Self {
            revision: self.revision + 1,
            status: DeliveryStatus::Pending,
            tries: 0,
            next_attempt_at: Some(now),
            give_up_at: later(now, DELIVERY_LIFE),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store::START;

    const BASE: Duration = Duration::from_secs(5);

    fn pace(jitter: f64) -> DeliveryPace {
        DeliveryPace { base: BASE, jitter }
    }

    fn fresh() -> Delivery {
        let (tenant, event) = (TenantId::generate(), EventId::generate());
        Delivery::of(tenant, event, EventKind::PostPublished, START)
    }

    fn attempt(delivery: &Delivery, outcome: Outcome) -> Attempt {
        Attempt {
            at: delivery.next_attempt_at.unwrap(),
            took: Duration::from_millis(80),
            outcome,
        }
    }

    #[test]
    fn a_dead_endpoint_should_be_tried_for_about_a_day() {
        for jitter in [0.0, 0.5, 1.0] {
            let mut delivery = fresh();
            while delivery.status == DeliveryStatus::Pending {
                let refused = attempt(&delivery, Outcome::Failed(Trouble::NotConnected));
                delivery = delivery.after(refused, &pace(jitter));
            }
            assert_eq!(delivery.status, DeliveryStatus::Dead);
            assert_eq!(delivery.next_attempt_at, None);
            let last = delivery.attempts.last().unwrap().at;
            let span = (last - START).to_std().unwrap();
            assert!(span > DELIVERY_LIFE - Duration::from_secs(7200), "{span:?}");
            assert!(span <= DELIVERY_LIFE, "{span:?}");
            assert!((15..=30).contains(&delivery.tries), "{}", delivery.tries);
        }
    }

    #[test]
    fn only_a_status_of_200_to_299_should_be_a_success() {
        for status in [200, 204, 299] {
            let delivered = fresh().after(attempt(&fresh(), Outcome::Answered(status)), &pace(1.0));
            assert_eq!(delivered.status, DeliveryStatus::Delivered, "{status}");
            assert_eq!(delivered.next_attempt_at, None);
        }
        for status in [100, 301, 307, 400, 410, 429, 500, 503] {
            let failed = fresh().after(attempt(&fresh(), Outcome::Answered(status)), &pace(1.0));
            assert_eq!(failed.status, DeliveryStatus::Pending, "{status}");
            let ended = START + Duration::from_millis(80);
            assert_eq!(failed.next_attempt_at, Some(ended + BASE), "{status}");
        }
    }

    #[test]
    fn a_dead_letter_should_have_another_day_when_it_is_sent_again() {
        let mut dead = fresh();
        while dead.status != DeliveryStatus::Dead {
            dead = dead.after(attempt(&dead, Outcome::Answered(500)), &pace(1.0));
        }
        let now = START + Duration::from_secs(10 * 86_400);
        let again = dead.again(now);
        assert_eq!(again.event(), dead.event());
        assert_eq!(again.attempts, dead.attempts, "the log stays");
        let tried = again.after(attempt(&again, Outcome::Answered(500)), &pace(1.0));
        assert_eq!(tried.status, DeliveryStatus::Pending);
    }

    #[test]
    fn the_log_should_not_grow_without_end() {
        let mut delivery = fresh();
        for _ in 0..3 * KEPT_ATTEMPTS {
            delivery = delivery.again(START);
            let failed = attempt(&delivery, Outcome::Answered(500));
            delivery = delivery.after(failed, &pace(1.0));
        }
        assert_eq!(delivery.attempts.len(), KEPT_ATTEMPTS);
    }
}
