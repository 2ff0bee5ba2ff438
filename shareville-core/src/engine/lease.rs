//! Leases: which claims this process holds, and since when it knows that it does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use crate::{lane::ClaimRef, meter, store::Store};

/// All claims this process holds.
#[derive(Debug)]
pub(super) struct Leases {
    store: Arc<dyn Store>,
    length: Duration,
    held: Mutex<HashMap<ClaimRef, Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    /// When the store last said that it holds, counted from before it was asked.
    confirmed: Instant,
    /// Canceled once the store says that it no longer holds.
    lost: CancellationToken,
}

/// One claim. It is given up when this is dropped; the store learns of it by a release.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    pub(super) claim: ClaimRef,
    lost: CancellationToken,
}

impl Leases {
    pub(super) fn new(store: Arc<dyn Store>, length: Duration) -> Self {
        Self {
            store,
            length,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<ClaimRef, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a claim that was asked for at `asked`.
    pub(super) fn hold(self: &Arc<Self>, claim: ClaimRef, asked: Instant) -> Lease {
        let lost = CancellationToken::new();
        let held = Held {
            confirmed: asked,
            lost: lost.clone(),
        };
        meter::claimed();
        self.held().insert(claim.clone(), held);
        Lease {
            leases: Arc::clone(self),
            claim,
            lost,
        }
    }

    /// How long a confirmation is good for: a third of the lease.
    pub(super) fn third(&self) -> Duration {
        (self.length / 3).max(Duration::from_millis(1))
    }

    /// Confirms claims with the store, all in one call.
    async fn confirm(&self, claims: Vec<ClaimRef>) {
        if claims.is_empty() {
            return;
        }
        let asked = Instant::now();
        let renewed = match self.store.renew(&claims, self.length).await {
            Ok(renewed) => renewed,
            Err(error) => {
                // They are not confirmed, so nothing is committed under them.
                tracing::warn!(%error, claims = claims.len(), "leases could not be renewed");
                return;
            }
        };
        let mut held = self.held();
        for (claim, still) in claims.iter().zip(renewed) {
            if let Some(lease) = held.get_mut(claim) {
                match still {
                    true => lease.confirmed = asked,
                    false if lease.lost.is_cancelled() => {}
                    false => {
                        meter::lease_lost();
                        lease.lost.cancel();
                    }
                }
            }
        }
    }

    /// Confirms all claims every third of their length, until it is dropped.
    pub(super) async fn keep(&self) {
        let mut turn = tokio::time::interval(self.third());
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            turn.tick().await;
            self.confirm(self.claims()).await;
        }
    }

    /// The claims that are held now.
    pub(super) fn claims(&self) -> Vec<ClaimRef> {
        self.held().keys().cloned().collect()
    }

    /// Gives claims back.
    pub(super) async fn give_back(&self, claims: &[ClaimRef]) {
        if let Err(error) = self.store.release(claims).await {
            tracing::warn!(%error, claims = claims.len(), "claims could not be given back: they run out by themselves");
        }
    }
}

impl Lease {
    /// Resolves once the claim is known to be lost.
    pub(super) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    fn is_confirmed(&self) -> bool {
        let third = self.leases.third();
        let held = self.leases.held();
        !self.lost.is_cancelled()
            && held
                .get(&self.claim)
                .is_some_and(|lease| lease.confirmed.elapsed() < third)
    }

    /// Whether the claim is confirmed, within the last third of the lease or by asking now.
    pub(super) async fn confirm(&self) -> bool {
        if !self.is_confirmed() && !self.lost.is_cancelled() {
            self.leases.confirm(vec![self.claim.clone()]).await;
        }
        self.is_confirmed()
    }

    /// Renews the claim no more, and confirms it no more: it is about to be given back.
    pub(super) fn let_go(&self) {
        self.leases.held().remove(&self.claim);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        clock::SystemClock,
        id::{Provider, TenantId},
        lane::Lane,
        store::MemoryStore,
    };

    #[tokio::test]
    async fn a_claim_that_was_let_go_should_not_count_as_lost() {
        // It knows of no claim, as one whose claim has just been given back.
        let store = MemoryStore::new(Arc::new(SystemClock));
        let leases = Arc::new(Leases::new(Arc::new(store), Duration::from_secs(60)));
        for (number, let_go) in [true, false].into_iter().enumerate() {
            let lane = Lane {
                tenant: TenantId::generate(),
                provider: Provider::facebook(),
                platform_id: number.to_string(),
            };
            let nonce = Uuid::now_v7();
            let lease = leases.hold(ClaimRef { lane, nonce }, Instant::now());
            let asked = leases.claims();
            if let_go {
                lease.let_go();
            }
            leases.confirm(asked).await;
            assert_eq!(lease.lost().is_cancelled(), !let_go);
            assert!(!lease.confirm().await);
        }
    }
}
