//! Going round the tenants.

use super::{Bench, LEASE};
use crate::{
    id::TenantId,
    post::{Command, Published},
    store::{Claim, ClaimRequest},
    tenant::Tenant,
};

async fn lanes(bench: &Bench, tenant: &Tenant, count: usize, seconds: i64) {
    for _ in 0..count {
        let account = bench.account(tenant).await;
        bench.post(&account, bench.at(seconds)).await;
    }
}

fn tenants(claims: &[Claim]) -> Vec<TenantId> {
    claims.iter().map(|claim| claim.tenant.id).collect()
}

/// One call goes round the tenants, whoever has the older backlog.
pub async fn should_go_round_the_tenants(bench: &Bench) {
    let (big, small) = (bench.tenant().await, bench.tenant().await);
    lanes(bench, &big, 10, -200).await;
    lanes(bench, &small, 2, -100).await;
    let order = tenants(&bench.claim(6).await);
    let expected = [big.id, small.id, big.id, small.id, big.id, big.id];
    assert_eq!(order, expected);
}

/// Calls for one lane each go round the tenants as well, even within one tick of the clock.
pub async fn should_serve_next_who_waited_longest(bench: &Bench) {
    let (big, small) = (bench.tenant().await, bench.tenant().await);
    let third = bench.tenant().await;
    lanes(bench, &big, 6, -200).await;
    lanes(bench, &small, 2, 0).await;
    lanes(bench, &third, 1, -100).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        order.extend(tenants(&bench.claim(1).await));
    }
    let expected = [big.id, third.id, small.id, big.id, small.id, big.id];
    assert_eq!(order, expected);
}

/// No tenant has more lanes in flight than its cap, and a capped one stands in nobody's way.
pub async fn should_cap_the_lanes_of_a_tenant_in_flight(bench: &Bench) {
    let (big, small) = (bench.tenant().await, bench.tenant().await);
    lanes(bench, &big, 5, -200).await;
    lanes(bench, &small, 1, -100).await;
    let claims = bench.claim_capped(10, 2).await;
    assert_eq!(tenants(&claims), [big.id, small.id, big.id]);
    assert_eq!(bench.claim_capped(10, 2).await, vec![]);
    let bigs = &claims[0].claim;
    bench.release(bigs).await;
    let more = bench.claim_capped(10, 2).await;
    assert_eq!(tenants(&more), [big.id]);
}

/// A capped tenant goes on when one of its leases ends, and that time is told.
pub async fn should_free_the_cap_when_a_lease_ends(bench: &Bench) {
    let tenant = bench.tenant().await;
    lanes(bench, &tenant, 3, -200).await;
    assert_eq!(bench.claim_capped(1, 2).await.len(), 1);
    bench.pass(20);
    assert_eq!(bench.claim_capped(2, 2).await.len(), 1);
    let request = ClaimRequest::new(10, LEASE, 2);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(claimed.claims, vec![]);
    assert_eq!(claimed.next_ready, Some(bench.at(40)));
    bench.pass(40);
    assert_eq!(bench.claim_capped(10, 2).await.len(), 1);
}

/// A capped tenant goes on as soon as what it had in flight is published.
pub async fn should_free_the_cap_when_a_commit_is_settled(bench: &Bench) {
    let tenant = bench.tenant().await;
    lanes(bench, &tenant, 2, -200).await;
    let Claim { claim, post, .. } = bench.claim_capped(1, 1).await.remove(0);
    assert_eq!(bench.claim_capped(10, 1).await, vec![]);
    let marked = bench.committing(&post).under(claim.clone());
    bench.apply(&marked).await.unwrap();
    let post = bench.read(&post).await;
    let live = bench.change(&post, Command::Live(Published::default()));
    bench.apply(&live.under(claim).releasing()).await.unwrap();
    assert_eq!(bench.claim_capped(10, 1).await.len(), 1);
}

/// A renewed lease keeps counting.
pub async fn should_count_renewed_leases(bench: &Bench) {
    let tenant = bench.tenant().await;
    lanes(bench, &tenant, 2, -200).await;
    let claim = bench.claim_capped(1, 1).await.remove(0).claim;
    bench.pass(50);
    let renewed = bench.store.renew(std::slice::from_ref(&claim), LEASE);
    assert_eq!(renewed.await.unwrap(), [true]);
    bench.pass(30);
    assert_eq!(bench.claim_capped(10, 1).await, vec![]);
    bench.release(&claim).await;
    assert_eq!(bench.claim_capped(10, 1).await.len(), 1);
}

/// The work of one who has much to come costs the others nothing: only what is due takes part.
pub async fn should_pass_over_tenants_with_nothing_due(bench: &Bench) {
    let (busy, idle) = (bench.tenant().await, bench.tenant().await);
    lanes(bench, &idle, 3, 3600).await;
    lanes(bench, &busy, 2, -1).await;
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(tenants(&claimed.claims), [busy.id, busy.id]);
    let lease_ends = bench.at(60);
    assert_eq!(claimed.next_ready, Some(lease_ends));
}
