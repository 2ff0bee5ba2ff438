//! End users, as the website knows them.

use http::StatusCode;
use shareville_core::id::UserId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    credential::KeyAuth,
    openapi::Invalid,
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(erase))
}

/// Erases an end user with all that is theirs: tokens first, then connections, posts and history.
#[utoipa::path(
    delete,
    path = "/users/{userId}",
    operation_id = "eraseUser",
    security(("apiKey" = ["tokens:write"])),
    responses(
        (status = 204, description = "Nothing of them is left."),
        Invalid,
    )
)]
async fn erase(
    KeyAuth(auth): KeyAuth,
    InAddress(user): InAddress<UserId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    auth.shareville.erase_user(&auth.caller, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
