//! Posts in PostgreSQL.

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
use sqlx::{PgConnection, query_as, query_scalar};

use super::{
    PostgresStore,
    clock::{durable, now},
    events::Events,
};
use crate::{
    error::{conflict_written, failed, is_locked_out},
    row::{before, count, json, limit, micros, page, record, records, revision, span, time},
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

/// Whether another post of a lane is known by an id at the platform.
pub(super) const HELD: &str = "SELECT EXISTS (
     SELECT 1 FROM shareville_lanes l JOIN shareville_posts p ON p.lane = l.id
     WHERE l.tenant = $1 AND l.provider = $2 AND l.platform_id = $3 AND p.platform_id = $4 AND p.id <> $5)";

/// Stores posts with their events and the answer to be kept, all or none, in one statement.
///
/// The accounts are locked, so that none goes away meanwhile. Then the key is taken, if there is one: who finds it being
/// taken waits until that is done, for ten seconds at most. A tenant's turn is touched only if a post is now the first in
/// its lane. Answers whether all accounts are there, whether the posts were stored, the time, and when the first of the
/// lanes is ready.
pub(super) const CREATE: &str = concat!(
    "WITH batch AS MATERIALIZED (
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::bigint[],
                              $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::boolean[],
                              $14::text[], $15::text[], $16::text[])
              AS b (id, tenant, end_user, account, connection, group_id, revision, status, listed_at, due_at,
                    expires_at, known_as, open, record, provider, platform_id)),
     accounts AS MATERIALIZED (
         SELECT a.id, a.tenant FROM shareville_accounts a WHERE a.id = ANY ($4::uuid[])
         ORDER BY a.id FOR KEY SHARE),
     fits AS MATERIALIZED (
         SELECT NOT EXISTS (SELECT 1 FROM batch b WHERE NOT EXISTS (
             SELECT 1 FROM accounts a WHERE a.id = b.account AND a.tenant = b.tenant)) AS fits),
     kept AS (
         INSERT INTO shareville_answers AS a (tenant, key, request, expires_at, users, answer)
         SELECT $23, $24, $25, $26, $27, $28 WHERE (SELECT fits FROM fits)
             AND CASE WHEN $23::uuid IS NULL THEN false
                      ELSE set_config('lock_timeout', '10s', true) IS NOT NULL END
         ON CONFLICT (tenant, key) DO UPDATE
         SET request = excluded.request, expires_at = excluded.expires_at, users = excluded.users,
             answer = excluded.answer
         WHERE a.expires_at <= ",
    now!("$22"),
    " RETURNING true),
     goes AS MATERIALIZED (
         SELECT fits AND ($23::uuid IS NULL OR EXISTS (SELECT 1 FROM kept)) AS goes FROM fits),
     lanes AS (
         INSERT INTO shareville_lanes AS l (tenant, provider, platform_id, next_due, next_expiry)
         SELECT tenant, provider, platform_id, min(due_at), min(expires_at) FROM batch
         WHERE (SELECT goes FROM goes)
         GROUP BY tenant, provider, platform_id
         ORDER BY tenant, provider COLLATE \"C\", platform_id COLLATE \"C\"
         ON CONFLICT (tenant, provider, platform_id) DO UPDATE
         SET next_due = LEAST(l.next_due, excluded.next_due), next_expiry = LEAST(l.next_expiry, excluded.next_expiry),
             version = l.version + 1
         RETURNING id, tenant, provider, platform_id, next_due, next_expiry, ready_at),
     placed AS MATERIALIZED (
         SELECT b.*, l.id AS lane, l.ready_at, b.due_at = l.next_due OR b.expires_at = l.next_expiry AS leads
         FROM batch b JOIN lanes l USING (tenant, provider, platform_id)),
     posts AS (
         INSERT INTO shareville_posts (id, tenant, end_user, account, connection, lane, group_id, revision, status,
                                       listed_at, due_at, expires_at, platform_id, open, record)
         SELECT id, tenant, end_user, account, connection, lane, group_id, revision, status,
                listed_at, due_at, expires_at, known_as, open, record FROM placed),
     told AS (
         INSERT INTO shareville_events (id, tenant, subject, record, public)
         SELECT * FROM unnest($17::uuid[], $18::uuid[], $19::uuid[], $20::text[], $21::boolean[])
         WHERE (SELECT goes FROM goes)),
     turns AS (
         UPDATE shareville_turns q
         SET turn = LEAST(q.turn, GREATEST(q.served_at, f.ready_at)), version = q.version + 1
         FROM (SELECT tenant, min(ready_at) AS ready_at FROM placed WHERE leads GROUP BY tenant) f
         WHERE q.tenant = f.tenant)
     SELECT (SELECT fits FROM fits), (SELECT goes FROM goes), ",
    now!("$22"),
    ", (SELECT min(ready_at) FROM placed), ",
    durable!()
);

/// What became of posts that were to be stored.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inserted {
    /// They are, and this is when the first of their lanes is ready.
    Done { now: i64, ready_at: Option<i64> },
    /// Some account is not there.
    AccountGone,
    /// Their key is taken.
    KeyTaken,
    /// Their key is being taken, or what they need is locked, and that lasts.
    UnderWay,
}

pub(super) const fn account_gone() -> StoreError {
    StoreError::Conflict { field: "account" }
}

/// Stores posts.
pub(super) async fn insert(
    on: &mut PgConnection,
    new: &[NewPost],
    kept: Option<&Idempotency>,
    now: Option<i64>,
) -> Result<Inserted> {
    fn column<'a, T>(new: &'a [NewPost], value: impl Fn(&'a Post) -> T) -> Vec<T> {
        new.iter().map(|new| value(&new.post)).collect()
    }
    let records: Vec<String> = new
        .iter()
        .map(|new| json(&new.post))
        .collect::<Result<_>>()?;
    let events = Events::of(new.iter().flat_map(|it| &it.events))?;
    let users = kept.map(|kept| json(&kept.users)).transpose()?;
    let stored: sqlx::Result<(bool, bool, i64, Option<i64>)> = query_as(CREATE)
        .bind(column(new, |post| post.id.as_uuid()))
        .bind(column(new, |post| post.tenant.as_uuid()))
        .bind(column(new, |post| post.user.as_str()))
        .bind(column(new, |post| post.account.as_uuid()))
        .bind(column(new, |post| post.connection.as_uuid()))
        .bind(column(new, |post| post.group.map(|it| it.as_uuid())))
        .bind(column(new, |post| revision(post.revision)))
        .bind(column(new, |post| post.status.name()))
        .bind(column(new, |post| micros(post.listed_at())))
        .bind(column(new, |post| post.due_at().map(micros)))
        .bind(column(new, |post| post.expires_at().map(micros)))
        .bind(column(new, |post| post.published.platform_id.as_deref()))
        .bind(column(new, Post::is_unsettled))
        .bind(records)
        .bind(column(new, |post| post.lane.provider.as_str()))
        .bind(column(new, |post| post.lane.platform_id.as_str()))
        .bind(events.ids)
        .bind(events.tenants)
        .bind(events.subjects)
        .bind(events.records)
        .bind(events.public)
        .bind(now)
        .bind(kept.map(|kept| kept.tenant.as_uuid()))
        .bind(kept.map(|kept| &kept.key.as_bytes()[..]))
        .bind(kept.map(|kept| &kept.request.as_bytes()[..]))
        .bind(kept.map(|kept| micros(kept.expires_at)))
        .bind(users)
        .bind(kept.map(|kept| &kept.answer[..]))
        .fetch_one(on)
        .await;
    let (fits, goes, now, ready_at) = match stored {
        Err(error) if kept.is_some() && is_locked_out(&error) => return Ok(Inserted::UnderWay),
        stored => stored.map_err(conflict_written("id"))?,
    };
    Ok(match (fits, goes) {
        (_, true) => Inserted::Done { now, ready_at },
        (true, false) => Inserted::KeyTaken,
        (false, false) => Inserted::AccountGone,
    })
}

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
        let row: Option<(String, i64)> = query_as(SQL)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .bind(self.clock.now())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        row.map(|(post, now)| Ok((record(&post)?, time(now))))
            .transpose()
    }
}

#[async_trait]
impl PostStore for PostgresStore {
    async fn create(&self, new: &[NewPost], idempotency: Option<&Idempotency>) -> Result<Created> {
        if new.is_empty() {
            return Ok(Created::Stored);
        }
        loop {
            let mut on = self.lend().await?;
            let inserted = insert(on.on(), new, idempotency, self.clock.now()).await?;
            on.keep();
            if let Inserted::Done { now, ready_at } = inserted {
                self.tell_if_soon(time(now), ready_at);
                self.wire.told(new.iter().flat_map(|new| &new.events));
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
        let rows: Vec<String> = query_scalar(sql)
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
        let rows: Vec<String> = query_scalar(UNSETTLED)
            .bind(connection.as_uuid())
            .bind(tenant.as_uuid())
            .bind(count(limit))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        records(&rows)
    }

    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let mut on = self.lend().await?;
        let rows: Vec<String> = query_scalar(DUE_WITHIN)
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
        records(&rows)
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
