//! Waiting for work, and for a post to change.

use std::pin::pin;

use super::Bench;
use crate::{
    clock::Timestamp,
    lane::{Pause, PauseReason},
    post::Command,
    store::PauseScope,
};

/// New work wakes those who wait for it.
pub async fn should_wake_for_a_new_post(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut first = pin!(bench.store.wake(bench.at(3600)));
    let mut second = pin!(bench.store.wake(bench.at(3600)));
    assert!(bench.waits(first.as_mut()).await);
    assert!(bench.waits(second.as_mut()).await);
    bench.post(&account, bench.now()).await;
    bench.soon(first).await.unwrap();
    bench.soon(second).await.unwrap();
    bench.claim_one().await;
}

/// Work that came between claiming and waiting is not slept through.
pub async fn should_not_lose_work_that_came_before_the_wait(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    assert_eq!(bench.claim(10).await, vec![]);
    bench.post(&account, bench.now()).await;
    let woken = bench.store.wake(bench.at(3600));
    bench.soon(woken).await.unwrap();
}

/// Nobody waits beyond the time they said.
pub async fn should_wake_when_the_time_is_over(bench: &Bench) {
    let mut waiting = pin!(bench.store.wake(bench.at(60)));
    assert!(bench.waits(waiting.as_mut()).await);
    bench.pass(60);
    bench.soon(waiting).await.unwrap();
    bench.soon(bench.store.wake(bench.at(-1))).await.unwrap();
}

/// Work that becomes due while somebody waits wakes them, though it was put in meanwhile.
pub async fn should_wake_when_work_becomes_due(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut waiting = pin!(bench.store.wake(bench.at(3600)));
    assert!(bench.waits(waiting.as_mut()).await);
    bench.post(&account, bench.at(30)).await;
    bench.pass(30);
    bench.soon(waiting).await.unwrap();
    bench.claim_one().await;
}

/// A lane that is given back, or a change that ends a claim, wakes those who wait.
pub async fn should_wake_for_a_lane_given_back(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    let mut waiting = pin!(bench.store.wake(bench.at(50)));
    assert!(bench.waits(waiting.as_mut()).await);
    bench.release(&claim).await;
    bench.soon(waiting).await.unwrap();

    let claim = bench.claim_one().await.claim;
    let mut waiting = pin!(bench.store.wake(bench.at(50)));
    assert!(bench.waits(waiting.as_mut()).await);
    let change = bench.waiting(&post, 0).under(claim).releasing();
    bench.apply(&change).await.unwrap();
    bench.soon(waiting).await.unwrap();
}

/// Lanes that go on wake those who wait.
pub async fn should_wake_for_resumed_lanes(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.now()).await;
    let inactive = Pause {
        until: Timestamp::MAX_UTC,
        reason: PauseReason::TenantInactive,
    };
    let paused = bench.store.pause(tenant.id, &PauseScope::Tenant, inactive);
    paused.await.unwrap();
    let mut waiting = pin!(bench.store.wake(bench.at(3600)));
    assert!(bench.waits(waiting.as_mut()).await);
    let resumed = bench.store.resume(tenant.id, PauseReason::TenantInactive);
    resumed.await.unwrap();
    bench.soon(waiting).await.unwrap();
}

/// Nobody waits for a revision that is there already, or for a post that is not.
pub async fn should_not_watch_for_what_is_there(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(60)).await;
    let watch = |id, revision| bench.store.watch(tenant.id, id, revision, bench.at(3600));
    let older = post.revision - 1;
    let found = bench.soon(watch(post.id, older)).await.unwrap();
    assert_eq!(found, Some(post.clone()));
    let unknown = bench.soon(watch(crate::id::PostId::generate(), 0)).await;
    assert_eq!(unknown.unwrap(), None);
}

/// A change to a post wakes those who watch it, and other posts do not.
pub async fn should_watch_until_a_post_changes(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(60)).await;
    let other = bench.post(&account, bench.at(60)).await;
    let watched = bench
        .store
        .watch(tenant.id, post.id, post.revision, bench.at(3600));
    let mut watched = pin!(watched);
    assert!(bench.waits(watched.as_mut()).await);
    bench
        .apply(&bench.change(&other, Command::Cancel))
        .await
        .unwrap();
    assert!(bench.waits(watched.as_mut()).await);
    let change = bench.change(&post, Command::Cancel);
    bench.apply(&change).await.unwrap();
    assert_eq!(bench.soon(watched).await.unwrap(), change.next);
}

/// A watch ends at its time with the post as it is.
pub async fn should_watch_no_longer_than_asked(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(600)).await;
    let watched = bench
        .store
        .watch(tenant.id, post.id, post.revision, bench.at(60));
    let mut watched = pin!(watched);
    assert!(bench.waits(watched.as_mut()).await);
    bench.pass(60);
    assert_eq!(bench.soon(watched).await.unwrap(), Some(post));
}

/// A post that is removed ends the watch.
pub async fn should_stop_watching_a_post_that_is_removed(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(600)).await;
    let watched = bench
        .store
        .watch(tenant.id, post.id, post.revision, bench.at(3600));
    let mut watched = pin!(watched);
    assert!(bench.waits(watched.as_mut()).await);
    bench
        .apply(&bench.change(&post, Command::Delete))
        .await
        .unwrap();
    assert_eq!(bench.soon(watched).await.unwrap(), None);
}
