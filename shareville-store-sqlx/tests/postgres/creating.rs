//! Posts that several callers have to store at one time.

use std::collections::HashSet;

use shareville_core::{
    connection::Account,
    id::{AccountId, TenantId},
    idempotency::{Created, Fingerprint, Idempotency, IdempotencyKey},
    store::{ConnectionStore as _, NewPost, PostStore as _, Result, StoreError},
    testing::store::Bench,
};
use shareville_store_sqlx::PostgresStore;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::task::JoinHandle;

use super::{
    contention::{at_once, number, until_waited_for},
    scene,
};

/// As many as are stored together.
const MANY: usize = 64;

fn keyed(bench: &Bench, tenant: TenantId, key: &str, answer: usize) -> Idempotency {
    let key: IdempotencyKey = key.parse().unwrap();
    Idempotency {
        tenant,
        key: key.hash(None),
        request: Fingerprint::of("POST /posts", &serde_json::Map::new()),
        answer: answer.to_string().into_bytes(),
        users: Vec::new(),
        expires_at: bench.at(60),
    }
}

/// Stores a post beside others.
fn create(
    store: &PostgresStore,
    new: &NewPost,
    kept: Option<&Idempotency>,
) -> JoinHandle<Result<Created>> {
    let (store, new, kept) = (store.clone(), new.clone(), kept.cloned());
    tokio::spawn(async move { store.create(&[new], kept.as_ref()).await })
}

/// Locks the lane of an account, as somebody does who is slow.
async fn freeze(pool: &PgPool, account: &Account) -> Transaction<'static, Postgres> {
    let mut frozen = pool.begin().await.unwrap();
    let locked =
        sqlx::query("SELECT 1 FROM shareville_lanes WHERE platform_id = $1 FOR NO KEY UPDATE")
            .bind(&account.platform_id)
            .fetch_all(&mut *frozen)
            .await
            .unwrap();
    assert_eq!(locked.len(), 1, "the lane is there");
    frozen
}

fn is_account_gone(created: &Result<Created>) -> bool {
    matches!(created, Err(StoreError::Conflict { field: "account" }))
}

/// In how many transactions all that is told of was written.
async fn transactions(pool: &PgPool) -> i64 {
    let count = sqlx::query_scalar("SELECT count(DISTINCT xid) FROM shareville_events");
    count.fetch_one(pool).await.unwrap()
}

/// What becomes of a post that is to be stored, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoAccount,
    AnothersAccount,
    /// Every other has the key of the one before.
    SharedKey,
    OwnKey,
    KnownId,
    Plain,
}

impl Kind {
    const fn of(place: usize, with_a_conflict: bool) -> Self {
        match place % 8 {
            0 => Self::NoAccount,
            1 => Self::AnothersAccount,
            2 => Self::SharedKey,
            3 => Self::OwnKey,
            4 if with_a_conflict && place < 8 => Self::KnownId,
            _ => Self::Plain,
        }
    }
}

/// Has many posts stored beside each other, and looks at what each is answered.
async fn store_many(store: &PostgresStore, bench: &Bench, with_a_conflict: bool) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let (account, foreign) = (bench.account(&tenant).await, bench.account(&other).await);
    let known = bench.post(&account, bench.at(60)).await;
    let mut asked = Vec::new();
    for place in 0..MANY {
        let kind = Kind::of(place, with_a_conflict);
        let mut new = bench.scheduled([&account, &foreign][place % 2], bench.at(60));
        let mut kept = None;
        match kind {
            Kind::NoAccount => new.post.account = AccountId::generate(),
            Kind::AnothersAccount => new.post.account = account.id,
            Kind::SharedKey => {
                kept = Some(keyed(bench, tenant.id, &format!("{}", place / 16), place));
            }
            Kind::OwnKey => kept = Some(keyed(bench, other.id, &format!("{place}"), place)),
            Kind::KnownId => new.post.id = known.id,
            Kind::Plain => {}
        }
        let created = create(store, &new, kept.as_ref());
        asked.push((kind, new, kept, created));
    }
    let (mut first, mut told) = (HashSet::new(), Vec::new());
    for (kind, new, kept, created) in asked {
        let created = at_once(created).await.unwrap();
        let is_stored = matches!(created, Ok(Created::Stored));
        match (kind, created) {
            (Kind::NoAccount | Kind::AnothersAccount, created) => {
                assert!(is_account_gone(&created), "{kind:?}: {created:?}");
            }
            (Kind::KnownId, created) => {
                let refused = matches!(created, Err(StoreError::Conflict { field: "id" }));
                assert!(refused, "{created:?}");
                continue;
            }
            (Kind::SharedKey, Ok(Created::Stored)) => {
                first.extend(kept.map(|kept| kept.answer));
            }
            (Kind::SharedKey, Ok(Created::Before(before))) => told.push(before.answer),
            (_, created) => assert_eq!(created.unwrap(), Created::Stored, "{kind:?}"),
        }
        let read = store.post(new.post.tenant, new.post.id).await.unwrap();
        assert_eq!(read, is_stored.then_some(new.post), "{kind:?}");
    }
    assert_eq!((first.len(), told.len()), (MANY / 16, MANY / 16));
    assert_eq!(told.into_iter().collect::<HashSet<_>>(), first);
    assert_eq!(bench.read(&known).await, known);
}

#[tokio::test]
async fn posts_that_come_together_should_each_be_answered_for_itself() {
    let (bench, store, pool) = scene().await;
    store_many(&store, &bench, false).await;
    let written = transactions(&pool).await;
    assert!(written < 8, "{written} transactions for what came together");
    // One that the database refuses keeps none of the others from being stored.
    store_many(&store, &bench, true).await;
}

#[tokio::test]
async fn whoever_waits_should_be_answered_though_others_leave() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.at(60)).await;
    let mut frozen = freeze(&pool, &account).await;
    let new: Vec<NewPost> = (0..2 * MANY)
        .map(|_| bench.scheduled(&account, bench.at(60)))
        .collect();
    let creating: Vec<_> = new.iter().map(|new| create(&store, new, None)).collect();
    until_waited_for(&pool, number(&mut frozen).await).await;
    for leaving in creating.iter().step_by(2) {
        leaving.abort();
    }
    frozen.rollback().await.unwrap();
    for (place, (created, new)) in creating.into_iter().zip(&new).enumerate() {
        match at_once(created).await {
            Ok(created) => {
                assert_eq!(created.unwrap(), Created::Stored);
                assert_eq!(bench.read(&new.post).await, new.post);
            }
            Err(left) => assert!(left.is_cancelled() && place % 2 == 0, "{place}: {left}"),
        }
    }
    bench.post(&account, bench.at(60)).await;
}

#[tokio::test]
async fn a_lane_that_is_locked_for_long_should_keep_no_other_post_waiting() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;
    let (slow, account) = (bench.account(&tenant).await, bench.account(&tenant).await);
    bench.post(&slow, bench.at(60)).await;
    let mut frozen = freeze(&pool, &slow).await;
    let waiting = bench.scheduled(&slow, bench.at(60));
    let waits = create(&store, &waiting, None);
    until_waited_for(&pool, number(&mut frozen).await).await;
    let others: Vec<_> = (0..MANY)
        .map(|_| create(&store, &bench.scheduled(&account, bench.at(60)), None))
        .collect();
    for other in others {
        assert_eq!(at_once(other).await.unwrap().unwrap(), Created::Stored);
    }
    assert!(!waits.is_finished(), "the lane is locked");
    frozen.rollback().await.unwrap();
    assert_eq!(at_once(waits).await.unwrap().unwrap(), Created::Stored);
}

#[tokio::test]
async fn each_should_be_given_the_accounts_it_asked_for() {
    let (bench, store, _) = scene().await;
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let (mut of, mut ids) = (Vec::new(), Vec::new());
    for _ in 0..12 {
        of.push(bench.account(&tenant).await);
    }
    ids.extend(of.iter().map(|account| account.id));
    ids.push(bench.account(&other).await.id);
    // Two by two, and all at once.
    let asked: Vec<Vec<AccountId>> = ids
        .windows(2)
        .map(<[_]>::to_vec)
        .chain([ids.clone()])
        .collect();
    let found: Vec<_> = asked
        .into_iter()
        .map(|asked| {
            let (store, tenant) = (store.clone(), tenant.id);
            tokio::spawn(async move {
                let found = store.accounts_by_id(tenant, &asked).await.unwrap();
                (asked, found)
            })
        })
        .collect();
    for found in found {
        let (asked, found) = found.await.unwrap();
        let mut read: Vec<Account> = Vec::new();
        for (account, connection) in found {
            assert_eq!(account.connection, connection.id);
            read.push(account);
        }
        read.sort_by_key(|account| account.id);
        let mut expected = of.clone();
        expected.retain(|account| asked.contains(&account.id));
        expected.sort_by_key(|account| account.id);
        assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_closed_store_should_store_nothing() {
    let (bench, store, _) = scene().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let new = [bench.scheduled(&account, bench.at(60))];
    store.close().await;
    let created = at_once(store.create(&new, None)).await;
    assert!(
        matches!(created, Err(StoreError::Unavailable(_))),
        "{created:?}"
    );
    let found = at_once(store.accounts_by_id(tenant.id, &[account.id])).await;
    assert!(
        matches!(found, Err(StoreError::Unavailable(_))),
        "{found:?}"
    );
}
