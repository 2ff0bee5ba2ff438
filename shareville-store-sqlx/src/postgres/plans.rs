//! What PostgreSQL does for the statements that run all the time: no table is read from end to end, and what lies in the
//! future costs nothing.

#[path = "../../tests/place/mod.rs"]
mod place;

use std::sync::Arc;

use serde_json::Value;
use shareville_core::{
    clock::ManualClock,
    testing::store::{Bench, START},
};
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgRow, query, query_scalar,
    raw_sql,
};

use self::place::Place;
use super::{
    PostgresOptions, PostgresStore, SESSION, accounts, answers, changes, claims, connections,
    creating, credentials, deliveries, events, host, lanes, logins, media, notices, people, posts,
    secrets, tenants, upkeep, users,
};
use crate::row::micros;

/// Every statement that a store runs while it works.
const STATEMENTS: &[&str] = &[
    accounts::ACCOUNTS_BY_ID,
    answers::ANSWER,
    changes::GUARDS,
    changes::TENANTS,
    changes::WRITE,
    claims::CLAIM,
    claims::CLAIM_WAITING,
    claims::RENEW,
    claims::RENEW_WAITING,
    connections::LOCK,
    connections::LOCK_ACCOUNTS,
    connections::LANES_OF,
    connections::STRAND,
    connections::DEPART_CONNECTION,
    creating::CREATE,
    credentials::API_KEY,
    credentials::USER_TOKEN,
    deliveries::LOOK,
    deliveries::LOCK,
    deliveries::AIM,
    deliveries::NEWS,
    deliveries::GO_ON,
    deliveries::ARRIVE,
    deliveries::TAKE_UP,
    deliveries::ENDPOINTS,
    deliveries::TURNS,
    deliveries::UP_NEXT,
    deliveries::CLAIM,
    deliveries::LIST,
    deliveries::WRITE,
    people::OF_PERSON,
    people::FORGET,
    people::NAME,
    upkeep::CLAIM,
    events::HISTORY,
    events::TELL,
    notices::KEEP,
    notices::KNOWN,
    notices::LOOK,
    notices::CLAIM,
    notices::CHANGE,
    notices::BY_CODE,
    notices::SWEEP,
    host::ACCOUNTS,
    host::BOUND,
    lanes::LANES,
    lanes::LOCKED,
    lanes::OF_TENANT,
    lanes::MAKE,
    lanes::NAMES_OF,
    lanes::LOCKED_TURNS,
    lanes::SETTLE,
    lanes::NEXT_TURN,
    media::TENANT,
    media::USED,
    media::ORIGINAL,
    media::FINISH,
    media::READ,
    media::BY_TOKEN,
    media::RENDITION,
    media::KEEP,
    media::DISCARD,
    media::DISCARD_OF,
    media::DISCARDED_OF,
    media::OVER,
    media::KEEP_NAMED,
    media::DISCARD_OVER,
    media::DISCARDED,
    media::FORGET,
    logins::GRANTS_OVER,
    posts::BY_GROUP,
    posts::BY_ACCOUNT,
    posts::BY_USER,
    posts::BY_STATUS,
    posts::BY_TENANT,
    posts::BY_TIME,
    posts::IS_WIDE,
    posts::DUE_WITHIN,
    posts::UNSETTLED,
    posts::STRANDED,
    posts::HELD,
    posts::KNOWN_AS,
    tenants::OUTWAIT,
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
];

/// A connection as the store's own are.
async fn session(place: &Place) -> PgConnection {
    let mut on = PgConnection::connect(&place.url()).await.unwrap();
    raw_sql(SESSION).execute(&mut on).await.unwrap();
    on
}

/// Runs SQL that takes no parameters.
async fn run(on: &mut PgConnection, sql: String) -> Vec<PgRow> {
    raw_sql(AssertSqlSafe(sql)).fetch_all(on).await.unwrap()
}

/// The plan of a statement, whatever its parameters are.
async fn plan(on: &mut PgConnection, sql: &str) -> Vec<String> {
    run(on, format!("PREPARE explained AS {sql}")).await;
    let parameters = (1..).take_while(|number| sql.contains(&format!("${number}")));
    let execute = match parameters.count() {
        0 => "EXECUTE explained".to_owned(),
        count => format!("EXECUTE explained ({})", vec!["NULL"; count].join(", ")),
    };
    let rows = run(on, format!("EXPLAIN (COSTS OFF) {execute}")).await;
    run(on, "DEALLOCATE explained".to_owned()).await;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Looks at the plans of all statements, as the statistics are now.
async fn no_statement_reads_a_whole_table(on: &mut PgConnection) {
    let others = logins::OVER
        .iter()
        .chain(&tenants::LOCKS)
        .chain(&tenants::LEFT_BEHIND)
        .chain(&secrets::KINDS)
        .chain(&secrets::SWAPS);
    for sql in STATEMENTS.iter().chain(others) {
        let plan = plan(on, sql).await;
        // The cursor is one row.
        let whole = |step: &&String| {
            step.contains("Seq Scan on shareville_")
                && !step.contains("Seq Scan on shareville_delivery_cursor")
        };
        let tables: Vec<_> = plan.iter().filter(whole).collect();
        assert!(tables.is_empty(), "{tables:?} in the plan of {sql}");
        let is_list = sql.contains("ORDER BY id DESC");
        let sorts = plan.iter().any(|step| step.contains("Sort"));
        assert!(
            !(is_list && sorts),
            "a list must be read off an index: {sql}"
        );
    }
}

#[tokio::test]
async fn no_statement_should_read_a_whole_table_of_a_new_database() {
    let place = Place::new().await;
    let url = place.url();
    let store = PostgresStore::open(&url, PostgresOptions::new());
    store.await.unwrap().close().await;
    no_statement_reads_a_whole_table(&mut session(&place).await).await;
}

/// The rows that were read and passed on at all steps of a plan.
fn rows_of(step: &Value) -> f64 {
    let number = |name: &str| step.get(name).and_then(Value::as_f64).unwrap_or_default();
    let own = number("Actual Rows")
        + number("Rows Removed by Filter")
        + number("Rows Removed by Join Filter");
    let steps = step.get("Plans").and_then(Value::as_array);
    let inner: f64 = steps.into_iter().flatten().map(rows_of).sum();
    own * number("Actual Loops") + inner
}

/// The plan of a statement with what running it has cost.
async fn cost(on: &mut PgConnection, execute: &str) -> Value {
    let options = "ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON";
    let rows = run(on, format!("EXPLAIN ({options}) {execute}")).await;
    let told: String = rows[0].get_unchecked(0);
    let told: Value = serde_json::from_str(&told).unwrap();
    told[0]["Plan"].clone()
}

/// A store at a place of its own.
async fn stage() -> (Place, PostgresStore, Bench) {
    let (place, clock) = (Place::new().await, Arc::new(ManualClock::at(START)));
    let options = PostgresOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    let store = PostgresStore::open(&place.url(), options).await.unwrap();
    let bench = Bench::new(Arc::new(store.clone()), clock);
    (place, store, bench)
}

/// Counts the rows and the pages that are touched for claiming one post, with much else in the future: posts in the same
/// lane, lanes of the same tenant, and tenants.
async fn cost_beside(future: i32) -> (f64, f64) {
    let (place, store, bench) = stage().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    bench.post(&account, bench.at(3600)).await;
    let mut on = session(&place).await;
    let filled = [
        "INSERT INTO shareville_posts (id, tenant, end_user, account, connection, lane, revision, status, listed_at,
                                       due_at, expires_at, open, record)
         SELECT gen_random_uuid(), tenant, end_user, account, connection, lane, revision, status, listed_at + i,
                due_at + i, expires_at + i, open, record FROM shareville_posts CROSS JOIN generate_series(1, $1) i",
        "INSERT INTO shareville_lanes (tenant, provider, platform_id, next_due)
         SELECT tenant, provider, 'other ' || i, next_due + i FROM shareville_lanes CROSS JOIN generate_series(1, $1) i",
        "INSERT INTO shareville_tenants (id, owner, revision, record)
         SELECT gen_random_uuid(), 'owner ' || i, 1, '{}' FROM generate_series(1, $1) i",
        "INSERT INTO shareville_turns (tenant, turn)
         SELECT id, 4000000000000000 + $1 FROM shareville_tenants ON CONFLICT DO NOTHING",
    ];
    for sql in filled {
        query(sql).bind(future).execute(&mut on).await.unwrap();
    }
    bench.post(&account, bench.now()).await;
    let analyze =
        "ANALYZE shareville_posts, shareville_lanes, shareville_turns, shareville_tenants";
    run(&mut on, analyze.to_owned()).await;
    no_statement_reads_a_whole_table(&mut on).await;
    run(&mut on, format!("PREPARE claim AS {}", claims::CLAIM)).await;
    let nonces = ["gen_random_uuid()"; 10].join(", ");
    let execute = format!(
        "EXECUTE claim ({}, 10, 100, 60000000, ARRAY[{nonces}])",
        micros(bench.now())
    );
    let whole = cost(&mut on, &execute).await;
    assert_eq!(bench.claim(10).await, vec![], "the post was claimed");
    store.close().await;
    let pages = |name: &str| whole[name].as_f64().unwrap_or_default();
    (
        rows_of(&whole),
        pages("Shared Hit Blocks") + pages("Shared Read Blocks"),
    )
}

#[tokio::test]
async fn the_future_should_cost_a_claim_nothing() {
    let ((few, few_pages), (many, many_pages)) =
        (cost_beside(1_000).await, cost_beside(20_000).await);
    assert!(few > 1.0, "the rows were not counted: {few}");
    assert!(
        many <= few,
        "{few} rows beside 1,000 posts to come, {many} beside 20,000"
    );
    // An index grows by a level, not with its rows.
    assert!(
        many_pages <= 2.0 * few_pages,
        "{few_pages} pages beside 1,000 posts to come, {many_pages} beside 20,000"
    );
}

#[tokio::test]
async fn the_accounts_there_are_should_cost_a_write_nothing() {
    let (place, store, bench) = stage().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(3600)).await;
    store.close().await;
    let mut on = session(&place).await;
    let filled =
        "INSERT INTO shareville_accounts (id, tenant, connection, provider, platform_id, record)
         SELECT gen_random_uuid(), tenant, connection, provider, 'other ' || i, record
         FROM shareville_accounts CROSS JOIN generate_series($2, $3) i WHERE id = $1";
    let (post, account) = (post.id.as_uuid(), account.id.as_uuid());
    run(&mut on, format!("PREPARE write AS {}", changes::WRITE)).await;
    let execute = format!(
        "EXECUTE write ('{{{post}}}', '{{2}}', '{{scheduled}}', '{{1}}', '{{2}}', '{{3}}', '{{NULL}}', '{{true}}',
                        ARRAY['{{}}'], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{{account}}}')"
    );
    // It is planned while they are few, and once.
    for (from, to) in [(1, 24), (25, 5_000)] {
        let others = query(filled).bind(account).bind(from).bind(to);
        others.execute(&mut on).await.unwrap();
        if to < 25 {
            run(&mut on, "VACUUM ANALYZE shareville_accounts".to_owned()).await;
        }
        let rows = rows_of(&cost(&mut on, &execute).await);
        assert!(rows > 1.0, "the rows were not counted: {rows}");
        assert!(rows < 25.0, "{rows} rows for one post");
    }
    let written = "SELECT due_at FROM shareville_posts WHERE revision = 2 AND expires_at = 3";
    let due: Option<i64> = query_scalar(written).fetch_one(&mut on).await.unwrap();
    assert_eq!(due, Some(2), "its account is there");
}
