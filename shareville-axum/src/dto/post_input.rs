//! What callers say about posts.

use std::time::Duration;

use serde_json::{Map, Value};
use shareville_core::{
    clock::Timestamp,
    id::UserId,
    local_time::LocalTime,
    media::Media,
    post::{Content, FacebookOptions, InstagramOptions, Options, Placement, Post},
    posting::{PostInput, PostPatch, When},
    tenancy::Patch,
};

use super::media;
use crate::body::{self, At, Fields};

const PLACEMENTS: [(&str, Placement); 3] = [
    ("feed", Placement::Feed),
    ("reel", Placement::Reel),
    ("story", Placement::Story),
];

/// The fields by which a post says and shows something.
pub(crate) const CONTENT_FIELDS: [&str; 6] = [
    "caption",
    "link",
    "media",
    "placement",
    "options",
    "firstComment",
];

/// Reads a post that is to be created.
pub(crate) fn read(fields: &mut Fields<'_>) -> PostInput {
    let user = fields.optional("userId", body::text).map(UserId::new);
    let missing = "name the page it goes to by its `id`, as `GET /social/providers/{connectionId}/pages` lists it";
    let account = fields.required("socialPageId", missing, page_id);
    let patch = read_content(fields);
    let scheduled_at = fields.optional("scheduledAt", body::time);
    let scheduled_local = fields.optional("scheduledLocal", body::local_time);
    let timezone = fields.optional("timezone", body::text);
    PostInput {
        user,
        account: account.unwrap_or_default(),
        content: patch.apply_to(Content::default()),
        scheduled_at,
        scheduled_local,
        timezone,
        give_up_after: fields.optional("giveUpAfter", body::seconds),
        metadata: fields.optional("metadata", body::map).unwrap_or_default(),
    }
}

/// A platform's own id is a number to some, so that one is taken too: the answer then says whose id is wanted.
fn page_id(value: Value, at: &mut At<'_>) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        value => body::text(value, at),
    }
}

/// Reads posts that are to be created together.
pub(crate) fn read_batch(fields: &mut Fields<'_>) -> Option<Vec<PostInput>> {
    let missing = "list the posts: `[…]`, 1 to 100 of them, each as for `POST /posts`";
    fields.required("posts", missing, |value, at| {
        body::list(value, at, |post, at| {
            // What is no object keeps its place, so that the others are named by theirs.
            let post = body::map(post, at);
            Some(post.map_or_else(PostInput::default, |post| at.fields(post, read)))
        })
    })
}

/// What changes about what a post says and shows.
#[derive(Debug, Clone, Default)]
struct ContentPatch {
    caption: Patch<String>,
    link: Patch<String>,
    media: Patch<Vec<Media>>,
    placement: Patch<Placement>,
    options: Patch<Options>,
    first_comment: Patch<String>,
}

fn read_content(fields: &mut Fields<'_>) -> ContentPatch {
    ContentPatch {
        caption: fields.patch("caption", body::text),
        link: fields.patch("link", body::text),
        media: fields.patch("media", media::read),
        placement: fields.patch("placement", |value, at| {
            body::one_of(value, at, &PLACEMENTS)
        }),
        options: fields.patch("options", options),
        first_comment: fields.patch("firstComment", body::text),
    }
}

fn options(value: Value, at: &mut At<'_>) -> Option<Options> {
    let map = body::map(value, at)?;
    at.fields(map, |fields| {
        Some(Options {
            facebook: fields.optional("facebook", facebook),
            instagram: fields.optional("instagram", instagram),
        })
    })
}

fn facebook(value: Value, at: &mut At<'_>) -> Option<FacebookOptions> {
    let map = body::map(value, at)?;
    at.fields(map, |fields| {
        Some(FacebookOptions {
            place_id: fields.optional("placeId", body::text),
        })
    })
}

fn instagram(value: Value, at: &mut At<'_>) -> Option<InstagramOptions> {
    let map = body::map(value, at)?;
    at.fields(map, |fields| {
        let collaborators = fields.optional("collaborators", body::texts);
        Some(InstagramOptions {
            location_id: fields.optional("locationId", body::text),
            collaborators: collaborators.unwrap_or_default(),
            share_to_feed: fields.optional("shareToFeed", body::flag),
        })
    })
}

impl ContentPatch {
    fn is_empty(&self) -> bool {
        let Self {
            caption,
            link,
            media,
            placement,
            options,
            first_comment,
        } = self;
        *caption == Patch::Keep
            && *link == Patch::Keep
            && *media == Patch::Keep
            && *placement == Patch::Keep
            && *options == Patch::Keep
            && *first_comment == Patch::Keep
    }

    fn apply_to(self, mut content: Content) -> Content {
        self.caption.apply_to(&mut content.caption);
        self.link.apply_to(&mut content.link);
        self.first_comment.apply_to(&mut content.first_comment);
        replace(&mut content.media, self.media);
        replace(&mut content.placement, self.placement);
        replace(&mut content.options, self.options);
        content
    }
}

/// What cannot be missing begins anew where it is cleared.
fn replace<T: Default>(value: &mut T, patch: Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *value = T::default(),
        Patch::Set(new) => *value = new,
    }
}

/// What changes about a post.
#[derive(Debug, Clone)]
pub(crate) struct PatchInput {
    content: ContentPatch,
    metadata: Option<Map<String, Value>>,
    give_up_after: Option<Duration>,
    scheduled_at: Option<Timestamp>,
    scheduled_local: Option<LocalTime>,
    timezone: Option<String>,
}

/// Reads what is to change about a post. `give_up_after` is the tenant's own, which `null` goes back to.
pub(crate) fn read_patch(fields: &mut Fields<'_>, give_up_after: Duration) -> PatchInput {
    let content = read_content(fields);
    let metadata = match fields.patch("metadata", body::map) {
        Patch::Keep => None,
        Patch::Clear => Some(Map::new()),
        Patch::Set(metadata) => Some(metadata),
    };
    let give_up_after = match fields.patch("giveUpAfter", body::seconds) {
        Patch::Keep => None,
        Patch::Clear => Some(give_up_after),
        Patch::Set(after) => Some(after),
    };
    if fields.has("timezone") && !fields.has("scheduledAt") && !fields.has("scheduledLocal") {
        let message = "goes with a time: give `scheduledAt` or `scheduledLocal` too";
        fields.at("timezone").say("without_time", message);
    }
    PatchInput {
        content,
        metadata,
        give_up_after,
        scheduled_at: fields.not_null("scheduledAt", body::time),
        scheduled_local: fields.not_null("scheduledLocal", body::local_time),
        timezone: fields.not_null("timezone", body::text),
    }
}

impl PatchInput {
    /// What it makes of a post.
    pub(crate) fn of(self, post: &Post) -> PostPatch {
        let content =
            (!self.content.is_empty()).then(|| self.content.apply_to(post.content.clone()));
        PostPatch {
            content,
            metadata: self.metadata,
            give_up_after: self.give_up_after,
            scheduled_at: self.scheduled_at,
            scheduled_local: self.scheduled_local,
            timezone: self.timezone,
        }
    }
}

/// Reads when a post is to go out.
pub(crate) fn read_schedule(fields: &mut Fields<'_>) -> Option<When> {
    let missing = "give `scheduledAt`, a time in RFC 3339 with its offset, or `scheduledLocal` and `timezone`";
    let has_local = fields.has("scheduledLocal");
    let at = match has_local {
        true => fields.optional("scheduledAt", body::time),
        false => fields.required("scheduledAt", missing, body::time),
    };
    let local = fields.optional("scheduledLocal", body::local_time);
    let timezone = fields.optional("timezone", body::text);
    (at.is_some() || local.is_some()).then_some(When {
        at,
        local,
        timezone,
    })
}
