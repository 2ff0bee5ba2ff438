//! What is left of the calls that an app may make, by what the platform says with each answer.
//!
//! Source: graph-api.md 7 (D-VER rate limiting): optional calls stop at 75 %, all but commits and what finds out
//! what became of them at 90 %, everything at 100 % and while the platform wants to be left alone. Calls made while limited
//! prolong the block.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use shareville_core::{
    clock::{Timestamp, later, until},
    failure::LimitScope,
};

use super::usage::{Gauge, Usage};
use crate::error::Step;

/// After how long a gauge says nothing any more: the hour it is about rolls on, and where nothing may be called nothing
/// tells how far it has.
const LIFE: Duration = Duration::from_secs(5 * 60);

/// The longest that one answer can keep calls back: the budgets are of an hour and of a day.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// From how many gauges on those that are over are thrown away.
const CROWD: usize = 10_000;

/// How badly a call is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nobody misses it.
    Optional,
    /// It gets something done.
    Ordinary,
    /// It makes visible what has been prepared, or finds out whether that was done: a look of two calls must not stop
    /// after the first where commits go on.
    Commit,
}

impl Need {
    /// How badly a call for this step is needed, unless it is said otherwise.
    pub(crate) const fn of(step: Step) -> Self {
        match step {
            Step::Commit => Self::Commit,
            _ => Self::Ordinary,
        }
    }

    /// From which percentage on it is not made.
    const fn limit(self) -> f64 {
        match self {
            Self::Optional => 75.0,
            Self::Ordinary => 90.0,
            Self::Commit => 100.0,
        }
    }
}

/// Why a call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Withheld {
    /// For how long.
    pub(crate) rest: Duration,
    /// What must be left alone.
    pub(crate) scope: LimitScope,
}

/// What each app, and each account by each app, has used of its calls: of one process, and shared by all clones of a
/// [`Graph`](super::Graph). Another app has a budget of its own, so one tenant's exhausted app slows nobody else's.
#[derive(Default)]
pub(crate) struct Budget {
    apps: Mutex<HashMap<String, AppBudget>>,
}

#[derive(Debug, Default)]
struct AppBudget {
    own: Option<Reading>,
    /// By the id of the Page, account or business.
    objects: HashMap<String, Reading>,
}

/// What the platform said, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    percent: f64,
    at: Timestamp,
    rest_until: Option<Timestamp>,
}

impl Reading {
    fn new(gauge: &Gauge, rest: Option<Duration>, now: Timestamp) -> Self {
        let percent = [gauge.call_count, gauge.total_cputime, gauge.total_time]
            .into_iter()
            .fold(0.0, f64::max);
        Self {
            percent,
            at: now,
            rest_until: rest.map(|rest| later(now, rest.min(LONGEST_REST))),
        }
    }

    /// How long a call has to wait, if it has to.
    fn rest(&self, need: Need, now: Timestamp) -> Option<Duration> {
        let over = later(self.at, LIFE);
        let used_up = (self.percent >= need.limit() && now < over).then_some(over);
        let end = used_up.max(self.rest_until.filter(|end| now < *end))?;
        Some(until(now, end))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now >= later(self.at, LIFE) && self.rest_until.is_none_or(|end| now >= end)
    }

    /// Of two that one answer gives for the same, the one that keeps back more.
    fn stricter(self, other: Self) -> Self {
        Self {
            percent: self.percent.max(other.percent),
            at: self.at.max(other.at),
            rest_until: self.rest_until.max(other.rest_until),
        }
    }
}

impl Budget {
    /// Whether a call must not be made now.
    pub(crate) fn withheld(
        &self,
        app: &str,
        object: Option<&str>,
        need: Need,
        now: Timestamp,
    ) -> Option<Withheld> {
        let apps = self.apps();
        let known = apps.get(app)?;
        let rest = |reading: Option<&Reading>, scope| {
            let rest = reading?.rest(need, now)?;
            Some(Withheld { rest, scope })
        };
        // The whole app first: who leaves only one account alone would come back too soon with the next.
        rest(known.own.as_ref(), LimitScope::App).or_else(|| {
            let reading = known.objects.get(object?);
            rest(reading, LimitScope::Account)
        })
    }

    /// Heeds what an answer says. What it does not say stays as it was.
    pub(crate) fn heed(&self, app: &str, object: Option<&str>, usage: &Usage, now: Timestamp) {
        let mut told: HashMap<&str, Reading> = HashMap::new();
        let mut tell = |id, reading: Reading| {
            let before = told.get(id).copied();
            told.insert(id, before.map_or(reading, |it| it.stricter(reading)));
        };
        for (id, business) in &usage.business {
            tell(
                id,
                Reading::new(&business.gauge, business.regain_after(), now),
            );
        }
        if let (Some(object), Some(page)) = (object, &usage.page) {
            tell(object, Reading::new(page, None, now));
        }
        // A business's budget is named by the business: it limits what was called all the same.
        if let Some(object) = object.filter(|object| !told.contains_key(object)) {
            let all = told.values().copied().reduce(Reading::stricter);
            if let Some(all) = all {
                told.insert(object, all);
            }
        }
        let own = usage.app.map(|gauge| Reading::new(&gauge, None, now));
        if own.is_none() && told.is_empty() {
            return;
        }
        let mut apps = self.apps();
        let known = apps.entry(app.to_owned()).or_default();
        known.own = own.or(known.own);
        for (id, reading) in told {
            known.objects.insert(id.to_owned(), reading);
        }
        tidy(&mut apps, now);
    }

    fn apps(&self) -> MutexGuard<'_, HashMap<String, AppBudget>> {
        // Each change is whole: what another thread left when it panicked can be used.
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Throws away what is over, once there is much of it.
fn tidy(apps: &mut HashMap<String, AppBudget>, now: Timestamp) {
    let many = apps
        .values()
        .map(|app| app.objects.len() + 1)
        .sum::<usize>()
        > CROWD;
    if many {
        apps.retain(|_, app| {
            app.own = app.own.filter(|reading| !reading.is_over(now));
            app.objects.retain(|_, reading| !reading.is_over(now));
            app.own.is_some() || !app.objects.is_empty()
        });
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use shareville_core::clock::{Clock as _, SystemClock};

    use super::*;

    fn said(name: &'static str, value: &str) -> Usage {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        Usage::from_headers(&headers)
    }

    fn app_usage(percent: u32) -> Usage {
        said("x-app-usage", &format!(r#"{{"call_count":{percent}}}"#))
    }

    #[test]
    fn each_kind_of_call_should_stop_at_its_own_percentage() {
        let now = SystemClock.now();
        for (percent, stopped) in [
            (74, [false, false, false]),
            (75, [true, false, false]),
            (89, [true, false, false]),
            (90, [true, true, false]),
            (99, [true, true, false]),
            (100, [true, true, true]),
            (140, [true, true, true]),
        ] {
            let budget = Budget::default();
            budget.heed("app", None, &app_usage(percent), now);
            let needs = [Need::Optional, Need::Ordinary, Need::Commit];
            let withheld = needs.map(|need| budget.withheld("app", None, need, now).is_some());
            assert_eq!(withheld, stopped, "{percent}");
        }
    }

    #[test]
    fn processor_and_run_time_should_count_as_calls_do() {
        let now = SystemClock.now();
        for name in ["call_count", "total_cputime", "total_time"] {
            let budget = Budget::default();
            let usage = said("x-app-usage", &format!(r#"{{"{name}":100}}"#));
            budget.heed("app", None, &usage, now);
            assert!(budget.withheld("app", None, Need::Commit, now).is_some());
        }
    }

    #[test]
    fn a_gauge_should_be_forgotten_after_a_while_and_a_rest_kept_to_its_end() {
        let now = SystemClock.now();
        let budget = Budget::default();
        budget.heed("app", None, &app_usage(100), now);
        let withheld = |after: Duration| {
            let then = later(now, after);
            budget.withheld("app", Some("1"), Need::Commit, then)
        };
        assert_eq!(withheld(Duration::ZERO).unwrap().rest, LIFE);
        assert!(withheld(LIFE - Duration::from_secs(1)).is_some());
        assert_eq!(withheld(LIFE), None);

        let business =
            r#"{"1":[{"type":"pages","call_count":3,"estimated_time_to_regain_access":10}]}"#;
        let usage = said("x-business-use-case-usage", business);
        budget.heed("app", Some("1"), &usage, now);
        let rest = withheld(Duration::from_secs(9 * 60)).unwrap();
        assert_eq!(rest.rest, Duration::from_secs(60));
        assert_eq!(rest.scope, LimitScope::Account);
        assert_eq!(withheld(Duration::from_secs(10 * 60)), None);
    }

    #[test]
    fn a_rest_should_end_within_a_day_whatever_is_said() {
        let now = SystemClock.now();
        let budget = Budget::default();
        let usage = said(
            "x-business-use-case-usage",
            r#"{"1":[{"estimated_time_to_regain_access":1e9}]}"#,
        );
        budget.heed("app", None, &usage, now);
        let rest = budget
            .withheld("app", Some("1"), Need::Commit, now)
            .unwrap();
        assert_eq!(rest.rest, LONGEST_REST);
    }

    #[test]
    fn one_account_should_not_stop_another_nor_one_app_another() {
        let now = SystemClock.now();
        let budget = Budget::default();
        let usage = said(
            "x-business-use-case-usage",
            r#"{"1":[{"type":"pages","call_count":100}]}"#,
        );
        budget.heed("app", Some("1"), &usage, now);
        let stopped = |app, object| {
            let withheld = budget.withheld(app, Some(object), Need::Commit, now);
            withheld.map(|withheld| withheld.scope)
        };
        assert_eq!(stopped("app", "1"), Some(LimitScope::Account));
        assert_eq!(stopped("app", "2"), None);
        assert_eq!(stopped("other", "1"), None);
        budget.heed("app", None, &app_usage(100), now);
        assert_eq!(stopped("app", "2"), Some(LimitScope::App));
        assert_eq!(stopped("other", "1"), None);
    }

    #[test]
    fn a_businesss_gauge_should_stop_the_page_that_was_called_too() {
        let now = SystemClock.now();
        let budget = Budget::default();
        let usage = said(
            "x-business-use-case-usage",
            r#"{"777":[{"type":"pages","call_count":4},{"type":"instagram","total_time":95}]}"#,
        );
        budget.heed("app", Some("1"), &usage, now);
        for object in ["777", "1"] {
            let withheld = |need| budget.withheld("app", Some(object), need, now).is_some();
            assert!(
                withheld(Need::Ordinary) && !withheld(Need::Commit),
                "{object}"
            );
        }
    }

    #[test]
    fn a_newer_gauge_should_take_the_place_of_an_older_and_a_malformed_one_should_not() {
        let now = SystemClock.now();
        let budget = Budget::default();
        let stopped = || budget.withheld("app", None, Need::Commit, now).is_some();
        budget.heed("app", None, &app_usage(100), now);
        for value in [
            "",
            "{",
            "[]",
            "7",
            "null",
            r#"{"call_count":"much"}"#,
            "[3,3,3]",
        ] {
            budget.heed("app", None, &said("x-app-usage", value), now);
            assert!(stopped(), "{value}");
        }
        budget.heed("app", None, &app_usage(12), now);
        assert!(!stopped());
    }

    #[test]
    fn what_is_over_should_be_thrown_away_once_there_is_much_of_it() {
        let now = SystemClock.now();
        let budget = Budget::default();
        for app in 0..=CROWD {
            budget.heed(&app.to_string(), None, &app_usage(1), now);
        }
        budget.heed("last", None, &app_usage(1), later(now, LIFE));
        assert_eq!(budget.apps().len(), 1);
    }
}
