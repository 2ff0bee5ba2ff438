//! Comments on media.

use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::fields::Node;
use super::super::me::object;
use super::super::paging;
use super::super::request::Request;
use super::actor::actor;
use super::{account_of, required};
use crate::world::{Media, MediaComment, World, graph_time};

/// `POST /{media}/comments`: a comment of the account's own.
pub(super) fn create(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let account = account_of(world, id);
    let actor = actor(world, request, account, id)?;
    let gone = || GraphError::no_object("POST", id);
    world.media(id).ok_or_else(gone)?;
    actor.commenting(world)?;
    request.only(&["message"], world.switches.refuse_unknown_parameters)?;
    let message = required(request, "message")?;
    let username = world
        .instagram_account(&actor.account)
        .map(|account| account.username.clone())
        .unwrap_or_default();
    let comment = world.comment_on_media(id, (actor.account, username), message);
    Ok(json!({ "id": comment.ok_or_else(gone)? }))
}

/// `GET /{media}/comments`: newest first.
pub(super) fn list(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let account = account_of(world, id);
    let actor = actor(world, request, account, id)?;
    let media = world
        .media(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    actor.commenting(world)?;
    let newest_first = media.comments.iter().rev();
    let ids: Vec<String> = newest_first.map(|comment| comment.id.clone()).collect();
    let (wanted, paging) = paging::cut(world, request, &ids)?;
    let mut data = Vec::new();
    for id in wanted {
        let Some(comment) = media.comments.iter().find(|comment| comment.id == id) else {
            continue;
        };
        let node = Node {
            kind: "IGComment",
            values: object(shown(media, comment)),
            default: &["timestamp", "text", "id"],
        };
        data.push(node.pick(request.fields().as_deref())?);
    }
    Ok(paging::answer(&data, paging))
}

/// All that can be asked of a comment.
pub(super) fn shown(media: &Media, comment: &MediaComment) -> Value {
    let (id, username) = &comment.from;
    json!({
        "id": comment.id,
        "text": comment.text,
        "timestamp": graph_time(comment.created),
        "username": username,
        "from": { "id": id, "username": username },
        "media": { "id": media.id },
        "like_count": 0,
        "hidden": false,
        "parent_id": null,
    })
}
