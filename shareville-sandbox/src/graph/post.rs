//! A post by its id: read, publish, edit, delete.

use serde_json::{Value, json};

use super::bearer::{Bearer, bearer};
use super::error::GraphError;
use super::fields::Node;
use super::me::object;
use super::request::Request;
use super::{comments, feed, lag, success};
use crate::world::{Post, World, graph_time};

/// `GET /{post}`
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let page = page_of(world, "GET", id)?;
    bearer.reading(world, "GET", &page, "pages_read_engagement")?;
    lag(world, request, id)?;
    show(world, request, id)
}

/// The post with the fields that were asked for.
pub(super) fn show(world: &World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let post = world
        .post(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    node(world, post).pick(request.fields().as_deref())
}

/// `POST /{post}`: `is_published=true` makes it visible, `message` changes its text.
pub(super) fn change(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    own_post(world, &bearer, "POST", id)?;
    request.only(
        &["is_published", "message"],
        world.switches.refuse_unknown_parameters,
    )?;
    let publish = request.flag("is_published")?;
    let message = request.text("message");
    if publish == Some(false) {
        return Err(GraphError::parameter("A post cannot be unpublished"));
    }
    if publish.is_none() && message.is_none() {
        return Err(GraphError::parameter("There is nothing to change"));
    }
    if let Some(message) = message {
        feed::check_message(&message)?;
        let bare = world.post(id).is_some_and(|post| {
            post.link.is_none() && post.photos.is_empty() && post.video.is_none()
        });
        if message.is_empty() && bare {
            return Err(GraphError::parameter("Missing message or attachment"));
        }
        world.edit_post(id, message);
    }
    if publish == Some(true) {
        world.publish_post(id);
    }
    Ok(success())
}

/// `DELETE /{post}`
pub(super) fn delete(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    own_post(world, &bearer, "DELETE", id)?;
    request.only(&[], world.switches.refuse_unknown_parameters)?;
    world.delete_post(id);
    Ok(success())
}

fn page_of(world: &World, method: &str, id: &str) -> Result<String, GraphError> {
    world
        .post(id)
        .map(|post| post.page.clone())
        .ok_or_else(|| GraphError::no_object(method, id))
}

/// Writing is for the Page's token, and for the app that made the post.
fn own_post(world: &World, bearer: &Bearer, method: &str, id: &str) -> Result<(), GraphError> {
    let page = page_of(world, method, id)?;
    let app = bearer.publishing(world, method, &page)?;
    if world.post(id).is_some_and(|post| post.app == app) {
        return Ok(());
    }
    Err(GraphError::new(
        200,
        "(#200) An app can only change posts that the same app has created",
    ))
}

fn node(world: &World, post: &Post) -> Node {
    let page = world.pages.get(&post.page).map(|page| page.name.as_str());
    let comments: Vec<Value> = world
        .comments_under(&post.id, None)
        .into_iter()
        .map(|comment| Value::Object(comments::node(world, comment).values))
        .collect();
    let picture = post
        .photos
        .first()
        .and_then(|id| world.photos.get(id))
        .map(|photo| world.photo_url(photo));
    let values = json!({
        "id": post.id,
        "message": post.message,
        "created_time": graph_time(post.published.unwrap_or(post.created)),
        "updated_time": graph_time(post.updated),
        "permalink_url": world.permalink(post),
        "full_picture": picture,
        "is_published": post.published.is_some(),
        "is_hidden": false,
        "is_expired": false,
        "scheduled_publish_time": null,
        "status_type": status_type(post),
        "from": { "name": page, "id": post.page },
        "attachments": attachments(world, post),
        "place": post.place.as_ref().map(|place| json!({ "id": place })),
        "comments": { "data": comments },
        "shares": null,
    });
    Node {
        kind: "PagePost",
        values: object(values),
        default: &["created_time", "message", "id"],
    }
}

fn status_type(post: &Post) -> &'static str {
    if post.video.is_some() {
        return "added_video";
    }
    match (post.photos.is_empty(), &post.link) {
        (false, _) => "added_photos",
        (true, Some(_)) => "shared_story",
        (true, None) => "mobile_status_update",
    }
}

fn attachments(world: &World, post: &Post) -> Value {
    let photos: Vec<Value> = post
        .photos
        .iter()
        .filter_map(|id| world.photos.get(id))
        .map(|photo| {
            let source = world.photo_url(photo);
            attachment(
                "photo",
                json!({
                    "description": photo.alt_text,
                    "media": { "image": { "height": 720, "width": 720, "src": source } },
                    "target": { "id": photo.id, "url": source },
                    "url": source,
                }),
            )
        })
        .collect();
    match (photos.as_slice(), &post.link) {
        ([], None) => Value::Null,
        ([], Some(link)) => {
            json!({ "data": [attachment("share", json!({ "unshimmed_url": link, "url": link, "target": { "url": link } }))] })
        }
        ([only], _) => json!({ "data": [only] }),
        (several, _) => {
            json!({ "data": [attachment("album", json!({ "subattachments": { "data": several } }))] })
        }
    }
}

/// An attachment with every known field, so that asking for an absent one is no error.
fn attachment(kind: &str, given: Value) -> Value {
    let mut values = object(json!({
        "type": kind,
        "media_type": if kind == "share" { "link" } else { kind },
        "title": null,
        "description": null,
        "media": null,
        "subattachments": null,
        "target": null,
        "url": null,
        "unshimmed_url": null,
    }));
    values.extend(object(given));
    Value::Object(values)
}
