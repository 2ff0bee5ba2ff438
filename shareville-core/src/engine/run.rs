//! One claim, from its first step until the lane is given back.

use std::{panic::AssertUnwindSafe, sync::Arc};

use chrono::TimeDelta;
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    lease::Lease,
    step::{self, Step},
    writer::{NotWritten, Writer},
};
use crate::{
    clock::{Timestamp, later},
    connection::{Connection, ConnectionStatus},
    event::Actor,
    failure::{Failure, FailureClass, LimitScope},
    id::RequestId,
    lane::{Pause, PauseReason},
    meter,
    post::{Change, Command, Evidence, Moment, Post, PostStatus, Refusal, apply},
    publisher::Job,
    shareville::Shareville,
    store::{Claim, PauseScope},
    tenant::Tenant,
};

/// How long a blocked account is left alone.
const BLOCK: TimeDelta = TimeDelta::hours(24);

/// Whether there is more to do in this claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    Over,
}

/// One claim being worked on.
pub(super) struct Run {
    pub(super) shareville: Shareville,
    writer: Writer,
    pub(super) lease: Lease,
    tenant: Arc<Tenant>,
    pub(super) connection: Connection,
    job: Option<Job>,
    pub(super) post: Arc<Post>,
    pub(super) account: Arc<crate::connection::Account>,
    /// How far the store's clock is ahead of ours.
    ahead: TimeDelta,
    pub(super) shutdown: CancellationToken,
    resumed: bool,
    pub(super) looked: bool,
    released: bool,
    reread: bool,
}

impl Run {
    pub(super) fn new(
        shareville: Shareville,
        writer: Writer,
        lease: Lease,
        claim: Claim,
        ahead: TimeDelta,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            shareville,
            writer,
            lease,
            tenant: claim.tenant,
            connection: claim.connection,
            job: None,
            post: Arc::new(claim.post),
            account: Arc::new(claim.account),
            ahead,
            shutdown,
            resumed: true,
            looked: false,
            released: false,
            reread: false,
        }
    }

    /// Works until the post waits or has settled, or the claim is lost; gives the lane back.
    pub(super) async fn until_over(mut self) {
        // The request's id ties it to the request that set the post going, perhaps weeks ago, in another process.
        let span = tracing::info_span!(
            "publish",
            post = %self.post.id,
            tenant = %self.tenant.id,
            request_id = self.post.work.request.as_ref().map(RequestId::as_str),
        );
        async {
            let lost = self.lease.lost();
            // What a step leaves behind that panics is the post as it was last written, which is whole.
            let steps = AssertUnwindSafe(Box::pin(self.steps())).catch_unwind();
            match lost.run_until_cancelled(steps).await {
                Some(Ok(())) => {}
                Some(Err(_)) => self.panicked().await,
                None => {
                    tracing::warn!("the claim was lost: another worker goes on");
                    return;
                }
            }
            if !self.released
                && let Err(error) = self
                    .shareville
                    .store()
                    .release(&[self.lease.claim.clone()])
                    .await
            {
                tracing::warn!(%error, "a claim could not be given back: it runs out by itself");
            }
        }
        .instrument(span)
        .await;
    }

    async fn steps(&mut self) {
        loop {
            let flow = match step::next(&self.post, self.now(), self.looked) {
                Step::Nothing => Flow::Over,
                Step::Expire => self.write(Command::Expire, None).await,
                step => match self.obstacle(step) {
                    Some(failure) => self.blocked(step, failure).await,
                    None => self.take(step).await,
                },
            };
            if flow == Flow::Over {
                return;
            }
        }
    }

    /// A step that panics is a failure like others: else its post would come up for ever, each time until its lease ends.
    async fn panicked(&mut self) {
        tracing::error!("a step panicked: this is counted as a failure of it");
        let message = "Something broke within this server. It is tried again by itself.";
        let failure = Failure::new(FailureClass::Transient, message);
        let command = match step::next(&self.post, self.now(), false) {
            Step::Nothing => return,
            Step::Expire | Step::LastLook => Command::Expire,
            Step::Prepare => Command::PrepareFailed {
                failure,
                progress: self.post.current_progress().cloned(),
            },
            Step::Discard => Command::DiscardFailed { failure },
            // Nothing was sent.
            Step::Comment if self.post.work.comment.is_none() => {
                Command::CommentRefused { failure }
            }
            Step::Comment | Step::LookForComment => Command::CommentUnclear,
            Step::Look | Step::Recommit => Command::Looked(Evidence::Unclear(Some(failure))),
        };
        self.write(command, None).await;
    }

    /// Now, by the store's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.shareville.clock().now() + self.ahead
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            actor: Actor::Worker,
            pace: self.shareville.settings().pace(),
        }
    }

    /// What keeps a step from being taken at all: nothing new is committed for an inactive tenant, and nothing can be
    /// done with a dead token.
    fn obstacle(&self, step: Step) -> Option<Failure> {
        let begins = matches!(step, Step::Prepare | Step::Recommit);
        let reason = if self.connection.status != ConnectionStatus::Active {
            PauseReason::ConnectionBroken
        } else if begins && !self.tenant.active {
            PauseReason::TenantInactive
        } else {
            return None;
        };
        Some(Failure::paused(reason, self.later_on()))
    }

    /// When to try again what nobody can tell when to try again.
    pub(super) fn later_on(&self) -> Timestamp {
        let unknown = self.shareville.settings().pace().unknown_limit();
        later(self.now(), unknown)
    }

    /// A publisher's own idea of when to come back, which does not know our clock: never at once.
    pub(super) fn soonest(&self, until: Timestamp) -> Timestamp {
        until.max(later(self.now(), self.shareville.settings().retry_base))
    }

    /// A step cannot be taken: what has ended does not wait for it for ever.
    async fn blocked(&mut self, step: Step, failure: Failure) -> Flow {
        match step {
            // Nothing was sent; but what an earlier worker has sent stays unknown.
            Step::Comment if self.post.work.comment.is_none() => {
                self.write(Command::CommentRefused { failure }, None).await
            }
            Step::Comment | Step::LookForComment => self.write(Command::CommentUnclear, None).await,
            Step::Discard if !self.post.is_to_go_out() => {
                self.write(Command::DiscardFailed { failure }, None).await
            }
            Step::LastLook => self.write(Command::Expire, None).await,
            _ => self.unable(failure).await,
        }
    }

    async fn take(&mut self, step: Step) -> Flow {
        let Some(publisher) = self.shareville.publisher(&self.account.provider).cloned() else {
            let message = format!("This server cannot publish to {}.", self.account.provider);
            let failure = Failure::new(FailureClass::Config, message);
            return self.blocked(step, failure).await;
        };
        let job = match self.job() {
            Ok(job) => job,
            Err(failure) => return self.blocked(step, failure).await,
        };
        self.resumed = false;
        let publisher = publisher.as_ref();
        match step {
            Step::Prepare => self.prepare(publisher, &job).await,
            Step::Look | Step::LastLook => self.look(publisher, &job, step).await,
            Step::Recommit => match self.post.work.progress.clone() {
                Some(progress) => self.commit(publisher, &job, progress).await,
                None => Flow::Over,
            },
            Step::Discard => self.discard(publisher, &job).await,
            Step::Comment => self.comment(publisher, &job).await,
            Step::LookForComment => self.look_for_comment(publisher, &job).await,
            Step::Expire | Step::Nothing => Flow::Over,
        }
    }

    fn job(&mut self) -> Result<Job, Failure> {
        let access = match self.job.take() {
            Some(job) => job.access,
            None => self
                .shareville
                .access(&self.tenant, &self.connection, &self.account)?,
        };
        let job = Job {
            post: Arc::clone(&self.post),
            account: Arc::clone(&self.account),
            access,
            media: Arc::clone(self.shareville.media()),
            resumed: self.resumed,
        };
        self.job = Some(job.clone());
        Ok(job)
    }

    /// Nothing can be done for it here: it waits, and ends when its time is over.
    async fn unable(&mut self, failure: Failure) -> Flow {
        tracing::info!(%failure, "a post cannot be worked on now");
        let until = match failure.class {
            // What an owner can set right is asked for again soon.
            FailureClass::Config => later(self.now(), self.shareville.settings().retry_base * 12),
            _ => self.later_on(),
        };
        self.hold(failure, until, None).await
    }

    pub(super) async fn hold(
        &mut self,
        failure: Failure,
        until: Timestamp,
        pause: Option<Pause>,
    ) -> Flow {
        self.write(Command::Hold { failure, until }, pause).await;
        Flow::Over
    }

    /// Computes and writes a change; gives the lane back with it if there is nothing more to do now.
    pub(super) async fn write(&mut self, command: Command, pause: Option<Pause>) -> Flow {
        let moment = self.moment();
        // Only what the platform has done is worth telling again, and only once.
        let retell = matches!(command, Command::Live(_)) && !self.reread;
        let again = retell.then(|| command.clone());
        let mut change = match apply(&self.post, command, &moment) {
            Ok(change) => change.under(self.lease.claim.clone()),
            Err(Refusal::AsItIs) => return Flow::Over,
            Err(refusal) => {
                tracing::warn!(%refusal, "the post does not do this step");
                return Flow::Over;
            }
        };
        let pause = match (pause, refused_at_last(&self.post, &change)) {
            (None, Some(failure)) => self.heed(&failure).await,
            (pause, _) => pause,
        };
        if let Some(pause) = pause {
            change = change.pausing(pause);
        }
        let goes_on = change.next.as_ref().is_some_and(|next| {
            let up = |at: Option<Timestamp>| at.is_some_and(|at| at <= moment.now);
            up(next.expires_at()) || up(next.due_at()) && !next.waits_for_reconnect()
        });
        let over = match change.opens_call() {
            true => false,
            false => !goes_on || pause.is_some() || self.shutdown.is_cancelled(),
        };
        if over {
            change = change.releasing();
            // This very write ends the claim: that a renewal then finds it gone is no loss.
            self.lease.let_go();
        }
        match self.writer.write(change.clone()).await {
            Ok(applied) => {
                self.released = over;
                if let Some(post) = change.stamped(applied.now).next {
                    tell_of_end(&self.post, &post);
                    self.post = Arc::new(post);
                }
                match over {
                    true => Flow::Over,
                    false => Flow::GoOn,
                }
            }
            Err(NotWritten::Stale) => match again {
                // Somebody has ended the post while its commit was under way: what the platform says still counts.
                Some(again) if self.reread().await => Box::pin(self.write(again, None)).await,
                _ => {
                    tracing::info!("the post or its claim has moved on: leaving it");
                    Flow::Over
                }
            },
            Err(NotWritten::StoreFailed) => Flow::Over,
        }
    }

    /// Reads the post anew, once; says whether the same commit is still open in it.
    async fn reread(&mut self) -> bool {
        self.reread = true;
        let read = self
            .shareville
            .store()
            .post(self.tenant.id, self.post.id)
            .await;
        let object = |post: &Post| post.work.mark.as_ref().map(|mark| mark.object.clone());
        match read {
            Ok(Some(post)) if object(&post).is_some() && object(&post) == object(&self.post) => {
                self.post = Arc::new(post);
                true
            }
            _ => false,
        }
    }

    /// Tells of a failure that concerns more than the post, and says how its lane must pause.
    pub(super) async fn heed(&mut self, failure: &Failure) -> Option<Pause> {
        let reason = PauseReason::RateLimited;
        match failure.class {
            FailureClass::Reauthorize => {
                // With the store's own word for the connection, since others may have mended it meanwhile.
                if let Err(error) = self
                    .shareville
                    .mark_broken(&self.connection, Actor::Worker)
                    .await
                {
                    tracing::warn!(%error, "a broken connection could not be marked");
                }
                self.connection.status = ConnectionStatus::ReauthorizationRequired;
                None
            }
            FailureClass::RateLimited { until, scope } => {
                let until = until.unwrap_or_else(|| self.later_on());
                let pause = Pause { until, reason };
                if scope == LimitScope::App {
                    let scope = PauseScope::Provider(self.account.provider.clone());
                    let paused = self
                        .shareville
                        .store()
                        .pause(self.tenant.id, &scope, pause)
                        .await;
                    if let Err(error) = paused {
                        tracing::warn!(%error, "the lanes of an exhausted app could not be paused");
                    }
                }
                Some(pause)
            }
            FailureClass::Blocked => Some(Pause {
                until: self.now() + BLOCK,
                reason: PauseReason::Blocked,
            }),
            _ => None,
        }
    }
}

/// Why a post ends here whose refused call has done nothing, as looking has found at last.
fn refused_at_last(before: &Post, change: &Change) -> Option<Failure> {
    let after = change.next.as_ref()?;
    let ends = before.is_to_go_out() && after.status == PostStatus::Failed;
    let refusal = after.work.mark.as_ref()?.refusal.as_ref();
    refusal
        .filter(|refusal| ends && after.failure.as_ref() == Some(refusal))
        .cloned()
}

/// Tells that a post is published or has failed, once.
fn tell_of_end(before: &Post, after: &Post) {
    let ended = matches!(after.status, PostStatus::Published | PostStatus::Failed);
    if ended && after.status != before.status {
        let reason = after.failure.as_ref().map(|failure| failure.code.as_str());
        tracing::info!(status = after.status.name(), reason, "settled");
        meter::settled(after);
    }
}
