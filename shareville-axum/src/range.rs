//! The part of a file that `Range` asks for (RFC 9110, 14).

use std::ops::Range;

use http::{HeaderMap, header};

/// What of a file is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// A part.
    Part(Range<u64>),
    /// A part that lies beyond its end.
    Beyond,
}

impl Wanted {
    /// What of a file of `size` bytes with this entity tag is wanted.
    ///
    /// What cannot be read, and several parts at once, are passed over: the whole answers them too, and RFC 9110 leaves
    /// that to the server.
    pub(crate) fn of(headers: &HeaderMap, etag: &str, size: u64) -> Self {
        let text = |name| headers.get(name).and_then(|it| it.to_str().ok());
        // A part of what it is no more would not fit to what the client has.
        if text(header::IF_RANGE).is_some_and(|seen| seen != etag) {
            return Self::Whole;
        }
        let range = text(header::RANGE).and_then(|range| {
            let (unit, range) = range.split_once('=')?;
            unit.trim().eq_ignore_ascii_case("bytes").then_some(range)
        });
        range
            .and_then(|range| read(range.trim(), size))
            .unwrap_or(Self::Whole)
    }
}

fn read(range: &str, size: u64) -> Option<Wanted> {
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let (first, last) = range.split_once('-')?;
    let (first, end) = match (first.is_empty(), last.is_empty()) {
        // The last so many.
        (true, false) => match number(last)? {
            0 => return Some(Wanted::Beyond),
            last => (size.saturating_sub(last), size),
        },
        (false, true) => (number(first)?, size),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(size))
        }
        (true, true) => return None,
    };
    Some(match first < size {
        true => Wanted::Part(first..end),
        false => Wanted::Beyond,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_should_be_read_as_the_rfc_has_it() {
        let part = |range| Wanted::Part(range);
        for (range, expected) in [
            ("bytes=0-0", part(0..1)),
            ("bytes=2-5", part(2..6)),
            ("Bytes= 2-", part(2..10)),
            ("bytes=8-99", part(8..10)),
            ("bytes=-3", part(7..10)),
            ("bytes=-99", part(0..10)),
            ("bytes=10-", Wanted::Beyond),
            ("bytes=-0", Wanted::Beyond),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
        ] {
            let headers = [(header::RANGE, range.parse().unwrap())];
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(Wanted::of(&headers, "\"x\"", 10), expected, "{range}");
        }
    }

    #[test]
    fn a_part_should_be_given_only_of_what_the_client_has() {
        for (seen, expected) in [("\"x\"", Wanted::Part(0..2)), ("\"y\"", Wanted::Whole)] {
            let headers = [
                (header::RANGE, "bytes=0-1".parse().unwrap()),
                (header::IF_RANGE, seen.parse().unwrap()),
            ];
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(Wanted::of(&headers, "\"x\"", 10), expected, "{seen}");
        }
    }
}
