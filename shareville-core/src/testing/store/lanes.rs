//! Claiming: which lane, which post, for how long, and by whom.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures::future::join_all;

use super::{Bench, LEASE, new_connection};
use crate::{post::Command, store::ClaimRequest};

/// A claim brings the post with all that is needed to publish it.
pub async fn should_claim_a_due_post_with_all_it_needs(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let account = bench.connect(&connection, &["page-1"]).await.remove(0);
    let post = bench.post(&account, bench.now()).await;
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(claimed.now, bench.now());
    let [claim] = &claimed.claims[..] else {
        panic!("one lane has a post up, not {}", claimed.claims.len());
    };
    assert_eq!(claim.claim.lane, account.lane());
    assert_eq!(claim.post, post);
    assert_eq!(claim.account, account);
    assert_eq!(claim.connection, connection);
    assert_eq!(*claim.tenant, tenant);
}

/// Nothing is claimed before its time, to the microsecond; the next time is told.
pub async fn should_not_claim_before_its_time(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let due = bench.at(60);
    let post = bench.post(&account, due).await;
    bench.clock.set(due - TimeDelta::microseconds(1));
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(claimed.claims, vec![]);
    assert_eq!(claimed.next_ready, Some(due));
    bench.clock.set(due);
    assert_eq!(bench.claim_one().await.post, post);
}

/// Posts of a lane come in the order in which they are due, to the microsecond, whatever their ids.
pub async fn should_take_posts_in_due_order(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let tick = TimeDelta::microseconds(1);
    let due = bench.at(-1);
    let last = bench.post(&account, due + tick + tick).await;
    let first = bench.post(&account, due).await;
    let second = bench.post(&account, due + tick).await;
    for post in [first, second, last] {
        let claim = bench.claim_one().await;
        assert_eq!(claim.post, post);
        let canceled = bench.change(&post, Command::Cancel);
        let ended = canceled.under(claim.claim).releasing();
        bench.apply(&ended).await.unwrap();
    }
    assert_eq!(bench.claim(10).await, vec![]);
}

/// A post that waits lets later ones of its lane pass.
pub async fn should_let_later_posts_pass_one_that_waits(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let slow = bench.post(&account, bench.at(-2)).await;
    let quick = bench.post(&account, bench.at(-1)).await;
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, slow);
    let waits = bench.waiting(&slow, 600).under(claim.claim).releasing();
    bench.apply(&waits).await.unwrap();
    assert_eq!(bench.claim_one().await.post, quick);
}

/// A lane is claimed by one at a time, whichever of its posts are due and through whichever connection.
pub async fn should_claim_a_lane_once_at_a_time(bench: &Bench) {
    let tenant = bench.tenant().await;
    let anna = new_connection(&tenant, "anna", "person-1");
    let annas = bench.connect(&anna, &["page-1"]).await.remove(0);
    let bert = new_connection(&tenant, "bert", "person-2");
    let berts = bench.connect(&bert, &["page-1"]).await.remove(0);
    let first = bench.post(&annas, bench.at(-2)).await;
    let second = bench.post(&berts, bench.at(-1)).await;
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, first);
    assert_eq!(bench.claim(10).await, vec![]);
    let canceled = bench.change(&first, Command::Cancel);
    let ended = canceled.under(claim.claim).releasing();
    bench.apply(&ended).await.unwrap();
    let claim = bench.claim_one().await;
    assert_eq!((claim.post, claim.connection), (second, bert));
}

/// Sixteen workers at once claim each lane once.
pub async fn should_claim_exactly_once_under_many_workers(bench: &Bench) {
    let mut expected = HashSet::new();
    for _ in 0..4 {
        let tenant = bench.tenant().await;
        for _ in 0..16 {
            let account = bench.account(&tenant).await;
            expected.insert(bench.post(&account, bench.now()).await.id);
        }
    }
    let workers = (0..16).map(|_| {
        let store = Arc::clone(&bench.store);
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let request = ClaimRequest::new(3, LEASE, usize::MAX);
                let claims = store.claim(request).await.unwrap().claims;
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims.into_iter().map(|it| (it.post.id, it.claim.nonce)));
            }
        })
    });
    let claimed = join_all(workers.collect::<Vec<_>>()).await;
    let claimed: Vec<_> = claimed.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(claimed.len(), expected.len(), "some lane was claimed twice");
    let nonces: HashSet<_> = claimed.iter().map(|(_, nonce)| nonce).collect();
    assert_eq!(
        nonces.len(),
        expected.len(),
        "each claim has a nonce of its own"
    );
    let posts: HashSet<_> = claimed.iter().map(|(post, _)| *post).collect();
    assert_eq!(posts, expected);
}

/// A lane whose lease ended goes to another, and the first can do nothing more in it.
pub async fn should_hand_out_a_lane_again_when_its_lease_ends(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let lost = bench.claim_one().await.claim;
    bench.pass(59);
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(1);
    let again = bench.claim_one().await;
    assert_eq!(again.post, post);
    assert_ne!(again.claim.nonce, lost.nonce);
    let held = bench
        .store
        .renew(&[lost.clone(), again.claim.clone()], LEASE)
        .await;
    assert_eq!(held.unwrap(), [false, true]);
    bench.release(&lost).await;
    assert_eq!(
        bench.claim(10).await,
        vec![],
        "only the holder can give it back"
    );
}

/// A renewed lease lasts from the renewal on.
pub async fn should_renew_a_lease_from_now(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    bench.pass(40);
    let renewed = bench.store.renew(std::slice::from_ref(&claim), LEASE);
    assert_eq!(renewed.await.unwrap(), [true]);
    bench.pass(59);
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(1);
    bench.claim_one().await;
    assert_eq!(
        bench.store.renew(&[], LEASE).await.unwrap(),
        Vec::<bool>::new()
    );
}

/// A lane that is given back can be claimed at once; the old claim is over.
pub async fn should_release_a_lane_at_once(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    bench.release(&claim).await;
    let renewed = bench.store.renew(std::slice::from_ref(&claim), LEASE);
    assert_eq!(renewed.await.unwrap(), [false]);
    assert_eq!(bench.claim_one().await.post, post);
    bench.release(&claim).await;
    assert_eq!(bench.claim(10).await, vec![]);
    bench.store.release(&[]).await.unwrap();
}

/// A change can end its claim in the same step; without a claim it ends nobody's.
pub async fn should_end_the_claim_with_the_change(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    let by_another = bench.waiting(&post, 0).releasing();
    bench.apply(&by_another).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    let post = bench.read(&post).await;
    let change = bench.waiting(&post, 0).under(claim).releasing();
    bench.apply(&change).await.unwrap();
    assert_eq!(bench.claim_one().await.post.id, post.id);
}

/// A post whose account is gone never comes up, and its lane goes on.
pub async fn should_pass_over_posts_whose_account_is_gone(bench: &Bench) {
    let tenant = bench.tenant().await;
    let anna = new_connection(&tenant, "anna", "person-1");
    let annas = bench.connect(&anna, &["page-1"]).await.remove(0);
    let bert = new_connection(&tenant, "bert", "person-2");
    let berts = bench.connect(&bert, &["page-1"]).await.remove(0);
    let orphan = bench.post(&annas, bench.at(-2)).await;
    let post = bench.post(&berts, bench.at(-1)).await;
    let removed = bench.store.remove_connection(tenant.id, anna.id, &[]);
    assert!(removed.await.unwrap());
    assert_eq!(bench.read(&orphan).await, orphan);
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, post);
    // Not even a change brings it up again.
    bench.apply(&bench.waiting(&orphan, -10)).await.unwrap();
    bench.release(&claim.claim).await;
    assert_eq!(bench.claim_one().await.post, post);
}

/// A claim takes no more lanes than asked for, and none at all for a limit of nothing.
pub async fn should_claim_no_more_than_asked_for(bench: &Bench) {
    let tenant = bench.tenant().await;
    for _ in 0..3 {
        let account = bench.account(&tenant).await;
        bench.post(&account, bench.now()).await;
    }
    assert_eq!(bench.claim(0).await, vec![]);
    assert_eq!(bench.claim(2).await.len(), 2);
    assert_eq!(bench.claim(2).await.len(), 1);
    // Even a lease of no length hands out no lane twice in one call.
    bench.pass(60);
    let request = ClaimRequest::new(10, Duration::ZERO, usize::MAX);
    let claimed = bench.store.claim(request).await.unwrap();
    assert_eq!(claimed.claims.len(), 3);
    bench.store.ready().await.unwrap();
}
