//! Containers: `POST /{ig}/media`, and how far one is.

use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::fields::Node;
use super::super::me::object;
use super::super::request::Request;
use super::actor::actor;
use super::options;
use super::shape::Shape;
use super::source::{Frame, check_image, check_video};
use super::{account_of, required, upload};
use crate::world::{
    Container, ContainerRole, ContainerStatus, MediaFile, Medium, NewContainer, World,
};

/// D-IGP: so many containers an account may make in 24 hours.
const MOST_CONTAINERS: usize = 400;

/// `POST /{ig}/media`
pub(super) fn create(
    world: &mut World,
    request: &Request,
    account: &str,
) -> Result<Value, GraphError> {
    let actor = actor(world, request, Some(account.to_owned()), account)?;
    actor.publishing(world)?;
    if world.recent_containers(account) >= MOST_CONTAINERS {
        return Err(GraphError::new(
            9,
            "The maximum number of containers that can be created within a 24 hour period has been reached",
        )
        .sub(2_207_042));
    }
    let shape = Shape::read(request)?;
    let (files, length) = files(world, request, account, shape)?;
    if world.switches.refuse_unknown_parameters {
        shape.check_parameters(request)?;
    }
    let made = NewContainer {
        account: account.to_owned(),
        app: actor.app,
        role: shape.role(),
        files,
        caption: shape.option("caption", || options::caption(request))?,
        collaborators: shape.option("collaborators", || options::collaborators(request))?,
        location: shape.option("location_id", || options::location(request))?,
        cover_url: shape.option("cover_url", || cover(request))?,
        thumb_offset: shape.option("thumb_offset", || options::thumb_offset(request, length))?,
        share_to_feed: shape.option("share_to_feed", || request.flag("share_to_feed"))?,
    };
    let id = world.create_container(made);
    let container = world.instagram.containers.get(&id);
    if container.is_some_and(Container::awaits_bytes) {
        return Ok(upload::begin(world, request, &id));
    }
    Ok(json!({ "id": id }))
}

/// The photos and videos of a container, and the length of a video in seconds if it is known.
fn files(
    world: &mut World,
    request: &Request,
    account: &str,
    shape: Shape,
) -> Result<(Vec<MediaFile>, Option<u64>), GraphError> {
    let given = |name: &str| request.text(name).is_some_and(|text| !text.is_empty());
    match shape {
        Shape::Image | Shape::ImageItem => Ok((vec![image(world, request, Frame::Feed)?], None)),
        Shape::VideoItem | Shape::Reel => video(world, request),
        Shape::Story if given("image_url") && given("video_url") => Err(GraphError::parameter(
            "A story is either an image or a video",
        )),
        Shape::Story if given("video_url") || given("upload_type") => video(world, request),
        Shape::Story => Ok((vec![image(world, request, Frame::Free)?], None)),
        Shape::Carousel => {
            let children = children(world, request, account)?;
            Ok((world.files_of(&children), None))
        }
    }
}

fn image(world: &mut World, request: &Request, frame: Frame) -> Result<MediaFile, GraphError> {
    let url = required(request, "image_url")?;
    check_image(&url, frame)?;
    Ok(MediaFile {
        id: world.ids.instagram(),
        url,
        medium: Medium::Image,
        alt_text: options::alt_text(request)?,
        user_tags: options::user_tags(request, Medium::Image)?,
    })
}

fn video(
    world: &mut World,
    request: &Request,
) -> Result<(Vec<MediaFile>, Option<u64>), GraphError> {
    let (url, length) = if upload::is_asked_for(request)? {
        (String::new(), None)
    } else {
        let url = required(request, "video_url")?;
        let length = check_video(&url)?;
        (url, length)
    };
    let file = MediaFile {
        id: world.ids.instagram(),
        url,
        medium: Medium::Video,
        alt_text: None,
        user_tags: options::user_tags(request, Medium::Video)?,
    };
    Ok((vec![file], length))
}

fn cover(request: &Request) -> Result<Option<String>, GraphError> {
    let url = request.text("cover_url").filter(|url| !url.is_empty());
    if let Some(url) = &url {
        check_image(url, Frame::Free)?;
    }
    Ok(url)
}

/// A carousel's parts: 2 to 10 finished items of the same account.
fn children(world: &World, request: &Request, account: &str) -> Result<Vec<String>, GraphError> {
    required(request, "children").or_else(|missing| {
        let indexed = request
            .params
            .keys()
            .any(|key| key.starts_with("children["));
        if indexed {
            Ok(String::new())
        } else {
            Err(missing)
        }
    })?;
    let ids = listed(request)?;
    if !(2..=10).contains(&ids.len()) {
        return Err(GraphError::new(
            100,
            "Your post won't work as a carousel. Carousels need at least 2 photos/videos and no more than 10 \
             photos/videos.",
        )
        .sub(2_207_028));
    }
    for id in &ids {
        let child = world.instagram.containers.get(id);
        let child = child
            .filter(|child| child.made.account == account)
            .ok_or_else(|| missing_media(id))?;
        if child.made.role != ContainerRole::CarouselItem {
            return Err(GraphError::parameter(format_args!(
                "The container {id} is not a carousel item"
            )));
        }
        match child.status(world.now()) {
            ContainerStatus::Finished | ContainerStatus::Published => {}
            ContainerStatus::InProgress => return Err(not_ready()),
            ContainerStatus::Error => {
                return Err(GraphError::new(-1, "Failed to create media.").sub(2_207_032));
            }
            ContainerStatus::Expired => return Err(expired(id)),
        }
    }
    Ok(ids)
}

/// The children as a comma list, JSON text, `children[0]`, or a list in a JSON body.
fn listed(request: &Request) -> Result<Vec<String>, GraphError> {
    let text = request
        .text("children")
        .filter(|text| !text.trim_start().starts_with('['));
    if let Some(text) = text {
        return Ok(text.split(',').map(|id| id.trim().to_owned()).collect());
    }
    let ids = request.list("children")?.unwrap_or_default();
    Ok(ids
        .into_iter()
        .map(|id| match id {
            Value::String(id) => id,
            other => other.to_string(),
        })
        .collect())
}

/// `GET /{container}`
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let account = account_of(world, id);
    let actor = actor(world, request, account, id)?;
    actor.reading(world)?;
    let (status, sentence) = world
        .poll_container(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    if world.switches.container_reads_fail {
        return Err(GraphError::new(100, "Authorization Error")
            .sub(33)
            .of_kind("GraphMethodException"));
    }
    let is_video = world.instagram.containers.get(id).is_some_and(|container| {
        let files = &container.made.files;
        files.iter().any(|file| file.medium == Medium::Video)
    });
    Node {
        kind: "IGContainer",
        values: object(json!({
            "id": id,
            "status_code": status,
            "status": sentence,
            "video_status": is_video.then(|| upload::video_status(status)),
            "copyright_check_status": null,
        })),
        default: &["id"],
    }
    .pick(request.fields().as_deref())
}

/// 9007/2207027: wait, and publish the same container.
pub(super) fn not_ready() -> GraphError {
    GraphError::new(9_007, "Media ID is not available")
        .sub(2_207_027)
        .for_user(
            "Cannot publish",
            "The media is not ready to be published. Please wait a moment.",
        )
}

/// 24/2207008
pub(super) fn expired(id: &str) -> GraphError {
    GraphError::new(
        24,
        format!("The media builder with creation id = {id} does not exist or has been expired."),
    )
    .sub(2_207_008)
}

/// 24/2207006
pub(super) fn missing_media(id: &str) -> GraphError {
    GraphError::new(
        24,
        format!("The requested resource does not exist: the media with {id} cannot be found."),
    )
    .sub(2_207_006)
}
