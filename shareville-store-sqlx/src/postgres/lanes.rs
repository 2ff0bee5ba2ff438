//! Lanes in PostgreSQL: what stands in their rows, and when they are ready.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use chrono::TimeDelta;
use shareville_core::{
    clock::Timestamp,
    id::{Provider, TenantId},
    lane::{ClaimRef, Lane, Pause, PauseReason},
    store::{ClaimRequest, Claimed, LaneStore, PauseScope, Result},
};
use sqlx::{FromRow, PgConnection, query, query_as};
use uuid::Uuid;

use super::{
    PostgresStore, SOON,
    clock::{durable, now},
};
use crate::{
    error::{conflict, failed},
    lane::LaneRow,
    row::{micros, time},
};

/// Lanes by their names.
pub(super) const LANES: &str = concat!(
    "SELECT ",
    now!("$4"),
    " AS now, l.* FROM unnest($1::uuid[], $2::text[], $3::text[]) AS b (tenant, provider, platform_id)
     JOIN shareville_lanes l USING (tenant, provider, platform_id)"
);

/// The same, locked.
pub(super) const LOCKED: &str =
    "SELECT l.* FROM unnest($1::uuid[], $2::text[], $3::text[]) AS b (tenant, provider, platform_id)
     JOIN shareville_lanes l USING (tenant, provider, platform_id)
     ORDER BY l.tenant, l.provider, l.platform_id FOR NO KEY UPDATE OF l";

/// All lanes of a tenant, locked.
pub(super) const OF_TENANT: &str = "SELECT * FROM shareville_lanes WHERE tenant = $1
     ORDER BY tenant, provider, platform_id FOR NO KEY UPDATE";

/// Makes lanes that are not there and locks those that are, one after the other in the order of their names: a known one
/// is locked, though not written, by the update that never comes to pass.
pub(super) const MAKE: &str = "INSERT INTO shareville_lanes AS l (tenant, provider, platform_id)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS b (tenant, provider, platform_id)
     ORDER BY tenant, provider COLLATE \"C\", platform_id COLLATE \"C\"
     ON CONFLICT (tenant, provider, platform_id) DO UPDATE SET version = l.version WHERE false";

/// The names of the lanes that posts stand in, which never change.
pub(super) const NAMES_OF: &str = "SELECT DISTINCT l.tenant, l.provider, l.platform_id
     FROM shareville_posts p JOIN shareville_lanes l ON l.id = p.lane WHERE p.id = ANY ($1)";

/// Locks the turns of tenants.
pub(super) const LOCKED_TURNS: &str = "SELECT 1 FROM shareville_turns WHERE tenant = ANY ($1)
     ORDER BY tenant FOR NO KEY UPDATE";

/// Writes all that can change in locked lanes, and works out when the turns of those tenants come whose may change:
/// answers the first that is sooner than it was.
///
/// - `lanes`: whether each is ready earlier than before; and, of those whose lease does not last, when it was ready. A
///   mark that is written keeps its lease, so that it mostly does neither, and no turn is locked for it.
/// - `seen`: the tenants one of whose lanes is ready earlier; those whose turn may have come from one that is ready later
///   now; and those that get a lane back while they wait, for they may have had as many as they may. A turn that stays
///   too early lets a claim look in vain, once.
/// - `turns`: if somebody else changed one since this statement began, they may have seen what it does not: then it only
///   lowers. One that comes when it did is written only to tell a claim that a lane is ready earlier.
///
/// A mark that is written must be on the disk before its call is sent, whatever a host's connection is set to.
pub(super) const SETTLE: &str = concat!(
    "WITH batch AS MATERIALIZED (
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[],
                              $7::uuid[])
              AS b (id, nonce, leased_until, paused_until, pause_reason, held_until, held_by)),
     lanes AS (
         UPDATE shareville_lanes l
         SET nonce = b.nonce, leased_until = b.leased_until, paused_until = b.paused_until,
             pause_reason = b.pause_reason, held_until = b.held_until, held_by = b.held_by, version = l.version + 1,
             next_due = (SELECT p.due_at FROM shareville_posts p WHERE p.lane = l.id AND p.due_at IS NOT NULL
                         ORDER BY p.due_at, p.id LIMIT 1),
             next_expiry = (SELECT p.expires_at FROM shareville_posts p
                            WHERE p.lane = l.id AND p.expires_at IS NOT NULL ORDER BY p.expires_at, p.id LIMIT 1),
             holder_due = (SELECT p.due_at FROM shareville_posts p WHERE p.id = b.held_by)
         FROM batch b JOIN shareville_lanes o ON o.id = b.id WHERE l.id = b.id
         RETURNING l.tenant, l.ready_at,
                   l.ready_at IS NOT NULL AND (o.ready_at IS NULL OR l.ready_at < o.ready_at) AS sooner,
                   CASE WHEN (l.nonce = o.nonce) IS NOT TRUE THEN o.ready_at END AS before,
                   (l.nonce = o.nonce) IS NOT TRUE AS released),
     moved AS MATERIALIZED (
         SELECT tenant, min(ready_at) AS ready_at, bool_or(sooner) AS sooner, min(before) AS before,
                bool_or(released) AS released
         FROM lanes GROUP BY tenant),
     seen AS MATERIALIZED (
         SELECT m.tenant, m.ready_at, m.sooner, q.version FROM moved m JOIN shareville_turns q USING (tenant)
         WHERE m.sooner OR q.turn >= m.before OR m.released AND q.turn > ",
    now!("$8"),
    "),
     locked AS MATERIALIZED (
         SELECT q.tenant, q.version, q.turn, q.served_at, s.sooner, s.ready_at, q.version = s.version AS same
         FROM seen s JOIN shareville_turns q USING (tenant) ORDER BY q.tenant FOR NO KEY UPDATE OF q),
     firsts AS MATERIALIZED (
         SELECT k.*, LEAST(k.ready_at, (
             SELECT o.ready_at FROM shareville_lanes o
             WHERE o.tenant = k.tenant AND o.ready_at IS NOT NULL AND o.id NOT IN (SELECT id FROM batch)
             ORDER BY o.ready_at, o.id LIMIT 1)) AS first
         FROM locked k),
     next AS MATERIALIZED (
         SELECT f.*, CASE WHEN f.same THEN n.next ELSE LEAST(f.turn, n.next) END AS next
         FROM firsts f CROSS JOIN LATERAL (
             SELECT CASE WHEN f.first IS NOT NULL THEN GREATEST(f.served_at, f.first) END AS next) n),
     turns AS (
         UPDATE shareville_turns q SET turn = n.next, version = n.version + 1
         FROM next n WHERE q.tenant = n.tenant AND (n.sooner OR n.next IS DISTINCT FROM n.turn)
         RETURNING CASE WHEN n.turn IS NULL OR n.next < n.turn THEN n.next END AS turn)
     SELECT ",
    now!("$8"),
    ", (SELECT min(turn) FROM turns), ",
    durable!()
);

/// When the next turn comes.
pub(super) const NEXT_TURN: &str = concat!(
    "SELECT ",
    now!("$1"),
    ", (SELECT turn FROM shareville_turns WHERE turn IS NOT NULL ORDER BY turn LIMIT 1)"
);

/// When lanes were settled, and when the first of their tenants' turns comes that come sooner for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settled {
    pub(super) now: i64,
    pub(super) ready_at: Option<i64>,
}

/// Lanes by their names, column by column.
pub(super) struct Names<'a> {
    pub(super) tenants: Vec<Uuid>,
    pub(super) providers: Vec<&'a str>,
    pub(super) platform_ids: Vec<&'a str>,
}

impl<'a> FromIterator<&'a Lane> for Names<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Lane>>(lanes: I) -> Self {
        let mut names = Self {
            tenants: Vec::new(),
            providers: Vec::new(),
            platform_ids: Vec::new(),
        };
        for lane in lanes {
            names.tenants.push(lane.tenant.as_uuid());
            names.providers.push(lane.provider.as_str());
            names.platform_ids.push(&lane.platform_id);
        }
        names
    }
}

/// Locks and reads lanes; those that are not there are left out.
async fn lock(on: &mut PgConnection, lanes: &BTreeSet<&Lane>) -> Result<Vec<LaneRow>> {
    let names: Names<'_> = lanes.iter().copied().collect();
    query_as(LOCKED)
        .bind(names.tenants)
        .bind(names.providers)
        .bind(names.platform_ids)
        .fetch_all(on)
        .await
        .map_err(failed)
}

/// Locks lanes, and makes those that are not there.
async fn make(on: &mut PgConnection, lanes: &BTreeSet<&Lane>) -> Result<()> {
    let names: Names<'_> = lanes.iter().copied().collect();
    query(MAKE)
        .bind(names.tenants)
        .bind(names.providers)
        .bind(names.platform_ids)
        .execute(on)
        .await
        .map_err(conflict("tenant"))?;
    Ok(())
}

/// Locks all that several plans are about: some lanes and those that some posts stand in, then the turns of their tenants.
pub(super) async fn lock_all(
    on: &mut PgConnection,
    lanes: Vec<Lane>,
    posts: Vec<Uuid>,
) -> Result<()> {
    let known: Vec<(Uuid, String, String)> = query_as(NAMES_OF)
        .bind(posts)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    let known = known
        .into_iter()
        .map(|(tenant, provider, platform_id)| Lane {
            tenant: TenantId::from_uuid(tenant),
            provider: Provider::new(provider),
            platform_id,
        });
    let lanes: BTreeSet<Lane> = lanes.into_iter().chain(known).collect();
    let tenants: BTreeSet<Uuid> = lanes.iter().map(|lane| lane.tenant.as_uuid()).collect();
    let named: BTreeSet<&Lane> = lanes.iter().collect();
    make(on, &named).await?;
    query(LOCKED_TURNS)
        .bind(tenants.into_iter().collect::<Vec<_>>())
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Writes lanes that are locked, and works out anew when each is ready and when its tenant's turn comes.
///
/// Every transaction that changes what that depends on ends with this, after its posts are written.
pub(super) async fn settle(
    on: &mut PgConnection,
    lanes: impl IntoIterator<Item = LaneRow>,
    now: Option<i64>,
) -> Result<Settled> {
    let mut lanes: Vec<LaneRow> = lanes.into_iter().collect();
    lanes.sort_by_key(|lane| lane.id);
    let (now, ready_at): (i64, Option<i64>) = query_as(SETTLE)
        .bind(lanes.iter().map(|it| it.id).collect::<Vec<_>>())
        .bind(lanes.iter().map(|it| it.nonce).collect::<Vec<_>>())
        .bind(lanes.iter().map(|it| it.leased_until).collect::<Vec<_>>())
        .bind(lanes.iter().map(|it| it.paused_until).collect::<Vec<_>>())
        .bind(
            lanes
                .iter()
                .map(|it| it.pause_reason.as_deref())
                .collect::<Vec<_>>(),
        )
        .bind(lanes.iter().map(|it| it.held_until).collect::<Vec<_>>())
        .bind(lanes.iter().map(|it| it.held_by).collect::<Vec<_>>())
        .bind(now)
        .fetch_one(on)
        .await
        .map_err(failed)?;
    Ok(Settled { now, ready_at })
}

/// Pauses and resumes lanes with their connection, if there are any. A lane that had no post yet is made.
pub(super) async fn pause_and_resume(
    on: &mut PgConnection,
    pause: &[(Lane, Pause)],
    resume: &[Lane],
    now: Option<i64>,
) -> Result<Option<Settled>> {
    let meant: BTreeSet<&Lane> = pause.iter().map(|(lane, _)| lane).chain(resume).collect();
    if meant.is_empty() {
        return Ok(None);
    }
    make(on, &meant).await?;
    let rows = lock(on, &meant).await?;
    let mut rows: HashMap<Lane, LaneRow> = rows.into_iter().map(|it| (it.lane(), it)).collect();
    for (lane, pause) in pause {
        if let Some(row) = rows.get_mut(lane) {
            row.pause(pause);
        }
    }
    for lane in resume {
        if let Some(row) = rows.get_mut(lane) {
            row.resume(PauseReason::ConnectionBroken);
        }
    }
    settle(on, rows.into_values(), now).await.map(Some)
}

impl Settled {
    /// Whether there is something to do before others would look for themselves.
    pub(super) fn is_soon(self) -> bool {
        let now = time(self.now);
        let soon = TimeDelta::from_std(SOON).map_or(now, |soon| now + soon);
        self.ready_at.is_some_and(|ready_at| time(ready_at) <= soon)
    }
}

impl PostgresStore {
    /// Tells others of work, if it is due before they would look for themselves.
    pub(super) fn tell_if_soon(&self, now: Timestamp, ready_at: Option<i64>) {
        let now = micros(now);
        if (Settled { now, ready_at }).is_soon() {
            self.wire.work();
        }
    }

    /// Changes lanes of a tenant by what says of each whether it did; says when there is next something to do in those.
    async fn change_lanes(
        &self,
        tenant: TenantId,
        change: impl Fn(&mut LaneRow) -> bool + Send,
    ) -> Result<Option<Settled>> {
        let mut write = self.write().await?;
        let mut rows: Vec<LaneRow> = query_as(OF_TENANT)
            .bind(tenant.as_uuid())
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        rows.retain_mut(change);
        if rows.is_empty() {
            return Ok(None);
        }
        let settled = settle(write.on(), rows, self.clock.now()).await?;
        write.commit().await?;
        Ok(Some(settled))
    }

    /// The time, and when the next tenant's turn comes.
    async fn next_turn(&self) -> Result<(Timestamp, Option<Timestamp>)> {
        let mut on = self.lend().await?;
        let (now, next): (i64, Option<i64>) = query_as(NEXT_TURN)
            .bind(self.clock.now())
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok((time(now), next.map(time)))
    }
}

#[async_trait]
impl LaneStore for PostgresStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed> {
        self.claim_lanes(request).await
    }

    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>> {
        self.renew_claims(claims, lease).await
    }

    async fn release(&self, claims: &[ClaimRef]) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        let mut write = self.write().await?;
        let lanes = claims.iter().map(|claim| &claim.lane).collect();
        let mut rows = lock(write.on(), &lanes).await?;
        rows.retain(|row| claims.iter().any(|claim| row.is_held_under(claim)));
        if rows.is_empty() {
            return Ok(());
        }
        for row in &mut rows {
            row.release();
        }
        let settled = settle(write.on(), rows, self.clock.now()).await?;
        write.commit().await?;
        self.tell_if_soon(time(settled.now), settled.ready_at);
        Ok(())
    }

    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()> {
        let provider = match scope {
            PauseScope::Provider(provider) => Some(provider.as_str()),
            _ => None,
        };
        self.change_lanes(tenant, |row| {
            provider.is_none_or(|provider| row.provider == provider) && row.pause(&pause)
        })
        .await?;
        Ok(())
    }

    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()> {
        let resumed = self.change_lanes(tenant, |row| row.resume(reason)).await?;
        if resumed.is_some_and(Settled::is_soon) {
            self.wire.work();
        }
        Ok(())
    }

    async fn pauses(&self, lanes: &[Lane]) -> Result<Vec<Option<Pause>>> {
        #[derive(FromRow)]
        struct Row {
            now: i64,
            #[sqlx(flatten)]
            lane: LaneRow,
        }
        let asked: BTreeSet<&Lane> = lanes.iter().collect();
        let names: Names<'_> = asked.into_iter().collect();
        let mut on = self.lend().await?;
        let rows: Vec<Row> = query_as(LANES)
            .bind(names.tenants)
            .bind(names.providers)
            .bind(names.platform_ids)
            .bind(self.clock.now())
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        let mut found = HashMap::new();
        for Row { now, lane } in rows {
            if let Some(pause) = lane.paused()?.filter(|pause| pause.until > time(now)) {
                found.insert(lane.lane(), pause);
            }
        }
        Ok(lanes.iter().map(|lane| found.get(lane).copied()).collect())
    }

    async fn wake(&self, until: Timestamp) -> Result<()> {
        loop {
            let mut work = self.signals.listen_for_work();
            let (now, next) = self
                .aside(|store| async move { store.next_turn().await })
                .await?;
            let next = next.map_or(until, |next| next.min(until));
            if next <= now {
                return Ok(());
            }
            tokio::select! {
                _ = work.changed() => {}
                () = self.nap(now, next) => {}
            }
        }
    }

    async fn ready(&self) -> Result<()> {
        // Takes a number for a transaction, which a server that may not write refuses.
        let mut on = self.lend().await?;
        query("SELECT pg_current_xact_id(), (SELECT turn FROM shareville_turns WHERE turn IS NOT NULL ORDER BY turn LIMIT 1)")
            .execute(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(())
    }
}

/// How long something lasts, as it is stored; so long that it cannot be added to a time is for ever.
pub(super) fn length(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).map_or(FOR_EVER, |lease| lease.min(FOR_EVER))
}

/// A hundred thousand years.
const FOR_EVER: i64 = 3_155_760_000_000_000_000;
