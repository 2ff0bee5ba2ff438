//! What can be asked of a post, and how it may say no.

use std::time::Duration;

use serde_json::Value;

use super::{Content, PostStatus, Progress, Published, Repeat};
use crate::{
    clock::Timestamp, connection::Account, event::Actor, failure::Failure, id::GroupId, post::Pace,
};

/// When, by whom and at which pace something happens.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// When, by the store's clock.
    pub now: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// At which pace.
    pub pace: Pace,
}

/// A post to be.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// The account it goes to.
    pub account: &'a Account,
    /// The batch it belongs to.
    pub group: Option<GroupId>,
    /// What it says and shows.
    pub content: Content,
    /// The tenant's own notes.
    pub metadata: serde_json::Map<String, Value>,
    /// How long after its time it may still go out.
    pub give_up_after: Duration,
}

/// What an edit replaces; `None` leaves as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edit {
    /// What it says and shows.
    pub content: Option<Content>,
    /// The tenant's own notes.
    pub metadata: Option<serde_json::Map<String, Value>>,
    /// How long after its time it may still go out.
    pub give_up_after: Option<Duration>,
    /// How long before its time preparing the new content starts.
    pub lead: Duration,
}

/// What a look found out about a commit.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Evidence {
    /// The object is visible.
    Live(Published),
    /// The object itself says that it is visible; which post that is, only a listing tells. Being live and knowing the
    /// id are two facts: the guess counts only if no other post holds it.
    Visible {
        /// What the listing shows.
        guess: Published,
    },
    /// The platform works on it: look again then.
    Pending {
        /// When to look again.
        until: Timestamp,
    },
    /// The object is there, and not visible.
    Absent,
    /// The platform says that the object can never become visible.
    Dead(Failure),
    /// Nothing can be told.
    Unclear(Option<Failure>),
}

/// What can happen to a post.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Change what it says.
    Edit(Edit),
    /// Let it go out at a time.
    Schedule {
        /// When.
        at: Timestamp,
        /// The time zone its author thinks in.
        timezone: Option<String>,
        /// How long before its time preparing starts.
        lead: Duration,
    },
    /// Let it go out now; a failed one is tried again.
    Publish,
    /// Go on with a failed post whose commit is open: a look has just found that it is not live.
    Resume,
    /// A person has looked: the post with the unknown outcome is not live.
    ConfirmNotPublished,
    /// Call it off.
    Cancel,
    /// Remove it from our books.
    Delete,
    /// It was deleted at the platform.
    DeletedAtPlatform,
    /// Somebody says that it was removed at the platform.
    RemovalReported,
    /// Its text was changed at the platform.
    EditedAtPlatform {
        /// The new text.
        caption: Option<String>,
    },
    /// The connection it was to go through is gone.
    ConnectionRemoved,
    /// One of these, asked while its paused lane keeps the post back: nobody is at it, so it does what one that is
    /// scheduled does, as which it is shown.
    AtRest(Box<Self>),

    /// Something was prepared.
    Checkpoint {
        /// What.
        progress: Progress,
        /// When to go on; `None` if at once.
        until: Option<Timestamp>,
        /// What the post's history is to tell of the step.
        note: Option<String>,
    },
    /// Preparing failed.
    PrepareFailed {
        /// Why.
        failure: Failure,
        /// What is left of what was prepared.
        progress: Option<Progress>,
    },
    /// It has to wait, which is no attempt.
    Hold {
        /// Why.
        failure: Failure,
        /// Until when.
        until: Timestamp,
    },
    /// What earlier content had prepared is deleted.
    Discarded,
    /// Deleting what earlier content had prepared failed.
    DiscardFailed {
        /// Why.
        failure: Failure,
    },

    /// The commit call is about to be sent.
    BeginCommit {
        /// What it makes visible.
        progress: Progress,
        /// Whether it may be made again.
        repeat: Repeat,
        /// How long it may take.
        window: Duration,
    },
    /// The commit's answer: visible.
    Live(Published),
    /// The commit's answer: will be visible after processing.
    Accepted {
        /// When to look.
        until: Timestamp,
    },
    /// The commit's answer: no, and nothing was done by that call.
    Refused {
        /// Why.
        failure: Failure,
    },
    /// The commit's answer was lost, or does not tell.
    Uncertain {
        /// What is known about it.
        failure: Failure,
    },
    /// Somebody looked what became of the commit.
    Looked(Evidence),
    /// It is later than it may be.
    Expire,

    /// The first comment is about to be sent.
    BeginComment {
        /// How long the call may take.
        window: Duration,
    },
    /// The first comment is there.
    CommentLive,
    /// The platform refused the first comment, and did nothing.
    CommentRefused {
        /// Why.
        failure: Failure,
    },
    /// The answer about the first comment was lost, or does not tell.
    CommentUncertain {
        /// What is known about it.
        failure: Failure,
    },
    /// A look did not find the first comment.
    CommentAbsent,
    /// A look could not tell.
    CommentUnclear,
}

/// Why a post does not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is so already: nothing is to be done, and the caller gets the post as it is.
    #[error("it is so already")]
    AsItIs,
    /// A commit is under way, so nobody knows yet whether the post is live.
    #[error(
        "a publish call is under way and its outcome is not known yet: wait until the post has settled"
    )]
    CommitInProgress,
    /// Nobody knows whether the post is live.
    #[error(
        "nobody knows whether this post is live: look at the account, then publish it again with \
         `confirmedNotPublished`, or leave it"
    )]
    OutcomeUnknown,
    /// It is live.
    #[error("the post is published already")]
    Published,
    /// A worker is at it.
    #[error("the post is being published: cancel it first, or wait until it has settled")]
    Publishing,
    /// It was called off.
    #[error("the post was canceled: create a new one")]
    Canceled,
    /// It was deleted at the platform.
    #[error("the post was deleted: create a new one")]
    Deleted,
    /// It cannot be called off any more.
    #[error("a post that is {} cannot be canceled", .0.name())]
    NotCancelable(PostStatus),
    /// The time is too long past.
    #[error("the time is more than 5 minutes past: give a time to come, or publish at once")]
    ScheduledInPast,
    /// There is nothing of the kind to settle: the caller works on an outdated post.
    #[error("the post has moved on")]
    MovedOn,
    /// No commit with an unknown outcome is open.
    #[error("`confirmedNotPublished` is for a failed post whose outcome is unknown")]
    NothingToConfirm,
}

impl Refusal {
    /// The refusal's stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AsItIs => "as_it_is",
            Self::CommitInProgress => "commit_in_progress",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Published => "already_published",
            Self::Publishing => "publishing",
            Self::Canceled => "canceled",
            Self::Deleted => "deleted",
            Self::NotCancelable(_) => "not_cancelable",
            Self::ScheduledInPast => "scheduled_in_past",
            Self::MovedOn => "moved_on",
            Self::NothingToConfirm => "nothing_to_confirm",
        }
    }
}
