//! Credentials in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    credential::{ApiKey, TokenHash, UserToken},
    event::Event,
    id::{ApiKeyId, TenantId},
    store::{CredentialStore, Page, PageRequest, Result},
};
use sqlx::{query, query_scalar};

use super::{PostgresStore, events::tell};
use crate::{
    error::{conflict, failed},
    row::{before, found, json, limit, micros, page},
};

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

    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<ApiKey>> {
        let mut on = self.lend().await?;
        let row =
            query_scalar("SELECT record FROM shareville_api_keys WHERE tenant = $1 AND hash = $2")
                .bind(tenant.as_uuid())
                .bind(&hash.as_bytes()[..])
                .fetch_optional(on.on())
                .await
                .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }

    async fn api_keys(&self, tenant: TenantId, request: PageRequest) -> Result<Page<ApiKey>> {
        let mut on = self.lend().await?;
        let rows: Vec<String> = query_scalar(
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
        write.commit().await?;
        Ok(true)
    }

    async fn create_user_token(&self, token: &UserToken) -> Result<()> {
        let mut write = self.write().await?;
        query(
            "INSERT INTO shareville_user_tokens (hash, tenant, key, expires_at, record) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&token.hash.as_bytes()[..])
        .bind(token.tenant.as_uuid())
        .bind(token.key.as_uuid())
        .bind(micros(token.expires_at))
        .bind(json(token)?)
        .execute(write.on())
        .await
        .map_err(conflict("key"))?;
        write.commit().await
    }

    async fn user_token(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<UserToken>> {
        let mut on = self.lend().await?;
        let row = query_scalar(
            "SELECT record FROM shareville_user_tokens WHERE hash = $1 AND tenant = $2",
        )
        .bind(&hash.as_bytes()[..])
        .bind(tenant.as_uuid())
        .fetch_optional(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }
}
