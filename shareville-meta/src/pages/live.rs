//! What is published: where it can be seen, changing its text, deleting it.
//!
//! Source: graph-api.md 5.5 (D-POSTS; SDK PagePost.json).

use serde::Deserialize;
use shareville_core::{
    clock::Deadline,
    failure::{Failure, FailureClass},
    post::{Evidence, Published},
    publisher::Job,
};

use super::FacebookPages;
use crate::{error::Step, graph::Acknowledged};

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
        let call = self
            .graph
            .get(&[post], self.auth(job))
            .with("fields", "permalink_url")
            .optional()
            .send::<Seen>();
        let seen = deadline.guard(call).await.ok().and_then(Result::ok);
        Some(seen.map_or_else(
            || self.graph.address(post).into(),
            |seen| seen.permalink_url,
        ))
    }

    /// `POST /{post}` `message=…`. An empty text takes the text away.
    pub(super) async fn change_text(
        &self,
        job: &Job,
        caption: Option<&str>,
    ) -> Result<(), Failure> {
        let post = live_id(job)?;
        self.graph
            .post(Step::Edit, &[post], self.auth(job))
            .with("message", caption.unwrap_or_default())
            .send::<Acknowledged>()
            .await
            .map(drop)
            .map_err(|error| self.graph.failure(&error))
    }

    /// `DELETE /{post}`.
    ///
    /// "Does not exist" is no proof (graph-api.md 0.3, fact 10): then the post itself and the list of what is published
    /// are asked, and only if neither knows it the failure is
    /// [`NotFound`](shareville_core::failure::FailureClass::NotFound).
    pub(super) async fn remove(&self, job: &Job, post: &str) -> Result<(), Failure> {
        let removed = self
            .graph
            .delete(&[post], self.auth(job))
            .send::<Acknowledged>()
            .await;
        match removed.map_err(|error| self.graph.failure(&error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == FailureClass::NotFound => {
                self.is_unknown(job, post, failure).await
            }
            Err(failure) => Err(failure),
        }
    }
}

impl FacebookPages {
    async fn is_unknown(&self, job: &Job, post: &str, failure: Failure) -> Result<(), Failure> {
        match self.look_at(job, post, job.post.created_at).await? {
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

/// The published post's id at the platform.
pub(super) fn live_id(job: &Job) -> Result<&str, Failure> {
    job.post.published.platform_id.as_deref().ok_or_else(|| {
        Failure::new(
            FailureClass::Unknown,
            "The post's id at Facebook is not known: change or delete it there.",
        )
    })
}
