//! What is sent and read: the contract's shapes, apart from the types they are made of.

pub(crate) mod api_key;
pub(crate) mod client_app;
pub(crate) mod connection;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod failure;
pub(crate) mod input;
pub(crate) mod me;
pub(crate) mod media;
pub(crate) mod page;
pub(crate) mod post;
pub(crate) mod post_input;
pub(crate) mod upload;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chrono::{Datelike as _, SecondsFormat, Timelike as _};
use http::header;
use serde::{Serialize, Serializer};
use serde_json::Number;
use shareville_core::{clock::Timestamp, store};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{
    api_key::{ApiKey, MintedApiKey, UserToken},
    client_app::ClientApp,
    connection::{Connection, Login},
    delivery::Delivery,
    event::Event,
    failure::Failure,
    me::Me,
    media::Media,
    page::Page,
    post::{Batch, Checked, Post},
};
use crate::problem::Problem;

/// A time, in UTC with `Z` and always six decimals, so that they sort as texts too.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Time(pub(crate) Timestamp);

/// A time in RFC 3339 with its offset, such as `2026-12-24T06:00:00+01:00`.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = DateTime)]
#[allow(dead_code)] // only its shape is used
pub(crate) struct AnyTime(String);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = digits(self.0);
        match digits.as_ref().map(|digits| str::from_utf8(digits)) {
            Some(Ok(text)) => serializer.serialize_str(text),
            _ => serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true)),
        }
    }
}

/// A time as its text, if its year has four digits. There are up to five in each post, and chrono's general way of
/// writing them takes several times as long.
fn digits(at: Timestamp) -> Option<[u8; 27]> {
    let at = at.naive_utc();
    let year = u32::try_from(at.year()).ok()?;
    if year > 9999 {
        return None;
    }
    // A leap second is counted on in the nanoseconds of the one before it.
    let nanos = at.nanosecond();
    let (leap, micros) = (nanos / 1_000_000_000, nanos % 1_000_000_000 / 1000);
    let numbers = [
        (year, 0..4),
        (at.month(), 5..7),
        (at.day(), 8..10),
        (at.hour(), 11..13),
        (at.minute(), 14..16),
        (at.second() + leap, 17..19),
        (micros, 20..26),
    ];
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (mut number, place) in numbers {
        for digit in text[place].iter_mut().rev() {
            *digit += (number % 10) as u8;
            number /= 10;
        }
    }
    Some(text)
}

/// A length of time in seconds: a whole number wherever it is one.
pub(crate) fn seconds(length: Duration) -> Option<Number> {
    if length.subsec_nanos() == 0 {
        Some(length.as_secs().into())
    } else {
        Number::from_f64(length.as_secs_f64())
    }
}

/// Part of a list, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<D> {
    data: Vec<D>,
    /// What to give as `cursor` for the next part; null after the last.
    next_cursor: Option<Uuid>,
}

/// Answers with part of a list.
pub(crate) fn list<'a, T, D>(page: &'a store::Page<T>) -> Response
where
    D: From<&'a T> + Serialize,
{
    let list = List {
        data: page.items.iter().map(D::from).collect(),
        next_cursor: page.next,
    };
    json(&list, page.items.len())
}

/// How long a thing is in JSON, about: a post without media.
const ROOM: usize = 1024;

/// Answers with JSON about so many things. `axum::Json` begins with a small buffer, and moves a long text often.
pub(crate) fn json(shown: &impl Serialize, things: usize) -> Response {
    let mut text = Vec::with_capacity(ROOM * things.max(1));
    match serde_json::to_writer(&mut text, shown) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            Problem::internal().into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, NaiveDate, TimeDelta};

    use super::*;

    fn check(at: Timestamp) {
        let chronos = at.to_rfc3339_opts(SecondsFormat::Micros, true);
        assert_eq!(serde_json::to_value(Time(at)).unwrap(), chronos);
    }

    #[test]
    fn times_should_be_written_as_chrono_writes_them() {
        let leap = |nanos| {
            let day = NaiveDate::from_ymd_opt(2016, 12, 31).unwrap();
            day.and_hms_nano_opt(23, 59, 59, nanos).unwrap().and_utc()
        };
        let at = |seconds, nanos| DateTime::from_timestamp(seconds, nanos).unwrap();
        let odd = [
            (leap(1_000_000_000), "2016-12-31T23:59:60.000000Z"),
            (leap(1_999_999_999), "2016-12-31T23:59:60.999999Z"),
            (at(-1, 999_999_999), "1969-12-31T23:59:59.999999Z"),
            (at(0, 1_000), "1970-01-01T00:00:00.000001Z"),
            (at(951_782_400, 100_000_000), "2000-02-29T00:00:00.100000Z"),
            (at(-62_167_219_200, 0), "0000-01-01T00:00:00.000000Z"),
            (at(-62_167_219_201, 0), "-0001-12-31T23:59:59.000000Z"),
            (at(253_402_300_799, 0), "9999-12-31T23:59:59.000000Z"),
            (at(253_402_300_800, 0), "+10000-01-01T00:00:00.000000Z"),
        ];
        for (time, text) in odd {
            assert_eq!(serde_json::to_value(Time(time)).unwrap(), text);
            check(time);
        }
        check(Timestamp::MIN_UTC);
        check(Timestamp::MAX_UTC);
        // All through these years, at a stride that comes by all months, hours, seconds and decimals.
        let stride = TimeDelta::seconds(8_380_703) + TimeDelta::nanoseconds(123_457_891);
        let mut time = at(-62_200_000_000, 0);
        while time < at(253_500_000_000, 0) {
            check(time);
            time += stride;
        }
    }
}
