//! `rupload.facebook.com/video-upload/{video}`: the bytes of a Reel or a video story, or where they are hosted.

use serde_json::Value;
use url::Url;

use super::bearer::bearer;
use super::error::GraphError;
use super::request::Request;
use super::{success, videos};
use crate::world::{Shape, Upload, VideoState, World};

/// `POST` with the headers `offset` and `file_size` and the bytes, or with the header `file_url` and nothing else.
pub(super) fn receive(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let gone = || GraphError::no_object("POST", id);
    let bearer = bearer(world, request)?;
    let page = world.video(id).ok_or_else(gone)?.page.clone();
    let app = bearer.publishing(world, "POST", &page)?;
    let video = world
        .video(id)
        .filter(|video| video.app == app)
        .ok_or_else(gone)?;
    if video.state != VideoState::Open {
        return Err(failed("The upload was finished"));
    }
    match request.text("file_url") {
        Some(url) => host(world, request, id, &url)?,
        None => store(world, request, id)?,
    }
    Ok(success())
}

fn host(world: &mut World, request: &Request, id: &str, url: &str) -> Result<(), GraphError> {
    let address = Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| invalid("HeaderValuePredicate: Header File_url is not a URL"))?;
    if request.file("body").is_some_and(|body| !body.is_empty()) {
        return Err(invalid("A request with the header file_url has no body"));
    }
    if !videos::can_be_fetched(&address) {
        return Err(failed("The file at file_url could not be fetched"));
    }
    world.host(id, url.to_owned(), Shape::of_address(&address));
    Ok(())
}

fn store(world: &mut World, request: &Request, id: &str) -> Result<(), GraphError> {
    let offset = header(request, "offset", "Offset")?;
    let size = header(request, "file_size", "File_size")?;
    let Some(video) = world.video(id) else {
        return Err(GraphError::no_object("POST", id));
    };
    let (declared, received) = match &video.upload {
        Upload::Missing => (size, 0),
        Upload::Bytes { size, .. } => (*size, video.upload.received()),
        Upload::Hosted(_) => return Err(failed("The file is there already")),
        Upload::Failed => return Err(failed("The upload failed; begin another")),
    };
    if offset != received {
        return Err(GraphError::upload(
            "OffsetInvalidError",
            format!("Offset {offset} is not where the upload stopped"),
        )
        .that_may_be_repeated());
    }
    let body = request.file("body").cloned().unwrap_or_default();
    let end = offset.saturating_add(videos::length(&body));
    if size != declared || end > size || size == 0 {
        world.fail_upload(id);
        return Err(failed("The file is not as large as was declared"));
    }
    world.receive(id, size, &body);
    if end < size {
        return Err(GraphError::upload(
            "PartialRequestError",
            "Partial request (did not match length of file)",
        )
        .that_may_be_repeated());
    }
    Ok(())
}

fn header(request: &Request, name: &str, shown: &str) -> Result<u64, GraphError> {
    request
        .text(name)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            invalid(format!(
                "HeaderValuePredicate: Header {shown} not convertable to unsigned long"
            ))
        })
}

fn invalid(message: impl Into<String>) -> GraphError {
    GraphError::upload("ParameterValidationError", message)
}

fn failed(message: &'static str) -> GraphError {
    GraphError::upload("ProcessingFailedError", message)
}
