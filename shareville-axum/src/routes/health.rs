//! Whether the process lives, and whether it can work.

use std::time::Duration;

use axum::{Json, extract::State};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, openapi::Unavailable, problem::Problem};

/// When a server that is shutting down may be back.
const RESTART: Duration = Duration::from_secs(5);

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(ready))
}

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = State)]
pub(crate) struct Standing {
    /// `ok`.
    status: &'static str,
}

const OK: Json<Standing> = Json(Standing { status: "ok" });

/// Tells whether the process lives.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "getHealth",
    responses((status = 200, description = "It does.", body = Standing))
)]
async fn health() -> Json<Standing> {
    OK
}

/// Tells whether it can work: whether its store can be reached and written to.
#[utoipa::path(
    get,
    path = "/ready",
    operation_id = "getReady",
    responses((status = 200, description = "It can.", body = Standing), Unavailable)
)]
async fn ready(State(api): State<Api>) -> Result<Json<Standing>, Problem> {
    if api.shareville.is_closed() {
        let detail = "the server is shutting down: another one takes what comes now";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", detail);
        return Err(problem.retry_after(RESTART));
    }
    api.shareville.store().ready().await?;
    Ok(OK)
}
