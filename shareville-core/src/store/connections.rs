//! The ports that remember logins, grants, connections and their accounts.

use std::{fmt, result::Result as StdResult};

use async_trait::async_trait;

use super::{Page, PageRequest, Result, Stale};
use crate::{
    clock::Timestamp,
    connection::{Account, Connection, Grant, Login},
    credential::TokenHash,
    event::Event,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    lane::{Lane, Pause},
    secret::Sealed,
};

/// A change to a connection and its accounts, in one step.
#[derive(Debug, Clone)]
pub struct ConnectionChange {
    /// The connection afterwards.
    pub connection: Connection,
    /// The revision it must still have; `None` if it is new.
    pub revision: Option<u64>,
    /// The accounts to write.
    pub accounts: Vec<Account>,
    /// What is told of it.
    pub events: Vec<Event>,
    /// Lanes that stand still from now on.
    pub pause: Vec<(Lane, Pause)>,
    /// Lanes whose pause for a broken connection ends.
    pub resume: Vec<Lane>,
}

/// What somebody finds who comes back from a login.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFound {
    /// No such login, or its time is over.
    Unknown,
    /// The first to come back: exchange the code, then store the answer.
    First(Login),
    /// The same code was exchanged before: answer the same.
    Answered(Login),
    /// The same code is being exchanged right now.
    UnderWay,
    /// The login was finished with another code.
    OtherCode,
}

/// Remembers logins under way, and grants that wait to be confirmed.
#[async_trait]
pub trait LoginStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a login that begins.
    ///
    /// # Errors
    /// As any method.
    async fn begin_login(&self, login: &Login) -> Result<()>;

    /// Reads a login that is not over yet, by the hash of its state.
    ///
    /// # Errors
    /// As any method.
    async fn login(&self, tenant: TenantId, state: &TokenHash) -> Result<Option<Login>>;

    /// Takes a login for the exchange of `code`: of several at once, one is the first.
    ///
    /// # Errors
    /// As any method.
    async fn take_login(
        &self,
        tenant: TenantId,
        state: &TokenHash,
        code: &TokenHash,
    ) -> Result<LoginFound>;

    /// Stores how a login ended, to be repeated for the same code.
    ///
    /// # Errors
    /// As any method.
    async fn finish_login(
        &self,
        tenant: TenantId,
        state: &TokenHash,
        answer: &Sealed,
    ) -> Result<()>;

    /// Stores a grant.
    ///
    /// # Errors
    /// As any method.
    async fn create_grant(&self, grant: &Grant) -> Result<()>;

    /// Takes a grant, if its time is not over: nobody can take it twice. It stays until it is
    /// [finished](Self::finish_grant), so that it can be revoked if nothing comes of it; its time is not over before
    /// `hold_until`, so that nobody else ends it meanwhile.
    ///
    /// # Errors
    /// As any method.
    async fn take_grant(
        &self,
        tenant: TenantId,
        code: &TokenHash,
        hold_until: Timestamp,
    ) -> Result<Option<Grant>>;

    /// Erases a grant, taken or not, over or not. False if it is gone: somebody else has ended it.
    ///
    /// # Errors
    /// As any method.
    async fn finish_grant(&self, tenant: TenantId, code: &TokenHash) -> Result<bool>;

    /// Erases logins, user tokens and [answers](super::PostStore::answered) whose time is over. Takes the grants whose time
    /// is over, taken before or not, to be revoked at the provider: each stays until it is
    /// [finished](Self::finish_grant), and is given again if it is not by `hold_until`.
    ///
    /// # Errors
    /// As any method.
    async fn sweep(&self, hold_until: Timestamp) -> Result<Vec<Grant>>;
}

/// Remembers connections and their accounts.
#[async_trait]
pub trait ConnectionStore: fmt::Debug + Send + Sync + 'static {
    /// Executes a change to a connection.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if it is new and the same user has one for the same person already (the field is
    /// named `person`); else as any method.
    async fn save_connection(&self, change: &ConnectionChange) -> Result<StdResult<(), Stale>>;

    /// Reads a connection.
    ///
    /// # Errors
    /// As any method.
    async fn connection(&self, tenant: TenantId, id: ConnectionId) -> Result<Option<Connection>>;

    /// Finds the connection by which an end user is logged in as a person.
    ///
    /// # Errors
    /// As any method.
    async fn connection_of(
        &self,
        tenant: TenantId,
        user: &UserId,
        provider: &Provider,
        person: &str,
    ) -> Result<Option<Connection>>;

    /// Lists connections, all or one end user's.
    ///
    /// # Errors
    /// As any method.
    async fn connections(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        page: PageRequest,
    ) -> Result<Page<Connection>>;

    /// Lists all active connections of a tenant that are the same person at a provider, by any of the
    /// [ids](Connection::people) by which the provider may name them; newest first.
    ///
    /// # Errors
    /// As any method.
    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>>;

    /// Deletes a connection and its accounts, and tells of it. False if there is none. Its history stays, until its end
    /// user is erased.
    ///
    /// # Errors
    /// As any method.
    async fn remove_connection(
        &self,
        tenant: TenantId,
        id: ConnectionId,
        events: &[Event],
    ) -> Result<bool>;

    /// Reads an account.
    ///
    /// # Errors
    /// As any method.
    async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Account>>;

    /// Reads accounts with their connections, in no particular order; those there are not are left out.
    ///
    /// # Errors
    /// As any method.
    async fn accounts_by_id(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>>;

    /// Lists a connection's accounts.
    ///
    /// # Errors
    /// As any method.
    async fn accounts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        page: PageRequest,
    ) -> Result<Page<Account>>;

    /// Whether an active connection other than `except` leads to a lane too.
    ///
    /// # Errors
    /// As any method.
    async fn is_shared(&self, lane: &Lane, except: ConnectionId) -> Result<bool>;
}
