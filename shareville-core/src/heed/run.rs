//! The workers that look into notices.

use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use super::act::act;
use crate::{
    clock::Timestamp,
    engine::{
        rest::{next_look, pause, rest},
        survive::survive,
    },
    notice::{Heeded, NoticeOutcome},
    shareville::Shareville,
    store::{ClaimedNotices, NoticeChange, NoticeClaim, StoreError},
};

/// How many notices are looked into at once in one process. They are few, and each may ask a provider.
const AT_ONCE: usize = 8;

/// How long one attempt may take: a person may have many connections, each with posts under way. What is left then is done
/// by the next.
const PATIENCE: Duration = Duration::from_secs(300);

/// Looks into notices until `shutdown` is canceled, then ends what is under way.
pub(crate) async fn run(shareville: Shareville, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match work(&shareville).await {
            Ok(Worked { found: 0, next }) => {
                let clock = shareville.clock();
                let slept = async {
                    clock.sleep_until(next).await;
                    Ok(())
                };
                rest(&shareville, slept, &shutdown).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "no notices could be looked into: trying again");
                pause(&shareville, &shutdown).await;
            }
        }
    }
}

/// Claims once, and looks into what it finds; says how many it tried.
pub(crate) async fn heed_once(shareville: &Shareville) -> Result<usize, StoreError> {
    Ok(work(shareville).await?.found)
}

/// What one round came to.
struct Worked {
    /// How many notices were tried.
    found: usize,
    /// When to look again, by our clock.
    next: Timestamp,
}

async fn work(shareville: &Shareville) -> Result<Worked, StoreError> {
    // An attempt ends in its time, so its lease need not be renewed.
    let lease = PATIENCE.saturating_add(shareville.settings().lease);
    let claimed = shareville.store().claim_notices(AT_ONCE, lease).await?;
    let ClaimedNotices {
        claims,
        now,
        next_ready,
    } = claimed;
    let ahead = now - shareville.clock().now();
    let next = next_look(now, next_ready) - ahead;
    let attempts = claims.into_iter().map(|it| attempt(shareville, it, ahead));
    let changes = futures::future::join_all(attempts).await;
    let found = changes.len();
    if found > 0 {
        let applied = shareville.store().apply_notices(&changes).await?;
        let lost = applied.iter().filter(|it| it.is_err()).count();
        if lost > 0 {
            tracing::debug!(
                lost,
                "notices took longer than their leases: they are looked into again"
            );
        }
    }
    Ok(Worked { found, next })
}

/// Tries once. `ahead` is how far the store's clock is ahead of ours.
async fn attempt(shareville: &Shareville, claim: NoticeClaim, ahead: TimeDelta) -> NoticeChange {
    let NoticeClaim { nonce, notice } = claim;
    let acted = survive(tokio::time::timeout(PATIENCE, act(shareville, &notice))).await;
    let (id, tenant) = (notice.id, notice.tenant);
    let heeded = match acted {
        Ok(Ok(Ok(()))) => Heeded::Done,
        Ok(Ok(Err(error))) => {
            tracing::warn!(%id, %tenant, %error, "a notice could not be looked into");
            Heeded::Failed
        }
        Err(panicked) => {
            tracing::error!(error = %panicked, %id, %tenant, "looking into a notice broke off");
            Heeded::Failed
        }
        Ok(Err(_)) => {
            tracing::warn!(%id, %tenant, "looking into a notice took too long: going on later");
            Heeded::Failed
        }
    };
    let at = shareville.clock().now() + ahead;
    let next = notice.after(heeded, at, &shareville.settings().delivery_pace());
    match next.outcome {
        Some(NoticeOutcome::GivenUp) => {
            tracing::error!(%id, %tenant, attempts = next.attempts, "a notice is given up");
        }
        Some(NoticeOutcome::Done) => tracing::info!(%id, %tenant, "a notice was looked into"),
        None => {}
    }
    NoticeChange {
        notice: next,
        revision: notice.revision,
        claim: Some(nonce),
    }
}
