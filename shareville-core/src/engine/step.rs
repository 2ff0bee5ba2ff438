//! What is up next for a post: a pure decision.

use crate::{
    clock::Timestamp,
    post::{FirstCommentStatus, Post, PostStatus, may_repeat},
};

/// What a worker does next for a post it has claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is later than it may be: end it.
    Expire,
    /// Delete what earlier content had prepared.
    Discard,
    /// Prepare, and commit if all is ready.
    Prepare,
    /// Find out what became of an open commit.
    Look,
    /// The same, a last time: then it is later than it may be.
    LastLook,
    /// Make the same call on the same object again: a look of this claim has licensed it.
    Recommit,
    /// Send the first comment.
    Comment,
    /// Find out what became of the first comment.
    LookForComment,
    /// Nothing now: give the lane back.
    Nothing,
}

/// Decides. `looked` says whether this very claim has looked: whoever finds a mark looks first.
pub(super) fn next(post: &Post, now: Timestamp, looked: bool) -> Step {
    if post
        .expires_at()
        .is_some_and(|expires_at| expires_at <= now)
    {
        return match post.has_open_commit() && !looked {
            true => Step::LastLook,
            false => Step::Expire,
        };
    }
    if post.due_at().is_none_or(|due_at| due_at > now) {
        return Step::Nothing;
    }
    let work = &post.work;
    match (post.status, &work.mark) {
        (PostStatus::Scheduled | PostStatus::Publishing, Some(_)) => {
            match looked && may_repeat(post, now) {
                true => Step::Recommit,
                false => Step::Look,
            }
        }
        (PostStatus::Failed, Some(_)) => Step::Look,
        (PostStatus::Scheduled | PostStatus::Publishing, None) if work.superseded.is_empty() => {
            Step::Prepare
        }
        (PostStatus::Published, None)
            if post.first_comment_status == FirstCommentStatus::Pending =>
        {
            match &work.comment {
                Some(mark) if !(looked && mark.licenses_repeat()) => Step::LookForComment,
                _ => Step::Comment,
            }
        }
        // Clears away what is left, and with it the reason to come back.
        _ => Step::Discard,
    }
}
