//! The calls that make containers: what they say of a picture, a film, a carousel.
//!
//! Source: graph-api.md 6.1 (D-IGM, D-IGP; SDK ShadowIGMediaBuilder.json).

use serde_json::json;
use shareville_core::{
    failure::Failure,
    media::{Addressed, Media, MediaForm, MediaKind, UserTag},
    post::{Content, InstagramOptions, Placement},
    publisher::Job,
};

use super::{InstagramAccounts, auth, host, limits, shape::Shape};
use crate::{
    error::{Effect, GraphError, Step, effect},
    graph::{Call, Created},
};

/// A container that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    /// What was done to its medium, for the post's history.
    pub(super) note: Option<String>,
}

/// A container that was not made, as far as is known.
#[derive(Debug)]
pub(super) struct NotMade {
    pub(super) failure: Failure,
    pub(super) effect: Effect,
}

impl InstagramAccounts {
    /// `POST /{account}/media`: one medium that is published alone.
    pub(super) async fn create_single(
        &self,
        job: &Job,
        shape: Shape<'_>,
        media: &Media,
    ) -> Result<Made, NotMade> {
        let content = &job.post.content;
        let addressed = self.address(job, media).await?;
        let call = with_address(self.creating(job), media, &addressed.url);
        let call = match shape {
            Shape::Story(_) => call.with("media_type", "STORIES"),
            Shape::Reel(_) => with_cover(call.with("media_type", "REELS"), media)
                .with_some("share_to_feed", shares_to_feed(content)),
            // A single picture has no media type.
            Shape::Picture(_) | Shape::Carousel(_) => call,
        };
        let call = with_post(with_people(call, media), content);
        self.made(call, addressed.changed).await
    }

    /// `POST /{account}/media`: one item of a carousel.
    pub(super) async fn create_item(&self, job: &Job, media: &Media) -> Result<Made, NotMade> {
        let addressed = self.address(job, media).await?;
        let call = with_address(self.creating(job), media, &addressed.url)
            .with("is_carousel_item", "true");
        // Without it a film fails with "The parameter image_url is required".
        let call = match media.kind {
            MediaKind::Video => call.with("media_type", "VIDEO"),
            MediaKind::Image => call,
        };
        self.made(with_people(call, media), addressed.changed).await
    }

    /// `POST /{account}/media`: the carousel that holds the items.
    pub(super) async fn create_carousel(&self, job: &Job, items: &[&str]) -> Result<Made, NotMade> {
        let call = self
            .creating(job)
            .with("media_type", "CAROUSEL")
            .with("children", items.join(","));
        self.made(with_post(call, &job.post.content), None).await
    }

    fn creating<'a>(&'a self, job: &'a Job) -> Call<'a> {
        self.graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "media"],
                auth(job),
            )
            .at(host(job))
    }

    /// Where Instagram fetches a medium: pictures as the JPEGs that it takes, films as they are.
    async fn address(&self, job: &Job, media: &Media) -> Result<Addressed, NotMade> {
        let form = match media.kind {
            MediaKind::Image => MediaForm::Jpeg(limits::PICTURE),
            MediaKind::Video => MediaForm::AsItIs,
        };
        let address = job.media.address(job.post.tenant, &media.source, form);
        address.await.map_err(|error| NotMade {
            failure: error.failure(),
            effect: Effect::DidNothing,
        })
    }

    async fn made(&self, call: Call<'_>, note: Option<String>) -> Result<Made, NotMade> {
        let created: Result<Created, Box<GraphError>> = call.send().await;
        match created {
            Ok(created) => Ok(Made {
                id: created.id,
                note,
            }),
            Err(error) => Err(NotMade {
                failure: self.failure(&error),
                effect: effect(Step::Prepare, &error),
            }),
        }
    }
}

fn with_address<'a>(call: Call<'a>, media: &Media, url: &str) -> Call<'a> {
    let call = match media.kind {
        MediaKind::Image => call.with("image_url", url),
        MediaKind::Video => call.with("video_url", url),
    };
    let alt_text = media.alt_text.as_deref();
    call.with_some("alt_text", alt_text.filter(|text| !text.trim().is_empty()))
}

fn with_cover<'a>(call: Call<'a>, media: &Media) -> Call<'a> {
    let offset = media.thumbnail_offset_ms.map(|offset| offset.to_string());
    call.with_some("cover_url", media.thumbnail_url.as_deref())
        .with_some("thumb_offset", offset.as_deref())
}

/// Who is marked on an item; on a film, nowhere in particular.
fn with_people<'a>(call: Call<'a>, media: &Media) -> Call<'a> {
    if media.user_tags.is_empty() {
        return call;
    }
    let tag = |tag: &UserTag| match (tag.x, tag.y) {
        (Some(x), Some(y)) => json!({ "username": tag.username, "x": x, "y": y }),
        _ => json!({ "username": tag.username }),
    };
    let tags: Vec<_> = media.user_tags.iter().map(tag).collect();
    call.with("user_tags", json!(tags).to_string())
}

/// What belongs to the post as a whole: of a carousel, to the carousel and not to its items.
fn with_post<'a>(call: Call<'a>, content: &Content) -> Call<'a> {
    let caption = content
        .caption
        .as_deref()
        .filter(|caption| !caption.trim().is_empty());
    let call = call.with_some("caption", caption);
    let Some(options) = &content.options.instagram else {
        return call;
    };
    let call = call.with_some("location_id", options.location_id.as_deref());
    match options.collaborators.is_empty() {
        true => call,
        false => call.with("collaborators", json!(options.collaborators).to_string()),
    }
}

/// Whether a Reel shows in the feed too: one that was meant for the feed does.
fn shares_to_feed(content: &Content) -> Option<&'static str> {
    let wanted = content
        .options
        .instagram
        .as_ref()
        .and_then(|InstagramOptions { share_to_feed, .. }| *share_to_feed);
    match (content.placement, wanted) {
        (Placement::Feed, _) | (_, Some(true)) => Some("true"),
        (_, Some(false)) => Some("false"),
        (_, None) => None,
    }
}
