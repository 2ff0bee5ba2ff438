//! When a connection's token is looked after: a pure rule.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Connection, ConnectionStatus};
use crate::clock::{Timestamp, later, until};

/// How long at most a token is used without anybody asking whether it still works.
const CHECKED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// How old a token is before it is renewed, unless it has not long to live: Instagram renews none that is younger
/// (graph-api.md 4.3, D-IGLOG).
const YOUNGEST: Duration = Duration::from_secs(24 * 3600);

/// By how much later a renewed token must end than the one before: platforms round.
const NO_LATER: Duration = Duration::from_secs(60);

/// How a connection's token is looked after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// Since when the connection has this token; `None` if nobody wrote that down: then since it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_since: Option<Timestamp>,
    /// When to look after it next; `None` for at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// How often in a row that could not be done.
    pub failures: u32,
    /// When the tenant was told that this token is about to end; `None` if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
}

impl Upkeep {
    /// Of a token that has just come.
    pub(crate) fn of_new_token(now: Timestamp) -> Self {
        Self {
            token_since: Some(now),
            ..Self::default()
        }
    }
}

impl Connection {
    /// When its token is to be looked after, for stores: `None` for one that is broken.
    #[must_use]
    pub fn upkeep_at(&self) -> Option<Timestamp> {
        let at = self.upkeep.next_at.unwrap_or(Timestamp::UNIX_EPOCH);
        (self.status == ConnectionStatus::Active).then_some(at)
    }

    /// When its token is to be renewed: after a third of its life, and not before it is a day old; `None` if it does not
    /// end.
    fn renewal_at(&self) -> Option<Timestamp> {
        let ends = self.expires_at?;
        let since = self.upkeep.token_since.unwrap_or(self.created_at);
        let life = until(since, ends);
        Some(later(since, (life / 3).max(YOUNGEST.min(life / 2))))
    }

    /// Whether its token is to be renewed by now.
    pub(crate) fn is_to_be_renewed(&self, now: Timestamp) -> bool {
        self.renewal_at().is_some_and(|at| at <= now)
    }

    /// Whether its token would last longer, if it ended then.
    pub(crate) fn would_last_longer(&self, expires_at: Option<Timestamp>) -> bool {
        match (self.expires_at, expires_at) {
            (Some(before), Some(after)) => after > later(before, NO_LATER),
            (before, after) => before.is_some() && after.is_none(),
        }
    }

    /// Whether the tenant is to be told that its token ends: within that time, though it was to be renewed before.
    pub(crate) fn is_to_be_told(&self, now: Timestamp, within: Duration) -> bool {
        let ends_soon = self
            .expires_at
            .is_some_and(|ends| ends <= later(now, within));
        ends_soon && self.is_to_be_renewed(now) && self.upkeep.told_at.is_none()
    }

    /// It was looked after: says when to do so again. `jitter`, from 0 to 1, spreads those that came together.
    pub(crate) fn plan_upkeep(&mut self, now: Timestamp, within: Duration, jitter: f64) {
        let jitter = jitter.clamp(0.0, 1.0);
        let spread = |whole: Duration, part: f64| whole.mul_f64(part * jitter);
        let check = later(now, CHECKED_WITHIN * 3 / 4 + spread(CHECKED_WITHIN, 0.25));
        let life = self
            .expires_at
            .map_or(Duration::ZERO, |ends| until(now, ends));
        let turning_points = [
            self.renewal_at().map(|at| later(at, spread(life, 0.05))),
            self.expires_at
                .map(|ends| later(now, until(now, ends).saturating_sub(within))),
            self.expires_at,
        ];
        let ahead = turning_points.into_iter().flatten().filter(|at| *at > now);
        self.upkeep.next_at = Some(ahead.fold(check, Timestamp::min));
        self.upkeep.failures = 0;
    }

    /// It could not be looked after, and is to be again at a time that the number of failures tells.
    pub(crate) fn put_off_upkeep(&mut self, until: impl FnOnce(u32) -> Timestamp) {
        self.upkeep.failures = self.upkeep.failures.saturating_add(1);
        self.upkeep.next_at = Some(until(self.upkeep.failures));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::store::{START, new_connection, new_tenant};

    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

    fn at(hours: i64) -> Timestamp {
        START + TimeDelta::hours(hours)
    }

    /// A connection with a token that came at the start and lasts for so many hours.
    fn lasting(hours: Option<i64>) -> Connection {
        let mut connection = new_connection(&new_tenant("owner", START), "user", "person");
        connection.expires_at = hours.map(at);
        connection.upkeep = Upkeep::of_new_token(START);
        connection
    }

    #[test]
    fn a_token_should_be_renewed_after_a_third_of_its_life_and_never_young() {
        for (life, renewed) in [(60 * 24, 20 * 24), (3 * 24, 24), (48, 24), (36, 18), (2, 1)] {
            let connection = lasting(Some(life));
            let just_before = at(renewed) - TimeDelta::microseconds(1);
            assert!(!connection.is_to_be_renewed(just_before), "{life} hours");
            assert!(connection.is_to_be_renewed(at(renewed)), "{life} hours");
        }
        assert!(!lasting(None).is_to_be_renewed(at(100_000)));
    }

    #[test]
    fn a_token_should_be_looked_after_within_a_day_and_at_its_turning_points() {
        let next = |hours, jitter| {
            let mut connection = lasting(hours);
            connection.upkeep.failures = 3;
            connection.plan_upkeep(START, WEEK, jitter);
            assert_eq!(connection.upkeep.failures, 0);
            connection.upkeep_at().unwrap()
        };
        assert_eq!(next(None, 0.0), at(18));
        assert_eq!(next(None, 1.0), at(24));
        assert_eq!(next(Some(60 * 24), 1.0), at(24));
        assert_eq!(next(Some(20), 0.0), at(10), "renewed");
        assert_eq!(next(Some(20), 1.0), at(11), "renewed, a little later");
        assert_eq!(next(Some(7 * 24 + 5), 1.0), at(5), "told of");
        let mut late = lasting(Some(20));
        late.plan_upkeep(at(12), WEEK, 1.0);
        assert_eq!(late.upkeep_at(), Some(at(20)), "at its end");
    }

    #[test]
    fn a_tenant_should_be_told_once_of_a_token_that_was_to_be_renewed_and_ends() {
        let mut connection = lasting(Some(60 * 24));
        assert!(!connection.is_to_be_told(at(53 * 24 - 1), WEEK));
        assert!(connection.is_to_be_told(at(53 * 24), WEEK));
        connection.upkeep.told_at = Some(at(53 * 24));
        assert!(!connection.is_to_be_told(at(54 * 24), WEEK));
        let short = lasting(Some(40));
        assert!(
            !short.is_to_be_told(at(1), WEEK),
            "its renewal is yet to come"
        );
        assert!(short.is_to_be_told(at(20), WEEK));
    }

    #[test]
    fn a_broken_connection_should_not_be_looked_after() {
        let mut connection = lasting(None);
        assert_eq!(connection.upkeep_at(), Some(Timestamp::UNIX_EPOCH));
        connection.status = ConnectionStatus::ReauthorizationRequired;
        assert_eq!(connection.upkeep_at(), None);
    }
}
