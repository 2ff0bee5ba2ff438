//! Posts in SQLite.

use std::collections::HashMap;

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    event::{Event, Subject},
    id::{ConnectionId, PostId, TenantId},
    idempotency::{Answered, Created, Idempotency, KeyHash},
    lane::Lane,
    post::{Applied, Change, Post},
    store::{NewPost, Page, PageRequest, PostFilter, PostStore, Result, Stale, StoreError},
};
use sqlx::{SqliteConnection, query, query_scalar};
use uuid::Uuid;

use super::{
    SqliteStore,
    answers::{answered, keep},
    events::tell,
    lanes::{read_or_make, settle},
};
use crate::{
    error::{conflict, failed},
    row::{below, count, found, held, hex, json, limit, micros, open, page, revision, span},
};

/// Lists posts by the index that leaves the fewest to look at, with the rest of the filter checked on each.
macro_rules! list {
    ($by:literal) => {
        concat!(
            "SELECT record FROM shareville_posts WHERE tenant = ?1 AND id < ?2 AND ",
            $by,
            " AND (?4 IS NULL OR user = ?4) AND (?5 IS NULL OR account = ?5) AND (?6 IS NULL OR group_id = ?6)",
            " AND (?7 IS NULL OR status = ?7) AND listed_at >= ?8 AND listed_at < ?9",
            " ORDER BY id DESC LIMIT ?3"
        )
    };
}

pub(super) const BY_GROUP: &str = list!("group_id = ?6");
pub(super) const BY_ACCOUNT: &str = list!("account = ?5");
pub(super) const BY_USER: &str = list!("user = ?4");
pub(super) const BY_STATUS: &str = list!("status = ?7");
pub(super) const BY_TENANT: &str = list!("true");

/// The newest posts of a span of time, by the index of times: for a span that is not too wide.
pub(super) const BY_TIME: &str = "SELECT p.record FROM (
         SELECT id FROM shareville_posts INDEXED BY shareville_posts_by_time
         WHERE tenant = ?1 AND listed_at >= ?8 AND listed_at < ?9 AND id < ?2) t
     CROSS JOIN shareville_posts p ON p.id = t.id
     WHERE ?7 IS NULL OR p.status = ?7
     ORDER BY t.id DESC LIMIT ?3";

/// Whether there are more posts within a span of time than are sorted for a list.
pub(super) const IS_WIDE: &str = "SELECT EXISTS (SELECT 1 FROM shareville_posts
     WHERE tenant = ?1 AND listed_at >= ?2 AND listed_at < ?3 LIMIT 1 OFFSET ?4)";

/// How many posts of a span of time are sorted at most, to list the newest.
const NARROW: i64 = 20_000;

/// Posts of a lane that come up within a span.
pub(super) const DUE_WITHIN: &str =
    "SELECT p.record FROM shareville_lanes l
     CROSS JOIN shareville_posts p INDEXED BY shareville_posts_due ON p.lane = l.id
     WHERE l.tenant = ?1 AND l.provider = ?2 AND l.platform_id = ?3 AND p.due_at >= ?4 AND p.due_at < ?5
     ORDER BY p.due_at, p.id LIMIT ?6";

/// Posts through a connection that have not ended.
pub(super) const UNSETTLED: &str =
    "SELECT record FROM shareville_posts WHERE connection = ?1 AND open IS NOT NULL AND tenant = ?2
     ORDER BY id LIMIT ?3";

/// Posts that were still to go on when their connection was removed.
pub(super) const STRANDED: &str =
    "SELECT record FROM shareville_posts p INDEXED BY shareville_posts_stranded
     WHERE open IS NOT NULL AND due_at IS NULL AND status <> 'failed' AND id > ?1
       AND (SELECT a.id FROM shareville_accounts a WHERE a.id = p.account) IS NULL
     ORDER BY id LIMIT ?2";

/// Whether another post of a lane is known by an id at the platform.
pub(super) const HELD: &str =
    "SELECT EXISTS (
     SELECT 1 FROM shareville_lanes l CROSS JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = ?1 AND l.provider = ?2 AND l.platform_id = ?3 AND p.platform_id = ?4 AND p.id <> ?5)";

/// A post of a lane by its id at the platform.
pub(super) const KNOWN_AS: &str =
    "SELECT p.record FROM shareville_lanes l CROSS JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = ?1 AND l.provider = ?2 AND l.platform_id = ?3 AND p.platform_id = ?4 LIMIT 1";

pub(super) async fn accounts_are_there(
    on: &mut SqliteConnection,
    posts: impl IntoIterator<Item = &Post>,
) -> Result<()> {
    let asked: Vec<_> = posts
        .into_iter()
        .map(|post| (hex(post.account.as_uuid()), hex(post.tenant.as_uuid())))
        .collect();
    let gone: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM json_each(?1) j WHERE NOT EXISTS (
             SELECT 1 FROM shareville_accounts
             WHERE id = unhex(j.value ->> 0) AND tenant = unhex(j.value ->> 1)))",
    )
    .bind(json(&asked)?)
    .fetch_one(on)
    .await
    .map_err(failed)?;
    match gone {
        true => Err(StoreError::Conflict { field: "account" }),
        false => Ok(()),
    }
}

async fn insert(
    on: &mut SqliteConnection,
    new: &[NewPost],
    lanes: &HashMap<Lane, i64>,
) -> Result<()> {
    let rows: Vec<_> = new
        .iter()
        .map(|NewPost { post, .. }| {
            let owner = (hex(post.tenant.as_uuid()), &post.user);
            let way = (hex(post.account.as_uuid()), hex(post.connection.as_uuid()));
            let group = post.group.map(|group| hex(group.as_uuid()));
            let stand = (revision(post.revision), post.status.name(), open(post));
            let due = post.due_at().map(micros);
            let times = (micros(post.listed_at()), due, post.expires_at().map(micros));
            let known = post.published.platform_id.as_deref();
            let lane = lanes.get(&post.lane);
            (
                hex(post.id.as_uuid()),
                owner,
                way,
                group,
                stand,
                times,
                known,
                lane,
            )
        })
        .collect();
    let records: Vec<_> = new.iter().map(|new| &new.post).collect();
    query(
        "INSERT INTO shareville_posts (id, tenant, user, account, connection, group_id, revision, status, open,
                                       listed_at, due_at, expires_at, platform_id, lane, record)
         SELECT unhex(value ->> 0), unhex(value ->> '$[1][0]'), value ->> '$[1][1]', unhex(value ->> '$[2][0]'),
                unhex(value ->> '$[2][1]'), unhex(value ->> 3), value ->> '$[4][0]', value ->> '$[4][1]',
                value ->> '$[4][2]', value ->> '$[5][0]', value ->> '$[5][1]', value ->> '$[5][2]', value ->> 6,
                value ->> 7, ?2 -> key
         FROM json_each(?1)",
    )
    .bind(json(&rows)?)
    .bind(json(&records)?)
    .execute(on)
    .await
    .map_err(conflict("id"))?;
    Ok(())
}

/// Stores posts in a transaction that is under way, and holds the lock for writing.
pub(super) async fn create(on: &mut SqliteConnection, new: &[NewPost]) -> Result<()> {
    accounts_are_there(on, new.iter().map(|new| &new.post)).await?;
    let meant = new.iter().map(|new| &new.post.lane).collect();
    let lanes = read_or_make(on, &meant).await?;
    let ids = lanes.iter().map(|row| (row.lane(), row.id)).collect();
    insert(on, new, &ids).await?;
    tell(on, new.iter().flat_map(|new| &new.events)).await?;
    settle(on, lanes).await
}

impl SqliteStore {
    /// Whether a filter names a span of time with few posts in it, so that sorting them beats walking through all.
    async fn is_narrow(&self, tenant: TenantId, filter: &PostFilter) -> Result<bool> {
        if filter.from.is_none() && filter.to.is_none() {
            return Ok(false);
        }
        let (from, to) = span(filter);
        let is_wide: bool = query_scalar(IS_WIDE)
            .bind(tenant.as_uuid())
            .bind(from)
            .bind(to)
            .bind(NARROW)
            .fetch_one(&self.reads)
            .await
            .map_err(failed)?;
        Ok(!is_wide)
    }
}

#[async_trait]
impl PostStore for SqliteStore {
    async fn create(&self, new: &[NewPost], idempotency: Option<&Idempotency>) -> Result<Created> {
        if new.is_empty() {
            return Ok(Created::Stored);
        }
        let mut write = self.write().await?;
        if let Some(kept) = idempotency {
            // There is one writer at a time, so nobody else can be about to write the key.
            let now = self.clock.now();
            if let Some(before) = answered(write.on(), kept.tenant, &kept.key, now).await? {
                return Ok(Created::Before(before));
            }
            keep(write.on(), kept).await?;
        }
        create(write.on(), new).await?;
        write.commit().await?;
        self.signals.work();
        self.signals.told(new.iter().flat_map(|new| &new.events));
        Ok(Created::Stored)
    }

    async fn answered(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>> {
        answered(&self.reads, tenant, key, self.clock.now()).await
    }

    async fn post(&self, tenant: TenantId, id: PostId) -> Result<Option<Post>> {
        const SQL: &str = "SELECT record FROM shareville_posts WHERE id = ?1 AND tenant = ?2";
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
        let rows = query(sql)
            .bind(tenant.as_uuid())
            .bind(below(request))
            .bind(limit(request))
            .bind(filter.user.as_ref().map(|user| user.as_str()))
            .bind(filter.account.map(|account| account.as_uuid()))
            .bind(filter.group.map(|group| group.as_uuid()))
            .bind(filter.status.map(|status| status.name()))
            .bind(from)
            .bind(to)
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        page(&rows, request, |post: &Post| post.id.as_uuid())
    }

    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let rows = query(UNSETTLED)
            .bind(connection.as_uuid())
            .bind(tenant.as_uuid())
            .bind(count(limit))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        held(&rows)
    }

    async fn stranded(&self, after: Option<PostId>, limit: usize) -> Result<Vec<Post>> {
        let rows = query(STRANDED)
            .bind(after.map_or(Uuid::nil(), |after| after.as_uuid()))
            .bind(count(limit))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        held(&rows)
    }

    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let rows = query(DUE_WITHIN)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(micros(from))
            .bind(micros(to))
            .bind(count(limit))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        held(&rows)
    }

    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool> {
        query_scalar(HELD)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(platform_id)
            .bind(except.as_uuid())
            .fetch_one(&self.reads)
            .await
            .map_err(failed)
    }

    async fn known_as(&self, lane: &Lane, platform_id: &str) -> Result<Option<Post>> {
        let row = query(KNOWN_AS)
            .bind(lane.tenant.as_uuid())
            .bind(lane.provider.as_str())
            .bind(&lane.platform_id)
            .bind(platform_id)
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
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
            let post = self
                .aside(move |store| async move { store.post(tenant, id).await })
                .await?;
            let waits = post.as_ref().is_some_and(|post| post.revision <= revision);
            if !waits || until <= self.clock.now() {
                return Ok(post);
            }
            tokio::select! {
                () = signal.changed() => {}
                () = self.nap(until) => {}
            }
        }
    }
}
