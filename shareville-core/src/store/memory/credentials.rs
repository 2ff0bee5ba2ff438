//! Credentials in memory.

use async_trait::async_trait;

use super::{MemoryStore, State, page};
use crate::{
    credential::{ApiKey, TokenHash, UserToken},
    event::Event,
    id::{ApiKeyId, TenantId},
    store::{CredentialEpoch, CredentialStore, Known, Page, PageRequest, Result, StoreError},
};

impl State {
    fn known<C>(&self, tenant: TenantId, credential: Option<C>) -> Option<Known<C>> {
        let tenant = (**self.tenants.get(&tenant)?).clone();
        credential.map(|credential| Known { credential, tenant })
    }
}

#[async_trait]
impl CredentialStore for MemoryStore {
    async fn create_api_key(&self, key: &ApiKey, events: &[Event]) -> Result<()> {
        let mut state = self.state();
        state.tenant_is_there(key.tenant)?;
        if state.keys.contains_key(&key.id) {
            return Err(StoreError::Conflict { field: "id" });
        }
        state.keys.insert(key.id, key.clone());
        state.tell(events);
        Ok(())
    }

    fn credential_epoch(&self, tenant: TenantId) -> Option<CredentialEpoch> {
        Some(self.epochs.of(tenant))
    }

    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Known<ApiKey>>> {
        let state = self.state();
        let found = state
            .keys
            .values()
            .find(|key| key.tenant == tenant && key.hash == *hash);
        Ok(state.known(tenant, found.cloned()))
    }

    async fn api_keys(&self, tenant: TenantId, request: PageRequest) -> Result<Page<ApiKey>> {
        let state = self.state();
        let own = state.keys.values().rev().filter(|it| it.tenant == tenant);
        Ok(page(own, request, |key| key.id.as_uuid()))
    }

    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        id: ApiKeyId,
        events: &[Event],
    ) -> Result<bool> {
        let _raised = self.epochs.raising(tenant);
        let mut state = self.state();
        if state.keys.get(&id).is_none_or(|key| key.tenant != tenant) {
            return Ok(false);
        }
        state.keys.remove(&id);
        state.tokens.retain(|_, token| token.key != id);
        state.tell(events);
        Ok(true)
    }

    async fn create_user_token(&self, token: &UserToken) -> Result<()> {
        let mut state = self.state();
        let key = state.keys.get(&token.key);
        if key.is_none_or(|key| key.tenant != token.tenant) {
            return Err(StoreError::Conflict { field: "key" });
        }
        state.tokens.insert(token.hash, token.clone());
        Ok(())
    }

    async fn user_token(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Known<UserToken>>> {
        let state = self.state();
        let found = state.tokens.get(hash);
        let own = found.filter(|token| token.tenant == tenant);
        Ok(state.known(tenant, own.cloned()))
    }
}
