//! Claiming in SQLite: a few statements a call, however many lanes it claims and whatever lies in the future.

use std::{collections::HashMap, time::Duration};

use shareville_core::{
    clock::{Timestamp, later},
    lane::{ClaimRef, Turn},
    store::{Claim, ClaimRequest, Claimed, Result},
};
use sqlx::{FromRow, SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{SqliteStore, lanes::NEXT_TURN};
use crate::{
    error::failed,
    lane::LaneRow,
    row::{count, hex, json, micros, record, time},
    tenants::Tenants,
};

/// Tenants in order of turn, with how many lanes each has in flight, and when the first of those leases ends.
pub(super) const UP_NEXT: &str =
    "SELECT q.tenant,
            (SELECT count(*) FROM (SELECT 1 FROM shareville_lanes l
                                   WHERE l.tenant = q.tenant AND l.leased_until > ?1 LIMIT ?3)) AS in_flight,
            (SELECT min(l.leased_until) FROM shareville_lanes l
             WHERE l.tenant = q.tenant AND l.leased_until > ?1) AS first_end
     FROM shareville_turns q WHERE q.turn <= ?1 ORDER BY q.turn, q.served LIMIT ?2";

/// Puts tenants off.
pub(super) const PUT_OFF: &str = "UPDATE shareville_turns SET turn = j.value ->> 1
     FROM json_each(?1) j WHERE tenant = unhex(j.value ->> 0)";

/// Some lanes of each tenant, those first that have been ready longest, with the posts of which one is up.
pub(super) const READY: &str =
    "SELECT l.*,
            (SELECT id FROM shareville_posts p WHERE p.lane = l.id AND p.due_at IS NOT NULL
             ORDER BY p.due_at, p.id LIMIT 1) AS first_due,
            (SELECT id FROM shareville_posts p WHERE p.lane = l.id AND p.expires_at IS NOT NULL
             ORDER BY p.expires_at, p.id LIMIT 1) AS first_expiry
     FROM json_each(?1) j CROSS JOIN shareville_lanes l
     ON l.id IN (SELECT r.id FROM shareville_lanes r WHERE r.tenant = unhex(j.value) AND r.ready_at <= ?2
                 ORDER BY r.ready_at, r.id LIMIT ?3)
     ORDER BY j.key, l.ready_at, l.id";

/// Leases lanes, then sends their tenants to the back, in one trip.
pub(super) const LEASE: &str =
    "UPDATE shareville_lanes SET nonce = unhex(j.value ->> 1), leased_until = ?2, ready_at = j.value ->> 2
     FROM json_each(?1) j WHERE shareville_lanes.id = j.value ->> 0;
     UPDATE shareville_turns
     SET served_at = ?4, served = coalesce(unhex(j.value ->> 1), served),
         turn = max(?4, (SELECT min(ready_at) FROM shareville_lanes l
                         WHERE l.tenant = shareville_turns.tenant AND l.ready_at IS NOT NULL))
     FROM json_each(?3) j WHERE tenant = unhex(j.value ->> 0)";

/// Posts with all that is needed to publish them.
pub(super) const WHOLE: &str = "SELECT p.id, p.record, a.record, c.record, t.id, t.record
     FROM json_each(?1) j CROSS JOIN shareville_posts p ON p.id = unhex(j.value)
     JOIN shareville_accounts a ON a.id = p.account
     JOIN shareville_connections c ON c.id = a.connection
     JOIN shareville_tenants t ON t.id = p.tenant";

/// A lease of no length would hand out the same lane twice in one call.
const SHORTEST_LEASE: Duration = Duration::from_micros(1);

/// A tenant whose turn it is.
#[derive(Debug, FromRow)]
struct UpNext {
    tenant: Uuid,
    in_flight: i64,
    first_end: Option<i64>,
}

/// A lane that is ready, with the posts of which one is up.
#[derive(Debug, FromRow)]
struct ReadyLane {
    #[sqlx(flatten)]
    lane: LaneRow,
    first_due: Option<Uuid>,
    first_expiry: Option<Uuid>,
}

/// A lane that was claimed, and the post that is up in it.
#[derive(Debug)]
struct Taken {
    claim: ClaimRef,
    post: Option<Uuid>,
}

impl SqliteStore {
    pub(super) async fn claim_lanes(&self, request: ClaimRequest) -> Result<Claimed> {
        // Most workers ask most often for nothing: then nothing is written.
        let next_ready = self.next_turn().await?;
        let now = self.clock.now();
        if request.limit == 0 || next_ready.is_none_or(|turn| turn > now) {
            return Ok(Claimed {
                claims: Vec::new(),
                now,
                next_ready,
            });
        }
        let mut write = self.write().await?;
        let now = self.clock.now();
        let mut taken = Vec::new();
        while taken.len() < request.limit {
            let left = request.limit - taken.len();
            let (tenants, capped) = up_next(write.on(), now, left, request.per_tenant).await?;
            if tenants.is_empty() && !capped {
                break;
            }
            taken.extend(round(write.on(), now, left, request, &tenants).await?);
        }
        let claims = read(write.on(), taken).await?;
        let next_ready: Option<i64> = query_scalar(NEXT_TURN)
            .fetch_one(write.on())
            .await
            .map_err(failed)?;
        write.commit().await?;
        Ok(Claimed {
            claims,
            now,
            next_ready: next_ready.map(time),
        })
    }
}

/// The tenants whose turn it is, with how many lanes each may still claim; and whether some were put off because they
/// have their share in flight: until a lease of theirs ends, unless a lane is given back before.
async fn up_next(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
    per_tenant: usize,
) -> Result<(Vec<(Uuid, usize)>, bool)> {
    let cap = count(per_tenant.max(1));
    let tenants: Vec<UpNext> = query_as(UP_NEXT)
        .bind(micros(now))
        .bind(count(limit))
        .bind(cap)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let (capped, free): (Vec<_>, Vec<_>) = tenants.into_iter().partition(|it| it.in_flight >= cap);
    if !capped.is_empty() {
        let off: Vec<_> = capped
            .iter()
            .map(|it| (hex(it.tenant), it.first_end))
            .collect();
        query(PUT_OFF)
            .bind(json(&off)?)
            .execute(connection)
            .await
            .map_err(failed)?;
    }
    let free = free.into_iter().map(|it| {
        let left = usize::try_from(cap - it.in_flight).unwrap_or(usize::MAX);
        (it.tenant, left)
    });
    Ok((free.collect(), !capped.is_empty()))
}

/// Claims up to `limit` lanes of these tenants, going round them.
async fn round(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: usize,
    request: ClaimRequest,
    tenants: &[(Uuid, usize)],
) -> Result<Vec<Taken>> {
    if tenants.is_empty() {
        return Ok(Vec::new());
    }
    // An equal share each; what one leaves goes to the others in the next round.
    let share = limit.div_ceil(tenants.len());
    let asked: Vec<_> = tenants.iter().map(|(tenant, _)| hex(*tenant)).collect();
    let ready: Vec<ReadyLane> = query_as(READY)
        .bind(json(&asked)?)
        .bind(micros(now))
        .bind(count(share))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;

    let until = micros(later(now, request.lease.max(SHORTEST_LEASE)));
    let mut leases = Vec::new();
    let mut served = HashMap::new();
    let taken = deal(ready, tenants, limit).into_iter().map(|mut ready| {
        let post = ready.up(now);
        let nonce = Uuid::now_v7();
        ready.lane.leased_until = Some(until);
        leases.push((ready.lane.id, hex(nonce), ready.lane.ready_at()));
        served.insert(hex(ready.lane.tenant), hex(nonce));
        let lane = ready.lane.lane();
        Taken {
            claim: ClaimRef { lane, nonce },
            post,
        }
    });
    let taken: Vec<Taken> = taken.collect();
    // Every tenant asked goes to the back, so that the next round finds others, or nothing.
    let served: Vec<_> = asked.iter().map(|it| (it, served.get(it))).collect();
    query(LEASE)
        .bind(json(&leases)?)
        .bind(until)
        .bind(json(&served)?)
        .bind(micros(now))
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(taken)
}

/// Deals out lanes, one of each tenant after the other, with no more of each than it may claim.
fn deal(ready: Vec<ReadyLane>, tenants: &[(Uuid, usize)], limit: usize) -> Vec<ReadyLane> {
    let place: HashMap<Uuid, usize> = tenants
        .iter()
        .enumerate()
        .map(|(place, (tenant, _))| (*tenant, place))
        .collect();
    let mut dealt = vec![0; tenants.len()];
    let mut order: Vec<_> = ready
        .into_iter()
        .filter_map(|lane| {
            let place = *place.get(&lane.lane.tenant)?;
            dealt[place] += 1;
            (dealt[place] <= tenants[place].1).then_some((dealt[place], place, lane))
        })
        .collect();
    order.sort_by_key(|(round, place, _)| (*round, *place));
    order.truncate(limit);
    order.into_iter().map(|(_, _, lane)| lane).collect()
}

impl ReadyLane {
    fn up(&self, now: Timestamp) -> Option<Uuid> {
        match self.lane.state().turn(now) {
            Turn::Due => self.first_due,
            Turn::Expired => self.first_expiry,
            Turn::Holder => self.lane.held_by,
        }
    }
}

/// Reads the posts that are up, with all that is needed to publish them.
///
/// A lane whose post is not there as it should be stays leased, so that it stands in nobody's way, and comes up again
/// when its lease ends.
async fn read(connection: &mut SqliteConnection, taken: Vec<Taken>) -> Result<Vec<Claim>> {
    type Row = (Uuid, String, String, String, Uuid, String);
    let asked: Vec<_> = taken.iter().filter_map(|it| it.post.map(hex)).collect();
    let rows: Vec<Row> = query_as(WHOLE)
        .bind(json(&asked)?)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let rows: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.0, row)).collect();
    let mut tenants = Tenants::default();
    let mut claims = Vec::with_capacity(taken.len());
    for Taken { claim, post } in taken {
        let row = post.and_then(|post| rows.get(&post));
        let Some((_, post, account, connection, tenant_id, tenant)) = row else {
            tracing::error!(lane = %claim.lane, "a lane is ready, but its post or account is not there");
            continue;
        };
        let mut whole = || {
            let tenant = tenants.read(*tenant_id, tenant)?;
            Result::Ok((record(post)?, record(account)?, record(connection)?, tenant))
        };
        match whole() {
            Ok((post, account, connection, tenant)) => claims.push(Claim {
                claim,
                post,
                account,
                connection,
                tenant,
            }),
            Err(error) => {
                tracing::error!(lane = %claim.lane, error = &error as &dyn std::error::Error, "a post cannot be read");
            }
        }
    }
    Ok(claims)
}
