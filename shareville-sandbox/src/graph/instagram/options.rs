//! What goes with a media: caption, alt text, tags, collaborators, place (graph-api 6.1).

use serde_json::Value;

use super::super::error::GraphError;
use super::super::request::Request;
use crate::world::{Medium, UserTag};

/// D-IGP: "Max 2200 characters, 30 hashtags, and 20 @ tags".
const MOST_CAPTION: usize = 2_200;
const MOST_HASHTAGS: usize = 30;
const MOST_MENTIONS: usize = 20;
/// D-IGM, in characters.
const MOST_ALT_TEXT: usize = 1_000;
/// D-IGP.
const MOST_COLLABORATORS: usize = 3;
const MOST_TAGS: usize = 20;

/// A caption that fits.
pub(super) fn caption(request: &Request) -> Result<Option<String>, GraphError> {
    let Some(caption) = request.text("caption").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let marked = |mark: char| {
        let words = caption.split_whitespace();
        words
            .filter(|word| word.len() > 1 && word.starts_with(mark))
            .count()
    };
    if caption.chars().count() > MOST_CAPTION
        || marked('#') > MOST_HASHTAGS
        || marked('@') > MOST_MENTIONS
    {
        return Err(GraphError::new(36_004, "The caption was too long.")
            .sub(2_207_010)
            .for_user(
                "Caption too long",
                "Caption was too long. Max 2200 characters, 30 hashtags, and 20 @ tags.",
            ));
    }
    Ok(Some(caption))
}

/// A text for screen readers that fits.
pub(super) fn alt_text(request: &Request) -> Result<Option<String>, GraphError> {
    let text = request.text("alt_text").filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > MOST_ALT_TEXT => Err(GraphError::parameter(
            format_args!("Param alt_text must be no longer than {MOST_ALT_TEXT} characters"),
        )),
        text => Ok(text),
    }
}

/// At most three `@names`.
pub(super) fn collaborators(request: &Request) -> Result<Vec<String>, GraphError> {
    let wrong = || GraphError::parameter("Param collaborators must be an array of usernames.");
    let names = request.list("collaborators")?.unwrap_or_default();
    if names.len() > MOST_COLLABORATORS {
        return Err(GraphError::parameter(format_args!(
            "Param collaborators must have no more than {MOST_COLLABORATORS} elements"
        )));
    }
    names
        .into_iter()
        .map(|name| match name {
            Value::String(name) if !name.is_empty() => Ok(name),
            _ => Err(wrong()),
        })
        .collect()
}

/// Who is tagged: in a photo with a place, in a video without one.
pub(super) fn user_tags(request: &Request, medium: Medium) -> Result<Vec<UserTag>, GraphError> {
    let wrong = |what: &str| GraphError::parameter(format_args!("Invalid user_tags: {what}"));
    let tags = request.list("user_tags")?.unwrap_or_default();
    if tags.len() > MOST_TAGS {
        return Err(GraphError::new(100, "Too many tags").sub(2_207_040));
    }
    let mut read = Vec::new();
    for tag in tags {
        let tag: UserTag = serde_json::from_value(tag)
            .map_err(|_| wrong("each needs a username, and x and y in photos"))?;
        let placed = |place: Option<f64>| place.is_some_and(|place| (0.0..=1.0).contains(&place));
        match medium {
            Medium::Image if !(placed(tag.x) && placed(tag.y)) => {
                return Err(wrong("x and y must be between 0 and 1"));
            }
            Medium::Video if tag.x.is_some() || tag.y.is_some() => {
                return Err(wrong("x and y are not allowed in videos"));
            }
            Medium::Image | Medium::Video => read.push(tag),
        }
    }
    Ok(read)
}

/// The id of a Page with a place; whether there is one is not judged here.
pub(super) fn location(request: &Request) -> Result<Option<String>, GraphError> {
    match request.text("location_id") {
        Some(id) if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) => Err(
            GraphError::parameter("Param location_id must be a valid ID"),
        ),
        id => Ok(id),
    }
}

/// The moment of a Reel that is its cover, in milliseconds; `length` in seconds, if it is known.
pub(super) fn thumb_offset(
    request: &Request,
    length: Option<u64>,
) -> Result<Option<u64>, GraphError> {
    let Some(text) = request.text("thumb_offset") else {
        return Ok(None);
    };
    let offset = text.parse::<u64>().ok();
    match offset.filter(|offset| length.is_none_or(|length| *offset < length * 1_000)) {
        Some(offset) => Ok(Some(offset)),
        None => Err(GraphError::new(
            1,
            format!(
                "Thumbnail offset must be greater than or equal to 0 and less than video duration, i.e. {}",
                length.unwrap_or_default()
            ),
        )
        .sub(2_207_057)),
    }
}
