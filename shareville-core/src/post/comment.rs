//! The first comment: it has its own mark, its own look and its own status, and never changes the post's result.

use std::time::Duration;

use serde_json::json;

use super::{
    Change, Command, CommentMark, FirstCommentStatus, MAX_ATTEMPTS, Moment, Post, PostStatus,
    Refusal,
};
use crate::{
    clock::later,
    event::EventKind,
    failure::{Failure, FailureClass},
};

pub(super) fn apply(post: &Post, command: Command, moment: &Moment) -> Result<Change, Refusal> {
    if post.status != PostStatus::Published
        || post.first_comment_status != FirstCommentStatus::Pending
    {
        return Err(Refusal::MovedOn);
    }
    match command {
        Command::BeginComment { window } => begin(post, window, moment),
        Command::CommentLive => Ok(ended(post, FirstCommentStatus::Published, None, moment)),
        Command::CommentRefused { failure } => refused(post, &failure, moment),
        Command::CommentUncertain { failure } => uncertain(post, &failure, moment),
        Command::CommentAbsent => looked(post, Found::Absent, moment),
        Command::CommentUnclear => looked(post, Found::Unclear, moment),
        // Everything else is handled by the callers up to here.
        _ => Err(Refusal::MovedOn),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Found {
    Absent,
    Unclear,
}

fn begin(post: &Post, window: Duration, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    next.work.comment = Some(match next.work.comment.take() {
        None => CommentMark {
            since: moment.now,
            deadline: later(moment.now, window),
            sends: 1,
            looks: 0,
            absent: 0,
            counted_at: None,
            answered: false,
        },
        Some(open) if open.licenses_repeat() => CommentMark {
            sends: open.sends + 1,
            absent: 0,
            counted_at: None,
            answered: false,
            ..open
        },
        Some(_) => return Err(Refusal::MovedOn),
    });
    Ok(Change::of(post, next, moment)
        .opening(window, &moment.pace)
        .tell(EventKind::PostComment, moment, json!({"state": "sending"})))
}

fn ended(
    post: &Post,
    status: FirstCommentStatus,
    failure: Option<&Failure>,
    moment: &Moment,
) -> Change {
    let mut next = post.clone();
    next.first_comment_status = status;
    next.work.comment = None;
    next.work.due_at = None;
    Change::of(post, next, moment).tell(
        EventKind::PostComment,
        moment,
        json!({"state": status, "failure": failure}),
    )
}

/// The call did nothing. An earlier one may have, so then it is looked for.
fn refused(post: &Post, failure: &Failure, moment: &Moment) -> Result<Change, Refusal> {
    if post
        .work
        .comment
        .as_ref()
        .is_some_and(|mark| mark.sends > 1)
    {
        return uncertain(post, failure, moment);
    }
    let patient = matches!(
        failure.class,
        FailureClass::Transient | FailureClass::RateLimited { .. }
    );
    if !patient {
        return Ok(ended(
            post,
            FirstCommentStatus::Failed,
            Some(failure),
            moment,
        ));
    }
    let until = match failure.class {
        FailureClass::RateLimited {
            until: Some(until), ..
        } => until,
        _ => later(moment.now, moment.pace.unknown_limit()),
    };
    let mut next = post.clone();
    next.work.comment = None;
    next.work.due_at = Some(until);
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostComment,
        moment,
        json!({"state": "waiting", "failure": failure, "until": until}),
    ))
}

/// Nothing more can be done for it in time.
pub(super) fn expire(post: &Post, moment: &Moment) -> Change {
    let status = match post.work.comment {
        Some(_) => FirstCommentStatus::Unknown,
        None => FirstCommentStatus::Failed,
    };
    ended(post, status, None, moment)
}

fn uncertain(post: &Post, failure: &Failure, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    let mark = next.work.comment.as_mut().ok_or(Refusal::MovedOn)?;
    mark.answered = failure.is_the_platforms_own();
    next.work.due_at =
        Some(later(moment.now, moment.pace.grace()).max(mark.judged_from(&moment.pace)));
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostComment,
        moment,
        json!({"state": "uncertain", "failure": failure}),
    ))
}

fn looked(post: &Post, found: Found, moment: &Moment) -> Result<Change, Refusal> {
    let (now, pace) = (moment.now, &moment.pace);
    let mut next = post.clone();
    let mark = next.work.comment.as_mut().ok_or(Refusal::MovedOn)?;
    mark.looks += 1;
    let counts = mark.counts(now, pace);
    match found {
        Found::Absent if counts => {
            mark.absent += 1;
            mark.counted_at = Some(now);
        }
        Found::Absent => {}
        Found::Unclear => mark.absent = 0,
    }
    let again = mark.licenses_repeat() && mark.sends < MAX_ATTEMPTS;
    if !again && now >= later(mark.deadline, pace.uncertain) {
        return Ok(ended(post, FirstCommentStatus::Unknown, None, moment));
    }
    next.work.due_at = Some(match again {
        true => now,
        false => later(now, pace.look_gap(mark.looks)),
    });
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostComment,
        moment,
        json!({"state": "looked", "commentFound": false}),
    ))
}
