//! What only SQLite does: files, processes that share them, and hosts that share their pool.
#![allow(clippy::unwrap_used)]

use std::{collections::HashSet, error::Error as StdError, path::Path, sync::Arc};

use shareville_core::{
    clock::ManualClock,
    id::Provider,
    notice::{Notice, NoticeDigest, NoticeKind},
    posting::Plan,
    store::{
        ClaimRequest, ConnectionStore as _, LaneStore as _, NoticeStore as _, PostStore as _,
        Stale, StoreError, TenantStore as _, UpkeepStore as _,
    },
    testing::store::{Bench, LEASE, START, new_connection, new_tenant},
};
use shareville_store_sqlx::{SqliteOptions, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};

async fn open(path: &Path, clock: &Arc<ManualClock>) -> SqliteStore {
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(clock));
    let url = format!("sqlite://{}", path.display());
    SqliteStore::open(&url, options).await.unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

fn bench(store: &SqliteStore, clock: &Arc<ManualClock>) -> Bench {
    Bench::new(Arc::new(store.clone()), Arc::clone(clock))
}

/// All that an error tells, from the outside to the inside.
fn told(error: &StoreError) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        told.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    told
}

#[tokio::test]
async fn everything_should_be_there_after_a_restart() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = directory.path().join("shareville.db");
    let before = open(&path, &clock).await;
    let first = bench(&before, &clock);
    let tenant = first.tenant().await;
    let account = first.account(&tenant).await;
    let post = first.post(&account, first.now()).await;
    let claim = first.claim_one().await;
    before.close().await;

    let after = open(&path, &clock).await;
    let second = bench(&after, &clock);
    assert_eq!(second.read(&post).await, post);
    assert_eq!(second.claim(10).await, vec![], "the lease is still there");
    let renewed = after.renew(std::slice::from_ref(&claim.claim), LEASE);
    assert_eq!(renewed.await.unwrap(), [true]);
    second.pass(60);
    assert_eq!(second.claim_one().await.post, post);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_should_open_a_new_file_at_once() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = directory.path().join("shareville.db");
    let openers = (0..8).map(|_| {
        let (path, clock) = (path.clone(), Arc::clone(&clock));
        tokio::spawn(async move { open(&path, &clock).await })
    });
    for opener in openers.collect::<Vec<_>>() {
        opener.await.unwrap().ready().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_on_one_file_should_claim_exactly_once() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = directory.path().join("shareville.db");
    let stores = [open(&path, &clock).await, open(&path, &clock).await];
    let bench = bench(&stores[0], &clock);
    let mut expected = HashSet::new();
    for _ in 0..3 {
        let tenant = bench.tenant().await;
        for _ in 0..20 {
            let account = bench.account(&tenant).await;
            expected.insert(bench.post(&account, bench.now()).await.id);
        }
    }
    let workers = (0..8).map(|number| {
        let store = stores[number % 2].clone();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let request = ClaimRequest::new(2, LEASE, usize::MAX);
                let claims = store.claim(request).await.unwrap().claims;
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims.into_iter().map(|claim| claim.post.id));
            }
        })
    });
    let mut claimed = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        claimed.extend(worker.await.unwrap());
    }
    assert_eq!(claimed.len(), expected.len(), "some lane was claimed twice");
    assert_eq!(claimed.into_iter().collect::<HashSet<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_process_should_wake_and_be_watched() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = directory.path().join("shareville.db");
    let (one, other) = (open(&path, &clock).await, open(&path, &clock).await);
    let bench = bench(&one, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let until = bench.at(3600);
    let waiting = {
        let other = other.clone();
        tokio::spawn(async move { other.wake(until).await })
    };
    let post = bench.post(&account, bench.now()).await;
    bench.soon(waiting).await.unwrap().unwrap();

    let watching = {
        let other = other.clone();
        tokio::spawn(async move {
            other
                .watch(post.tenant, post.id, post.revision, until)
                .await
        })
    };
    let post = bench.read(&post).await;
    bench.apply(&bench.waiting(&post, 60)).await.unwrap();
    let watched = bench.soon(watching).await.unwrap().unwrap();
    assert_eq!(watched, Some(bench.read(&post).await));
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_should_be_named() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = format!(
        "sqlite://{}/no/such/folder/x.db",
        directory.path().display()
    );
    let garbage = directory.path().join("garbage.db");
    std::fs::write(&garbage, "This is certainly no database. ".repeat(100)).unwrap();
    let refused = [
        (nowhere, "no/such/folder/x.db"),
        (format!("sqlite://{}", garbage.display()), "garbage.db"),
        (
            "postgres://localhost/shareville".to_owned(),
            "not the address of an SQLite",
        ),
        ("sqlite://x.db?mode=perhaps".to_owned(), "perhaps"),
    ];
    for (url, hint) in refused {
        let error = SqliteStore::open(&url, SqliteOptions::new()).await;
        let error = error.expect_err("it cannot be opened");
        assert!(matches!(error, StoreError::Broken(_)), "{error:?}");
        assert!(told(&error).contains(hint), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_read_only_file_should_be_refused() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let path = directory.path().join("shareville.db");
    open(&path, &clock).await.close().await;
    let url = format!("sqlite://{}?mode=ro", path.display());
    let error = SqliteStore::open(&url, SqliteOptions::new()).await;
    let error = error.expect_err("nothing can be written to it");
    assert!(told(&error).contains("readonly"), "{}", told(&error));
}

#[tokio::test]
async fn a_hosts_tables_and_migrations_should_be_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("host.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations (version INTEGER); CREATE TABLE orders (id INTEGER)",
    )
    .execute(&pool)
    .await
    .unwrap();
    for _ in 0..2 {
        let store = SqliteStore::from_pool(pool.clone(), SqliteOptions::new());
        let store = store.await.unwrap();
        let tenant = new_tenant("anna", START);
        store.create_tenant(&tenant, &[]).await.unwrap();
    }
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let own = |name: &&String| !name.starts_with("shareville_");
    let mut others: Vec<_> = names.iter().filter(own).collect();
    others.sort();
    assert_eq!(
        others,
        ["_shareville_migrations", "_sqlx_migrations", "orders"]
    );
}

#[tokio::test]
async fn a_hosts_row_and_its_post_should_be_stored_together() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("host.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::from_pool(pool.clone(), options).await.unwrap();
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let new = bench.scheduled(&account, bench.now());
    let create_order = "CREATE TABLE orders (post BLOB)";
    sqlx::query(create_order).execute(&pool).await.unwrap();
    for keeps in [false, true] {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("INSERT INTO orders (post) VALUES (?1)")
            .bind(new.post.id.as_uuid())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let create = Plan::from(vec![new.clone()]);
        let created = store.execute_in(&mut transaction, &create).await;
        created.unwrap().unwrap();
        let change = Plan::from(bench.waiting(&new.post, 0));
        let changed = store.execute_in(&mut transaction, &change).await;
        changed.unwrap().unwrap();
        // The plan was made of the post as it was before.
        let again = store.execute_in(&mut transaction, &change).await;
        assert_eq!(again.unwrap(), Err(Stale));
        match keeps {
            true => transaction.commit().await.unwrap(),
            false => transaction.rollback().await.unwrap(),
        }
        store.wake_all();
        let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&pool)
            .await
            .unwrap();
        let post = store.post(tenant.id, new.post.id).await.unwrap();
        assert_eq!((orders == 1, post.is_some()), (keeps, keeps));
    }
    assert_eq!(bench.claim_one().await.post.id, new.post.id);
}

#[tokio::test]
async fn a_plan_should_find_its_account_gone() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("host.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::from_pool(pool.clone(), options).await.unwrap();
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let plans = [
        Plan::from(vec![bench.scheduled(&account, bench.now())]),
        Plan::from(bench.waiting(&post, 0)),
    ];
    let removed = store.remove_connection(tenant.id, account.connection, &[]);
    assert!(removed.await.unwrap());
    for plan in plans {
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let refused = store.execute_in(&mut transaction, &plan).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { field: "account" })),
            "{refused:?}"
        );
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_post_that_cannot_be_read_should_stand_in_nobodys_way() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("host.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::from_pool(pool.clone(), options).await.unwrap();
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let spoilt = bench
        .post(&bench.account(&tenant).await, bench.at(-1))
        .await;
    let post = bench.post(&bench.account(&tenant).await, bench.now()).await;
    sqlx::query("UPDATE shareville_posts SET record = '{}' WHERE id = ?1")
        .bind(spoilt.id.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, post);
    bench.release(&claim.claim).await;
    let again = bench.claim_one().await;
    assert_eq!(
        again.post, post,
        "the other lane is leased, so that it does not come up all the time"
    );
    let read = store.post(tenant.id, spoilt.id).await;
    assert!(matches!(read, Err(StoreError::Broken(_))));
}

#[tokio::test]
async fn a_notice_that_cannot_be_read_should_stand_in_nobodys_way() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("host.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::from_pool(pool.clone(), options).await.unwrap();
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let [newer, notice] = ["newer", "known"].map(|person| {
        let kind = NoticeKind::Deauthorized {
            person: person.to_owned(),
        };
        let digest = NoticeDigest::of([person.as_bytes()]);
        Notice::of(tenant.id, kind, digest, bench.now())
    });
    let both = [newer.clone(), notice.clone()];
    store.keep_notices(&both).await.unwrap();
    sqlx::query("UPDATE shareville_notices SET record = '{}' WHERE id = ?1")
        .bind(newer.id.as_uuid())
        .execute(&pool)
        .await
        .unwrap();
    let claimed = store.claim_notices(10, LEASE).await.unwrap();
    assert_eq!(claimed.claims.len(), 1);
    assert_eq!(claimed.claims[0].notice, notice);
    let again = store.claim_notices(10, LEASE).await.unwrap();
    let leased = again.next_ready.unwrap();
    assert!(leased > again.now, "it does not come up all the time");
}

#[tokio::test]
async fn a_hosts_pool_that_could_lose_data_should_be_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("host.db");
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    let careless = [
        (connect.clone().foreign_keys(false), "foreign_keys"),
        (
            connect.synchronous(SqliteSynchronous::Normal),
            "synchronous",
        ),
    ];
    for (connect, hint) in careless {
        let pool = SqlitePoolOptions::new()
            .connect_with(connect)
            .await
            .unwrap();
        let error = SqliteStore::from_pool(pool, SqliteOptions::new()).await;
        let error = error.expect_err("it could lose data");
        assert!(told(&error).contains(hint), "{}", told(&error));
    }
}

#[tokio::test]
async fn connections_of_an_older_version_should_be_looked_after_at_once() {
    let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
    let connect = SqliteConnectOptions::new()
        .filename(directory.path().join("old.db"))
        .create_if_missing(true);
    let pool = SqlitePoolOptions::new()
        .connect_with(connect)
        .await
        .unwrap();
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.dangerous_set_table_name("_shareville_migrations");
    migrator.run_to(6, &pool).await.unwrap();
    let tenant = new_tenant("anna", START);
    let connection = new_connection(&tenant, "maria", "person");
    let record = serde_json::to_string(&tenant).unwrap();
    sqlx::query(
        "INSERT INTO shareville_tenants (id, owner, revision, record) VALUES (?1, 'anna', 1, ?2)",
    )
    .bind(tenant.id.as_uuid())
    .bind(record)
    .execute(&pool)
    .await
    .unwrap();
    let mut record = serde_json::to_value(&connection).unwrap();
    record.as_object_mut().unwrap().remove("upkeep");
    sqlx::query(
        "INSERT INTO shareville_connections (id, tenant, user, provider, person, active, revision, record)
         VALUES (?1, ?2, 'maria', 'facebook', 'person', 1, 1, ?3)",
    )
    .bind(connection.id.as_uuid())
    .bind(tenant.id.as_uuid())
    .bind(record.to_string())
    .execute(&pool)
    .await
    .unwrap();

    let options = SqliteOptions::new().with_clock(clock);
    let store = SqliteStore::from_pool(pool, options).await.unwrap();
    let claimed = store.claim_upkeep(10, LEASE).await.unwrap();
    assert_eq!(claimed, std::slice::from_ref(&connection));
    let facebook = Provider::facebook();
    let found = store.connections_of_person(tenant.id, &facebook, "person");
    assert_eq!(found.await.unwrap(), [connection]);
}
