//! End users, as the website knows them.

use axum::{Router, routing::delete};
use http::StatusCode;
use shareville_core::id::UserId;

use crate::{
    Api,
    credential::KeyAuth,
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/users/{userId}", delete(erase))
}

async fn erase(
    KeyAuth(auth): KeyAuth,
    InAddress(user): InAddress<UserId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    auth.shareville.erase_user(&auth.caller, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
