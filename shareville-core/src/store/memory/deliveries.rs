//! Deliveries in memory.
//!
//! One lock guards everything, so a public event is taken up where it is told, and no cursor is needed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, State, page};
use crate::{
    clock::{Timestamp, later},
    delivery::Delivery,
    event::Event,
    id::{DeliveryId, TenantId},
    store::{
        ClaimRequest, ClaimedDeliveries, DeliveryChange, DeliveryClaim, DeliveryStore, Page,
        PageRequest, Result, Stale,
    },
    tenant::Tenant,
};

#[derive(Debug)]
struct Record {
    delivery: Delivery,
    event: Event,
    lease: Option<(Uuid, Timestamp)>,
}

impl Record {
    /// When it can be claimed.
    fn ready_at(&self) -> Option<Timestamp> {
        let due = self.delivery.next_attempt_at?;
        Some(self.lease.map_or(due, |(_, end)| end))
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        self.lease.is_some_and(|(_, end)| end > now)
    }
}

/// The endpoints, and what is owed to them.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// The last claim of each tenant that has an endpoint: they grow, so the lowest has waited longest.
    endpoints: HashMap<TenantId, Uuid>,
    records: BTreeMap<DeliveryId, Record>,
    /// How many of one tenant workers take at once, as the last of them has said.
    share: Option<usize>,
}

impl Deliveries {
    /// Lets the endpoint of a tenant come or go with its address.
    pub(super) fn follow(&mut self, tenant: &Tenant) {
        match tenant.webhook_url {
            Some(_) => {
                self.endpoints.entry(tenant.id).or_default();
            }
            None => {
                self.endpoints.remove(&tenant.id);
            }
        }
    }

    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.endpoints.remove(&tenant);
        self.records.retain(|_, it| it.delivery.tenant != tenant);
    }

    pub(super) fn tell(&mut self, event: &Event) {
        if event.kind.is_public() && self.endpoints.contains_key(&event.tenant) {
            let delivery = Delivery::of(event.tenant, event.id, event.kind, event.at);
            let record = Record {
                delivery,
                event: event.clone(),
                lease: None,
            };
            self.records.insert(record.delivery.id, record);
        }
    }

    fn of(&self, tenant: TenantId) -> impl DoubleEndedIterator<Item = &Record> {
        let records = self.records.values();
        records.filter(move |it| it.delivery.tenant == tenant)
    }

    /// When a tenant's next delivery can be claimed: with its share in flight, not before one of those ends.
    fn turn(&self, tenant: TenantId, now: Timestamp, cap: usize) -> Option<Timestamp> {
        let leased = self.of(tenant).filter(|it| it.is_leased(now));
        let ready = self.of(tenant).filter_map(Record::ready_at).min();
        if leased.count() < cap {
            return ready;
        }
        let leases = self.of(tenant).filter_map(|it| it.lease);
        leases.map(|(_, end)| end).filter(|end| *end > now).min()
    }

    fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let cap = self.share.unwrap_or(usize::MAX);
        let tenants = self.endpoints.keys();
        tenants
            .filter_map(|tenant| self.turn(*tenant, now, cap))
            .min()
    }

    /// Leases the delivery that is up next: of the tenant who has waited longest, the one that is due longest.
    fn lease(
        &mut self,
        now: Timestamp,
        request: ClaimRequest,
        end: Timestamp,
    ) -> Option<DeliveryId> {
        let cap = request.per_tenant.max(1);
        let up = |tenant: &TenantId| self.turn(*tenant, now, cap).is_some_and(|it| it <= now);
        let ready = self.endpoints.iter().filter(|(tenant, _)| up(tenant));
        let (tenant, _) = ready.min_by_key(|(tenant, served)| (**served, **tenant))?;
        let tenant = *tenant;
        let due = self
            .of(tenant)
            .filter(|it| it.ready_at().is_some_and(|at| at <= now));
        let id = due
            .min_by_key(|it| (it.ready_at(), it.delivery.id))?
            .delivery
            .id;
        let nonce = Uuid::now_v7();
        self.endpoints.insert(tenant, nonce);
        self.records.get_mut(&id)?.lease = Some((nonce, end));
        Some(id)
    }

    fn apply(&mut self, change: &DeliveryChange, now: Timestamp) -> std::result::Result<(), Stale> {
        let record = self.records.get_mut(&change.delivery.id).ok_or(Stale)?;
        let held = match change.claim {
            Some(nonce) => record.lease.is_some_and(|(held, _)| held == nonce),
            None => !record.is_leased(now),
        };
        let same = record.delivery.tenant == change.delivery.tenant
            && record.delivery.revision == change.revision;
        if !held || !same {
            return Err(Stale);
        }
        record.delivery = change.delivery.clone();
        record.lease = None;
        Ok(())
    }
}

impl State {
    fn claim_deliveries(&mut self, request: ClaimRequest, now: Timestamp) -> ClaimedDeliveries {
        let end = later(now, request.lease);
        self.deliveries.share = Some(request.per_tenant.max(1));
        let mut claims = Vec::new();
        while claims.len() < request.limit {
            let Some(id) = self.deliveries.lease(now, request, end) else {
                break;
            };
            let found = self.deliveries.records.get(&id).and_then(|record| {
                let tenant = self.tenants.get(&record.delivery.tenant)?;
                Some(DeliveryClaim {
                    nonce: record.lease?.0,
                    delivery: record.delivery.clone(),
                    event: record.event.clone(),
                    tenant: Arc::clone(tenant),
                })
            });
            claims.extend(found);
        }
        ClaimedDeliveries {
            claims,
            now,
            next_ready: self.deliveries.next_turn(now),
        }
    }
}

#[async_trait]
impl DeliveryStore for MemoryStore {
    async fn claim_deliveries(&self, request: ClaimRequest) -> Result<ClaimedDeliveries> {
        Ok(self.state().claim_deliveries(request, self.clock.now()))
    }

    async fn apply_deliveries(
        &self,
        changes: &[DeliveryChange],
    ) -> Result<Vec<std::result::Result<(), Stale>>> {
        let mut state = self.state();
        let now = self.clock.now();
        let applied = changes.iter().map(|it| state.deliveries.apply(it, now));
        let applied = applied.collect();
        drop(state);
        self.stir();
        Ok(applied)
    }

    async fn delivery(&self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>> {
        let state = self.state();
        let found = state.deliveries.records.get(&id);
        let own = found.filter(|it| it.delivery.tenant == tenant);
        Ok(own.map(|it| it.delivery.clone()))
    }

    async fn deliveries(&self, tenant: TenantId, request: PageRequest) -> Result<Page<Delivery>> {
        let state = self.state();
        let newest_first = state.deliveries.of(tenant).rev().map(|it| &it.delivery);
        Ok(page(newest_first, request, |it| it.id.as_uuid()))
    }

    async fn wake_for_deliveries(&self, until: Timestamp) -> Result<()> {
        let woken = self.wait_for(|state, now| {
            let next = state.deliveries.next_turn(now);
            let next = next.map_or(until, |it| it.min(until));
            match next <= now {
                true => Ok(()),
                false => Err(next),
            }
        });
        woken.await;
        Ok(())
    }
}
