//! What a request wants besides: `If-Match` and `Prefer`.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use shareville_core::{Error, id::PostId, posting::Target};

use crate::problem::Problem;

/// The longest that a request may wait for a post to settle.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// No post has this revision.
const NO_REVISION: u64 = u64::MAX;

/// A revision as an `ETag`.
pub(crate) fn etag(revision: u64) -> HeaderValue {
    // A number between quotes always is a header's value.
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// The revisions of which a post must have one, by `If-Match`; `None` if any will do.
///
/// `W/"3"` counts as `"3"`: a proxy that compresses answers makes the one from the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IfMatch(Option<Vec<u64>>);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers).ok_or_else(|| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad_if_match",
                "`If-Match` must be `*` or ETags as they were given, such as `\"3\"`",
            )
        })
    }
}

impl IfMatch {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let mut revisions = Vec::new();
        let values = headers.get_all(header::IF_MATCH);
        if values.iter().next().is_none() {
            return Some(Self(None));
        }
        for value in values {
            let value = value.to_str().ok()?.trim();
            if value == "*" {
                return Some(Self(None));
            }
            for tag in value.split(',').map(str::trim) {
                let tag = tag.strip_prefix("W/").unwrap_or(tag);
                let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
                if inner.contains('"') {
                    return None;
                }
                // A tag that is none of ours is in order, and fits nothing.
                revisions.push(inner.parse().unwrap_or(NO_REVISION));
            }
        }
        Some(Self(Some(revisions)))
    }

    /// Runs a change of a post as it must be.
    pub(crate) async fn guard<T, F>(
        &self,
        id: PostId,
        change: impl Fn(Target) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let first = self.0.as_deref();
        let first = first.map(|revisions| revisions.first().copied().unwrap_or(NO_REVISION));
        let changed = change(Target {
            id,
            revision: first,
        })
        .await;
        match (changed, &self.0) {
            // It has another of those that will do.
            (Err(Error::Stale { current }), Some(revisions)) if revisions.contains(&current) => {
                change(Target {
                    id,
                    revision: Some(current),
                })
                .await
            }
            (changed, _) => changed,
        }
    }
}

/// How long to wait for a post to settle, by `Prefer: wait=N` (RFC 7240); what cannot be understood is passed over,
/// as the RFC has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PreferWait(pub(crate) Option<Duration>);

impl<S: Send + Sync> FromRequestParts<S> for PreferWait {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::read(&parts.headers))
    }
}

impl PreferWait {
    fn read(headers: &HeaderMap) -> Self {
        let values = headers.get_all("prefer").iter();
        let mut wanted = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split([',', ';']))
            .filter_map(|part| part.split_once('='))
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
            .filter_map(|(_, seconds)| seconds.trim().trim_matches('"').parse::<f64>().ok())
            .filter(|seconds| seconds.is_finite())
            .filter_map(|seconds| Duration::try_from_secs_f64(seconds.min(60.0)).ok());
        Self(wanted.next().map(|wait| wait.min(MAX_WAIT)))
    }

    /// What is told of a preference that was heeded.
    pub(crate) fn applied(wait: Duration) -> HeaderValue {
        let applied = HeaderValue::try_from(format!("wait={}", wait.as_secs_f64()));
        applied.unwrap_or(HeaderValue::from_static("wait"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(value: &str) -> Option<IfMatch> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, value.parse().unwrap());
        IfMatch::read(&headers)
    }

    fn prefer(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", value.parse().unwrap());
        PreferWait::read(&headers).0
    }

    #[test]
    fn if_match_should_take_every_form_of_the_rfc() {
        assert_eq!(IfMatch::read(&HeaderMap::new()), Some(IfMatch(None)));
        assert_eq!(if_match("*"), Some(IfMatch(None)));
        assert_eq!(if_match("\"3\""), Some(IfMatch(Some(vec![3]))));
        assert_eq!(
            if_match("W/\"3\", \"x\""),
            Some(IfMatch(Some(vec![3, NO_REVISION])))
        );
        for malformed in ["3", "\"3", "", "\"3\" \"4\"", "\"3\",", "w/\"3\""] {
            assert_eq!(if_match(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn prefer_should_be_read_clipped_and_otherwise_passed_over() {
        assert_eq!(prefer("wait=10"), Some(Duration::from_secs(10)));
        assert_eq!(
            prefer("respond-async, wait=0.5"),
            Some(Duration::from_millis(500))
        );
        assert_eq!(prefer("Wait=\"600\""), Some(MAX_WAIT));
        for odd in ["wait", "wait=soon", "wait=-1", "wait=NaN", "return=minimal"] {
            assert_eq!(prefer(odd), None, "{odd}");
        }
    }
}
