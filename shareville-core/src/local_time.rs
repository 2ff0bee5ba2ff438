//! Times as a place's clock shows them, and which moments they are.
//!
//! Where clocks are put forward some times do not exist, and where they are put back some occur twice. The first are
//! refused, of the others the first occurrence is taken, and that is told.
//!
//! The rules of each zone are those of the IANA database as `chrono-tz` was built with; they are known until the year
//! 2100, and after that each zone keeps its last.

use std::str::FromStr;

use chrono::{
    MappedLocalTime, NaiveDateTime, SubsecRound, TimeDelta, TimeZone as _, Timelike, Utc,
};
use chrono_tz::Tz;

use crate::clock::Timestamp;

/// How a local time is shown.
const FORM: &str = "%Y-%m-%dT%H:%M:%S%.f";

/// No zone is further from UTC than this, and none ever puts its clocks forward by more.
const FARTHEST: TimeDelta = TimeDelta::hours(25);

/// A time zone of the IANA database, such as `Europe/Berlin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeZone(Tz);

/// It is no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no time zone of the IANA database: give one such as `Europe/Berlin` or `UTC`")]
pub struct UnknownTimeZone;

impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    fn from_str(name: &str) -> Result<Self, UnknownTimeZone> {
        name.parse().map(Self).map_err(|_| UnknownTimeZone)
    }
}

impl TimeZone {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What the clock shows at a moment given in UTC.
    fn shows(self, utc: NaiveDateTime) -> NaiveDateTime {
        self.0.from_utc_datetime(&utc).naive_local()
    }
}

/// A time as a clock on the wall shows it: date and time of day, without offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalTime(NaiveDateTime);

/// It is not a local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a time as the clock on the wall shows it, without `Z` or offset, such as `2026-03-29T09:00` (a time with \
     its offset goes into `scheduledAt`)"
)]
pub struct BadLocalTime;

impl FromStr for LocalTime {
    type Err = BadLocalTime;

    fn from_str(text: &str) -> Result<Self, BadLocalTime> {
        // The parser alone would take signs, spaces, and years of more or fewer digits.
        let shape = |(place, byte): (usize, u8)| match place {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'.',
            _ => byte.is_ascii_digit(),
        };
        let is_whole = matches!(text.len(), 16 | 19 | 21..=29);
        if !is_whole || !text.bytes().enumerate().all(shape) {
            return Err(BadLocalTime);
        }
        let seconds = if text.len() == 16 { ":00" } else { "" };
        NaiveDateTime::parse_from_str(&format!("{text}{seconds}"), FORM)
            .ok()
            // A leap second is in no zone's rules.
            .filter(|time| time.nanosecond() < 1_000_000_000)
            .map(|time| Self(time.trunc_subsecs(6)))
            .ok_or(BadLocalTime)
    }
}

impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = match self.0.second() == 0 && self.0.nanosecond() == 0 {
            true => "%Y-%m-%dT%H:%M",
            false => FORM,
        };
        write!(f, "{}", self.0.format(form))
    }
}

/// Which moment a local time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// It occurs once.
    Once(Timestamp),
    /// It occurs twice, because clocks are put back.
    Twice {
        /// Before they are put back: the one that counts.
        first: Timestamp,
        /// After.
        second: Timestamp,
    },
}

impl Occurrence {
    /// The moment that counts.
    #[must_use]
    pub const fn moment(self) -> Timestamp {
        match self {
            Self::Once(at) => at,
            Self::Twice { first, .. } => first,
        }
    }
}

/// A local time does not exist, because clocks are put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "does not exist in {zone}: clocks are put forward from {start} to {end} there; the next time there is would be \
     `{end}`"
)]
pub struct Gap {
    zone: &'static str,
    /// When clocks are put forward: the first time that does not exist.
    pub start: LocalTime,
    /// To when: the first time that exists again.
    pub end: LocalTime,
}

impl LocalTime {
    /// Finds out which moment it is in a zone.
    ///
    /// # Errors
    /// [`Gap`] if there is none.
    pub fn in_zone(self, zone: TimeZone) -> Result<Occurrence, Gap> {
        match zone.0.from_local_datetime(&self.0) {
            MappedLocalTime::Single(at) => Ok(Occurrence::Once(at.with_timezone(&Utc))),
            MappedLocalTime::Ambiguous(one, other) => Ok(Occurrence::Twice {
                first: one.min(other).with_timezone(&Utc),
                second: one.max(other).with_timezone(&Utc),
            }),
            MappedLocalTime::None => Err(self.gap(zone)),
        }
    }

    /// The gap a time is in that does not exist.
    fn gap(self, zone: TimeZone) -> Gap {
        // The clock shows less at first and more at last; where it changes from the one to the other it jumps, for the
        // time itself is never shown.
        let base = self.0.trunc_subsecs(0);
        let (mut before, mut after) = (base - FARTHEST, base + FARTHEST);
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            match zone.shows(middle) <= self.0 {
                true => before = middle,
                false => after = middle,
            }
        }
        Gap {
            zone: zone.name(),
            start: Self(zone.shows(before) + TimeDelta::seconds(1)),
            end: Self(zone.shows(after)),
        }
    }
}

#[cfg(test)]
mod tests;
