//! Tenants in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    event::Event,
    id::{OwnerId, TenantId},
    store::{Page, PageRequest, Result, Stale, StoreError, TenantStore},
    tenant::{SealedApp, Tenant},
};
use sqlx::{PgConnection, query, query_scalar};

use super::{PostgresStore, deliveries::follow, events::tell, lanes::Settled, media};
use crate::{
    error::{conflict, failed},
    row::{before, found, json, limit, page, revision},
};

/// No two tenants of an owner may have the same app at a provider.
async fn apps_are_free(connection: &mut PgConnection, tenant: &Tenant) -> Result<()> {
    let taken: Option<&'static str> = {
        let (facebook, instagram): (bool, bool) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM shareville_tenants WHERE owner = $1 AND facebook_app = $2 AND id <> $4),
                    EXISTS (SELECT 1 FROM shareville_tenants WHERE owner = $1 AND instagram_app = $3 AND id <> $4)",
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

/// Two at once may find the same app free: then the index refuses the second.
fn app_taken(error: sqlx::Error) -> StoreError {
    let index = error
        .as_database_error()
        .and_then(|error| error.constraint());
    let field = match index {
        Some("shareville_tenants_facebook") => "facebookAppId",
        Some("shareville_tenants_instagram") => "instagramAppId",
        _ => "id",
    };
    conflict(field)(error)
}

/// Waits for whoever changes posts of a tenant that is switched off, and may have found it active; whoever comes after
/// that waits for the end of this, and finds it inactive.
pub(super) const OUTWAIT: &str = "SELECT 1 FROM shareville_lanes WHERE tenant = $1
     ORDER BY tenant, provider, platform_id FOR NO KEY UPDATE";

/// What a tenant's end would lock too late: who creates posts locks their accounts first, and then refers to the tenant.
pub(super) const LOCKS: [&str; 2] = [
    "SELECT 1 FROM shareville_connections WHERE tenant = $1 ORDER BY id FOR UPDATE",
    "SELECT 1 FROM shareville_accounts WHERE tenant = $1 ORDER BY id FOR UPDATE",
];

/// What a tenant leaves behind, in the order of the locks.
pub(super) const LEFT_BEHIND: [&str; 6] = [
    "DELETE FROM shareville_lanes WHERE id IN
         (SELECT id FROM shareville_lanes WHERE tenant = $1 ORDER BY tenant, provider, platform_id FOR UPDATE)",
    "DELETE FROM shareville_turns WHERE tenant = $1",
    "DELETE FROM shareville_posts WHERE tenant = $1",
    "DELETE FROM shareville_events WHERE tenant = $1",
    "DELETE FROM shareville_departed WHERE tenant = $1",
    media::LEFT_BEHIND,
];

#[async_trait]
impl TenantStore for PostgresStore {
    async fn create_tenant(&self, tenant: &Tenant, events: &[Event]) -> Result<()> {
        let mut write = self.write().await?;
        apps_are_free(write.on(), tenant).await?;
        query(
            "INSERT INTO shareville_tenants (id, owner, revision, facebook_app, instagram_app, record)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(tenant.id.as_uuid())
        .bind(tenant.owner.as_str())
        .bind(revision(tenant.revision))
        .bind(app_id(tenant.facebook.as_ref()))
        .bind(app_id(tenant.instagram.as_ref()))
        .bind(json(tenant)?)
        .execute(write.on())
        .await
        .map_err(app_taken)?;
        query("INSERT INTO shareville_turns (tenant) VALUES ($1)")
            .bind(tenant.id.as_uuid())
            .execute(write.on())
            .await
            .map_err(conflict("id"))?;
        follow(write.on(), tenant, self.clock.now()).await?;
        tell(write.on(), events).await?;
        write.commit().await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        let mut on = self.lend().await?;
        let row = query("SELECT record FROM shareville_tenants WHERE id = $1")
            .bind(id.as_uuid())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }

    async fn tenants(&self, owner: &OwnerId, request: PageRequest) -> Result<Page<Tenant>> {
        let mut on = self.lend().await?;
        let rows = query(
            "SELECT record FROM shareville_tenants WHERE owner = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        )
        .bind(owner.as_str())
        .bind(before(request))
        .bind(limit(request))
        .fetch_all(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        page(&rows, request, |tenant: &Tenant| tenant.id.as_uuid())
    }

    async fn update_tenant(
        &self,
        tenant: &Tenant,
        at: u64,
        events: &[Event],
    ) -> Result<std::result::Result<(), Stale>> {
        let _raised = self.wire.raising(tenant.id);
        let mut write = self.write().await?;
        let fits: Option<i32> = query_scalar(
            "SELECT 1 FROM shareville_tenants WHERE id = $1 AND revision = $2 FOR NO KEY UPDATE",
        )
        .bind(tenant.id.as_uuid())
        .bind(revision(at))
        .fetch_optional(write.on())
        .await
        .map_err(failed)?;
        if fits.is_none() {
            return Ok(Err(Stale));
        }
        apps_are_free(write.on(), tenant).await?;
        query(
            "UPDATE shareville_tenants
             SET owner = $2, revision = $3, facebook_app = $4, instagram_app = $5, record = $6 WHERE id = $1",
        )
        .bind(tenant.id.as_uuid())
        .bind(tenant.owner.as_str())
        .bind(revision(tenant.revision))
        .bind(app_id(tenant.facebook.as_ref()))
        .bind(app_id(tenant.instagram.as_ref()))
        .bind(json(tenant)?)
        .execute(write.on())
        .await
        .map_err(app_taken)?;
        let followed = follow(write.on(), tenant, self.clock.now()).await?;
        tell(write.on(), events).await?;
        self.wire.outdate(write.on(), tenant.id).await?;
        if !tenant.active {
            query(OUTWAIT)
                .bind(tenant.id.as_uuid())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        write.commit().await?;
        if followed.is_some_and(Settled::is_soon) {
            self.wire.deliveries();
        }
        self.wire.told(events);
        Ok(Ok(()))
    }

    async fn delete_tenant(&self, id: TenantId) -> Result<bool> {
        let _raised = self.wire.raising(id);
        let mut write = self.write().await?;
        for sql in LOCKS {
            query(sql)
                .bind(id.as_uuid())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        let deleted = query("DELETE FROM shareville_tenants WHERE id = $1")
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        for sql in LEFT_BEHIND {
            query(sql)
                .bind(id.as_uuid())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        self.wire.outdate(write.on(), id).await?;
        write.commit().await?;
        Ok(deleted.rows_affected() > 0)
    }
}
