//! What people ask of a post.

use std::{borrow::Cow, time::Duration};

use chrono::TimeDelta;
use serde_json::json;

use super::{
    Change, Command, Draft, Edit, FirstCommentStatus, HoldChange, Moment, Post, PostStatus,
    Published, Refusal, Work, settle,
};
use crate::{
    clock::{Timestamp, later},
    event::{Event, EventKind, Subject},
    failure::Failure,
    id::{EventId, PostId},
};

/// How far in the past a time may be and still mean "now".
const PAST_TOLERANCE: Duration = Duration::from_secs(300);

/// Whether a time is so long past that it cannot have meant "now": more than five minutes.
#[must_use]
pub fn is_too_old(at: Timestamp, now: Timestamp) -> bool {
    later(at, PAST_TOLERANCE) < now
}

/// Makes a post, as a draft, and the event that tells of it.
#[must_use]
pub fn draft(draft: Draft<'_>, moment: &Moment) -> (Post, Event) {
    let account = draft.account;
    let first_comment_status = comment_status(draft.content.first_comment.as_ref());
    let post = Post {
        id: PostId::generate(),
        tenant: account.tenant,
        user: account.user.clone(),
        account: account.id,
        connection: account.connection,
        lane: account.lane(),
        group: draft.group,
        revision: 1,
        content_revision: 1,
        content: draft.content,
        metadata: draft.metadata,
        status: PostStatus::Draft,
        scheduled_at: None,
        timezone: None,
        give_up_after: draft.give_up_after,
        published_at: None,
        published: Published::default(),
        first_comment_status,
        failure: None,
        work: Work::default(),
        created_at: moment.now,
        updated_at: moment.now,
    };
    let event = Event {
        id: EventId::generate(),
        tenant: post.tenant,
        kind: EventKind::PostCreated,
        subject: Subject::Post(post.id),
        revision: post.revision,
        actor: moment.actor.clone(),
        at: moment.now,
        data: json!({}),
    };
    (post, event)
}

const fn comment_status(comment: Option<&String>) -> FirstCommentStatus {
    match comment {
        Some(_) => FirstCommentStatus::Pending,
        None => FirstCommentStatus::None,
    }
}

/// Computes what a command does to a post.
///
/// It is pure: same post, command and moment, same change.
///
/// # Errors
/// [`Refusal`] says why the post does not do it; [`Refusal::AsItIs`] that it is so already.
pub fn apply(post: &Post, command: Command, moment: &Moment) -> Result<Change, Refusal> {
    match command {
        Command::Edit(edit) => apply_edit(post, edit, moment),
        Command::Schedule { at, timezone, lead } => schedule(post, at, timezone, lead, moment),
        Command::Publish => publish(post, moment),
        Command::Resume => resume(post, moment),
        Command::ConfirmNotPublished => confirm_not_published(post, moment),
        Command::Cancel => cancel(post, moment),
        Command::Delete => delete(post, moment),
        Command::DeletedAtPlatform => deleted_at_platform(post, moment),
        Command::RemovalReported => removal_reported(post, moment),
        Command::EditedAtPlatform { caption } => edited_at_platform(post, caption, moment),
        Command::ConnectionRemoved => connection_removed(post, moment),
        Command::AtRest(command) => apply(&at_rest(post), *command, moment),
        work => settle::apply(post, work, moment),
    }
}

/// The post as one that nobody is at, whatever a worker has begun; but not while its commit is open.
fn at_rest(post: &Post) -> Cow<'_, Post> {
    match post.status {
        PostStatus::Publishing if !post.has_open_commit() => Cow::Owned(Post {
            status: PostStatus::Scheduled,
            ..post.clone()
        }),
        _ => Cow::Borrowed(post),
    }
}

/// Refuses while nobody knows whether the post is live.
const fn unless_open(post: &Post) -> Result<(), Refusal> {
    match (post.has_open_commit(), post.status) {
        (false, _) => Ok(()),
        (true, PostStatus::Failed) => Err(Refusal::OutcomeUnknown),
        (true, _) => Err(Refusal::CommitInProgress),
    }
}

/// Refuses unless the post is still to go out and nobody is at it.
fn unless_under_way(post: &Post) -> Result<(), Refusal> {
    unless_open(post)?;
    match post.status {
        PostStatus::Draft | PostStatus::Scheduled | PostStatus::Failed => Ok(()),
        PostStatus::Publishing => Err(Refusal::Publishing),
        PostStatus::Published => Err(Refusal::Published),
        PostStatus::Canceled => Err(Refusal::Canceled),
        PostStatus::Deleted => Err(Refusal::Deleted),
    }
}

/// Sets aside what was prepared: it must be deleted at the platform before anything new is made.
pub(super) fn set_aside(work: &mut Work) {
    if let Some(progress) = work.progress.take()
        && progress.object.is_some()
    {
        work.superseded.push(progress);
        work.discard_attempts = 0;
    }
}

fn apply_edit(post: &Post, edit: Edit, moment: &Moment) -> Result<Change, Refusal> {
    unless_under_way(post)?;
    let mut next = post.clone();
    if let Some(content) = edit.content.filter(|content| *content != post.content) {
        next.first_comment_status = comment_status(content.first_comment.as_ref());
        next.content = content;
        next.content_revision += 1;
        set_aside(&mut next.work);
        if let (PostStatus::Scheduled, Some(at)) = (next.status, next.scheduled_at) {
            next.work.due_at = Some(begin_at(at, edit.lead));
        }
    }
    if let Some(metadata) = edit.metadata {
        next.metadata = metadata;
    }
    if let Some(give_up_after) = edit.give_up_after {
        next.give_up_after = give_up_after;
    }
    if next == *post {
        return Err(Refusal::AsItIs);
    }
    Ok(Change::of(post, next, moment).tell_plainly(EventKind::PostUpdated, moment))
}

fn schedule(
    post: &Post,
    at: Timestamp,
    timezone: Option<String>,
    lead: Duration,
    moment: &Moment,
) -> Result<Change, Refusal> {
    unless_under_way(post)?;
    if post.status == PostStatus::Scheduled
        && post.scheduled_at == Some(at)
        && (timezone.is_none() || timezone == post.timezone)
    {
        return Err(Refusal::AsItIs);
    }
    if is_too_old(at, moment.now) {
        return Err(Refusal::ScheduledInPast);
    }
    let mut next = ready_to_go(post);
    next.scheduled_at = Some(at);
    next.timezone = timezone.or(next.timezone);
    next.work.due_at = Some(begin_at(at, lead));
    Ok(Change::of(post, next, moment).tell_plainly(EventKind::PostScheduled, moment))
}

/// When preparing starts for a post that goes out at `at`.
fn begin_at(at: Timestamp, lead: Duration) -> Timestamp {
    TimeDelta::from_std(lead)
        .ok()
        .and_then(|lead| at.checked_sub_signed(lead))
        .unwrap_or(at)
}

/// The post as one that has not been tried yet. An object that exists at the platform is used again; single pictures
/// are not, since the platform forgets them after a day.
fn ready_to_go(post: &Post) -> Post {
    let mut next = post.clone();
    next.status = PostStatus::Scheduled;
    next.failure = None;
    next.work.attempts = 0;
    next.work.content_attempts = 0;
    next.work.discard_attempts = 0;
    next.work.progress = next.work.progress.filter(|made| made.object.is_some());
    next
}

fn publish(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if post.status == PostStatus::Publishing {
        return Err(Refusal::AsItIs);
    }
    unless_under_way(post)?;
    let mut next = ready_to_go(post);
    next.scheduled_at = Some(moment.now);
    next.work.due_at = Some(moment.now);
    Ok(Change::of(post, next, moment).tell_plainly(EventKind::PostScheduled, moment))
}

fn resume(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    let mut next = post.clone();
    let (PostStatus::Failed, Some(mark)) = (post.status, &mut next.work.mark) else {
        return Err(Refusal::MovedOn);
    };
    mark.settle_by = None;
    mark.pending_since = None;
    mark.look_until = None;
    // A person has it sent again, whatever the platform said of it.
    mark.refusal = None;
    next.status = PostStatus::Publishing;
    next.failure = None;
    next.scheduled_at = Some(moment.now);
    next.work.attempts = 0;
    next.work.content_attempts = 0;
    next.work.due_at = Some(moment.now);
    Ok(Change::of(post, next, moment).tell_plainly(EventKind::PostScheduled, moment))
}

fn confirm_not_published(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if !(post.status == PostStatus::Failed && post.has_open_commit()) {
        return Err(Refusal::NothingToConfirm);
    }
    let mut closed = post.clone();
    closed.work.mark = None;
    // The person may be wrong, or the platform may act late: the object must be gone before another takes its place.
    set_aside(&mut closed.work);
    let mut next = ready_to_go(&closed);
    next.scheduled_at = Some(moment.now);
    next.work.due_at = Some(moment.now);
    let mut change = Change::of(post, next, moment).tell(
        EventKind::PostScheduled,
        moment,
        json!({"confirmedNotPublished": true}),
    );
    change.hold = HoldChange::Lift(post.id);
    Ok(change)
}

fn cancel(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    match post.status {
        PostStatus::Canceled => return Err(Refusal::AsItIs),
        PostStatus::Failed if post.has_open_commit() => return Err(Refusal::OutcomeUnknown),
        PostStatus::Published | PostStatus::Failed | PostStatus::Deleted => {
            return Err(Refusal::NotCancelable(post.status));
        }
        PostStatus::Draft | PostStatus::Scheduled | PostStatus::Publishing => unless_open(post)?,
    }
    let mut next = post.clone();
    next.status = PostStatus::Canceled;
    next.failure = None;
    set_aside(&mut next.work);
    // What was prepared is cleared away.
    next.work.due_at = (!next.work.superseded.is_empty()).then_some(moment.now);
    Ok(Change::of(post, next, moment).tell_plainly(EventKind::PostCanceled, moment))
}

fn delete(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if post.status != PostStatus::Canceled {
        unless_under_way(post)?;
    }
    let mut change =
        Change::of(post, post.clone(), moment).tell_plainly(EventKind::PostDeleted, moment);
    change.next = None;
    Ok(change)
}

fn deleted_at_platform(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    match post.status {
        PostStatus::Published => {}
        PostStatus::Deleted => return Err(Refusal::AsItIs),
        _ => return Err(Refusal::MovedOn),
    }
    let mut next = post.clone();
    next.status = PostStatus::Deleted;
    next.work = Work {
        attempts: post.work.attempts,
        ..Work::default()
    };
    if next.first_comment_status == FirstCommentStatus::Pending {
        next.first_comment_status = FirstCommentStatus::Unknown;
    }
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostDeleted,
        moment,
        json!({"platform": true}),
    ))
}

/// It is written down, and changes nothing: it may not be so.
fn removal_reported(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    match post.status {
        PostStatus::Published => Ok(Change::of(post, post.clone(), moment)
            .tell_plainly(EventKind::PostRemovalReported, moment)),
        _ => Err(Refusal::MovedOn),
    }
}

fn edited_at_platform(
    post: &Post,
    caption: Option<String>,
    moment: &Moment,
) -> Result<Change, Refusal> {
    if post.status != PostStatus::Published {
        return Err(Refusal::MovedOn);
    }
    let mut next = post.clone();
    next.content.caption = caption;
    Ok(Change::of(post, next, moment).tell(
        EventKind::PostUpdated,
        moment,
        json!({"platform": true}),
    ))
}

/// Whatever was left to do for a post that has ended cannot be done any more.
fn nothing_more(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if post.work.due_at.is_none() {
        return Err(Refusal::AsItIs);
    }
    let mut next = post.clone();
    next.work.due_at = None;
    if next.first_comment_status == FirstCommentStatus::Pending {
        next.first_comment_status = match next.work.comment.take() {
            Some(_) => FirstCommentStatus::Unknown,
            None => FirstCommentStatus::Failed,
        };
    }
    let data = json!({"left": "connection_removed"});
    Ok(Change::of(post, next, moment).tell(EventKind::PostStep, moment, data))
}

fn connection_removed(post: &Post, moment: &Moment) -> Result<Change, Refusal> {
    if !post.is_to_go_out() && !post.has_open_commit() {
        return nothing_more(post, moment);
    }
    let failure = match (post.status, post.has_open_commit()) {
        (PostStatus::Scheduled | PostStatus::Publishing, false) => Failure::connection_removed(),
        (PostStatus::Scheduled | PostStatus::Publishing, true) => Failure::outcome_unknown(),
        (PostStatus::Failed, true) if post.work.due_at.is_some() => Failure::outcome_unknown(),
        _ => return Err(Refusal::AsItIs),
    };
    let mut next = post.clone();
    next.status = PostStatus::Failed;
    next.failure = Some(failure);
    // Nobody can look any more: the token is about to be erased.
    next.work.due_at = None;
    let mut change = Change::of(post, next, moment).tell_plainly(EventKind::PostFailed, moment);
    change.hold = HoldChange::Lift(post.id);
    Ok(change)
}
