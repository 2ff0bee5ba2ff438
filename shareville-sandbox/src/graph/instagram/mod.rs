//! Instagram: the same edges on `graph.facebook.com` and `graph.instagram.com`, and Instagram Login's tokens.

mod account;
mod actor;
mod aim;
mod comments;
mod container;
mod login;
mod media;
mod options;
mod publish;
mod shape;
mod source;
mod upload;

use serde_json::Value;

pub(super) use account::link;
pub(super) use aim::{account_of, aim, nowhere, step};

use super::error::GraphError;
use super::request::{Host, Request};
use crate::fault::Step;
use crate::world::World;

/// Does what a call on Instagram asks for.
pub(super) fn perform(
    world: &mut World,
    request: &Request,
    step: Step,
    node: &str,
) -> Result<Value, GraphError> {
    let result = match step {
        Step::InstagramCodeExchange => login::exchange_code(world, request),
        Step::InstagramLongLivedExchange => login::exchange_long(world, request),
        Step::InstagramRefresh => login::refresh(world, request),
        Step::InstagramMe | Step::ReadInstagram => account::read(world, request, node),
        Step::PublishingLimit => account::publishing_limit(world, request, node),
        Step::CreateContainer => container::create(world, request, node),
        Step::ReadContainer => container::read(world, request, node),
        Step::UploadContainer => upload::receive(world, request, node),
        Step::PublishMedia => publish::publish(world, request, node),
        Step::ReadMedia => media::read(world, request, node),
        Step::DeleteMedia => media::delete(world, request, node),
        Step::ListMedia => media::list(world, request, node),
        Step::ListStoriesInstagram => media::stories(world, request, node),
        Step::MediaComment => comments::create(world, request, node),
        Step::ListMediaComments => comments::list(world, request, node),
        _ => Err(nowhere(world, request)),
    };
    result.map_err(|error| in_words_of(request.host, error))
}

/// The Instagram host has a name of its own for errors of permission and form.
pub(super) fn in_words_of(host: Host, error: GraphError) -> GraphError {
    let plain = matches!(
        (error.code, error.subcode),
        (10, None) | (100, None | Some(33))
    );
    if host == Host::Instagram && plain {
        error.of_kind("IGApiException")
    } else {
        error
    }
}

/// A parameter that must be there and not empty; Instagram's words lack Facebook's `(#100)`.
fn required(request: &Request, name: &str) -> Result<String, GraphError> {
    request
        .text(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| GraphError::new(100, format!("The parameter {name} is required.")))
}
