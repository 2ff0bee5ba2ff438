//! The engine: workers that claim lanes and bring posts to an end, whatever fails.
//!
//! Claim, prepare, mark, commit, settle, finish; and look wherever a mark is found. Any number of engines work on one
//! store. One that is killed leaves leases that run out and marks that the next one looks at.

mod act;
mod held;
mod lease;
pub(crate) mod rest;
mod run;
mod step;
pub(crate) mod survive;
mod writer;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use self::{
    lease::Leases,
    rest::{gather, next_look, pause, rest},
    run::Run,
    writer::Writer,
};
use crate::{
    clock::later,
    deliver, heed,
    shareville::Shareville,
    store::{ClaimRequest, Claimed, StoreError},
    upkeep,
};

/// How often it erases what is over, and sees that the store has a probe of the key that seals here.
const SWEEP: Duration = Duration::from_secs(60);

/// Beyond a commit's own time: how long a step under way may take to end at shutdown.
const DRAIN: Duration = Duration::from_secs(10);

/// Publishes what is due, tells tenants' endpoints of it, looks after connections' tokens, and looks into what platforms tell,
/// until it is told to stop.
#[derive(Debug)]
pub struct Engine {
    shareville: Shareville,
}

impl Engine {
    /// An engine for this process.
    #[must_use]
    pub const fn new(shareville: Shareville) -> Self {
        Self { shareville }
    }

    /// Works until `shutdown` is canceled, then finishes or hands back what it holds.
    pub async fn run(self, shutdown: CancellationToken) {
        let shareville = &self.shareville;
        let settings = *shareville.settings();
        let leases = Arc::new(Leases::new(Arc::clone(shareville.store()), settings.lease));
        let writer = Writer::start(Arc::clone(shareville.store()));
        let slots = Arc::new(Semaphore::new(settings.concurrency));
        let tasks = TaskTracker::new();
        // Beside publishing, so that neither waits for the other; it ends with this future.
        let delivering = deliver::run(shareville.clone(), shutdown.clone());
        let delivering = AbortOnDropHandle::new(tokio::spawn(delivering));
        let keeping_up = upkeep::run(shareville.clone(), shutdown.clone());
        let keeping_up = AbortOnDropHandle::new(tokio::spawn(keeping_up));
        let heeding = heed::run(shareville.clone(), shutdown.clone());
        let heeding = AbortOnDropHandle::new(tokio::spawn(heeding));
        // Dropping what runs past the drain ends it: canceled tasks must not write any more.
        let abandon = CancellationToken::new();
        {
            let claims = self.claim(&leases, &writer, &slots, &tasks, &shutdown, &abandon);
            tokio::select! {
                () = claims => {}
                () = leases.keep() => {}
                () = self.sweep() => {}
            }
        }
        tasks.close();
        let drained = tokio::time::timeout(settings.commit + DRAIN, async {
            tokio::select! {
                () = tasks.wait() => {}
                () = leases.keep() => {}
            }
        });
        if drained.await.is_err() {
            tracing::warn!(
                left = tasks.len(),
                "steps under way were abandoned at shutdown"
            );
            let claims = leases.claims();
            abandon.cancel();
            tasks.wait().await;
            leases.give_back(&claims).await;
        }
        if let Err(error) = delivering.await {
            tracing::error!(%error, "delivering ended early");
        }
        if let Err(error) = keeping_up.await {
            tracing::error!(%error, "looking after connections ended early");
        }
        // What is cut off here is looked into again, by whoever comes next.
        match tokio::time::timeout(DRAIN, heeding).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "heeding notices ended early"),
            Err(_) => tracing::warn!("notices under way were abandoned at shutdown"),
        }
    }

    async fn claim(
        &self,
        leases: &Arc<Leases>,
        writer: &Writer,
        slots: &Arc<Semaphore>,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
        abandon: &CancellationToken,
    ) {
        let settings = self.shareville.settings();
        loop {
            tokio::select! {
                // In this order: free slots must not outweigh a shutdown.
                biased;
                () = shutdown.cancelled() => return,
                () = gather(slots, settings.concurrency) => {}
            }
            let asked = Instant::now();
            let request = ClaimRequest::new(
                slots.available_permits(),
                settings.lease,
                settings.per_tenant,
            );
            match self.shareville.store().claim(request).await {
                Ok(claimed) => {
                    let heard = self.shareville.clock().now();
                    let found = claimed.claims.len();
                    let (now, next_ready) = (claimed.now, claimed.next_ready);
                    for claim in claimed.claims {
                        // There are as many slots free as were asked for.
                        let slot = Arc::clone(slots).acquire_owned().await;
                        let lease = leases.hold(claim.claim.clone(), asked);
                        let run = Run::new(
                            self.shareville.clone(),
                            writer.clone(),
                            lease,
                            claim,
                            now - heard,
                            shutdown.clone(),
                        );
                        let abandon = abandon.clone();
                        tasks.spawn(async move {
                            abandon
                                .run_until_cancelled(Box::pin(run.until_over()))
                                .await;
                            drop(slot);
                        });
                    }
                    // If it found less than it asked for, there was no more: it need not ask again to learn that.
                    let is_later = next_ready.is_none_or(|next| next > now);
                    if found == 0 || found < request.limit && is_later {
                        let told = self.shareville.store().wake(next_look(now, next_ready));
                        rest(&self.shareville, told, shutdown).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no work could be claimed: trying again");
                    pause(&self.shareville, shutdown).await;
                }
            }
        }
    }

    async fn sweep(&self) {
        loop {
            let until = later(self.shareville.clock().now(), SWEEP);
            self.shareville.clock().sleep_until(until).await;
            if let Err(error) = self.shareville.sweep().await {
                tracing::warn!(%error, "what is over could not be erased: trying again in a minute");
            }
            if let Err(error) = self.shareville.sweep_uploads().await {
                tracing::warn!(%error, "uploads that are over could not be erased: trying again in a minute");
            }
            if let Err(error) = self.shareville.store().sweep_notices().await {
                tracing::warn!(%error, "notices that are over could not be erased: trying again in a minute");
            }
            if let Err(error) = self.shareville.keep_forgotten_probe().await {
                tracing::warn!(%error, "the probe of the encryption key could not be kept: trying again in a minute");
            }
        }
    }

    /// Claims deliveries once, and sends each once; says how many. For tests and for hosts that bring their own
    /// scheduler.
    ///
    /// # Errors
    /// As [`DeliveryStore::claim_deliveries`](crate::store::DeliveryStore::claim_deliveries).
    pub async fn deliver(&self) -> Result<usize, StoreError> {
        deliver::deliver_once(&self.shareville).await
    }

    /// Claims connections once whose tokens are to be looked after, and does so: renews them well before they end, asks
    /// what they grant and open, tells the tenant what ends; says how many. For tests and for hosts that bring their own
    /// scheduler.
    ///
    /// # Errors
    /// As [`UpkeepStore::claim_upkeep`](crate::store::UpkeepStore::claim_upkeep).
    pub async fn keep_up(&self) -> Result<usize, StoreError> {
        upkeep::keep_up_once(&self.shareville).await
    }

    /// Claims notices of platforms once, and looks into each once; says how many. For tests and for hosts that bring their
    /// own scheduler.
    ///
    /// # Errors
    /// As [`NoticeStore::claim_notices`](crate::store::NoticeStore::claim_notices).
    pub async fn heed(&self) -> Result<usize, StoreError> {
        heed::heed_once(&self.shareville).await
    }

    /// Claims once, and works on what it finds until it waits or has settled; says how many posts it worked on.
    ///
    /// For tests and for hosts that bring their own scheduler: no lease is renewed beyond a step's own need.
    ///
    /// # Errors
    /// As [`LaneStore::claim`](crate::store::LaneStore::claim).
    pub async fn tick(&self) -> Result<usize, StoreError> {
        let shareville = &self.shareville;
        let settings = shareville.settings();
        let leases = Arc::new(Leases::new(Arc::clone(shareville.store()), settings.lease));
        let writer = Writer::start(Arc::clone(shareville.store()));
        let asked = Instant::now();
        let request = ClaimRequest::new(settings.concurrency, settings.lease, settings.per_tenant);
        let Claimed { claims, now, .. } = shareville.store().claim(request).await?;
        let ahead = now - shareville.clock().now();
        let found = claims.len();
        let runs = claims.into_iter().map(|claim| {
            let lease = leases.hold(claim.claim.clone(), asked);
            let never = CancellationToken::new();
            Run::new(
                shareville.clone(),
                writer.clone(),
                lease,
                claim,
                ahead,
                never,
            )
            .until_over()
        });
        futures::future::join_all(runs).await;
        Ok(found)
    }
}
