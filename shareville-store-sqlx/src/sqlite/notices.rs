//! Notices in SQLite.

use std::{result::Result as StdResult, time::Duration};

use async_trait::async_trait;
use shareville_core::{
    clock::{Timestamp, later},
    id::TenantId,
    notice::{DeletionCode, Notice},
    store::{ClaimedNotices, NoticeChange, NoticeStore, Result, Stale},
};
use sqlx::{SqliteConnection, SqliteExecutor, query, query_as, query_scalar};
use uuid::Uuid;

use super::SqliteStore;
use crate::{
    error::{conflict, failed},
    notices::claim,
    row::{count, found, json, micros, revision, time},
};

/// Keeps a notice, unless it is known.
pub(super) const KEEP: &str =
    "INSERT INTO shareville_notices (id, tenant, digest, code, revision, ready_at, kept_until, record)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (tenant, digest) DO NOTHING";
pub(super) const KNOWN: &str =
    "SELECT record FROM shareville_notices WHERE tenant = ?1 AND digest = ?2";

/// What is up, and when something is next.
pub(super) const UP: &str = "SELECT id, record FROM shareville_notices WHERE ready_at <= ?1
     ORDER BY ready_at, id LIMIT ?2";
pub(super) const NEXT: &str =
    "SELECT ready_at FROM shareville_notices WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1";
pub(super) const LEASE: &str =
    "UPDATE shareville_notices SET nonce = ?2, ready_at = ?3 WHERE id = ?1";

/// Changes a notice under its claim; or without one, if nobody has claimed it.
pub(super) const CHANGE: &str = "UPDATE shareville_notices
     SET revision = ?4, nonce = NULL, ready_at = ?5, kept_until = ?6, record = ?7
     WHERE id = ?1 AND tenant = ?2 AND revision = ?3
       AND CASE WHEN ?8 IS NULL THEN nonce IS NULL OR ready_at <= ?9 ELSE nonce = ?8 END";

pub(super) const BY_CODE: &str =
    "SELECT record FROM shareville_notices WHERE tenant = ?1 AND code = ?2";
pub(super) const SWEEP: &str = "DELETE FROM shareville_notices WHERE kept_until <= ?1";

/// Keeps a notice; gives the one that is known already.
async fn keep(on: &mut SqliteConnection, notice: &Notice) -> Result<Option<Notice>> {
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
        .fetch_optional(on)
        .await
        .map_err(failed)?;
    found(row.as_ref())
}

async fn next_ready(on: impl SqliteExecutor<'_>) -> Result<Option<Timestamp>> {
    let next: Option<i64> = query_scalar(NEXT)
        .fetch_optional(on)
        .await
        .map_err(failed)?;
    Ok(next.map(time))
}

#[async_trait]
impl NoticeStore for SqliteStore {
    async fn keep_notices(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>> {
        let mut write = self.write().await?;
        let mut before = Vec::with_capacity(notices.len());
        for notice in notices {
            before.push(keep(write.on(), notice).await?);
        }
        write.commit().await?;
        Ok(before)
    }

    async fn claim_notices(&self, limit: usize, lease: Duration) -> Result<ClaimedNotices> {
        let mut claimed = ClaimedNotices {
            claims: Vec::new(),
            now: self.clock.now(),
            next_ready: next_ready(&self.reads).await?,
        };
        // Most workers ask most often for nothing: then nothing is written.
        if limit == 0 || claimed.next_ready.is_none_or(|next| next > claimed.now) {
            return Ok(claimed);
        }
        let mut write = self.write().await?;
        claimed.now = self.clock.now();
        let up: Vec<(Uuid, String)> = query_as(UP)
            .bind(micros(claimed.now))
            .bind(count(limit))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        for (id, json) in up {
            let nonce = Uuid::now_v7();
            query(LEASE)
                .bind(id)
                .bind(nonce)
                .bind(micros(later(claimed.now, lease)))
                .execute(write.on())
                .await
                .map_err(failed)?;
            claimed.claims.extend(claim(nonce, &json));
        }
        claimed.next_ready = next_ready(write.on()).await?;
        write.commit().await?;
        Ok(claimed)
    }

    async fn apply_notices(&self, changes: &[NoticeChange]) -> Result<Vec<StdResult<(), Stale>>> {
        let mut write = self.write().await?;
        let now = micros(self.clock.now());
        let mut applied = Vec::with_capacity(changes.len());
        for change in changes {
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
                .execute(write.on())
                .await
                .map_err(failed)?;
            applied.push(match changed.rows_affected() {
                0 => Err(Stale),
                _ => Ok(()),
            });
        }
        write.commit().await?;
        Ok(applied)
    }

    async fn deletion(&self, tenant: TenantId, code: &DeletionCode) -> Result<Option<Notice>> {
        let row = query(BY_CODE)
            .bind(tenant.as_uuid())
            .bind(code.as_str())
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
        found(row.as_ref())
    }

    async fn sweep_notices(&self) -> Result<u64> {
        let mut write = self.write().await?;
        let swept = query(SWEEP)
            .bind(micros(self.clock.now()))
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(swept.rows_affected())
    }
}
