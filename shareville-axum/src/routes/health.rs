//! Whether the process lives, and whether it can work.

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use crate::{Api, problem::Problem};

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
}

async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

async fn ready(State(api): State<Api>) -> Result<Json<Value>, Problem> {
    api.shareville.store().ready().await?;
    Ok(Json(json!({"status": "ok"})))
}
