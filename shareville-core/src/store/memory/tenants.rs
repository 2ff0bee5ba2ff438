//! Tenants in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryStore, State, page};
use crate::{
    event::Event,
    id::{OwnerId, TenantId},
    store::{Page, PageRequest, Result, Stale, StoreError, TenantStore},
    tenant::{SealedApp, Tenant},
};

impl State {
    /// No two tenants of an owner may have the same app at a provider.
    fn apps_are_free(&self, tenant: &Tenant) -> Result<()> {
        let same = |a: Option<&SealedApp>, b: Option<&SealedApp>| {
            a.zip(b).is_some_and(|(one, other)| one.id == other.id)
        };
        let others = || {
            self.tenants
                .values()
                .filter(|other| other.owner == tenant.owner && other.id != tenant.id)
        };
        if others().any(|other| same(other.facebook.as_ref(), tenant.facebook.as_ref())) {
            return Err(StoreError::Conflict {
                field: "facebookAppId",
            });
        }
        if others().any(|other| same(other.instagram.as_ref(), tenant.instagram.as_ref())) {
            return Err(StoreError::Conflict {
                field: "instagramAppId",
            });
        }
        Ok(())
    }
}

#[async_trait]
impl TenantStore for MemoryStore {
    async fn create_tenant(&self, tenant: &Tenant, events: &[Event]) -> Result<()> {
        let mut state = self.state();
        if state.tenants.contains_key(&tenant.id) {
            return Err(StoreError::Conflict { field: "id" });
        }
        state.apps_are_free(tenant)?;
        state.tenants.insert(tenant.id, Arc::new(tenant.clone()));
        state.deliveries.follow(tenant);
        state.tell(events);
        Ok(())
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        Ok(self.state().tenants.get(&id).map(|it| (**it).clone()))
    }

    async fn tenants(&self, owner: &OwnerId, request: PageRequest) -> Result<Page<Tenant>> {
        let state = self.state();
        let newest_first = state.tenants.values().rev().map(|tenant| &**tenant);
        let own = newest_first.filter(|tenant| tenant.owner == *owner);
        Ok(page(own, request, |tenant| tenant.id.as_uuid()))
    }

    async fn update_tenant(
        &self,
        tenant: &Tenant,
        revision: u64,
        events: &[Event],
    ) -> Result<std::result::Result<(), Stale>> {
        let _raised = self.epochs.raising(tenant.id);
        let mut state = self.state();
        let fits = state
            .tenants
            .get(&tenant.id)
            .is_some_and(|stored| stored.revision == revision);
        if !fits {
            return Ok(Err(Stale));
        }
        state.apps_are_free(tenant)?;
        state.tenants.insert(tenant.id, Arc::new(tenant.clone()));
        state.deliveries.follow(tenant);
        state.tell(events);
        drop(state);
        self.stir();
        Ok(Ok(()))
    }

    async fn delete_tenant(&self, id: TenantId) -> Result<bool> {
        let _raised = self.epochs.raising(id);
        let mut state = self.state();
        if state.tenants.remove(&id).is_none() {
            return Ok(false);
        }
        state.keys.retain(|_, it| it.tenant != id);
        state.tokens.retain(|_, it| it.tenant != id);
        state.logins.retain(|_, it| it.tenant != id);
        state.grants.retain(|_, it| it.grant.tenant != id);
        state.connections.retain(|_, it| it.tenant != id);
        state.accounts.retain(|_, it| it.tenant != id);
        state.posts.retain(|_, it| it.tenant != id);
        state.answers.retain(|(tenant, _), _| *tenant != id);
        state.events.retain(|(tenant, _), _| *tenant != id);
        state.departed.retain(|(tenant, _), _| *tenant != id);
        state.lanes.forget(id);
        state.deliveries.forget(id);
        state.discard(|upload| upload.begun.tenant == id);
        state.notices.forget(id);
        drop(state);
        self.stir();
        Ok(true)
    }
}
