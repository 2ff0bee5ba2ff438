//! What a call is for: from method and path to a step and the node it is about.

use axum::http::Method;

use super::bearer::bearer;
use super::error::GraphError;
use super::instagram;
use super::request::{Host, Request};
use crate::fault::Step;
use crate::world::{Holder, VideoEdge, World};

/// What a call is for, and about what.
#[derive(Debug, Clone)]
pub(crate) struct Aim {
    pub(crate) step: Step,
    /// The id in the path, `me` resolved.
    pub(crate) node: String,
    /// The Page or Instagram account the node belongs to.
    pub(crate) page: Option<String>,
}

/// Finds out what a call is for, without judging whether it may.
pub(crate) fn aim(world: &World, request: &Request) -> Aim {
    if request.host.is_instagrams() {
        let (step, node) = instagram::aim(world, request);
        let page = instagram::account_of(world, &node);
        return Aim { step, node, page };
    }
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let method = &request.method;
    let (step, node) = match path.as_slice() {
        ["video-upload", video] if request.host == Host::Upload => {
            (upload_step(world, request, video), (*video).to_owned())
        }
        ["oauth", "access_token"] => (token_step(request), String::new()),
        ["debug_token"] if *method == Method::GET => (Step::DebugToken, String::new()),
        [node, rest @ ..] => {
            let node = own(world, request, node);
            (node_step(world, request, &node, rest), node)
        }
        [] => (Step::Other, String::new()),
    };
    let page = page_of(world, &node).or_else(|| instagram::account_of(world, &node));
    Aim { step, node, page }
}

/// Bytes go into the session that a Reel or a video story has begun.
fn upload_step(world: &World, request: &Request, video: &str) -> Step {
    let edge = world.videos.get(video).map(|video| video.edge);
    match (request.method.as_str(), edge) {
        ("POST", Some(VideoEdge::Reels)) => Step::UploadReel,
        ("POST", Some(VideoEdge::Stories)) => Step::UploadVideoStory,
        _ => Step::Other,
    }
}

/// What a call on a Page's `videos` is about.
fn video_step(request: &Request) -> Step {
    match request.text("upload_phase").as_deref() {
        Some("start") => Step::StartVideo,
        Some("transfer") => Step::TransferVideo,
        Some("finish") => Step::FinishVideo,
        Some("cancel") => Step::CancelVideo,
        _ => Step::UploadVideo,
    }
}

/// A session's beginning or its end.
fn session_step(request: &Request, start: Step, finish: Step) -> Step {
    match request.text("upload_phase").as_deref() {
        Some("finish") => finish,
        _ => start,
    }
}

fn token_step(request: &Request) -> Step {
    match (
        request.method.as_str(),
        request.text("grant_type").as_deref(),
    ) {
        ("GET" | "POST", Some("fb_exchange_token")) => Step::LongLivedExchange,
        ("GET" | "POST", None | Some("authorization_code")) => Step::CodeExchange,
        _ => Step::Other,
    }
}

/// `me` is whoever the token is.
fn own(world: &World, request: &Request, node: &str) -> String {
    let token = request
        .token
        .as_deref()
        .and_then(|token| world.tokens.get(token));
    match token.map(|token| (&token.holder, &token.person)) {
        Some((Holder::Page(page), _)) if node == "me" => page.clone(),
        Some((Holder::User, person)) if node == person => "me".to_owned(),
        _ => node.to_owned(),
    }
}

fn node_step(world: &World, request: &Request, node: &str, rest: &[&str]) -> Step {
    let method = request.method.as_str();
    if node == "me" {
        return match (method, rest) {
            ("GET", []) => Step::Me,
            ("GET", ["permissions"]) => Step::ListPermissions,
            ("DELETE", ["permissions"] | ["permissions", _]) => Step::RevokePermissions,
            ("GET", ["accounts"]) => Step::Accounts,
            ("GET", ["businesses"]) => Step::Businesses,
            _ => Step::Other,
        };
    }
    if request.host == Host::GraphVideo && rest != ["videos"] {
        return Step::Other;
    }
    if world.pages.contains_key(node) {
        return match (method, rest) {
            ("GET", []) => Step::PageRead,
            ("POST", ["feed"]) => Step::CreatePost,
            ("GET", ["feed" | "posts" | "published_posts"]) => Step::ListPosts,
            ("POST", ["photos"]) => Step::PhotoUpload,
            ("POST", ["videos"]) => video_step(request),
            ("POST", ["video_reels"]) => session_step(request, Step::StartReel, Step::FinishReel),
            ("POST", ["video_stories"]) => {
                session_step(request, Step::StartVideoStory, Step::FinishVideoStory)
            }
            ("POST", ["photo_stories"]) => Step::PublishPhotoStory,
            ("GET", ["stories"]) => Step::ListStories,
            _ => Step::Other,
        };
    }
    if world.businesses.contains_key(node) {
        return match (method, rest) {
            ("GET", ["owned_pages" | "client_pages"]) => Step::BusinessPages,
            _ => Step::Other,
        };
    }
    if world.photos.contains_key(node) {
        return match (method, rest) {
            ("GET", []) => Step::ReadPhoto,
            ("DELETE", []) => Step::DeletePhoto,
            _ => Step::Other,
        };
    }
    if world.videos.contains_key(node) {
        return match (method, rest) {
            ("GET", []) => Step::ReadVideo,
            ("DELETE", []) => Step::DeleteVideo,
            ("GET", ["comments"]) => Step::ListComments,
            ("POST", ["comments"]) => Step::CreateComment,
            _ => Step::Other,
        };
    }
    if world.comments.contains_key(node) {
        return match (method, rest) {
            ("GET", []) => Step::ReadComment,
            ("POST", []) => Step::EditComment,
            ("DELETE", []) => Step::DeleteComment,
            ("GET", ["comments"]) => Step::ListComments,
            ("POST", ["comments"]) => Step::CreateComment,
            _ => Step::Other,
        };
    }
    if let Some(step) = instagram::step(world, request, node, rest) {
        return step;
    }
    // An id of two parts that nobody knows is taken for a post's, so that faults can strike it too.
    if world.posts.contains_key(node) || is_pair(node) {
        return match (method, rest) {
            ("GET", []) => Step::ReadPost,
            ("POST", []) if request.params.contains_key("is_published") => Step::PublishPost,
            ("POST", []) => Step::EditPost,
            ("DELETE", []) => Step::DeletePost,
            ("GET", ["comments"]) => Step::ListComments,
            ("POST", ["comments"]) => Step::CreateComment,
            _ => Step::Other,
        };
    }
    Step::Other
}

fn is_pair(node: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    node.split_once('_')
        .is_some_and(|(page, number)| digits(page) && digits(number))
}

fn page_of(world: &World, node: &str) -> Option<String> {
    if world.pages.contains_key(node) {
        return Some(node.to_owned());
    }
    if let Some(photo) = world.photos.get(node) {
        return Some(photo.page.clone());
    }
    if let Some(video) = world.videos.get(node) {
        return Some(video.page.clone());
    }
    let post = world
        .comments
        .get(node)
        .map_or(node, |comment| &comment.post);
    world.posts.get(post).map(|post| post.page.clone())
}

/// The error for a call that leads nowhere.
pub(super) fn nowhere(world: &mut World, request: &Request) -> GraphError {
    let method = request.method.as_str();
    let node = match request.host {
        Host::Upload => request.path.last(),
        _ => request.path.first(),
    };
    let Some(node) = node else {
        return GraphError::new(100, "No node specified").of_kind("GraphMethodException");
    };
    if node == "oauth" {
        return GraphError::new(1, "Unsupported grant_type or method");
    }
    if let Err(error) = bearer(world, request) {
        return error;
    }
    let known = node == "me"
        || page_of(world, node).is_some()
        || instagram::account_of(world, node).is_some()
        || world.businesses.contains_key(node);
    match (known, request.path.get(1)) {
        (true, Some(_)) => GraphError::unknown_path(&request.path[1..].join("/")),
        (true, None) => GraphError::new(
            100,
            format!(
                "Unsupported request - method type: {}",
                method.to_lowercase()
            ),
        )
        .of_kind("GraphMethodException"),
        (false, _) => GraphError::no_object(method, node),
    }
}
