//! Transactions that last, and what others do beside them.

use shareville_core::{
    post::{Command, PostStatus},
    posting::Plan,
    store::{
        ClaimRequest, ConnectionStore as _, LaneStore as _, PostStore as _, Stale, StoreError,
        TenantStore as _,
    },
    testing::store::LEASE,
};
use sqlx::{PgConnection, PgPool};

use super::{AT_ONCE, scene};

/// Waits for what nobody may be in the way of.
pub(super) async fn at_once<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(AT_ONCE, work).await.unwrap()
}

/// By which number the server knows a connection.
pub(super) async fn number(on: &mut PgConnection) -> i32 {
    let number = sqlx::query_scalar("SELECT pg_backend_pid()");
    number.fetch_one(on).await.unwrap()
}

/// Returns once somebody waits for a connection.
pub(super) async fn until_waited_for(pool: &PgPool, number: i32) {
    at_once(async {
        loop {
            let waits: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))",
            )
            .bind(number)
            .fetch_one(pool)
            .await
            .unwrap();
            if waits {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_hosts_open_transaction_should_keep_no_other_tenant_waiting() {
    let (bench, store, pool) = scene().await;
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let [account, second] = [bench.account(&tenant).await, bench.account(&tenant).await];
    let [beside, behind] = [bench.account(&other).await, bench.account(&other).await];
    bench.post(&beside, bench.now()).await;
    let held = bench.claim_one().await;
    let waiting = bench.post(&second, bench.now()).await;

    let mut transaction = pool.begin().await.unwrap();
    let plan = Plan::from(vec![bench.scheduled(&account, bench.at(86_400))]);
    let executed = store.execute_in(&mut transaction, &plan).await;
    executed.unwrap().unwrap();
    let post = at_once(bench.post(&behind, bench.now())).await;
    let claimed = at_once(bench.claim_one()).await;
    assert_eq!(claimed.post, post);
    let renewed = at_once(store.renew(&[held.claim, claimed.claim], LEASE)).await;
    assert_eq!(renewed.unwrap(), [true, true]);
    assert_eq!(at_once(bench.claim(10)).await, vec![]);
    transaction.commit().await.unwrap();
    assert_eq!(bench.claim_one().await.post, waiting);
}

#[tokio::test]
async fn a_locked_lane_should_keep_no_other_lease_from_being_renewed() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;
    for _ in 0..3 {
        let account = bench.account(&tenant).await;
        bench.post(&account, bench.now()).await;
    }
    let claims = bench.claim(10).await;
    let held: Vec<_> = claims.iter().map(|it| it.claim.clone()).collect();
    bench.pass(40);
    let mut frozen = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM shareville_lanes WHERE platform_id = $1 FOR NO KEY UPDATE")
        .bind(&held[1].lane.platform_id)
        .execute(&mut *frozen)
        .await
        .unwrap();
    let renewed = at_once(store.renew(&held, LEASE)).await;
    assert!(
        matches!(renewed, Err(StoreError::Unavailable(_))),
        "nobody can tell whether the claim holds: {renewed:?}"
    );
    frozen.rollback().await.unwrap();
    bench.pass(40);
    let again = bench.claim_one().await;
    assert_eq!(again.post, claims[1].post, "the others were renewed");
    let renewed = store.renew(&held, LEASE).await.unwrap();
    assert_eq!(renewed, [true, false, true]);
}

#[tokio::test]
async fn who_switches_a_tenant_off_should_wait_for_the_marks_under_way() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    // What a mark holds that has found the tenant active.
    let mut marking = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM shareville_lanes WHERE tenant = $1 FOR NO KEY UPDATE")
        .bind(tenant.id.as_uuid())
        .execute(&mut *marking)
        .await
        .unwrap();
    let (revision, mut off) = (tenant.revision, tenant);
    off.active = false;
    off.revision += 1;
    let switching = tokio::spawn(async move { store.update_tenant(&off, revision, &[]).await });
    until_waited_for(&pool, number(&mut marking).await).await;
    marking.commit().await.unwrap();
    let switched = at_once(switching).await.unwrap();
    assert_eq!(switched.unwrap(), Ok(()));
    let late = bench.committing(&post).under(claim);
    assert_eq!(bench.apply(&late).await, Err(Stale));
}

#[tokio::test]
async fn a_host_and_a_worker_should_not_both_have_their_way() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;

    // The host is first: the worker finds nothing, before the commit and after it.
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let mut transaction = pool.begin().await.unwrap();
    let cancel = Plan::from(bench.change(&post, Command::Cancel));
    let canceled = store.execute_in(&mut transaction, &cancel).await;
    canceled.unwrap().unwrap();
    assert_eq!(at_once(bench.claim(10)).await, vec![]);
    transaction.commit().await.unwrap();
    assert_eq!(bench.claim(10).await, vec![]);
    assert_eq!(bench.read(&post).await.status, PostStatus::Canceled);

    // The worker is first: it has marked the post, and the host's plan is of the post as it was.
    let post = bench.post(&account, bench.now()).await;
    let cancel = Plan::from(bench.change(&post, Command::Cancel));
    let claim = bench.claim_one().await.claim;
    let marked = bench.committing(&post).under(claim);
    bench.apply(&marked).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let canceled = store.execute_in(&mut transaction, &cancel).await;
    assert_eq!(canceled.unwrap(), Err(Stale));
    transaction.rollback().await.unwrap();

    // Both at once: the worker, which has claimed it, waits for the host's commit and cannot mark it any more.
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let claim = bench.claim_one().await.claim;
    let marked = bench.committing(&post).under(claim);
    let mut transaction = pool.begin().await.unwrap();
    let cancel = Plan::from(bench.change(&post, Command::Cancel));
    let canceled = store.execute_in(&mut transaction, &cancel).await;
    canceled.unwrap().unwrap();
    let marking = {
        let store = store.clone();
        tokio::spawn(async move { store.apply(&[marked]).await })
    };
    until_waited_for(&pool, number(&mut transaction).await).await;
    transaction.commit().await.unwrap();
    let marking = at_once(marking).await.unwrap();
    assert!(matches!(marking.unwrap()[..], [Err(Stale)]));
    assert_eq!(bench.read(&post).await.status, PostStatus::Canceled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn plans_that_are_executed_together_should_never_deadlock() {
    let (bench, store, pool) = scene().await;
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let tenant = bench.tenant().await;
        for _ in 0..2 {
            accounts.push(bench.account(&tenant).await);
        }
    }
    let mut hosts = Vec::new();
    for _ in 0..2 {
        accounts.reverse();
        let plan = |account| Plan::from(vec![bench.scheduled(account, bench.now())]);
        let rounds = (0..10).map(|_| accounts.iter().map(plan).collect());
        let rounds: Vec<Vec<Plan>> = rounds.collect();
        let (store, pool) = (store.clone(), pool.clone());
        hosts.push(tokio::spawn(async move {
            for plans in rounds {
                let mut transaction = pool.begin().await.unwrap();
                let executed = store.execute_all_in(&mut transaction, &plans).await;
                executed.unwrap().unwrap();
                transaction.commit().await.unwrap();
            }
        }));
    }
    for host in hosts {
        host.await.unwrap();
    }
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = store.claim(request).await.unwrap().claims;
    assert_eq!(claimed.len(), accounts.len());
}

#[tokio::test]
async fn a_post_brought_back_while_its_connection_is_removed_should_never_come_up() {
    let (bench, store, pool) = scene().await;
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let canceled = bench.apply(&bench.change(&post, Command::Cancel)).await;
    canceled.unwrap();

    // What a change does that brings it back, up to its commit.
    let mut change = pool.begin().await.unwrap();
    let id = post.id.as_uuid();
    for sql in [
        "SELECT 1 FROM shareville_posts p JOIN shareville_lanes l ON l.id = p.lane WHERE p.id = $1
         FOR NO KEY UPDATE OF l, p",
        "UPDATE shareville_posts SET open = true, due_at = 1 WHERE id = $1",
    ] {
        let done = sqlx::query(sql).bind(id).execute(&mut *change).await;
        done.unwrap();
    }
    let removing = {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .remove_connection(tenant.id, account.connection, &[])
                .await
        })
    };
    until_waited_for(&pool, number(&mut change).await).await;
    change.commit().await.unwrap();
    let removed = at_once(removing).await.unwrap();
    assert!(removed.unwrap());
    let due_at: Option<i64> =
        sqlx::query_scalar("SELECT due_at FROM shareville_posts WHERE id = $1")
            .bind(id)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert_eq!(due_at, None);
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = store.claim(request).await.unwrap();
    assert_eq!((claimed.claims.len(), claimed.next_ready), (0, None));
}
