//! What lies around every route: the request's id, its span, and the headers of every answer.

use std::{any::Any, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use shareville_core::id::RequestId;
use tracing::{Instrument, field};

use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What must not be printed, whoever prints headers further in.
const SECRETS: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
];

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
        request_id = id.as_str(),
        method = %request.method(),
        route = route.map_or("none", MatchedPath::as_str),
        status = field::Empty,
    );
    // For what is done in its name later.
    request.extensions_mut().insert(id.clone());
    let began = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::info!(elapsed_ms = began.elapsed().as_millis(), "answered"));

    let headers = response.headers_mut();
    // What can stand in a log can stand in a header.
    if let Ok(id) = HeaderValue::try_from(id.as_str()) {
        headers.insert(REQUEST_ID, id);
    }
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
fn request_id(headers: &HeaderMap) -> RequestId {
    let own = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    own.and_then(|id| id.parse().ok())
        .unwrap_or_else(RequestId::generate)
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
