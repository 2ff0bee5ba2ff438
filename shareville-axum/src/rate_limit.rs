//! How often one API key, or one end user, may call: a bucket of calls for each, in this process.
//!
//! It is counted once it is known who calls, so a guess fills no bucket of anybody else's, and no memory. The answers
//! tell of it by the fields of draft-ietf-httpapi-ratelimit-headers.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};
use shareville_core::{
    Caller, CallerKind,
    clock::Timestamp,
    id::{ApiKeyId, TenantId, UserId},
};

use crate::{Api, problem::Problem};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

const MICROS: i64 = 1_000_000;

/// Below this many buckets, none is looked through for full ones to throw away.
const FEW: usize = 1_024;

/// How often each API key, and each end user of a tenant, may call one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// Calls a second, on average.
    pub per_second: NonZeroU32,
    /// Calls at once, after a rest.
    pub burst: NonZeroU32,
}

impl RateLimit {
    /// So many calls a second, and so many at once.
    #[must_use]
    pub const fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { per_second, burst }
    }

    /// How long an empty bucket takes to fill, in microseconds.
    fn window(self) -> i64 {
        let window = MICROS * i64::from(self.burst.get()) / i64::from(self.per_second.get());
        window.max(self.interval())
    }

    /// How long one call takes to come back, in microseconds; less than one counts as one.
    fn interval(self) -> i64 {
        (MICROS / i64::from(self.per_second.get())).max(1)
    }

    /// Takes one call out of a bucket that will be full at `full_at`: how it stands then, or when to try again.
    ///
    /// This is the generic cell rate algorithm (ITU-T I.371): a bucket is one time.
    fn take(self, full_at: i64, now: i64) -> (i64, Standing) {
        let taken = full_at.max(now) + self.interval();
        let over = taken - now - self.window();
        let full_at = if over > 0 { full_at } else { taken };
        let standing = Standing {
            left: ((self.window() - (full_at - now)) / self.interval())
                .clamp(0, i64::from(self.burst.get())),
            full_after: full_at - now,
            retry_after: (over > 0).then(|| Duration::from_micros(over.unsigned_abs())),
        };
        (full_at, standing)
    }
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    /// How many calls are left.
    left: i64,
    /// When it is full again, in microseconds from now.
    full_after: i64,
    /// When the next call is taken, if this one was not.
    retry_after: Option<Duration>,
}

/// Whose bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Who {
    Key(ApiKeyId),
    User(TenantId, UserId),
}

#[derive(Debug, Default)]
struct Buckets {
    full_at: HashMap<Who, i64>,
    /// From how many on full buckets are thrown away.
    sweep_at: usize,
}

/// Counts the calls of everybody.
#[derive(Debug)]
pub(crate) struct Limiter {
    limit: RateLimit,
    buckets: Mutex<Buckets>,
}

impl Limiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            buckets: Mutex::default(),
        }
    }

    fn take(&self, who: Who, now: Timestamp) -> Standing {
        let now = now.timestamp_micros();
        // No step below can panic half-way.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.full_at.len() >= buckets.sweep_at.max(FEW) {
            buckets.full_at.retain(|_, full_at| *full_at > now);
            buckets.sweep_at = 2 * buckets.full_at.len();
        }
        let full_at = buckets.full_at.entry(who).or_insert(now);
        let (next, standing) = self.limit.take(*full_at, now);
        *full_at = next;
        standing
    }

    /// Takes a call of somebody who is known now, and leaves word for the answer's fields.
    pub(crate) fn admit(
        &self,
        caller: &Caller,
        parts: &Parts,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let who = match caller.kind() {
            CallerKind::ApiKey(key) => Who::Key(key.id),
            CallerKind::User(token) => Who::User(token.tenant, token.user.clone()),
            _ => return Ok(()),
        };
        let standing = self.take(who, now);
        if let Some(told) = parts.extensions.get::<Told>() {
            // It is told once: a request has one caller.
            let _ = told.0.set(standing);
        }
        match standing.retry_after {
            None => Ok(()),
            Some(after) => Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_requests",
                format!(
                    "this credential may call {} times a second, and {} times at once: wait as `Retry-After` says",
                    self.limit.per_second, self.limit.burst
                ),
            )
            .retry_after(after)),
        }
    }

    fn tell(&self, standing: Standing, headers: &mut HeaderMap) {
        let seconds = |micros: i64| micros.max(0).unsigned_abs().div_ceil(MICROS.unsigned_abs());
        let (burst, window) = (self.limit.burst, seconds(self.limit.window()).max(1));
        let (left, full_after) = (standing.left, seconds(standing.full_after));
        for (name, text) in [
            (POLICY, format!("\"default\";q={burst};w={window}")),
            (LIMIT, format!("\"default\";r={left};t={full_after}")),
        ] {
            // Figures always are a header's value.
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Where whoever takes a call leaves word for the answer.
#[derive(Debug, Clone, Default)]
struct Told(Arc<OnceLock<Standing>>);

/// Puts into each answer how its caller's bucket stands.
pub(crate) async fn tell(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Some(limiter) = &api.limiter else {
        return next.run(request).await;
    };
    let told = Told::default();
    request.extensions_mut().insert(told.clone());
    let mut response = next.run(request).await;
    if let Some(standing) = told.0.get() {
        limiter.tell(*standing, response.headers_mut());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: u32, burst: u32) -> RateLimit {
        let some = |number| NonZeroU32::new(number).unwrap();
        RateLimit::new(some(per_second), some(burst))
    }

    fn at(micros: i64) -> Timestamp {
        chrono::DateTime::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn a_bucket_should_hold_its_burst_and_fill_at_its_rate() {
        let limiter = Limiter::new(limit(10, 3));
        let who = || Who::Key(ApiKeyId::from_uuid(uuid::Uuid::nil()));
        let left: Vec<_> = (0..3).map(|_| limiter.take(who(), at(0)).left).collect();
        assert_eq!(left, [2, 1, 0]);
        for _ in 0..2 {
            let refused = limiter.take(who(), at(0));
            assert_eq!(refused.retry_after, Some(Duration::from_millis(100)));
            assert_eq!(refused.full_after, 300_000, "what is refused costs nothing");
        }
        let refused = limiter.take(who(), at(99_999));
        assert_eq!(refused.retry_after, Some(Duration::from_micros(1)));
        assert_eq!(limiter.take(who(), at(100_000)).retry_after, None);
        assert_eq!(limiter.take(who(), at(10 * MICROS)).left, 2, "it is full");
        let other = Who::User(TenantId::generate(), UserId::new("maria"));
        assert_eq!(limiter.take(other, at(0)).left, 2, "each has their own");
    }

    #[test]
    fn full_buckets_should_be_thrown_away() {
        let limiter = Limiter::new(limit(1, 1));
        let tenant = TenantId::generate();
        for number in 0..10 * i64::try_from(FEW).unwrap() {
            let user = UserId::new(number.to_string());
            limiter.take(Who::User(tenant, user), at(number * 2 * MICROS));
            assert!(limiter.buckets.lock().unwrap().full_at.len() <= FEW);
        }
    }

    #[test]
    fn a_rate_beyond_a_microsecond_should_do_no_harm() {
        for burst in [1, u32::MAX] {
            let (_, standing) = limit(u32::MAX, burst).take(0, 0);
            assert_eq!(standing.retry_after, None);
        }
    }
}
