//! How far behind the workers are.

use super::Bench;
use crate::{
    lane::{Pause, PauseReason},
    store::{Backlog, PauseScope},
};

/// What waits when nothing does.
fn nothing(bench: &Bench) -> Backlog {
    Backlog {
        now: bench.now(),
        lanes: 0,
        lanes_since: None,
        deliveries: 0,
        deliveries_since: None,
    }
}

/// Lanes that are ready count, of every tenant, and since when; what lies in the future or was claimed does not.
pub async fn should_count_the_lanes_that_wait(bench: &Bench) {
    let (one, other) = (bench.tenant().await, bench.tenant().await);
    for (tenant, seconds) in [(&one, -30), (&one, -10), (&other, -20), (&other, 3600)] {
        let account = bench.account(tenant).await;
        bench.post(&account, bench.at(seconds)).await;
    }
    let backlog = bench.store.backlog().await.unwrap();
    let waiting = Backlog {
        lanes: 3,
        lanes_since: Some(bench.at(-30)),
        ..nothing(bench)
    };
    assert_eq!(backlog, waiting);
    assert_eq!(backlog.lag().as_secs(), 30);
    let claimed = bench.claim(2).await;
    assert_eq!(claimed.len(), 2);
    let backlog = bench.store.backlog().await.unwrap();
    assert_eq!((backlog.lanes, backlog.lag().as_secs()), (1, 10));
    bench.release(&claimed[0].claim).await;
    assert_eq!(bench.store.backlog().await.unwrap().lanes, 2);
}

/// Whoever is at their cap waits as well; lanes that stand still on purpose do not.
pub async fn should_count_a_capped_tenant_and_no_paused_lane(bench: &Bench) {
    let (capped, paused) = (bench.tenant().await, bench.tenant().await);
    for tenant in [&capped, &capped, &paused] {
        let account = bench.account(tenant).await;
        bench.post(&account, bench.at(-5)).await;
    }
    let pause = Pause {
        until: bench.at(600),
        reason: PauseReason::RateLimited,
    };
    let scope = PauseScope::Tenant;
    bench.store.pause(paused.id, &scope, pause).await.unwrap();
    assert_eq!(bench.claim_capped(10, 1).await.len(), 1);
    let backlog = bench.store.backlog().await.unwrap();
    assert_eq!((backlog.lanes, backlog.lag().as_secs()), (1, 5));
}
