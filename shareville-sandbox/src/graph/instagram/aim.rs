//! What a call on Instagram is for.

use super::super::error::GraphError;
use super::super::request::{Host, Request};
use super::actor::instagram_token;
use crate::fault::Step;
use crate::world::World;

/// Step and node of a call on one of Instagram's own hosts.
pub(crate) fn aim(world: &World, request: &Request) -> (Step, String) {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    match (request.host, path.as_slice()) {
        (Host::InstagramLogin, ["oauth", "access_token"]) => {
            (Step::InstagramCodeExchange, String::new())
        }
        (Host::InstagramUpload, [node, rest @ ..]) => {
            let step = step(world, request, node, rest).unwrap_or(Step::Other);
            (step, (*node).to_owned())
        }
        (Host::Instagram, ["access_token"]) if method == "GET" => {
            (Step::InstagramLongLivedExchange, String::new())
        }
        (Host::Instagram, ["refresh_access_token"]) if method == "GET" => {
            (Step::InstagramRefresh, String::new())
        }
        (Host::Instagram, [node, rest @ ..]) => {
            let node = own(world, request, node);
            let step = step(world, request, &node, rest).unwrap_or(Step::Other);
            (step, node)
        }
        _ => (Step::Other, String::new()),
    }
}

/// `me` is the token's account, but writing takes the account's number (graph-api 1.3).
fn own(world: &World, request: &Request, node: &str) -> String {
    let token = request
        .token
        .as_deref()
        .and_then(|token| world.tokens.get(token));
    match token {
        Some(token) if node == "me" && request.method.as_str() == "GET" => token.person.clone(),
        _ => node.to_owned(),
    }
}

/// The step of a call on a node of Instagram's; `None` if the node is none.
pub(crate) fn step(world: &World, request: &Request, node: &str, rest: &[&str]) -> Option<Step> {
    let method = request.method.as_str();
    if world.instagram.accounts.contains_key(node) {
        return Some(match (method, rest) {
            ("GET", []) if request.host == Host::Instagram => Step::InstagramMe,
            ("GET", []) => Step::ReadInstagram,
            ("POST", ["media"]) => Step::CreateContainer,
            ("GET", ["media"]) => Step::ListMedia,
            ("GET", ["stories"]) => Step::ListStoriesInstagram,
            ("POST", ["media_publish"]) => Step::PublishMedia,
            ("GET", ["content_publishing_limit"]) => Step::PublishingLimit,
            _ => Step::Other,
        });
    }
    if world.instagram.containers.contains_key(node) {
        return Some(match (method, rest) {
            ("GET", []) => Step::ReadContainer,
            ("POST", []) if request.host == Host::InstagramUpload => Step::UploadContainer,
            _ => Step::Other,
        });
    }
    if world.instagram.media.contains_key(node) {
        return Some(match (method, rest) {
            ("GET", []) => Step::ReadMedia,
            ("DELETE", []) => Step::DeleteMedia,
            ("GET", ["comments"]) => Step::ListMediaComments,
            ("POST", ["comments"]) => Step::MediaComment,
            _ => Step::Other,
        });
    }
    None
}

/// The Instagram account that a node belongs to.
pub(crate) fn account_of(world: &World, node: &str) -> Option<String> {
    if world.instagram.accounts.contains_key(node) {
        return Some(node.to_owned());
    }
    if let Some(container) = world.instagram.containers.get(node) {
        return Some(container.made.account.clone());
    }
    let media = world.instagram.media.get(node)?;
    Some(media.made.account.clone())
}

/// The error for a call that leads nowhere on one of Instagram's own hosts.
pub(crate) fn nowhere(world: &mut World, request: &Request) -> GraphError {
    let method = request.method.as_str();
    let unsupported = || {
        GraphError::new(
            100,
            format!(
                "Unsupported request - method type: {}",
                method.to_lowercase()
            ),
        )
    };
    if request.host == Host::InstagramUpload {
        return GraphError::upload("ParameterValidationError", "There is nothing to upload");
    }
    if request.host == Host::InstagramLogin {
        return GraphError::new(400, "Unsupported request").flat();
    }
    let Some(node) = request.path.first() else {
        return GraphError::new(100, "No node specified").of_kind("GraphMethodException");
    };
    if node.ends_with("access_token") {
        return unsupported();
    }
    if let Err(error) = instagram_token(world, request) {
        return error;
    }
    match (node.as_str(), account_of(world, node), request.path.get(1)) {
        ("me", ..) | (_, Some(_), None) => unsupported(),
        (_, Some(_), Some(_)) => GraphError::unknown_path(&request.path[1..].join("/")),
        (_, None, _) => GraphError::no_object(method, node),
    }
}
