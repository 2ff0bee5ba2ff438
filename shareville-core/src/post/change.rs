//! A change: what a store executes in one atomic step, or refuses as stale.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Moment, Pace, Post};
use crate::{
    clock::{Timestamp, later},
    event::{Event, EventKind, Subject},
    id::{EventId, PostId, RequestId, TenantId},
    lane::{ClaimRef, Hold, Pause},
};

/// What becomes of the hold on the post's lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HoldChange {
    /// Stays as it is.
    #[default]
    Keep,
    /// The post's commit holds the lane.
    Set(Hold),
    /// Ends, if it is this post's.
    Lift(PostId),
}

/// A change to one post, with what must still be true for it.
///
/// A store reads its own clock inside the step and writes what [`stamped`](Self::stamped) gives for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The tenant.
    pub tenant: TenantId,
    /// The post.
    pub post: PostId,
    /// The revision it must still have.
    pub revision: u64,
    /// The claim that must still hold.
    pub claim: Option<ClaimRef>,
    /// The post afterwards; `None` removes it.
    pub next: Option<Post>,
    /// What is told of it.
    pub events: Vec<Event>,
    /// What becomes of the hold on its lane.
    pub hold: HoldChange,
    /// A pause for its lane, if the lane must stand still.
    pub pause: Option<Pause>,
    /// Whether the claim ends with it.
    pub release: bool,
    /// For a commit or comment that is about to be sent: how long it may take, and the grace after that.
    pub(super) window: Option<(Duration, Duration)>,
}

/// What a store answers to a change it has executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// When, by the store's clock.
    pub now: Timestamp,
}

impl Change {
    pub(super) fn of(post: &Post, mut next: Post, moment: &Moment) -> Self {
        next.revision = post.revision + 1;
        next.updated_at = moment.now;
        Self {
            tenant: post.tenant,
            post: post.id,
            revision: post.revision,
            claim: None,
            next: Some(next),
            events: Vec::new(),
            hold: HoldChange::Keep,
            pause: None,
            release: false,
            window: None,
        }
    }

    /// Tells of it. A public event carries the post as it is afterwards.
    pub(super) fn tell(mut self, kind: EventKind, moment: &Moment, mut data: Value) -> Self {
        if kind.is_public() {
            // A post is plain data with string keys, which always has a JSON form.
            data["post"] = serde_json::to_value(&self.next).unwrap_or_default();
        }
        self.events.push(Event {
            id: EventId::generate(),
            tenant: self.tenant,
            kind,
            subject: Subject::Post(self.post),
            revision: self.revision + 1,
            actor: moment.actor.clone(),
            at: moment.now,
            data,
        });
        self
    }

    /// Adds a particular to what was told last.
    #[must_use]
    pub(crate) fn noting(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(event) = self.events.last_mut() {
            event.data[name] = value.into();
        }
        self
    }

    pub(super) fn tell_plainly(self, kind: EventKind, moment: &Moment) -> Self {
        self.tell(kind, moment, json!({}))
    }

    /// Marks a call that is about to be sent: its times are the store's to fill in.
    pub(super) fn opening(mut self, window: Duration, pace: &Pace) -> Self {
        self.window = Some((window, pace.grace()));
        self
    }

    /// Two changes of one post as one: `second` was computed from what `first` leaves.
    #[must_use]
    pub(crate) fn joined(first: Option<Self>, mut second: Self) -> Self {
        if let Some(first) = first {
            second.revision = first.revision;
            second.events.splice(0..0, first.events);
        }
        second
    }

    /// The same, asked for by a request: its id stands in the events, and, where the post is set going by it, with the
    /// post, so that workers name it in what they log of their calls.
    #[must_use]
    pub fn asked_by(mut self, request: Option<&RequestId>) -> Self {
        let sets_going = self
            .events
            .iter()
            .any(|event| event.kind == EventKind::PostScheduled);
        if let (Some(next), true) = (&mut self.next, sets_going) {
            next.work.request = request.cloned();
        }
        let events = self.events.into_iter();
        self.events = events.map(|event| event.asked_by(request)).collect();
        self
    }

    /// The same, valid only while the claim holds, and ending it if `release` says so.
    #[must_use]
    pub fn under(mut self, claim: ClaimRef) -> Self {
        self.claim = Some(claim);
        self
    }

    /// The same, ending the claim.
    #[must_use]
    pub const fn releasing(mut self) -> Self {
        self.release = true;
        self
    }

    /// The same, with a pause for the post's lane.
    #[must_use]
    pub const fn pausing(mut self, pause: Pause) -> Self {
        self.pause = Some(pause);
        self
    }

    /// Whether it can be executed only while the tenant is active: nothing new is committed for one that is not, and
    /// what is being committed, or follows it, goes on. Once a store has said that a tenant is switched off, no mark of
    /// a commit is written any more; the call of one that was written before may still be sent.
    #[must_use]
    pub fn needs_active_tenant(&self) -> bool {
        let mut events = self.events.iter();
        events.any(|event| event.kind == EventKind::PostCommit)
    }

    /// Whether a call to the platform is about to be sent under it.
    pub(crate) const fn opens_call(&self) -> bool {
        self.window.is_some()
    }

    /// The same with its times by the store's clock: a mark's deadline is the store's, whatever the worker's clock says.
    #[must_use]
    pub fn stamped(mut self, now: Timestamp) -> Self {
        let (Some((window, grace)), Some(post)) = (self.window, &mut self.next) else {
            return self;
        };
        let deadline = later(now, window);
        let judged_from = later(deadline, grace);
        if let Some(comment) = &mut post.work.comment {
            comment.deadline = deadline;
            if comment.sends == 1 {
                comment.since = now;
            }
        }
        if let Some(mark) = &mut post.work.mark {
            mark.deadline = deadline;
            if mark.commits == 1 {
                mark.since = now;
            }
            self.hold = HoldChange::Set(Hold {
                post: self.post,
                until: judged_from,
            });
        }
        post.work.due_at = Some(judged_from);
        self
    }
}
