//! `POST /{page}/videos`: in one call, or in chunks.

use axum::body::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use super::bearer::bearer;
use super::error::GraphError;
use super::request::Request;
use super::{photos, success};
use crate::world::{Intent, Shape, Upload, VideoEdge, VideoState, Words, World};

const KNOWN: [&str; 18] = [
    "upload_phase",
    "upload_session_id",
    "start_offset",
    "end_offset",
    "file_size",
    "video_file_chunk",
    "file_url",
    "source",
    "thumb",
    "title",
    "description",
    "published",
    "scheduled_publish_time",
    "unpublished_content_type",
    "content_category",
    "targeting",
    "no_story",
    "embeddable",
];
/// The farthest a video can be scheduled ahead: six months.
const FARTHEST: TimeDelta = TimeDelta::days(183);

/// The whole video in one call, by address or bytes.
pub(super) fn upload(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page)?;
    if let Some(phase) = request.text("upload_phase") {
        return Err(GraphError::parameter(format_args!(
            "Param upload_phase must be one of {{start, transfer, finish, cancel}}, not {phase}"
        )));
    }
    let (words, intent) = (words(request), intent(world, request)?);
    let file = request.file("source");
    let id = if let Some(bytes) = file {
        check_kind(bytes)?;
        let size = length(bytes);
        let id = world.begin_video(page, &app, VideoEdge::Videos, Upload::Missing);
        world.receive(&id, size, bytes);
        id
    } else {
        let (url, shape) = hosted(&request.required("file_url")?)?;
        let id = world.begin_video(page, &app, VideoEdge::Videos, Upload::Missing);
        world.host(&id, url, shape);
        id
    };
    world.finish_video(&id, words, intent);
    Ok(json!({ "id": id }))
}

/// `upload_phase=start`: a session for so many bytes.
pub(super) fn start(world: &mut World, request: &Request, page: &str) -> Result<Value, GraphError> {
    let app = allowed(world, request, page)?;
    let size = number(request, "file_size")?;
    if size == 0 {
        return Err(too_small());
    }
    let received = Vec::new();
    let id = world.begin_video(
        page,
        &app,
        VideoEdge::Videos,
        Upload::Bytes { size, received },
    );
    let session = world.ids.long();
    world.upload_sessions.insert(session.clone(), id.clone());
    let mut answer = offsets(world, 0, size);
    answer["video_id"] = id.into();
    answer["upload_session_id"] = session.into();
    Ok(answer)
}

/// `upload_phase=transfer`: the next bytes.
pub(super) fn transfer(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page)?;
    let id = session(world, request, page, &app)?;
    let offset = number(request, "start_offset")?;
    let chunk = request
        .file("video_file_chunk")
        .ok_or_else(|| GraphError::missing_parameter("video_file_chunk"))?;
    let upload = world.video(&id).map(|video| &video.upload);
    let (size, received) = match upload {
        Some(upload @ Upload::Bytes { size, .. }) => (*size, upload.received()),
        _ => return Err(bad_file(1_363_019)),
    };
    if offset != received {
        let mut next = offsets(world, received, size);
        for offset in ["start_offset", "end_offset"] {
            // An error has them as numbers.
            let number = next[offset].as_str().and_then(|text| text.parse().ok());
            next[offset] = number.unwrap_or(0_u64).into();
        }
        return Err(GraphError::new(
            6_001,
            "There was a problem uploading your video. Please try again.",
        )
        .sub(1_363_037)
        .for_user(
            "Error Uploading Video",
            "There was a problem uploading your video. Please try uploading it again.",
        )
        .with_data(next));
    }
    let end = received.saturating_add(length(chunk));
    if end > size {
        world.fail_upload(&id);
        return Err(bad_file(1_363_045));
    }
    world.receive(&id, size, chunk);
    Ok(offsets(world, end, size))
}

/// `upload_phase=finish`: publishes.
pub(super) fn finish(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page)?;
    let id = session(world, request, page, &app)?;
    let (words, intent) = (words(request), intent(world, request)?);
    let video = world.video(&id);
    if let Some(VideoState::Spoilt { error }) = video.map(|video| video.state) {
        return Err(bad_file(error));
    }
    match video.map(|video| &video.upload) {
        Some(upload @ Upload::Bytes { received, .. }) if upload.is_complete() => {
            check_kind(received)?;
        }
        _ => return Err(bad_file(1_363_019)),
    }
    world.finish_video(&id, words, intent);
    Ok(success())
}

/// `upload_phase=cancel`: forgets what was uploaded.
pub(super) fn cancel(
    world: &mut World,
    request: &Request,
    page: &str,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page)?;
    let id = session(world, request, page, &app)?;
    if world
        .video(&id)
        .is_some_and(|video| video.state != VideoState::Open)
    {
        return Err(GraphError::parameter("The upload was finished"));
    }
    world.delete_video(&id);
    Ok(success())
}

fn allowed(world: &mut World, request: &Request, page: &str) -> Result<String, GraphError> {
    let app = bearer(world, request)?.publishing(world, "POST", page)?;
    request.only(&KNOWN, world.switches.refuse_unknown_parameters)?;
    Ok(app)
}

/// The video that the call's session is about.
fn session(world: &World, request: &Request, page: &str, app: &str) -> Result<String, GraphError> {
    let session = request.required("upload_session_id")?;
    world
        .upload_sessions
        .get(&session)
        .and_then(|id| world.video(id))
        .filter(|video| video.page == page && video.app == app)
        .map(|video| video.id.clone())
        .ok_or_else(|| GraphError::parameter("Invalid upload_session_id"))
}

/// Where the next chunk begins and ends: equal when there is none. Texts, as on the live platform.
fn offsets(world: &World, start: u64, size: u64) -> Value {
    let end = start
        .saturating_add(u64::from(world.switches.video_chunk_bytes.max(1)))
        .min(size);
    json!({ "start_offset": start.to_string(), "end_offset": end.to_string() })
}

fn intent(world: &World, request: &Request) -> Result<Intent, GraphError> {
    let published = request.flag("published")?.unwrap_or(true);
    match (published, request.text("scheduled_publish_time")) {
        (true, None) => Ok(Intent::Publish),
        (false, None) => Ok(Intent::Draft),
        (false, Some(time)) => Ok(Intent::Schedule(schedule(world, &time, FARTHEST)?)),
        (true, Some(_)) => Err(GraphError::parameter(
            "The scheduled publish time cannot be set for a published post",
        )),
    }
}

/// A time in unix seconds, ten minutes ahead at least.
pub(super) fn schedule(
    world: &World,
    time: &str,
    farthest: TimeDelta,
) -> Result<DateTime<Utc>, GraphError> {
    let now = world.now();
    time.parse()
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .filter(|time| *time > now + TimeDelta::minutes(10) && *time <= now + farthest)
        .ok_or_else(|| GraphError::parameter("The specified scheduled publish time is invalid."))
}

/// What the caller says of the video.
pub(super) fn words(request: &Request) -> Words {
    let given = |name| request.text(name).filter(|text| !text.is_empty());
    Words {
        title: given("title"),
        description: given("description"),
        place: given("place"),
    }
}

pub(super) fn number(request: &Request, name: &str) -> Result<u64, GraphError> {
    request
        .required(name)?
        .parse()
        .map_err(|_| GraphError::parameter(format_args!("Param {name} must be an integer")))
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A hosted file and what its address tells of it. Nothing is fetched.
fn hosted(url: &str) -> Result<(String, Shape), GraphError> {
    let address = Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| GraphError::parameter("file_url should represent a valid URL"))?;
    if !can_be_fetched(&address) {
        return Err(
            GraphError::new(389, "(#389) Unable to fetch video file from URL.").sub(1_363_057),
        );
    }
    Ok((url.to_owned(), Shape::of_address(&address)))
}

/// A host that cannot exist stands for one that cannot be reached; Meta's own files are refused too.
pub(super) fn can_be_fetched(address: &Url) -> bool {
    address.host_str().is_some_and(|host| {
        !host.ends_with(".invalid") && host != "fbcdn.net" && !host.ends_with(".fbcdn.net")
    })
}

fn check_kind(bytes: &[u8]) -> Result<(), GraphError> {
    if bytes.is_empty() {
        return Err(too_small());
    }
    // Meta reads dozens of kinds of film; what is a picture is none of them.
    if photos::image_kind(bytes).is_some() {
        return Err(GraphError::new(
            352,
            "(#352) Sorry, the video file you selected is in a format that we don't support.",
        ));
    }
    Ok(())
}

fn too_small() -> GraphError {
    GraphError::new(
        382,
        "(#382) The video file you tried to upload is too small. Please try again with a larger file.",
    )
}

/// 6000 with one of its subcodes: the file is bad, or not all of it is there.
pub(super) fn bad_file(subcode: u32) -> GraphError {
    GraphError::new(
        6_000,
        "There was a problem uploading your video file. Please try again with another file.",
    )
    .sub(subcode)
    .for_user(
        "Problem with file. Try with another file.",
        "There was a problem uploading your video file. Please try again with another file.",
    )
}

impl Request {
    /// The bytes of a part, if there is one of this name.
    pub(super) fn file(&self, name: &str) -> Option<&Bytes> {
        self.files
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, bytes)| bytes)
    }
}
