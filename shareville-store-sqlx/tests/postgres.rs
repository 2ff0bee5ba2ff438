//! What only PostgreSQL does: many processes on one database, and hosts that share their pool.
#![allow(clippy::unwrap_used)]

#[path = "postgres/contention.rs"]
mod contention;
#[path = "postgres/creating.rs"]
mod creating;
mod place;
#[path = "postgres/server.rs"]
mod server;

use std::{collections::HashSet, sync::Arc, time::Duration};

use shareville_core::{
    clock::{Clock as _, ManualClock, SystemClock},
    id::Provider,
    idempotency::{Created, Fingerprint, Idempotency, IdempotencyKey},
    lane::LaneState,
    posting::Plan,
    store::{
        ClaimRequest, ConnectionStore as _, LaneStore as _, PostStore as _, Stale, StoreError,
        TenantStore as _, UpkeepStore as _,
    },
    testing::store::{Bench, LEASE, START, new_connection, new_tenant},
};
use shareville_store_sqlx::{PostgresOptions, PostgresStore};
use sqlx::postgres::{PgPool, PgPoolOptions};

use self::place::Place;

/// Far less than the time after which a store looks by itself.
const AT_ONCE: Duration = Duration::from_secs(3);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(START))
}

async fn open(place: &Place, clock: &Arc<ManualClock>) -> PostgresStore {
    let options = PostgresOptions::new().with_clock(Arc::<ManualClock>::clone(clock));
    PostgresStore::open(&place.url(), options).await.unwrap()
}

fn bench(store: &PostgresStore, clock: &Arc<ManualClock>) -> Bench {
    Bench::new(Arc::new(store.clone()), Arc::clone(clock))
}

async fn pool(place: &Place) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(3);
    pool.connect(&place.url()).await.unwrap()
}

/// A store at a place of its own, which lasts as long as the bench, and a host's pool beside it.
async fn scene() -> (Bench, PostgresStore, PgPool) {
    let (place, clock) = (Place::new().await, clock());
    let (store, pool) = (open(&place, &clock).await, pool(&place).await);
    (bench(&store, &clock).keeping(place), store, pool)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_should_open_an_empty_database_at_once() {
    let place = Arc::new(Place::new().await);
    let openers = (0..10).map(|_| {
        let place = Arc::clone(&place);
        tokio::spawn(async move { open(&place, &clock()).await })
    });
    for opener in openers.collect::<Vec<_>>() {
        let store = opener.await.unwrap();
        store.ready().await.unwrap();
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_workers_should_claim_two_hundred_lanes_exactly_once() {
    let (place, clock) = (Place::new().await, clock());
    let stores = [open(&place, &clock).await, open(&place, &clock).await];
    let bench = bench(&stores[0], &clock);
    let mut expected = HashSet::new();
    for _ in 0..4 {
        let tenant = bench.tenant().await;
        for _ in 0..50 {
            let account = bench.account(&tenant).await;
            expected.insert(bench.post(&account, bench.now()).await.id);
        }
    }
    let workers = (0..16).map(|number| {
        let store = stores[number % 2].clone();
        let now = bench.now();
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            loop {
                let request = ClaimRequest::new(3, LEASE, usize::MAX);
                let answer = store.claim(request).await.unwrap();
                // Another may have been in the way: then there is still something to claim.
                if answer.claims.is_empty() && answer.next_ready.is_none_or(|next| next > now) {
                    return claimed;
                }
                claimed.extend(answer.claims.into_iter().map(|claim| claim.post.id));
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
    let (place, clock) = (Place::new().await, clock());
    let (one, other) = (open(&place, &clock).await, open(&place, &clock).await);
    let bench = bench(&one, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let until = bench.at(3600);
    let waiting = {
        let other = other.clone();
        tokio::spawn(async move { other.wake(until).await })
    };
    let post = bench.post(&account, bench.now()).await;
    let woken = tokio::time::timeout(AT_ONCE, waiting).await;
    woken.expect("a notification").unwrap().unwrap();

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
    let watched = tokio::time::timeout(AT_ONCE, watching).await;
    let watched = watched.expect("a notification").unwrap().unwrap();
    assert_eq!(watched, Some(bench.read(&post).await));
}

#[tokio::test]
async fn times_should_be_the_databases_own() {
    let place = Place::new().await;
    let store = PostgresStore::open(&place.url(), PostgresOptions::new())
        .await
        .unwrap();
    let bench = Bench::new(Arc::new(store.clone()), clock());
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    // Long past by the server's clock, and not yet by the test's.
    bench.post(&account, bench.at(60)).await;
    let request = ClaimRequest::new(1, LEASE, 1);
    let claimed = store.claim(request).await.unwrap();
    assert_eq!(claimed.claims.len(), 1);
    let apart = (claimed.now - SystemClock.now()).abs();
    assert!(apart < chrono::TimeDelta::minutes(1), "{apart}");
}

#[tokio::test]
async fn when_a_lane_is_ready_should_follow_the_rule() {
    let (place, clock) = (Place::new().await, clock());
    let store = open(&place, &clock).await;
    let pool = pool(&place).await;
    let at = |micros: Option<i64>| micros.map(|it| START + chrono::TimeDelta::microseconds(it));
    let micros = |it: Option<i64>| at(it).map(|it| it.timestamp_micros());
    let times = [None, Some(1), Some(2), Some(3)];
    let (mut states, mut columns) = (Vec::new(), <[Vec<Option<i64>>; 6]>::default());
    for number in 0..4_usize.pow(6) {
        let pick: Vec<Option<i64>> = (0..6)
            .map(|place| times[number >> (2 * place) & 3])
            .collect();
        for (column, time) in columns.iter_mut().zip(&pick) {
            column.push(micros(*time));
        }
        states.push(LaneState {
            next_due: at(pick[0]),
            next_expiry: at(pick[1]),
            leased_until: at(pick[2]),
            paused_until: at(pick[3]),
            held_until: at(pick[4]),
            holder_due: at(pick[5]),
        });
    }
    let [due, expiry, leased, paused, held, holder] = columns;
    let ready: Vec<(i64, Option<i64>)> = sqlx::query_as(
        "INSERT INTO shareville_lanes (tenant, provider, platform_id, next_due, next_expiry, leased_until,
                                       paused_until, held_until, holder_due)
         SELECT '00000000-0000-0000-0000-000000000000', 'x', n, d, e, l, p, h, o
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
              WITH ORDINALITY AS b (d, e, l, p, h, o, n)
         RETURNING platform_id::bigint, ready_at",
    )
    .bind(due)
    .bind(expiry)
    .bind(leased)
    .bind(paused)
    .bind(held)
    .bind(holder)
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(ready.len(), states.len());
    for (number, ready_at) in ready {
        let state = &states[usize::try_from(number - 1).unwrap()];
        let rule = state.ready_at().map(|it| it.timestamp_micros());
        assert_eq!(ready_at, rule, "{state:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn a_hosts_row_and_its_post_should_be_stored_together() {
    let (place, clock) = (Place::new().await, clock());
    let pool = pool(&place).await;
    let options = PostgresOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = PostgresStore::from_pool(pool.clone(), options)
        .await
        .unwrap();
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let new = bench.scheduled(&account, bench.now());
    let create_order = "CREATE TABLE orders (post uuid)";
    sqlx::query(create_order).execute(&pool).await.unwrap();
    // Nobody but the transaction itself tells the worker.
    let waiting = {
        let (store, until) = (store.clone(), bench.at(3600));
        tokio::spawn(async move { store.wake(until).await })
    };
    for keeps in [false, true] {
        let mut transaction = pool.begin().await.unwrap();
        sqlx::query("INSERT INTO orders (post) VALUES ($1)")
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
        let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&pool)
            .await
            .unwrap();
        let post = store.post(tenant.id, new.post.id).await.unwrap();
        assert_eq!((orders == 1, post.is_some()), (keeps, keeps));
    }
    let woken = tokio::time::timeout(AT_ONCE, waiting).await;
    woken.expect("a notification").unwrap().unwrap();
    assert_eq!(bench.claim_one().await.post.id, new.post.id);
}

#[tokio::test]
async fn a_plan_should_find_its_account_gone() {
    let (place, clock) = (Place::new().await, clock());
    let pool = pool(&place).await;
    let options = PostgresOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = PostgresStore::from_pool(pool.clone(), options)
        .await
        .unwrap();
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
        let mut transaction = pool.begin().await.unwrap();
        let refused = store.execute_in(&mut transaction, &plan).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { field: "account" })),
            "{refused:?}"
        );
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_another_process_is_writing_for_long_should_be_told_of() {
    let (place, clock) = (Place::new().await, clock());
    let store = open(&place, &clock).await;
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let key: IdempotencyKey = "key".parse().unwrap();
    let kept = Idempotency {
        tenant: tenant.id,
        key: key.hash(None),
        request: Fingerprint::of("POST /posts", &serde_json::Map::new()),
        answer: b"answer".to_vec(),
        users: Vec::new(),
        expires_at: bench.at(60),
    };
    let pool = pool(&place).await;
    let mut other = pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO shareville_answers (tenant, key, request, expires_at, users, answer)
         VALUES ($1, $2, $3, $4, '[]', $5)",
    )
    .bind(tenant.id.as_uuid())
    .bind(&kept.key.as_bytes()[..])
    .bind(&kept.request.as_bytes()[..])
    .bind(kept.expires_at.timestamp_micros())
    .bind(&kept.answer)
    .execute(&mut *other)
    .await
    .unwrap();
    let new = [bench.scheduled(&account, bench.now())];
    let refused = store.create(&new, Some(&kept)).await;
    assert_eq!(refused.unwrap(), Created::UnderWay);
    other.rollback().await.unwrap();
    let created = store.create(&new, Some(&kept)).await;
    assert_eq!(created.unwrap(), Created::Stored);
}

#[tokio::test]
async fn a_hosts_tables_and_migrations_should_be_left_alone() {
    let place = Place::new().await;
    let pool = pool(&place).await;
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations (version integer); CREATE TABLE orders (id integer)",
    )
    .execute(&pool)
    .await
    .unwrap();
    for _ in 0..2 {
        let store = PostgresStore::from_pool(pool.clone(), PostgresOptions::new());
        let tenant = new_tenant("anna", START);
        store
            .await
            .unwrap()
            .create_tenant(&tenant, &[])
            .await
            .unwrap();
    }
    let mut others: Vec<String> = sqlx::query_scalar(
        "SELECT tablename::text FROM pg_tables
         WHERE schemaname = current_schema() AND tablename NOT LIKE 'shareville\\_%'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    others.sort();
    assert_eq!(
        others,
        ["_shareville_migrations", "_sqlx_migrations", "orders"]
    );
}

#[tokio::test]
async fn a_hosts_pool_that_could_lose_data_should_be_refused() {
    let place = Place::new().await;
    let url = place
        .url()
        .replace("search_path", "synchronous_commit%3Doff -csearch_path");
    let pool = PgPoolOptions::new().connect(&url).await.unwrap();
    let refused = PostgresStore::from_pool(pool, PostgresOptions::new()).await;
    assert!(matches!(refused, Err(StoreError::Broken(_))), "{refused:?}");
}

#[tokio::test]
async fn connections_of_an_older_version_should_be_looked_after_at_once() {
    let (place, clock) = (Place::new().await, clock());
    let pool = pool(&place).await;
    let mut migrator = sqlx::migrate!("migrations/postgres");
    migrator.dangerous_set_table_name("_shareville_migrations");
    migrator.run_to(2, &pool).await.unwrap();
    let tenant = new_tenant("anna", START);
    let connection = new_connection(&tenant, "maria", "person");
    let record = serde_json::to_string(&tenant).unwrap();
    sqlx::query(
        "INSERT INTO shareville_tenants (id, owner, revision, record) VALUES ($1, 'anna', 1, $2)",
    )
    .bind(tenant.id.as_uuid())
    .bind(record)
    .execute(&pool)
    .await
    .unwrap();
    let mut record = serde_json::to_value(&connection).unwrap();
    record.as_object_mut().unwrap().remove("upkeep");
    sqlx::query(
        "INSERT INTO shareville_connections (id, tenant, end_user, provider, person, active, revision, record)
         VALUES ($1, $2, 'maria', 'facebook', 'person', true, 1, $3)",
    )
    .bind(connection.id.as_uuid())
    .bind(tenant.id.as_uuid())
    .bind(record.to_string())
    .execute(&pool)
    .await
    .unwrap();

    let options = PostgresOptions::new().with_clock(clock);
    let store = PostgresStore::from_pool(pool, options).await.unwrap();
    let claimed = store.claim_upkeep(10, LEASE).await.unwrap();
    assert_eq!(claimed, std::slice::from_ref(&connection));
    let facebook = Provider::facebook();
    let found = store.connections_of_person(tenant.id, &facebook, "person");
    assert_eq!(found.await.unwrap(), [connection]);
}
