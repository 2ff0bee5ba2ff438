//! What was answered to requests that can be sent again, in SQLite.

use shareville_core::{
    clock::Timestamp,
    id::TenantId,
    idempotency::{Answered, Idempotency, KeyHash},
    store::Result,
};
use sqlx::{SqliteConnection, SqliteExecutor, query, query_as};

use crate::{
    answers::answer,
    error::{conflict, failed},
    row::{json, micros},
};

/// An answer that is still kept.
pub(super) const ANSWER: &str = "SELECT request, answer FROM shareville_answers WHERE tenant = ?1 AND key = ?2 AND expires_at > ?3";

/// Erases the answers whose time is over.
pub(super) const SWEEP: &str = "DELETE FROM shareville_answers WHERE expires_at <= ?1";

pub(super) async fn answered(
    executor: impl SqliteExecutor<'_>,
    tenant: TenantId,
    key: &KeyHash,
    now: Timestamp,
) -> Result<Option<Answered>> {
    let row = query_as(ANSWER)
        .bind(tenant.as_uuid())
        .bind(&key.as_bytes()[..])
        .bind(micros(now))
        .fetch_optional(executor)
        .await
        .map_err(failed)?;
    row.map(answer).transpose()
}

/// Keeps an answer, in a transaction that holds the lock for writing; what was kept longer than its time gives way.
pub(super) async fn keep(on: &mut SqliteConnection, kept: &Idempotency) -> Result<()> {
    query(
        "INSERT OR REPLACE INTO shareville_answers (tenant, key, request, expires_at, users, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(kept.tenant.as_uuid())
    .bind(&kept.key.as_bytes()[..])
    .bind(&kept.request.as_bytes()[..])
    .bind(micros(kept.expires_at))
    .bind(json(&kept.users)?)
    .bind(&kept.answer)
    .execute(on)
    .await
    .map_err(conflict("tenant"))?;
    Ok(())
}
