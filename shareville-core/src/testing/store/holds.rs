//! Holds of an open commit on its lane, and posts whose time is over.

use super::Bench;
use crate::{
    lane::{Pause, PauseReason},
    post::{Command, Published},
    store::PauseScope,
};

/// While a commit is open, no other post of the lane comes up until its deadline and a grace.
pub async fn should_hold_the_lane_of_an_open_commit(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(-2)).await;
    let other = bench.post(&account, bench.at(-1)).await;
    let claim = bench.claim_one().await.claim;
    let marked = bench.committing(&post).under(claim).releasing();
    bench.apply(&marked).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    // A minute's deadline and five seconds' grace.
    bench.pass(64);
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(1);
    let first = bench.claim_one().await;
    assert_eq!(first.post.id, other.id, "the lane goes on, in due order");
}

/// The post that holds the lane comes up itself when it is due.
pub async fn should_let_the_holder_through(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(-2)).await;
    bench.post(&account, bench.at(-1)).await;
    bench.apply(&bench.committing(&post)).await.unwrap();
    bench.pass(10);
    let post = bench.read(&post).await;
    let failure = crate::failure::Failure::outcome_unknown();
    let uncertain = bench.change(&post, Command::Uncertain { failure });
    bench.apply(&uncertain).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(5);
    let claim = bench.claim_one().await;
    assert_eq!(claim.post.id, post.id);
    assert!(claim.post.has_open_commit());
}

/// A commit that has settled lets the lane go on at once.
pub async fn should_lift_the_hold_of_a_settled_commit(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(-2)).await;
    let other = bench.post(&account, bench.at(-1)).await;
    bench.apply(&bench.committing(&post)).await.unwrap();
    let post = bench.read(&post).await;
    let live = bench.change(&post, Command::Live(Published::default()));
    bench.apply(&live).await.unwrap();
    assert_eq!(bench.claim_one().await.post, other);
}

/// A post can lift its own hold only.
pub async fn should_keep_the_hold_of_another_post(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let older = bench.post(&account, bench.at(-3)).await;
    let newer = bench.post(&account, bench.at(-2)).await;
    bench.post(&account, bench.at(-1)).await;
    bench.apply(&bench.committing(&older)).await.unwrap();
    bench.pass(65);
    bench.apply(&bench.committing(&newer)).await.unwrap();
    let older = bench.read(&older).await;
    let live = bench.change(&older, Command::Live(Published::default()));
    bench.apply(&live).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(65);
    bench.claim_one().await;
}

/// A post that is too late comes up to be ended, though its lane stands still, and before those that are due earlier.
pub async fn should_bring_up_an_expired_post_in_a_paused_lane(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut patient = bench.scheduled(&account, bench.at(-2));
    patient.post.give_up_after *= 2;
    let posts = std::slice::from_ref(&patient);
    bench.store.create(posts, None).await.unwrap();
    let patient = patient.post;
    let hasty = bench.post(&account, bench.at(60)).await;
    let pause = Pause {
        until: crate::clock::Timestamp::MAX_UTC,
        reason: PauseReason::Blocked,
    };
    let paused = bench.store.pause(tenant.id, &PauseScope::Tenant, pause);
    paused.await.unwrap();
    bench.clock.set(hasty.expires_at().unwrap());
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, hasty);
    let ended = bench.change(&hasty, Command::Expire).under(claim.claim);
    bench.apply(&ended.releasing()).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    bench.clock.set(patient.expires_at().unwrap());
    assert_eq!(bench.claim_one().await.post, patient);
}

/// An expired post comes up though another's commit holds the lane.
pub async fn should_bring_up_an_expired_post_in_a_held_lane(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let expiring = bench.post(&account, bench.at(-100)).await;
    let holder = bench.post(&account, bench.at(-50)).await;
    let due = expiring.expires_at().unwrap();
    bench.clock.set(due - chrono::TimeDelta::seconds(30));
    bench.apply(&bench.committing(&holder)).await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    bench.clock.set(due);
    assert_eq!(bench.claim_one().await.post, expiring);
}
