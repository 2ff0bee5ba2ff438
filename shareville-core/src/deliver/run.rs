//! The workers that deliver.

use std::{sync::Arc, time::Instant};

use chrono::TimeDelta;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Webhooks, letter::letter};
use crate::{
    delivery::{Attempt, Delivery, DeliveryStatus, Outcome, Trouble},
    engine::rest::{gather, next_look, pause, rest},
    meter,
    shareville::Shareville,
    store::{ClaimRequest, ClaimedDeliveries, DeliveryChange, DeliveryClaim, StoreError},
};

/// The most outcomes in one write.
const MOST: usize = 128;

/// How often a write is tried while the store cannot be reached. After that the lease runs out and it is sent again.
const TRIES: u32 = 6;

/// Delivers until `shutdown` is canceled, then ends what is under way: no attempt takes longer than its time.
pub(crate) async fn run(shareville: Shareville, shutdown: CancellationToken) {
    let Some(webhooks) = shareville.webhooks().cloned() else {
        return;
    };
    let slots = Arc::new(Semaphore::new(shareville.settings().deliveries));
    let tasks = TaskTracker::new();
    let (outcomes, inbox) = mpsc::channel(MOST);
    let writer = tokio::spawn(write_all(shareville.clone(), inbox));
    loop {
        let all = shareville.settings().deliveries;
        let gathered = shutdown.run_until_cancelled(gather(&slots, all)).await;
        if gathered.is_none() {
            break;
        }
        let claimed = claim(&shareville, slots.available_permits()).await;
        let ClaimedDeliveries {
            claims,
            now,
            next_ready,
        } = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "no deliveries could be claimed: trying again");
                pause(&shareville, &shutdown).await;
                continue;
            }
        };
        let ahead = now - shareville.clock().now();
        let found = !claims.is_empty();
        for claim in claims {
            // There are as many slots free as were asked for.
            let slot = Arc::clone(&slots).acquire_owned().await;
            let (shareville, webhooks) = (shareville.clone(), webhooks.clone());
            let outcomes = outcomes.clone();
            tasks.spawn(async move {
                if let Some(change) = attempt(&shareville, &webhooks, claim, ahead).await {
                    // The writer goes on as long as anybody may send.
                    let _ = outcomes.send(change).await;
                }
                drop(slot);
            });
        }
        if !found {
            let until = next_look(now, next_ready);
            let told = shareville.store().wake_for_deliveries(until);
            rest(&shareville, told, &shutdown).await;
        }
    }
    tasks.close();
    tasks.wait().await;
    drop(outcomes);
    if let Err(error) = writer.await {
        tracing::error!(%error, "what became of deliveries may not have been written");
    }
}

/// Claims once, and delivers what it finds; says how many it tried.
pub(crate) async fn deliver_once(shareville: &Shareville) -> Result<usize, StoreError> {
    let Some(webhooks) = shareville.webhooks() else {
        return Ok(0);
    };
    let claimed = claim(shareville, shareville.settings().deliveries).await?;
    let ahead = claimed.now - shareville.clock().now();
    let attempts = claimed
        .claims
        .into_iter()
        .map(|claim| attempt(shareville, webhooks, claim, ahead));
    let changes: Vec<_> = futures::future::join_all(attempts).await;
    let changes: Vec<_> = changes.into_iter().flatten().collect();
    shareville.store().apply_deliveries(&changes).await?;
    Ok(changes.len())
}

async fn claim(shareville: &Shareville, limit: usize) -> Result<ClaimedDeliveries, StoreError> {
    let settings = shareville.settings();
    // An attempt ends in its time, so its lease need not be renewed.
    let lease = settings.delivery.saturating_add(settings.lease);
    let request = ClaimRequest::new(limit, lease, settings.deliveries_per_tenant);
    shareville.store().claim_deliveries(request).await
}

/// Tries once; `None` if there is no endpoint any more. `ahead` is how far the store's clock is ahead of ours.
async fn attempt(
    shareville: &Shareville,
    webhooks: &Webhooks,
    claim: DeliveryClaim,
    ahead: TimeDelta,
) -> Option<DeliveryChange> {
    let at = shareville.clock().now() + ahead;
    let begun = Instant::now();
    let shapes = webhooks.shapes.as_ref();
    let written = letter(
        &claim.event,
        &claim.tenant,
        shareville.keyring(),
        shapes,
        at,
    );
    let outcome = match written {
        Ok(None) => return None,
        Ok(Some(letter)) => {
            let sent = webhooks.courier.send(&letter);
            match tokio::time::timeout(shareville.settings().delivery, sent).await {
                Ok(Ok(status)) => Outcome::Answered(status),
                Ok(Err(trouble)) => Outcome::Failed(trouble),
                Err(_) => Outcome::Failed(Trouble::TimedOut),
            }
        }
        Err(error) => {
            tracing::error!(%error, tenant = %claim.tenant.id, event = %claim.event.id, "a webhook cannot be made");
            Outcome::Failed(Trouble::NotSent)
        }
    };
    let attempt = Attempt {
        at,
        took: begun.elapsed(),
        outcome,
    };
    let delivery = claim
        .delivery
        .after(attempt, &shareville.settings().delivery_pace());
    note(&delivery, outcome);
    Some(DeliveryChange {
        delivery,
        revision: claim.delivery.revision,
        claim: Some(claim.nonce),
    })
}

fn note(delivery: &Delivery, outcome: Outcome) {
    meter::delivered(delivery.status);
    let Delivery { id, tenant, .. } = delivery;
    match delivery.status {
        DeliveryStatus::Dead => {
            tracing::warn!(%id, %tenant, ?outcome, tries = delivery.tries, "a webhook is given up: a dead letter");
        }
        DeliveryStatus::Pending => {
            tracing::debug!(%id, %tenant, ?outcome, "a webhook was not delivered: trying again");
        }
        DeliveryStatus::Delivered => tracing::debug!(%id, %tenant, "a webhook was delivered"),
    }
}

/// Writes outcomes: whatever comes while one write is under way goes into the next.
async fn write_all(shareville: Shareville, mut inbox: mpsc::Receiver<DeliveryChange>) {
    let mut batch = Vec::with_capacity(MOST);
    while inbox.recv_many(&mut batch, MOST).await > 0 {
        write(&shareville, &batch).await;
        batch.clear();
    }
}

async fn write(shareville: &Shareville, changes: &[DeliveryChange]) {
    let mut pause = std::time::Duration::from_millis(50);
    for attempt in 1..=TRIES {
        match shareville.store().apply_deliveries(changes).await {
            Ok(applied) => {
                let lost = applied.iter().filter(|it| it.is_err()).count();
                if lost > 0 {
                    tracing::debug!(
                        lost,
                        "deliveries took longer than their leases: they are sent again"
                    );
                }
                return;
            }
            Err(error @ StoreError::Unavailable(_)) if attempt < TRIES => {
                tracing::warn!(%error, attempt, "outcomes of deliveries could not be written: trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                tracing::error!(%error, deliveries = changes.len(), "outcomes of deliveries could not be written");
                return;
            }
        }
    }
}
