//! What is published: where it can be seen, changing its text, deleting it.
//!
//! Source: graph-api.md 5.5 (D-POSTS; SDK PagePost.json). That a film's text can be changed by its id is from memory.

use serde::Deserialize;
use shareville_core::{
    clock::Deadline,
    failure::{Action, Failure, FailureClass},
    post::{Evidence, Placement, Progress, Published},
    publisher::Job,
};

use super::{
    FacebookPages,
    look::Shown,
    progress::{Foretold, Kept},
};
use crate::{
    error::Step,
    graph::{Acknowledged, Need},
};

/// What Facebook has no way for.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

/// What an id at the platform stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    /// A post: its id names its Page too.
    Post,
    /// A film, published or not.
    Film,
    /// A photo that nobody has used.
    Photo,
}

#[derive(Debug, Deserialize)]
struct Seen {
    permalink_url: String,
}

impl FacebookPages {
    /// `GET /{post}?fields=permalink_url`, if there is time; else the address that every post has (graph-api.md 5.5).
    pub(super) async fn read_permalink(
        &self,
        job: &Job,
        published: &Published,
        deadline: Deadline,
    ) -> Option<String> {
        let post = published.platform_id.as_deref()?;
        if job.post.content.placement == Placement::Story {
            // A story cannot be read by its id.
            return self.story(Some(post.to_owned()), None).permalink;
        }
        let call = self
            .graph
            .get(&[post], self.auth(job))
            .with("fields", "permalink_url")
            .optional()
            .send::<Seen>();
        let seen = deadline.guard(call).await.ok().and_then(Result::ok);
        Some(seen.map_or_else(
            || match (Thing::published(post), job.post.content.placement) {
                (Thing::Film, Placement::Reel) => {
                    self.film_address(post, Shown::AsReel(Foretold::default()))
                }
                _ => self.graph.address(&[post]).into(),
            },
            |seen| self.seen_at(&seen.permalink_url),
        ))
    }

    /// `POST /{post}` `message=…`, or for a film whose post is not known `description=…`. An empty text takes the text
    /// away.
    pub(super) async fn change_text(
        &self,
        job: &Job,
        caption: Option<&str>,
    ) -> Result<(), Failure> {
        if job.post.content.placement == Placement::Story {
            return Err(no_way("A story has no text that could be changed."));
        }
        let post = live_id(job)?;
        let text = match Thing::published(post) {
            Thing::Film => "description",
            Thing::Post | Thing::Photo => "message",
        };
        self.graph
            .post(Step::Edit, &[post], self.auth(job))
            .with(text, caption.unwrap_or_default())
            .send::<Acknowledged>()
            .await
            .map(drop)
            .map_err(|error| self.graph.failure(&error))
    }

    /// `DELETE /{post}` or `/{video}`. One that is gone already is deleted.
    pub(super) async fn delete_published(&self, job: &Job) -> Result<(), Failure> {
        if job.post.content.placement == Placement::Story {
            return Err(no_way(
                "Facebook lets no app delete a story: delete it in Facebook's own app, or wait until its day is over.",
            ));
        }
        let id = live_id(job)?;
        match self.remove(job, Thing::published(id), id).await {
            Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Deletes what was prepared and never became visible.
    pub(super) async fn discard_prepared(
        &self,
        job: &Job,
        progress: &Progress,
    ) -> Result<(), Failure> {
        // What nobody has used, and no commit names, vanishes by itself.
        let Some(id) = progress.object.as_deref() else {
            return Ok(());
        };
        let thing = match Kept::committed(job, progress) {
            Some(Kept::Post(_)) => Thing::Post,
            Some(Kept::PhotoStory(_)) => Thing::Photo,
            Some(Kept::Video(_) | Kept::Reel(_) | Kept::VideoStory(_)) => Thing::Film,
            None => Thing::published(id),
        };
        self.remove(job, thing, id).await
    }

    /// `DELETE /{id}`.
    ///
    /// "Does not exist" is no proof (graph-api.md 0.3, fact 10): then the thing itself and the list of what is published
    /// are asked, and only if neither knows it the failure is
    /// [`NotFound`](shareville_core::failure::FailureClass::NotFound).
    async fn remove(&self, job: &Job, thing: Thing, id: &str) -> Result<(), Failure> {
        let removed = self
            .graph
            .delete(&[id], self.auth(job))
            .send::<Acknowledged>()
            .await;
        match removed.map_err(|error| self.graph.failure(&error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == FailureClass::NotFound => {
                self.is_unknown(job, thing, id, failure).await
            }
            Err(failure) => Err(failure),
        }
    }

    async fn is_unknown(
        &self,
        job: &Job,
        thing: Thing,
        id: &str,
        failure: Failure,
    ) -> Result<(), Failure> {
        let since = job.post.created_at;
        let found = match thing {
            Thing::Post => self.look_at(job, id, since).await?,
            Thing::Film if job.post.published.platform_id.is_some() => {
                let shown = Shown::AsReel(Foretold::default());
                self.look_at_film(job, id, shown, since).await?
            }
            Thing::Film => match self.read_video(job, id, Need::Ordinary).await {
                Ok(_) => Evidence::Absent,
                Err(error) => Evidence::Unclear(Some(self.graph.failure(&error))),
            },
            Thing::Photo => match self.read_photo(job, id).await {
                Ok(()) => Evidence::Absent,
                Err(failure) => Evidence::Unclear(Some(failure)),
            },
        };
        match found {
            Evidence::Live(_) => Err(Failure::new(
                FailureClass::Unknown,
                "Facebook shows this post and says at the same time that it does not exist: delete it there.",
            )
            .with_code("still_visible")),
            Evidence::Unclear(Some(known)) if known.class == FailureClass::NotFound => Err(failure),
            _ => Err(Failure::new(
                FailureClass::Transient,
                "Facebook did not delete the post. It can be tried again.",
            )),
        }
    }
}

impl Thing {
    /// What the id of something published stands for.
    fn published(id: &str) -> Self {
        match id.contains('_') {
            true => Self::Post,
            false => Self::Film,
        }
    }
}

fn no_way(why: &str) -> Failure {
    Failure::new(FailureClass::Content { retryable: false }, why)
        .with_code(NOT_SUPPORTED)
        .with_action(Action::CheckAccount)
}

/// The published post's id at the platform.
pub(super) fn live_id(job: &Job) -> Result<&str, Failure> {
    job.post.published.platform_id.as_deref().ok_or_else(|| {
        Failure::new(
            FailureClass::Unknown,
            "The post's id at Facebook is not known: change or delete it there.",
        )
    })
}
