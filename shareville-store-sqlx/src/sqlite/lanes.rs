//! Lanes in SQLite: what stands in their rows, and when they are ready.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use shareville_core::{
    clock::{Timestamp, later},
    id::TenantId,
    lane::{ClaimRef, Lane, Pause, PauseReason},
    store::{ClaimRequest, Claimed, LaneStore, PauseScope, Result},
};
use sqlx::{SqliteConnection, query, query_as, query_scalar};

use super::{SqliteStore, try_writing};
use crate::{
    error::{conflict, failed},
    lane::LaneRow,
    row::{hex, json, micros, time},
};

/// Lanes by their names.
pub(super) const LANES: &str =
    "SELECT l.* FROM json_each(?1) j CROSS JOIN shareville_lanes l
     ON l.tenant = unhex(j.value ->> 0) AND l.provider = j.value ->> 1 AND l.platform_id = j.value ->> 2";

/// When the first post of each lane is due, when the first expires, and when the post that holds it is due.
pub(super) const TIMES: &str =
    "SELECT (SELECT min(due_at) FROM shareville_posts WHERE lane = j.value ->> 0 AND due_at IS NOT NULL),
            (SELECT min(expires_at) FROM shareville_posts WHERE lane = j.value ->> 0 AND expires_at IS NOT NULL),
            (SELECT due_at FROM shareville_posts WHERE id = unhex(j.value ->> 1))
     FROM json_each(?1) j ORDER BY j.key";

/// Writes all that can change in lanes, then works out when their tenants' turns come, in one trip. Of numbers and null,
/// `max` makes null: no turn, if no lane will be ready.
pub(super) const WRITE: &str =
    "UPDATE shareville_lanes SET
         nonce = unhex(j.value ->> '$[1][0]'), leased_until = j.value ->> '$[1][1]',
         paused_until = j.value ->> '$[2][0]', pause_reason = j.value ->> '$[2][1]',
         held_until = j.value ->> '$[3][0]', held_by = unhex(j.value ->> '$[3][1]'),
         next_due = j.value ->> '$[4][0]', next_expiry = j.value ->> '$[4][1]', holder_due = j.value ->> '$[4][2]',
         ready_at = j.value ->> 5
     FROM json_each(?1) j WHERE shareville_lanes.id = j.value ->> 0;
     UPDATE shareville_turns
     SET turn = max(served_at, (SELECT min(ready_at) FROM shareville_lanes l
                                WHERE l.tenant = shareville_turns.tenant AND ready_at IS NOT NULL))
     WHERE tenant IN (SELECT unhex(value) FROM json_each(?2))";

/// When the next turn comes.
pub(super) const NEXT_TURN: &str = "SELECT min(turn) FROM shareville_turns WHERE turn IS NOT NULL";

/// Reads lanes; those that are not there are left out.
async fn read(connection: &mut SqliteConnection, lanes: &BTreeSet<&Lane>) -> Result<Vec<LaneRow>> {
    query_as(LANES)
        .bind(rows(lanes)?)
        .fetch_all(connection)
        .await
        .map_err(failed)
}

fn rows(lanes: &BTreeSet<&Lane>) -> Result<String> {
    let rows: Vec<_> = lanes
        .iter()
        .map(|lane| {
            (
                hex(lane.tenant.as_uuid()),
                &lane.provider,
                &lane.platform_id,
            )
        })
        .collect();
    json(&rows)
}

/// Reads lanes, and makes those that are not there.
pub(super) async fn read_or_make(
    connection: &mut SqliteConnection,
    lanes: &BTreeSet<&Lane>,
) -> Result<Vec<LaneRow>> {
    let known = read(connection, lanes).await?;
    if known.len() == lanes.len() {
        return Ok(known);
    }
    let missing = rows(lanes)?;
    query(
        "INSERT INTO shareville_lanes (tenant, provider, platform_id)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2 FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(&missing)
    .execute(&mut *connection)
    .await
    .map_err(conflict("tenant"))?;
    query(
        "INSERT INTO shareville_turns (tenant)
         SELECT DISTINCT unhex(value ->> 0) FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(&missing)
    .execute(&mut *connection)
    .await
    .map_err(conflict("tenant"))?;
    read(connection, lanes).await
}

/// Writes lanes, and works out anew when each is ready and when its tenant's turn comes.
///
/// Every transaction that changes what that depends on ends with this, after its posts are written.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    lanes: impl IntoIterator<Item = LaneRow>,
) -> Result<()> {
    let mut lanes: Vec<LaneRow> = lanes.into_iter().collect();
    if lanes.is_empty() {
        return Ok(());
    }
    let asked: Vec<_> = lanes
        .iter()
        .map(|it| (it.id, it.held_by.map(hex)))
        .collect();
    type Times = (Option<i64>, Option<i64>, Option<i64>);
    let times: Vec<Times> = query_as(TIMES)
        .bind(json(&asked)?)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed)?;
    let tenants: BTreeSet<_> = lanes.iter().map(|lane| hex(lane.tenant)).collect();
    let written: Vec<_> = lanes
        .iter_mut()
        .zip(times)
        .map(|(lane, times)| {
            (lane.next_due, lane.next_expiry, lane.holder_due) = times;
            let pause = (lane.paused_until, lane.pause_reason.as_deref());
            let lease = (lane.nonce.map(hex), lane.leased_until);
            let hold = (lane.held_until, lane.held_by.map(hex));
            (lane.id, lease, pause, hold, times, lane.ready_at())
        })
        .collect();
    query(WRITE)
        .bind(json(&written)?)
        .bind(json(&tenants)?)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Pauses and resumes lanes with their connection. A lane that had no post yet is made.
pub(super) async fn pause_and_resume(
    connection: &mut SqliteConnection,
    pause: &[(Lane, Pause)],
    resume: &[Lane],
) -> Result<()> {
    let meant: BTreeSet<&Lane> = pause.iter().map(|(lane, _)| lane).chain(resume).collect();
    if meant.is_empty() {
        return Ok(());
    }
    let rows = read_or_make(connection, &meant).await?;
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
    settle(connection, rows.into_values()).await
}

impl SqliteStore {
    /// Changes the lanes of claims that still hold; says of each whether it did.
    async fn change_claimed(
        &self,
        claims: &[ClaimRef],
        change: impl Fn(&mut LaneRow),
    ) -> Result<Vec<bool>> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let mut write = self.write().await?;
        let lanes = claims.iter().map(|claim| &claim.lane).collect();
        let mut rows = read(write.on(), &lanes).await?;
        let held: Vec<bool> = claims
            .iter()
            .map(|claim| {
                let mut held = rows.iter_mut().filter(|row| row.is_held_under(claim));
                held.next().map(&change).is_some()
            })
            .collect();
        settle(write.on(), rows).await?;
        write.commit().await?;
        Ok(held)
    }

    async fn lanes_of(&self, on: &mut SqliteConnection, tenant: TenantId) -> Result<Vec<LaneRow>> {
        query_as("SELECT * FROM shareville_lanes WHERE tenant = ?1")
            .bind(tenant.as_uuid())
            .fetch_all(on)
            .await
            .map_err(failed)
    }

    /// When the next tenant's turn comes.
    pub(super) async fn next_turn(&self) -> Result<Option<Timestamp>> {
        let next: Option<i64> = query_scalar(NEXT_TURN)
            .fetch_one(&self.reads)
            .await
            .map_err(failed)?;
        Ok(next.map(time))
    }
}

#[async_trait]
impl LaneStore for SqliteStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed> {
        self.claim_lanes(request).await
    }

    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>> {
        let until = micros(later(self.clock.now(), lease));
        let renew = |row: &mut LaneRow| row.leased_until = Some(until);
        self.change_claimed(claims, renew).await
    }

    async fn release(&self, claims: &[ClaimRef]) -> Result<()> {
        self.change_claimed(claims, LaneRow::release).await?;
        self.signals.work();
        Ok(())
    }

    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()> {
        let mut write = self.write().await?;
        let mut rows = self.lanes_of(write.on(), tenant).await?;
        if let PauseScope::Provider(provider) = scope {
            rows.retain(|row| row.provider == provider.as_str());
        }
        for row in &mut rows {
            row.pause(&pause);
        }
        settle(write.on(), rows).await?;
        write.commit().await
    }

    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()> {
        let mut write = self.write().await?;
        let mut rows = self.lanes_of(write.on(), tenant).await?;
        for row in &mut rows {
            row.resume(reason);
        }
        settle(write.on(), rows).await?;
        write.commit().await?;
        self.signals.work();
        Ok(())
    }

    async fn pauses(&self, lanes: &[Lane]) -> Result<Vec<Option<Pause>>> {
        let asked: BTreeSet<&Lane> = lanes.iter().collect();
        let rows: Vec<LaneRow> = query_as(LANES)
            .bind(rows(&asked)?)
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        let now = self.clock.now();
        let mut found = HashMap::new();
        for row in rows {
            if let Some(pause) = row.paused()?.filter(|pause| pause.until > now) {
                found.insert(row.lane(), pause);
            }
        }
        Ok(lanes.iter().map(|lane| found.get(lane).copied()).collect())
    }

    async fn wake(&self, until: Timestamp) -> Result<()> {
        loop {
            let mut work = self.signals.listen_for_work();
            let next = self
                .aside(|store| async move { store.next_turn().await })
                .await?;
            let next = next.map_or(until, |next| next.min(until));
            if next <= self.clock.now() {
                return Ok(());
            }
            tokio::select! {
                _ = work.changed() => {}
                () = self.nap(next) => {}
            }
        }
    }

    async fn ready(&self) -> Result<()> {
        try_writing(self.write().await?.on()).await
    }
}
