//! Comments and replies.

use serde_json::{Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::me::object;
use super::request::Request;
use super::{lag, paging, success};
use crate::world::{Comment, World, graph_time};

/// Where a comment goes, or is: the post, and the comment above it. A video's comments are those of its post.
struct Place {
    page: String,
    post: String,
    parent: Option<String>,
}

fn place(world: &World, method: &str, id: &str) -> Result<Place, GraphError> {
    let parent = world.comment(id);
    let video = world.video(id).and_then(|video| video.post.as_deref());
    let post = parent.map_or(video.unwrap_or(id), |comment| comment.post.as_str());
    let post = world
        .post(post)
        .ok_or_else(|| GraphError::no_object(method, id))?;
    Ok(Place {
        page: post.page.clone(),
        post: post.id.clone(),
        parent: parent.map(|comment| comment.id.clone()),
    })
}

/// `POST /{post, video or comment}/comments`
pub(super) fn create(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let place = place(world, "POST", id)?;
    bearer.managing(world, "POST", &place.page, "pages_manage_engagement")?;
    request.only(&["message"], world.switches.refuse_unknown_parameters)?;
    let message = request.required("message")?;
    let name = world
        .pages
        .get(&place.page)
        .map(|page| page.name.clone())
        .unwrap_or_default();
    let id = world.add_comment(&place.post, place.parent, (place.page, name), message);
    match request.fields() {
        Some(fields) => show(world, &id, Some(&fields)),
        None => Ok(json!({ "id": id })),
    }
}

/// `GET /{post, video or comment}/comments`: one level only.
pub(super) fn list(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let place = place(world, "GET", id)?;
    bearer.reading(world, "GET", &place.page, "pages_read_engagement")?;
    if world.switches.comments_need_read_user_content {
        bearer.reading(world, "GET", &place.page, "pages_read_user_content")?;
    }
    let comments = world.comments_under(&place.post, place.parent.as_deref());
    let ids: Vec<String> = comments
        .into_iter()
        .map(|comment| comment.id.clone())
        .collect();
    let (shown, paging) = paging::cut(world, request, &ids)?;
    let fields = request.fields();
    let data = shown
        .iter()
        .map(|id| show(world, id, fields.as_deref()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(paging::answer(&data, paging))
}

/// `GET /{comment}`
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let place = place(world, "GET", id)?;
    bearer.reading(world, "GET", &place.page, "pages_read_engagement")?;
    lag(world, request, id)?;
    show(world, id, request.fields().as_deref())
}

/// `POST /{comment}`: the text of one's own, or `is_hidden` of another's.
pub(super) fn change(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let place = place(world, "POST", id)?;
    bearer.managing(world, "POST", &place.page, "pages_manage_engagement")?;
    request.only(
        &["message", "is_hidden"],
        world.switches.refuse_unknown_parameters,
    )?;
    let hidden = request.flag("is_hidden")?;
    let message = request
        .text("message")
        .filter(|message| !message.is_empty());
    let comment = world
        .comments
        .get_mut(id)
        .ok_or_else(|| GraphError::no_object("POST", id))?;
    let own = comment.from.0 == place.page;
    match (message, hidden) {
        (None, None) => return Err(GraphError::missing_parameter("message")),
        (_, Some(_)) if own => {
            return Err(GraphError::new(
                200,
                "(#200) Can not hide or unhide this comment",
            ));
        }
        (Some(_), _) if !own => {
            return Err(GraphError::new(200, "(#200) Can not edit this comment"));
        }
        (message, hidden) => {
            comment.message = message.unwrap_or_else(|| comment.message.clone());
            comment.hidden = hidden.unwrap_or(comment.hidden);
        }
    }
    Ok(success())
}

/// `DELETE /{comment}`
pub(super) fn delete(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let gone = || GraphError::no_object("DELETE", id);
    world.comment(id).ok_or_else(gone)?;
    let place = place(world, "DELETE", id)?;
    bearer.managing(world, "DELETE", &place.page, "pages_manage_engagement")?;
    world.comments.get_mut(id).ok_or_else(gone)?.deleted = true;
    Ok(success())
}

fn show(world: &World, id: &str, fields: Option<&str>) -> Result<Value, GraphError> {
    let comment = world
        .comment(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    node(world, comment).pick(fields)
}

pub(super) fn node(world: &World, comment: &Comment) -> Node {
    let own = world
        .posts
        .get(&comment.post)
        .is_some_and(|post| post.page == comment.from.0);
    let number = comment.id.rsplit('_').next().unwrap_or(&comment.id);
    let permalink = world.posts.get(&comment.post).map(|post| {
        format!(
            "{}?comment_id={}#comment-{number}",
            world.permalink(post),
            comment.id
        )
    });
    let values = json!({
        "id": comment.id,
        "message": comment.message,
        "created_time": graph_time(comment.created),
        "from": { "name": comment.from.1, "id": comment.from.0 },
        "permalink_url": permalink,
        "parent": comment.parent.as_ref().map(|parent| json!({ "id": parent })),
        "like_count": 0,
        "comment_count": world.comments_under(&comment.post, Some(&comment.id)).len(),
        "can_hide": !own,
        "can_remove": true,
        "is_hidden": comment.hidden,
    });
    Node {
        kind: "Comment",
        values: object(values),
        default: &["created_time", "from", "message", "id"],
    }
}
