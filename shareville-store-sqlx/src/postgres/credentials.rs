//! Credentials in PostgreSQL.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use shareville_core::{
    credential::{ApiKey, TokenHash, UserToken},
    event::Event,
    id::{ApiKeyId, TenantId},
    store::{CredentialEpoch, CredentialStore, Known, Page, PageRequest, Result},
};
use sqlx::query;

use super::{PostgresStore, events::tell};
use crate::{
    error::{conflict, failed},
    row::{before, json, known, limit, micros, page},
};

/// A credential and its tenant, in one trip.
pub(super) const API_KEY: &str = "SELECT k.record, t.record FROM shareville_api_keys k
     JOIN shareville_tenants t ON t.id = k.tenant WHERE k.tenant = $1 AND k.hash = $2";
pub(super) const USER_TOKEN: &str = "SELECT k.record, t.record FROM shareville_user_tokens k
     JOIN shareville_tenants t ON t.id = k.tenant WHERE k.tenant = $1 AND k.hash = $2";

impl PostgresStore {
    async fn known<C: DeserializeOwned>(
        &self,
        sql: &'static str,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Known<C>>> {
        let mut on = self.lend().await?;
        let row = query(sql)
            .bind(tenant.as_uuid())
            .bind(&hash.as_bytes()[..])
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        known(row.as_ref())
    }
}

#[async_trait]
impl CredentialStore for PostgresStore {
    async fn create_api_key(&self, key: &ApiKey, events: &[Event]) -> Result<()> {
        let mut write = self.write().await?;
        query("INSERT INTO shareville_api_keys (id, tenant, hash, record) VALUES ($1, $2, $3, $4)")
            .bind(key.id.as_uuid())
            .bind(key.tenant.as_uuid())
            .bind(&key.hash.as_bytes()[..])
            .bind(json(key)?)
            .execute(write.on())
            .await
            .map_err(conflict("id"))?;
        tell(write.on(), events).await?;
        write.commit().await
    }

    fn credential_epoch(&self, tenant: TenantId) -> Option<CredentialEpoch> {
        self.wire.epoch(tenant)
    }

    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Known<ApiKey>>> {
        self.known(API_KEY, tenant, hash).await
    }

    async fn api_keys(&self, tenant: TenantId, request: PageRequest) -> Result<Page<ApiKey>> {
        let mut on = self.lend().await?;
        let rows = query(
            "SELECT record FROM shareville_api_keys WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(tenant.as_uuid())
        .bind(before(request))
        .bind(limit(request))
        .fetch_all(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        page(&rows, request, |key: &ApiKey| key.id.as_uuid())
    }

    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        id: ApiKeyId,
        events: &[Event],
    ) -> Result<bool> {
        let _raised = self.wire.raising(tenant);
        let mut write = self.write().await?;
        let deleted = query("DELETE FROM shareville_api_keys WHERE tenant = $1 AND id = $2")
            .bind(tenant.as_uuid())
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        tell(write.on(), events).await?;
        self.wire.outdate(write.on(), tenant).await?;
        write.commit().await?;
        Ok(true)
    }

    async fn create_user_token(&self, token: &UserToken) -> Result<()> {
        let mut write = self.write().await?;
        query(
            "INSERT INTO shareville_user_tokens (hash, tenant, key, end_user, expires_at, record)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&token.hash.as_bytes()[..])
        .bind(token.tenant.as_uuid())
        .bind(token.key.as_uuid())
        .bind(token.user.as_str())
        .bind(micros(token.expires_at))
        .bind(json(token)?)
        .execute(write.on())
        .await
        .map_err(conflict("key"))?;
        write.commit().await
    }

    async fn user_token(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Known<UserToken>>> {
        self.known(USER_TOKEN, tenant, hash).await
    }
}
