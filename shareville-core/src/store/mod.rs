//! The ports to what remembers: one trait for each noun, and [`Store`] for all of them.
//!
//! These traits are the contract between a store's implementor and the library. A store holds no rule: it executes
//! what [`post::apply`](crate::post::apply) and [`lane::LaneState`](crate::lane::LaneState) compute, atomically. The
//! suite of the feature `testing` checks a store against this contract. No method has a default, so that no
//! store can forget one.
//!
//! Each method but those that find work takes the tenant: another tenant's record is as good as none.

mod backlog;
mod connections;
mod deliveries;
mod epoch;
mod lanes;
mod media;
mod memory;
mod notices;
mod posts;
mod secrets;
mod tenants;
mod upkeep;
mod users;

use std::error::Error as StdError;

use uuid::Uuid;

pub use self::{
    backlog::{Backlog, BacklogStore},
    connections::{ConnectionChange, ConnectionStore, LoginFound, LoginStore},
    deliveries::{ClaimedDeliveries, DeliveryChange, DeliveryClaim, DeliveryStore},
    epoch::{CredentialEpoch, CredentialEpochs, RaisedEpoch},
    lanes::{Claim, ClaimRequest, Claimed, LaneStore, PauseScope},
    media::{MediaStore, NotFinished},
    memory::MemoryStore,
    notices::{ClaimedNotices, NoticeChange, NoticeClaim, NoticeStore},
    posts::{NewPost, PostFilter, PostStore},
    secrets::{Holder, SealedPage, SealedSecret, SecretStore, Swap},
    tenants::{CredentialStore, Known, TenantStore},
    upkeep::UpkeepStore,
    users::UserStore,
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

/// All that is remembered.
pub trait Store:
    TenantStore
    + CredentialStore
    + UserStore
    + LoginStore
    + ConnectionStore
    + PostStore
    + LaneStore
    + DeliveryStore
    + SecretStore
    + BacklogStore
    + UpkeepStore
    + MediaStore
    + NoticeStore
{
}

impl<S> Store for S where
    S: TenantStore
        + CredentialStore
        + UserStore
        + LoginStore
        + ConnectionStore
        + PostStore
        + LaneStore
        + DeliveryStore
        + SecretStore
        + BacklogStore
        + UpkeepStore
        + MediaStore
        + NoticeStore
{
}
