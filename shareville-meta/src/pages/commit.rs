//! Making the prepared post visible, and finding out what became of that.
//!
//! Source: graph-api.md 5.4, 5.5 (D-POSTS; field PROBE).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    clock::{Deadline, Timestamp, TooLate},
    failure::{Failure, FailureClass},
    post::{Evidence, Progress, Published},
    publisher::{Committed, Job},
};

use super::FacebookPages;
use crate::{
    error::{Effect, GraphError, Step, effect},
    graph::{Acknowledged, Listed, id_text, parse_time},
};

/// The most pages of the list of published posts that are read: 500 posts.
const MAX_LIST_PAGES: usize = 5;

/// How much older than the commit a published post may say it is: it may be dated by when it was prepared, and that is
/// within the time that a post may be late.
const OLDEST: Duration = Duration::from_secs(48 * 60 * 60);

/// The post as it is now.
#[derive(Debug, Deserialize)]
struct State {
    #[serde(default)]
    is_published: Option<bool>,
    #[serde(default)]
    permalink_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(deserialize_with = "id_text")]
    id: String,
    #[serde(default)]
    permalink_url: Option<String>,
    #[serde(default)]
    created_time: Option<Value>,
}

impl FacebookPages {
    /// `POST /{post}` `is_published=true`, once.
    pub(super) async fn publish(
        &self,
        job: &Job,
        progress: &Progress,
        deadline: Deadline,
    ) -> Committed {
        let Some(post) = progress.object.as_deref() else {
            return Committed::Refused(Failure::new(
                FailureClass::Unknown,
                "There is no prepared post to publish. Publish it again.",
            ));
        };
        let call = self
            .graph
            .post(Step::Commit, &[post], self.auth(job))
            .with("is_published", "true")
            .send::<Acknowledged>();
        match deadline.guard(call).await {
            Ok(Ok(_)) => Committed::Live(Published {
                platform_id: Some(post.to_owned()),
                permalink: None,
            }),
            Ok(Err(error)) => {
                let failure = self.graph.failure(&error);
                match effect(Step::Commit, &error) {
                    Effect::DidNothing => Committed::Refused(failure),
                    Effect::MayHaveActed => Committed::Uncertain(failure),
                }
            }
            Err(late @ TooLate::NotStarted) => Committed::Refused(too_late(late)),
            Err(late @ TooLate::Unfinished) => Committed::Uncertain(too_late(late)),
        }
    }

    /// `GET /{post}`: only the post itself decides, as long as it can be read.
    pub(super) async fn find_out(
        &self,
        job: &Job,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        match progress.object.as_deref() {
            Some(post) => self.look_at(job, post, since).await,
            None => Ok(Evidence::Unclear(None)),
        }
    }

    /// The post itself, or else its place in the list of what is published since `since`.
    pub(super) async fn look_at(
        &self,
        job: &Job,
        post: &str,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let state = self
            .graph
            .get(&[post], self.auth(job))
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
                    FailureClass::NotFound | FailureClass::Permission => self
                        .find_listed(job, post, since)
                        .await
                        .map(|found| match found {
                            Some(item) => live(post, item.permalink_url),
                            None => Evidence::Unclear(Some(failure)),
                        }),
                    _ => Ok(Evidence::Unclear(Some(failure))),
                }
            }
        }
    }

    /// `GET /{page}/published_posts`: the post with exactly this id.
    async fn find_listed(
        &self,
        job: &Job,
        post: &str,
        since: Timestamp,
    ) -> Result<Option<Item>, Failure> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = match self.published_posts(job, after.as_deref()).await {
                Ok(list) => list,
                Err(error) => return looked_in_vain(self.graph.failure(&error)).map(|_| None),
            };
            after = list.after().map(str::to_owned);
            let outdated = list
                .data
                .last()
                .is_some_and(|item| item.is_older_than(since));
            if let Some(found) = list.data.into_iter().find(|item| item.id == post) {
                return Ok(Some(found));
            }
            if after.is_none() || outdated {
                break;
            }
        }
        Ok(None)
    }

    async fn published_posts(
        &self,
        job: &Job,
        after: Option<&str>,
    ) -> Result<Listed<Item>, Box<GraphError>> {
        self.graph
            .get(
                &[&job.account.platform_id, "published_posts"],
                self.auth(job),
            )
            .with("fields", "id,permalink_url,created_time")
            .with("limit", "100")
            .with_some("after", after)
            .send()
            .await
    }
}

impl Item {
    fn is_older_than(&self, since: Timestamp) -> bool {
        let created = self.created_time.as_ref().and_then(parse_time);
        created.is_some_and(|created| created + OLDEST < since)
    }
}

fn live(post: &str, permalink: Option<String>) -> Evidence {
    Evidence::Live(Published {
        platform_id: Some(post.to_owned()),
        permalink,
    })
}

/// A look that was refused for want of a token, or for a limit, is an error: the lane has to stop. All others tell
/// nothing.
pub(super) fn looked_in_vain(failure: Failure) -> Result<Failure, Failure> {
    match failure.class {
        FailureClass::Reauthorize | FailureClass::RateLimited { .. } => Err(failure),
        _ => Ok(failure),
    }
}

pub(super) fn too_late(late: TooLate) -> Failure {
    let message = match late {
        TooLate::NotStarted => "There was no time left to send it. It is tried again by itself.",
        TooLate::Unfinished => "Facebook did not answer in time. It is looked up by itself.",
    };
    Failure::new(FailureClass::Transient, message)
}
