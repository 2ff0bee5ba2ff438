//! The Graph API: one synchronous function from a call to its answer.
//!
//! [`aim`] tells what a call is for; [`perform`] does it. Everything between network and faults happens here, under
//! one lock, so that a call acts wholly or not at all. Another host or edge is another file and another [`Step`].

mod accounts;
mod aim;
mod bearer;
mod comments;
mod error;
mod feed;
mod fields;
mod instagram;
mod me;
mod oauth;
mod page;
mod paging;
mod photos;
mod post;
mod reels;
mod request;
mod rupload;
mod spec;
mod stories;
mod video;
mod videos;

use serde_json::{Value, json};

pub(crate) use aim::{Aim, aim};
pub(crate) use error::GraphError;
pub(crate) use request::{Host, Request};

use crate::fault::Step;
use crate::world::{VideoEdge, World};

/// Does what the call asks for.
pub(crate) fn perform(
    world: &mut World,
    request: &Request,
    aim: &Aim,
) -> Result<Value, GraphError> {
    let node = aim.node.as_str();
    match aim.step {
        Step::CodeExchange => oauth::exchange_code(world, request),
        Step::LongLivedExchange => oauth::exchange_long(world, request),
        Step::DebugToken => oauth::debug_token(world, request),
        Step::Me => me::read(world, request),
        Step::ListPermissions => me::permissions(world, request),
        Step::RevokePermissions => me::revoke(world, request),
        Step::Accounts => accounts::list(world, request),
        Step::Businesses => accounts::businesses(world, request),
        Step::BusinessPages => accounts::business_pages(world, request, node),
        Step::PageRead => page::read(world, request, node),
        Step::PhotoUpload => photos::upload(world, request, node),
        Step::ReadPhoto => photos::read(world, request, node),
        Step::DeletePhoto => photos::delete(world, request, node),
        Step::CreatePost => feed::create(world, request, node),
        Step::ListPosts => feed::list(world, request, node),
        Step::PublishPost | Step::EditPost => post::change(world, request, node),
        Step::ReadPost => post::read(world, request, node),
        Step::DeletePost => post::delete(world, request, node),
        Step::CreateComment => comments::create(world, request, node),
        Step::ListComments => comments::list(world, request, node),
        Step::ReadComment => comments::read(world, request, node),
        Step::EditComment => comments::change(world, request, node),
        Step::DeleteComment => comments::delete(world, request, node),
        Step::UploadVideo => videos::upload(world, request, node),
        Step::StartVideo => videos::start(world, request, node),
        Step::TransferVideo => videos::transfer(world, request, node),
        Step::FinishVideo => videos::finish(world, request, node),
        Step::CancelVideo => videos::cancel(world, request, node),
        Step::ReadVideo => video::read(world, request, node),
        Step::DeleteVideo => video::delete(world, request, node),
        Step::StartReel => reels::start(world, request, node, VideoEdge::Reels),
        Step::FinishReel => reels::finish(world, request, node, VideoEdge::Reels),
        Step::StartVideoStory => reels::start(world, request, node, VideoEdge::Stories),
        Step::FinishVideoStory => reels::finish(world, request, node, VideoEdge::Stories),
        Step::UploadReel | Step::UploadVideoStory => rupload::receive(world, request, node),
        Step::PublishPhotoStory => stories::publish_photo(world, request, node),
        Step::ListStories => stories::list(world, request, node),
        Step::Other if !request.host.is_instagrams() => Err(aim::nowhere(world, request)),
        step => instagram::perform(world, request, step, node),
    }
}

/// `{"success":true}`
fn success() -> Value {
    json!({ "success": true })
}

/// Answers 100/33 for a while after something was made, if the switch says so.
fn lag(world: &mut World, request: &Request, id: &str) -> Result<(), GraphError> {
    let lag = world.switches.read_after_create_lag;
    if lag == 0 {
        return Ok(());
    }
    let reads = world.reads.entry(id.to_owned()).or_default();
    if *reads < lag {
        *reads += 1;
        return Err(GraphError::no_object(request.method.as_str(), id));
    }
    Ok(())
}
