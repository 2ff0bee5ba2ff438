//! Browsers on other origins: only on the routes that user tokens may use, never on an owner's.
//!
//! A preflight carries no credential, so nobody knows yet whose page asks, and any may ask. The answer itself can be
//! read only by pages whose origin is among the `allowedOrigins` of the token's client app. That goes for refusals
//! too: a page must be able to see that its token has expired.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::{Api, credential::bearer};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, if-match, prefer, idempotency-key, x-request-id",
);
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "etag, idempotency-replayed, location, preference-applied, ratelimit, ratelimit-policy, retry-after, x-request-id",
);
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const VARY: HeaderValue = HeaderValue::from_static("origin");

pub(crate) async fn cors(State(api): State<Api>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    if let Some(origin) = &origin
        && is_preflight(&request)
    {
        return preflight(origin.clone());
    }
    let readable = match &origin {
        Some(origin) => is_allowed(&api, request.headers(), origin).await,
        None => false,
    };
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, VARY);
    if let Some(origin) = origin
        && readable
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    }
    response
}

fn is_preflight(request: &Request) -> bool {
    *request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(origin: HeaderValue) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        (header::VARY, VARY),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Whether the client app that a user token names lets its answers be read by pages of this origin. That the token is
/// good is for others to find out.
async fn is_allowed(api: &Api, headers: &HeaderMap, origin: &HeaderValue) -> bool {
    let Some(token) = bearer(headers) else {
        return false;
    };
    let allowed = api.shareville.is_allowed_origin(token, origin.as_bytes());
    // A store that fails here fails again in the handler, which says so.
    allowed.await.unwrap_or(false)
}
