//! Webhooks to the tenant: their secret, and the log of what was sent. An owner's.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use shareville_core::id::{DeliveryId, TenantId};

use crate::{
    Api,
    body::OptionalBody,
    credential::OwnerAuth,
    dto,
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/client-apps/{clientAppId}/webhook-secret", post(renew))
        .route("/client-apps/{clientAppId}/webhook-deliveries", get(list))
        .route(
            "/client-apps/{clientAppId}/webhook-deliveries/{deliveryId}/redeliver",
            post(redeliver),
        )
}

/// A new secret, shown this once.
#[derive(Serialize)]
struct Renewed<'a> {
    secret: &'a str,
}

async fn renew(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    query.none()?;
    body.read(|_| ())?;
    let secret: SecretString = owner.tenancy().renew_webhook_secret(id).await?;
    let secret = secret.expose_secret();
    Ok(Json(Renewed { secret }).into_response())
}

async fn list(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let deliveries = owner.tenancy().deliveries(id, page).await?;
    Ok(dto::list::<_, dto::Delivery>(&deliveries))
}

async fn redeliver(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    InAddress(delivery): InAddress<DeliveryId>,
    query: Query,
    OptionalBody(body): OptionalBody,
) -> Result<Response, Problem> {
    query.none()?;
    body.read(|_| ())?;
    let delivery = owner.tenancy().redeliver(id, delivery).await?;
    Ok(Json(dto::Delivery::from(&delivery)).into_response())
}
