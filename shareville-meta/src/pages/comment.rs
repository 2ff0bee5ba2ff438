//! The first comment.
//!
//! Source: graph-api.md 5.9 (SDK Comment.json; field PROBE).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    clock::{Deadline, Timestamp, TooLate},
    failure::{Failure, FailureClass},
    publisher::{CommentEvidence, Commented, Job},
};

use super::{FacebookPages, commit::too_late, look::looked_in_vain};
use crate::{
    error::{Effect, ErrorKind, Step, effect},
    graph::{Created, Listed, optional_id_text, parse_time},
};

/// The most pages of comments that are read: 1,000 comments. What lies beyond is not known.
const MAX_LIST_PAGES: usize = 10;

/// How far the platform's clock may be behind the store's.
const SKEW: Duration = Duration::from_secs(120);

#[derive(Debug, Deserialize)]
struct Comment {
    #[serde(default)]
    message: Option<String>,
    /// Omitted where the app may not see who wrote it.
    #[serde(default)]
    from: Option<Author>,
    #[serde(default)]
    created_time: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Author {
    #[serde(default, deserialize_with = "optional_id_text")]
    id: Option<String>,
}

/// Whether a comment is the one sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Ours,
    Perhaps,
    Another,
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
            Err(late @ TooLate::NotStarted) => Commented::Refused(too_late(late)),
            Err(late @ TooLate::Unfinished) => Commented::Uncertain(too_late(late)),
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
        let same = self
            .message
            .as_deref()
            .is_some_and(|text| plain(text) == plain(message));
        let created = self.created_time.as_ref().and_then(parse_time);
        let too_old = created.is_some_and(|created| created + SKEW < since);
        let author = self.from.as_ref().and_then(|from| from.id.as_deref());
        match (same && !too_old, author, created) {
            (false, ..) => Likeness::Another,
            (true, Some(author), Some(_)) if author == page => Likeness::Ours,
            (true, Some(author), _) if author != page => Likeness::Another,
            (true, ..) => Likeness::Perhaps,
        }
    }
}

/// A text as the platform may give it back: line ends and outer white space are its own business.
pub(super) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}

fn published_id(job: &Job) -> Option<&str> {
    job.post.published.platform_id.as_deref()
}

fn first_comment(job: &Job) -> Option<&str> {
    job.post.content.first_comment.as_deref()
}
