//! Client apps and their API keys: an owner's.

use axum::{
    Json,
    extract::OriginalUri,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use shareville_core::id::{ApiKeyId, TenantId};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::location;
use crate::{
    Api,
    body::{Body, OptionalBody},
    credential::OwnerAuth,
    dto::{self, List, input},
    openapi::{Conflict, PartQuery},
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, update, remove))
        .routes(routes!(create_key))
        .routes(routes!(keys))
        .routes(routes!(revoke_key))
        .routes(routes!(events))
}

/// Lists your client apps.
#[utoipa::path(
    get,
    path = "/client-apps",
    operation_id = "listClientApps",
    params(PartQuery),
    responses((status = 200, description = "Part of them.", body = List<dto::ClientApp<'static>>))
)]
async fn list(owner: OwnerAuth, query: Query) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let tenants = owner.tenancy().list(page).await?;
    Ok(dto::list::<_, dto::ClientApp<'_>>(&tenants))
}

/// Makes a client app: a website with its own apps at Meta.
#[utoipa::path(
    post,
    path = "/client-apps",
    operation_id = "createClientApp",
    request_body = input::NewClientAppInput,
    responses(
        (status = 201, description = "It is made. The first `webhookUrl` makes a `webhookSecret`, shown this once.", body = dto::ClientApp<'static>, headers(("Location" = String, description = "Where it is found."))),
        Conflict,
    )
)]
async fn create(
    owner: OwnerAuth,
    query: Query,
    OriginalUri(uri): OriginalUri,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let input = body.read(dto::client_app::read)?;
    let saved = owner.tenancy().create(input).await?;
    let headers = [(header::LOCATION, location(&uri, &saved.tenant.id)?)];
    let shown = Json(dto::ClientApp::from(&saved));
    Ok((StatusCode::CREATED, headers, shown).into_response())
}

/// Shows a client app.
#[utoipa::path(
    get,
    path = "/client-apps/{clientAppId}",
    operation_id = "getClientApp",
    responses((status = 200, description = "The client app; its secrets are never shown.", body = dto::ClientApp<'static>))
)]
async fn read(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    let tenant = owner.tenancy().get(id).await?;
    Ok(Json(dto::ClientApp::from(&tenant)).into_response())
}

/// Changes a client app.
#[utoipa::path(
    patch,
    path = "/client-apps/{clientAppId}",
    operation_id = "updateClientApp",
    request_body = input::ClientAppInput,
    responses(
        (status = 200, description = "The client app as it is now. The first `webhookUrl` makes a `webhookSecret`, shown this once.", body = dto::ClientApp<'static>),
        Conflict,
    )
)]
async fn update(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
    body: Body,
) -> Result<Response, Problem> {
    query.none()?;
    let input = body.read(dto::client_app::read)?;
    let saved = owner.tenancy().update(id, input).await?;
    Ok(Json(dto::ClientApp::from(&saved)).into_response())
}

/// Deletes a client app with all that is its own.
#[utoipa::path(
    delete,
    path = "/client-apps/{clientAppId}",
    operation_id = "deleteClientApp",
    responses((status = 204, description = "It is gone."))
)]
async fn remove(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    owner.tenancy().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an API key.
#[utoipa::path(
    post,
    path = "/client-apps/{clientAppId}/api-key",
    operation_id = "createApiKey",
    request_body = Option<input::ApiKeyInput>,
    responses((status = 200, description = "The key, with its text: shown this once.", body = dto::MintedApiKey<'static>))
)]
async fn create_key(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    query.none()?;
    let new = body.read(dto::api_key::read)?;
    let (key, text) = owner.tenancy().create_api_key(id, new).await?;
    Ok(Json(dto::MintedApiKey::new(&key, &text)).into_response())
}

/// Lists API keys, without their texts.
#[utoipa::path(
    get,
    path = "/client-apps/{clientAppId}/api-keys",
    operation_id = "listApiKeys",
    params(PartQuery),
    responses((status = 200, description = "Part of them.", body = List<dto::ApiKey<'static>>))
)]
async fn keys(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let keys = owner.tenancy().api_keys(id, page).await?;
    Ok(dto::list::<_, dto::ApiKey<'_>>(&keys))
}

/// Revokes an API key at once, and the user tokens that were minted with it.
#[utoipa::path(
    delete,
    path = "/client-apps/{clientAppId}/api-keys/{keyId}",
    operation_id = "revokeApiKey",
    responses((status = 204, description = "It is good for nothing any more."))
)]
async fn revoke_key(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    InAddress(key): InAddress<ApiKeyId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    owner.tenancy().revoke_api_key(id, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who changed what about a client app.
#[utoipa::path(
    get,
    path = "/client-apps/{clientAppId}/events",
    operation_id = "listClientAppEvents",
    params(PartQuery),
    responses((status = 200, description = "Part of them.", body = List<dto::Event<'static>>))
)]
async fn events(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let events = owner.tenancy().events(id, page).await?;
    Ok(dto::list::<_, dto::Event<'_>>(&events))
}
