//! What lies around every route: the request's id, its span, and the headers of every answer.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tracing::{Instrument, field};
use uuid::Uuid;

use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What must not be printed, whoever prints headers further in.
const SECRETS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
];

/// The longest id that is taken over from a caller.
const MAX_REQUEST_ID: usize = 128;

/// Names the request, runs it in its span, and completes its answer.
///
/// Of the address only the route is told: queries hold codes and states. The router has it already; it is public for a
/// host's own routes that should answer and log alike, as `axum::middleware::from_fn(observe)`.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    for name in SECRETS {
        if let header::Entry::Occupied(mut entry) = request.headers_mut().entry(name) {
            entry.iter_mut().for_each(|value| value.set_sensitive(true));
        }
    }
    let route = request.extensions().get::<MatchedPath>();
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or_default(),
        method = %request.method(),
        route = route.map_or("none", MatchedPath::as_str),
        status = field::Empty,
    );
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::info!(elapsed_ms = began.elapsed().as_millis(), "answered"));

    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The caller's own id, if it is one that can stand in a log without harm; else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=MAX_REQUEST_ID).contains(&bytes.len())
            && bytes
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
    };
    headers
        .get(REQUEST_ID)
        .filter(sane)
        .cloned()
        // A UUID always is a header's value.
        .or_else(|| HeaderValue::try_from(Uuid::now_v7().to_string()).ok())
        .unwrap_or(HeaderValue::from_static("none"))
}

/// Lets what has begun come to its end even if the caller hangs up: the server drops the request then, and with it
/// would go a login between exchange and storing, or a post deleted at the platform and not in our books.
///
/// What only reads needs no such care; the callback of a login is a `GET` that writes.
pub(crate) async fn complete(request: Request, next: Next) -> Response {
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD)
        || request.uri().path().ends_with("/callback");
    if !writes {
        return next.run(request).await;
    }
    let running = tokio::spawn(next.run(request).in_current_span());
    // It fails only where the process is ending, for panics are caught further in.
    running
        .await
        .unwrap_or_else(|_| Problem::internal().into_response())
}

/// Answers for a handler that panicked. What it said may hold a secret, so it is not repeated here.
#[allow(clippy::needless_pass_by_value)] // tower-http has it so
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// Answers where no route is.
pub(crate) async fn no_route() -> Problem {
    Problem::not_found("route")
}

/// Answers where a route has no such method; axum adds `Allow`.
pub(crate) async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this route does not take this method: `Allow` lists those it takes",
    )
}
