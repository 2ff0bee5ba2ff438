//! Uploads in PostgreSQL.

use std::result::Result as StdResult;

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    credential::TokenHash,
    id::{MediaId, TenantId, UserId},
    media::{BegunUpload, MediaPlace, OverQuota, Upload, UploadLimits},
    store::{MediaStore, NotFinished, Result, StoreError},
};
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{PostgresStore, clock::now};
use crate::{
    error::{conflict, failed},
    row::{count, json, micros},
    uploads::{UploadRow, bytes, form, named, places, upload, uploads},
};

/// Only one at a time counts what a tenant has and adds to it.
pub(super) const ALONE: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('shareville uploads ' || $1::uuid::text, 0))";

/// Keeps the tenant from being deleted meanwhile.
pub(super) const TENANT: &str = "SELECT true FROM shareville_tenants WHERE id = $1 FOR KEY SHARE";

/// How many bytes there are of a tenant, and of one user, beside one upload.
pub(super) const USED: &str = "SELECT coalesce(sum(bytes), 0)::bigint,
            coalesce(sum(bytes) FILTER (WHERE end_user = $2), 0)::bigint
     FROM shareville_uploads WHERE tenant = $1 AND form IS NULL AND NOT discarded AND id <> $3";

pub(super) const BEGIN: &str =
    "INSERT INTO shareville_uploads (id, tenant, end_user, named, form, bytes, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Keeps what a rendition is made from as it is meanwhile.
pub(super) const ORIGINAL: &str = "SELECT true FROM shareville_uploads
     WHERE id = $1 AND tenant = $2 AND NOT discarded AND record IS NOT NULL FOR SHARE";

pub(super) const FINISH: &str =
    "UPDATE shareville_uploads SET hash = $3, bytes = $4, expires_at = $5, record = $6
     WHERE id = $1 AND tenant = $2 AND NOT discarded";

pub(super) const READ: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE id = ANY ($2) AND tenant = $1 AND NOT discarded AND record IS NOT NULL";

pub(super) const BY_TOKEN: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE hash = $2 AND tenant = $1 AND NOT discarded AND record IS NOT NULL";

pub(super) const RENDITION: &str = "SELECT record, expires_at FROM shareville_uploads
     WHERE named = $2 AND form = $3 AND tenant = $1 AND NOT discarded AND record IS NOT NULL";

/// Uploads are locked in the order of their ids, whoever changes several.
pub(super) const KEEP: &str = "UPDATE shareville_uploads SET expires_at = GREATEST(expires_at, $3)
     WHERE id IN (SELECT id FROM shareville_uploads
                  WHERE named = ANY ($2) AND tenant = $1 AND NOT discarded AND record IS NOT NULL
                  ORDER BY id FOR NO KEY UPDATE)
     RETURNING id";

/// Discards some uploads, and what was made from them.
pub(super) const DISCARD: &str = "UPDATE shareville_uploads SET discarded = true
     WHERE id IN (SELECT id FROM shareville_uploads
                  WHERE id IN (SELECT id FROM shareville_uploads WHERE named = ANY ($2)
                               UNION SELECT unnest($2::uuid[]))
                    AND tenant = $1 AND NOT discarded
                  ORDER BY id FOR NO KEY UPDATE)";

pub(super) const DISCARD_OF: &str = "UPDATE shareville_uploads SET discarded = true
     WHERE id IN (SELECT id FROM shareville_uploads WHERE tenant = $1 AND end_user = $2 AND NOT discarded
                  ORDER BY id FOR NO KEY UPDATE)";

pub(super) const DISCARDED_OF: &str = "SELECT tenant, id FROM shareville_uploads
     WHERE tenant = $1 AND end_user = $2 AND discarded";

/// Discards all that a tenant leaves behind.
pub(super) const LEFT_BEHIND: &str = "UPDATE shareville_uploads SET discarded = true
     WHERE id IN (SELECT id FROM shareville_uploads WHERE tenant = $1 AND NOT discarded
                  ORDER BY id FOR NO KEY UPDATE)";

/// What is over, as far as nobody else is at it.
pub(super) const OVER: &str = concat!(
    "SELECT id FROM shareville_uploads WHERE NOT discarded AND expires_at <= (SELECT ",
    now!("$1"),
    ") ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
);

/// Keeps those that a post names which is a draft or not settled.
pub(super) const KEEP_NAMED: &str = "UPDATE shareville_uploads u SET expires_at = $2
     WHERE u.id = ANY ($1) AND u.record IS NOT NULL
       AND EXISTS (SELECT 1 FROM shareville_posts p
                   WHERE p.tenant = u.tenant AND p.end_user = u.end_user
                     AND (p.open OR p.status = 'draft') AND position('\"mediaId\"' IN p.record) > 0
                     AND position(u.named::text IN p.record) > 0)
     RETURNING u.id";

pub(super) const DISCARD_OVER: &str =
    "UPDATE shareville_uploads SET discarded = true WHERE id = ANY ($1)";

pub(super) const DISCARDED: &str =
    "SELECT tenant, id FROM shareville_uploads WHERE discarded AND id > $1 ORDER BY id LIMIT $2";

pub(super) const FORGET: &str = "DELETE FROM shareville_uploads u
     USING unnest($1::uuid[], $2::uuid[]) p (id, tenant)
     WHERE u.id = p.id AND u.tenant = p.tenant AND u.discarded";

fn uuids(ids: &[MediaId]) -> Vec<Uuid> {
    ids.iter().map(MediaId::as_uuid).collect()
}

/// Whether there is room for so much more. Whoever asks is alone until the transaction has ended.
async fn room(
    on: &mut PgConnection,
    (tenant, user, id): (TenantId, &UserId, MediaId),
    more: u64,
    limits: &UploadLimits,
) -> Result<StdResult<(), OverQuota>> {
    query(ALONE)
        .bind(tenant.as_uuid())
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    let (of_tenant, of_user): (i64, i64) = query_as(USED)
        .bind(tenant.as_uuid())
        .bind(user.as_str())
        .bind(id.as_uuid())
        .fetch_one(on)
        .await
        .map_err(failed)?;
    Ok(limits.room(more, of_tenant.unsigned_abs(), of_user.unsigned_abs()))
}

async fn is_there(on: &mut PgConnection, original: MediaId, tenant: TenantId) -> Result<bool> {
    let found: Option<bool> = query_scalar(ORIGINAL)
        .bind(original.as_uuid())
        .bind(tenant.as_uuid())
        .fetch_optional(on)
        .await
        .map_err(failed)?;
    Ok(found.is_some())
}

#[async_trait]
impl MediaStore for PostgresStore {
    async fn begin_upload(
        &self,
        begun: &BegunUpload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), OverQuota>> {
        let mut write = self.write().await?;
        let tenant: Option<bool> = query_scalar(TENANT)
            .bind(begun.tenant.as_uuid())
            .fetch_optional(write.on())
            .await
            .map_err(failed)?;
        if tenant.is_none() {
            return Err(StoreError::Conflict { field: "tenant" });
        }
        if begun.made_from.is_none() {
            let whose = (begun.tenant, &begun.user, begun.id);
            if let Err(over) = room(write.on(), whose, begun.bytes, limits).await? {
                return Ok(Err(over));
            }
        }
        query(BEGIN)
            .bind(begun.id.as_uuid())
            .bind(begun.tenant.as_uuid())
            .bind(begun.user.as_str())
            .bind(named(begun))
            .bind(form(begun))
            .bind(bytes(begun.bytes))
            .bind(micros(begun.expires_at))
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(Ok(()))
    }

    async fn finish_upload(
        &self,
        upload: &Upload,
        limits: &UploadLimits,
    ) -> Result<StdResult<(), NotFinished>> {
        let mut write = self.write().await?;
        match upload.made_from.as_ref().map(|made| made.original) {
            Some(original) if !is_there(write.on(), original, upload.tenant).await? => {
                return Ok(Err(NotFinished::Gone));
            }
            Some(_) => {}
            None => {
                let whose = (upload.tenant, &upload.user, upload.id);
                if let Err(over) = room(write.on(), whose, upload.bytes, limits).await? {
                    return Ok(Err(NotFinished::OverQuota(over)));
                }
            }
        }
        let hash = upload.token.hash();
        let written = query(FINISH)
            .bind(upload.id.as_uuid())
            .bind(upload.tenant.as_uuid())
            .bind(hash.as_ref().map(|hash| &hash.as_bytes()[..]))
            .bind(bytes(upload.bytes))
            .bind(micros(upload.expires_at))
            .bind(json(upload)?)
            .execute(write.on())
            .await
            .map_err(conflict("form"))?;
        if written.rows_affected() == 0 {
            return Ok(Err(NotFinished::Gone));
        }
        write.commit().await?;
        Ok(Ok(()))
    }

    async fn uploads(&self, tenant: TenantId, ids: &[MediaId]) -> Result<Vec<Upload>> {
        let mut on = self.lend().await?;
        let rows: Vec<UploadRow> = query_as(READ)
            .bind(tenant.as_uuid())
            .bind(uuids(ids))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        uploads(&rows)
    }

    async fn upload_by_token(&self, tenant: TenantId, token: &TokenHash) -> Result<Option<Upload>> {
        let mut on = self.lend().await?;
        let row: Option<UploadRow> = query_as(BY_TOKEN)
            .bind(tenant.as_uuid())
            .bind(&token.as_bytes()[..])
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        row.as_ref().map(upload).transpose()
    }

    async fn rendition(
        &self,
        tenant: TenantId,
        original: MediaId,
        form: &str,
    ) -> Result<Option<Upload>> {
        let mut on = self.lend().await?;
        let row: Option<UploadRow> = query_as(RENDITION)
            .bind(tenant.as_uuid())
            .bind(original.as_uuid())
            .bind(form)
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
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
            .bind(uuids(ids))
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
        query(DISCARD)
            .bind(tenant.as_uuid())
            .bind(uuids(ids))
            .execute(write.on())
            .await
            .map_err(failed)?;
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
        let mut write = self.write().await?;
        let over: Vec<Uuid> = query_scalar(OVER)
            .bind(self.clock.now())
            .bind(count(limit))
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        let looked_at = over.len();
        if !over.is_empty() {
            let kept: Vec<Uuid> = query_scalar(KEEP_NAMED)
                .bind(&over)
                .bind(micros(until))
                .fetch_all(write.on())
                .await
                .map_err(failed)?;
            let gone: Vec<Uuid> = over.into_iter().filter(|id| !kept.contains(id)).collect();
            query(DISCARD_OVER)
                .bind(&gone)
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        write.commit().await?;
        Ok(looked_at)
    }

    async fn discarded_uploads(
        &self,
        after: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaPlace>> {
        let mut on = self.lend().await?;
        let discarded: Vec<(Uuid, Uuid)> = query_as(DISCARDED)
            .bind(after.map_or(Uuid::nil(), |after| after.as_uuid()))
            .bind(count(limit))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(places(&discarded))
    }

    async fn forget_uploads(&self, places: &[MediaPlace]) -> Result<()> {
        let mut write = self.write().await?;
        let ids: Vec<Uuid> = places.iter().map(|it| it.id.as_uuid()).collect();
        let tenants: Vec<Uuid> = places.iter().map(|it| it.tenant.as_uuid()).collect();
        query(FORGET)
            .bind(ids)
            .bind(tenants)
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await
    }
}
