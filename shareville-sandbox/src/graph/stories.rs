//! `POST /{page}/photo_stories`, and the list of stories.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::me::object;
use super::request::Request;
use super::{paging, success};
use crate::world::{Story, StoryMedia, World};

/// `POST /{page}/photo_stories`: a photo that was uploaded unpublished and used nowhere.
pub(super) fn publish_photo(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = bearer(world, request)?.publishing(world, "POST", page)?;
    if request.params.contains_key("url") {
        // There is no such parameter, and Meta says so by failing for ever.
        return Err(GraphError::new(1, "An unknown error occurred")
            .with_status(StatusCode::SERVICE_UNAVAILABLE));
    }
    request.only(&["photo_id"], world.switches.refuse_unknown_parameters)?;
    let id = request.required("photo_id")?;
    let photo = world
        .photo(&id)
        .filter(|photo| photo.page == page)
        .ok_or_else(|| GraphError::parameter("Invalid photo_id"))?;
    let only_stories = photo
        .used_by
        .iter()
        .all(|user| world.stories.contains_key(user));
    if photo.published || !only_stories {
        return Err(GraphError::parameter(
            "The photo was published already: a story needs one that was not",
        ));
    }
    let story = world.publish_photo_story(page, &app, &id);
    let mut answer = success();
    answer["post_id"] = story.into();
    Ok(answer)
}

/// `GET /{page}/stories`: those of the last day, newest first; with `status=ARCHIVED` older ones.
pub(super) fn list(world: &mut World, request: &Request, page: &str) -> Result<Value, GraphError> {
    bearer(world, request)?.reading(world, "GET", page, "pages_read_engagement")?;
    request.only(&["status"], world.switches.refuse_unknown_parameters)?;
    let now = world.now();
    let shown: fn(&Story, _) -> bool = match request.text("status").as_deref() {
        None | Some("PUBLISHED") => Story::is_visible,
        Some("ARCHIVED") => |story, now| !story.deleted && !story.is_visible(now),
        Some(_) => {
            return Err(GraphError::parameter(
                "Param status must be one of {ARCHIVED, PUBLISHED}",
            ));
        }
    };
    let ids: Vec<String> = world
        .stories_of(page)
        .filter(|story| shown(story, now))
        .map(|story| story.id.clone())
        .collect();
    let (listed, paging) = paging::cut(world, request, &ids)?;
    let fields = request.fields();
    let data = listed
        .iter()
        .filter_map(|id| world.stories.get(id))
        .map(|story| node(world, story).pick(fields.as_deref()))
        .collect::<Result<Vec<_>, _>>()?;
    world.pass_listing(page);
    Ok(paging::answer(&data, paging))
}

fn node(world: &World, story: &Story) -> Node {
    let status = if story.is_visible(world.now()) {
        "PUBLISHED"
    } else {
        "ARCHIVED"
    };
    let media_type = match &story.media {
        StoryMedia::Photo(_) => "photo",
        StoryMedia::Video(_) => "video",
    };
    let values = json!({
        "post_id": story.id,
        "status": status,
        "creation_time": story.created.timestamp().to_string(),
        "media_type": media_type,
        "media_id": story.media.id(),
        "url": world.story_url(&story.id),
    });
    Node {
        kind: "Stories",
        values: object(values),
        default: &[
            "post_id",
            "status",
            "creation_time",
            "media_type",
            "media_id",
            "url",
        ],
    }
}
