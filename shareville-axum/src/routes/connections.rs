//! Connections and their pages: what an end user has let the website do.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use shareville_core::{
    connect::NewLogin,
    id::{ConnectionId, Provider, UserId},
};

use crate::{
    Api,
    body::{self, Body},
    credential::CallerAuth,
    dto::{self, Time},
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> Router<Api> {
    // One name for both: `{connection}` is a provider where one connects.
    Router::new()
        .route("/social/providers", get(list))
        .route("/social/providers/confirm", post(confirm))
        .route("/social/providers/{connection}", get(read).delete(remove))
        .route("/social/providers/{connection}/connect", get(connect))
        .route("/social/providers/{connection}/pages", get(pages))
        .route(
            "/social/providers/{connection}/pages/refresh",
            post(refresh),
        )
}

async fn list(auth: CallerAuth, query: Query) -> Result<Response, Problem> {
    let (user, page) = query.read(|query| (query.text("userId").map(UserId::new), query.page()))?;
    let connections = auth.connections().list(user.as_ref(), page).await?;
    Ok(dto::list::<_, dto::Connection<'_>>(&connections))
}

async fn connect(
    auth: CallerAuth,
    InAddress(provider): InAddress<Provider>,
    query: Query,
) -> Result<Response, Problem> {
    let login = query.read(|query| NewLogin {
        provider,
        user: query.text("userId").map(UserId::new),
        redirect_uri: query.text("redirectUri"),
        confirm: query.flag("confirm"),
    })?;
    let begun = auth.connections().begin(login).await?;
    let shown = json!({"url": begun.url, "expiresAt": Time(begun.expires_at)});
    Ok(Json(shown).into_response())
}

async fn confirm(auth: CallerAuth, query: Query, body: Body) -> Result<Response, Problem> {
    query.none()?;
    let (grant, user) = body.require(|fields| {
        let missing = "give the `grant` that the redirect brought";
        let grant = fields.required("grant", missing, body::text);
        let user = fields.optional("userId", body::text).map(UserId::new);
        Some((SecretString::from(grant?), user))
    })?;
    let connection = auth.connections().confirm(&grant, user.as_ref()).await?;
    Ok(Json(dto::Connection::from(&connection)).into_response())
}

async fn read(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    let connection = auth.connections().get(id).await?;
    Ok(Json(dto::Connection::from(&connection)).into_response())
}

async fn remove(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    auth.connections().remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn pages(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let accounts = auth.connections().accounts(id, page).await?;
    Ok(dto::list::<_, dto::Page<'_>>(&accounts))
}

async fn refresh(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    // Read first: a key that may not see the answer is refused before anything is done.
    auth.connections().get(id).await?;
    let connection = auth.connections().refresh_accounts(id).await?;
    let accounts = auth.connections().accounts(connection.id, page).await?;
    Ok(dto::list::<_, dto::Page<'_>>(&accounts))
}
