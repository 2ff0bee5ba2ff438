//! Towards an unpublished post: photos one by one, then the post that holds them.
//!
//! Source: graph-api.md 5.1–5.4 (D-FEED, D-POSTS; field PROBE).

use shareville_core::{
    failure::{Failure, FailureClass},
    media::MediaSource,
    post::Progress,
    publisher::{Job, Prepared},
};

use super::{FacebookPages, progress::Preparation};
use crate::{
    error::{Effect, GraphError, Step, effect},
    graph::Created,
};

impl FacebookPages {
    pub(super) async fn next_step(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        if let Some(ready) = prepared_before(job, progress) {
            return ready;
        }
        let mut preparation = Preparation::resume(job, progress);
        // Whoever wrote this may have died inside the call that creates the post.
        if preparation.create_next && job.resumed && !preparation.forget() {
            return given_up();
        }
        preparation.drop_outdated(self.graph.now());
        let wanted = job.post.content.media.len();
        if preparation.photos.len() < wanted {
            return self.upload(job, preparation).await;
        }
        // Without photos there is nothing that a lost post could own: no need to write down that it comes next.
        if wanted > 0 && !preparation.create_next {
            preparation.create_next = true;
            return Prepared::Continue(preparation.keep(job, None));
        }
        self.create(job, preparation).await
    }

    /// `POST /{page}/photos`: the next photo, seen by nobody.
    async fn upload(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        let index = preparation.photos.len();
        let uploaded = match job
            .post
            .content
            .media
            .get(index)
            .map(|media| (media, &media.source))
        {
            Some((media, MediaSource::Url(url))) => self
                .graph
                .post(
                    Step::Prepare,
                    &[&job.account.platform_id, "photos"],
                    self.auth(job),
                )
                .with("url", url)
                .with("published", "false")
                .with_some("alt_text_custom", media.alt_text.as_deref())
                .send::<Created>()
                .await
                .map_err(|error| self.graph.failure(&error)),
            _ => Err(Failure::new(
                FailureClass::Content { retryable: false },
                "Uploaded media on Facebook Pages are not supported yet. Give a public address.",
            )),
        };
        match uploaded {
            Ok(photo) => {
                preparation.add(photo.id, self.graph.now());
                Prepared::Continue(preparation.keep(job, None))
            }
            // Whether or not it was uploaded: a photo that nobody uses vanishes by itself.
            Err(failure) => Prepared::Failed {
                failure: about_medium(failure, index),
                progress: Some(preparation.keep(job, None)),
            },
        }
    }

    /// `POST /{page}/feed`: the post, seen by nobody.
    async fn create(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        match self.send_create(job, &preparation.photos).await {
            Ok(post) => Prepared::Ready(preparation.keep(job, Some(post.id))),
            Err(error) => {
                let failure = self.graph.failure(&error);
                let settled = effect(Step::Prepare, &error) == Effect::DidNothing;
                if settled {
                    preparation.create_next = false;
                } else if !preparation.photos.is_empty() && !preparation.forget() {
                    return given_up();
                }
                Prepared::Failed {
                    failure,
                    progress: Some(preparation.keep(job, None)),
                }
            }
        }
    }

    async fn send_create(&self, job: &Job, photos: &[String]) -> Result<Created, Box<GraphError>> {
        let content = &job.post.content;
        let caption = content
            .caption
            .as_deref()
            .filter(|caption| !caption.is_empty());
        let place = content
            .options
            .facebook
            .as_ref()
            .and_then(|options| options.place_id.as_deref());
        let mut call = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "feed"],
                self.auth(job),
            )
            .with("published", "false")
            .with_some("message", caption)
            .with_some("link", content.link.as_deref())
            .with_some("place", place);
        for (index, photo) in photos.iter().enumerate() {
            let attached = serde_json::json!({ "media_fbid": photo });
            call = call.with(format!("attached_media[{index}]"), attached.to_string());
        }
        call.send().await
    }
}

/// The post exists already; whichever version wrote its id down.
fn prepared_before(job: &Job, progress: Option<&Progress>) -> Option<Prepared> {
    let progress = progress
        .filter(|progress| progress.content_revision == job.post.content_revision)
        .filter(|progress| progress.object.is_some())?;
    Some(Prepared::Ready(progress.clone()))
}

/// Three times nobody knows whether the post was created. It is not visible in any case.
fn given_up() -> Prepared {
    Prepared::Failed {
        failure: Failure::new(
            FailureClass::Unknown,
            "Facebook did not answer, three times, when the post was to be created. Nothing is visible on the Page. \
             Try again later.",
        )
        .with_code("create_unanswered"),
        // Whoever tries again begins anew.
        progress: None,
    }
}

/// The same failure, with which medium it is about.
fn about_medium(mut failure: Failure, index: usize) -> Failure {
    let mut platform = failure.platform.take().unwrap_or_default();
    platform.media_index = index.try_into().ok();
    failure.message = format!("Photo {}: {}", index + 1, failure.message);
    failure.with_platform(platform)
}
