//! What becomes of the server: connections that are lost, and tables that are restored on another.

use shareville_core::{
    notice::{Notice, NoticeDigest, NoticeKind},
    store::{
        ClaimRequest, CredentialStore as _, DeliveryStore as _, NoticeStore as _, TenantStore as _,
    },
    tenant::Tenant,
    testing::store::{LEASE, START, new_tenant},
};
use shareville_store_sqlx::PostgresStore;
use sqlx::{PgPool, postgres::PgListener};

use super::{AT_ONCE, bench, clock, open, place::Place, pool};

/// On which channel the stores of a place tell each other.
async fn channel(pool: &PgPool) -> String {
    let channel = sqlx::query_scalar("SELECT 'shareville ' || current_schema()");
    channel.fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn what_was_not_heard_should_count_as_changed() {
    let (place, clock) = (Place::new().await, clock());
    let (writer, pool) = (open(&place, &clock).await, pool(&place).await);
    let tenant = bench(&writer, &clock).tenant().await;
    let channel = channel(&pool).await;
    let reader = open(&place, &clock).await;
    let before = reader.credential_epoch(tenant.id);
    assert!(before.is_some());
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'LISTEN \"' || $1 || '\"'",
    )
    .bind(channel)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(ended >= 1, "nobody listens");
    let paused = Tenant {
        active: false,
        revision: 2,
        ..tenant.clone()
    };
    let updated = writer.update_tenant(&paused, 1, &[]).await;
    updated.unwrap().unwrap();
    let heard = async {
        loop {
            let epoch = reader.credential_epoch(tenant.id);
            if epoch.is_some() && epoch != before {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(AT_ONCE, heard).await.unwrap();
    let read = reader.tenant(tenant.id).await.unwrap();
    assert_eq!(read, Some(paused));
}

#[tokio::test]
async fn a_notice_that_cannot_be_read_should_stand_in_nobodys_way() {
    let (place, clock) = (Place::new().await, clock());
    let (store, pool) = (open(&place, &clock).await, pool(&place).await);
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
    sqlx::query("UPDATE shareville_notices SET record = '{}' WHERE id = $1")
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
async fn the_last_news_should_be_told_before_a_store_is_closed() {
    let (place, clock) = (Place::new().await, clock());
    let (store, pool) = (open(&place, &clock).await, pool(&place).await);
    let bench = bench(&store, &clock);
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let mut listener = PgListener::connect_with(&pool).await.unwrap();
    listener.listen(&channel(&pool).await).await.unwrap();
    let mut posts = Vec::new();
    for _ in 0..2 {
        posts.push(bench.post(&account, bench.at(60)).await);
    }
    for post in &posts {
        bench.apply(&bench.waiting(post, 60)).await.unwrap();
    }
    store.close().await;
    let ids = posts
        .iter()
        .map(|post| post.id.as_uuid().simple().to_string());
    let ids: Vec<String> = ids.collect();
    let heard = async {
        let mut told = String::new();
        while !ids.iter().all(|id| told.contains(id)) {
            told.push_str(listener.recv().await.unwrap().payload());
        }
    };
    tokio::time::timeout(AT_ONCE, heard).await.unwrap();
}

async fn deliveries(store: &PostgresStore) -> usize {
    let request = ClaimRequest::new(10, LEASE, 10);
    let claimed = store.claim_deliveries(request).await;
    claimed.unwrap().claims.len()
}

#[tokio::test]
async fn webhooks_should_be_owed_after_the_tables_were_restored_on_another_server() {
    let (place, clock) = (Place::new().await, clock());
    let (store, pool) = (open(&place, &clock).await, pool(&place).await);
    let tenant = Tenant {
        webhook_url: "https://bakery.example/hook".parse().ok(),
        ..new_tenant("anna", START)
    };
    store.create_tenant(&tenant, &[]).await.unwrap();
    let before = bench(&store, &clock);
    let account = before.account(&tenant).await;
    before.post(&account, before.at(86_400)).await;
    assert_eq!(deliveries(&store).await, 1);
    before.post(&account, before.at(86_400)).await;
    store.close().await;
    // As they would stand there: told before the dump, by transactions that are yet to come on this server.
    for sql in [
        "UPDATE shareville_endpoints SET since = '700000000000:700000000000:'",
        "UPDATE shareville_delivery_cursor SET past = '800000000000:800000000000:'",
        "UPDATE shareville_events SET xid = CASE WHEN seq IN (SELECT event FROM shareville_deliveries)
                                                 THEN '750000000000'::xid8 ELSE '850000000000'::xid8 END",
    ] {
        sqlx::query(sql).execute(&pool).await.unwrap();
    }
    for owed in [1, 0] {
        let store = open(&place, &clock).await;
        assert_eq!(deliveries(&store).await, owed, "what was owed before");
        store.close().await;
    }
    let store = open(&place, &clock).await;
    let bench = bench(&store, &clock);
    bench.post(&account, bench.at(86_400)).await;
    assert_eq!(deliveries(&store).await, 1, "what is told from now on");
}
