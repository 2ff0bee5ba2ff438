//! A request's body, read whole within limits: of size, and of time.

use std::time::Duration;

use axum::{
    body::{Bytes, HttpBody},
    extract::{FromRequest, Request},
};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::problem::Problem;

/// The largest body that is taken, in bytes, unless told otherwise.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to come, unless told otherwise.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

/// A request's body, read whole.
///
/// Where it is larger than is taken (413), is not whole in time (408) or ends too soon (400), a problem document says so.
/// The router reads its own bodies by it; it is public for a host's routes beside it. Its limits are those that
/// `axum::Extension` holds as [`BodyLimits`], or else the default ones.
#[derive(Debug, Clone)]
pub struct WholeBody(pub Bytes);

/// How much of a body is taken, and how long it may take to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BodyLimits {
    /// The largest body, in bytes. Default 1 MiB.
    pub bytes: usize,
    /// How long it may take until it is whole, from when the header was. Default 30 seconds.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self {
            bytes: MAX_BODY_BYTES,
            time: BODY_TIME,
        }
    }
}

impl BodyLimits {
    /// Limits for bodies of up to `bytes` that are whole within `time`.
    #[must_use]
    pub const fn new(bytes: usize, time: Duration) -> Self {
        Self { bytes, time }
    }

    fn too_large(self) -> Problem {
        let detail = format!(
            "the body is larger than the {} bytes that are taken here",
            self.bytes
        );
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    fn too_late(self) -> Problem {
        let detail = format!(
            "the body was not whole within {} seconds: send it again, faster",
            self.time.as_secs_f64()
        );
        Problem::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", detail)
    }
}

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let limits = request.extensions().get().copied().unwrap_or_default();
        let BodyLimits { bytes, time } = limits;
        let body = request.into_body();
        // What it says of its length is enough to refuse it before any of it is read.
        if body.size_hint().lower() > bytes as u64 {
            return Err(limits.too_large());
        }
        let read = tokio::time::timeout(time, Limited::new(body, bytes).collect());
        match read.await {
            Ok(Ok(read)) => Ok(Self(read.to_bytes())),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(limits.too_large()),
            Ok(Err(_)) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "incomplete_body",
                "the body ended before it was whole",
            )),
            Err(_) => Err(limits.too_late()),
        }
    }
}
