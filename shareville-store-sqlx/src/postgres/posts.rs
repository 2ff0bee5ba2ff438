//! Posts in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    event::{Event, Subject},
    id::{ConnectionId, PostId, TenantId},
    idempotency::{Answered, Created, Idempotency, KeyHash},
    lane::Lane,
    post::{Applied, Change, Post},
    store::{NewPost, Page, PageRequest, PostFilter, PostStore, Result, Stale},
};
use sqlx::{Row as _, query, query_scalar};
use uuid::Uuid;

use super::{
    PostgresStore,
    clock::now,
    creating::{Inserted, account_gone},
};
use crate::{
    error::failed,
    row::{Holds as _, before, count, found, held, limit, micros, page, span, time},
};

/// Lists posts by the index that leaves the fewest to look at, with the rest of the filter checked on each.
macro_rules! list {
    ($by:literal) => {
        concat!(
            "SELECT record FROM shareville_posts WHERE tenant = $1 AND id < $2 AND ",
            $by,
            " AND ($4::text IS NULL OR end_user = $4) AND ($5::uuid IS NULL OR account = $5)",
            " AND ($6::uuid IS NULL OR group_id = $6) AND ($7::text IS NULL OR status = $7)",
            // Not by the index of times, after which they would be sorted.
            " AND (listed_at >= $8 AND listed_at < $9) IS TRUE",
            " ORDER BY id DESC LIMIT $3"
        )
    };
}

pub(super) const BY_GROUP: &str = list!("group_id = $6");
pub(super) const BY_ACCOUNT: &str = list!("account = $5");
pub(super) const BY_USER: &str = list!("end_user = $4");
pub(super) const BY_STATUS: &str = list!("status = $7");
pub(super) const BY_TENANT: &str = list!("true");

/// The newest posts of a span of time, by the index of times: for a span that is not too wide.
pub(super) const BY_TIME: &str = "WITH span AS MATERIALIZED (
         SELECT id FROM shareville_posts WHERE tenant = $1 AND listed_at >= $8 AND listed_at < $9)
     SELECT p.record FROM span s JOIN shareville_posts p ON p.id = s.id
     WHERE s.id < $2 AND ($4::text IS NULL OR p.end_user = $4) AND ($5::uuid IS NULL OR p.account = $5)
       AND ($6::uuid IS NULL OR p.group_id = $6) AND ($7::text IS NULL OR p.status = $7)
     ORDER BY s.id DESC LIMIT $3";

/// Whether there are more posts within a span of time than are sorted for a list.
pub(super) const IS_WIDE: &str = "SELECT EXISTS (SELECT 1 FROM shareville_posts
     WHERE tenant = $1 AND listed_at >= $2 AND listed_at < $3 ORDER BY listed_at, id OFFSET $4)";

/// How many posts of a span of time are sorted at most, to list the newest.
const NARROW: i64 = 20_000;

/// Posts of a lane that come up within a span.
pub(super) const DUE_WITHIN: &str = "SELECT p.record FROM shareville_lanes l JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = $1 AND l.provider = $2 AND l.platform_id = $3 AND p.due_at >= $4 AND p.due_at < $5
     ORDER BY p.due_at, p.id LIMIT $6";

/// Posts through a connection that have not ended.
pub(super) const UNSETTLED: &str =
    "SELECT record FROM shareville_posts WHERE connection = $1 AND open AND tenant = $2
     ORDER BY id LIMIT $3";

/// Posts that were still to go on when their connection was removed.
pub(super) const STRANDED: &str = "SELECT record FROM shareville_posts p
     WHERE open AND due_at IS NULL AND status <> 'failed' AND id > $1
       AND (SELECT a.id FROM shareville_accounts a WHERE a.id = p.account) IS NULL
     ORDER BY id LIMIT $2";

/// Whether another post of a lane is known by an id at the platform.
pub(super) const HELD: &str = "SELECT EXISTS (
     SELECT 1 FROM shareville_lanes l JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = $1 AND l.provider = $2 AND l.platform_id = $3 AND p.platform_id = $4 AND p.id <> $5)";

/// A post of a lane by its id at the platform.
pub(super) const KNOWN_AS: &str =
    "SELECT p.record FROM shareville_lanes l JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = $1 AND l.provider = $2 AND l.platform_id = $3 AND p.platform_id = $4 LIMIT 1";

impl PostgresStore {
    /// Whether a filter names a span of time with few posts in it, so that sorting them beats walking through all.
    async fn is_narrow(&self, tenant: TenantId, filter: &PostFilter) -> Result<bool> {
        if filter.from.is_none() && filter.to.is_none() {
            return Ok(false);
        }
        let (from, to) = span(filter);
        let mut on = self.lend().await?;
        let is_wide: bool = query_scalar(IS_WIDE)
            .bind(tenant.as_uuid())
            .bind(from)
            .bind(to)
            .bind(NARROW)
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(!is_wide)
    }

    /// A post as it is, and the time.
    async fn look_at(&self, tenant: TenantId, id: PostId) -> Result<Option<(Post, Timestamp)>> {
        const SQL: &str = concat!(
            "SELECT record, ",
            now!("$3"),
            " FROM shareville_posts WHERE id = $1 AND tenant = $2"
        );
        let mut on = self.lend().await?;
        let row = query(SQL)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .bind(self.clock.now())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        let Some(row) = row else { return Ok(None) };
        let now = row.try_get(1).map_err(failed)?;
        Ok(Some((row.record(0)?, time(now))))
    }
}

#[async_trait]
impl PostStore for PostgresStore {
    async fn create(&self, new: &[NewPost], idempotency: Option<&Idempotency>) -> Result<Created> {
        if new.is_empty() {
            return Ok(Created::Stored);
        }
        loop {
            let inserted = self.insert(new, idempotency).await?;
            if let Inserted::Done { .. } = inserted {
                return Ok(Created::Stored);
            }
            if let Some(kept) = idempotency
                && let Some(before) = self.answer(kept.tenant, &kept.key).await?
            {
                return Ok(Created::Before(before));
            }
            match inserted {
                Inserted::AccountGone => return Err(account_gone()),
                Inserted::UnderWay => return Ok(Created::UnderWay),
                // The key was taken, and its time has ended just now.
                Inserted::KeyTaken | Inserted::Done { .. } => {}
            }
        }
    }

    async fn answered(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>> {
        self.answer(tenant, key).await
    }

    async fn post(&self, tenant: TenantId, id: PostId) -> Result<Option<Post>> {
        const SQL: &str = "SELECT record FROM shareville_posts WHERE id = $1 AND tenant = $2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn posts(
        &self,
        tenant: TenantId,
        filter: &PostFilter,
        request: PageRequest,
    ) -> Result<Page<Post>> {
        let sql = match filter {
            PostFilter { group: Some(_), .. } => BY_GROUP,
            PostFilter {
                account: Some(_), ..
            } => BY_ACCOUNT,
            PostFilter { user: Some(_), .. } => BY_USER,
            filter if self.is_narrow(tenant, filter).await? => BY_TIME,
            PostFilter {
                status: Some(_), ..
            } => BY_STATUS,
            _ => BY_TENANT,
        };
        let (from, to) = span(filter);
        let mut on = self.lend().await?;
        let rows = query(sql)
            .bind(tenant.as_uuid())
            .bind(before(request))
            .bind(limit(request))
            .bind(filter.user.as_ref().map(|user| user.as_str()))
            .bind(filter.account.map(|account| account.as_uuid()))
            .bind(filter.group.map(|group| group.as_uuid()))
            .bind(filter.status.map(|status| status.name()))
            .bind(from)
            .bind(to)
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        page(&rows, request, |post: &Post| post.id.as_uuid())
    }

    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let mut on = self.lend().await?;
        let rows = query(UNSETTLED)
            .bind(connection.as_uuid())
            .bind(tenant.as_uuid())
            .bind(count(limit))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        held(&rows)
    }

    async fn stranded(&self, after: Option<PostId>, limit: usize) -> Result<Vec<Post>> {
        let mut on = self.lend().await?;
        let rows = query(STRANDED)
            .bind(after.map_or(Uuid::nil(), |after| after.as_uuid()))
            .bind(count(limit))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        held(&rows)
    }

    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let mut on = self.lend().await?;
        let rows = query(DUE_WITHIN)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(micros(from))
            .bind(micros(to))
            .bind(count(limit))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        held(&rows)
    }

    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool> {
        let mut on = self.lend().await?;
        let held = query_scalar(HELD)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(platform_id)
            .bind(except.as_uuid())
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(held)
    }

    async fn known_as(&self, lane: &Lane, platform_id: &str) -> Result<Option<Post>> {
        let mut on = self.lend().await?;
        let row = query(KNOWN_AS)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(platform_id)
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        self.execute(changes).await
    }

    async fn events(
        &self,
        tenant: TenantId,
        subject: Subject,
        request: PageRequest,
    ) -> Result<Page<Event>> {
        self.history(tenant, subject, request).await
    }

    async fn watch(
        &self,
        tenant: TenantId,
        id: PostId,
        revision: u64,
        until: Timestamp,
    ) -> Result<Option<Post>> {
        loop {
            let mut signal = self.signals.listen_for(id);
            let looked = self.aside(move |store| async move { store.look_at(tenant, id).await });
            let Some((post, now)) = looked.await? else {
                return Ok(None);
            };
            if post.revision > revision || until <= now {
                return Ok(Some(post));
            }
            tokio::select! {
                () = signal.changed() => {}
                () = self.nap(now, until) => {}
            }
        }
    }
}
