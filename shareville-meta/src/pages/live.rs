//! What is published: where it can be seen, changing its text, deleting it.
//!
//! Source: graph-api.md 5.5 (D-POSTS; SDK PagePost.json).

use serde::Deserialize;
use shareville_core::{
    clock::Deadline,
    failure::{Failure, FailureClass},
    post::Published,
    publisher::Job,
};

use super::FacebookPages;
use crate::{error::Step, graph::Acknowledged};

#[derive(Debug, Deserialize)]
struct Seen {
    permalink_url: String,
}

impl FacebookPages {
    /// `GET /{post}?fields=permalink_url`, if there is time.
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
            .send::<Seen>();
        Some(deadline.guard(call).await.ok()?.ok()?.permalink_url)
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

    /// `DELETE /{post}`. One that is not there is deleted.
    pub(super) async fn remove(&self, job: &Job, post: &str) -> Result<(), Failure> {
        let removed = self
            .graph
            .delete(&[post], self.auth(job))
            .send::<Acknowledged>()
            .await;
        match removed.map_err(|error| self.graph.failure(&error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == FailureClass::NotFound => Ok(()),
            Err(failure) => Err(failure),
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
