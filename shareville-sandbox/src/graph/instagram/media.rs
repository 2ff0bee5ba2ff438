//! Published media: one, the list, the stories, and deleting.

use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::fields::Node;
use super::super::me::object;
use super::super::request::Request;
use super::super::{lag, paging, success};
use super::account_of;
use super::actor::actor;
use super::comments::shown as comment_shown;
use crate::world::{Media, MediaFile, MediaKind, Medium, World, graph_time};

/// Lists cut captions to this (graph-api 6.5), in characters.
const LISTED_CAPTION: usize = 2_000;

/// `GET /{media}`
pub(super) fn read(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let account = account_of(world, id);
    let actor = actor(world, request, account, id)?;
    actor.reading(world)?;
    world
        .media(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    lag(world, request, id)?;
    let media = world
        .media(id)
        .ok_or_else(|| GraphError::no_object("GET", id))?;
    node(world, media).pick(request.fields().as_deref())
}

/// `GET /{ig}/media`: newest first, without stories.
pub(super) fn list(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    listed(world, request, id, |media| media.kind != MediaKind::Story)
}

/// `GET /{ig}/stories`: those of the last 24 hours.
pub(super) fn stories(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    listed(world, request, id, |media| media.kind == MediaKind::Story)
}

fn listed(
    world: &mut World,
    request: &Request,
    account: &str,
    belongs: impl Fn(&Media) -> bool,
) -> Result<Value, GraphError> {
    let actor = actor(world, request, Some(account.to_owned()), account)?;
    actor.reading(world)?;
    let media = world.media_of(account).filter(|media| belongs(media));
    let ids: Vec<String> = media.map(|media| media.id.clone()).collect();
    let (shown, paging) = paging::cut(world, request, &ids)?;
    let mut data = Vec::new();
    for media in shown.iter().filter_map(|id| world.media(id)) {
        let mut node = node(world, media);
        if let Some(caption) = &media.made.caption {
            let caption: String = caption.chars().take(LISTED_CAPTION).collect();
            node.values.insert("caption".to_owned(), caption.into());
        }
        data.push(node.pick(request.fields().as_deref())?);
    }
    Ok(paging::answer(&data, paging))
}

/// `DELETE /{media}`: through Facebook Login with `instagram_manage_contents`, else it is not there (graph-api 6.6).
pub(super) fn delete(world: &mut World, request: &Request, id: &str) -> Result<Value, GraphError> {
    let gone = || GraphError::no_object("DELETE", id);
    let account = account_of(world, id);
    let actor = actor(world, request, account, id)?;
    request.only(&[], world.switches.refuse_unknown_parameters)?;
    if actor.may_delete(world) && world.delete_media(id) {
        Ok(success())
    } else {
        Err(gone())
    }
}

fn node(world: &World, media: &Media) -> Node {
    let account = world.instagram_account(&media.made.account);
    let username = account.map(|account| account.username.as_str());
    let first = media.made.files.first();
    let children: Vec<Value> = media.made.files.iter().map(child).collect();
    let is_carousel = media.kind == MediaKind::Carousel;
    let comments: Vec<Value> = media
        .comments
        .iter()
        .rev()
        .map(|comment| comment_shown(media, comment))
        .collect();
    let values = json!({
        "id": media.id,
        "ig_id": media.id,
        "caption": media.made.caption,
        "alt_text": first.and_then(|file| file.alt_text.as_deref()),
        "media_type": match first.map(|file| file.medium) {
            _ if is_carousel => "CAROUSEL_ALBUM",
            Some(Medium::Video) => "VIDEO",
            Some(Medium::Image) | None => "IMAGE",
        },
        "media_product_type": match media.kind {
            MediaKind::Reel => "REELS",
            MediaKind::Story => "STORY",
            MediaKind::Image | MediaKind::Carousel => "FEED",
        },
        "media_url": first.map(|file| file.url.as_str()),
        "thumbnail_url": media.made.cover_url,
        "permalink": world.media_permalink(media),
        "shortcode": media.shortcode(),
        "timestamp": graph_time(media.published),
        "username": username,
        "owner": { "id": media.made.account },
        "is_comment_enabled": true,
        "is_shared_to_feed": media.made.share_to_feed,
        "like_count": 0,
        "comments_count": media.comments.len(),
        "comments": if comments.is_empty() { Value::Null } else { json!({ "data": comments }) },
        "children": if is_carousel { json!({ "data": children }) } else { Value::Null },
    });
    Node {
        kind: "ShadowIGMedia",
        values: object(values),
        default: &["id"],
    }
}

fn child(file: &MediaFile) -> Value {
    json!({
        "id": file.id,
        "media_type": match file.medium {
            Medium::Image => "IMAGE",
            Medium::Video => "VIDEO",
        },
        "media_url": file.url,
        "alt_text": file.alt_text,
    })
}
