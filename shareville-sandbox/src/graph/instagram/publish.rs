//! `POST /{ig}/media_publish`: a container becomes visible.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::request::Request;
use super::actor::actor;
use super::container::{expired, missing_media, not_ready};
use super::required;
use crate::world::{ContainerRole, ContainerStatus, World};

/// `POST /{ig}/media_publish`
pub(super) fn publish(
    world: &mut World,
    request: &Request,
    account: &str,
) -> Result<Value, GraphError> {
    let actor = actor(world, request, Some(account.to_owned()), account)?;
    actor.publishing(world)?;
    request.only(&["creation_id"], world.switches.refuse_unknown_parameters)?;
    let id = required(request, "creation_id")?;
    let container = world
        .instagram
        .containers
        .get(&id)
        .filter(|container| container.made.account == account)
        .ok_or_else(|| missing_media(&id))?;
    if container.made.role == ContainerRole::CarouselItem {
        return Err(GraphError::parameter(
            "A carousel item cannot be published by itself",
        ));
    }
    let before = container.media.clone();
    match (container.status(world.now()), before) {
        (ContainerStatus::Published, Some(media))
            if world.switches.media_publish_twice_is_harmless =>
        {
            return Ok(json!({ "id": media }));
        }
        (ContainerStatus::Published | ContainerStatus::Finished, _) => {}
        (ContainerStatus::Expired, _) => return Err(expired(&id)),
        (ContainerStatus::InProgress | ContainerStatus::Error, _) => {
            world.poll_container(&id);
            return Err(not_ready());
        }
    }
    check_quota(world, account)?;
    let media = world
        .publish_container(&id)
        .ok_or_else(|| missing_media(&id))?;
    Ok(json!({ "id": media }))
}

/// 9/2207042 once the moving day is full.
fn check_quota(world: &World, account: &str) -> Result<(), GraphError> {
    let day = world.now() - TimeDelta::hours(24);
    let used = world.published_since(account, day);
    if u32::try_from(used).is_ok_and(|used| used < world.switches.quota_total) {
        return Ok(());
    }
    Err(GraphError::new(9, "Application request limit reached")
        .sub(2_207_042)
        .for_user(
            "Maximum number of posts reached",
            "You reached maximum number of posts that is allowed to be published by Content Publishing API.",
        ))
}
