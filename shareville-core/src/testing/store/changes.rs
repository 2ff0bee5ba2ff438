//! Changes to posts: what must still be true for them, and what one step writes.

use std::{slice, sync::Arc};

use futures::future::join_all;

use super::{Bench, LEASE};
use crate::{
    clock::later,
    event::Subject,
    lane::ClaimRef,
    post::{Command, FirstCommentStatus, Post, Published},
    store::{PageRequest, Stale},
    tenant::Tenant,
};

async fn history(bench: &Bench, post: &Post) -> usize {
    let (subject, page) = (Subject::Post(post.id), PageRequest::first(100));
    let events = bench.store.events(post.tenant, subject, page).await;
    events.unwrap().items.len()
}

/// A change and the events that tell of it are one write.
pub async fn should_apply_a_change_with_its_events(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let before = history(bench, &post).await;
    let change = bench.waiting(&post, 30);
    let applied = bench.apply(&change).await.unwrap();
    assert_eq!(applied.now, bench.now());
    assert_eq!(Some(bench.read(&post).await), change.next);
    assert_eq!(history(bench, &post).await, before + change.events.len());
}

/// A change for an older revision writes nothing, and tells nothing.
pub async fn should_refuse_a_change_to_an_older_revision(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    bench.apply(&bench.waiting(&post, 30)).await.unwrap();
    let (stored, before) = (bench.read(&post).await, history(bench, &post).await);
    let late = bench.change(&post, Command::Cancel);
    assert_eq!(bench.apply(&late).await, Err(Stale));
    assert_eq!(bench.read(&post).await, stored);
    assert_eq!(history(bench, &post).await, before);
}

/// Another tenant's id is as good as none.
pub async fn should_refuse_a_change_in_anothers_name(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let mut stolen = bench.change(&post, Command::Cancel);
    stolen.tenant = other.id;
    assert_eq!(bench.apply(&stolen).await, Err(Stale));
    assert_eq!(bench.read(&post).await, post);
}

/// Whoever lost the claim can write nothing.
pub async fn should_refuse_a_change_whose_claim_was_lost(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let lost = bench.claim_one().await.claim;
    bench.pass(60);
    let kept = bench.claim_one().await.claim;
    let change = bench.waiting(&post, 30);
    assert_eq!(bench.apply(&change.clone().under(lost)).await, Err(Stale));
    assert_eq!(bench.read(&post).await, post);
    bench.apply(&change.under(kept)).await.unwrap();
}

/// A claim that was given back is lost; so is one on another lane.
pub async fn should_refuse_a_change_under_no_claim_of_its_lane(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    let elsewhere = bench.account(&tenant).await;
    bench.post(&elsewhere, bench.now()).await;
    let other = bench.claim_one().await.claim;
    let change = bench.waiting(&post, 30);
    assert_eq!(
        bench.apply(&change.clone().under(other.clone())).await,
        Err(Stale)
    );
    let mixed = ClaimRef {
        lane: claim.lane.clone(),
        nonce: other.nonce,
    };
    assert_eq!(bench.apply(&change.clone().under(mixed)).await, Err(Stale));
    bench.release(&claim).await;
    assert_eq!(bench.apply(&change.under(claim)).await, Err(Stale));
    assert_eq!(bench.read(&post).await, post);
}

/// A lease that ran out still counts as long as nobody else has claimed the lane.
pub async fn should_apply_a_change_whose_lease_ran_out_unclaimed(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    bench.pass(120);
    let change = bench.waiting(&post, 30).under(claim);
    bench.apply(&change).await.unwrap();
}

/// The times of a mark are the store's, whatever the worker's clock said.
pub async fn should_stamp_a_mark_by_its_own_clock(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let change = bench.committing(&post);
    bench.pass(7);
    let now = bench.now();
    let applied = bench.apply(&change).await.unwrap();
    assert_eq!(applied.now, now);
    let stored = bench.read(&post).await;
    let mark = stored.work.mark.clone().unwrap();
    assert_eq!(mark.since, now);
    assert_eq!(mark.deadline, later(now, LEASE));
    let judged_from = mark.judged_from(&bench.moment().pace);
    assert_eq!(stored.due_at(), Some(judged_from));
}

/// In a batch each change stands for itself, and the answers come in order.
pub async fn should_apply_the_good_changes_beside_a_stale_one(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let other = bench.account(&tenant).await;
    let first = bench.post(&account, bench.now()).await;
    let second = bench.post(&account, bench.now()).await;
    let third = bench.post(&other, bench.now()).await;
    bench.apply(&bench.waiting(&second, 5)).await.unwrap();
    let stored = bench.read(&second).await;
    let changes = [&first, &second, &third].map(|post| bench.waiting(post, 30));
    let results = bench.store.apply(&changes).await.unwrap();
    let fitted: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(fitted, [true, false, true]);
    assert_eq!(Some(bench.read(&first).await), changes[0].next);
    assert_eq!(bench.read(&second).await, stored);
    assert_eq!(Some(bench.read(&third).await), changes[2].next);
    assert_eq!(bench.store.apply(&[]).await.unwrap(), vec![]);
}

/// Changes of one batch run one after the other: the second to a post must fit what the first made of it.
pub async fn should_run_the_changes_of_a_batch_one_after_the_other(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let first = bench.waiting(&post, 30);
    let twin = bench.change(&post, Command::Cancel);
    let next = first.next.clone().unwrap();
    let fitting = bench.change(&next, Command::Cancel);
    let batch = [first, twin, fitting.clone()];
    let results = bench.store.apply(&batch).await.unwrap();
    let fitted: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(fitted, [true, false, true]);
    assert_eq!(Some(bench.read(&post).await), fitting.next);
}

/// A claim that a change of the batch ends is lost for those after it.
pub async fn should_end_a_claim_within_a_batch(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let first = bench.post(&account, bench.now()).await;
    let second = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    let ending = bench.waiting(&first, 30).under(claim.clone()).releasing();
    let late = bench.waiting(&second, 30).under(claim);
    let results = bench.store.apply(&[ending, late]).await.unwrap();
    assert!(results[0].is_ok());
    assert_eq!(results[1], Err(Stale));
    assert_eq!(bench.claim_one().await.post, second);
}

/// A post that is removed is gone, its history is not.
pub async fn should_remove_a_post_and_keep_its_history(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let before = history(bench, &post).await;
    let deleted = bench.change(&post, Command::Delete);
    bench.apply(&deleted).await.unwrap();
    let read = bench.store.post(tenant.id, post.id).await.unwrap();
    assert_eq!(read, None);
    assert_eq!(history(bench, &post).await, before + 1);
    assert_eq!(bench.apply(&deleted).await, Err(Stale));
    assert_eq!(bench.claim(10).await, vec![]);
}

/// Of many who change the same revision at once, one succeeds.
pub async fn should_let_one_of_many_writers_win(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let before = history(bench, &post).await;
    let writers = (0..16).map(|seconds| {
        let change = bench.waiting(&post, seconds);
        let store = Arc::clone(&bench.store);
        tokio::spawn(async move { store.apply(slice::from_ref(&change)).await })
    });
    let results = join_all(writers.collect::<Vec<_>>()).await;
    let results = results.into_iter().map(|it| it.unwrap().unwrap().remove(0));
    assert_eq!(results.filter(Result::is_ok).count(), 1);
    assert_eq!(bench.read(&post).await.revision, post.revision + 1);
    assert_eq!(history(bench, &post).await, before + 1);
}

async fn set_active(bench: &Bench, tenant: &mut Tenant, active: bool) {
    let before = tenant.revision;
    tenant.revision += 1;
    tenant.active = active;
    let updated = bench.store.update_tenant(tenant, before, &[]).await;
    assert_eq!(updated.unwrap(), Ok(()));
}

/// A commit begins only while its tenant is active; one that has begun is settled, and its first comment sent.
pub async fn should_begin_no_commit_of_an_inactive_tenant(bench: &Bench) {
    let mut tenant = bench.tenant().await;
    let other = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut begun = bench.scheduled(&account, bench.now());
    begun.post.first_comment_status = FirstCommentStatus::Pending;
    let created = bench.store.create(slice::from_ref(&begun), None).await;
    created.unwrap();
    let begun = begun.post;
    let waits = bench.post(&account, bench.now()).await;
    let others = bench.post(&bench.account(&other).await, bench.now()).await;
    bench.apply(&bench.committing(&begun)).await.unwrap();

    set_active(bench, &mut tenant, false).await;
    let batch = [bench.committing(&waits), bench.committing(&others)];
    let results = bench.store.apply(&batch).await.unwrap();
    assert_eq!(results[0], Err(Stale));
    assert!(results[1].is_ok(), "another tenant is active");
    assert_eq!(bench.read(&waits).await, waits);
    bench.apply(&bench.waiting(&waits, 30)).await.unwrap();
    for command in [
        Command::Live(Published::default()),
        Command::BeginComment { window: LEASE },
    ] {
        let post = bench.read(&begun).await;
        bench.apply(&bench.change(&post, command)).await.unwrap();
    }

    set_active(bench, &mut tenant, true).await;
    let waits = bench.read(&waits).await;
    bench.apply(&bench.committing(&waits)).await.unwrap();
}
