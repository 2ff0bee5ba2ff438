//! Webhooks to the tenant: their secret, and the log of what was sent. An owner's.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use shareville_core::id::{DeliveryId, TenantId};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    Api,
    body::OptionalBody,
    credential::OwnerAuth,
    dto::{self, List, input},
    openapi::{Conflict, PartQuery},
    problem::Problem,
    query::{InAddress, Query},
};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(renew))
        .routes(routes!(list))
        .routes(routes!(redeliver))
}

/// A new secret, shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = Secret)]
struct Renewed<'a> {
    secret: &'a str,
}

/// Makes a new webhook secret; the former one stays good for 24 hours.
#[utoipa::path(
    post,
    path = "/client-apps/{clientAppId}/webhook-secret",
    operation_id = "renewWebhookSecret",
    request_body = Option<input::EmptyInput>,
    responses(
        (status = 200, description = "The secret, shown this once.", body = Renewed<'static>),
        Conflict,
    )
)]
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

/// Lists what was sent to the webhook, and how each attempt ended.
#[utoipa::path(
    get,
    path = "/client-apps/{clientAppId}/webhook-deliveries",
    operation_id = "listWebhookDeliveries",
    params(PartQuery),
    responses((status = 200, description = "Part of them.", body = List<dto::Delivery>))
)]
async fn list(
    owner: OwnerAuth,
    InAddress(id): InAddress<TenantId>,
    query: Query,
) -> Result<Response, Problem> {
    let page = query.read(Query::page)?;
    let deliveries = owner.tenancy().deliveries(id, page).await?;
    Ok(dto::list::<_, dto::Delivery>(&deliveries))
}

/// Sends an event again, a dead letter too.
#[utoipa::path(
    post,
    path = "/client-apps/{clientAppId}/webhook-deliveries/{deliveryId}/redeliver",
    operation_id = "redeliverWebhook",
    request_body = Option<input::EmptyInput>,
    responses(
        (status = 200, description = "The delivery, which is up now.", body = dto::Delivery),
        Conflict,
    )
)]
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
