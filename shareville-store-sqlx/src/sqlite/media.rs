//! Uploads in SQLite.

use std::result::Result as StdResult;

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    credential::TokenHash,
    id::{MediaId, TenantId, UserId},
    media::{BegunUpload, MediaPlace, OverQuota, Upload, UploadLimits},
    store::{MediaStore, NotFinished, Result, StoreError},
};
use sqlx::{SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::SqliteStore;
use crate::{
    error::{conflict, failed},
    row::{count, hex, json, micros},
    uploads::{UploadRow, bytes, form, named, places, upload, uploads},
};

/// How many bytes there are of a tenant, and of one user, beside one upload.
pub(super) const USED: &str =
    "SELECT coalesce(sum(bytes), 0), coalesce(sum(bytes) FILTER (WHERE user = ?2), 0)
     FROM shareville_uploads WHERE tenant = ?1 AND form IS NULL AND discarded = 0 AND id <> ?3";

pub(super) const BEGIN: &str =
    "INSERT INTO shareville_uploads (id, tenant, user, named, form, bytes, expires_at)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM shareville_tenants WHERE id = ?2)";

/// Makes an upload whole, if what it is made from is there.
pub(super) const FINISH: &str =
    "UPDATE shareville_uploads SET hash = ?3, bytes = ?4, expires_at = ?5, record = ?6
     WHERE id = ?1 AND tenant = ?2 AND discarded = 0
       AND (?7 IS NULL OR EXISTS (SELECT 1 FROM shareville_uploads o WHERE o.id = ?7 AND o.tenant = ?2
                                  AND o.discarded = 0 AND o.record IS NOT NULL))";

pub(super) const READ: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE id IN (SELECT unhex(value) FROM json_each(?2)) AND tenant = ?1 AND discarded = 0 AND record IS NOT NULL";

pub(super) const BY_TOKEN: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE hash = ?2 AND tenant = ?1 AND discarded = 0 AND record IS NOT NULL";

pub(super) const RENDITION: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE named = ?2 AND form = ?3 AND tenant = ?1 AND discarded = 0 AND record IS NOT NULL";

pub(super) const KEEP: &str = "UPDATE shareville_uploads SET expires_at = max(expires_at, ?3)
     WHERE named IN (SELECT value FROM json_each(?2)) AND tenant = ?1 AND discarded = 0 AND record IS NOT NULL
     RETURNING id";

/// Discards some uploads, and what was made from them.
pub(super) const DISCARD: [&str; 2] = [
    "UPDATE shareville_uploads SET discarded = 1
     WHERE id IN (SELECT unhex(replace(value, '-', '')) FROM json_each(?2)) AND tenant = ?1 AND discarded = 0",
    "UPDATE shareville_uploads SET discarded = 1
     WHERE named IN (SELECT value FROM json_each(?2)) AND tenant = ?1 AND discarded = 0",
];

pub(super) const DISCARD_OF: &str =
    "UPDATE shareville_uploads SET discarded = 1 WHERE tenant = ?1 AND user = ?2 AND discarded = 0";

pub(super) const DISCARDED_OF: &str = "SELECT tenant, id FROM shareville_uploads
     INDEXED BY shareville_uploads_by_user WHERE tenant = ?1 AND user = ?2 AND discarded = 1";

/// Discards all that a tenant leaves behind.
pub(super) const LEFT_BEHIND: &str =
    "UPDATE shareville_uploads SET discarded = 1 WHERE tenant = ?1 AND discarded = 0";

pub(super) const OVER: &str =
    "SELECT id FROM shareville_uploads WHERE discarded = 0 AND expires_at <= ?1
     ORDER BY expires_at LIMIT ?2";

/// Keeps those that a post names which is a draft or not settled.
pub(super) const KEEP_NAMED: &str = "UPDATE shareville_uploads SET expires_at = ?2
     WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND discarded = 0 AND record IS NOT NULL
       AND EXISTS (SELECT 1 FROM shareville_posts p INDEXED BY shareville_posts_naming
                   WHERE p.tenant = shareville_uploads.tenant AND p.user = shareville_uploads.user
                     AND (p.open IS NOT NULL OR p.status = 'draft') AND instr(p.record, '\"mediaId\"') > 0
                     AND instr(p.record, shareville_uploads.named) > 0)";

pub(super) const DISCARD_OVER: &str = "UPDATE shareville_uploads SET discarded = 1
     WHERE id IN (SELECT unhex(value) FROM json_each(?1)) AND discarded = 0 AND expires_at <= ?2";

pub(super) const DISCARDED: &str = "SELECT tenant, id FROM shareville_uploads
     INDEXED BY shareville_uploads_discarded WHERE discarded = 1 AND id > ?1 ORDER BY id LIMIT ?2";

pub(super) const FORGET: &str =
    "DELETE FROM shareville_uploads WHERE id = ?1 AND tenant = ?2 AND discarded = 1";

fn hexes(ids: impl IntoIterator<Item = Uuid>) -> Result<String> {
    json(&ids.into_iter().map(hex).collect::<Vec<_>>())
}

fn texts(ids: &[MediaId]) -> Result<String> {
    json(&ids.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Whether there is room for so much more.
async fn room(
    on: &mut SqliteConnection,
    (tenant, user, id): (TenantId, &UserId, MediaId),
    more: u64,
    limits: &UploadLimits,
) -> Result<StdResult<(), OverQuota>> {
    let (of_tenant, of_user): (i64, i64) = query_as(USED)
        .bind(tenant.as_uuid())
        .bind(user.as_str())
        .bind(id.as_uuid())
        .fetch_one(on)
        .await
        .map_err(failed)?;
    Ok(limits.room(more, of_tenant.unsigned_abs(), of_user.unsigned_abs()))
}

#[async_trait]
impl MediaStore for SqliteStore {
    async fn begin_upload(
        &self,
        begun: &BegunUpload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), OverQuota>> {
        let mut write = self.write().await?;
        if begun.made_from.is_none() {
            let whose = (begun.tenant, &begun.user, begun.id);
            if let Err(over) = room(write.on(), whose, begun.bytes, limits).await? {
                return Ok(Err(over));
            }
        }
        let written = query(BEGIN)
            .bind(begun.id.as_uuid())
            .bind(begun.tenant.as_uuid())
            .bind(begun.user.as_str())
            .bind(named(begun).to_string())
            .bind(form(begun))
            .bind(bytes(begun.bytes))
            .bind(micros(begun.expires_at))
            .execute(write.on())
            .await
            .map_err(failed)?;
        if written.rows_affected() == 0 {
            return Err(StoreError::Conflict { field: "tenant" });
        }
        write.commit().await?;
        Ok(Ok(()))
    }

    async fn finish_upload(
        &self,
        upload: &Upload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), NotFinished>> {
        let mut write = self.write().await?;
        let original = upload.made_from.as_ref().map(|made| made.original);
        let hash = upload.token.hash();
        let written = query(FINISH)
            .bind(upload.id.as_uuid())
            .bind(upload.tenant.as_uuid())
            .bind(hash.as_ref().map(|hash| &hash.as_bytes()[..]))
            .bind(bytes(upload.bytes))
            .bind(micros(upload.expires_at))
            .bind(json(upload)?)
            .bind(original.map(|original| original.as_uuid()))
            .execute(write.on())
            .await
            .map_err(conflict("form"))?;
        if written.rows_affected() == 0 {
            return Ok(Err(NotFinished::Gone));
        }
        if original.is_none() {
            let whose = (upload.tenant, &upload.user, upload.id);
            // What is written is undone then.
            if let Err(over) = room(write.on(), whose, upload.bytes, limits).await? {
                return Ok(Err(NotFinished::OverQuota(over)));
            }
        }
        write.commit().await?;
        Ok(Ok(()))
    }

    async fn uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<Vec<Upload>> {
        let rows: Vec<UploadRow> = query_as(READ)
            .bind(tenant.as_uuid())
            .bind(hexes(ids.iter().map(MediaId::as_uuid))?)
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        uploads(&rows)
    }

    async fn upload_by_token(&self, tenant: TenantId, token: &TokenHash) -> Result<Option<Upload>> {
        let row: Option<UploadRow> = query_as(BY_TOKEN)
            .bind(tenant.as_uuid())
            .bind(&token.as_bytes()[..])
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
        row.as_ref().map(upload).transpose()
    }

    async fn rendition(
        &self,
        tenant: TenantId,
        original: MediaId,
        form: &str,
    ) -> Result<Option<Upload>> {
        let row: Option<UploadRow> = query_as(RENDITION)
            .bind(tenant.as_uuid())
            .bind(original.to_string())
            .bind(form)
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
        row.as_ref().map(upload).transpose()
    }

    async fn keep_uploads(
        &self,
        tenant: TenantId,
        ids: &[MediaId],
        until: Timestamp,
    ) -> Result<Vec<MediaId>> {
        let mut write = self.write().await?;
        let kept: Vec<Uuid> = query_scalar(KEEP)
            .bind(tenant.as_uuid())
            .bind(texts(ids)?)
            .bind(micros(until))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        let there = ids.iter().filter(|id| kept.contains(&id.as_uuid()));
        Ok(there.copied().collect())
    }

    async fn discard_uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<()> {
        let mut write = self.write().await?;
        for sql in DISCARD {
            query(sql)
                .bind(tenant.as_uuid())
                .bind(texts(ids)?)
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        write.commit().await
    }

    async fn discard_uploads_of(&self, tenant: TenantId, user: &UserId) -> Result<Vec<MediaPlace>> {
        let mut write = self.write().await?;
        query(DISCARD_OF)
            .bind(tenant.as_uuid())
            .bind(user.as_str())
            .execute(write.on())
            .await
            .map_err(failed)?;
        let discarded: Vec<(Uuid, Uuid)> = query_as(DISCARDED_OF)
            .bind(tenant.as_uuid())
            .bind(user.as_str())
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(places(&discarded))
    }

    async fn sweep_uploads(&self, until: Timestamp, limit: usize) -> Result<usize> {
        let now = micros(self.clock.now());
        let over: Vec<Uuid> = query_scalar(OVER)
            .bind(now)
            .bind(count(limit))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        let looked_at = over.len();
        // Mostly there is nothing to do, and writes stand in line for it.
        if !over.is_empty() {
            let over = hexes(over)?;
            let mut write = self.write().await?;
            for (sql, time) in [(KEEP_NAMED, micros(until)), (DISCARD_OVER, now)] {
                query(sql)
                    .bind(&over)
                    .bind(time)
                    .execute(write.on())
                    .await
                    .map_err(failed)?;
            }
            write.commit().await?;
        }
        Ok(looked_at)
    }

    async fn discarded_uploads(
        &self,
        after: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaPlace>> {
        let discarded: Vec<(Uuid, Uuid)> = query_as(DISCARDED)
            .bind(after.map_or(Uuid::nil(), |after| after.as_uuid()))
            .bind(count(limit))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        Ok(places(&discarded))
    }

    async fn forget_uploads(&self, places: &[MediaPlace]) -> Result<()> {
        let mut write = self.write().await?;
        for place in places {
            query(FORGET)
                .bind(place.id.as_uuid())
                .bind(place.tenant.as_uuid())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        write.commit().await
    }
}
