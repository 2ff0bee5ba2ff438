//! Whether the process lives, and whether it can work.

use std::time::Duration;

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{Api, problem::Problem};

/// When a server that is shutting down may be back.
const RESTART: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    if api.shareville.is_closed() {
        let detail = "the server is shutting down: another one takes what comes now";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", detail);
        return Err(problem.retry_after(RESTART));
    }
    api.shareville.store().ready().await?;
    Ok(Json(json!({"status": "ok"})))
}
