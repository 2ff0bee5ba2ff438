//! What SQLite does for the statements that run all the time: no table is read from end to end, and what lies in the
//! future costs nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use shareville_core::{
    clock::ManualClock,
    store::PostStore as _,
    testing::store::{Bench, START},
};
use sqlx::{AssertSqlSafe, Row as _, query, query_scalar};

use super::{
    SqliteOptions, SqliteStore, answers, backlog, changes, claims, connections, credentials,
    deliveries, events, lanes, media, notices, people, posts, secrets, upkeep, users,
};
use crate::row::micros;

/// Every statement that a store runs while it works.
const STATEMENTS: [&str; 87] = [
    claims::UP_NEXT,
    claims::PUT_OFF,
    claims::READY,
    claims::LEASE,
    claims::WHOLE,
    lanes::LANES,
    lanes::TIMES,
    lanes::WRITE,
    lanes::NEXT_TURN,
    changes::GUARDS,
    changes::ACTIVE,
    changes::UPDATE,
    posts::BY_GROUP,
    posts::BY_ACCOUNT,
    posts::BY_USER,
    posts::BY_STATUS,
    posts::BY_TENANT,
    posts::BY_TIME,
    posts::IS_WIDE,
    posts::DUE_WITHIN,
    answers::ANSWER,
    answers::SWEEP,
    posts::UNSETTLED,
    posts::STRANDED,
    posts::HELD,
    posts::KNOWN_AS,
    connections::LANES_OF,
    connections::STRAND,
    connections::ACCOUNTS_BY_ID,
    people::OF_PERSON,
    people::FORGET,
    people::NAME,
    upkeep::CLAIM,
    events::HISTORY,
    credentials::API_KEY,
    credentials::USER_TOKEN,
    users::KNOWS,
    users::END_TOKENS,
    users::END_LOGINS,
    users::GRANTS,
    users::POSTS,
    users::DEPARTED,
    users::ANSWERS,
    users::LANES,
    users::ERASE_POSTS,
    users::ERASE_EVENTS,
    users::FORGET,
    users::DEPART_CONNECTION,
    users::DEPART_POSTS,
    backlog::LANES,
    backlog::DELIVERIES,
    deliveries::NEWS,
    deliveries::OWED,
    deliveries::TAKE_UP,
    deliveries::TURNS,
    deliveries::NEXT_TURN,
    deliveries::UP_NEXT,
    deliveries::PUT_OFF,
    deliveries::READY,
    deliveries::LEASE,
    deliveries::WHOLE,
    deliveries::LIST,
    media::USED,
    media::BEGIN,
    media::FINISH,
    media::READ,
    media::BY_TOKEN,
    media::RENDITION,
    media::KEEP,
    media::DISCARD[0],
    media::DISCARD[1],
    media::DISCARD_OF,
    media::DISCARDED_OF,
    media::LEFT_BEHIND,
    media::OVER,
    media::KEEP_NAMED,
    media::DISCARD_OVER,
    media::DISCARDED,
    media::FORGET,
    notices::KEEP,
    notices::KNOWN,
    notices::UP,
    notices::NEXT,
    notices::LEASE,
    notices::CHANGE,
    notices::BY_CODE,
    notices::SWEEP,
];

#[tokio::test]
async fn no_statement_should_read_a_whole_table() {
    let store = SqliteStore::in_memory(SqliteOptions::new()).await.unwrap();
    let statements = STATEMENTS;
    let secrets = secrets::KINDS.iter().chain(&secrets::SWAPS);
    for sql in statements
        .iter()
        .chain(secrets)
        .flat_map(|sql| sql.split(';'))
    {
        let explained = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = query(explained).fetch_all(&store.reads).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let whole = plan.iter().filter(|step| step.starts_with("SCAN "));
        // What is scanned is the batch itself, or a subquery with a limit.
        let allowed = ["VIRTUAL TABLE", "(subquery-", "CONSTANT ROW"];
        let tables: Vec<_> = whole
            .filter(|step| !allowed.iter().any(|it| step.contains(it)))
            .collect();
        assert!(tables.is_empty(), "{tables:?} in the plan of {sql}");
        let is_list = sql.contains("ORDER BY id DESC");
        let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(
            !(is_list && sorts),
            "a list must be read off an index: {sql}"
        );
    }
    let order = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", claims::UP_NEXT));
    let rows = query(order).fetch_all(&store.reads).await.unwrap();
    let sorts = rows
        .iter()
        .any(|row| row.get::<String, _>("detail").contains("TEMP B-TREE"));
    assert!(!sorts, "whose turn it is must be read off an index");
}

#[tokio::test]
async fn a_span_should_be_wide_only_where_it_holds_more_than_is_sorted() {
    let clock = Arc::new(ManualClock::at(START));
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::in_memory(options).await.unwrap();
    let bench = Bench::new(Arc::new(store.clone()), clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    for at in [10, 20, 30, 40] {
        bench.post(&account, bench.at(at)).await;
    }
    let (from, to) = (micros(bench.at(10)), micros(bench.at(40)));
    for (most, wide) in [(0, true), (2, true), (3, false), (4, false)] {
        let is_wide = query_scalar::<_, bool>(posts::IS_WIDE)
            .bind(tenant.id.as_uuid())
            .bind(from)
            .bind(to)
            .bind(most);
        assert_eq!(
            is_wide.fetch_one(&store.reads).await.unwrap(),
            wide,
            "{most}"
        );
    }
}

/// Counts the steps of SQLite's virtual machine for claiming one post and changing it, with much else in the future:
/// posts in the same lane, lanes of the same tenant, and tenants.
async fn steps_beside(future: u32) -> u64 {
    let clock = Arc::new(ManualClock::at(START));
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = SqliteStore::in_memory(options).await.unwrap();
    let bench = Bench::new(Arc::new(store.clone()), clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.at(3600)).await;
    let filled = [
        "INSERT INTO shareville_posts (id, tenant, user, account, connection, lane, revision, status, listed_at,
                                       due_at, expires_at, open, record)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT randomblob(16), tenant, user, account, connection, lane, revision, status, listed_at + i,
                due_at + i, expires_at + i, open, record FROM shareville_posts CROSS JOIN n",
        "INSERT INTO shareville_lanes (tenant, provider, platform_id, next_due, ready_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT tenant, provider, 'other ' || i, next_due + i, ready_at + i FROM shareville_lanes CROSS JOIN n",
        "INSERT INTO shareville_tenants (id, owner, revision, record)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT randomblob(16), 'owner ' || i, 1, '{}' FROM n",
        "INSERT INTO shareville_turns (tenant, turn)
         SELECT id, 4000000000000000 FROM shareville_tenants WHERE true ON CONFLICT DO NOTHING",
    ];
    for sql in filled {
        query(sql)
            .bind(future)
            .execute(&store.writes)
            .await
            .unwrap();
    }
    let post = bench.post(&account, bench.now()).await;

    let steps = Arc::new(AtomicU64::new(0));
    let mut connection = store.writes.acquire().await.unwrap();
    let mut handle = connection.lock_handle().await.unwrap();
    let counter = Arc::clone(&steps);
    handle.set_progress_handler(1, move || {
        counter.fetch_add(1, Ordering::Relaxed);
        true
    });
    drop(handle);
    drop(connection);
    let claim = bench.claim_one().await;
    assert_eq!(claim.post, post);
    let change = bench.waiting(&post, 60).under(claim.claim).releasing();
    let applied = store.apply(std::slice::from_ref(&change)).await.unwrap();
    assert!(applied[0].is_ok());
    steps.load(Ordering::Relaxed)
}

#[tokio::test]
async fn the_future_should_cost_a_claim_nothing() {
    let (few, many) = (steps_beside(1_000).await, steps_beside(50_000).await);
    assert!(few > 100, "the steps were not counted: {few}");
    assert!(
        many <= few + few / 10,
        "{few} steps beside 1,000 posts to come, {many} beside 50,000"
    );
}
