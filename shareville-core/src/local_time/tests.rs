//! Gaps, folds and everything between, in zones of every kind.

use proptest::{
    prelude::*,
    sample::select,
    test_runner::{Config, RngSeed},
};

use super::*;

fn zone(name: &str) -> TimeZone {
    name.parse().unwrap()
}

fn local(text: &str) -> LocalTime {
    text.parse().unwrap()
}

fn utc(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_time_that_occurs_once_should_be_that_moment() {
    for (name, text, moment) in [
        ("Europe/Berlin", "2026-03-02T09:00", "2026-03-02T08:00:00Z"),
        (
            "Europe/Berlin",
            "2026-07-02T09:00:30.5",
            "2026-07-02T07:00:30.5Z",
        ),
        ("UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z"),
        // Zones without summer time, with odd offsets, and on both sides of the date line.
        ("Asia/Tokyo", "2026-03-29T02:30", "2026-03-28T17:30:00Z"),
        ("Asia/Kathmandu", "2026-03-29T02:30", "2026-03-28T20:45:00Z"),
        (
            "Pacific/Kiritimati",
            "2026-01-01T00:00",
            "2025-12-31T10:00:00Z",
        ),
        (
            "America/Phoenix",
            "2026-03-08T02:30",
            "2026-03-08T09:30:00Z",
        ),
        // The edges of a gap, and of a fold, exist once.
        (
            "Europe/Berlin",
            "2026-03-29T01:59:59",
            "2026-03-29T00:59:59Z",
        ),
        ("Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z"),
        (
            "Europe/Berlin",
            "2026-10-25T01:59:59",
            "2026-10-24T23:59:59Z",
        ),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z"),
        // Long ago, before there were zones, and far ahead.
        ("Europe/Berlin", "0001-01-01T00:00", "0000-12-31T23:06:32Z"),
        ("Europe/Berlin", "9999-12-31T23:59", "9999-12-31T22:59:00Z"),
        (
            "America/New_York",
            "2099-07-01T12:00",
            "2099-07-01T16:00:00Z",
        ),
    ] {
        let found = local(text).in_zone(zone(name));
        assert_eq!(found, Ok(Occurrence::Once(utc(moment))), "{text} in {name}");
    }
}

#[test]
fn a_time_that_does_not_exist_should_be_told_with_its_gap() {
    for (name, text, start, end) in [
        (
            "Europe/Berlin",
            "2026-03-29T02:00",
            "2026-03-29T02:00",
            "2026-03-29T03:00",
        ),
        (
            "Europe/Berlin",
            "2026-03-29T02:59:59.999999",
            "2026-03-29T02:00",
            "2026-03-29T03:00",
        ),
        (
            "America/New_York",
            "2026-03-08T02:30",
            "2026-03-08T02:00",
            "2026-03-08T03:00",
        ),
        // Half an hour, at midnight, and a whole day.
        (
            "Australia/Lord_Howe",
            "2026-10-04T02:15",
            "2026-10-04T02:00",
            "2026-10-04T02:30",
        ),
        (
            "Africa/Cairo",
            "2026-04-24T00:30",
            "2026-04-24T00:00",
            "2026-04-24T01:00",
        ),
        (
            "Pacific/Apia",
            "2011-12-30T12:00",
            "2011-12-30T00:00",
            "2011-12-31T00:00",
        ),
    ] {
        let gap = local(text).in_zone(zone(name)).unwrap_err();
        assert_eq!(
            (gap.start, gap.end),
            (local(start), local(end)),
            "{text} in {name}"
        );
        let told = gap.to_string();
        assert!(told.contains(name) && told.contains(end), "{told}");
        assert!(local(end).in_zone(zone(name)).is_ok());
    }
}

#[test]
fn of_a_time_that_occurs_twice_the_first_should_count() {
    for (name, text, first, second) in [
        (
            "Europe/Berlin",
            "2026-10-25T02:30",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
        ),
        (
            "Europe/Berlin",
            "2026-10-25T02:00",
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
        ),
        (
            "America/New_York",
            "2026-11-01T01:59",
            "2026-11-01T05:59:00Z",
            "2026-11-01T06:59:00Z",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:45",
            "2026-04-04T14:45:00Z",
            "2026-04-04T15:15:00Z",
        ),
    ] {
        let (first, second) = (utc(first), utc(second));
        let found = local(text).in_zone(zone(name));
        assert_eq!(
            found,
            Ok(Occurrence::Twice { first, second }),
            "{text} in {name}"
        );
        assert_eq!(found.unwrap().moment(), first);
    }
}

#[test]
fn only_times_of_a_clock_on_the_wall_should_be_taken() {
    for (text, shown) in [
        ("2026-03-29T09:00", "2026-03-29T09:00"),
        ("2026-03-29T09:00:00", "2026-03-29T09:00"),
        ("2026-03-29T09:00:01", "2026-03-29T09:00:01"),
        ("2026-03-29T09:00:01.1234567", "2026-03-29T09:00:01.123456"),
    ] {
        assert_eq!(local(text).to_string(), shown);
    }
    for text in [
        "",
        "2026-03-29",
        "09:00",
        "2026-03-29 09:00",
        "2026-03-29T9:00",
        "2026-03-29T09:00Z",
        "2026-03-29T09:00+01",
        "2026-03-29T09:00:00Z",
        "2026-03-29T09:00:00+01:00",
        "2026-03-29T09:00:00.",
        "2026-03-29T24:00",
        "2026-02-30T09:00",
        "2026-03-29T23:59:60",
        "+2026-3-29T09:00",
        "12026-03-29T09:00",
        "2026-03-29T09:00:00.1234567890",
        "2026\u{2010}3-29T09:0",
    ] {
        assert_eq!(text.parse::<LocalTime>(), Err(BadLocalTime), "{text}");
    }
}

#[test]
fn only_zones_of_the_database_should_be_taken() {
    for name in [
        "Europe/Berlin",
        "UTC",
        "Etc/GMT+3",
        "America/Argentina/Buenos_Aires",
        "US/Eastern",
    ] {
        assert_eq!(zone(name).name(), name);
    }
    for name in [
        "",
        "Berlin",
        "europe/berlin",
        "Europe/Berlin ",
        "+01:00",
        "CEST",
        "Mars/Olympus",
    ] {
        assert_eq!(name.parse::<TimeZone>(), Err(UnknownTimeZone), "{name}");
    }
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, rng_seed: RngSeed::Fixed(2026), ..Config::default() })]

    /// Whatever a clock shows at some moment is a time that exists there, and is that moment or its twin.
    #[test]
    fn what_a_clock_shows_should_be_found_again(
        zone in select(&chrono_tz::TZ_VARIANTS[..]),
        seconds in -2_000_000_000_i64..4_000_000_000,
    ) {
        let moment = Timestamp::from_timestamp(seconds, 0).unwrap();
        let zone = TimeZone(zone);
        let shown = LocalTime(zone.shows(moment.naive_utc()));
        prop_assert_eq!(shown.to_string().parse::<LocalTime>(), Ok(shown));
        match shown.in_zone(zone) {
            Ok(Occurrence::Once(at)) => prop_assert_eq!(at, moment),
            Ok(Occurrence::Twice { first, second }) => {
                prop_assert!(first < second);
                prop_assert!(first == moment || second == moment);
            }
            Err(gap) => prop_assert!(false, "{} at {}", gap, moment),
        }
    }

    /// Every time exists, once or twice, or lies in a gap whose end exists and whose inside does not.
    #[test]
    fn every_time_should_exist_or_lie_in_a_gap(
        zone in select(&chrono_tz::TZ_VARIANTS[..]),
        minutes in -30_000_000_i64..60_000_000,
    ) {
        let zone = TimeZone(zone);
        let shown = Timestamp::from_timestamp(minutes * 60, 0).unwrap().naive_utc();
        match LocalTime(shown).in_zone(zone) {
            Ok(found) => prop_assert_eq!(zone.shows(found.moment().naive_utc()), shown),
            Err(gap) => {
                prop_assert!(gap.start <= LocalTime(shown) && LocalTime(shown) < gap.end);
                prop_assert!(gap.end.in_zone(zone).is_ok());
                prop_assert!(gap.start.in_zone(zone).is_err());
            }
        }
    }
}
