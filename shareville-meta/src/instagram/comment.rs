//! The first comment.
//!
//! Source: graph-api.md 6.6 (D-IGCOM; fixtures).

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    clock::{Deadline, Timestamp, TooLate},
    failure::{Failure, FailureClass},
    publisher::{CommentEvidence, Commented, Job},
};

use super::{InstagramAccounts, auth, host};
use crate::{
    comment::{self, Author, first_comment, published_id},
    error::{Effect, Network, Step, effect, too_late},
    graph::{Created, Listed, parse_time},
    look::{Likeness, looked_in_vain},
};

/// The most pages of comments that are read: 500 comments. What lies beyond is not known.
const MAX_LIST_PAGES: usize = 10;

#[derive(Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    text: Option<String>,
    /// Omitted where the app may not see who wrote it.
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    timestamp: Option<Value>,
}

impl InstagramAccounts {
    /// `POST /{media}/comments`, once.
    pub(super) async fn send_comment(&self, job: &Job, deadline: Deadline) -> Commented {
        let (Some(media), Some(message)) = (published_id(job), first_comment(job)) else {
            return Commented::Refused(Failure::new(
                FailureClass::Unknown,
                "The post is live, but Instagram does not tell its id, so it cannot be commented on from here. Write the \
                 comment in the Instagram app.",
            ));
        };
        let call = self
            .graph
            .post(Step::Comment, &[media, "comments"], auth(job))
            .at(host(job))
            .with("message", message)
            .send::<Created>();
        match deadline.guard(call).await {
            Ok(Ok(_)) => Commented::Live,
            Ok(Err(error)) => {
                let failure = self.failure(&error);
                match effect(Step::Comment, &error) {
                    Effect::DidNothing => Commented::Refused(failure),
                    Effect::MayHaveActed => Commented::Uncertain(failure),
                }
            }
            Err(late @ TooLate::NotStarted) => {
                Commented::Refused(too_late(Network::Instagram, late))
            }
            Err(late @ TooLate::Unfinished) => {
                Commented::Uncertain(too_late(Network::Instagram, late))
            }
        }
    }

    /// `GET /{media}/comments`, to its end: the account's own, with this text, not older than the call.
    pub(super) async fn find_comment(
        &self,
        job: &Job,
        since: Timestamp,
    ) -> Result<CommentEvidence, Failure> {
        let (Some(media), Some(message)) = (published_id(job), first_comment(job)) else {
            return Ok(CommentEvidence::Unclear);
        };
        let own = job.account.username.as_deref();
        let mut after: Option<String> = None;
        let mut perhaps = false;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(&[media, "comments"], auth(job))
                .at(host(job))
                .with("fields", "id,text,username,timestamp")
                .with("limit", "50")
                .with_some("after", after.as_deref())
                .send::<Listed<Comment>>()
                .await;
            let list = match list {
                Ok(list) => list,
                Err(error) => {
                    looked_in_vain(self.failure(&error))?;
                    return Ok(CommentEvidence::Unclear);
                }
            };
            for comment in &list.data {
                match comment.likeness(own, message, since) {
                    Likeness::Ours => return Ok(CommentEvidence::Live),
                    Likeness::Perhaps => perhaps = true,
                    Likeness::Another => {}
                }
            }
            after = list.after().map(str::to_owned);
            if after.is_none() {
                return Ok(match perhaps || list.is_cut_off() {
                    true => CommentEvidence::Unclear,
                    false => CommentEvidence::Absent,
                });
            }
        }
        Ok(CommentEvidence::Unclear)
    }
}

impl Comment {
    fn likeness(&self, own: Option<&str>, message: &str, since: Timestamp) -> Likeness {
        let comment = comment::Listed {
            text: self.text.as_deref(),
            author: match (self.username.as_deref(), own) {
                (Some(author), Some(own)) if author.eq_ignore_ascii_case(own) => Author::Own,
                (Some(_), Some(_)) => Author::Another,
                _ => Author::Untold,
            },
            created: self.timestamp.as_ref().and_then(parse_time),
        };
        comment.likeness(message, since)
    }
}
