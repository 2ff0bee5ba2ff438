//! `POST /{page}/feed`, and the lists of posts.

use serde_json::{Value, json};
use url::Url;

use super::bearer::bearer;
use super::error::GraphError;
use super::request::Request;
use super::{paging, post};
use crate::world::{NewPost, World};

const KNOWN: [&str; 5] = ["message", "link", "published", "attached_media", "place"];
/// The longest text of a post, in characters.
const MOST_CHARACTERS: usize = 63_206;

/// `POST /{page}/feed`
pub(super) fn create(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = bearer(world, request)?.publishing(world, "POST", page)?;
    request.only(&KNOWN, world.switches.refuse_unknown_parameters)?;
    let message = request
        .text("message")
        .filter(|message| !message.is_empty());
    let link = request.text("link").filter(|link| !link.is_empty());
    let published = request.flag("published")?.unwrap_or(true);
    if let Some(message) = &message {
        check_message(message)?;
    }
    if let Some(link) = &link {
        check_link(link)?;
        if !published && !world.switches.link_posts_can_be_unpublished {
            return Err(GraphError::parameter(
                "Posts with a link cannot be unpublished",
            ));
        }
    }
    let place = request.text("place").filter(|place| !place.is_empty());
    if let Some(place) = &place {
        check_place(place)?;
    }
    let photos = attached(world, request, page)?;
    if message.is_none() && link.is_none() && photos.is_empty() {
        return Err(GraphError::parameter("Missing message or attachment"));
    }
    if world.switches.refuse_duplicate_text
        && is_duplicate(world, page, message.as_deref(), link.as_deref())
    {
        return Err(GraphError::new(506, "(#506) Duplicate status message"));
    }
    let id = world.create_post(NewPost {
        page: page.to_owned(),
        app,
        message,
        link,
        place,
        photos,
        published,
        ..NewPost::default()
    });
    if request.fields().is_some() {
        return post::show(world, request, &id);
    }
    Ok(json!({ "id": id, "post_supports_client_mutation_id": true }))
}

/// A text that fits into a post.
pub(super) fn check_message(message: &str) -> Result<(), GraphError> {
    if message.chars().count() > MOST_CHARACTERS {
        return Err(GraphError::parameter(format_args!(
            "Param message must be no longer than {MOST_CHARACTERS} characters"
        )));
    }
    Ok(())
}

/// A place is named by the id of its Page, which need not be one of this sandbox.
pub(super) fn check_place(place: &str) -> Result<(), GraphError> {
    if !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(GraphError::parameter(
        "Param place must be a valid place tag ID",
    ))
}

fn check_link(link: &str) -> Result<(), GraphError> {
    let wrong = || GraphError::new(1_500, "(#1500) The url you supplied is invalid");
    let url = Url::parse(link)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(wrong)?;
    let host = url.host_str().ok_or_else(wrong)?;
    if host == "facebook.com" || host.ends_with(".facebook.com") {
        return Err(GraphError::parameter("Links to facebook.com cannot be posted").sub(1_609_008));
    }
    if host.ends_with(".invalid") {
        return Err(GraphError::parameter("The link could not be posted").sub(1_609_005));
    }
    Ok(())
}

/// The photos to attach: unpublished, this Page's own, and free.
fn attached(world: &World, request: &Request, page: &str) -> Result<Vec<String>, GraphError> {
    let mut photos: Vec<String> = Vec::new();
    for media in request.list("attached_media")?.unwrap_or_default() {
        let id = match media.get("media_fbid") {
            Some(Value::String(id)) => id.clone(),
            Some(Value::Number(id)) => id.to_string(),
            _ => {
                return Err(GraphError::parameter(
                    "Param attached_media must contain media_fbid",
                ));
            }
        };
        let photo = world.photo(&id).filter(|photo| photo.page == page);
        let photo =
            photo.ok_or_else(|| GraphError::parameter(format_args!("Invalid media_fbid {id}")))?;
        let taken = photo.published || !photo.used_by.is_empty();
        if photos.contains(&id) || (taken && !world.switches.photo_reuse_allowed) {
            return Err(GraphError::parameter("These photos were already posted.").sub(1_366_051));
        }
        photos.push(id);
    }
    Ok(photos)
}

fn is_duplicate(world: &World, page: &str, message: Option<&str>, link: Option<&str>) -> bool {
    message.is_some()
        && world
            .posts_of(page)
            .find(|post| post.is_visible())
            .is_some_and(|newest| {
                newest.message.as_deref() == message && newest.link.as_deref() == link
            })
}

/// `GET /{page}/feed`, `posts`, `published_posts`: what is visible, newest first.
pub(super) fn list(world: &mut World, request: &Request, page: &str) -> Result<Value, GraphError> {
    bearer(world, request)?.reading(world, "GET", page, "pages_read_engagement")?;
    let mut visible: Vec<_> = world
        .posts_of(page)
        .filter(|post| post.is_visible())
        .collect();
    visible.sort_by(|one, other| {
        other
            .published
            .cmp(&one.published)
            .then_with(|| other.id.cmp(&one.id))
    });
    let ids: Vec<String> = visible.into_iter().map(|post| post.id.clone()).collect();
    let (shown, paging) = paging::cut(world, request, &ids)?;
    let data = shown
        .iter()
        .map(|id| post::show(world, request, id))
        .collect::<Result<Vec<_>, _>>()?;
    world.pass_listing(page);
    Ok(paging::answer(&data, paging))
}
