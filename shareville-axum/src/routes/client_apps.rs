//! Client apps and their API keys: an owner's.

use axum::{
    Json, Router,
    extract::OriginalUri,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use http::{StatusCode, header};
use shareville_core::id::{ApiKeyId, TenantId};

use super::location;
use crate::{
    Api,
    body::{Body, OptionalBody},
    credential::OwnerAuth,
    dto,
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/client-apps", get(list).post(create))
        .route(
            "/client-apps/{clientAppId}",
            get(read).patch(update).delete(remove),
        )
        .route("/client-apps/{clientAppId}/api-key", post(create_key))
        .route("/client-apps/{clientAppId}/api-keys", get(keys))
        .route(
            "/client-apps/{clientAppId}/api-keys/{keyId}",
            delete(revoke_key),
        )
        .route("/client-apps/{clientAppId}/events", get(events))
}

async fn list(owner: OwnerAuth, query: Query) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let tenants = owner.tenancy().list(page).await?;
    Ok(dto::list::<_, dto::ClientApp<'_>>(&tenants))
}

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

async fn read(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    query.none()?;
    let tenant = owner.tenancy().get(id).await?;
    Ok(Json(dto::ClientApp::from(&tenant)).into_response())
}

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

async fn remove(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.none()?;
    owner.tenancy().delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

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

async fn keys(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let keys = owner.tenancy().api_keys(id, page).await?;
    Ok(dto::list::<_, dto::ApiKey<'_>>(&keys))
}

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

async fn events(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let events = owner.tenancy().events(id, page).await?;
    Ok(dto::list::<_, dto::Event<'_>>(&events))
}
