//! Lanes in memory: when each is ready, and whose turn it is.
//!
//! A tenant's *turn* is the time since when one of its lanes has been ready, but no earlier than it was last served.
//! The tenant with the earliest turn comes first and, served, goes to the back: so claims go round the tenants, and
//! finding the next one costs the same whatever anybody's backlog.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, State};
use crate::{
    clock::{Timestamp, later},
    id::{PostId, TenantId},
    lane::{ClaimRef, Hold, Lane, LaneState, Pause, PauseReason, Turn},
    store::{Claim, ClaimRequest, Claimed, LaneStore, PauseScope, Result},
};

/// A lease of no length would hand out the same lane twice in one call.
const SHORTEST_LEASE: Duration = Duration::from_micros(1);

/// One lane.
#[derive(Debug, Default)]
pub(super) struct Record {
    times: HashMap<PostId, (Option<Timestamp>, Option<Timestamp>)>,
    due: BTreeSet<(Timestamp, PostId)>,
    expiry: BTreeSet<(Timestamp, PostId)>,
    lease: Option<(Uuid, Timestamp)>,
    pause: Option<Pause>,
    hold: Option<Hold>,
    ready_at: Option<Timestamp>,
}

impl Record {
    pub(super) fn set_times(
        &mut self,
        post: PostId,
        due: Option<Timestamp>,
        expiry: Option<Timestamp>,
    ) {
        if let Some((due, expiry)) = self.times.remove(&post) {
            due.map(|due| self.due.remove(&(due, post)));
            expiry.map(|expiry| self.expiry.remove(&(expiry, post)));
        }
        if due.is_some() || expiry.is_some() {
            self.times.insert(post, (due, expiry));
            self.due.extend(due.map(|due| (due, post)));
            self.expiry.extend(expiry.map(|expiry| (expiry, post)));
        }
    }

    pub(super) const fn set_hold(&mut self, hold: Hold) {
        self.hold = Some(hold);
    }

    pub(super) fn lift_hold(&mut self, post: PostId) {
        self.hold = self.hold.filter(|hold| hold.post != post);
    }

    /// The longer pause stays.
    pub(super) fn pause(&mut self, pause: Pause) {
        let longer = self.pause.filter(|there| there.until >= pause.until);
        self.pause = Some(longer.unwrap_or(pause));
    }

    pub(super) fn resume(&mut self, reason: PauseReason) {
        self.pause = self.pause.filter(|pause| pause.reason != reason);
    }

    pub(super) const fn release(&mut self) {
        self.lease = None;
    }

    fn state(&self) -> LaneState {
        let holder = self.hold.and_then(|hold| self.times.get(&hold.post));
        LaneState {
            next_due: self.due.first().map(|(due, _)| *due),
            next_expiry: self.expiry.first().map(|(expiry, _)| *expiry),
            leased_until: self.lease.map(|(_, until)| until),
            paused_until: self.pause.map(|pause| pause.until),
            held_until: self.hold.map(|hold| hold.until),
            holder_due: holder.and_then(|(due, _)| *due),
        }
    }

    /// Which post is up at `now`.
    fn up(&self, now: Timestamp) -> Option<PostId> {
        let state = self.state();
        let (at, post) = match state.turn(now) {
            Turn::Due => self.due.first().copied()?,
            Turn::Expired => self.expiry.first().copied()?,
            Turn::Holder => (state.holder_due?, self.hold?.post),
        };
        (at <= now).then_some(post)
    }
}

/// One tenant's place in the queue.
#[derive(Debug, Default)]
struct Queue {
    ready: BTreeSet<(Timestamp, Lane)>,
    leased: BTreeSet<(Timestamp, Lane)>,
    /// When it was last served, and the nonce of that claim: nonces grow, so ties go to who waited longest.
    served: Option<(Timestamp, Uuid)>,
    /// Where it stands in the order of turns.
    place: Option<(Timestamp, Uuid)>,
}

/// All lanes, and the queue of the tenants that have work in them.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    records: BTreeMap<Lane, Record>,
    tenants: BTreeMap<TenantId, Queue>,
    turns: BTreeSet<(Timestamp, Uuid, TenantId)>,
}

impl Lanes {
    pub(super) fn holds(&self, claim: &ClaimRef) -> bool {
        let record = self.records.get(&claim.lane);
        record
            .and_then(|record| record.lease)
            .is_some_and(|(nonce, _)| nonce == claim.nonce)
    }

    /// Changes a lane, makes it if need be, and works out anew when it is ready and its tenant's turn comes.
    pub(super) fn change(&mut self, lane: &Lane, change: impl FnOnce(&mut Record)) {
        let record = self.records.entry(lane.clone()).or_default();
        let queue = self.tenants.entry(lane.tenant).or_default();
        if let Some(ready_at) = record.ready_at {
            queue.ready.remove(&(ready_at, lane.clone()));
        }
        if let Some((_, until)) = record.lease {
            queue.leased.remove(&(until, lane.clone()));
        }
        change(record);
        record.ready_at = record.state().ready_at();
        if let Some(ready_at) = record.ready_at {
            queue.ready.insert((ready_at, lane.clone()));
        }
        if let Some((_, until)) = record.lease {
            queue.leased.insert((until, lane.clone()));
        }
        let served_at = queue.served.map(|(at, _)| at);
        let ready_at = queue.ready.first().map(|(ready_at, _)| *ready_at);
        let turn = ready_at.map(|ready_at| served_at.map_or(ready_at, |at| ready_at.max(at)));
        self.set_turn(lane.tenant, turn);
    }

    fn set_turn(&mut self, tenant: TenantId, turn: Option<Timestamp>) {
        let queue = self.tenants.entry(tenant).or_default();
        let served = queue.served.map_or(Uuid::nil(), |(_, nonce)| nonce);
        if let Some((turn, served)) = queue.place.take() {
            self.turns.remove(&(turn, served, tenant));
        }
        queue.place = turn.map(|turn| (turn, served));
        self.turns.extend(turn.map(|turn| (turn, served, tenant)));
    }

    /// Claims one lane of the tenant whose turn it is; the claim has no post if the lane's rule finds none after all.
    fn claim(
        &mut self,
        request: ClaimRequest,
        now: Timestamp,
    ) -> Option<(ClaimRef, Option<PostId>)> {
        loop {
            let &(turn, _, tenant) = self.turns.first()?;
            if turn > now {
                return None;
            }
            let queue = self.tenants.entry(tenant).or_default();
            let mut in_flight = queue.leased.iter().filter(|(until, _)| *until > now);
            if let Some((first_end, _)) = in_flight.next()
                && in_flight.count() + 1 >= request.per_tenant
            {
                let first_end = *first_end;
                self.set_turn(tenant, Some(first_end));
                continue;
            }
            let (_, lane) = queue.ready.first()?.clone();
            let nonce = Uuid::now_v7();
            let post = self.records.get(&lane).and_then(|record| record.up(now));
            // Before the change, so that the turn worked out there is at the back.
            queue.served = Some((now, nonce));
            let until = later(now, request.lease.max(SHORTEST_LEASE));
            self.change(&lane, |record| record.lease = Some((nonce, until)));
            return Some((ClaimRef { lane, nonce }, post));
        }
    }

    fn next_turn(&self) -> Option<Timestamp> {
        self.turns.first().map(|(turn, _, _)| *turn)
    }

    /// How many lanes are ready and not claimed, and since when the first is.
    pub(super) fn waiting(&self, now: Timestamp) -> (u64, Option<Timestamp>) {
        let ready = self.records.values().filter_map(|record| record.ready_at);
        let ready = ready.filter(|at| *at <= now);
        (ready.clone().count() as u64, ready.min())
    }

    fn pause_of(&self, lane: &Lane) -> Option<Pause> {
        self.records.get(lane)?.pause
    }

    fn of(&self, tenant: TenantId) -> Vec<Lane> {
        let own = self.records.keys().filter(|lane| lane.tenant == tenant);
        own.cloned().collect()
    }

    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.set_turn(tenant, None);
        self.tenants.remove(&tenant);
        self.records.retain(|lane, _| lane.tenant != tenant);
    }
}

impl State {
    fn claimed(&self, claim: ClaimRef, post: PostId) -> Option<Claim> {
        let post = self.posts.get(&post)?;
        let account = self.accounts.get(&post.account)?;
        Some(Claim {
            claim,
            post: post.clone(),
            account: account.clone(),
            connection: self.connections.get(&account.connection)?.clone(),
            tenant: Arc::clone(self.tenants.get(&post.tenant)?),
        })
    }
}

#[async_trait]
impl LaneStore for MemoryStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed> {
        let mut state = self.state();
        let now = self.clock.now();
        let mut claims = Vec::new();
        while claims.len() < request.limit
            && let Some((claim, post)) = state.lanes.claim(request, now)
        {
            // A lane whose post lacks an account is leased all the same, so that it comes up again only after that.
            claims.extend(post.and_then(|post| state.claimed(claim, post)));
        }
        let next_ready = state.lanes.next_turn();
        Ok(Claimed {
            claims,
            now,
            next_ready,
        })
    }

    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>> {
        let mut state = self.state();
        let until = later(self.clock.now(), lease);
        let mut renew = |claim: &ClaimRef| {
            let holds = state.lanes.holds(claim);
            if holds {
                let renewed = Some((claim.nonce, until));
                state
                    .lanes
                    .change(&claim.lane, |record| record.lease = renewed);
            }
            holds
        };
        Ok(claims.iter().map(&mut renew).collect())
    }

    async fn release(&self, claims: &[ClaimRef]) -> Result<()> {
        let mut state = self.state();
        for claim in claims {
            if state.lanes.holds(claim) {
                state.lanes.change(&claim.lane, Record::release);
            }
        }
        drop(state);
        self.stir();
        Ok(())
    }

    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()> {
        let mut state = self.state();
        for lane in state.lanes.of(tenant) {
            let meant = match scope {
                PauseScope::Tenant => true,
                PauseScope::Provider(provider) => lane.provider == *provider,
            };
            if meant {
                state.lanes.change(&lane, |record| record.pause(pause));
            }
        }
        Ok(())
    }

    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()> {
        let mut state = self.state();
        for lane in state.lanes.of(tenant) {
            state.lanes.change(&lane, |record| record.resume(reason));
        }
        drop(state);
        self.stir();
        Ok(())
    }

    async fn pauses(&self, lanes: &[Lane]) -> Result<Vec<Option<Pause>>> {
        let now = self.clock.now();
        let state = self.state();
        let pause = |lane| state.lanes.pause_of(lane).filter(|pause| pause.until > now);
        Ok(lanes.iter().map(pause).collect())
    }

    async fn wake(&self, until: Timestamp) -> Result<()> {
        let woken = self.wait_for(|state, now| {
            let next = state.lanes.next_turn().map_or(until, |it| it.min(until));
            match next <= now {
                true => Ok(()),
                false => Err(next),
            }
        });
        woken.await;
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        Ok(())
    }
}
