//! What the engine finds out about a post: preparing, committing, looking, ending.

use std::time::Duration;

use serde_json::json;

use super::{
    Change, Command, FirstCommentStatus, HoldChange, MAX_ATTEMPTS, MAX_CONTENT_ATTEMPTS, Mark,
    Moment, Post, PostStatus, Progress, Published, Refusal, Repeat,
};
use crate::{
    clock::{Timestamp, later},
    event::EventKind,
    failure::{Failure, FailureClass},
    lane::Hold,
};

/// A wait longer than this shows as `scheduled`, with its reason.
const SHOWN_WAIT: Duration = Duration::from_secs(60);

pub(super) fn apply(post: &Post, command: Command, moment: &Moment) -> Result<Change, Refusal> {
    match command {
        Command::Checkpoint {
            progress,
            until,
            note,
        } => checkpoint(post, progress, until, note, moment),
        Command::PrepareFailed { failure, progress } => {
            prepare_failed(post, failure, progress, moment)
        }
        Command::Hold { failure, until } => hold(post, failure, until, moment),
        Command::Discarded => discarded(post, moment),
        Command::DiscardFailed { failure } => discard_failed(post, failure, moment),
        Command::BeginCommit {
            progress,
            repeat,
            window,
        } => begin_commit(post, progress, repeat, window, moment),
        Command::Live(published) => live(post, published, moment),
        Command::Accepted { until } => super::look::pending(post, until, moment),
        Command::Refused { failure } => refused(post, failure, moment),
        Command::Uncertain { failure } => uncertain(post, failure, moment),
        Command::Looked(evidence) => super::look::looked(post, evidence, moment),
        Command::Expire => super::look::expire(post, moment),
        comment => super::comment::apply(post, comment, moment),
    }
}

fn to_go_out(post: &Post) -> Result<(), Refusal> {
    match post.is_to_go_out() {
        true => Ok(()),
        false => Err(Refusal::MovedOn),
    }
}

/// Nothing is prepared, and nothing that was prepared is deleted, while a commit is open.
const fn unless_committing(post: &Post) -> Result<(), Refusal> {
    match post.has_open_commit() {
        true => Err(Refusal::MovedOn),
        false => Ok(()),
    }
}

pub(super) fn open_mark(post: &mut Post) -> Result<&mut Mark, Refusal> {
    post.work.mark.as_mut().ok_or(Refusal::MovedOn)
}

/// Waits until `until`. A wait that people would notice shows as `scheduled`, unless a commit is open.
fn wait(next: &mut Post, until: Timestamp, now: Timestamp) {
    next.work.due_at = Some(until);
    let long = until > later(now, SHOWN_WAIT) || next.waits_for_reconnect();
    let noticed = long && !next.has_open_commit();
    next.status = match noticed {
        true => PostStatus::Scheduled,
        false => PostStatus::Publishing,
    };
}

fn checkpoint(
    post: &Post,
    progress: Progress,
    until: Option<Timestamp>,
    note: Option<String>,
    moment: &Moment,
) -> Result<Change, Refusal> {
    to_go_out(post)?;
    if post.has_open_commit() || progress.content_revision != post.content_revision {
        return Err(Refusal::MovedOn);
    }
    let mut next = post.clone();
    let mut data = json!({"object": progress.object, "until": until});
    if let Some(note) = note {
        data["note"] = note.into();
    }
    next.work.progress = Some(progress);
    // What it waited for has come.
    next.failure = None;
    wait(&mut next, until.unwrap_or(moment.now), moment.now);
    let kind = match until {
        Some(_) => EventKind::PostWaiting,
        None => EventKind::PostStep,
    };
    Ok(Change::of(post, next, moment).tell(kind, moment, data))
}

fn prepare_failed(
    post: &Post,
    failure: Failure,
    progress: Option<Progress>,
    moment: &Moment,
) -> Result<Change, Refusal> {
    to_go_out(post)?;
    unless_committing(post)?;
    let mut next = post.clone();
    next.work.progress = progress.filter(|made| made.content_revision == post.content_revision);
    if !is_no_attempt(failure.class) {
        next.work.attempts += 1;
    }
    Ok(retry_or_fail(post, next, failure, moment))
}

/// Waits and rate limits are no attempts.
const fn is_no_attempt(class: FailureClass) -> bool {
    matches!(
        class,
        FailureClass::RateLimited { .. } | FailureClass::Reauthorize
    )
}

/// Decides by its class what a failure means for a post that certainly is not live.
pub(super) fn retry_or_fail(
    post: &Post,
    mut next: Post,
    failure: Failure,
    moment: &Moment,
) -> Change {
    let pace = &moment.pace;
    let again = match failure.class {
        // Its author was told that it failed: only a person sends it out again.
        _ if post.status == PostStatus::Failed => None,
        FailureClass::Transient if next.work.attempts < MAX_ATTEMPTS => {
            Some(later(moment.now, pace.back_off(next.work.attempts)))
        }
        FailureClass::Content { retryable: true } => {
            next.work.content_attempts += 1;
            (next.work.content_attempts < MAX_CONTENT_ATTEMPTS)
                .then(|| later(moment.now, pace.back_off(next.work.attempts)))
        }
        FailureClass::RateLimited { until, .. } => {
            let least = later(moment.now, pace.base);
            let until = until.unwrap_or_else(|| later(moment.now, pace.unknown_limit()));
            Some(until.max(least))
        }
        // Up again at once: what keeps it back is its lane, paused until the connection is mended.
        FailureClass::Reauthorize => Some(moment.now),
        _ => None,
    };
    let data = json!({"failure": failure, "attempt": next.work.attempts, "until": again});
    next.failure = Some(failure);
    match again {
        Some(until) => {
            wait(&mut next, until, moment.now);
            Change::of(post, next, moment).tell(EventKind::PostRetrying, moment, data)
        }
        None => failed(post, next, moment, data),
    }
}

pub(super) fn failed(
    post: &Post,
    mut next: Post,
    moment: &Moment,
    data: serde_json::Value,
) -> Change {
    next.status = PostStatus::Failed;
    if !next.has_open_commit() {
        // What was looked for until now, and is found dead, is still to be deleted.
        let is_left = post.status == PostStatus::Failed && !next.work.superseded.is_empty();
        next.work.due_at = is_left.then_some(moment.now);
    }
    Change::of(post, next, moment).tell(EventKind::PostFailed, moment, data)
}

fn hold(
    post: &Post,
    failure: Failure,
    until: Timestamp,
    moment: &Moment,
) -> Result<Change, Refusal> {
    let mut next = post.clone();
    next.work.due_at = Some(until);
    let is_dead = failure.class == FailureClass::Reauthorize;
    if let Some(mark) = &mut next.work.mark
        && (is_dead || mark.pending_since.is_none() && !super::look::gives_up(post, moment.now))
    {
        // Nobody can look until then: the time for looking starts anew. But a platform that works on it has its day,
        // and beyond `giveUpAfter` the time runs on, so that every post ends.
        mark.settle_by = match is_dead {
            true => None,
            false => Some(later(until.max(moment.now), moment.pace.uncertain)),
        };
    }
    let data = json!({"failure": failure, "until": until});
    // A post that has ended keeps the reason why it ended.
    if post.is_to_go_out() {
        next.failure = Some(failure);
        wait(&mut next, until, moment.now);
    }
    Ok(Change::of(post, next, moment).tell(EventKind::PostWaiting, moment, data))
}

fn discarded(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    unless_committing(post)?;
    let mut next = post.clone();
    next.work.superseded.clear();
    next.work.discard_attempts = 0;
    next.work.discard_absences = 0;
    if !post.is_to_go_out() {
        next.work.due_at = None;
    }
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostStep,
        moment,
        json!({"discarded": post.work.superseded.len()}),
    ))
}

fn discard_failed(post: &Post, failure: Failure, moment: &Moment) -> Result<Change, Refusal> {
    unless_committing(post)?;
    let mut next = post.clone();
    if failure.class == FailureClass::NotFound {
        // That has been the platform's own mistake for weeks, so it is believed only when it is said again.
        next.work.discard_absences += 1;
        if next.work.discard_absences >= 2 {
            return discarded(post, moment);
        }
        let until = later(moment.now, moment.pace.look_gap(1));
        next.work.due_at = Some(until);
        let data = json!({"discardFailed": failure, "until": until});
        return Ok(Change::of(post, next, moment).tell(EventKind::PostStep, moment, data));
    }
    next.work.discard_absences = 0;
    next.work.discard_attempts += 1;
    if post.is_to_go_out() {
        next.work.attempts += u32::from(!is_no_attempt(failure.class));
        return Ok(retry_or_fail(post, next, failure, moment));
    }
    // Nothing takes its place: an invisible leftover does no harm, so this ends some time.
    next.work.due_at = (next.work.discard_attempts < MAX_ATTEMPTS)
        .then(|| later(moment.now, moment.pace.back_off(next.work.discard_attempts)));
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostStep,
        moment,
        json!({"discardFailed": failure}),
    ))
}

fn begin_commit(
    post: &Post,
    progress: Progress,
    repeat: Repeat,
    window: Duration,
    moment: &Moment,
) -> Result<Change, Refusal> {
    to_go_out(post)?;
    let early = post.scheduled_at.is_none_or(|at| at > moment.now);
    if early
        || progress.content_revision != post.content_revision
        || !post.work.superseded.is_empty()
    {
        return Err(Refusal::MovedOn);
    }
    let object = progress.object.clone().ok_or(Refusal::MovedOn)?;
    let mut next = post.clone();
    let mark = match next.work.mark.take() {
        None => Mark {
            object,
            repeat,
            since: moment.now,
            deadline: later(moment.now, window),
            commits: 1,
            uncertain: false,
            refusal: None,
            unanswered: false,
            settle_by: None,
            look_until: None,
            pending_since: None,
            looks: 0,
            absent: 0,
            dead: 0,
            counted_at: None,
        },
        // Only the same call on the same object, and only when looking has licensed it.
        Some(open) if open.object == object && open.licenses_repeat() => Mark {
            commits: open.commits + 1,
            uncertain: true,
            unanswered: open.unanswered || open.refusal.is_none(),
            refusal: None,
            absent: 0,
            counted_at: None,
            // What the platform worked on was unpublished after all: it has its day, or the hour, anew.
            settle_by: open.settle_by.filter(|_| open.pending_since.is_none()),
            pending_since: None,
            deadline: later(moment.now, window),
            ..open
        },
        Some(_) => return Err(Refusal::MovedOn),
    };
    let data = json!({"object": mark.object, "commit": mark.commits, "deadlineSeconds": window.as_secs_f64()});
    next.work.mark = Some(mark);
    next.work.progress = Some(progress);
    next.work.attempts += 1;
    next.failure = None;
    next.status = PostStatus::Publishing;
    Ok(Change::of(post, next, moment)
        .opening(window, &moment.pace)
        .tell(EventKind::PostCommit, moment, data))
}

pub(super) fn live(post: &Post, published: Published, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    let mark = next.work.mark.take().ok_or(Refusal::MovedOn)?;
    next.status = PostStatus::Published;
    // It went live at some time after the call was sent; if it was the only one, about when it was sent.
    next.published_at = Some(match mark.uncertain {
        true => mark.since,
        false => moment.now,
    });
    next.published = published;
    next.failure = None;
    next.work.superseded.clear();
    next.work.due_at =
        (next.first_comment_status == FirstCommentStatus::Pending).then_some(moment.now);
    let mut change = Change::of(post, next, moment).tell_plainly(EventKind::PostPublished, moment);
    change.hold = HoldChange::Lift(post.id);
    Ok(change)
}

fn refused(post: &Post, failure: Failure, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    if open_mark(&mut next)?.uncertain {
        let mut post = post.clone();
        if is_no_attempt(failure.class) {
            post.work.attempts = post.work.attempts.saturating_sub(1);
        }
        // It speaks for its own call only, and an earlier one may have acted.
        return uncertain(&post, failure, moment);
    }
    next.work.mark = None;
    if is_no_attempt(failure.class) {
        next.work.attempts = next.work.attempts.saturating_sub(1);
    }
    let mut change = retry_or_fail(post, next, failure, moment);
    change.hold = HoldChange::Lift(post.id);
    Ok(change)
}

fn uncertain(post: &Post, failure: Failure, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    let mark = open_mark(&mut next)?;
    mark.uncertain = true;
    mark.refusal = Some(&failure)
        .filter(|it| it.is_the_platforms_own())
        .cloned();
    // A first look soon can only find it live; absence counts from the deadline and a grace on.
    let soon = later(moment.now, moment.pace.grace());
    let judged_from = mark.judged_from(&moment.pace);
    // Nothing more is sent to a blocked account while that answer is looked into. It has been a lie, so the lane is not
    // paused for it yet: a paused lane cannot look.
    let hold = match &mark.refusal {
        Some(refusal) if refusal.class == FailureClass::Blocked => HoldChange::Set(Hold {
            post: post.id,
            until: later(judged_from, moment.pace.uncertain),
        }),
        _ => HoldChange::Keep,
    };
    if failure.is_the_platforms_own()
        && failure.class == (FailureClass::Content { retryable: true })
    {
        next.work.content_attempts += 1;
    }
    next.work.due_at = Some(match soon < judged_from {
        true => soon,
        false => judged_from.max(moment.now),
    });
    let data =
        json!({"failure": failure, "object": next.work.mark.as_ref().map(|mark| &mark.object)});
    next.failure = Some(failure);
    let mut change = Change::of(post, next, moment).tell(EventKind::PostUncertain, moment, data);
    change.hold = hold;
    Ok(change)
}
