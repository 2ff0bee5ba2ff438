//! What a credential is and may do.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Api, credential::AnyAuth, dto::Me, problem::Problem, query::Query};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Tells what your credential is and may do.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "getMe",
    responses((status = 200, description = "Who calls.", body = Me<'static>))
)]
async fn me(auth: AnyAuth, query: Query) -> Result<Response, Problem> {
    query.none()?;
    let shown = match &auth {
        AnyAuth::Caller(auth) => Me::from(&auth.caller),
        AnyAuth::Owner(signed_in) => Me::from(signed_in),
    };
    Ok(Json(shown).into_response())
}
