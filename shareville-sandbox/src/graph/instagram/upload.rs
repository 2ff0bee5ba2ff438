//! Resumable uploads: a container without an address, and its bytes (graph-api 6.3).

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::host::Host;
use super::super::request::Request;
use super::account_of;
use super::actor::actor;
use crate::world::{ContainerStatus, World};

/// Whether the video is to be sent as bytes. The guide gives this to Facebook Login only.
pub(super) fn is_asked_for(request: &Request) -> Result<bool, GraphError> {
    match request.text("upload_type").as_deref() {
        None => Ok(false),
        Some("resumable") if request.host == Host::Facebook => Ok(true),
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

/// `POST rupload.facebook.com/ig-api-upload/{v}/{container}`: the rest of the bytes, or the address of the file.
pub(super) fn receive(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let failed = |kind: &'static str, message: &str| {
        GraphError::new(400, message).of_kind(kind).debug_info()
    };
    let account = account_of(world, id);
    actor(world, request, account, id)
        .and_then(|actor| actor.publishing(world))
        .map_err(|error| failed("ParameterValidationError", &error.message))?;
    let now = world.now();
    let container = world
        .instagram
        .containers
        .get_mut(id)
        .filter(|container| container.status(now) == ContainerStatus::InProgress)
        .ok_or_else(|| failed("ParameterValidationError", "There is nothing to upload"))?;
    let Some(file) = container
        .made
        .files
        .first_mut()
        .filter(|file| file.url.is_empty())
    else {
        return Err(failed(
            "ParameterValidationError",
            "There is nothing to upload",
        ));
    };
    if let Some(url) = request.text("file_url") {
        file.url = url;
    } else {
        let header = |name: &str| {
            let number = request
                .text(name)
                .and_then(|text| text.parse::<usize>().ok());
            number.ok_or_else(|| {
                failed(
                    "ParameterValidationError",
                    &format!("The header {name} is required"),
                )
            })
        };
        let (offset, size) = (header("offset")?, header("file_size")?);
        if offset != container.received {
            return Err(failed("OffsetInvalidError", "The offset does not fit"));
        }
        let sent = request.files.first().map_or(0, |(_, bytes)| bytes.len());
        container.received += sent;
        if container.received > size {
            container.received = offset;
            return Err(failed(
                "ParameterValidationError",
                "There are more bytes than file_size says",
            ));
        }
        if container.received < size {
            return Err(failed("PartialRequestError", "The upload is not complete")
                .with_status(StatusCode::BAD_REQUEST));
        }
        file.url = format!("uploaded:{id}");
    }
    Ok(json!({ "success": true, "message": "Upload successful." }))
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
