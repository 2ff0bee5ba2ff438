//! A post of text, a link or photos.
//!
//! Source: graph-api.md 5.4, 5.5 (D-POSTS; field PROBE).

use serde::Deserialize;
use shareville_core::{
    clock::Timestamp,
    failure::{Failure, FailureClass},
    post::Evidence,
    publisher::Job,
};

use super::{super::FacebookPages, live};
use crate::{graph::Need, look::looked_in_vain};

/// The post as it is now.
#[derive(Debug, Deserialize)]
struct State {
    #[serde(default)]
    is_published: Option<bool>,
    #[serde(default)]
    permalink_url: Option<String>,
}

impl FacebookPages {
    /// The post itself, or else its place in the list of what is published since `since`.
    pub(in super::super) async fn look_at(
        &self,
        job: &Job,
        post: &str,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let state = self
            .graph
            .get(&[post], self.auth(job))
            .needed(Need::Commit)
            .with("fields", "is_published,permalink_url")
            .send::<State>()
            .await;
        match state {
            Ok(state) => Ok(match state.is_published {
                Some(true) => live(post, state.permalink_url),
                Some(false) => Evidence::Absent,
                None => Evidence::Unclear(None),
            }),
            Err(error) => {
                let failure = looked_in_vain(self.graph.failure(&error))?;
                match failure.class {
                    // The read itself has been at fault for weeks: a list may prove that it is live, nothing else.
                    FailureClass::NotFound | FailureClass::Permission => {
                        self.find_listed(job, post, since, failure).await
                    }
                    _ => Ok(Evidence::Unclear(Some(failure))),
                }
            }
        }
    }

    /// The post with exactly this id, among what is published.
    async fn find_listed(
        &self,
        job: &Job,
        post: &str,
        since: Timestamp,
        failure: Failure,
    ) -> Result<Evidence, Failure> {
        let fields = "id,permalink_url,created_time";
        let recent = self.published_since(job, since, fields, Some(post)).await?;
        let found = recent.into_iter().find(|item| item.id == post);
        Ok(match found {
            Some(item) => live(post, item.permalink_url),
            None => Evidence::Unclear(Some(failure)),
        })
    }
}
