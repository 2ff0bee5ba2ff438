//! Posts, and the rules by which they change.
//!
//! [`apply`] is pure and the only place where a post changes: a store executes the [`Change`] it computes in one atomic
//! step, or answers that the post has changed meanwhile.

mod apply;
mod change;
mod command;
mod comment;
mod content;
mod look;
mod mark;
mod pace;
mod settle;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::{
    apply::{apply, draft, is_too_old},
    change::{Applied, Change, HoldChange},
    command::{Command, Draft, Edit, Evidence, Moment, Refusal},
    content::{Content, FacebookOptions, InstagramOptions, Options, Placement},
    mark::{CommentMark, Mark, Progress, Repeat},
    pace::{MAX_ATTEMPTS, MAX_CONTENT_ATTEMPTS, Pace},
};
pub(crate) use self::{look::may_repeat, pace::back_off};
use crate::{
    clock::{Timestamp, later},
    failure::{Failure, FailureClass},
    id::{AccountId, ConnectionId, GroupId, PostId, RequestId, TenantId, UserId},
    lane::Lane,
};

/// Whether a stored record leaves a field out: reading it back gives the same.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How long after a post went live its first comment may still be sent or looked for.
const COMMENT_LIFE: Duration = Duration::from_secs(86_400);

/// Where a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PostStatus {
    /// Being written: nothing happens by itself.
    Draft,
    /// Goes out at its time, or waits to be tried again.
    Scheduled,
    /// A worker has begun.
    Publishing,
    /// Live.
    Published,
    /// Not live, or nobody knows; the failure says which.
    Failed,
    /// Called off.
    Canceled,
    /// Was live, and was deleted at the platform.
    Deleted,
}

impl PostStatus {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Scheduled,
        Self::Publishing,
        Self::Published,
        Self::Failed,
        Self::Canceled,
        Self::Deleted,
    ];

    /// The status's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Deleted => "deleted",
        }
    }
}

/// What became of a post's first comment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstCommentStatus {
    /// There is none.
    #[default]
    None,
    /// Not yet there.
    Pending,
    /// There.
    Published,
    /// Refused by the platform.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// What the platform calls a post that is live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Published {
    /// The platform's id; `None` while only its being live is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_id: Option<String>,
    /// Where it can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permalink: Option<String>,
}

/// What the engine keeps of a post between its steps. Of most posts that is nothing yet, or no more.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// When the engine next has something to do for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// How often publishing was tried since it was last asked for.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: u32,
    /// How often content was refused that might yet be taken.
    #[serde(skip_serializing_if = "is_default")]
    pub content_attempts: u32,
    /// What was prepared at the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What earlier content had prepared, to be deleted before anything new is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Progress>,
    /// How often that deletion failed.
    #[serde(skip_serializing_if = "is_default")]
    pub discard_attempts: u32,
    /// How often in a row the platform said that it knows of no such thing.
    #[serde(skip_serializing_if = "is_default")]
    pub discard_absences: u32,
    /// The open commit. While it is there, nobody knows whether the post is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// The open first comment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<CommentMark>,
    /// The request that last set it going: what workers log of the post names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

/// A post, for one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Its id.
    pub id: PostId,
    /// The tenant.
    pub tenant: TenantId,
    /// The end user whose account it goes to.
    pub user: UserId,
    /// The account it goes to.
    pub account: AccountId,
    /// The connection that account came with.
    pub connection: ConnectionId,
    /// The lane it goes in.
    pub lane: Lane,
    /// The batch it was created in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Raised by each change: fence, `ETag` and webhook sequence in one.
    pub revision: u64,
    /// Raised by edits only: what was prepared for an older one is of no use.
    pub content_revision: u32,
    /// What it says and shows.
    pub content: Content,
    /// The tenant's own notes.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, Value>,
    /// Where it stands.
    pub status: PostStatus,
    /// When it is to go out: never before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_at: Option<Timestamp>,
    /// The time zone its author thinks in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How long after its time it may still go out.
    pub give_up_after: Duration,
    /// When it went live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// What the platform calls it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub published: Published,
    /// What became of its first comment.
    #[serde(default, skip_serializing_if = "is_default")]
    pub first_comment_status: FirstCommentStatus,
    /// What went wrong last, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the engine keeps between its steps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub work: Work,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Post {
    /// When the engine next has something to do for it.
    #[must_use]
    pub const fn due_at(&self) -> Option<Timestamp> {
        self.work.due_at
    }

    /// When it must end, whatever holds it up: every post ends.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.work.due_at?;
        match (self.status, &self.work.mark) {
            (PostStatus::Scheduled | PostStatus::Publishing, mark) => {
                let given_up = later(self.scheduled_at?, self.give_up_after);
                let settled = mark.as_ref().and_then(|mark| mark.settle_by);
                Some(settled.map_or(given_up, |settled| settled.max(given_up)))
            }
            (PostStatus::Failed, Some(mark)) => mark.look_until,
            (PostStatus::Published, None) => Some(later(self.published_at?, COMMENT_LIFE)),
            _ => None,
        }
    }

    /// By which time lists are ordered and filtered: when it went out, else is to go out, else was created.
    #[must_use]
    pub fn listed_at(&self) -> Timestamp {
        self.published_at
            .or(self.scheduled_at)
            .unwrap_or(self.created_at)
    }

    /// When a worker will next try, where it waits.
    #[must_use]
    pub fn next_attempt_at(&self) -> Option<Timestamp> {
        match self.status {
            _ if self.waits_for_reconnect() => None,
            PostStatus::Scheduled | PostStatus::Publishing => {
                match (self.work.due_at, self.scheduled_at) {
                    // Preparing may start before its time, but it does not go out before.
                    (Some(due), Some(scheduled)) => Some(due.max(scheduled)),
                    (due, _) => due,
                }
            }
            _ => None,
        }
    }

    /// Whether it is still to go out.
    #[must_use]
    pub const fn is_to_go_out(&self) -> bool {
        matches!(self.status, PostStatus::Scheduled | PostStatus::Publishing)
    }

    /// Whether anything may still happen to it by itself, or nobody knows whether it is live.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        self.is_to_go_out() || self.has_open_commit() || self.work.due_at.is_some()
    }

    /// Whether the platform's answer to a commit is still open.
    #[must_use]
    pub const fn has_open_commit(&self) -> bool {
        self.work.mark.is_some()
    }

    /// Whether it waits for the end user to connect again, and so for no particular time.
    #[must_use]
    pub fn waits_for_reconnect(&self) -> bool {
        let reason = self.failure.as_ref().map(|failure| failure.class);
        self.is_to_go_out() && reason == Some(FailureClass::Reauthorize)
    }

    /// What was prepared for the content as it is now.
    #[must_use]
    pub fn current_progress(&self) -> Option<&Progress> {
        self.work
            .progress
            .as_ref()
            .filter(|progress| progress.content_revision == self.content_revision)
    }
}
