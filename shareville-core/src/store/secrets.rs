//! The port that goes through everything sealed, whosever it is, so that it can be sealed anew.

use std::fmt;

use async_trait::async_trait;

use super::Result;
use crate::{
    credential::TokenHash,
    id::{AccountId, ConnectionId, TenantId},
    secret::{Belongs, Sealed},
};

/// A record that may hold sealed secrets. Stores go through them kind by kind in this order, each kind by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holder {
    /// A tenant: its apps' secrets.
    Tenant(TenantId),
    /// A connection: the person's token.
    Connection(ConnectionId),
    /// An account: its own token.
    Account(AccountId),
    /// A login, by the hash of its state: its answer.
    Login(TokenHash),
    /// A grant, by the hash of its code: what the login brought.
    Grant(TokenHash),
}

/// A sealed secret where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The record it stands in.
    pub holder: Holder,
    /// What it was sealed for.
    pub place: Belongs,
    /// The secret.
    pub sealed: Sealed,
}

/// Some of the sealed secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedPage {
    /// The secrets; there may be none although there are more pages.
    pub secrets: Vec<SealedSecret>,
    /// How many records were looked into.
    pub holders: usize,
    /// The record after which to go on; `None` on the last page.
    pub next: Option<Holder>,
}

/// One sealed secret in another's stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// What stands there now, and where.
    pub old: SealedSecret,
    /// What is to stand there.
    pub new: Sealed,
}

/// Goes through everything sealed. Records whose time is over but that are not swept yet are part of it.
#[async_trait]
pub trait SecretStore: fmt::Debug + Send + Sync + 'static {
    /// How many records there are that may hold secrets: to tell how far a walk through them has come.
    ///
    /// # Errors
    /// As any method.
    async fn holders(&self) -> Result<u64>;

    /// Reads the secrets of up to `limit` records, at least one, after a given one. A walk from the first page to the
    /// last meets every secret that stood there all the while.
    ///
    /// # Errors
    /// As any method.
    async fn sealed(&self, after: Option<&Holder>, limit: usize) -> Result<SealedPage>;

    /// Puts each new secret in the place of the old one, if that still stands there, byte for byte; one answer each.
    /// Nothing else of the record changes: neither its revision nor its times, and nothing is told of it.
    ///
    /// # Errors
    /// As any method.
    async fn swap(&self, swaps: &[Swap]) -> Result<Vec<bool>>;

    /// Reads the probes: one sealed text for each key that has been used on this store.
    ///
    /// # Errors
    /// As any method.
    async fn probes(&self) -> Result<Vec<Sealed>>;

    /// Keeps a probe under its key's id, unless there is one.
    ///
    /// # Errors
    /// As any method.
    async fn keep_probe(&self, key: &str, probe: &Sealed) -> Result<()>;

    /// Forgets the probes of these keys.
    ///
    /// # Errors
    /// As any method.
    async fn forget_probes(&self, keys: &[String]) -> Result<()>;
}
