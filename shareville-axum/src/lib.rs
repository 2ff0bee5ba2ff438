#![doc = include_str!("../README.md")]

mod body;
mod cors;
mod credential;
mod dto;
mod etag;
mod idempotency;
mod json;
mod layers;
#[cfg(feature = "metrics")]
mod metrics;
mod openapi;
mod problem;
mod query;
mod range;
mod rate_limit;
mod routes;
mod shapes;
mod sign_in;
mod whole_body;

use std::sync::Arc;

pub use async_trait::async_trait;
use axum::Router;
use shareville_core::Shareville;

#[cfg(feature = "metrics")]
pub use crate::metrics::metrics_router;
use crate::rate_limit::Limiter;
pub use crate::{
    layers::observe,
    problem::Problem,
    rate_limit::RateLimit,
    routes::RouterOptions,
    shapes::PublicShapes,
    sign_in::{By, NoOwners, SignIn, SignInError, SignedIn},
    whole_body::{BodyLimits, WholeBody},
};

/// What every handler has at hand.
#[derive(Debug, Clone)]
struct Api {
    shareville: Shareville,
    sign_in: Arc<dyn SignIn>,
    limiter: Option<Arc<Limiter>>,
}

/// The router with the whole API, for an app of any state: nest it under a path, or merge it.
///
/// It answers every path below its own that it does not know, so it merges only into an app without a fallback of its
/// own; see [`RouterOptions::with_fallback`].
///
/// ```no_run
/// # fn of(shareville: shareville_core::Shareville) -> axum::Router {
/// #[derive(Clone)]
/// struct MyState;
///
/// let app: axum::Router<MyState> = axum::Router::new()
///     .nest("/api", shareville_axum::router(shareville, shareville_axum::NoOwners));
/// app.with_state(MyState)
/// # }
/// ```
pub fn router<S>(shareville: Shareville, sign_in: impl SignIn) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    RouterOptions::new().router(shareville, sign_in)
}

/// Only `/health` and `/ready`: for a process that has workers and no API.
pub fn health_router<S>(shareville: Shareville) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let api = Api {
        shareville,
        sign_in: Arc::new(NoOwners),
        limiter: None,
    };
    Router::from(routes::health::routes())
        .layer(axum::middleware::from_fn(observe))
        .with_state(api)
}
