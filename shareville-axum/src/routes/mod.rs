//! The routes, by noun, and what lies around them.

mod callback;
mod callback_page;
mod client_apps;
mod connections;
mod deletion_page;
mod docs;
pub(crate) mod health;
mod me;
mod media;
mod notices;
mod posts;
mod tokens;
mod users;
mod webhooks;

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use http::{HeaderMap, HeaderValue, Uri, header};
use shareville_core::Shareville;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    Api,
    cors::cors,
    layers::{complete, no_method, no_route, observe, panicked},
    openapi::{self, Access, told},
    problem::Problem,
    rate_limit::{Limiter, RateLimit, tell},
    sign_in::SignIn,
    whole_body::{BODY_TIME, BodyLimits, MAX_BODY_BYTES},
};

/// How many times larger than others the body of a batch may be, whose posts are a hundred.
const BATCH_BODIES: usize = 16;

/// How many times larger than others a webhook of Meta's may be, which holds up to a thousand updates.
const WEBHOOK_BODIES: usize = 4;

/// How the router is to be.
///
/// ```no_run
/// # fn of(shareville: shareville_core::Shareville) -> axum::Router {
/// use shareville_axum::{NoOwners, RouterOptions};
///
/// let api = RouterOptions::new().with_max_body_bytes(64 * 1024).with_fallback(false);
/// axum::Router::new()
///     .fallback(async || "a page of my own")
///     .merge(api.router(shareville, NoOwners))
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct RouterOptions {
    /// The largest body that is taken, in bytes; that of a batch may have sixteen times as many, and a webhook of Meta's four
    /// times. Default 1 MiB.
    pub max_body_bytes: usize,
    /// How long a body may take until it is whole, from when the header was. Default 30 seconds.
    pub body_time: Duration,
    /// Whether unknown paths are answered with a problem document. Default true.
    pub fallback: bool,
    /// How often each API key, and each end user, may call this process; beyond it 429. Default: as often as they like.
    ///
    /// It is what protects a process from one busy customer, not a quota: several processes count for themselves.
    pub rate_limit: Option<RateLimit>,
}

impl Default for RouterOptions {
    fn default() -> Self {
        Self {
            max_body_bytes: MAX_BODY_BYTES,
            body_time: BODY_TIME,
            fallback: true,
            rate_limit: None,
        }
    }
}

impl RouterOptions {
    /// Options with their defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bodies of up to `bytes`; larger ones are answered with 413.
    #[must_use]
    pub const fn with_max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Waits up to `time` for a body to be whole; slower ones are answered with 408.
    #[must_use]
    pub const fn with_body_time(mut self, time: Duration) -> Self {
        self.body_time = time;
        self
    }

    /// Whether unknown paths are answered with a problem document; say false before merging it into an app that has a
    /// fallback of its own, for axum takes only one.
    #[must_use]
    pub const fn with_fallback(mut self, fallback: bool) -> Self {
        self.fallback = fallback;
        self
    }

    /// Lets each API key, and each end user, call so often, and tells them by `RateLimit` fields.
    #[must_use]
    pub const fn with_rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Makes the router.
    pub fn router<S>(self, shareville: Shareville, sign_in: impl SignIn) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let api = Api {
            shareville,
            sign_in: Arc::new(sign_in),
            limiter: self.rate_limit.map(|limit| Arc::new(Limiter::new(limit))),
        };
        let batch = BodyLimits::new(
            self.max_body_bytes.saturating_mul(BATCH_BODIES),
            self.body_time,
        );
        let (for_browsers, mut document) = for_browsers(batch).split_for_parts();
        let webhook = BodyLimits::new(
            self.max_body_bytes.saturating_mul(WEBHOOK_BODIES),
            self.body_time,
        );
        let (others, more) = for_servers(webhook).split_for_parts();
        document.merge(more);
        let mut document = openapi::document(document, api.shareville.api_url());
        openapi::add_paths(&mut document, api.sign_in.paths());
        let for_browsers = for_browsers
            // Before the layer, which would be lost with what this replaces.
            .method_not_allowed_fallback(no_method)
            .layer(middleware::from_fn_with_state(api.clone(), cors));
        let mut router = others
            .merge(docs::routes(&document))
            .method_not_allowed_fallback(no_method)
            .merge(for_browsers);
        if self.fallback {
            router = router.fallback(no_route);
        }
        router
            .layer(middleware::from_fn_with_state(api.clone(), tell))
            .layer(CatchPanicLayer::custom(panicked))
            .layer(middleware::from_fn(complete))
            .layer(Extension(BodyLimits::new(
                self.max_body_bytes,
                self.body_time,
            )))
            .layer(middleware::from_fn(observe))
            .with_state(api)
    }
}

/// Routes that browsers on other origins may use.
fn for_browsers(batch: BodyLimits) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(told(
            "Connections",
            Access::ApiKeyOrUserToken,
            connections::routes(),
        ))
        .merge(told(
            "Posts",
            Access::ApiKeyOrUserToken,
            posts::routes(batch),
        ))
        .merge(told("Media", Access::ApiKeyOrUserToken, media::routes()))
        .merge(told("Credentials", Access::Anybody, me::routes()))
}

/// All others.
fn for_servers(webhook: BodyLimits) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(told("Client apps", Access::Owner, client_apps::routes()))
        .merge(told("Webhooks", Access::Owner, webhooks::routes()))
        .merge(told("Credentials", Access::ApiKey, tokens::routes()))
        .merge(told("Credentials", Access::ApiKey, users::routes()))
        .merge(told("Connections", Access::Everyone, callback::routes()))
        .merge(told("Media", Access::Everyone, media::public_routes()))
        .merge(told("Meta", Access::Everyone, notices::routes(webhook)))
        .merge(told("Server", Access::Everyone, health::routes()))
}

/// Whether a person is looking at the answer.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Where something new is found: below the address it was created at, as the caller knows it.
fn location(uri: &Uri, id: &impl Display) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(below(uri, id)).map_err(|_| Problem::internal())
}

fn below(uri: &Uri, id: &impl Display) -> String {
    let path = uri.path().trim_end_matches('/');
    format!("{path}/{id}")
}
