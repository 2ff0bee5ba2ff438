//! How a store vouches for what was read of credentials before.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::TenantId;

/// How many counters there are: a tenant shares its own with few others, and none is ever made or dropped.
const SHARDS: usize = 256;

/// A time in which nothing that was read of a tenant's credentials, or of the tenant itself, has become wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialEpoch(u64);

/// The epochs of every tenant's credentials, for a store to keep.
///
/// A store raises a tenant's epoch after a write that makes wrong what was read before, and before it says that it has
/// written. Whoever reads the epoch first and the record then can use the record for as long as the epoch is the same:
/// what was read before such a write stands under an epoch that is over.
///
/// ```
/// use shareville_core::{id::TenantId, store::CredentialEpochs};
///
/// let (epochs, tenant) = (CredentialEpochs::new(), TenantId::generate());
/// let before = epochs.of(tenant);
/// drop(epochs.raising(tenant));
/// assert_ne!(epochs.of(tenant), before);
/// ```
#[derive(Debug)]
pub struct CredentialEpochs([AtomicU64; SHARDS]);

impl Default for CredentialEpochs {
    fn default() -> Self {
        Self::new()
    }
}

impl CredentialEpochs {
    /// Epochs that begin now.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; SHARDS])
    }

    fn counter(&self, tenant: TenantId) -> &AtomicU64 {
        // The last byte of a UUID of version 7 is random.
        let [.., last] = *tenant.as_uuid().as_bytes();
        &self.0[usize::from(last)]
    }

    /// The epoch a tenant is in.
    #[must_use]
    pub fn of(&self, tenant: TenantId) -> CredentialEpoch {
        CredentialEpoch(self.counter(tenant).load(Ordering::SeqCst))
    }

    /// Ends a tenant's epoch.
    pub fn raise(&self, tenant: TenantId) {
        self.counter(tenant).fetch_add(1, Ordering::SeqCst);
    }

    /// Ends the epochs of all tenants: for a store that may have missed what others wrote.
    pub fn raise_all(&self) {
        for counter in &self.0 {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Ends a tenant's epoch when it is dropped: to be held around a write, so that the epoch ends whichever way the
    /// write does. A write that failed may have been written all the same.
    #[must_use = "the epoch ends as soon as this is dropped"]
    pub const fn raising(&self, tenant: TenantId) -> RaisedEpoch<'_> {
        RaisedEpoch {
            epochs: self,
            tenant,
        }
    }
}

/// Ends a tenant's epoch when it is dropped.
#[derive(Debug)]
pub struct RaisedEpoch<'a> {
    epochs: &'a CredentialEpochs,
    tenant: TenantId,
}

impl Drop for RaisedEpoch<'_> {
    fn drop(&mut self) {
        self.epochs.raise(self.tenant);
    }
}
