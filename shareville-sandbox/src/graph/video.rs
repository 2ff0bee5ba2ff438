//! A video by its id: what has become of it, and taking it away.

use serde_json::{Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::me::object;
use super::request::Request;
use super::{lag, spec, success};
use crate::world::{PostKind, Upload, Video, VideoState, World, graph_time};

/// `GET /{video}`. Each read brings a video that is being processed nearer to its end.
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let gone = || GraphError::no_object("GET", id);
    let page = world.video(id).ok_or_else(gone)?.page.clone();
    bearer.reading(world, "GET", &page, "pages_read_engagement")?;
    lag(world, request, id)?;
    let video = world.video(id).ok_or_else(gone)?;
    let answer = node(world, video).pick(request.fields().as_deref())?;
    world.pass_read(id);
    Ok(answer)
}

/// `DELETE /{video}`: its post or story goes with it.
pub(super) fn delete(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let gone = || GraphError::no_object("DELETE", id);
    let page = world.video(id).ok_or_else(gone)?.page.clone();
    let app = bearer.publishing(world, "DELETE", &page)?;
    request.only(&[], world.switches.refuse_unknown_parameters)?;
    if world.video(id).is_some_and(|video| video.app != app) {
        return Err(GraphError::new(
            200,
            "(#200) An app can only change videos that the same app has created",
        ));
    }
    world.delete_video(id);
    Ok(success())
}

fn node(world: &World, video: &Video) -> Node {
    let page = world.pages.get(&video.page).map(|page| page.name.as_str());
    let published = video.is_published();
    let scheduled = match video.state {
        VideoState::Scheduled(time) => Some(graph_time(time)),
        VideoState::Open
        | VideoState::Processing { .. }
        | VideoState::Spoilt { .. }
        | VideoState::Draft
        | VideoState::Published(_) => None,
    };
    let values = json!({
        "id": video.id,
        "title": video.words.title,
        "description": video.words.description,
        "created_time": graph_time(video.created),
        "updated_time": graph_time(video.created),
        "length": video.shape.seconds,
        "published": published,
        "scheduled_publish_time": scheduled,
        "status": status(video),
        "post_id": published.then_some(video.post.as_ref()).flatten(),
        "permalink_url": world.video_permalink(video),
        "source": world.video_url(video),
        "from": { "name": page, "id": video.page },
        "place": video.words.place.as_ref().map(|place| json!({ "id": place })),
        "picture": null,
        "embeddable": video.kind() != PostKind::Story,
    });
    Node {
        kind: "Video",
        values: object(values),
        default: &["updated_time", "description", "id"],
    }
}

/// The three phases. Errors stand in them while the whole still says that it goes on, as on the live platform.
fn status(video: &Video) -> Value {
    let uploading = uploading(video);
    let waiting = json!({ "status": "not_started" });
    let (word, processing, publishing) = match video.state {
        VideoState::Open => match (spec::failure(video), &video.upload) {
            (Some(failure), _) => {
                let phase = error_phase(failure.subcode, failure.message);
                ("processing", phase, waiting)
            }
            (None, Upload::Failed) => ("upload_failed", waiting.clone(), waiting),
            (None, upload) if upload.is_complete() => ("upload_complete", waiting.clone(), waiting),
            (None, _) => ("uploading", waiting.clone(), waiting),
        },
        VideoState::Processing { .. } => {
            ("processing", json!({ "status": "in_progress" }), waiting)
        }
        VideoState::Spoilt { error } => {
            let phase = error_phase(error, "The video could not be processed.");
            ("error", phase, publishing(&waiting, "error", None))
        }
        VideoState::Draft => ("ready", complete(), publishing(&waiting, "draft", None)),
        VideoState::Scheduled(time) => {
            let time = Some(time.timestamp());
            ("ready", complete(), publishing(&waiting, "scheduled", time))
        }
        VideoState::Published(time) => {
            let time = Some(time.timestamp());
            (
                "ready",
                complete(),
                publishing(&complete(), "published", time),
            )
        }
    };
    json!({
        "video_status": word,
        "uploading_phase": uploading,
        "processing_phase": processing,
        "publishing_phase": publishing,
        "copyright_check_status": null,
    })
}

/// Both forms in which Meta tells of a phase that failed.
fn error_phase(code: u32, message: &str) -> Value {
    json!({
        "status": "error",
        "errors": [{ "code": code, "message": message }],
        "error": { "message": message },
    })
}

fn complete() -> Value {
    json!({ "status": "complete" })
}

fn publishing(phase: &Value, word: &str, time: Option<i64>) -> Value {
    let mut phase = phase.clone();
    phase["publish_status"] = word.into();
    if let Some(time) = time {
        phase["publish_time"] = time.into();
    }
    phase
}

/// How many bytes there are: Meta spells the field so.
fn uploading(video: &Video) -> Value {
    match &video.upload {
        Upload::Missing => json!({ "status": "not_started", "bytes_transfered": 0 }),
        Upload::Failed => json!({
            "status": "error",
            "errors": [{ "code": 1_363_045, "message": "The file is not as large as was declared." }],
        }),
        Upload::Bytes { size, .. } => json!({
            "status": if video.upload.is_complete() { "complete" } else { "in_progress" },
            "bytes_transfered": video.upload.received(),
            "source_file_size": size,
        }),
        Upload::Hosted(_) => json!({
            "status": "complete",
            "bytes_transfered": video.shape.bytes,
            "source_file_size": video.shape.bytes,
        }),
    }
}
