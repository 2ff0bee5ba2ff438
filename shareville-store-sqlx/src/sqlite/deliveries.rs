//! Deliveries in SQLite: events are taken up by a cursor, and handed out like lanes, going round the tenants.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use shareville_core::{
    clock::{Timestamp, later},
    delivery::Delivery,
    id::{DeliveryId, TenantId},
    store::{
        ClaimRequest, ClaimedDeliveries, DeliveryChange, DeliveryClaim, DeliveryStore, Page,
        PageRequest, Result, Stale,
    },
    tenant::Tenant,
};
use sqlx::{FromRow, SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::SqliteStore;
use crate::{
    deliveries::{Owed, SHORTEST_LEASE, STRIDE, claims},
    error::failed,
    row::{below, count, hex, json, limit, micros, page, revision, time},
};

/// Where to go on in the events: nowhere, if no tenant has an endpoint.
macro_rules! start {
    () => {
        "max((SELECT seq FROM shareville_delivery_cursor WHERE one = 1),
             (SELECT min(since) FROM shareville_endpoints))"
    };
}

/// How many events are new, how many of them are public, and which is the last.
pub(super) const NEWS: &str = concat!(
    "SELECT count(*), coalesce(sum(public), 0), max(seq) FROM (
         SELECT seq, public FROM shareville_events WHERE seq > ",
    start!(),
    " ORDER BY seq LIMIT ?1)"
);

/// The new events that are owed to an endpoint.
pub(super) const OWED: &str = concat!(
    "SELECT e.seq, e.id, e.tenant, e.record ->> 'kind' AS kind
     FROM shareville_events e CROSS JOIN shareville_endpoints p ON p.tenant = e.tenant AND p.since < e.seq
     WHERE e.seq > ",
    start!(),
    " AND e.seq <= ?1 AND e.public = 1 ORDER BY e.seq"
);

pub(super) const TAKE_UP: &str =
    "INSERT INTO shareville_deliveries (id, tenant, event, revision, ready_at, record)
     SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, ?2 -> key
     FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";

/// Works out when the turns of tenants come. Of numbers and null, `max` makes null.
pub(super) const TURNS: &str = "UPDATE shareville_endpoints
     SET turn = max(served_at, (SELECT min(ready_at) FROM shareville_deliveries d
                                WHERE d.tenant = shareville_endpoints.tenant AND ready_at IS NOT NULL))
     WHERE tenant IN (SELECT unhex(value) FROM json_each(?1))";

/// When the next turn comes.
pub(super) const NEXT_TURN: &str =
    "SELECT min(turn) FROM shareville_endpoints WHERE turn IS NOT NULL";

/// Tenants in order of turn, with how many deliveries each has in flight, and when the first of those leases ends.
pub(super) const UP_NEXT: &str = "SELECT q.tenant,
            (SELECT count(*) FROM (SELECT 1 FROM shareville_deliveries d
                                   WHERE d.tenant = q.tenant AND d.leased_until > ?1 LIMIT ?3)) AS in_flight,
            (SELECT min(d.leased_until) FROM shareville_deliveries d
             WHERE d.tenant = q.tenant AND d.leased_until > ?1) AS first_end
     FROM shareville_endpoints q WHERE q.turn <= ?1 ORDER BY q.turn, q.served LIMIT ?2";

/// Puts tenants off.
pub(super) const PUT_OFF: &str = "UPDATE shareville_endpoints SET turn = j.value ->> 1
     FROM json_each(?1) j WHERE tenant = unhex(j.value ->> 0)";

/// Some deliveries of each tenant, those first that have been due longest.
pub(super) const READY: &str = "SELECT d.id, d.tenant
     FROM json_each(?1) j CROSS JOIN shareville_deliveries d
     ON d.id IN (SELECT r.id FROM shareville_deliveries r WHERE r.tenant = unhex(j.value) AND r.ready_at <= ?2
                 ORDER BY r.ready_at, r.id LIMIT ?3)
     ORDER BY j.key, d.ready_at, d.id";

/// Leases deliveries, then sends their tenants to the back, in one trip.
pub(super) const LEASE: &str = "UPDATE shareville_deliveries
     SET nonce = unhex(j.value ->> 1), leased_until = ?2, ready_at = ?2
     FROM json_each(?1) j WHERE shareville_deliveries.id = unhex(j.value ->> 0);
     UPDATE shareville_endpoints
     SET served_at = ?4, served = coalesce(unhex(j.value ->> 1), served),
         turn = max(?4, (SELECT min(ready_at) FROM shareville_deliveries d
                         WHERE d.tenant = shareville_endpoints.tenant AND d.ready_at IS NOT NULL))
     FROM json_each(?3) j WHERE tenant = unhex(j.value ->> 0)";

/// Deliveries with all that is needed to send them.
pub(super) const WHOLE: &str = "SELECT d.nonce, d.record, e.record, t.id, t.record
     FROM json_each(?1) j CROSS JOIN shareville_deliveries d ON d.id = unhex(j.value)
     JOIN shareville_events e ON e.seq = d.event JOIN shareville_tenants t ON t.id = d.tenant";

pub(super) const LIST: &str =
    "SELECT record FROM shareville_deliveries WHERE tenant = ?1 AND id < ?2
     ORDER BY id DESC LIMIT ?3";

#[derive(Debug, FromRow)]
struct UpNext {
    tenant: Uuid,
    in_flight: i64,
    first_end: Option<i64>,
}

/// Lets the endpoint of a tenant come or go with its address. What was told before is not owed to a new one.
pub(super) async fn follow(on: &mut SqliteConnection, tenant: &Tenant) -> Result<()> {
    let sql = match tenant.webhook_url {
        Some(_) => {
            "INSERT INTO shareville_endpoints (tenant, since, turn)
             SELECT ?1, coalesce((SELECT max(seq) FROM shareville_events), 0),
                    (SELECT min(ready_at) FROM shareville_deliveries WHERE tenant = ?1 AND ready_at IS NOT NULL)
             WHERE true ON CONFLICT (tenant) DO NOTHING"
        }
        None => "DELETE FROM shareville_endpoints WHERE tenant = ?1",
    };
    query(sql)
        .bind(tenant.id.as_uuid())
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(())
}

async fn work_out_turns(on: &mut SqliteConnection, tenants: &BTreeSet<String>) -> Result<()> {
    query(TURNS)
        .bind(json(tenants)?)
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Takes up new events; says whether there may be more.
async fn take_up(on: &mut SqliteConnection, now: Timestamp) -> Result<bool> {
    let (found, _, last): (i64, i64, Option<i64>) = query_as(NEWS)
        .bind(STRIDE)
        .fetch_one(&mut *on)
        .await
        .map_err(failed)?;
    let Some(last) = last else { return Ok(false) };
    let owed: Vec<Owed> = query_as(OWED)
        .bind(last)
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    let (mut rows, mut records, mut tenants) = (Vec::new(), Vec::new(), BTreeSet::new());
    for it in owed {
        let delivery = it.delivery(now)?;
        let ready = delivery.next_attempt_at.map(micros);
        let at = revision(delivery.revision);
        rows.push((hex(it.id), hex(it.tenant), it.seq, at, ready));
        records.push(delivery);
        tenants.insert(hex(it.tenant));
    }
    if !rows.is_empty() {
        query(TAKE_UP)
            .bind(json(&rows)?)
            .bind(json(&records)?)
            .execute(&mut *on)
            .await
            .map_err(failed)?;
        work_out_turns(on, &tenants).await?;
    }
    query("UPDATE shareville_delivery_cursor SET seq = ?1 WHERE one = 1")
        .bind(last)
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(found == STRIDE)
}

/// Claims for a round of tenants: an equal share each; what one leaves goes to the others in the next round.
async fn round(
    on: &mut SqliteConnection,
    now: Timestamp,
    left: usize,
    request: ClaimRequest,
    tenants: &[UpNext],
) -> Result<Vec<Uuid>> {
    let cap = count(request.per_tenant.max(1));
    let asked: Vec<_> = tenants.iter().map(|it| hex(it.tenant)).collect();
    let ready: Vec<(Uuid, Uuid)> = query_as(READY)
        .bind(json(&asked)?)
        .bind(micros(now))
        .bind(count(left.div_ceil(tenants.len())))
        .fetch_all(&mut *on)
        .await
        .map_err(failed)?;
    let mut free: HashMap<Uuid, i64> = tenants
        .iter()
        .map(|it| (it.tenant, cap - it.in_flight))
        .collect();
    let (mut leases, mut taken, mut served) = (Vec::new(), Vec::new(), HashMap::new());
    for (id, tenant) in ready {
        let Some(free) = free.get_mut(&tenant).filter(|free| **free > 0) else {
            continue;
        };
        if taken.len() == left {
            break;
        }
        *free -= 1;
        let nonce = Uuid::now_v7();
        leases.push((hex(id), hex(nonce)));
        served.insert(hex(tenant), hex(nonce));
        taken.push(id);
    }
    // Everyone asked goes to the back; who got nothing is first among those there.
    let served: Vec<_> = asked.iter().map(|it| (it, served.get(it))).collect();
    query(LEASE)
        .bind(json(&leases)?)
        .bind(micros(later(now, request.lease.max(SHORTEST_LEASE))))
        .bind(json(&served)?)
        .bind(micros(now))
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(taken)
}

/// Claims, going round the tenants whose turn it is.
async fn claim(
    on: &mut SqliteConnection,
    now: Timestamp,
    request: ClaimRequest,
) -> Result<Vec<Uuid>> {
    let cap = count(request.per_tenant.max(1));
    let mut taken = Vec::new();
    while taken.len() < request.limit {
        let left = request.limit - taken.len();
        let tenants: Vec<UpNext> = query_as(UP_NEXT)
            .bind(micros(now))
            .bind(count(left))
            .bind(cap)
            .fetch_all(&mut *on)
            .await
            .map_err(failed)?;
        if tenants.is_empty() {
            break;
        }
        // Those who have their share in flight wait until a lease ends, unless one is settled before.
        let (full, free): (Vec<_>, Vec<_>) =
            tenants.into_iter().partition(|it| it.in_flight >= cap);
        if !full.is_empty() {
            let off: Vec<_> = full
                .iter()
                .map(|it| (hex(it.tenant), it.first_end))
                .collect();
            query(PUT_OFF)
                .bind(json(&off)?)
                .execute(&mut *on)
                .await
                .map_err(failed)?;
        }
        if !free.is_empty() {
            taken.extend(round(on, now, left, request, &free).await?);
        }
    }
    Ok(taken)
}

/// Reads claimed deliveries.
async fn read(on: &mut SqliteConnection, taken: &[Uuid]) -> Result<Vec<DeliveryClaim>> {
    let asked: Vec<_> = taken.iter().copied().map(hex).collect();
    let rows = query_as(WHOLE)
        .bind(json(&asked)?)
        .fetch_all(on)
        .await
        .map_err(failed)?;
    Ok(claims(rows))
}

async fn write(
    on: &mut SqliteConnection,
    change: &DeliveryChange,
    now: Timestamp,
) -> Result<std::result::Result<(), Stale>> {
    let delivery = &change.delivery;
    let written = query(
        "UPDATE shareville_deliveries
         SET revision = ?4, ready_at = ?5, record = ?6, nonce = NULL, leased_until = NULL
         WHERE id = ?1 AND tenant = ?2 AND revision = ?3
           AND CASE WHEN ?7 IS NULL THEN coalesce(leased_until, 0) <= ?8 ELSE nonce = ?7 END",
    )
    .bind(delivery.id.as_uuid())
    .bind(delivery.tenant.as_uuid())
    .bind(revision(change.revision))
    .bind(revision(delivery.revision))
    .bind(delivery.next_attempt_at.map(micros))
    .bind(json(delivery)?)
    .bind(change.claim)
    .bind(micros(now))
    .execute(on)
    .await
    .map_err(failed)?;
    Ok(match written.rows_affected() {
        0 => Err(Stale),
        _ => Ok(()),
    })
}

impl SqliteStore {
    /// Whether there are events to take up, and when the next turn comes; nothing is written.
    async fn look_for_deliveries(&self) -> Result<(bool, Option<Timestamp>)> {
        let (found, public, _): (i64, i64, Option<i64>) = query_as(NEWS)
            .bind(STRIDE)
            .fetch_one(&self.reads)
            .await
            .map_err(failed)?;
        let next: Option<i64> = query_scalar(NEXT_TURN)
            .fetch_one(&self.reads)
            .await
            .map_err(failed)?;
        Ok((public > 0 || found == STRIDE, next.map(time)))
    }
}

#[async_trait]
impl DeliveryStore for SqliteStore {
    async fn claim_deliveries(&self, request: ClaimRequest) -> Result<ClaimedDeliveries> {
        // Most workers ask most often for nothing: then nothing is written.
        let (news, next_ready) = self.look_for_deliveries().await?;
        let now = self.clock.now();
        if request.limit == 0 || (!news && next_ready.is_none_or(|turn| turn > now)) {
            return Ok(ClaimedDeliveries {
                claims: Vec::new(),
                now,
                next_ready,
            });
        }
        let mut begun = self.write().await?;
        let now = self.clock.now();
        let more = take_up(begun.on(), now).await?;
        let taken = claim(begun.on(), now, request).await?;
        let claims = read(begun.on(), &taken).await?;
        let next: Option<i64> = query_scalar(NEXT_TURN)
            .fetch_one(begun.on())
            .await
            .map_err(failed)?;
        begun.commit().await?;
        let next_ready = if more { Some(now) } else { next.map(time) };
        Ok(ClaimedDeliveries {
            claims,
            now,
            next_ready,
        })
    }

    async fn apply_deliveries(
        &self,
        changes: &[DeliveryChange],
    ) -> Result<Vec<std::result::Result<(), Stale>>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let mut begun = self.write().await?;
        let now = self.clock.now();
        let mut applied = Vec::with_capacity(changes.len());
        let mut tenants = BTreeSet::new();
        for change in changes {
            applied.push(write(begun.on(), change, now).await?);
            tenants.insert(hex(change.delivery.tenant.as_uuid()));
        }
        work_out_turns(begun.on(), &tenants).await?;
        begun.commit().await?;
        self.signals.deliveries();
        Ok(applied)
    }

    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>> {
        const SQL: &str = "SELECT record FROM shareville_deliveries WHERE id = ?1 AND tenant = ?2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn deliveries(&self, tenant: TenantId, request: PageRequest) -> Result<Page<Delivery>> {
        let rows = query(LIST)
            .bind(tenant.as_uuid())
            .bind(below(request))
            .bind(limit(request))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        page(&rows, request, |it: &Delivery| it.id.as_uuid())
    }

    async fn wake_for_deliveries(&self, until: Timestamp) -> Result<()> {
        loop {
            let mut told = self.signals.listen_for_deliveries();
            let (news, next) = self
                .aside(|store| async move { store.look_for_deliveries().await })
                .await?;
            let next = next.map_or(until, |next| next.min(until));
            if news || next <= self.clock.now() {
                return Ok(());
            }
            tokio::select! {
                _ = told.changed() => {}
                () = self.nap(next) => {}
            }
        }
    }
}
