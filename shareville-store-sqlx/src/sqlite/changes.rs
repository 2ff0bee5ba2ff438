//! Executing changes in SQLite: one transaction a batch, in which each change stands or falls for itself.

use std::collections::BTreeSet;

use shareville_core::{
    clock::Timestamp,
    post::{Applied, Change},
    store::{Result, Stale},
};
use sqlx::{SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    SqliteStore,
    events::tell,
    lanes::settle,
    users::{DEPART_POSTS, ERASE_POSTS},
};
use crate::{
    batch::{Batch, Guard, good, needed_active},
    error::failed,
    row::{hex, json, micros, open, revision},
};

/// What is checked before posts are changed.
pub(super) const GUARDS: &str = "SELECT p.id AS post, p.revision,
            EXISTS (SELECT 1 FROM shareville_accounts a WHERE a.id = p.account) AS works, l.*
     FROM json_each(?1) j CROSS JOIN shareville_posts p ON p.id = unhex(j.value)
     CROSS JOIN shareville_lanes l ON l.id = p.lane";

/// Which of some tenants are active.
pub(super) const ACTIVE: &str = "SELECT t.id
     FROM json_each(?1) j CROSS JOIN shareville_tenants t ON t.id = unhex(j.value) WHERE t.record ->> '$.active'";

/// Writes all that can change in posts. The records come apart: SQLite reads a whole row of JSON for each value in it.
pub(super) const UPDATE: &str =
    "UPDATE shareville_posts SET
         revision = j.value ->> 1, status = j.value ->> 2, listed_at = j.value ->> '$[3][0]',
         due_at = j.value ->> '$[3][1]', expires_at = j.value ->> '$[3][2]', platform_id = j.value ->> 4,
         open = j.value ->> 5, record = ?2 -> j.key
     FROM json_each(?1) j WHERE shareville_posts.id = unhex(j.value ->> 0)";

async fn read(connection: &mut SqliteConnection, changes: &[Change]) -> Result<Batch> {
    let asked: BTreeSet<_> = changes.iter().map(|it| hex(it.post.as_uuid())).collect();
    let guards: Vec<Guard> = query_as(GUARDS)
        .bind(json(&asked)?)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let mut batch: Batch = guards.into_iter().collect();
    let needed: Vec<_> = needed_active(changes).into_iter().map(hex).collect();
    if !needed.is_empty() {
        let active: Vec<Uuid> = query_scalar(ACTIVE)
            .bind(json(&needed)?)
            .fetch_all(connection)
            .await
            .map_err(failed)?;
        batch.know_active(active);
    }
    Ok(batch)
}

/// Writes the posts and then the lanes that were touched.
async fn write(batch: Batch, connection: &mut SqliteConnection) -> Result<()> {
    let (mut rows, mut records, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for (id, (next, works)) in &batch.written {
        let Some(post) = next else {
            removed.push(hex(id.as_uuid()));
            continue;
        };
        // A post whose account is gone never comes up again.
        let due = post.due_at().filter(|_| *works).map(micros);
        let expiry = post.expires_at().filter(|_| *works).map(micros);
        let times = (micros(post.listed_at()), due, expiry);
        let platform_id = post.published.platform_id.as_deref();
        rows.push((
            hex(id.as_uuid()),
            revision(post.revision),
            post.status.name(),
            times,
            platform_id,
            open(post),
        ));
        records.push(post);
    }
    if !rows.is_empty() {
        query(UPDATE)
            .bind(json(&rows)?)
            .bind(json(&records)?)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
    }
    if !removed.is_empty() {
        let removed = json(&removed)?;
        for sql in [DEPART_POSTS, ERASE_POSTS] {
            query(sql)
                .bind(&removed)
                .execute(&mut *connection)
                .await
                .map_err(failed)?;
        }
    }
    settle(connection, batch.lanes.into_values()).await
}

/// Executes changes in a transaction that is under way, and holds the lock for writing.
pub(super) async fn execute(
    connection: &mut SqliteConnection,
    changes: &[Change],
    now: Timestamp,
) -> Result<Vec<std::result::Result<Applied, Stale>>> {
    let mut batch = read(connection, changes).await?;
    let results: Vec<_> = changes.iter().map(|it| batch.take(it, now)).collect();
    if results.iter().any(|it| it.is_ok()) {
        write(batch, connection).await?;
        let good = good(changes, &results);
        tell(connection, good.flat_map(|change| &change.events)).await?;
    }
    Ok(results)
}

impl SqliteStore {
    pub(super) async fn execute(
        &self,
        changes: &[Change],
    ) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let results = execute(write.on(), changes, self.clock.now()).await?;
        if results.iter().any(|it| it.is_ok()) {
            write.commit().await?;
            let changed = good(changes, &results).map(|change| change.post);
            self.signals.posts(changed);
            self.signals.work();
            let good = good(changes, &results);
            self.signals.told(good.flat_map(|change| &change.events));
        }
        Ok(results)
    }
}
