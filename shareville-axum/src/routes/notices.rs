//! What Meta calls: webhooks of a client app, and word of people who leave it. It has no credential, but signs.

use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use shareville_core::{Error, id::TenantId};
use url::form_urlencoded;
use utoipa::ToSchema;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};

use super::{deletion_page, wants_page};
use crate::{
    Api,
    openapi::{Called, HubQuery, ProblemShape, Unavailable},
    problem::Problem,
    query::{DeletionCode, InAddress},
    whole_body::{BodyLimits, WholeBody},
};

/// Where the signature of a webhook stands (graph-api.md 9.2, D-WH).
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// The routes; `webhook` is how large a webhook may be, which holds up to a thousand updates.
pub(super) fn routes(webhook: BodyLimits) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(subscribe, receive).layer(Extension(webhook)))
        .routes(routes!(deauthorize))
        .routes(routes!(delete_data))
        .routes(routes!(deletion))
}

/// What a subscriber asks. Whatever else the query says is passed over.
#[derive(Default)]
struct Hub {
    mode: Option<String>,
    challenge: Option<String>,
    verify_token: Option<String>,
}

fn read(query: &str) -> Hub {
    let mut hub = Hub::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        match name.as_str() {
            "hub.mode" => hub.mode = Some(value),
            "hub.challenge" => hub.challenge = Some(value),
            "hub.verify_token" => hub.verify_token = Some(value),
            _ => {}
        }
    }
    hub
}

/// Answers Meta's challenge, if it knows the client app's `metaVerifyToken`.
#[utoipa::path(
    get,
    path = "/meta/{clientAppId}/webhook",
    operation_id = "subscribeToWebhook",
    params(HubQuery),
    responses(
        (status = 200, description = "The challenge, and nothing else.", body = String, content_type = "text/plain"),
        (status = 403, description = "It is no subscription, or the token is another.", body = ProblemShape, content_type = "application/problem+json"),
        Unavailable,
    )
)]
async fn subscribe(
    State(api): State<Api>,
    InAddress(tenant): InAddress<TenantId>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let hub = read(query.as_deref().unwrap_or_default());
    let word = hub.verify_token.unwrap_or_default();
    api.shareville.verify_subscription(tenant, &word).await?;
    let challenge = hub
        .challenge
        .filter(|_| hub.mode.as_deref() == Some("subscribe"));
    let challenge = challenge.ok_or_else(|| {
        let detail = "`hub.mode` must be `subscribe`, with a `hub.challenge`";
        Problem::new(StatusCode::FORBIDDEN, "no_subscription", detail)
    })?;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, plain)], challenge).into_response())
}

/// Takes a webhook of Meta's, signed by `X-Hub-Signature-256`. It is stored, and looked into afterwards.
#[utoipa::path(
    post,
    path = "/meta/{clientAppId}/webhook",
    operation_id = "receiveMetaWebhook",
    responses((status = 200, description = "It is stored, or was before."), Called)
)]
async fn receive(
    State(api): State<Api>,
    InAddress(tenant): InAddress<TenantId>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<StatusCode, Problem> {
    let signature = headers.get(SIGNATURE).map(HeaderValue::as_bytes);
    api.shareville
        .heed_webhook(tenant, &body, signature)
        .await?;
    Ok(StatusCode::OK)
}

/// Takes word of Meta's, in a form's `signed_request`, that a person has removed the app. Their connections are looked at.
#[utoipa::path(
    post,
    path = "/meta/{clientAppId}/deauthorize",
    operation_id = "deauthorizePerson",
    responses((status = 200, description = "It is stored, or was before."), Called)
)]
async fn deauthorize(
    State(api): State<Api>,
    InAddress(tenant): InAddress<TenantId>,
    WholeBody(form): WholeBody,
) -> Result<StatusCode, Problem> {
    api.shareville.heed_deauthorization(tenant, &form).await?;
    Ok(StatusCode::OK)
}

/// Where a person can see what became of their wish. The names are Meta's.
#[derive(Serialize, ToSchema)]
#[schema(as = DataDeletion)]
struct Wanted<'a> {
    /// The page that tells how far it has come.
    url: &'a str,
    /// By what the person can ask for it.
    confirmation_code: &'a str,
}

/// Takes a person's wish, in a form's `signed_request`, that what is kept of them be deleted: their connections are removed.
#[utoipa::path(
    post,
    path = "/meta/{clientAppId}/data-deletion",
    operation_id = "deletePersonsData",
    responses(
        (status = 200, description = "It is stored, or was before: the same person has the same code.", body = Wanted<'static>),
        Called,
    )
)]
async fn delete_data(
    State(api): State<Api>,
    InAddress(tenant): InAddress<TenantId>,
    WholeBody(form): WholeBody,
) -> Result<Response, Problem> {
    let deletion = api.shareville.heed_deletion(tenant, &form).await?;
    let wanted = Wanted {
        url: deletion.url.as_str(),
        confirmation_code: deletion.code.as_str(),
    };
    Ok(Json(wanted).into_response())
}

/// Tells a person how far their wish to be deleted has come.
#[utoipa::path(
    get,
    path = "/data-deletion/{code}",
    operation_id = "showDataDeletion",
    responses(
        (status = 200, description = "A page for a person.", body = String, content_type = "text/html"),
        (
            status = 404,
            description = "There is no such wish, or it was fulfilled more than 90 days ago. For a person it is a page.",
            content((ProblemShape = "application/problem+json"), (String = "text/html"))
        ),
        Unavailable,
    )
)]
async fn deletion(
    State(api): State<Api>,
    InAddress(DeletionCode(code)): InAddress<DeletionCode>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match api.shareville.deletion(&code).await {
        Ok(deletion) => Ok(deletion_page::told(&deletion).into_response()),
        // A person is looking at it.
        Err(Error::NotFound(_)) if wants_page(&headers) => {
            Ok((StatusCode::NOT_FOUND, deletion_page::unknown()).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
