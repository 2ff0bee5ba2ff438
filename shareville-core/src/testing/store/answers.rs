//! Answers kept for requests that are sent again.

use super::Bench;
use crate::{
    connection::Account,
    id::{AccountId, UserId},
    idempotency::{Answered, Created, Fingerprint, Idempotency, IdempotencyKey},
    store::{NewPost, PageRequest, PostFilter, StoreError},
    tenant::Tenant,
};

/// How many writers try at once.
const WRITERS: usize = 16;

pub(super) fn keyed(bench: &Bench, tenant: &Tenant, key: &str, answer: &str) -> Idempotency {
    let key: IdempotencyKey = key.parse().unwrap();
    let user = UserId::new("user");
    Idempotency {
        tenant: tenant.id,
        key: key.hash(Some(&user)),
        request: Fingerprint::of(answer, &serde_json::Map::new()),
        answer: answer.as_bytes().to_vec(),
        users: vec![user],
        expires_at: bench.at(60),
    }
}

fn answered(kept: &Idempotency) -> Answered {
    Answered {
        request: kept.request,
        answer: kept.answer.clone(),
    }
}

pub(super) async fn create(bench: &Bench, account: &Account, kept: &Idempotency) -> Created {
    let new = bench.scheduled(account, bench.at(60));
    let created = bench.store.create(&[new], Some(kept)).await;
    created.unwrap()
}

async fn posts(bench: &Bench, tenant: &Tenant) -> usize {
    let (filter, page) = (PostFilter::default(), PageRequest::first(100));
    let listed = bench.store.posts(tenant.id, &filter, page).await;
    listed.unwrap().items.len()
}

/// An answer is stored with the posts, and given again instead of storing more.
pub async fn should_answer_the_same_key_again(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let kept = keyed(bench, &tenant, "key", "first \u{0} \u{1F950}");
    let store = &bench.store;
    let before = store.answered(tenant.id, &kept.key).await.unwrap();
    assert_eq!(before, None);
    assert_eq!(create(bench, &account, &kept).await, Created::Stored);
    let read = store.answered(tenant.id, &kept.key).await.unwrap();
    assert_eq!(read, Some(answered(&kept)));
    let other = keyed(bench, &tenant, "key", "second");
    let again = create(bench, &account, &other).await;
    assert_eq!(again, Created::Before(answered(&kept)));
    assert_eq!(posts(bench, &tenant).await, 1);

    let elsewhere = keyed(bench, &tenant, "other-key", "second");
    assert_eq!(create(bench, &account, &elsewhere).await, Created::Stored);
    assert_eq!(posts(bench, &tenant).await, 2);
}

/// Where nothing could be stored, no answer is kept; and a key is looked at before the accounts are.
pub async fn should_keep_no_answer_of_what_was_not_stored(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let orphan = || -> NewPost {
        let mut orphan = bench.scheduled(&account, bench.now());
        orphan.post.account = AccountId::generate();
        orphan
    };
    let kept = keyed(bench, &tenant, "key", "first");
    let refused = bench.store.create(&[orphan()], Some(&kept)).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "account" })
    ));
    let read = bench.store.answered(tenant.id, &kept.key).await.unwrap();
    assert_eq!(read, None);
    assert_eq!(create(bench, &account, &kept).await, Created::Stored);
    let again = bench.store.create(&[orphan()], Some(&kept)).await;
    assert_eq!(again.unwrap(), Created::Before(answered(&kept)));
}

/// Of many that come with one key at once, one stores its posts, and all are told what it answered.
pub async fn should_let_one_of_many_with_one_key_be_the_first(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let writers = (0..WRITERS).map(|writer| {
        let store = std::sync::Arc::clone(&bench.store);
        let kept = keyed(bench, &tenant, "key", &format!("answer {writer}"));
        let new = bench.scheduled(&account, bench.at(60));
        tokio::spawn(async move {
            let created = store.create(&[new], Some(&kept)).await.unwrap();
            (kept, created)
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut first = Vec::new();
    let mut told = Vec::new();
    for writer in writers {
        let (kept, created) = writer.await.unwrap();
        match created {
            Created::Stored => first.push(answered(&kept)),
            Created::Before(before) => told.push(before),
            Created::UnderWay => panic!("nobody takes ten seconds"),
        }
    }
    assert_eq!(first.len(), 1);
    assert_eq!(told, vec![first[0].clone(); WRITERS - 1]);
    assert_eq!(posts(bench, &tenant).await, 1);
}

/// A key whose time is over is free, swept or not.
pub async fn should_free_a_key_when_its_time_is_over(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let first = keyed(bench, &tenant, "key", "first");
    assert_eq!(create(bench, &account, &first).await, Created::Stored);
    let store = &bench.store;
    bench.pass(59);
    store.sweep(bench.at(600)).await.unwrap();
    let read = store.answered(tenant.id, &first.key).await.unwrap();
    assert_eq!(read, Some(answered(&first)));
    bench.pass(1);
    let over = store.answered(tenant.id, &first.key).await.unwrap();
    assert_eq!(over, None);
    let second = keyed(bench, &tenant, "key", "second");
    assert_eq!(create(bench, &account, &second).await, Created::Stored);
    let read = store.answered(tenant.id, &first.key).await.unwrap();
    assert_eq!(read, Some(answered(&second)));
    bench.pass(60);
    store.sweep(bench.at(600)).await.unwrap();
    let third = keyed(bench, &tenant, "key", "third");
    assert_eq!(create(bench, &account, &third).await, Created::Stored);
}

/// The same key is another one with another tenant.
pub async fn should_keep_answers_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let account = bench.account(&tenant).await;
    let kept = keyed(bench, &tenant, "key", "first");
    assert_eq!(create(bench, &account, &kept).await, Created::Stored);
    let foreign = bench.store.answered(other.id, &kept.key).await.unwrap();
    assert_eq!(foreign, None);
    let account = bench.account(&other).await;
    let own = keyed(bench, &other, "key", "own");
    assert_eq!(own.key, kept.key);
    assert_eq!(create(bench, &account, &own).await, Created::Stored);
    bench.store.delete_tenant(other.id).await.unwrap();
    let read = bench.store.answered(tenant.id, &kept.key).await.unwrap();
    assert_eq!(read, Some(answered(&kept)));
}
