//! User tokens: what a website gives to the pages of its end users.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use secrecy::ExposeSecret;
use shareville_core::id::UserId;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    body::{self, Body},
    credential::KeyAuth,
    dto::{self, input},
    problem::Problem,
    query::Query,
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(mint))
}

/// Makes a token that speaks for one end user, for the website to give to their browser.
#[utoipa::path(
    post,
    path = "/user-tokens",
    operation_id = "createUserToken",
    request_body = input::UserTokenInput,
    security(("apiKey" = ["tokens:write"])),
    responses((status = 201, description = "The token, shown this once.", body = dto::UserToken<'static>))
)]
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
    let shown = dto::UserToken::new(&token, text.expose_secret());
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}
