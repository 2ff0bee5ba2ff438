//! Tenants in SQLite.

use async_trait::async_trait;
use shareville_core::{
    event::Event,
    id::{OwnerId, TenantId},
    store::{Page, PageRequest, Result, Stale, StoreError, TenantStore},
    tenant::{SealedApp, Tenant},
};
use sqlx::{SqliteConnection, query, query_scalar};

use super::{SqliteStore, deliveries::follow, events::tell, media};
use crate::{
    error::{conflict, failed},
    row::{below, found, json, limit, page, revision},
};

/// No two tenants of an owner may have the same app at a provider.
async fn apps_are_free(connection: &mut SqliteConnection, tenant: &Tenant) -> Result<()> {
    let taken: Option<&'static str> = {
        let (facebook, instagram): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM shareville_tenants WHERE owner = ?1 AND facebook_app = ?2 AND id <> ?4),
                    EXISTS (SELECT 1 FROM shareville_tenants WHERE owner = ?1 AND instagram_app = ?3 AND id <> ?4)",
        )
        .bind(tenant.owner.as_str())
        .bind(app_id(tenant.facebook.as_ref()))
        .bind(app_id(tenant.instagram.as_ref()))
        .bind(tenant.id.as_uuid())
        .fetch_one(connection)
        .await
        .map_err(failed)?;
        match (facebook, instagram) {
            (true, _) => Some("facebookAppId"),
            (false, true) => Some("instagramAppId"),
            (false, false) => None,
        }
    };
    taken.map_or(Ok(()), |field| Err(StoreError::Conflict { field }))
}

fn app_id(app: Option<&SealedApp>) -> Option<&str> {
    app.map(|app| app.id.as_str())
}

#[async_trait]
impl TenantStore for SqliteStore {
    async fn create_tenant(&self, tenant: &Tenant, events: &[Event]) -> Result<()> {
        let mut write = self.write().await?;
        apps_are_free(write.on(), tenant).await?;
        query(
            "INSERT INTO shareville_tenants (id, owner, revision, facebook_app, instagram_app, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(tenant.id.as_uuid())
        .bind(tenant.owner.as_str())
        .bind(revision(tenant.revision))
        .bind(app_id(tenant.facebook.as_ref()))
        .bind(app_id(tenant.instagram.as_ref()))
        .bind(json(tenant)?)
        .execute(write.on())
        .await
        .map_err(conflict("id"))?;
        follow(write.on(), tenant).await?;
        tell(write.on(), events).await?;
        write.commit().await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        let row = query("SELECT record FROM shareville_tenants WHERE id = ?1")
            .bind(id.as_uuid())
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
        found(row.as_ref())
    }

    async fn tenants(&self, owner: &OwnerId, request: PageRequest) -> Result<Page<Tenant>> {
        let rows = query(
            "SELECT record FROM shareville_tenants WHERE owner = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
        )
        .bind(owner.as_str())
        .bind(below(request))
        .bind(limit(request))
        .fetch_all(&self.reads)
        .await
        .map_err(failed)?;
        page(&rows, request, |tenant: &Tenant| tenant.id.as_uuid())
    }

    async fn update_tenant(
        &self,
        tenant: &Tenant,
        at: u64,
        events: &[Event],
    ) -> Result<std::result::Result<(), Stale>> {
        let _raised = self.raising(tenant.id);
        let mut write = self.write().await?;
        let fits: bool = query_scalar(
            "SELECT EXISTS (SELECT 1 FROM shareville_tenants WHERE id = ?1 AND revision = ?2)",
        )
        .bind(tenant.id.as_uuid())
        .bind(revision(at))
        .fetch_one(write.on())
        .await
        .map_err(failed)?;
        if !fits {
            return Ok(Err(Stale));
        }
        apps_are_free(write.on(), tenant).await?;
        query(
            "UPDATE shareville_tenants
             SET owner = ?2, revision = ?3, facebook_app = ?4, instagram_app = ?5, record = ?6 WHERE id = ?1",
        )
        .bind(tenant.id.as_uuid())
        .bind(tenant.owner.as_str())
        .bind(revision(tenant.revision))
        .bind(app_id(tenant.facebook.as_ref()))
        .bind(app_id(tenant.instagram.as_ref()))
        .bind(json(tenant)?)
        .execute(write.on())
        .await
        .map_err(failed)?;
        follow(write.on(), tenant).await?;
        tell(write.on(), events).await?;
        write.commit().await?;
        self.signals.deliveries();
        Ok(Ok(()))
    }

    async fn delete_tenant(&self, id: TenantId) -> Result<bool> {
        let _raised = self.raising(id);
        let mut write = self.write().await?;
        let deleted = query("DELETE FROM shareville_tenants WHERE id = ?1")
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        query(media::LEFT_BEHIND)
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(deleted.rows_affected() > 0)
    }
}
