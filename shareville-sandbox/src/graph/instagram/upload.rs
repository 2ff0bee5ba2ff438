//! Resumable uploads: a container without an address, and its bytes (graph-api 6.3).

use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::request::{Host, Request};
use super::account_of;
use super::actor::actor;
use crate::world::{ContainerStatus, World};

/// Whether the video is to be sent as bytes. The guide gives this to Facebook Login only.
pub(super) fn is_asked_for(request: &Request) -> Result<bool, GraphError> {
    match request.text("upload_type").as_deref() {
        None => Ok(false),
        Some("resumable") if request.host == Host::Graph => Ok(true),
        Some("resumable") => Err(GraphError::parameter(
            "Resumable uploads are not supported with Instagram Login",
        )),
        Some(other) => Err(GraphError::parameter(format_args!(
            "Param upload_type must be resumable, not {other}"
        ))),
    }
}

/// The answer that tells where the bytes go.
pub(super) fn begin(world: &World, request: &Request, id: &str) -> Value {
    let host = Host::InstagramUpload.name();
    let uri = format!("{}/{host}/{}/{id}", world.base_url, request.version);
    json!({ "id": id, "uri": uri })
}

/// `POST rupload.facebook.com/ig-api-upload/{v}/{container}`: the bytes from `offset` on, or the file's address.
pub(super) fn receive(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let wrong = |message: &str| GraphError::upload("ParameterValidationError", message);
    let account = account_of(world, id);
    actor(world, request, account, id)
        .and_then(|actor| actor.publishing(world))
        .map_err(|error| wrong(&error.message))?;
    let now = world.now();
    let nothing = || wrong("There is nothing to upload");
    let container = world
        .instagram
        .containers
        .get_mut(id)
        .filter(|container| container.status(now) == ContainerStatus::InProgress)
        .ok_or_else(nothing)?;
    let mut files = container.made.files.iter_mut();
    let file = files.find(|file| file.url.is_empty()).ok_or_else(nothing)?;
    if let Some(url) = request.text("file_url") {
        file.url = url;
        return Ok(done());
    }
    let header = |name: &str| {
        let text = request.text(name);
        let number = text.and_then(|text| text.parse::<usize>().ok());
        number.ok_or_else(|| wrong(&format!("The header {name} is required")))
    };
    let (offset, size) = (header("offset")?, header("file_size")?);
    if offset != container.received {
        return Err(GraphError::upload(
            "OffsetInvalidError",
            format!("The offset must be {}", container.received),
        ));
    }
    let sent = request.files.first().map_or(0, |(_, bytes)| bytes.len());
    let received = offset + sent;
    if received > size {
        return Err(wrong("There are more bytes than file_size says"));
    }
    container.received = received;
    if received < size {
        return Err(
            GraphError::upload("PartialRequestError", "The upload is not complete")
                .that_may_be_repeated(),
        );
    }
    file.url = format!("uploaded:{id}");
    Ok(done())
}

fn done() -> Value {
    json!({ "success": true, "message": "Upload successful." })
}

/// `video_status` of a container.
pub(super) fn video_status(status: ContainerStatus) -> Value {
    let phase = match status {
        ContainerStatus::InProgress => "in_progress",
        ContainerStatus::Finished | ContainerStatus::Published => "complete",
        ContainerStatus::Error | ContainerStatus::Expired => "error",
    };
    json!({ "uploading_phase": { "status": "complete" }, "processing_phase": { "status": phase } })
}
