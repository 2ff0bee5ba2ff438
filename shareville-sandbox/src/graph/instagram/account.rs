//! An Instagram account: itself, its quota, and how its Page names it.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::fields::{Node, reaches_into};
use super::super::me::object;
use super::super::request::{Host, Request};
use super::actor::actor;
use crate::world::{InstagramAccount, World};

/// `GET /{ig}`, and `GET /me` with an Instagram Login token.
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let actor = actor(world, request, Some(id.to_owned()), id)?;
    actor.reading(world)?;
    let account = world
        .instagram_account(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    let mut values = object(shown(world, account));
    if request.host == Host::Instagram {
        values.insert("id".to_owned(), World::app_scoped(&actor.app, id).into());
        values.insert("user_id".to_owned(), id.into());
        values.insert(
            "account_type".to_owned(),
            account.account_type.name().into(),
        );
    } else {
        values.insert("ig_id".to_owned(), ig_id(account).into());
    }
    Node {
        kind: "IGUser",
        values,
        default: &["id"],
    }
    .pick(request.fields().as_deref())
}

/// What both hosts tell of an account.
fn shown(world: &World, account: &InstagramAccount) -> Value {
    json!({
        "id": account.id,
        "username": account.username,
        "name": account.name,
        "profile_picture_url": format!("{}/_sandbox/pictures/{}", world.base_url, account.id),
        "biography": null,
        "website": null,
        "followers_count": 64,
        "follows_count": 32,
        "media_count": world.media_of(&account.id).count(),
    })
}

/// The account's old number, which only Facebook's host knows.
fn ig_id(account: &InstagramAccount) -> String {
    account.id.trim_start_matches("17841").to_owned()
}

/// Fills in a Page's fields that name its Instagram account, if the caller was granted `instagram_basic` for it.
pub(crate) fn link(world: &World, request: &Request, page: &str, node: &mut Node) {
    let token = request
        .token
        .as_deref()
        .and_then(|token| world.tokens.get(token));
    let granted = token
        .is_some_and(|token| world.granted_for(&token.app, &token.person, "instagram_basic", page));
    let Some(account) = world.instagram_of(page).filter(|_| granted) else {
        return;
    };
    for name in ["instagram_business_account", "connected_instagram_account"] {
        // Another object's fields are told only to who asks for them; its id always.
        let value = if reaches_into(request.fields().as_deref(), name) {
            let mut values = object(shown(world, account));
            values.insert("ig_id".to_owned(), ig_id(account).into());
            Value::Object(values)
        } else {
            json!({ "id": account.id })
        };
        node.values.insert(name.to_owned(), value);
    }
}

/// `GET /{ig}/content_publishing_limit`
pub(super) fn publishing_limit(
    world: &mut World,
    request: &Request,
    id: &str,
) -> Result<Value, GraphError> {
    let actor = actor(world, request, Some(id.to_owned()), id)?;
    actor.publishing(world)?;
    request.only(&["since"], world.switches.refuse_unknown_parameters)?;
    let day = world.now() - TimeDelta::hours(24);
    let since = match request.text("since") {
        None => day,
        Some(text) => text
            .parse()
            .ok()
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
            .filter(|since| *since >= day)
            .ok_or_else(|| {
                GraphError::parameter("Param since must be a unix timestamp within 24 hours")
            })?,
    };
    let node = Node {
        kind: "ContentPublishingLimitResponse",
        values: object(json!({
            "quota_usage": world.published_since(id, since),
            "config": { "quota_total": world.switches.quota_total, "quota_duration": 86_400 },
        })),
        default: &["quota_usage"],
    };
    Ok(json!({ "data": [node.pick(request.fields().as_deref())?] }))
}
