//! Looking what became of an open commit, and ending what cannot be found out in time.

use std::time::Duration;

use serde_json::json;

use super::{
    Change, Evidence, HoldChange, MAX_ATTEMPTS, MAX_CONTENT_ATTEMPTS, Mark, Moment, Post,
    PostStatus, Published, Refusal,
    settle::{failed, live, open_mark, retry_or_fail},
};
use crate::{
    clock::{Timestamp, later},
    event::EventKind,
    failure::{Failure, FailureClass},
};

/// How often one object is committed at the most, however often workers die: the looks after that find what they find.
const MAX_REPEATS: u32 = 64;

/// How long a platform may say that it works on a post.
const MAX_PENDING: Duration = Duration::from_secs(86_400);

/// The platform works on it.
pub(super) fn pending(post: &Post, until: Timestamp, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    let mark = open_mark(&mut next)?;
    let since = *mark.pending_since.get_or_insert(moment.now);
    let last = later(since, MAX_PENDING);
    mark.settle_by = Some(last);
    if post.status != PostStatus::Failed && moment.now >= last {
        return Ok(outcome_unknown(post, next, moment));
    }
    // However late the platform asks to come back, it has a day and no more.
    let until = match post.status {
        PostStatus::Failed => until,
        _ => until.min(last),
    };
    next.work.due_at = Some(until);
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostWaiting,
        moment,
        json!({"processing": true, "until": until}),
    ))
}

pub(super) fn looked(post: &Post, evidence: Evidence, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    if next.waits_for_reconnect() {
        // Somebody could look, so the token works again.
        next.failure = None;
    }
    let mark = open_mark(&mut next)?;
    mark.looks += 1;
    // Whoever finds a mark cannot tell whether its call was sent.
    mark.uncertain = true;
    // The time for looking runs only while somebody can look: a pause, a dead token or a stopped server starts it anew.
    let overdue = post.work.due_at.is_some_and(|due_at| {
        moment.now > later(due_at, moment.pace.uncertain / 4) && !gives_up(post, moment.now)
    });
    if mark.settle_by.is_none() || overdue {
        mark.settle_by = Some(later(moment.now, moment.pace.uncertain));
    }
    let counts = mark.counts(moment.now, &moment.pace);
    match evidence {
        Evidence::Live(published) => live(&next, published, moment),
        // Nobody has asked whether another post holds the guess.
        Evidence::Visible { .. } => live(&next, Published::default(), moment),
        Evidence::Pending { until } => {
            // What the platform works on is not unpublished: a row of absences ends here.
            mark.absent = 0;
            mark.dead = 0;
            pending(&next, until, moment)
        }
        Evidence::Absent => {
            mark.dead = 0;
            if counts {
                mark.absent += 1;
                mark.counted_at = Some(moment.now);
            }
            if let Some(failure) = refused_for_good(&next, moment.now) {
                return Ok(fail_open(post, next, failure, moment));
            }
            let repeatable = may_repeat(&next, moment.now);
            Ok(inconclusive(
                post,
                next,
                json!({"found": "absent"}),
                repeatable,
                moment,
            ))
        }
        Evidence::Dead(failure) => {
            mark.absent = 0;
            if counts {
                mark.dead += 1;
                mark.counted_at = Some(moment.now);
            }
            if mark.dead < 2 {
                return Ok(inconclusive(
                    post,
                    next,
                    json!({"found": "dead"}),
                    false,
                    moment,
                ));
            }
            next.work.mark = None;
            // Dead or not, where it can be deleted it is, before another takes its place.
            super::apply::set_aside(&mut next.work);
            let mut change = retry_or_fail(post, next, failure, moment);
            change.hold = HoldChange::Lift(post.id);
            Ok(change)
        }
        Evidence::Unclear(failure) => {
            mark.absent = 0;
            mark.dead = 0;
            let data = json!({"found": "unclear", "failure": failure});
            Ok(inconclusive(post, next, data, false, moment))
        }
    }
}

/// Whether the same call on the same object may be made again.
///
/// A worker that dies again and again must not use up the attempts: within the time for looking they are not counted.
pub(crate) fn may_repeat(post: &Post, now: Timestamp) -> bool {
    let Some(mark) = &post.work.mark else {
        return false;
    };
    mark.licenses_repeat() && has_tries_left(post, mark, now) && !gives_up(post, now)
}

/// Whether what the platform answered to the latest call, if it answered, lets the call be made once more.
fn has_tries_left(post: &Post, mark: &Mark, now: Timestamp) -> bool {
    let attempts_left = post.work.attempts < MAX_ATTEMPTS;
    match mark.refusal.as_ref().map(|refusal| refusal.class) {
        // Nobody answered; or to wait, which is no attempt.
        None | Some(FailureClass::RateLimited { .. } | FailureClass::Reauthorize) => {
            let in_time = mark.settle_by.is_none_or(|settle_by| now < settle_by);
            attempts_left || in_time && mark.commits < MAX_REPEATS
        }
        // What says that it does not know the object, which looks have just read, errs.
        Some(FailureClass::Transient | FailureClass::NotFound | FailureClass::Unknown) => {
            attempts_left
        }
        Some(FailureClass::Content { retryable: true }) => {
            post.work.content_attempts < MAX_CONTENT_ATTEMPTS
        }
        Some(_) => false,
    }
}

/// Why a post fails whose call the platform itself refused, once enough looks have found that it did nothing.
fn refused_for_good(post: &Post, now: Timestamp) -> Option<Failure> {
    let mark = post.work.mark.as_ref()?;
    // A refusal speaks for its own call only.
    let refusal = mark.refusal.as_ref().filter(|_| !mark.unanswered)?;
    let is_over = post.is_to_go_out() && mark.is_found_absent() && !has_tries_left(post, mark, now);
    is_over.then(|| refusal.clone())
}

/// Whether it is later than the post may go out.
pub(super) fn gives_up(post: &Post, now: Timestamp) -> bool {
    post.scheduled_at
        .is_some_and(|at| later(at, post.give_up_after) <= now)
}

/// A look that settled nothing: go on looking, commit again, or fail for now and look on.
fn inconclusive(
    post: &Post,
    mut next: Post,
    data: serde_json::Value,
    repeatable: bool,
    moment: &Moment,
) -> Change {
    let (now, pace) = (moment.now, &moment.pace);
    let over = next
        .work
        .mark
        .as_ref()
        .is_some_and(|mark| mark.settle_by.is_some_and(|settle_by| now >= settle_by));
    if post.status != PostStatus::Failed && over && !repeatable {
        return outcome_unknown(post, next, moment);
    }
    let Some(mark) = &next.work.mark else {
        return Change::of(post, next, moment);
    };
    let judged_from = mark.judged_from(pace);
    next.work.due_at = Some(if post.status == PostStatus::Failed {
        later(now, pace.later_look_gap())
    } else if repeatable {
        now
    } else if now < judged_from {
        judged_from
    } else {
        later(now, pace.look_gap(mark.looks))
    });
    Change::of(post, next, moment).tell(EventKind::PostLooked, moment, data)
}

/// Nobody can say within the time set for it.
fn outcome_unknown(post: &Post, mut next: Post, moment: &Moment) -> Change {
    let mut failure = Failure::outcome_unknown();
    failure.platform = next.failure.take().and_then(|last| last.platform);
    fail_open(post, next, failure, moment)
}

/// The post fails, its commit stays open, and looking goes on for a day.
fn fail_open(post: &Post, mut next: Post, failure: Failure, moment: &Moment) -> Change {
    if let Some(mark) = &mut next.work.mark {
        mark.look_until = Some(later(moment.now, moment.pace.later_looking()));
    }
    next.work.due_at = Some(later(moment.now, moment.pace.later_look_gap()));
    let data = json!({"failure": failure});
    next.failure = Some(failure);
    failed(post, next, moment, data)
}

pub(super) fn expire(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if post
        .expires_at()
        .is_none_or(|expires_at| moment.now < expires_at)
    {
        return Err(Refusal::MovedOn);
    }
    let mut next = post.clone();
    match (post.status, post.has_open_commit()) {
        (PostStatus::Failed, _) => {
            // Looked long enough.
            next.work.due_at = None;
            Ok(Change::of(post, next, moment).tell(
                EventKind::PostLooked,
                moment,
                json!({"givenUp": true}),
            ))
        }
        (PostStatus::Published, _) => Ok(super::comment::expire(post, moment)),
        (_, true) => Ok(outcome_unknown(post, next, moment)),
        (_, false) => {
            let failure = Failure::missed(post.failure.as_ref());
            let data = json!({"failure": failure});
            next.failure = Some(failure);
            Ok(failed(post, next, moment, data))
        }
    }
}
