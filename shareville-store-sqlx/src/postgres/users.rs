//! Forgetting end users in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    connection::Grant,
    event::Event,
    id::{TenantId, UserId},
    store::{Result, UserStore},
};
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    PostgresStore,
    events::tell,
    lanes::{Settled, settle},
};
use crate::{
    error::failed,
    lane::LaneRow,
    row::{count, records},
};

/// Whether anything is known of a user.
pub(super) const KNOWS: &str = "SELECT
     EXISTS (SELECT 1 FROM shareville_user_tokens WHERE tenant = $1 AND end_user = $2)
     OR EXISTS (SELECT 1 FROM shareville_logins WHERE tenant = $1 AND end_user = $2)
     OR EXISTS (SELECT 1 FROM shareville_grants WHERE tenant = $1 AND end_user = $2)
     OR EXISTS (SELECT 1 FROM shareville_connections WHERE tenant = $1 AND end_user = $2)
     OR EXISTS (SELECT 1 FROM shareville_posts WHERE tenant = $1 AND end_user = $2)
     OR EXISTS (SELECT 1 FROM shareville_departed WHERE tenant = $1 AND end_user = $2)";

/// A user's ways in.
pub(super) const END_TOKENS: &str =
    "DELETE FROM shareville_user_tokens WHERE tenant = $1 AND end_user = $2";
pub(super) const END_LOGINS: &str =
    "DELETE FROM shareville_logins WHERE tenant = $1 AND end_user = $2";
pub(super) const GRANTS: &str =
    "SELECT record FROM shareville_grants WHERE tenant = $1 AND end_user = $2";

/// Some of a user's posts, and of what they once had.
pub(super) const POSTS: &str =
    "SELECT id FROM shareville_posts WHERE tenant = $1 AND end_user = $2 ORDER BY id DESC LIMIT $3";
pub(super) const DEPARTED: &str =
    "SELECT subject FROM shareville_departed WHERE tenant = $1 AND end_user = $2 LIMIT $3";

/// The answers that tell of a user's posts.
pub(super) const ANSWERS: &str =
    "DELETE FROM shareville_answers WHERE tenant = $1 AND users::jsonb ? $2";

/// Lanes that some posts stand in, locked.
pub(super) const LANES: &str = "SELECT * FROM shareville_lanes WHERE id IN
     (SELECT lane FROM shareville_posts WHERE id = ANY ($1))
     ORDER BY tenant, provider, platform_id FOR NO KEY UPDATE";

/// Erases some posts, and what is told of some subjects.
pub(super) const ERASE_POSTS: &str = "DELETE FROM shareville_posts WHERE id = ANY ($1)";
pub(super) const ERASE_EVENTS: &str =
    "DELETE FROM shareville_events WHERE tenant = $1 AND subject = ANY ($2)";
pub(super) const FORGET: &str =
    "DELETE FROM shareville_departed WHERE tenant = $1 AND end_user = $2 AND subject = ANY ($3)";

/// Reads up to `limit` ids of what is a user's.
async fn ids(
    on: &mut PgConnection,
    sql: &'static str,
    tenant: TenantId,
    user: &UserId,
    limit: usize,
) -> Result<Vec<Uuid>> {
    query_scalar(sql)
        .bind(tenant.as_uuid())
        .bind(user.as_str())
        .bind(count(limit))
        .fetch_all(on)
        .await
        .map_err(failed)
}

async fn erase_posts(on: &mut PgConnection, posts: &[Uuid], now: Option<i64>) -> Result<Settled> {
    let lanes: Vec<LaneRow> = query_as(LANES)
        .bind(posts)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    query(ERASE_POSTS)
        .bind(posts)
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    settle(on, lanes, now).await
}

#[async_trait]
impl UserStore for PostgresStore {
    async fn shut_out(
        &self,
        tenant: TenantId,
        user: &UserId,
        events: &[Event],
    ) -> Result<Option<Vec<Grant>>> {
        let _raised = self.wire.raising(tenant);
        let mut write = self.write().await?;
        let knows: bool = query_scalar(KNOWS)
            .bind(tenant.as_uuid())
            .bind(user.as_str())
            .fetch_one(write.on())
            .await
            .map_err(failed)?;
        if !knows {
            return Ok(None);
        }
        for sql in [END_TOKENS, END_LOGINS] {
            query(sql)
                .bind(tenant.as_uuid())
                .bind(user.as_str())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        let grants: Vec<String> = query_scalar(GRANTS)
            .bind(tenant.as_uuid())
            .bind(user.as_str())
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        tell(write.on(), events).await?;
        self.wire.outdate(write.on(), tenant).await?;
        write.commit().await?;
        records(&grants).map(Some)
    }

    async fn erase_posts(&self, tenant: TenantId, user: &UserId, limit: usize) -> Result<bool> {
        let mut write = self.write().await?;
        let posts = ids(write.on(), POSTS, tenant, user, limit).await?;
        let settled = erase_posts(write.on(), &posts, self.clock.now()).await?;
        // Only now, since somebody may have deleted one of them while this waited for its lane.
        let departed = ids(write.on(), DEPARTED, tenant, user, limit).await?;
        let more = posts.len() == limit || departed.len() == limit;
        if !more {
            query(ANSWERS)
                .bind(tenant.as_uuid())
                .bind(user.as_str())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        let subjects = [posts.as_slice(), &departed].concat();
        query(ERASE_EVENTS)
            .bind(tenant.as_uuid())
            .bind(&subjects)
            .execute(write.on())
            .await
            .map_err(failed)?;
        query(FORGET)
            .bind(tenant.as_uuid())
            .bind(user.as_str())
            .bind(&subjects)
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        if settled.is_soon() {
            self.wire.work();
        }
        Ok(more)
    }
}
