//! Notices in PostgreSQL.

use std::{result::Result as StdResult, time::Duration};

use async_trait::async_trait;
use shareville_core::{
    id::TenantId,
    notice::{DeletionCode, Notice},
    store::{ClaimedNotices, NoticeChange, NoticeStore, Result, Stale},
};
use sqlx::{FromRow, PgConnection, query, query_as};
use uuid::Uuid;

use super::{PostgresStore, clock::now, lanes::length};
use crate::{
    error::{conflict, failed},
    notices::claim,
    row::{count, found, json, micros, revision, time},
};

/// Keeps a notice, unless it is known.
pub(super) const KEEP: &str =
    "INSERT INTO shareville_notices (id, tenant, digest, code, revision, ready_at, kept_until, record)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, digest) DO NOTHING";
pub(super) const KNOWN: &str =
    "SELECT record FROM shareville_notices WHERE tenant = $1 AND digest = $2";

/// What time it is, and when something is next.
pub(super) const LOOK: &str = concat!(
    "SELECT ",
    now!("$1"),
    ", (SELECT ready_at FROM shareville_notices WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1)"
);

/// Claims what is up; what others are claiming is passed over.
pub(super) const CLAIM: &str = concat!(
    "WITH clock AS MATERIALIZED (SELECT ",
    now!("$1"),
    " AS now),
     up AS MATERIALIZED (
         SELECT id, ready_at FROM shareville_notices WHERE ready_at <= (SELECT now FROM clock)
         ORDER BY ready_at, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE shareville_notices n SET nonce = gen_random_uuid(), ready_at = (SELECT now FROM clock) + $3
     FROM up WHERE n.id = up.id
     RETURNING n.nonce, up.ready_at, n.record"
);

/// Changes a notice under its claim; or without one, if nobody has claimed it.
pub(super) const CHANGE: &str = concat!(
    "UPDATE shareville_notices
     SET revision = $4, nonce = NULL, ready_at = $5, kept_until = $6, record = $7
     WHERE id = $1 AND tenant = $2 AND revision = $3
       AND CASE WHEN $8::uuid IS NULL THEN nonce IS NULL OR ready_at <= ",
    now!("$9"),
    " ELSE nonce = $8::uuid END"
);

pub(super) const BY_CODE: &str =
    "SELECT record FROM shareville_notices WHERE tenant = $1 AND code = $2";
pub(super) const SWEEP: &str = concat!(
    "DELETE FROM shareville_notices WHERE kept_until <= (SELECT ",
    now!("$1"),
    ")"
);

#[derive(FromRow)]
struct Up {
    nonce: Uuid,
    ready_at: i64,
    record: String,
}

/// Keeps a notice; gives the one that is known already.
async fn keep(on: &mut PgConnection, notice: &Notice) -> Result<Option<Notice>> {
    loop {
        let kept = query(KEEP)
            .bind(notice.id.as_uuid())
            .bind(notice.tenant.as_uuid())
            .bind(&notice.digest.as_bytes()[..])
            .bind(notice.code().map(DeletionCode::as_str))
            .bind(revision(notice.revision))
            .bind(notice.due_at.map(micros))
            .bind(notice.kept_until().map(micros))
            .bind(json(notice)?)
            .execute(&mut *on)
            .await
            .map_err(conflict("tenant"))?;
        if kept.rows_affected() > 0 {
            return Ok(None);
        }
        let row = query(KNOWN)
            .bind(notice.tenant.as_uuid())
            .bind(&notice.digest.as_bytes()[..])
            .fetch_optional(&mut *on)
            .await
            .map_err(failed)?;
        // If it is not there any more it was swept just now, and there is room for the new one.
        if let Some(known) = found(row.as_ref())? {
            return Ok(Some(known));
        }
    }
}

async fn change(on: &mut PgConnection, change: &NoticeChange, now: Option<i64>) -> Result<bool> {
    let notice = &change.notice;
    let changed = query(CHANGE)
        .bind(notice.id.as_uuid())
        .bind(notice.tenant.as_uuid())
        .bind(revision(change.revision))
        .bind(revision(notice.revision))
        .bind(notice.due_at.map(micros))
        .bind(notice.kept_until().map(micros))
        .bind(json(notice)?)
        .bind(change.claim)
        .bind(now)
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(changed.rows_affected() > 0)
}

/// The places of items, in the order of their keys: all who lock several rows lock them in one order.
fn in_order<T, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|at| key(&items[*at]));
    order
}

impl PostgresStore {
    /// When there is next something to claim; nothing is written.
    async fn look_for_notices(&self) -> Result<ClaimedNotices> {
        let mut on = self.lend().await?;
        let (now, next): (i64, Option<i64>) = query_as(LOOK)
            .bind(self.clock.now())
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(ClaimedNotices {
            claims: Vec::new(),
            now: time(now),
            next_ready: next.map(time),
        })
    }
}

#[async_trait]
impl NoticeStore for PostgresStore {
    async fn keep_notices(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>> {
        let mut write = self.write().await?;
        let mut before = vec![None; notices.len()];
        for at in in_order(notices, |it| (it.tenant, it.digest)) {
            before[at] = keep(write.on(), &notices[at]).await?;
        }
        write.commit().await?;
        Ok(before)
    }

    async fn claim_notices(&self, limit: usize, lease: Duration) -> Result<ClaimedNotices> {
        // Most workers ask most often for nothing: then nothing is written.
        let looked = self.look_for_notices().await?;
        if limit == 0 || looked.next_ready.is_none_or(|next| next > looked.now) {
            return Ok(looked);
        }
        let mut write = self.write().await?;
        let mut up: Vec<Up> = query_as(CLAIM)
            .bind(self.clock.now())
            .bind(count(limit))
            .bind(length(lease))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        up.sort_by_key(|it| it.ready_at);
        let claims = up.iter().filter_map(|it| claim(it.nonce, &it.record));
        Ok(ClaimedNotices {
            claims: claims.collect(),
            ..self.look_for_notices().await?
        })
    }

    async fn apply_notices(&self, changes: &[NoticeChange]) -> Result<Vec<StdResult<(), Stale>>> {
        let mut write = self.write().await?;
        let mut applied = vec![Err(Stale); changes.len()];
        for at in in_order(changes, |it| it.notice.id) {
            if change(write.on(), &changes[at], self.clock.now()).await? {
                applied[at] = Ok(());
            }
        }
        write.commit().await?;
        Ok(applied)
    }

    async fn deletion(&self, tenant: TenantId, code: &DeletionCode) -> Result<Option<Notice>> {
        let mut on = self.lend().await?;
        let row = query(BY_CODE)
            .bind(tenant.as_uuid())
            .bind(code.as_str())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }

    async fn sweep_notices(&self) -> Result<u64> {
        let mut write = self.write().await?;
        let swept = query(SWEEP)
            .bind(self.clock.now())
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(swept.rows_affected())
    }
}
