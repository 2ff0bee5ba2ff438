//! The ports to what remembers: one trait for each noun, and [`Store`] for all of them.
//!
//! These traits are the contract between a store's implementor and the library. A store holds no rule: it executes
//! what [`post::apply`](crate::post::apply) and [`lane::LaneState`](crate::lane::LaneState) compute, atomically. The
//! suite in [`testing`](crate::testing) checks a store against this contract. No method has a default, so that no
//! store can forget one.
//!
//! Each method but those that find work takes the tenant: another tenant's record is as good as none.

mod memory;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

pub use self::memory::MemoryStore;
use crate::{
    clock::Timestamp,
    connection::{Account, Connection, Grant, Login},
    credential::{ApiKey, TokenHash, UserToken},
    event::{Event, Subject},
    id::{AccountId, ApiKeyId, ConnectionId, GroupId, OwnerId, PostId, Provider, TenantId, UserId},
    lane::{ClaimRef, Lane, Pause, PauseReason},
    post::{Applied, Change, Post, PostStatus},
    secret::Sealed,
    tenant::Tenant,
};

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be reached, or is too busy: try again later. Nothing was written.
    #[error("the store cannot be reached, or is too busy: try again")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
    /// The answer to a write was lost: whether it was written is unknown.
    #[error(
        "the connection to the store was lost during a write: whether it was written is unknown"
    )]
    Lost(#[source] Box<dyn StdError + Send + Sync>),
    /// Another record stands in the way.
    #[error("another record has the same {field}")]
    Conflict {
        /// What must be unique.
        field: &'static str,
    },
    /// What is stored cannot be read, or the store is set up wrongly: somebody must look at it.
    #[error("what is stored cannot be read, or the store is set up wrongly")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

/// A record has changed since it was read: read it again. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record has changed meanwhile")]
pub struct Stale;

/// What a store's method answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Which part of a list is wanted, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at most.
    pub limit: usize,
    /// The id after which to go on: that of the last item before.
    pub after: Option<Uuid>,
}

impl PageRequest {
    /// The first `limit` items.
    #[must_use]
    pub const fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<Uuid>,
}

impl<T> Page<T> {
    /// Makes a page of up to `limit` items out of up to `limit + 1` that a store has read.
    pub fn cut(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> Uuid) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(id);
        Self { items, next }
    }

    /// The same with other items.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(f).collect(),
            next: self.next,
        }
    }
}

/// Which posts are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostFilter {
    /// This end user's.
    pub user: Option<UserId>,
    /// To this account.
    pub account: Option<AccountId>,
    /// In this status.
    pub status: Option<PostStatus>,
    /// Of this batch.
    pub group: Option<GroupId>,
    /// Listed at this time or later, see [`Post::listed_at`].
    pub from: Option<Timestamp>,
    /// Listed before this time.
    pub to: Option<Timestamp>,
}

/// A post to be stored, with what is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPost {
    /// The post as it is first.
    pub post: Post,
    /// Its events.
    pub events: Vec<Event>,
}

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

/// What a worker asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// How many lanes at most.
    pub limit: usize,
    /// For how long.
    pub lease: Duration,
    /// How many lanes of one tenant may be claimed at once, by all workers together.
    pub per_tenant: usize,
}

impl ClaimRequest {
    /// Up to `limit` lanes for `lease`, with no more than `per_tenant` of one tenant.
    #[must_use]
    pub const fn new(limit: usize, lease: Duration, per_tenant: usize) -> Self {
        Self {
            limit,
            lease,
            per_tenant,
        }
    }
}

/// A claimed lane and the post that is up in it, with all it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The claim.
    pub claim: ClaimRef,
    /// The post.
    pub post: Post,
    /// The account it goes to.
    pub account: Account,
    /// The connection that account came with.
    pub connection: Connection,
    /// The tenant.
    pub tenant: Arc<Tenant>,
}

/// What a worker gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The claims: at most one a lane, and going round the tenants.
    pub claims: Vec<Claim>,
    /// The store's clock.
    pub now: Timestamp,
    /// When there is next something to claim, as far as is known now; it may be past.
    pub next_ready: Option<Timestamp>,
}

/// Which lanes a pause is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PauseScope {
    /// All of the tenant's accounts on one network.
    Provider(Provider),
    /// All of the tenant's accounts.
    Tenant,
}

/// Remembers tenants.
#[async_trait]
pub trait TenantStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new tenant and tells of it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the owner has another tenant with the same `facebookAppId` or `instagramAppId`
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
    ) -> Result<std::result::Result<(), Stale>>;

    /// Deletes a tenant with all that is its own: credentials, connections, posts. False if there is none.
    ///
    /// # Errors
    /// As any method.
    async fn delete_tenant(&self, id: TenantId) -> Result<bool>;
}

/// Remembers credentials.
#[async_trait]
pub trait CredentialStore: fmt::Debug + Send + Sync + 'static {
    /// Stores a new API key and tells of it.
    ///
    /// # Errors
    /// As any method.
    async fn create_api_key(&self, key: &ApiKey, events: &[Event]) -> Result<()>;

    /// Finds an API key by its hash.
    ///
    /// # Errors
    /// As any method.
    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<ApiKey>>;

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
    /// [`StoreError::Conflict`] if the key that minted it is gone; else as any method.
    async fn create_user_token(&self, token: &UserToken) -> Result<()>;

    /// Finds a user token by its hash.
    ///
    /// # Errors
    /// As any method.
    async fn user_token(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<UserToken>>;
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

    /// Takes a grant out, if its time is not over: nobody can take it twice.
    ///
    /// # Errors
    /// As any method.
    async fn take_grant(&self, tenant: TenantId, code: &TokenHash) -> Result<Option<Grant>>;

    /// Erases logins, grants and user tokens whose time is over; gives the grants, to be revoked at the provider.
    ///
    /// # Errors
    /// As any method.
    async fn sweep(&self) -> Result<Vec<Grant>>;
}

/// Remembers connections and their accounts.
#[async_trait]
pub trait ConnectionStore: fmt::Debug + Send + Sync + 'static {
    /// Executes a change to a connection.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is new and the same user has one for the same person already (the field is
    /// named `person`); else as any method.
    async fn save_connection(
        &self,
        change: &ConnectionChange,
    ) -> Result<std::result::Result<(), Stale>>;

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

    /// Lists all active connections of a tenant that are the same person at a provider.
    ///
    /// # Errors
    /// As any method.
    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>>;

    /// Deletes a connection and its accounts, and tells of it. False if there is none.
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

/// Remembers posts and what happened.
#[async_trait]
pub trait PostStore: fmt::Debug + Send + Sync + 'static {
    /// Stores posts, all or none.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if an account is gone (the field is named `account`); else as any method.
    async fn create(&self, posts: &[NewPost]) -> Result<()>;

    /// Reads a post.
    ///
    /// # Errors
    /// As any method.
    async fn post(&self, tenant: TenantId, id: PostId) -> Result<Option<Post>>;

    /// Lists posts.
    ///
    /// # Errors
    /// As any method.
    async fn posts(
        &self,
        tenant: TenantId,
        filter: &PostFilter,
        page: PageRequest,
    ) -> Result<Page<Post>>;

    /// Some posts that go through a connection and have not ended, those with an open commit among them.
    ///
    /// # Errors
    /// As any method.
    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>>;

    /// Whether another post in the same lane is known by an id at the platform.
    ///
    /// # Errors
    /// As any method.
    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool>;

    /// Executes changes, each atomically and for itself: post, indexes, lane and events, or nothing.
    ///
    /// # Errors
    /// As any method; then none is written, or, for [`StoreError::Lost`], all or none.
    async fn apply(&self, changes: &[Change]) -> Result<Vec<std::result::Result<Applied, Stale>>>;

    /// Lists what happened to a subject.
    ///
    /// # Errors
    /// As any method.
    async fn events(
        &self,
        tenant: TenantId,
        subject: Subject,
        page: PageRequest,
    ) -> Result<Page<Event>>;

    /// Waits until a post has a revision above `revision`, or it is `until`; gives the post as it is then.
    ///
    /// # Errors
    /// As any method.
    async fn watch(
        &self,
        tenant: TenantId,
        id: PostId,
        revision: u64,
        until: Timestamp,
    ) -> Result<Option<Post>>;
}

/// Hands out work, lane by lane.
#[async_trait]
pub trait LaneStore: fmt::Debug + Send + Sync + 'static {
    /// Claims lanes in which a post is up.
    ///
    /// # Errors
    /// As any method.
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed>;

    /// Makes claims last `lease` from now; says of each whether it still held.
    ///
    /// # Errors
    /// As any method.
    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>>;

    /// Gives claims back. Those that no longer hold are passed over.
    ///
    /// # Errors
    /// As any method.
    async fn release(&self, claims: &[ClaimRef]) -> Result<()>;

    /// Lets a tenant's lanes stand still. A longer pause that is there already stays.
    ///
    /// # Errors
    /// As any method.
    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()>;

    /// Ends the pauses of a tenant's lanes that are there for `reason`.
    ///
    /// # Errors
    /// As any method.
    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()>;

    /// Waits until there may be new work, or it is `until`.
    ///
    /// # Errors
    /// As any method.
    async fn wake(&self, until: Timestamp) -> Result<()>;

    /// Whether the store can be reached and written to.
    ///
    /// # Errors
    /// As any method: then it cannot.
    async fn ready(&self) -> Result<()>;
}

/// All that is remembered.
pub trait Store:
    TenantStore + CredentialStore + LoginStore + ConnectionStore + PostStore + LaneStore
{
}

impl<S> Store for S where
    S: TenantStore + CredentialStore + LoginStore + ConnectionStore + PostStore + LaneStore
{
}
