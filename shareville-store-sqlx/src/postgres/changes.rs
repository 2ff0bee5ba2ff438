//! Executing changes in PostgreSQL: one transaction a batch, in which each change stands or falls for itself.

use std::collections::BTreeSet;

use serde::Deserialize;
use shareville_core::{
    id::TenantId,
    post::{Applied, Change},
    store::{Result, Stale},
};
use sqlx::{FromRow, PgConnection, query_as, query_scalar};
use uuid::Uuid;

use super::{
    PostgresStore,
    clock::now,
    events::Events,
    lanes::{Settled, settle},
};
use crate::{
    batch::{Batch, Guard, good, needed_active},
    error::failed,
    row::{json, micros, records, revision, time},
};

/// Locks lanes and posts, and reads what is checked before posts are changed. Whether an account is there is asked when
/// the post is written, as it may go away while this waits for the locks.
pub(super) const GUARDS: &str = concat!(
    "SELECT ",
    now!("$2"),
    " AS now, p.id AS post, p.revision, true AS works, l.*
     FROM shareville_posts p JOIN shareville_lanes l ON l.id = p.lane WHERE p.id = ANY ($1)
     ORDER BY l.tenant, l.provider, l.platform_id, p.id FOR NO KEY UPDATE OF l, p"
);

/// Some tenants, to see which are active. It is asked once the lanes are locked: who switches a tenant off waits for its
/// lanes, and so for whoever has found it active. It is not worked out by the database, whose JSON cannot be read where a text in it has a NUL.
pub(super) const TENANTS: &str = "SELECT record FROM shareville_tenants WHERE id = ANY ($1)";

/// Writes all that can change in posts, removes posts, remembering whose they were, and tells of it, in one statement;
/// answers whether any of it is for an endpoint. A post whose account is gone never comes up again.
///
/// Accounts and endpoints are looked up one by one, by subqueries that answer a value: for `EXISTS`, or a join, a plan
/// that was made while there were few reads all that there are.
pub(super) const WRITE: &str =
    "WITH batch AS MATERIALIZED (
         SELECT b.*, (SELECT true FROM shareville_accounts a WHERE a.id = b.account) AS works
         FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                     $7::text[], $8::boolean[], $9::text[], $16::uuid[])
              AS b (id, revision, status, listed_at, due_at, expires_at, platform_id, open, record, account)),
     departed AS (
         INSERT INTO shareville_departed (tenant, end_user, subject)
         SELECT tenant, end_user, id FROM shareville_posts WHERE id = ANY ($10::uuid[]) ON CONFLICT DO NOTHING),
     removed AS (DELETE FROM shareville_posts WHERE id = ANY ($10::uuid[])),
     told AS (
         INSERT INTO shareville_events (id, tenant, subject, record, public)
         SELECT * FROM unnest($11::uuid[], $12::uuid[], $13::uuid[], $14::text[], $15::boolean[])),
     written AS (
         UPDATE shareville_posts p
         SET revision = b.revision, status = b.status, listed_at = b.listed_at,
             due_at = CASE WHEN b.works THEN b.due_at END,
             expires_at = CASE WHEN b.works THEN b.expires_at END,
             platform_id = b.platform_id, open = b.open, record = b.record
         FROM batch b WHERE p.id = b.id)
     SELECT EXISTS (
         SELECT 1 FROM unnest($12::uuid[], $15::boolean[]) AS e (tenant, public)
         WHERE e.public AND (SELECT n.active FROM shareville_endpoints n WHERE n.tenant = e.tenant))";

/// What is read of a tenant.
#[derive(Debug, Deserialize)]
struct Standing {
    id: TenantId,
    active: bool,
}

/// What is checked, and when.
#[derive(Debug, FromRow)]
struct Locked {
    now: i64,
    #[sqlx(flatten)]
    guard: Guard,
}

/// What became of changes.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) results: Vec<std::result::Result<Applied, Stale>>,
    /// When there is next something to do in their lanes, if any was written.
    pub(super) settled: Option<Settled>,
    /// Whether an endpoint is to be told of any.
    pub(super) owed: bool,
}

/// Writes the posts, their events, and then the lanes that were touched; says, too, whether an endpoint is to be told.
async fn write(
    on: &mut PgConnection,
    batch: Batch,
    events: Events,
    now: Option<i64>,
) -> Result<(Settled, bool)> {
    let removed: Vec<Uuid> = batch
        .written
        .iter()
        .filter(|(_, (next, _))| next.is_none())
        .map(|(id, _)| id.as_uuid())
        .collect();
    let posts: Vec<_> = batch
        .written
        .values()
        .filter_map(|(next, _)| next.as_ref())
        .collect();
    let records: Vec<String> = posts
        .iter()
        .map(|post| json(*post))
        .collect::<Result<_>>()?;
    let owed: bool = query_scalar(WRITE)
        .bind(posts.iter().map(|it| it.id.as_uuid()).collect::<Vec<_>>())
        .bind(
            posts
                .iter()
                .map(|it| revision(it.revision))
                .collect::<Vec<_>>(),
        )
        .bind(posts.iter().map(|it| it.status.name()).collect::<Vec<_>>())
        .bind(
            posts
                .iter()
                .map(|it| micros(it.listed_at()))
                .collect::<Vec<_>>(),
        )
        .bind(
            posts
                .iter()
                .map(|it| it.due_at().map(micros))
                .collect::<Vec<_>>(),
        )
        .bind(
            posts
                .iter()
                .map(|it| it.expires_at().map(micros))
                .collect::<Vec<_>>(),
        )
        .bind(
            posts
                .iter()
                .map(|it| it.published.platform_id.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(posts.iter().map(|it| it.is_unsettled()).collect::<Vec<_>>())
        .bind(records)
        .bind(removed)
        .bind(events.ids)
        .bind(events.tenants)
        .bind(events.subjects)
        .bind(events.records)
        .bind(events.public)
        .bind(
            posts
                .iter()
                .map(|it| it.account.as_uuid())
                .collect::<Vec<_>>(),
        )
        .fetch_one(&mut *on)
        .await
        .map_err(failed)?;
    let settled = settle(on, batch.lanes.into_values(), now).await?;
    Ok((settled, owed))
}

/// Executes changes in a transaction that is under way.
pub(super) async fn execute(
    on: &mut PgConnection,
    changes: &[Change],
    now: Option<i64>,
) -> Result<Executed> {
    let unwritten = |results| Executed {
        results,
        settled: None,
        owed: false,
    };
    let asked: BTreeSet<Uuid> = changes.iter().map(|it| it.post.as_uuid()).collect();
    let locked: Vec<Locked> = query_as(GUARDS)
        .bind(asked.into_iter().collect::<Vec<_>>())
        .bind(now)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    let Some(at) = locked.iter().map(|it| it.now).max().map(time) else {
        return Ok(unwritten(vec![Err(Stale); changes.len()]));
    };
    let mut batch: Batch = locked.into_iter().map(|it| it.guard).collect();
    let needed: Vec<Uuid> = needed_active(changes).into_iter().collect();
    if !needed.is_empty() {
        let found: Vec<String> = query_scalar(TENANTS)
            .bind(needed)
            .fetch_all(&mut *on)
            .await
            .map_err(failed)?;
        let found: Vec<Standing> = records(&found)?;
        let active = found.into_iter().filter(|it| it.active);
        batch.know_active(active.map(|it| it.id.as_uuid()));
    }
    let results: Vec<_> = changes.iter().map(|it| batch.take(it, at)).collect();
    if !results.iter().any(|it| it.is_ok()) {
        return Ok(unwritten(results));
    }
    let told = good(changes, &results).flat_map(|change| &change.events);
    let (settled, owed) = write(on, batch, Events::of(told)?, now).await?;
    Ok(Executed {
        results,
        settled: Some(settled),
        owed,
    })
}

impl PostgresStore {
    pub(super) async fn execute(
        &self,
        changes: &[Change],
    ) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let Executed {
            results,
            settled,
            owed,
        } = execute(write.on(), changes, self.clock.now()).await?;
        if let Some(settled) = settled {
            write.commit().await?;
            let written = good(changes, &results);
            self.wire.posts(written.map(|change| change.post));
            if owed {
                self.wire.deliveries();
            }
            self.tell_if_soon(time(settled.now), settled.ready_at);
        }
        Ok(results)
    }
}
