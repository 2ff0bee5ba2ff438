//! Claiming in PostgreSQL: one statement a round, however many lanes it claims and whatever lies in the future.

use std::{collections::BTreeSet, time::Duration};

use shareville_core::{
    clock::Timestamp,
    id::{Provider, TenantId},
    lane::{ClaimRef, Lane},
    store::{Claim, ClaimRequest, Claimed, Result},
};
use sqlx::{FromRow, query_as};
use uuid::Uuid;

use super::{
    PostgresStore,
    clock::now,
    lanes::{Names, length},
};
use crate::{
    error::{failed, is_locked_out, written},
    row::{count, record, time},
    tenants::Tenants,
};

/// Claims lanes, going round the tenants whose turn it is, and reads the posts that are up in them.
///
/// - `up`: the tenants in order of turn. `asked`: the same, locked, but for those whom another claim has served since. A
///   turn is locked until the transaction that works it out anew has ended, and a host's own may take its time.
/// - `ready`: an equal share of lanes of each that is not at its cap, locked, those first that have been ready longest.
///   Locked ones, and ones that somebody has changed since this statement began, are passed over: of those it would
///   read posts that are outdated.
/// - `taken`: dealt out, one of each tenant after the other.
/// - `turned`: everybody asked goes to the back; who is at its cap comes up when its first lease ends. If somebody
///   changed a turn since, they may have seen what this does not: then it stays early, and the next claim looks again.
///   Where all that is ready was passed over, it is not tried again at once.
///
/// Which post is up is the rule of `LaneState::turn`. A test holds it against the rule itself.
macro_rules! claim {
    ($patience:literal, $locked:literal) => {
        concat!(
            "WITH clock AS MATERIALIZED (SELECT ",
            now!("$1"),
            " AS now, ",
            $patience,
            " AS patience),
     up AS MATERIALIZED (
         SELECT q.*,
                (SELECT count(*) FROM (
                     SELECT 1 FROM shareville_lanes l WHERE l.tenant = q.tenant AND l.leased_until > c.now LIMIT $3) f)
                    AS in_flight
         FROM clock c CROSS JOIN LATERAL (
             SELECT t.tenant, t.turn, t.served, t.version FROM shareville_turns t WHERE t.turn <= c.now
             ORDER BY t.turn, t.served LIMIT $2) q),
     asked AS MATERIALIZED (
         SELECT q.tenant, q.turn, q.version, q.version = u.version AS same, u.served, u.turn AS place, u.in_flight
         FROM up u JOIN shareville_turns q ON q.tenant = u.tenant AND q.served = u.served
         ORDER BY q.tenant FOR NO KEY UPDATE OF q",
            $locked,
            "),
     free AS MATERIALIZED (
         SELECT tenant, row_number() OVER (ORDER BY place, served) AS place,
                LEAST($3 - in_flight, ($2 + count(*) OVER () - 1) / count(*) OVER ()) AS share
         FROM asked WHERE in_flight < $3),
     ready AS MATERIALIZED (
         SELECT f.place, r.*, row_number() OVER (PARTITION BY f.tenant ORDER BY r.ready_at, r.id) AS round
         FROM clock c CROSS JOIN free f CROSS JOIN LATERAL (
             SELECT l.* FROM (
                 SELECT s.id, s.version, s.ready_at FROM shareville_lanes s
                 WHERE s.tenant = f.tenant AND s.ready_at <= c.now
                 ORDER BY s.ready_at, s.id LIMIT f.share + 16) s
             JOIN shareville_lanes l ON l.id = s.id AND l.version = s.version
             ORDER BY s.ready_at, s.id LIMIT f.share FOR NO KEY UPDATE OF l SKIP LOCKED) r),
     taken AS MATERIALIZED (
         SELECT t.*, ($5::uuid[])[t.number] AS claim FROM (
             SELECT r.*, row_number() OVER (ORDER BY r.round, r.place) AS number FROM ready r) t
         WHERE t.number <= $2),
     leased AS (
         UPDATE shareville_lanes l SET nonce = t.claim, leased_until = c.now + $4, version = l.version + 1
         FROM clock c, taken t WHERE l.id = t.id),
     next AS MATERIALIZED (
         SELECT a.*, t.claims, t.nonce, LEAST(
             CASE WHEN t.claims > 0 THEN c.now + $4 END,
             (SELECT o.ready_at FROM shareville_lanes o
              WHERE o.tenant = a.tenant AND o.ready_at IS NOT NULL AND o.id NOT IN (SELECT id FROM taken)
              ORDER BY o.ready_at, o.id LIMIT 1)) AS ready_at
         FROM clock c CROSS JOIN asked a CROSS JOIN LATERAL (
             SELECT count(*) AS claims, (array_agg(t.claim ORDER BY t.number DESC))[1] AS nonce
             FROM taken t WHERE t.tenant = a.tenant) t),
     turned AS (
         UPDATE shareville_turns q
         SET version = n.version + 1,
             served_at = CASE WHEN n.in_flight < $3 THEN c.now ELSE q.served_at END,
             served = coalesce(n.nonce, q.served),
             turn = CASE
                 WHEN n.in_flight >= $3 THEN (
                     SELECT l.leased_until FROM shareville_lanes l
                     WHERE l.tenant = n.tenant AND l.leased_until > c.now ORDER BY l.leased_until LIMIT 1)
                 WHEN NOT n.same THEN GREATEST(c.now, LEAST(n.turn, n.ready_at))
                 WHEN n.ready_at IS NULL THEN NULL
                 WHEN n.claims = 0 THEN GREATEST(c.now + 20000, n.ready_at)
                 ELSE GREATEST(c.now, n.ready_at) END
         FROM clock c, next n WHERE q.tenant = n.tenant
         RETURNING q.turn)
     SELECT c.now,
            LEAST((SELECT min(turn) FROM turned),
                  (SELECT q.turn FROM shareville_turns q
                   WHERE q.turn IS NOT NULL AND q.tenant NOT IN (SELECT tenant FROM asked)
                   ORDER BY q.turn LIMIT 1)) AS next_ready,
            EXISTS (SELECT 1 FROM asked) AS moved,
            t.claim AS nonce, t.tenant, t.provider, t.platform_id,
            p.record AS post, a.record AS account, n.record AS connection, w.record AS tenant_record
     FROM clock c
     LEFT JOIN taken t ON true
     LEFT JOIN shareville_posts p ON p.id = CASE
         WHEN t.next_expiry <= c.now OR t.paused_until > c.now THEN
             (SELECT e.id FROM shareville_posts e WHERE e.lane = t.id AND e.expires_at IS NOT NULL
              ORDER BY e.expires_at, e.id LIMIT 1)
         WHEN t.held_until > c.now THEN t.held_by
         ELSE
             (SELECT d.id FROM shareville_posts d WHERE d.lane = t.id AND d.due_at IS NOT NULL
              ORDER BY d.due_at, d.id LIMIT 1) END
     LEFT JOIN shareville_accounts a ON a.id = p.account
     LEFT JOIN shareville_connections n ON n.id = a.connection
     LEFT JOIN shareville_tenants w ON w.id = p.tenant
     ORDER BY t.number"
        )
    };
}

/// Passes over tenants whose turns others hold, so that none is kept from the others.
pub(super) const CLAIM: &str = claim!("''", " SKIP LOCKED");

/// Waits for those who are in the way, but not for long: where turns are held one after the other, they would be passed
/// over for ever.
pub(super) const CLAIM_WAITING: &str = claim!("set_config('lock_timeout', '100ms', true)", "");

/// Makes claims last, those that still hold; says of which, and of which it cannot tell, since others hold their lanes.
/// No lane is ready earlier for it, so no turn is touched.
macro_rules! renew {
    ($patience:literal, $locked:literal) => {
        concat!(
            "WITH patience AS MATERIALIZED (SELECT ",
            $patience,
            " AS patience),
             known AS MATERIALIZED (
                 SELECT l.id, b.nonce, b.place
                 FROM patience CROSS JOIN unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])
                      WITH ORDINALITY AS b (tenant, provider, platform_id, nonce, place)
                 JOIN shareville_lanes l USING (tenant, provider, platform_id) WHERE l.nonce = b.nonce),
             held AS MATERIALIZED (
                 SELECT l.id, k.place FROM known k JOIN shareville_lanes l ON l.id = k.id AND l.nonce = k.nonce
                 ORDER BY l.tenant, l.provider, l.platform_id FOR NO KEY UPDATE OF l",
            $locked,
            "),
             renewed AS (
                 UPDATE shareville_lanes l SET leased_until = ",
            now!("$6"),
            " + $5, version = l.version + 1 FROM held h WHERE l.id = h.id RETURNING h.place)
             SELECT k.place, r.place IS NOT NULL FROM known k LEFT JOIN renewed r ON r.place = k.place"
        )
    };
}

/// Waits for nobody, so that none is kept from the others.
pub(super) const RENEW: &str = renew!("''", " SKIP LOCKED");

/// Waits for those who are in the way, but not for long.
pub(super) const RENEW_WAITING: &str = renew!("set_config('lock_timeout', '1s', true)", "");

/// A lease of no length would hand out the same lane twice in one call.
const SHORTEST_LEASE: Duration = Duration::from_micros(1);

/// How many lanes one statement claims at most.
const MOST: usize = 1024;

/// The time, and a lane that was claimed, if any, with what is needed to publish the post that is up in it.
#[derive(Debug, FromRow)]
struct Row {
    now: i64,
    next_ready: Option<i64>,
    moved: bool,
    nonce: Option<Uuid>,
    tenant: Option<Uuid>,
    provider: Option<String>,
    platform_id: Option<String>,
    post: Option<String>,
    account: Option<String>,
    connection: Option<String>,
    tenant_record: Option<String>,
}

impl PostgresStore {
    pub(super) async fn claim_lanes(&self, request: ClaimRequest) -> Result<Claimed> {
        let mut claims = Vec::new();
        let mut taken = 0;
        loop {
            let left = (request.limit - taken).min(MOST);
            let mut rows = self.round(CLAIM, left, request).await?;
            let (mut now, mut next_ready, mut moved) = state(&rows)?;
            let is_due =
                |now: Timestamp, next: Option<Timestamp>| next.is_some_and(|next| next <= now);
            if taken == 0 && left > 0 && !moved && is_due(now, next_ready) {
                // All whose turn it is are held by others. It is no use to come back at once.
                let waited = self.round(CLAIM_WAITING, left, request).await?;
                if !waited.is_empty() {
                    (now, next_ready, moved) = state(&waited)?;
                    rows = waited;
                }
            }
            let over = !moved || !is_due(now, next_ready);
            taken += rows.iter().filter(|row| row.nonce.is_some()).count();
            claims.extend(read(rows));
            if over || taken >= request.limit {
                return Ok(Claimed {
                    claims,
                    now,
                    next_ready,
                });
            }
        }
    }

    /// Claims some lanes; answers no row at all if others were in the way for too long.
    async fn round(
        &self,
        sql: &'static str,
        limit: usize,
        request: ClaimRequest,
    ) -> Result<Vec<Row>> {
        let nonces: Vec<Uuid> = (0..limit).map(|_| Uuid::now_v7()).collect();
        let mut on = self.lend().await?;
        let rows = query_as(sql)
            .bind(self.clock.now())
            .bind(count(limit))
            .bind(count(request.per_tenant.max(1)))
            .bind(length(request.lease.max(SHORTEST_LEASE)))
            .bind(nonces)
            .fetch_all(on.on())
            .await;
        let rows = match rows {
            Err(error) if is_locked_out(&error) => Vec::new(),
            rows => rows.map_err(written)?,
        };
        on.keep();
        Ok(rows)
    }
}

/// The time, when the next turn comes, and whether any was taken, as a round tells it.
fn state(rows: &[Row]) -> Result<(Timestamp, Option<Timestamp>, bool)> {
    let row = rows.first();
    let row = row.ok_or_else(|| failed(sqlx::Error::RowNotFound))?;
    Ok((time(row.now), row.next_ready.map(time), row.moved))
}

impl PostgresStore {
    pub(super) async fn renew_claims(
        &self,
        claims: &[ClaimRef],
        lease: Duration,
    ) -> Result<Vec<bool>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let (mut held, mut unclear) = (BTreeSet::new(), Vec::new());
        let asked: Vec<&ClaimRef> = claims.iter().collect();
        for (number, renewed) in self.make_last(RENEW, &asked, lease).await? {
            if renewed {
                held.insert(number);
            } else {
                unclear.push(number);
            }
        }
        // Each waits by itself: the others are renewed by now, whatever comes of it. Where somebody stays in the way, that
        // a claim is lost would be as wrong an answer as that it holds.
        for number in unclear {
            let asked: Vec<&ClaimRef> = claims.get(number).into_iter().collect();
            let renewed = self.make_last(RENEW_WAITING, &asked, lease).await?;
            if renewed.iter().any(|(_, renewed)| *renewed) {
                held.insert(number);
            }
        }
        Ok((0..claims.len()).map(|it| held.contains(&it)).collect())
    }

    /// Makes claims last by a statement; says of which, by their numbers, and of which it cannot tell.
    async fn make_last(
        &self,
        sql: &'static str,
        claims: &[&ClaimRef],
        lease: Duration,
    ) -> Result<Vec<(usize, bool)>> {
        let names: Names<'_> = claims.iter().map(|claim| &claim.lane).collect();
        let nonces: Vec<Uuid> = claims.iter().map(|claim| claim.nonce).collect();
        let mut on = self.lend().await?;
        let places: Vec<(i64, bool)> = query_as(sql)
            .bind(names.tenants)
            .bind(names.providers)
            .bind(names.platform_ids)
            .bind(nonces)
            .bind(length(lease))
            .bind(self.clock.now())
            .fetch_all(on.on())
            .await
            .map_err(written)?;
        on.keep();
        let number = |place: i64| usize::try_from(place - 1).unwrap_or(usize::MAX);
        let told = places.into_iter();
        Ok(told.map(|(place, held)| (number(place), held)).collect())
    }
}

/// Reads what was claimed.
///
/// A lane whose post is not there as it should be stays leased, so that it stands in nobody's way, and comes up again
/// when its lease ends.
fn read(rows: Vec<Row>) -> Vec<Claim> {
    let mut tenants = Tenants::default();
    let mut claims = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(nonce), Some(tenant), Some(provider), Some(platform_id)) =
            (row.nonce, row.tenant, row.provider, row.platform_id)
        else {
            continue;
        };
        let lane = Lane {
            tenant: TenantId::from_uuid(tenant),
            provider: Provider::new(provider),
            platform_id,
        };
        let (Some(post), Some(account), Some(connection), Some(whole)) =
            (&row.post, &row.account, &row.connection, &row.tenant_record)
        else {
            tracing::error!(%lane, "a lane is ready, but its post or account is not there");
            continue;
        };
        let mut whole = || {
            let tenant = tenants.read(tenant, whole)?;
            Result::Ok((record(post)?, record(account)?, record(connection)?, tenant))
        };
        match whole() {
            Ok((post, account, connection, tenant)) => claims.push(Claim {
                claim: ClaimRef { lane, nonce },
                post,
                account,
                connection,
                tenant,
            }),
            Err(error) => {
                tracing::error!(%lane, error = &error as &dyn std::error::Error, "a post cannot be read");
            }
        }
    }
    claims
}
