//! The ports that remember tenants and their credentials.

use std::{fmt, result::Result as StdResult};

use async_trait::async_trait;

use super::{CredentialEpoch, Page, PageRequest, Result, Stale};
use crate::{
    credential::{ApiKey, TokenHash, UserToken},
    event::Event,
    id::{ApiKeyId, OwnerId, TenantId},
    tenant::Tenant,
};

/// Remembers tenants.
#[async_trait]
pub trait TenantStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new tenant and tells of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if the owner has another tenant with the same `facebookAppId` or `instagramAppId`
    /// (the field is named so); else as any method.
    async fn create_tenant(&self, tenant: &Tenant, events: &[Event]) -> Result<()>;

    /// Reads a tenant.
    ///
    /// # Errors
    /// As any method.
    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>>;

    /// Lists an owner's tenants.
    ///
    /// # Errors
    /// As any method.
    async fn tenants(&self, owner: &OwnerId, page: PageRequest) -> Result<Page<Tenant>>;

    /// Writes a tenant if it still has `revision`, and tells of it.
    ///
    /// # Errors
    /// As [`create_tenant`](Self::create_tenant).
    async fn update_tenant(
        &self,
        tenant: &Tenant,
        revision: u64,
        events: &[Event],
    ) -> Result<StdResult<(), Stale>>;

    /// Deletes a tenant with all that is its own: credentials, connections, posts. False if there is none.
    ///
    /// # Errors
    /// As any method.
    async fn delete_tenant(&self, id: TenantId) -> Result<bool>;
}

/// A credential that is there, and the tenant whose it is, as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<C> {
    /// The credential.
    pub credential: C,
    /// The tenant.
    pub tenant: Tenant,
}

/// Remembers credentials.
#[async_trait]
pub trait CredentialStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new API key and tells of it.
    ///
    /// # Errors
    /// As any method.
    async fn create_api_key(&self, key: &ApiKey, events: &[Event]) -> Result<()>;

    /// The epoch that a tenant's credentials are in, see [`CredentialEpochs`](super::CredentialEpochs): what is read
    /// after this, of a key, a user token or the tenant, is as it was for as long as this stays the same. `None` if the
    /// store cannot vouch for that now, for others may write what it does not hear of.
    ///
    /// It ends, before the store says that it has written, with each change and the deletion of the tenant, each
    /// revoked API key, and each user who is shut out; and soon after, where another process wrote it. That something
    /// was added ends nothing, since nobody remembers what is not there.
    fn credential_epoch(&self, tenant: TenantId) -> Option<CredentialEpoch>;

    /// Finds an API key by its hash, and the tenant with it.
    ///
    /// # Errors
    /// As any method.
    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Known<ApiKey>>>;

    /// Lists a tenant's API keys.
    ///
    /// # Errors
    /// As any method.
    async fn api_keys(&self, tenant: TenantId, page: PageRequest) -> Result<Page<ApiKey>>;

    /// Deletes an API key and every user token it minted, and tells of it. False if there is none.
    ///
    /// # Errors
    /// As any method.
    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        id: ApiKeyId,
        events: &[Event],
    ) -> Result<bool>;

    /// Stores a new user token.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if the key that minted it is gone; else as any method.
    async fn create_user_token(&self, token: &UserToken) -> Result<()>;

    /// Finds a user token by its hash, and the tenant with it.
    ///
    /// # Errors
    /// As any method.
    async fn user_token(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Known<UserToken>>>;
}
