//! Deliveries in PostgreSQL: events are taken up by a cursor, and handed out like lanes, going round the tenants.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use shareville_core::{
    clock::Timestamp,
    delivery::Delivery,
    id::{DeliveryId, TenantId},
    store::{
        ClaimRequest, ClaimedDeliveries, DeliveryChange, DeliveryClaim, DeliveryStore, Page,
        PageRequest, Result, Stale,
    },
    tenant::Tenant,
};
use sqlx::{FromRow, PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    PostgresStore,
    clock::now,
    lanes::{Settled, length},
};
use crate::{
    deliveries::{Owed, SHORTEST_LEASE, STRIDE, Whole, claims},
    error::failed,
    row::{before, count, json, limit, micros, page, revision, time},
};

/// How long to rest where others were in the way.
const AGAIN: Duration = Duration::from_millis(100);

/// Public events, in order, that were not taken up yet. Where no tenant has an endpoint there are none; and none has to be
/// looked at that even the oldest endpoint has seen.
///
/// What could not be seen in `past` was written by transactions that began later, or by one of those that were under way
/// then: so one that lasts long makes nobody look again at what was told since it began.
macro_rules! news {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM shareville_delivery_cursor c
              CROSS JOIN LATERAL (
                  SELECT pg_snapshot_xmin(since) AS xmin FROM shareville_endpoints WHERE active
                  ORDER BY pg_snapshot_xmin(since) LIMIT 1) o
              CROSS JOIN LATERAL (
                  (SELECT e.* FROM shareville_events e
                   WHERE e.public AND (e.xid, e.seq) > (
                       GREATEST(o.xmin, pg_snapshot_xmax(c.past), c.xid),
                       CASE WHEN c.xid >= GREATEST(o.xmin, pg_snapshot_xmax(c.past)) THEN c.seq ELSE 0 END)",
            $rest,
            ")
                  UNION ALL
                  (SELECT e.* FROM shareville_events e
                   WHERE e.public AND e.xid = ANY (ARRAY (SELECT pg_snapshot_xip(c.past))) AND e.xid >= o.xmin
                     AND (e.xid, e.seq) > (c.xid, c.seq)",
            $rest,
            ")) e"
        )
    };
}

/// The time, whether there are events to take up, and when the next turn comes.
pub(super) const LOOK: &str = concat!(
    "SELECT ",
    now!("$1"),
    ", EXISTS (SELECT 1 FROM shareville_delivery_cursor WHERE goal IS NOT NULL) OR EXISTS (",
    news!("1", " LIMIT 1"),
    "), (SELECT turn FROM shareville_endpoints WHERE turn IS NOT NULL ORDER BY turn LIMIT 1)"
);

/// Sets a goal, if there is none: what can be seen now.
///
/// This takes the lock; what is read after it sees all that the one before has done.
pub(super) const LOCK: &str = "SELECT 1 FROM shareville_delivery_cursor WHERE one FOR UPDATE";
pub(super) const AIM: &str = "UPDATE shareville_delivery_cursor SET goal = pg_current_snapshot()
     WHERE one AND goal IS NULL";

/// The next events on the way to the goal, and to whom they are owed.
pub(super) const NEWS: &str = concat!(
    news!(
        "e.xid::text AS xid, e.seq, e.id, e.tenant, e.record::jsonb ->> 'kind' AS kind,
     EXISTS (SELECT 1 FROM shareville_endpoints p
             WHERE p.tenant = e.tenant AND p.active AND NOT pg_visible_in_snapshot(e.xid, p.since)) AS owed",
        " AND e.xid < pg_snapshot_xmax(c.goal) AND pg_visible_in_snapshot(e.xid, c.goal)
                   ORDER BY e.xid, e.seq LIMIT $1"
    ),
    " ORDER BY e.xid, e.seq LIMIT $1"
);

/// Goes on to an event; or, past the last, on from the goal.
pub(super) const GO_ON: &str =
    "UPDATE shareville_delivery_cursor SET xid = $1::text::xid8, seq = $2 WHERE one";
pub(super) const ARRIVE: &str =
    "UPDATE shareville_delivery_cursor SET past = goal, goal = NULL, xid = '0', seq = 0 WHERE one";

/// Owes what has not been erased meanwhile.
pub(super) const TAKE_UP: &str =
    "INSERT INTO shareville_deliveries (id, tenant, event, revision, ready_at, record)
     SELECT b.* FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])
                     AS b (id, tenant, event, revision, ready_at, record)
     JOIN shareville_events e ON e.seq = b.event ORDER BY e.seq FOR KEY SHARE OF e
     ON CONFLICT DO NOTHING";

/// Locks the endpoints of tenants.
pub(super) const ENDPOINTS: &str = "SELECT 1 FROM shareville_endpoints WHERE tenant = ANY ($1)
     ORDER BY tenant FOR NO KEY UPDATE";

/// Works out when the turns of tenants come, whose endpoints are locked; answers the time, and when the first comes.
pub(super) const TURNS: &str = concat!(
    "WITH turns AS (
         UPDATE shareville_endpoints p
         SET turn = CASE WHEN d.ready_at IS NOT NULL AND p.active THEN GREATEST(p.served_at, d.ready_at) END
         FROM unnest($1::uuid[]) t (tenant)
         LEFT JOIN LATERAL (
             SELECT r.ready_at FROM shareville_deliveries r WHERE r.tenant = t.tenant AND r.ready_at IS NOT NULL
             ORDER BY r.ready_at, r.id LIMIT 1) d ON true
         WHERE p.tenant = t.tenant
         RETURNING p.turn)
     SELECT ",
    now!("$2"),
    ", (SELECT min(turn) FROM turns)"
);

/// Tenants in order of turn, locked, but for those that another claim holds.
pub(super) const UP_NEXT: &str = concat!(
    "SELECT tenant FROM shareville_endpoints WHERE turn <= (SELECT ",
    now!("$1"),
    ") ORDER BY turn, served LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED"
);

/// Claims an equal share of deliveries of each locked tenant that is not at its cap, those first that have been due
/// longest. Everyone asked goes to the back; who is at its cap comes up when its first lease ends.
pub(super) const CLAIM: &str = concat!(
    "WITH clock AS MATERIALIZED (SELECT ",
    now!("$1"),
    " AS now),
     asked AS MATERIALIZED (
         SELECT u.tenant, u.place,
                (SELECT count(*) FROM (
                     SELECT 1 FROM shareville_deliveries d WHERE d.tenant = u.tenant AND d.leased_until > c.now
                     LIMIT $4) f) AS in_flight,
                (SELECT d.leased_until FROM shareville_deliveries d
                 WHERE d.tenant = u.tenant AND d.leased_until > c.now ORDER BY d.leased_until LIMIT 1) AS first_end
         FROM clock c CROSS JOIN unnest($2::uuid[]) WITH ORDINALITY AS u (tenant, place)),
     free AS MATERIALIZED (
         SELECT tenant, place, LEAST($4 - in_flight, ($3 + count(*) OVER () - 1) / count(*) OVER ()) AS share
         FROM asked WHERE in_flight < $4),
     ready AS MATERIALIZED (
         SELECT f.place, r.*, row_number() OVER (PARTITION BY f.tenant ORDER BY r.ready_at, r.id) AS round
         FROM clock c CROSS JOIN free f CROSS JOIN LATERAL (
             SELECT d.id, d.tenant, d.ready_at FROM shareville_deliveries d
             WHERE d.tenant = f.tenant AND d.ready_at <= c.now ORDER BY d.ready_at, d.id LIMIT f.share) r),
     taken AS MATERIALIZED (
         SELECT t.*, ($6::uuid[])[t.number] AS nonce FROM (
             SELECT r.*, row_number() OVER (ORDER BY r.round, r.place) AS number FROM ready r) t
         WHERE t.number <= $3),
     leased AS (
         UPDATE shareville_deliveries d SET nonce = t.nonce, leased_until = c.now + $5, ready_at = c.now + $5
         FROM clock c, taken t WHERE d.id = t.id),
     next AS MATERIALIZED (
         SELECT a.*, t.nonce, LEAST(
             CASE WHEN t.nonce IS NOT NULL THEN c.now + $5 END,
             (SELECT o.ready_at FROM shareville_deliveries o
              WHERE o.tenant = a.tenant AND o.ready_at IS NOT NULL AND o.id NOT IN (SELECT id FROM taken)
              ORDER BY o.ready_at, o.id LIMIT 1)) AS ready_at
         FROM clock c CROSS JOIN asked a CROSS JOIN LATERAL (
             SELECT (array_agg(t.nonce ORDER BY t.number DESC))[1] AS nonce FROM taken t
             WHERE t.tenant = a.tenant) t),
     turned AS (
         UPDATE shareville_endpoints p
         SET served_at = CASE WHEN n.in_flight < $4 THEN c.now ELSE p.served_at END,
             served = coalesce(n.nonce, p.served),
             turn = CASE WHEN n.in_flight >= $4 THEN n.first_end
                         WHEN n.ready_at IS NOT NULL THEN GREATEST(c.now, n.ready_at) END
         FROM clock c, next n WHERE p.tenant = n.tenant)
     SELECT t.nonce, d.record, e.record, w.id, w.record
     FROM taken t JOIN shareville_deliveries d ON d.id = t.id JOIN shareville_events e ON e.seq = d.event
     JOIN shareville_tenants w ON w.id = d.tenant ORDER BY t.number"
);

pub(super) const LIST: &str = "SELECT record FROM shareville_deliveries WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3";

/// Writes deliveries whose claims hold, or that nobody has claimed.
pub(super) const WRITE: &str = concat!(
    "UPDATE shareville_deliveries d
     SET revision = b.revision, ready_at = b.ready_at, record = b.record, nonce = NULL, leased_until = NULL
     FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::uuid[])
          AS b (id, tenant, before, revision, ready_at, record, claim)
     WHERE d.id = b.id AND d.tenant = b.tenant AND d.revision = b.before
       AND CASE WHEN b.claim IS NULL THEN coalesce(d.leased_until, 0) <= ",
    now!("$8"),
    " ELSE d.nonce = b.claim END RETURNING d.id"
);

/// A new event, and whether it is owed to anybody.
#[derive(Debug, FromRow)]
struct News {
    xid: String,
    owed: bool,
    #[sqlx(flatten)]
    event: Owed,
}

/// What there is to do.
struct Look {
    now: Timestamp,
    news: bool,
    next: Option<Timestamp>,
}

/// Lets the endpoint of a tenant come or go with its address; says, if it did, when there is next something to deliver.
/// What was told before is not owed to a new one.
pub(super) async fn follow(
    on: &mut PgConnection,
    tenant: &Tenant,
    now: Option<i64>,
) -> Result<Option<Settled>> {
    let sql = match tenant.webhook_url {
        Some(_) => {
            "INSERT INTO shareville_endpoints AS p (tenant, active, since) VALUES ($1, true, pg_current_snapshot())
             ON CONFLICT (tenant) DO UPDATE SET active = true, since = excluded.since WHERE NOT p.active"
        }
        None => "UPDATE shareville_endpoints SET active = false WHERE tenant = $1 AND active",
    };
    let id = tenant.id.as_uuid();
    let followed = query(sql)
        .bind(id)
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    match followed.rows_affected() {
        0 => Ok(None),
        _ => turns(on, &[id], now).await.map(Some),
    }
}

/// Locks the endpoints of tenants.
async fn lock(on: &mut PgConnection, tenants: &[Uuid]) -> Result<()> {
    let locked = query(ENDPOINTS).bind(tenants).execute(on).await;
    locked.map(drop).map_err(failed)
}

/// Works out when the turns of tenants come.
async fn turns(on: &mut PgConnection, tenants: &[Uuid], now: Option<i64>) -> Result<Settled> {
    let (now, ready_at): (i64, Option<i64>) = query_as(TURNS)
        .bind(tenants)
        .bind(now)
        .fetch_one(on)
        .await
        .map_err(failed)?;
    Ok(Settled { now, ready_at })
}

/// Stores deliveries of events that are owed.
async fn take_up(on: &mut PgConnection, owed: &[&Owed], now: Timestamp) -> Result<()> {
    let deliveries = owed.iter().map(|it| it.delivery(now));
    let deliveries: Vec<Delivery> = deliveries.collect::<Result<_>>()?;
    let records: Vec<String> = deliveries.iter().map(json).collect::<Result<_>>()?;
    let tenants: BTreeSet<Uuid> = owed.iter().map(|it| it.tenant).collect();
    let tenants: Vec<Uuid> = tenants.into_iter().collect();
    let column = |value: fn(&Delivery) -> Option<i64>| {
        let values: Vec<_> = deliveries.iter().map(value).collect();
        values
    };
    lock(on, &tenants).await?;
    query(TAKE_UP)
        .bind(owed.iter().map(|it| it.id).collect::<Vec<_>>())
        .bind(owed.iter().map(|it| it.tenant).collect::<Vec<_>>())
        .bind(owed.iter().map(|it| it.seq).collect::<Vec<_>>())
        .bind(column(|it| Some(revision(it.revision))))
        .bind(column(|it| it.next_attempt_at.map(micros)))
        .bind(records)
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    turns(on, &tenants, Some(micros(now))).await?;
    Ok(())
}

/// Writes changes to deliveries that are all different; says which of them fitted.
async fn write(
    on: &mut PgConnection,
    changes: &[DeliveryChange],
    now: Option<i64>,
) -> Result<BTreeSet<Uuid>> {
    fn column<'a, T>(
        changes: &'a [DeliveryChange],
        value: impl Fn(&'a DeliveryChange) -> T,
    ) -> Vec<T> {
        changes.iter().map(value).collect()
    }
    let records = column(changes, |it| json(&it.delivery));
    let written: Vec<Uuid> = query_scalar(WRITE)
        .bind(column(changes, |it| it.delivery.id.as_uuid()))
        .bind(column(changes, |it| it.delivery.tenant.as_uuid()))
        .bind(column(changes, |it| revision(it.revision)))
        .bind(column(changes, |it| revision(it.delivery.revision)))
        .bind(column(changes, |it| {
            it.delivery.next_attempt_at.map(micros)
        }))
        .bind(records.into_iter().collect::<Result<Vec<String>>>()?)
        .bind(column(changes, |it| it.claim))
        .bind(now)
        .fetch_all(on)
        .await
        .map_err(failed)?;
    Ok(written.into_iter().collect())
}

/// How many changes from the first on are of different deliveries.
fn different(changes: &[DeliveryChange]) -> usize {
    let mut met = BTreeSet::new();
    let again = changes.iter().position(|it| !met.insert(it.delivery.id));
    again.unwrap_or(changes.len())
}

impl PostgresStore {
    /// Whether there are events to take up, and when the next turn comes; nothing is written.
    async fn look_for_deliveries(&self) -> Result<Look> {
        let mut on = self.lend().await?;
        let (now, news, next): (i64, bool, Option<i64>) = query_as(LOOK)
            .bind(self.clock.now())
            .fetch_one(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        let (now, next) = (time(now), next.map(time));
        Ok(Look { now, news, next })
    }

    /// Takes up new events.
    async fn take_up(&self, now: Timestamp) -> Result<()> {
        let mut begun = self.write().await?;
        for sql in [LOCK, AIM] {
            query(sql).execute(begun.on()).await.map_err(failed)?;
        }
        let news: Vec<News> = query_as(NEWS)
            .bind(STRIDE)
            .fetch_all(begun.on())
            .await
            .map_err(failed)?;
        let owed = news.iter().filter(|it| it.owed).map(|it| &it.event);
        let owed: Vec<&Owed> = owed.collect();
        if !owed.is_empty() {
            take_up(begun.on(), &owed, now).await?;
        }
        let gone_on = match news.last() {
            Some(last) if count(news.len()) == STRIDE => {
                query(GO_ON).bind(&last.xid).bind(last.event.seq)
            }
            _ => query(ARRIVE),
        };
        gone_on.execute(begun.on()).await.map_err(failed)?;
        begun.commit().await
    }

    /// Claims, going round the tenants whose turn it is.
    async fn hand_out(&self, request: ClaimRequest) -> Result<Vec<DeliveryClaim>> {
        let now = self.clock.now();
        let mut begun = self.write().await?;
        let mut taken = Vec::new();
        while taken.len() < request.limit {
            let left = request.limit - taken.len();
            let tenants: Vec<Uuid> = query_scalar(UP_NEXT)
                .bind(now)
                .bind(count(left))
                .fetch_all(begun.on())
                .await
                .map_err(failed)?;
            if tenants.is_empty() {
                break;
            }
            let nonces: Vec<Uuid> = (0..left).map(|_| Uuid::now_v7()).collect();
            let rows: Vec<Whole> = query_as(CLAIM)
                .bind(now)
                .bind(tenants)
                .bind(count(left))
                .bind(count(request.per_tenant.max(1)))
                .bind(length(request.lease.max(SHORTEST_LEASE)))
                .bind(nonces)
                .fetch_all(begun.on())
                .await
                .map_err(failed)?;
            taken.extend(rows);
        }
        begun.commit().await?;
        Ok(claims(taken))
    }
}

#[async_trait]
impl DeliveryStore for PostgresStore {
    async fn claim_deliveries(&self, request: ClaimRequest) -> Result<ClaimedDeliveries> {
        // Most workers ask most often for nothing: then nothing is written.
        let Look { now, news, next } = self.look_for_deliveries().await?;
        if request.limit == 0 || (!news && next.is_none_or(|turn| turn > now)) {
            return Ok(ClaimedDeliveries {
                claims: Vec::new(),
                now,
                next_ready: next,
            });
        }
        if news {
            self.take_up(now).await?;
        }
        let claims = self.hand_out(request).await?;
        let Look { now, news, next } = self.look_for_deliveries().await?;
        let next_ready = if news { Some(now) } else { next };
        if claims.is_empty() && next.is_some_and(|next| next <= now) {
            // Others hold what this has passed over: it is no use to come back at once.
            tokio::time::sleep(AGAIN).await;
        }
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
        let tenants = changes.iter().map(|it| it.delivery.tenant.as_uuid());
        let tenants: Vec<Uuid> = tenants.collect::<BTreeSet<_>>().into_iter().collect();
        lock(begun.on(), &tenants).await?;
        let mut applied = Vec::with_capacity(changes.len());
        let mut left = changes;
        while !left.is_empty() {
            let (these, others) = left.split_at(different(left));
            let written = write(begun.on(), these, now).await?;
            applied.extend(these.iter().map(|it| {
                let fitted = written.contains(&it.delivery.id.as_uuid());
                if fitted { Ok(()) } else { Err(Stale) }
            }));
            left = others;
        }
        let settled = turns(begun.on(), &tenants, now).await?;
        begun.commit().await?;
        if settled.is_soon() {
            self.wire.deliveries();
        }
        Ok(applied)
    }

    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>> {
        const SQL: &str = "SELECT record FROM shareville_deliveries WHERE id = $1 AND tenant = $2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn deliveries(&self, tenant: TenantId, request: PageRequest) -> Result<Page<Delivery>> {
        let mut on = self.lend().await?;
        let rows = query(LIST)
            .bind(tenant.as_uuid())
            .bind(before(request))
            .bind(limit(request))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        page(&rows, request, |it: &Delivery| it.id.as_uuid())
    }

    async fn wake_for_deliveries(&self, until: Timestamp) -> Result<()> {
        loop {
            let mut told = self.signals.listen_for_deliveries();
            let look = self.aside(|store| async move { store.look_for_deliveries().await });
            let Look { now, news, next } = look.await?;
            let next = next.map_or(until, |next| next.min(until));
            if news || next <= now {
                return Ok(());
            }
            tokio::select! {
                _ = told.changed() => {}
                () = self.nap(now, next) => {}
            }
        }
    }
}
