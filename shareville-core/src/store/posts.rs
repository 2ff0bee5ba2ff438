//! The port that remembers posts and what happened.

use std::{fmt, result::Result as StdResult};

use async_trait::async_trait;

use super::{Page, PageRequest, Result, Stale};
use crate::{
    clock::Timestamp,
    event::{Event, Subject},
    id::{AccountId, ConnectionId, GroupId, PostId, TenantId, UserId},
    idempotency::{Answered, Created, Idempotency, KeyHash},
    lane::Lane,
    post::{Applied, Change, Post, PostStatus},
};

/// Which posts are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostFilter {
    /// This end user's.
    pub user: Option<UserId>,
    /// To this account.
    pub account: Option<AccountId>,
    /// In this status, as it is stored: a post that only its paused lane keeps back is stored as publishing where a
    /// worker had begun, though it is shown as scheduled.
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

/// Remembers posts and what happened.
#[async_trait]
pub trait PostStore: fmt::Debug + Send + Sync + 'static {
    /// Stores posts, all or none, and with them how to answer a request that is sent again.
    ///
    /// Whether the key is taken is looked at first, and judged by the store's clock: a key whose time is over is free.
    /// Of several at once with one key, one stores its posts; the others are told of it, once it has.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) if an account is gone (the field is named `account`); else as any method.
    async fn create(&self, posts: &[NewPost], idempotency: Option<&Idempotency>)
    -> Result<Created>;

    /// What was answered to a request with this key, if it is still kept.
    ///
    /// # Errors
    /// As any method.
    async fn answered(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>>;

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

    /// Some posts that go through a connection and are not settled, see [`Post::is_unsettled`].
    ///
    /// # Errors
    /// As any method.
    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>>;

    /// Some posts of all tenants, by their ids and after `after`, that were still to go on when their connection was
    /// removed, and that nobody has ended: they come up no more. One that has failed is none, though nobody knows whether it
    /// is live.
    ///
    /// # Errors
    /// As any method.
    async fn stranded(&self, after: Option<PostId>, limit: usize) -> Result<Vec<Post>>;

    /// Some posts of a lane that come up within a span, soonest first. The span includes its start, not its end.
    ///
    /// # Errors
    /// As any method.
    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>>;

    /// Whether another post in the same lane is known by an id at the platform.
    ///
    /// # Errors
    /// As any method.
    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool>;

    /// A post of a lane, by its id at the platform.
    ///
    /// # Errors
    /// As any method.
    async fn known_as(&self, lane: &Lane, platform_id: &str) -> Result<Option<Post>>;

    /// Executes changes, each atomically and for itself: post, indexes, lane and events, or nothing. One that
    /// [needs an active tenant](Change::needs_active_tenant) is stale while the tenant is not.
    ///
    /// # Errors
    /// As any method; then none is written, or, for [`StoreError::Lost`](super::StoreError::Lost), all or none.
    async fn apply(&self, changes: &[Change]) -> Result<Vec<StdResult<Applied, Stale>>>;

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
