//! Towards an unpublished post: photos one by one, then the post that holds them.
//!
//! Source: graph-api.md 5.1–5.4 (D-FEED, D-POSTS; field PROBE).

use serde::{Deserialize, Serialize};
use shareville_core::{
    clock::Timestamp,
    failure::{Failure, FailureClass},
    media::{Addressed, Media, MediaError, MediaForm, MediaSource},
    publisher::{Job, Prepared},
};

use super::{
    FacebookPages, limits,
    prepare::{about_medium, caption, place, unknown_medium},
    progress::{Kept, is_outdated},
};
use crate::{
    error::{Effect, GraphError, Step, effect},
    graph::Created,
};

/// How often photos may be forgotten because an unpublished post that nobody knows of may own them.
const MAX_FORGOTTEN: u8 = 2;

/// What is kept between the steps towards an unpublished post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preparation {
    /// The ids of the photos uploaded so far, in order.
    photos: Vec<String>,
    /// When the first of them was uploaded.
    since: Option<Timestamp>,
    /// Whether the next call creates the post. Whoever finds this, and no post, must assume that the call was made.
    create_next: bool,
    /// How often photos were forgotten.
    forgotten: u8,
}

/// A photo that Facebook has, and what was done to it before.
pub(super) struct Uploaded {
    pub(super) id: String,
    pub(super) changed: Option<String>,
}

impl FacebookPages {
    /// The next step towards the post.
    pub(super) async fn next_of_post(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        // Whoever wrote this may have died inside the call that creates the post.
        if preparation.create_next && job.resumed && !preparation.forget() {
            return given_up();
        }
        preparation.drop_outdated(self.graph.now());
        let wanted = job.post.content.media.len();
        if preparation.photos.len() < wanted {
            return self.add_photo(job, preparation).await;
        }
        // Without photos there is nothing that a lost post could own: no need to write down that it comes next.
        if wanted > 0 && !preparation.create_next {
            preparation.create_next = true;
            return Prepared::Continue(Kept::Post(preparation).keep(job, None));
        }
        self.create(job, preparation).await
    }

    async fn add_photo(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        let index = preparation.photos.len();
        let uploaded = match job.post.content.media.get(index) {
            Some(media) => self.upload_photo(job, media).await,
            None => Err(unknown_medium()),
        };
        match uploaded {
            Ok(photo) => {
                preparation.add(photo.id, self.graph.now());
                let progress = Kept::Post(preparation).keep(job, None);
                match photo.changed {
                    Some(note) => Prepared::Noted { progress, note },
                    None => Prepared::Continue(progress),
                }
            }
            // Whether or not it was uploaded: a photo that nobody uses vanishes by itself.
            Err(failure) => Prepared::Failed {
                failure: about_medium(failure, &job.post.content, index),
                progress: Some(Kept::Post(preparation).keep(job, None)),
            },
        }
    }

    /// `POST /{page}/photos`: a photo, seen by nobody.
    pub(super) async fn upload_photo(&self, job: &Job, media: &Media) -> Result<Uploaded, Failure> {
        let addressed = match address(job, media).await {
            Ok(addressed) => addressed,
            Err(error) => return Err(error.failure()),
        };
        let photo = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "photos"],
                self.auth(job),
            )
            .with("url", addressed.url)
            .with("published", "false")
            .with_some("alt_text_custom", media.alt_text.as_deref())
            .send::<Created>()
            .await
            .map_err(|error| self.graph.failure(&error))?;
        Ok(Uploaded {
            id: photo.id,
            changed: addressed.changed,
        })
    }

    /// `POST /{page}/feed`: the post, seen by nobody.
    async fn create(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        match self.send_create(job, &preparation.photos).await {
            Ok(post) => Prepared::Ready(Kept::Post(preparation).keep(job, Some(post.id))),
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
                    progress: Some(Kept::Post(preparation).keep(job, None)),
                }
            }
        }
    }

    async fn send_create(&self, job: &Job, photos: &[String]) -> Result<Created, Box<GraphError>> {
        let mut call = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "feed"],
                self.auth(job),
            )
            .with("published", "false")
            .with_some("message", caption(job))
            .with_some("link", job.post.content.link.as_deref())
            .with_some("place", place(job));
        for (index, photo) in photos.iter().enumerate() {
            let attached = serde_json::json!({ "media_fbid": photo });
            call = call.with(format!("attached_media[{index}]"), attached.to_string());
        }
        call.send().await
    }
}

/// Where Facebook finds a picture in a form that it takes. What stands at a public address is left as it is there.
async fn address(job: &Job, media: &Media) -> Result<Addressed, MediaError> {
    let tenant = job.post.tenant;
    let form = match &media.source {
        MediaSource::Url(_) => MediaForm::AsItIs,
        source @ MediaSource::MediaId(_) => {
            let facts = job.media.facts(tenant, source).await?;
            match limits::needs_jpeg(&facts) {
                true => MediaForm::Jpeg(limits::JPEG),
                false => MediaForm::AsItIs,
            }
        }
    };
    job.media.address(tenant, &media.source, form).await
}

impl Preparation {
    /// Keeps a photo.
    fn add(&mut self, photo: String, now: Timestamp) {
        self.since.get_or_insert(now);
        self.photos.push(photo);
    }

    /// Forgets the photos, because a post that nobody knows of may own them. `false` if that has happened too often.
    fn forget(&mut self) -> bool {
        *self = Self {
            forgotten: self.forgotten.saturating_add(1),
            ..Self::default()
        };
        self.forgotten <= MAX_FORGOTTEN
    }

    /// Forgets photos that Facebook may have dropped by now.
    fn drop_outdated(&mut self, now: Timestamp) {
        if self.since.is_some_and(|since| is_outdated(since, now)) {
            *self = Self {
                forgotten: self.forgotten,
                ..Self::default()
            };
        }
    }
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
