//! `POST /{page}/video_reels` and `POST /{page}/video_stories`: a session is started, filled elsewhere, and finished.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::request::Request;
use super::{feed, spec, success, videos};
use crate::world::{Intent, PostKind, Upload, VideoEdge, VideoState, World};

const KNOWN: [&str; 7] = [
    "upload_phase",
    "video_id",
    "video_state",
    "title",
    "description",
    "scheduled_publish_time",
    "place",
];
const KNOWN_OF_STORIES: [&str; 2] = ["upload_phase", "video_id"];
/// Reels of a Page in a rolling day.
const MOST_A_DAY: usize = 30;
/// The farthest a Reel can be scheduled ahead.
const FARTHEST: TimeDelta = TimeDelta::days(29);

/// `upload_phase=start`
pub(super) fn start(
    world: &mut World,
    request: &Request,
    page: &str,
    edge: VideoEdge,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page, edge)?;
    if request.required("upload_phase")? != "start" {
        return Err(GraphError::parameter(
            "Param upload_phase must be one of {start, finish}",
        ));
    }
    let id = world.begin_video(page, &app, edge, Upload::Missing);
    let url = format!(
        "{}/rupload.facebook.com/video-upload/{}/{id}",
        world.base_url, request.version
    );
    Ok(json!({ "video_id": id, "upload_url": url }))
}

/// `upload_phase=finish`: the point of no return.
pub(super) fn finish(
    world: &mut World,
    request: &Request,
    page: &str,
    edge: VideoEdge,
) -> Result<Value, GraphError> {
    let app = allowed(world, request, page, edge)?;
    let id = request.required("video_id")?;
    let video = world
        .video(&id)
        .filter(|video| video.page == page && video.app == app && video.edge == edge)
        .ok_or_else(|| GraphError::parameter("Invalid video_id"))?;
    if !video.upload.is_complete() {
        let subcode = match video.upload {
            Upload::Failed => 1_363_045,
            Upload::Missing | Upload::Bytes { .. } | Upload::Hosted(_) => 1_363_019,
        };
        return Err(videos::bad_file(subcode));
    }
    if let Some(failure) = spec::failure(video) {
        return Err(GraphError::new(6_000, failure.message).sub(failure.subcode));
    }
    if let VideoState::Spoilt { error } = video.state {
        return Err(videos::bad_file(error));
    }
    let is_first = matches!(video.state, VideoState::Open | VideoState::Draft);
    let intent = match edge {
        VideoEdge::Stories => Intent::Publish,
        VideoEdge::Reels | VideoEdge::Videos => intent(world, request)?,
    };
    if edge == VideoEdge::Reels && is_first && intent != Intent::Draft {
        check_quota(world, page)?;
    }
    if let Some(place) = request.text("place") {
        feed::check_place(&place)?;
    }
    world.finish_video(&id, videos::words(request), intent);
    let mut answer = success();
    let story = world
        .video(&id)
        .filter(|video| video.edge == VideoEdge::Stories);
    if let Some(story) = story.and_then(|video| video.post.as_ref()) {
        answer["post_id"] = story.as_str().into();
    }
    Ok(answer)
}

fn allowed(
    world: &mut World,
    request: &Request,
    page: &str,
    edge: VideoEdge,
) -> Result<String, GraphError> {
    let app = bearer(world, request)?.publishing(world, "POST", page)?;
    let known: &[&str] = match edge {
        VideoEdge::Stories => &KNOWN_OF_STORIES,
        VideoEdge::Reels | VideoEdge::Videos => &KNOWN,
    };
    request.only(known, world.switches.refuse_unknown_parameters)?;
    Ok(app)
}

fn intent(world: &World, request: &Request) -> Result<Intent, GraphError> {
    match request.required("video_state")?.as_str() {
        "PUBLISHED" => Ok(Intent::Publish),
        "DRAFT" => Ok(Intent::Draft),
        "SCHEDULED" => {
            let time = request.required("scheduled_publish_time")?;
            Ok(Intent::Schedule(videos::schedule(world, &time, FARTHEST)?))
        }
        _ => Err(GraphError::parameter(
            "Param video_state must be one of {DRAFT, PUBLISHED, SCHEDULED}",
        )),
    }
}

/// Thirty a day, says the document; with which error, it does not.
fn check_quota(world: &World, page: &str) -> Result<(), GraphError> {
    let since = world.now() - TimeDelta::hours(24);
    let count = world
        .videos
        .values()
        .filter(|video| video.page == page && video.kind() == PostKind::Reel)
        .filter(|video| !matches!(video.state, VideoState::Open | VideoState::Draft))
        .filter(|video| video.finished.is_some_and(|time| time > since))
        .count();
    if count < MOST_A_DAY {
        return Ok(());
    }
    Err(GraphError::new(
        613,
        "(#613) Calls to this api have exceeded the rate limit.",
    ))
}
