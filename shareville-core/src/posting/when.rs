//! When a post is to go out, as callers put it: as a moment, or as a time of a place's clock.

use chrono::TimeDelta;

use super::check::Warning;
use crate::{
    clock::Timestamp,
    error::Error,
    local_time::{LocalTime, Occurrence, TimeZone},
    post::{Change, Refusal, is_too_old},
    violation::Violation,
};

/// That a time is too long past: as the refusal of a post has it too.
const IN_PAST: &str = Refusal::ScheduledInPast.code();

/// When a post is to go out; nothing, for a draft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// The moment.
    pub at: Option<Timestamp>,
    /// Instead of the moment: what the clock shows there.
    pub local: Option<LocalTime>,
    /// The time zone its author thinks in, and in which `local` is meant: a name of the IANA database.
    pub timezone: Option<String>,
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        Self {
            at: Some(at),
            ..Self::default()
        }
    }
}

/// When a post is to go out, found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// The moment.
    pub(super) at: Timestamp,
    /// The time of the place's clock that it was given as.
    local: Option<LocalTime>,
    /// What its author may want to know all the same.
    pub(super) warning: Option<Warning>,
}

impl Due {
    /// What is wrong with it if it is too long past to mean "now".
    pub(super) fn in_past(&self, now: Timestamp) -> Option<Violation> {
        is_too_old(self.at, now).then(|| in_past(self, now))
    }

    /// Why a post was not scheduled, seen from where the time was given.
    pub(super) fn placed(&self, error: Error, now: Timestamp) -> Error {
        match error {
            Error::Invalid(wrong) if matches!(&wrong[..], [only] if only.code == IN_PAST) => {
                Error::Invalid(vec![in_past(self, now)])
            }
            error => error,
        }
    }

    /// The change that schedules a post, telling how its time was given where that is not plain from the moment.
    pub(super) fn noted(&self, change: Change) -> Change {
        let Some(local) = self.local else {
            return change;
        };
        let change = change.noting("scheduledLocal", local.to_string());
        match &self.warning {
            Some(warning) => change.noting("warning", warning.code.clone()),
            None => change,
        }
    }
}

impl When {
    /// Finds out the moment, however long past, if one is asked for; and all that is wrong beside that.
    pub(super) fn due(&self) -> (Option<Due>, Vec<Violation>) {
        let mut wrong = Vec::new();
        let zone = self.timezone.as_deref().map(str::parse::<TimeZone>);
        if let Some(Err(unknown)) = zone {
            wrong.push(Violation::new(
                "/timezone",
                "unknown_timezone",
                unknown.to_string(),
            ));
        }
        let due = match (self.at, self.local, zone) {
            (Some(_), Some(_), _) => {
                let message = "give either `scheduledAt` or `scheduledLocal`, not both";
                wrong.push(Violation::new("/scheduledLocal", "conflicting", message));
                None
            }
            (None, Some(_), None) => {
                let message =
                    "name the time zone that `scheduledLocal` is meant in, such as `Europe/Berlin`";
                wrong.push(Violation::new("/timezone", "required", message));
                None
            }
            (None, Some(local), Some(Ok(zone))) => match local.in_zone(zone) {
                Ok(found) => Some(Due {
                    at: found.moment(),
                    local: Some(local),
                    warning: warning(local, zone, found),
                }),
                Err(gap) => {
                    let code = "nonexistent_local_time";
                    wrong.push(Violation::new("/scheduledLocal", code, gap.to_string()));
                    None
                }
            },
            (Some(at), None, _) => Some(Due {
                at,
                local: None,
                warning: None,
            }),
            (None, None, _) | (None, Some(_), Some(Err(_))) => None,
        };
        (due, wrong)
    }
}

fn warning(local: LocalTime, zone: TimeZone, found: Occurrence) -> Option<Warning> {
    let Occurrence::Twice { first, second } = found else {
        return None;
    };
    let later = second - first;
    Some(Warning {
        code: "ambiguous_local_time".to_owned(),
        message: format!(
            "`scheduledLocal` {local} occurs twice in {}, where clocks are put back: the first is taken, {}; the second \
             is {} later",
            zone.name(),
            shown(first),
            in_words(later),
        ),
    })
}

fn in_words(length: TimeDelta) -> String {
    match length.num_minutes() {
        60 => "an hour".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// A moment, in words.
pub(super) fn shown(at: Timestamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

fn in_past(due: &Due, now: Timestamp) -> Violation {
    let (pointer, which) = match due.local {
        Some(_) => ("/scheduledLocal", format!("is {}, which ", shown(due.at))),
        None => ("/scheduledAt", String::new()),
    };
    let message = format!(
        "{which}is more than 5 minutes past (the server's clock says {now}): give a time to come"
    );
    Violation::new(pointer, IN_PAST, message)
}
