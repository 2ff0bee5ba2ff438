//! Deliveries to tenants' endpoints.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use super::{Bench, LEASE, new_connection, new_tenant};
use crate::{
    connection::Account,
    delivery::{Attempt, Delivery, DeliveryPace, DeliveryStatus, Outcome, Trouble},
    event::{Actor, Event, EventKind, Subject},
    id::{DeliveryId, EventId, OwnerId, TenantId},
    store::{ClaimRequest, ConnectionChange, DeliveryChange, DeliveryClaim, PageRequest, Stale},
    tenant::Tenant,
};

/// A new tenant with an endpoint, and an account to post to.
async fn listening(bench: &Bench) -> (Tenant, Account) {
    let tenant = Tenant {
        webhook_url: "https://bakery.example/hook".parse().ok(),
        ..new_tenant("", bench.now())
    };
    let owner = OwnerId::new(format!("owner of {}", tenant.id));
    let tenant = Tenant { owner, ..tenant };
    bench.store.create_tenant(&tenant, &[]).await.unwrap();
    let account = bench.account(&tenant).await;
    (tenant, account)
}

/// Stores a post for later: one public event, `post.scheduled`.
async fn tell(bench: &Bench, account: &Account) -> DeliveryId {
    let new = bench.scheduled(account, bench.at(86_400));
    bench
        .store
        .create(std::slice::from_ref(&new), None)
        .await
        .unwrap();
    let told = new.events.iter().find(|it| it.kind.is_public()).unwrap();
    DeliveryId::from_uuid(told.id.as_uuid())
}

async fn claim_capped(bench: &Bench, limit: usize, per_tenant: usize) -> Vec<DeliveryClaim> {
    let request = ClaimRequest::new(limit, LEASE, per_tenant);
    let claimed = bench.store.claim_deliveries(request).await.unwrap();
    assert_eq!(claimed.now, bench.now());
    claimed.claims
}

async fn claim(bench: &Bench) -> Vec<DeliveryClaim> {
    claim_capped(bench, 100, 100).await
}

async fn claim_one(bench: &Bench) -> DeliveryClaim {
    let mut claims = claim(bench).await;
    assert_eq!(claims.len(), 1, "one delivery, and no other, is due");
    claims.remove(0)
}

fn ids(claims: &[DeliveryClaim]) -> Vec<DeliveryId> {
    claims.iter().map(|it| it.delivery.id).collect()
}

/// What a claim leaves when the endpoint has answered with a status now.
fn answered(bench: &Bench, claim: &DeliveryClaim, status: u16) -> DeliveryChange {
    let attempt = Attempt {
        at: bench.now(),
        took: Duration::ZERO,
        outcome: Outcome::Answered(status),
    };
    let pace = DeliveryPace {
        base: Duration::from_secs(5),
        jitter: 1.0,
    };
    DeliveryChange {
        delivery: claim.delivery.after(attempt, &pace),
        revision: claim.delivery.revision,
        claim: Some(claim.nonce),
    }
}

async fn apply(bench: &Bench, change: &DeliveryChange) -> Result<(), Stale> {
    let changes = std::slice::from_ref(change);
    let mut applied = bench.store.apply_deliveries(changes).await.unwrap();
    assert_eq!(applied.len(), 1, "one result for each change");
    applied.remove(0)
}

async fn read(bench: &Bench, tenant: TenantId, id: DeliveryId) -> Delivery {
    let found = bench.store.delivery(tenant, id).await.unwrap();
    found.expect("the delivery is there")
}

/// A public event comes up with all that is needed to send it; others, and tenants without an endpoint, do not.
pub async fn should_take_up_what_is_public(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let deaf = bench.tenant().await;
    let deaf = bench.account(&deaf).await;
    tell(bench, &deaf).await;
    let id = tell(bench, &account).await;
    let claim = claim_one(bench).await;
    assert_eq!(claim.delivery.id, id);
    assert_eq!(claim.delivery.kind, EventKind::PostScheduled);
    assert_eq!(claim.delivery.status, DeliveryStatus::Pending);
    assert_eq!(claim.delivery.next_attempt_at, Some(bench.now()));
    assert_eq!(claim.event.id, claim.delivery.event());
    assert_eq!(claim.event.kind, EventKind::PostScheduled);
    assert_eq!(claim.event.data["post"]["status"], "scheduled");
    assert_eq!(*claim.tenant, tenant);
    assert_eq!(read(bench, tenant.id, id).await, claim.delivery);
}

/// An address that is set later gets what is told from then on.
pub async fn should_owe_nothing_told_before_there_was_an_endpoint(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    tell(bench, &account).await;
    // Another one, so that somebody listens at all meanwhile.
    let (_, other) = listening(bench).await;
    let others = tell(bench, &other).await;
    let heard = Tenant {
        webhook_url: "https://bakery.example/hook".parse().ok(),
        revision: 2,
        ..tenant.clone()
    };
    let done = bench.store.update_tenant(&heard, 1, &[]).await.unwrap();
    assert_eq!(done, Ok(()));
    let id = tell(bench, &account).await;
    let claims: HashSet<_> = ids(&claim(bench).await).into_iter().collect();
    assert_eq!(claims, HashSet::from([id, others]));
}

/// What is claimed is not claimed again.
pub async fn should_hand_out_a_delivery_once_at_a_time(bench: &Bench) {
    let (_, account) = listening(bench).await;
    let first = tell(bench, &account).await;
    assert_eq!(ids(&claim(bench).await), [first]);
    assert_eq!(claim(bench).await, []);
    // One that is under way does not keep later ones waiting.
    let second = tell(bench, &account).await;
    assert_eq!(ids(&claim(bench).await), [second]);
}

/// Of many workers that ask at once, one gets each delivery.
pub async fn should_hand_out_a_delivery_exactly_once_under_many_workers(bench: &Bench) {
    let (_, account) = listening(bench).await;
    let mut told = HashSet::new();
    for _ in 0..20 {
        told.insert(tell(bench, &account).await);
    }
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&bench.store);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                loop {
                    let request = ClaimRequest::new(3, LEASE, 100);
                    let claimed = store.claim_deliveries(request).await.unwrap();
                    if claimed.claims.is_empty() {
                        return taken;
                    }
                    taken.extend(ids(&claimed.claims));
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    assert_eq!(taken.len(), told.len(), "each once");
    assert_eq!(taken.into_iter().collect::<HashSet<_>>(), told);
}

/// A worker that died loses its deliveries to others.
pub async fn should_hand_out_a_delivery_again_when_its_lease_ends(bench: &Bench) {
    let (_, account) = listening(bench).await;
    tell(bench, &account).await;
    let first = claim_one(bench).await;
    bench.pass(LEASE.as_secs() - 1);
    assert_eq!(claim(bench).await, []);
    bench.pass(1);
    let second = claim_one(bench).await;
    assert_eq!(second.delivery, first.delivery);
    assert_ne!(second.nonce, first.nonce);
}

/// A delivery that failed comes up when it is to be tried again, one that ended does not; both are kept.
pub async fn should_bring_up_a_delivery_at_its_time(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let id = tell(bench, &account).await;
    let failed = answered(bench, &claim_one(bench).await, 500);
    assert_eq!(apply(bench, &failed).await, Ok(()));
    assert_eq!(read(bench, tenant.id, id).await, failed.delivery);
    bench.pass(4);
    let request = ClaimRequest::new(10, LEASE, 10);
    let early = bench.store.claim_deliveries(request).await.unwrap();
    assert_eq!(early.claims, []);
    assert_eq!(early.next_ready, failed.delivery.next_attempt_at);
    bench.pass(1);
    let again = claim_one(bench).await;
    assert_eq!(again.delivery, failed.delivery);
    let done = answered(bench, &again, 204);
    assert_eq!(apply(bench, &done).await, Ok(()));
    bench.pass(7 * 86_400);
    assert_eq!(claim(bench).await, []);
    let kept = read(bench, tenant.id, id).await;
    assert_eq!(kept.status, DeliveryStatus::Delivered);
    assert_eq!(kept.attempts.len(), 2);
}

/// Who lost a claim, or has seen an older revision, writes nothing.
pub async fn should_refuse_the_outcome_of_a_lost_claim(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let id = tell(bench, &account).await;
    let lost = claim_one(bench).await;
    bench.pass(LEASE.as_secs());
    let held = claim_one(bench).await;
    assert_eq!(apply(bench, &answered(bench, &lost, 500)).await, Err(Stale));
    assert_eq!(read(bench, tenant.id, id).await, held.delivery);
    let foreign = DeliveryChange {
        delivery: Delivery {
            tenant: TenantId::generate(),
            ..held.delivery.clone()
        },
        ..answered(bench, &held, 200)
    };
    assert_eq!(apply(bench, &foreign).await, Err(Stale));
    // A lease that ran out while nobody else has claimed it is good enough.
    bench.pass(LEASE.as_secs());
    let done = answered(bench, &held, 200);
    assert_eq!(apply(bench, &done).await, Ok(()));
    assert_eq!(apply(bench, &done).await, Err(Stale));
}

/// A change without a claim is for a delivery that nobody is sending.
pub async fn should_not_change_a_delivery_under_way(bench: &Bench) {
    let (_, account) = listening(bench).await;
    tell(bench, &account).await;
    let claim = claim_one(bench).await;
    let again = |delivery: &Delivery| DeliveryChange {
        delivery: delivery.again(bench.now()),
        revision: delivery.revision,
        claim: None,
    };
    assert_eq!(apply(bench, &again(&claim.delivery)).await, Err(Stale));
    let done = answered(bench, &claim, 200);
    assert_eq!(apply(bench, &done).await, Ok(()));
    assert_eq!(apply(bench, &again(&claim.delivery)).await, Err(Stale));
    assert_eq!(apply(bench, &again(&done.delivery)).await, Ok(()));
    let sent_again = claim_one(bench).await;
    assert_eq!(sent_again.delivery.attempts, done.delivery.attempts);
}

/// A tenant has no more than its share under way, whoever has claimed it.
pub async fn should_cap_the_deliveries_of_a_tenant_in_flight(bench: &Bench) {
    let (_, slow) = listening(bench).await;
    let (_, other) = listening(bench).await;
    for _ in 0..5 {
        tell(bench, &slow).await;
    }
    let held = claim_capped(bench, 10, 2).await;
    assert_eq!(held.len(), 2);
    assert_eq!(claim_capped(bench, 10, 2).await, []);
    let id = tell(bench, &other).await;
    assert_eq!(ids(&claim_capped(bench, 10, 2).await), [id]);
    let mut waiting = pin!(bench.store.wake_for_deliveries(bench.at(30)));
    assert!(
        bench.waits(waiting.as_mut()).await,
        "its share is under way"
    );
    assert_eq!(apply(bench, &answered(bench, &held[0], 200)).await, Ok(()));
    bench.soon(waiting).await.unwrap();
    assert_eq!(claim_capped(bench, 10, 2).await.len(), 1);
    bench.pass(LEASE.as_secs());
    // Its own are handed out again, with the other's one that was never answered.
    assert_eq!(claim_capped(bench, 10, 2).await.len(), 3);
}

/// Endpoints are served in turn, whatever one's backlog.
pub async fn should_go_round_the_endpoints(bench: &Bench) {
    let (busy, account) = listening(bench).await;
    for _ in 0..20 {
        tell(bench, &account).await;
    }
    assert_eq!(claim_capped(bench, 2, 100).await.len(), 2);
    let (quiet, account) = listening(bench).await;
    for _ in 0..2 {
        tell(bench, &account).await;
    }
    let claims = claim_capped(bench, 4, 100).await;
    let of = |tenant: &Tenant| {
        let own = claims.iter().filter(|it| it.delivery.tenant == tenant.id);
        own.count()
    };
    assert_eq!((of(&busy), of(&quiet)), (2, 2));
}

/// Without an address nothing comes up; with one again, what was owed goes on.
pub async fn should_let_deliveries_rest_without_an_endpoint(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let owed = tell(bench, &account).await;
    let failed = answered(bench, &claim_one(bench).await, 500);
    assert_eq!(apply(bench, &failed).await, Ok(()));
    let update = async |webhook_url, revision| {
        let next = Tenant {
            webhook_url,
            revision: revision + 1,
            ..tenant.clone()
        };
        let store = &bench.store;
        let done = store.update_tenant(&next, revision, &[]).await.unwrap();
        assert_eq!(done, Ok(()));
    };
    update(None, 1).await;
    tell(bench, &account).await;
    bench.pass(60);
    assert_eq!(claim(bench).await, []);
    update("https://bakery.example/new".parse().ok(), 2).await;
    assert_eq!(ids(&claim(bench).await), [owed]);
}

/// The log comes newest first, page by page.
pub async fn should_list_deliveries_newest_first(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        told.insert(0, tell(bench, &account).await);
    }
    claim(bench).await;
    let list = async |after| {
        let page = PageRequest { limit: 2, after };
        bench.store.deliveries(tenant.id, page).await.unwrap()
    };
    let first = list(None).await;
    assert_eq!(first.next, Some(told[1].as_uuid()));
    let rest = list(first.next).await;
    assert_eq!(rest.next, None);
    let listed = first.items.iter().chain(&rest.items).map(|it| it.id);
    assert_eq!(listed.collect::<Vec<_>>(), told);
}

/// A delivery is its tenant's own, and goes with it.
pub async fn should_keep_deliveries_from_other_tenants(bench: &Bench) {
    let (tenant, account) = listening(bench).await;
    let (other, _) = listening(bench).await;
    let id = tell(bench, &account).await;
    let claimed = claim_one(bench).await;
    let page = PageRequest::first(10);
    let store = &bench.store;
    assert_eq!(store.delivery(other.id, id).await.unwrap(), None);
    let others = store.deliveries(other.id, page).await.unwrap();
    assert_eq!(others.items, []);
    assert!(store.delete_tenant(tenant.id).await.unwrap());
    assert_eq!(store.delivery(tenant.id, id).await.unwrap(), None);
    assert_eq!(
        apply(bench, &answered(bench, &claimed, 200)).await,
        Err(Stale)
    );
    bench.pass(LEASE.as_secs());
    assert_eq!(claim(bench).await, []);
}

/// Who waits is woken by a public event of a tenant that listens, and not before.
pub async fn should_wake_for_a_public_event(bench: &Bench) {
    let (_, account) = listening(bench).await;
    claim(bench).await;
    let mut waiting = pin!(bench.store.wake_for_deliveries(bench.at(30)));
    assert!(bench.waits(waiting.as_mut()).await);
    tell(bench, &account).await;
    bench.soon(waiting).await.unwrap();
    // What came before the wait is not lost.
    let until = bench.at(30);
    bench
        .soon(bench.store.wake_for_deliveries(until))
        .await
        .unwrap();
    assert_eq!(claim(bench).await.len(), 1);
    let mut waiting = pin!(bench.store.wake_for_deliveries(until));
    assert!(bench.waits(waiting.as_mut()).await);
    bench.pass(30);
    bench.soon(waiting).await.unwrap();
}

/// Who waits is woken when a delivery is to be tried again.
pub async fn should_wake_for_a_delivery_that_becomes_due(bench: &Bench) {
    let (_, account) = listening(bench).await;
    tell(bench, &account).await;
    let mut failed = answered(bench, &claim_one(bench).await, 503);
    failed.delivery.attempts[0].outcome = Outcome::Failed(Trouble::TimedOut);
    assert_eq!(apply(bench, &failed).await, Ok(()));
    let mut waiting = pin!(bench.store.wake_for_deliveries(bench.at(60)));
    assert!(bench.waits(waiting.as_mut()).await);
    bench.pass(5);
    bench.soon(waiting).await.unwrap();
    assert_eq!(claim_one(bench).await.delivery, failed.delivery);
}

/// What is told of a connection is taken up too, also when the connection is removed.
pub async fn should_tell_an_endpoint_of_connections(bench: &Bench) {
    let (tenant, _) = listening(bench).await;
    let connection = new_connection(&tenant, "user", "person");
    let event = |kind| Event {
        id: EventId::generate(),
        tenant: tenant.id,
        kind,
        subject: Subject::Connection(connection.id),
        revision: connection.revision,
        actor: Actor::Host,
        at: bench.now(),
        data: serde_json::json!({}),
    };
    let created = event(EventKind::ConnectionCreated);
    let change = ConnectionChange {
        connection: connection.clone(),
        revision: None,
        accounts: Vec::new(),
        events: vec![created.clone()],
        pause: Vec::new(),
        resume: Vec::new(),
    };
    let saved = bench.store.save_connection(&change).await.unwrap();
    assert_eq!(saved, Ok(()));
    assert_eq!(claim_one(bench).await.event, created);
    let revoked = event(EventKind::ConnectionRevoked);
    let mut waiting = pin!(bench.store.wake_for_deliveries(bench.at(30)));
    assert!(bench.waits(waiting.as_mut()).await);
    let events = std::slice::from_ref(&revoked);
    let store = &bench.store;
    let removed = store.remove_connection(tenant.id, connection.id, events);
    assert!(removed.await.unwrap());
    bench.soon(waiting).await.unwrap();
    assert_eq!(claim_one(bench).await.event, revoked);
}
