//! User tokens: what a website gives to the pages of its end users.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::post,
};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;
use shareville_core::id::UserId;

use crate::{
    Api,
    body::{self, Body},
    credential::KeyAuth,
    dto::Time,
    problem::Problem,
    query::Query,
};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/user-tokens", post(mint))
}

async fn mint(KeyAuth(auth): KeyAuth, query: Query, body: Body) -> Result<Response, Problem> {
    query.none()?;
    let (user, life) = body.require(|fields| {
        let missing = "name the end user the token is for, as your website calls them";
        let user = fields.required("userId", missing, body::text);
        let life = fields.optional("expiresIn", body::seconds);
        Some((UserId::new(user?), life))
    })?;
    let minted = auth.shareville.mint_user_token(&auth.caller, user, life);
    let (token, text) = minted.await?;
    let shown = json!({
        "token": text.expose_secret(),
        "userId": token.user,
        "expiresAt": Time(token.expires_at),
    });
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}
