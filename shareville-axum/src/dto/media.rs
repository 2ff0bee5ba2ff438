//! Media of a post.

// All readers have one form, whether they keep the value or not.
#![allow(clippy::needless_pass_by_value)]

use serde::Serialize;
use serde_json::Value;
use shareville_core::{
    id::MediaId,
    media::{self, MediaKind, MediaSource, UserTag},
};
use url::Url;
use utoipa::ToSchema;

use super::input;
use crate::{
    body::{self, At, Fields},
    openapi::words,
};

/// File endings that make a plain address a film; anything else is a picture.
const FILM_ENDINGS: [&str; 4] = ["mp4", "mov", "m4v", "webm"];

const KINDS: [(&str, MediaKind); 2] = [("image", MediaKind::Image), ("video", MediaKind::Video)];

/// A picture or film of a post.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Media<'a> {
    #[schema(value_type = words::MediaKind)]
    r#type: MediaKind,
    url: Option<&'a str>,
    #[schema(value_type = Option<Uuid>)]
    media_id: Option<MediaId>,
    alt_text: Option<&'a str>,
    thumbnail_url: Option<&'a str>,
    thumbnail_offset_ms: Option<u64>,
    #[schema(value_type = Vec<input::UserTag>)]
    user_tags: &'a [UserTag],
}

impl<'a> From<&'a media::Media> for Media<'a> {
    fn from(media: &'a media::Media) -> Self {
        let (url, media_id) = match &media.source {
            MediaSource::Url(url) => (Some(url.as_str()), None),
            MediaSource::MediaId(id) => (None, Some(*id)),
        };
        Self {
            r#type: media.kind,
            url,
            media_id,
            alt_text: media.alt_text.as_deref(),
            thumbnail_url: media.thumbnail_url.as_deref(),
            thumbnail_offset_ms: media.thumbnail_offset_ms,
            user_tags: &media.user_tags,
        }
    }
}

/// Reads a list of media; each is an object, or a plain address.
pub(crate) fn read(value: Value, at: &mut At<'_>) -> Option<Vec<media::Media>> {
    body::list(value, at, |item, at| match item {
        Value::String(url) => Some(at_address(url)),
        Value::Object(map) => at.fields(map, read_object),
        _ => at.mistyped("must be an object with `url` or `mediaId`, or a plain URL"),
    })
}

fn at_address(url: String) -> media::Media {
    match guess(&url) {
        MediaKind::Image => media::Media::image(url),
        MediaKind::Video => media::Media::video(url),
    }
}

fn guess(url: &str) -> MediaKind {
    let parsed = Url::parse(url).ok();
    let path = parsed.as_ref().map_or(url, Url::path);
    let is_film = path.rsplit_once('.').is_some_and(|(_, ending)| {
        let mut endings = FILM_ENDINGS.iter();
        endings.any(|film| ending.eq_ignore_ascii_case(film))
    });
    if is_film {
        MediaKind::Video
    } else {
        MediaKind::Image
    }
}

fn read_object(fields: &mut Fields<'_>) -> Option<media::Media> {
    let kind = fields.optional("type", |value, at| body::one_of(value, at, &KINDS));
    let has_url = fields.has("url");
    let has_id = fields.has("mediaId");
    let url = fields.optional("url", body::text);
    let id = fields.optional("mediaId", media_id_of);
    let alt_text = fields.optional("altText", body::text);
    let thumbnail_url = fields.optional("thumbnailUrl", body::text);
    let thumbnail_offset_ms = fields.optional("thumbnailOffsetMs", milliseconds);
    let user_tags = fields.optional("userTags", |value, at| body::list(value, at, user_tag));
    let source = match (has_url, has_id) {
        (true, true) => {
            let message = "give either `url` or `mediaId`, not both";
            fields.at("mediaId").say("conflicting", message);
            return None;
        }
        (false, false) => {
            let message = "give `url`, a public address, or `mediaId`, an upload's id";
            fields.at("url").say("required", message);
            return None;
        }
        (true, false) => MediaSource::Url(url?),
        (false, true) => MediaSource::MediaId(id?),
    };
    let guessed = match &source {
        MediaSource::Url(url) => guess(url),
        MediaSource::MediaId(_) => MediaKind::Image,
    };
    Some(media::Media {
        kind: kind.unwrap_or(guessed),
        source,
        alt_text,
        thumbnail_url,
        thumbnail_offset_ms,
        user_tags: user_tags.unwrap_or_default(),
    })
}

fn media_id_of(value: Value, at: &mut At<'_>) -> Option<MediaId> {
    let read = body::text(value, at)?.parse().ok();
    if read.is_none() {
        at.say("malformed", "must be the `id` of an upload: a UUID");
    }
    read
}

fn milliseconds(value: Value, at: &mut At<'_>) -> Option<u64> {
    match value.as_u64() {
        None => at.mistyped("must be a whole number of milliseconds, and not below 0"),
        read => read,
    }
}

fn user_tag(value: Value, at: &mut At<'_>) -> Option<UserTag> {
    let map = body::map(value, at)?;
    at.fields(map, |fields| {
        let missing = "name the person's user name at the platform";
        let username = fields.required("username", missing, body::text);
        let x = fields.optional("x", share);
        let y = fields.optional("y", share);
        Some(UserTag {
            username: username?,
            x,
            y,
        })
    })
}

fn share(value: Value, at: &mut At<'_>) -> Option<f64> {
    match value.as_f64() {
        None => at.mistyped("must be a number from 0 to 1"),
        read => read,
    }
}
