//! The steps of a claim that call the platform: what is asked, and what its answer means.

use std::time::Duration;

use super::{
    run::{Flow, Run},
    step::Step,
};
use crate::{
    clock::{Deadline, Timestamp},
    failure::FailureClass,
    meter,
    post::{Command, Evidence, Progress, Published},
    publisher::{CommentEvidence, Commented, Committed, Job, Prepared, Publisher},
};

/// How long reading a permalink may hold up the news that a post is live.
const PERMALINK_PATIENCE: Duration = Duration::from_secs(3);

impl Run {
    pub(super) async fn prepare(&mut self, publisher: &dyn Publisher, job: &Job) -> Flow {
        if self.post.current_progress().is_none()
            && let Some(failure) = self.shareville.objection(publisher, &self.post).await
        {
            let progress = None;
            return self
                .write(Command::PrepareFailed { failure, progress }, None)
                .await;
        }
        match publisher.prepare(job, self.post.current_progress()).await {
            Prepared::Continue(progress) => self.keep(progress, None, None).await,
            Prepared::Noted { progress, note } => self.keep(progress, None, Some(note)).await,
            Prepared::Wait { progress, until } => {
                let until = Some(self.soonest(until));
                self.keep(progress, until, None).await
            }
            Prepared::Ready(progress) => {
                let early = self.post.scheduled_at.filter(|at| *at > self.now());
                // At shutdown nothing new is committed; what is prepared is kept.
                match early.is_some() || self.shutdown.is_cancelled() {
                    true => self.keep(progress, early, None).await,
                    false => self.commit(publisher, job, progress).await,
                }
            }
            Prepared::Failed { failure, progress } => {
                let pause = self.heed(&failure).await;
                self.write(Command::PrepareFailed { failure, progress }, pause)
                    .await
            }
        }
    }

    /// Keeps what was prepared.
    async fn keep(
        &mut self,
        progress: Progress,
        until: Option<Timestamp>,
        note: Option<String>,
    ) -> Flow {
        let checkpoint = Command::Checkpoint {
            progress,
            until,
            note,
        };
        self.write(checkpoint, None).await
    }

    /// Marks, then commits: the mark is durable before the call is sent, and the call is sent only under a lease that
    /// was confirmed lately.
    pub(super) async fn commit(
        &mut self,
        publisher: &dyn Publisher,
        job: &Job,
        progress: Progress,
    ) -> Flow {
        if !self.tenant_is_active().await {
            return self.put_off(progress).await;
        }
        if !self.lease.confirm().await {
            return Flow::Over;
        }
        let window = self.shareville.settings().commit;
        // Counted from before the write, so that it ends before the deadline that the store writes down.
        let deadline = Deadline::after(window);
        let repeat = publisher.repeat(&self.post.content);
        let mark = Command::BeginCommit {
            progress: progress.clone(),
            repeat,
            window,
        };
        if self.write(mark, None).await == Flow::Over || !self.lease.confirm().await {
            return Flow::Over;
        }
        self.looked = false;
        let command = match publisher.commit(job, &progress, deadline).await {
            Committed::Live(published) => {
                Command::Live(self.with_permalink(publisher, job, published).await)
            }
            Committed::Accepted { until } => Command::Accepted {
                until: self.soonest(until),
            },
            Committed::Refused(failure) => Command::Refused { failure },
            Committed::Uncertain(failure) => Command::Uncertain { failure },
        };
        let pause = match &command {
            // An earlier call may have acted, and a paused lane cannot look: it pauses once that is known.
            Command::Refused { failure }
                if failure.class == FailureClass::Blocked && self.is_uncertain() =>
            {
                None
            }
            Command::Refused { failure } => self.heed(&failure.clone()).await,
            _ => None,
        };
        self.write(command, pause).await
    }

    fn is_uncertain(&self) -> bool {
        let mark = self.post.work.mark.as_ref();
        mark.is_some_and(|mark| mark.uncertain)
    }

    /// Whether the tenant still is what it was when the lane was claimed, perhaps many pictures ago. The store has the
    /// last word when the mark is written.
    async fn tenant_is_active(&self) -> bool {
        match self.shareville.known_tenant(self.account.tenant).await {
            Ok(tenant) => tenant.is_some_and(|tenant| tenant.active),
            Err(error) => {
                tracing::warn!(%error, "whether the tenant is active could not be asked");
                true
            }
        }
    }

    /// Nothing new is committed: what is prepared is kept, and the next claim finds the tenant as it is by now.
    async fn put_off(&mut self, progress: Progress) -> Flow {
        if !self.post.has_open_commit() {
            self.keep(progress, None, None).await;
        }
        Flow::Over
    }

    /// The permalink is read once, briefly, so that the news carries it.
    async fn with_permalink(
        &self,
        publisher: &dyn Publisher,
        job: &Job,
        mut published: Published,
    ) -> Published {
        if published.permalink.is_none() {
            let deadline = Deadline::after(PERMALINK_PATIENCE);
            published.permalink = publisher.permalink(job, &published, deadline).await;
        }
        published
    }

    pub(super) async fn look(&mut self, publisher: &dyn Publisher, job: &Job, step: Step) -> Flow {
        let (Some(mark), Some(progress)) = (&self.post.work.mark, &self.post.work.progress) else {
            return Flow::Over;
        };
        let evidence = match publisher.look(job, progress, mark.since).await {
            Ok(Evidence::Pending { until }) => Evidence::Pending {
                until: self.soonest(until),
            },
            Ok(evidence) => self.shareville.unless_held(&self.post, evidence).await,
            Err(failure) => {
                let pause = self.heed(&failure).await;
                match (failure.class, pause) {
                    _ if step == Step::LastLook => return self.write(Command::Expire, pause).await,
                    // Up again at once: what keeps it back is its lane, paused until the connection is mended.
                    (FailureClass::Reauthorize, _) => {
                        return self.hold(failure, self.now(), None).await;
                    }
                    (FailureClass::RateLimited { .. }, Some(pause)) => {
                        return self.hold(failure, pause.until, Some(pause)).await;
                    }
                    _ => {}
                }
                Evidence::Unclear(Some(failure))
            }
        };
        meter::looked(&evidence);
        self.looked = true;
        self.write(Command::Looked(evidence), None).await
    }

    pub(super) async fn discard(&mut self, publisher: &dyn Publisher, job: &Job) -> Flow {
        for progress in &self.post.work.superseded {
            if let Err(failure) = publisher.discard(job, progress).await {
                let pause = self.heed(&failure).await;
                return self.write(Command::DiscardFailed { failure }, pause).await;
            }
        }
        self.write(Command::Discarded, None).await
    }

    pub(super) async fn comment(&mut self, publisher: &dyn Publisher, job: &Job) -> Flow {
        let window = self.shareville.settings().commit;
        if !self.lease.confirm().await {
            return Flow::Over;
        }
        let deadline = Deadline::after(window);
        let begun = self.write(Command::BeginComment { window }, None).await;
        if begun == Flow::Over || !self.lease.confirm().await {
            return Flow::Over;
        }
        self.looked = false;
        let command = match publisher.comment(job, deadline).await {
            Commented::Live => Command::CommentLive,
            Commented::Refused(failure) => {
                self.heed(&failure).await;
                Command::CommentRefused { failure }
            }
            Commented::Uncertain(failure) => Command::CommentUncertain { failure },
        };
        self.write(command, None).await
    }

    pub(super) async fn look_for_comment(&mut self, publisher: &dyn Publisher, job: &Job) -> Flow {
        let Some(mark) = &self.post.work.comment else {
            return Flow::Over;
        };
        let command = match publisher.look_for_comment(job, mark.since).await {
            Ok(CommentEvidence::Live) => Command::CommentLive,
            Ok(CommentEvidence::Absent) => Command::CommentAbsent,
            Ok(CommentEvidence::Unclear) => Command::CommentUnclear,
            Err(failure) => {
                self.heed(&failure).await;
                Command::CommentUnclear
            }
        };
        self.looked = true;
        self.write(command, None).await
    }
}
