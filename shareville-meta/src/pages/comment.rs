//! The first comment.
//!
//! Source: graph-api.md 5.9 (SDK Comment.json; field PROBE).

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    clock::{Deadline, Timestamp, TooLate},
    failure::{Failure, FailureClass},
    publisher::{CommentEvidence, Commented, Job},
};

use super::FacebookPages;
use crate::{
    comment::{self, Author, first_comment, published_id},
    error::{Effect, ErrorKind, Network, Step, effect, too_late},
    graph::{Created, Listed, optional_id_text, parse_time},
    look::{Likeness, looked_in_vain},
};

/// The most pages of comments that are read: 1,000 comments. What lies beyond is not known.
const MAX_LIST_PAGES: usize = 10;

#[derive(Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    message: Option<String>,
    /// Omitted where the app may not see who wrote it.
    #[serde(default)]
    from: Option<Writer>,
    #[serde(default)]
    created_time: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Writer {
    #[serde(default, deserialize_with = "optional_id_text")]
    id: Option<String>,
}

impl FacebookPages {
    /// `POST /{post}/comments`, once.
    pub(super) async fn send_comment(&self, job: &Job, deadline: Deadline) -> Commented {
        let (Some(post), Some(message)) = (published_id(job), first_comment(job)) else {
            return Commented::Refused(Failure::new(
                FailureClass::Unknown,
                "There is no published post, or no text, to comment with.",
            ));
        };
        let call = self
            .graph
            .post(Step::Comment, &[post, "comments"], self.auth(job))
            .with("message", message)
            .send::<Created>();
        match deadline.guard(call).await {
            Ok(Ok(_)) => Commented::Live,
            Ok(Err(error)) => {
                let failure = self.graph.failure(&error);
                match effect(Step::Comment, &error) {
                    Effect::DidNothing => Commented::Refused(failure),
                    Effect::MayHaveActed => Commented::Uncertain(failure),
                }
            }
            Err(late @ TooLate::NotStarted) => {
                Commented::Refused(too_late(Network::Facebook, late))
            }
            Err(late @ TooLate::Unfinished) => {
                Commented::Uncertain(too_late(Network::Facebook, late))
            }
        }
    }

    /// `GET /{post}/comments`, to its end: the Page's own, with this text, not older than the call.
    pub(super) async fn find_comment(
        &self,
        job: &Job,
        since: Timestamp,
    ) -> Result<CommentEvidence, Failure> {
        let (Some(post), Some(message)) = (published_id(job), first_comment(job)) else {
            return Ok(CommentEvidence::Unclear);
        };
        let mut after: Option<String> = None;
        let mut perhaps = false;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(&[post, "comments"], self.auth(job))
                .with("fields", "id,message,from,created_time")
                .with("limit", "100")
                .with_some("after", after.as_deref())
                .optional()
                .send::<Listed<Comment>>()
                .await;
            let list = match list {
                Ok(list) => list,
                // Nobody misses it: for want of calls it must not keep the account from publishing.
                Err(error) if error.kind == Some(ErrorKind::Withheld) => {
                    return Ok(CommentEvidence::Unclear);
                }
                Err(error) => {
                    looked_in_vain(self.graph.failure(&error))?;
                    return Ok(CommentEvidence::Unclear);
                }
            };
            for comment in &list.data {
                match comment.likeness(&job.account.platform_id, message, since) {
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
    fn likeness(&self, page: &str, message: &str, since: Timestamp) -> Likeness {
        let author = self.from.as_ref().and_then(|from| from.id.as_deref());
        let comment = comment::Listed {
            text: self.message.as_deref(),
            author: match author {
                Some(author) if author == page => Author::Own,
                Some(_) => Author::Another,
                None => Author::Untold,
            },
            created: self.created_time.as_ref().and_then(parse_time),
        };
        comment.likeness(message, since)
    }
}
