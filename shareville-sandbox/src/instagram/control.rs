//! The control routes of Instagram, and of Meta's calls to the app.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::Remark;
use crate::error::Error;
use crate::hands::Hands;
use crate::notice::{Delivered, Handshake};
use crate::serve::Shared;
use crate::world::{ContainerFailure, ContainerRecord, NewInstagramAccount, VisibleMedia};

type App = State<Arc<Shared>>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sandbox/instagram", get(list_accounts).post(add_account))
        .route("/_sandbox/instagram/{account}/visible", get(visible))
        .route("/_sandbox/instagram/{account}/containers", get(containers))
        .route("/_sandbox/instagram/{account}/fail-next", post(fail_next))
        .route("/_sandbox/containers/{container}/fail", post(fail))
        .route("/_sandbox/media/{media}", delete(delete_media))
        .route("/_sandbox/media/{media}/comments", post(comment))
        .route("/_sandbox/handshake", post(handshake))
        .route("/_sandbox/notify", post(notify))
        .route("/_sandbox/deauthorize", post(deauthorize))
        .route("/_sandbox/data-deletion", post(data_deletion))
}

async fn list_accounts(State(shared): App) -> Json<Value> {
    let world = shared.world();
    let accounts = world.instagram.accounts.values();
    Json(
        accounts
            .map(|account| {
                json!({
                    "id": account.id, "username": account.username, "name": account.name,
                    "account_type": account.account_type, "page": account.page, "person": account.person,
                })
            })
            .collect(),
    )
}

async fn add_account(
    State(shared): App,
    Json(account): Json<NewInstagramAccount>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = shared.world().add_instagram(account)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

fn known(shared: &Shared, account: &str) -> Result<(), Error> {
    match shared.world().instagram_account(account) {
        Some(_) => Ok(()),
        None => Err(Error::missing("Instagram account", account)),
    }
}

async fn visible(
    State(shared): App,
    Path(account): Path<String>,
) -> Result<Json<Vec<VisibleMedia>>, Error> {
    known(&shared, &account)?;
    Ok(Json(shared.world().visible_media_of(&account)))
}

async fn containers(
    State(shared): App,
    Path(account): Path<String>,
) -> Result<Json<Vec<ContainerRecord>>, Error> {
    known(&shared, &account)?;
    Ok(Json(shared.world().containers_of(&account)))
}

async fn fail_next(
    State(shared): App,
    Path(account): Path<String>,
    Json(failure): Json<ContainerFailure>,
) -> Result<StatusCode, Error> {
    Hands(shared).fail_next_container(&account, failure)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn fail(
    State(shared): App,
    Path(container): Path<String>,
    Json(failure): Json<ContainerFailure>,
) -> Result<StatusCode, Error> {
    Hands(shared).fail_container(&container, failure)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_media(State(shared): App, Path(media): Path<String>) -> Result<StatusCode, Error> {
    Hands(shared).delete_media(&media)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn comment(
    State(shared): App,
    Path(media): Path<String>,
    Json(remark): Json<Remark>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let id = Hands(shared).comment_on_media(&media, &remark.visitor, &remark.message)?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    url: String,
    verify_token: String,
}

async fn handshake(
    State(shared): App,
    Json(subscription): Json<Subscription>,
) -> Result<Json<Handshake>, Error> {
    let hands = Hands(shared);
    let handshake = hands.handshake(&subscription.url, &subscription.verify_token);
    Ok(Json(handshake.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notice {
    app: String,
    url: String,
    body: Value,
}

async fn notify(State(shared): App, Json(notice): Json<Notice>) -> Result<Json<Delivered>, Error> {
    let hands = Hands(shared);
    let delivered = hands.notify(&notice.app, &notice.url, &notice.body).await?;
    Ok(Json(delivered))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Callback {
    app: String,
    /// A person or an Instagram account.
    person: String,
    url: String,
}

async fn deauthorize(
    State(shared): App,
    Json(callback): Json<Callback>,
) -> Result<Json<Delivered>, Error> {
    let hands = Hands(shared);
    let delivered = hands.deauthorize(&callback.app, &callback.person, &callback.url);
    Ok(Json(delivered.await?))
}

async fn data_deletion(
    State(shared): App,
    Json(callback): Json<Callback>,
) -> Result<Json<Delivered>, Error> {
    let hands = Hands(shared);
    let delivered = hands.data_deletion(&callback.app, &callback.person, &callback.url);
    Ok(Json(delivered.await?))
}
