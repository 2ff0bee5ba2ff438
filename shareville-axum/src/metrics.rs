//! What an operator watches, for Prometheus.

use axum::{Router, response::IntoResponse, routing::get};
use http::header;
use shareville_core::Shareville;

use crate::layers::{no_method, observe};

/// The text format of Prometheus, which scrapers of `OpenMetrics` take as well.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A router with `GET /metrics`: it asks the store what waits, then answers with what `render` makes of all that was
/// told to the `metrics` facade, the host's own metrics among them.
///
/// It asks for no credential and tells of no tenant; whoever should not see it, keep it behind what you keep them out by.
/// With the crate metrics-exporter-prometheus, `render` is its handle's:
///
/// ```ignore
/// let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
/// shareville::core::meter::describe();
/// let app = app.nest("/api", shareville::axum::metrics_router(shareville, move || recorder.render()));
/// ```
pub fn metrics_router<S, F>(shareville: Shareville, render: F) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    F: Fn() -> String + Clone + Send + Sync + 'static,
{
    let show = move || {
        let (shareville, render) = (shareville.clone(), render.clone());
        async move {
            // What else there is to see is worth seeing while the store cannot be reached.
            if let Err(error) = shareville.measure().await {
                tracing::warn!(%error, "what waits for workers could not be counted");
            }
            ([(header::CONTENT_TYPE, TEXT)], render()).into_response()
        }
    };
    Router::new()
        .route("/metrics", get(show))
        .method_not_allowed_fallback(no_method)
        .layer(axum::middleware::from_fn(observe))
}
