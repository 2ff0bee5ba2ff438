//! Logins and grants in SQLite.

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    connection::{Grant, Login, LoginOutcome},
    credential::TokenHash,
    id::TenantId,
    secret::Sealed,
    store::{LoginFound, LoginStore, Result},
};
use sqlx::{SqliteExecutor, query, query_as, query_scalar};

use super::{SqliteStore, answers};
use crate::{
    error::{conflict, failed},
    row::{found, json, micros, readable, record},
};

/// Reads a login that is not over.
async fn read(
    executor: impl SqliteExecutor<'_>,
    tenant: TenantId,
    hash: &TokenHash,
    now: i64,
) -> Result<Option<Login>> {
    type Row = (String, Option<Vec<u8>>, Option<Vec<u8>>);
    let row: Option<Row> = query_as(
        "SELECT record, code, answer FROM shareville_logins WHERE hash = ?1 AND tenant = ?2 AND expires_at > ?3",
    )
    .bind(&hash.as_bytes()[..])
    .bind(tenant.as_uuid())
    .bind(now)
    .fetch_optional(executor)
    .await
    .map_err(failed)?;
    let Some((json, code, answer)) = row else {
        return Ok(None);
    };
    let code = code.and_then(|code| code.try_into().ok());
    let outcome = code.map(|code| LoginOutcome {
        code: TokenHash::from_bytes(code),
        answer: answer.map(Sealed::from_bytes),
    });
    let begun: Login = record(&json)?;
    Ok(Some(Login { outcome, ..begun }))
}

#[async_trait]
impl LoginStore for SqliteStore {
    async fn begin_login(&self, login: &Login) -> Result<()> {
        let mut write = self.write().await?;
        query("INSERT INTO shareville_logins (hash, tenant, expires_at, record) VALUES (?1, ?2, ?3, ?4)")
            .bind(&login.hash.as_bytes()[..])
            .bind(login.tenant.as_uuid())
            .bind(micros(login.expires_at))
            .bind(json(login)?)
            .execute(write.on())
            .await
            .map_err(conflict("tenant"))?;
        write.commit().await
    }

    async fn login(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Login>> {
        read(&self.reads, tenant, hash, micros(self.clock.now())).await
    }

    async fn take_login(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        code: &TokenHash,
    ) -> Result<LoginFound> {
        let mut write = self.write().await?;
        let now = micros(self.clock.now());
        let Some(mut login) = read(write.on(), tenant, hash, now).await? else {
            return Ok(LoginFound::Unknown);
        };
        match &login.outcome {
            None => {}
            Some(outcome) if outcome.code != *code => return Ok(LoginFound::OtherCode),
            Some(outcome) if outcome.answer.is_some() => return Ok(LoginFound::Answered(login)),
            Some(_) => return Ok(LoginFound::UnderWay),
        }
        query("UPDATE shareville_logins SET code = ?2 WHERE hash = ?1")
            .bind(&hash.as_bytes()[..])
            .bind(&code.as_bytes()[..])
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        login.outcome = Some(LoginOutcome {
            code: *code,
            answer: None,
        });
        Ok(LoginFound::First(login))
    }

    async fn finish_login(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        answer: &Sealed,
    ) -> Result<()> {
        let mut write = self.write().await?;
        query("UPDATE shareville_logins SET answer = ?3 WHERE hash = ?1 AND tenant = ?2 AND code IS NOT NULL")
            .bind(&hash.as_bytes()[..])
            .bind(tenant.as_uuid())
            .bind(answer.as_bytes())
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await
    }

    async fn create_grant(&self, grant: &Grant) -> Result<()> {
        let mut write = self.write().await?;
        query("INSERT INTO shareville_grants (hash, tenant, expires_at, record) VALUES (?1, ?2, ?3, ?4)")
            .bind(&grant.hash.as_bytes()[..])
            .bind(grant.tenant.as_uuid())
            .bind(micros(grant.expires_at))
            .bind(json(grant)?)
            .execute(write.on())
            .await
            .map_err(conflict("tenant"))?;
        write.commit().await
    }

    async fn take_grant(
        &self,
        tenant: TenantId,
        code: &TokenHash,
        hold_until: Timestamp,
    ) -> Result<Option<Grant>> {
        let mut write = self.write().await?;
        let row = query(
            "UPDATE shareville_grants SET taken = 1, expires_at = max(expires_at, ?4)
             WHERE hash = ?1 AND tenant = ?2 AND expires_at > ?3 AND taken = 0 RETURNING record",
        )
        .bind(&code.as_bytes()[..])
        .bind(tenant.as_uuid())
        .bind(micros(self.clock.now()))
        .bind(micros(hold_until))
        .fetch_optional(write.on())
        .await
        .map_err(failed)?;
        write.commit().await?;
        found(row.as_ref())
    }

    async fn finish_grant(&self, tenant: TenantId, code: &TokenHash) -> Result<bool> {
        let mut write = self.write().await?;
        let erased = query("DELETE FROM shareville_grants WHERE hash = ?1 AND tenant = ?2")
            .bind(&code.as_bytes()[..])
            .bind(tenant.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(erased.rows_affected() > 0)
    }

    async fn sweep(&self, hold_until: Timestamp) -> Result<Vec<Grant>> {
        let mut write = self.write().await?;
        let now = micros(self.clock.now());
        query("DELETE FROM shareville_logins WHERE expires_at <= ?1")
            .bind(now)
            .execute(write.on())
            .await
            .map_err(failed)?;
        query("DELETE FROM shareville_user_tokens WHERE expires_at <= ?1")
            .bind(now)
            .execute(write.on())
            .await
            .map_err(failed)?;
        query(answers::SWEEP)
            .bind(now)
            .execute(write.on())
            .await
            .map_err(failed)?;
        let over: Vec<String> = query_scalar(
            "UPDATE shareville_grants SET taken = 1, expires_at = ?2 WHERE expires_at <= ?1 RETURNING record",
        )
        .bind(now)
        .bind(micros(hold_until))
        .fetch_all(write.on())
        .await
        .map_err(failed)?;
        write.commit().await?;
        Ok(readable(&over))
    }
}
