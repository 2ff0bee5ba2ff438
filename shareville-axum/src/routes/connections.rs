//! Connections and their pages: what an end user has let the website do.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use secrecy::SecretString;
use shareville_core::{
    connect::NewLogin,
    id::{ConnectionId, Provider, UserId},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    body::{self, Body},
    credential::CallerAuth,
    dto::{self, List, input},
    openapi::{AtPlatform, Conflict, ConnectQuery, Invalid, NotThere, PartQuery, UserQuery},
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    // One name for both: `{connection}` is a provider where one connects.
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(confirm))
        .routes(routes!(read, remove))
        .routes(routes!(connect))
        .routes(routes!(pages))
        .routes(routes!(refresh))
}

/// Lists connections.
#[utoipa::path(
    get,
    path = "/social/providers",
    operation_id = "listConnections",
    params(UserQuery, PartQuery),
    security(("apiKey" = ["connections:read"])),
    responses((status = 200, description = "Part of them.", body = List<dto::Connection<'static>>))
)]
async fn list(auth: CallerAuth, query: Query) -> Result<Response, Problem> {
    let (user, page) = query.read(|query| (query.text("userId").map(UserId::new), query.page()))?;
    let connections = auth.connections().list(user.as_ref(), page).await?;
    Ok(dto::list::<_, dto::Connection<'_>>(&connections))
}

/// Begins a login: send the end user to the `url` that is given.
#[utoipa::path(
    get,
    path = "/social/providers/{connection}/connect",
    operation_id = "connect",
    params(ConnectQuery),
    security(("apiKey" = ["connections:write"])),
    responses(
        (status = 200, description = "Where to send them, and until when.", body = dto::Login<'static>),
        Conflict,
        Invalid,
    )
)]
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
    Ok(Json(dto::Login::from(&begun)).into_response())
}

/// Confirms, as the user who began it, what a login has brought.
#[utoipa::path(
    post,
    path = "/social/providers/confirm",
    operation_id = "confirmConnection",
    request_body = input::ConfirmInput,
    security(("apiKey" = ["connections:write"])),
    responses(
        (status = 200, description = "The connection.", body = dto::Connection<'static>),
        NotThere,
        AtPlatform,
    )
)]
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

/// Shows a connection.
#[utoipa::path(
    get,
    path = "/social/providers/{connection}",
    operation_id = "getConnection",
    security(("apiKey" = ["connections:read"])),
    responses((status = 200, description = "The connection.", body = dto::Connection<'static>))
)]
async fn read(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    let connection = auth.connections().get(id).await?;
    Ok(Json(dto::Connection::from(&connection)).into_response())
}

/// Removes a connection: its scheduled posts fail, and its token is revoked and erased.
#[utoipa::path(
    delete,
    path = "/social/providers/{connection}",
    operation_id = "removeConnection",
    security(("apiKey" = ["connections:write"])),
    responses((status = 204, description = "It is gone."))
)]
async fn remove(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    auth.connections().remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the pages that a connection may post to.
#[utoipa::path(
    get,
    path = "/social/providers/{connection}/pages",
    operation_id = "listPages",
    params(PartQuery),
    security(("apiKey" = ["connections:read"])),
    responses((status = 200, description = "Part of them.", body = List<dto::Page<'static>>))
)]
async fn pages(
    auth: CallerAuth,
    InAddress(id): InAddress<ConnectionId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let accounts = auth.connections().accounts(id, page).await?;
    Ok(dto::list::<_, dto::Page<'_>>(&accounts))
}

/// Asks the provider again for the pages of a connection. With an API key it needs `connections:read` too.
#[utoipa::path(
    post,
    path = "/social/providers/{connection}/pages/refresh",
    operation_id = "refreshPages",
    params(PartQuery),
    security(("apiKey" = ["connections:write"])),
    responses(
        (status = 200, description = "Part of what there is now.", body = List<dto::Page<'static>>),
        AtPlatform,
    )
)]
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
