//! Lanes that stand still.

use super::{Bench, new_connection};
use crate::{
    clock::Timestamp,
    connection::{Account, Connection},
    id::Provider,
    lane::{Lane, Pause, PauseReason},
    store::{ClaimRequest, ConnectionChange, PauseScope},
    tenant::Tenant,
};

const fn until_lifted(reason: PauseReason) -> Pause {
    Pause {
        until: Timestamp::MAX_UTC,
        reason,
    }
}

async fn pause(bench: &Bench, tenant: &Tenant, pause: Pause) {
    let paused = bench.store.pause(tenant.id, &PauseScope::Tenant, pause);
    paused.await.unwrap();
}

async fn instagram_account(bench: &Bench, tenant: &Tenant) -> Account {
    let connection = Connection {
        provider: Provider::instagram(),
        ..new_connection(tenant, "user", "instagrammer")
    };
    bench.connect(&connection, &["ig-1"]).await.remove(0)
}

/// A pause is for the lanes of one network of one tenant, or all of that tenant's, and nobody else's.
pub async fn should_pause_the_lanes_of_a_scope(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let facebook = bench.account(&tenant).await;
    let instagram = instagram_account(bench, &tenant).await;
    let others = bench.account(&other).await;
    let lasting = bench.at(600);
    for account in [&facebook, &instagram, &others] {
        bench.post(account, bench.now()).await;
    }
    let limited = Pause {
        until: lasting,
        reason: PauseReason::RateLimited,
    };
    let scope = PauseScope::Provider(Provider::facebook());
    bench.store.pause(tenant.id, &scope, limited).await.unwrap();
    let claims = bench.claim(10).await;
    let lanes: Vec<_> = claims.iter().map(|it| it.claim.lane.clone()).collect();
    assert_eq!(lanes.len(), 2);
    assert!(lanes.contains(&instagram.lane()) && lanes.contains(&others.lane()));
    for claim in &claims {
        bench.release(&claim.claim).await;
    }
    pause(bench, &tenant, limited).await;
    assert_eq!(bench.claim_one().await.claim.lane, others.lane());
    bench.clock.set(lasting);
    assert_eq!(bench.claim(10).await.len(), 3, "the pause ends by itself");
}

/// Of two pauses the longer stays, whichever comes first.
pub async fn should_keep_the_longer_pause(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.now()).await;
    for seconds in [100, 50] {
        let limited = Pause {
            until: bench.at(seconds),
            reason: PauseReason::RateLimited,
        };
        pause(bench, &tenant, limited).await;
    }
    let request = ClaimRequest::new(10, super::LEASE, 10);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(claimed.next_ready, Some(bench.at(100)));
    bench.pass(99);
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(1);
    bench.claim_one().await;
}

/// A pause ends for its own reason only.
pub async fn should_resume_for_the_same_reason_only(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    for tenant in [&tenant, &other] {
        let account = bench.account(tenant).await;
        bench.post(&account, bench.now()).await;
        pause(bench, tenant, until_lifted(PauseReason::TenantInactive)).await;
    }
    let resume = |reason| bench.store.resume(tenant.id, reason);
    resume(PauseReason::ConnectionBroken).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    resume(PauseReason::TenantInactive).await.unwrap();
    assert_eq!(bench.claim_one().await.tenant.id, tenant.id);
}

/// A change can pause its lane in the same step.
pub async fn should_pause_a_lane_with_a_change(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(-2)).await;
    let other = bench.post(&account, bench.at(-1)).await;
    let claim = bench.claim_one().await.claim;
    let pause = Pause {
        until: bench.at(300),
        reason: PauseReason::RateLimited,
    };
    let change = bench.waiting(&post, 600).under(claim).releasing();
    bench.apply(&change.pausing(pause)).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(300);
    assert_eq!(bench.claim_one().await.post, other);
}

fn change(connection: &Connection, revision: u64) -> ConnectionChange {
    ConnectionChange {
        connection: Connection {
            revision: revision + 1,
            ..connection.clone()
        },
        revision: Some(revision),
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    }
}

/// A broken connection pauses its lanes in one write, and mending it lets them go on.
pub async fn should_pause_and_resume_lanes_with_a_connection(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1", "page-2"]).await;
    for account in &accounts {
        bench.post(account, bench.now()).await;
    }
    let broken = until_lifted(PauseReason::ConnectionBroken);
    let lanes: Vec<Lane> = accounts.iter().map(Account::lane).collect();
    let breaking = ConnectionChange {
        pause: lanes.iter().map(|lane| (lane.clone(), broken)).collect(),
        ..change(&connection, 1)
    };
    let saved = bench.store.save_connection(&breaking).await.unwrap();
    assert_eq!(saved, Ok(()));
    assert_eq!(bench.claim(10).await, vec![]);
    let mending = ConnectionChange {
        resume: lanes[..1].to_vec(),
        ..change(&connection, 2)
    };
    let saved = bench.store.save_connection(&mending).await.unwrap();
    assert_eq!(saved, Ok(()));
    assert_eq!(bench.claim_one().await.claim.lane, lanes[0]);
}

/// Mending a connection ends no pause that is there for another reason.
pub async fn should_not_resume_other_pauses_with_a_connection(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let account = bench.connect(&connection, &["page-1"]).await.remove(0);
    bench.post(&account, bench.now()).await;
    pause(bench, &tenant, until_lifted(PauseReason::Blocked)).await;
    let mending = ConnectionChange {
        resume: vec![account.lane()],
        ..change(&connection, 1)
    };
    let saved = bench.store.save_connection(&mending).await.unwrap();
    assert_eq!(saved, Ok(()));
    assert_eq!(bench.claim(10).await, vec![]);
}

/// A lane can be paused before it has had any post.
pub async fn should_pause_a_lane_without_posts(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let account = bench.connect(&connection, &["page-1"]).await.remove(0);
    let broken = until_lifted(PauseReason::ConnectionBroken);
    let breaking = ConnectionChange {
        pause: vec![(account.lane(), broken)],
        ..change(&connection, 1)
    };
    let saved = bench.store.save_connection(&breaking).await.unwrap();
    assert_eq!(saved, Ok(()));
    bench.post(&account, bench.now()).await;
    assert_eq!(bench.claim(10).await, vec![]);
    let resumed = bench.store.resume(tenant.id, PauseReason::ConnectionBroken);
    resumed.await.unwrap();
    bench.claim_one().await;
}

/// Asked about lanes, a store tells of each in turn whether and why it stands still now.
pub async fn should_tell_which_lanes_stand_still_and_why(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let paused = bench.account(&tenant).await;
    let free = bench.account(&other).await;
    bench.post(&paused, bench.now()).await;
    let limited = Pause {
        until: bench.at(100),
        reason: PauseReason::RateLimited,
    };
    pause(bench, &tenant, limited).await;
    let lanes = [free.lane(), paused.lane(), free.lane()];
    let told = bench.store.pauses(&lanes).await.unwrap();
    assert_eq!(told, [None, Some(limited), None]);
    assert_eq!(bench.store.pauses(&[]).await.unwrap(), []);
    bench.pass(100);
    let told = bench.store.pauses(&lanes).await.unwrap();
    assert_eq!(told, [None, None, None], "it is over");
}
