//! Writing within a host's own transaction, so that its rows and our posts are stored together or not at all.

use shareville_core::{
    post::{Applied, Change},
    store::{NewPost, Result, Stale},
};
use sqlx::SqliteConnection;

use super::{SqliteStore, changes, posts};

impl SqliteStore {
    /// Stores posts in a host's transaction, as [`PostStore::create`](shareville_core::store::PostStore::create) does.
    ///
    /// Begin it with `BEGIN IMMEDIATE`, roll it back if this fails, and once it is committed call
    /// [`wake_all`](Self::wake_all), or work is found half a second later.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](shareville_core::store::StoreError::Conflict) if an account is gone (the field is named
    /// `account`); `Unavailable` or `Broken` as the database has it.
    pub async fn create_in(
        &self,
        transaction: &mut SqliteConnection,
        posts: &[NewPost],
    ) -> Result<()> {
        match posts {
            [] => Ok(()),
            _ => posts::create(transaction, posts).await,
        }
    }

    /// Executes changes in a host's transaction, as [`PostStore::apply`](shareville_core::store::PostStore::apply) does.
    ///
    /// What [`create_in`](Self::create_in) says of the transaction holds here as well.
    ///
    /// # Errors
    /// `Unavailable` or `Broken` as the database has it.
    pub async fn apply_in(
        &self,
        transaction: &mut SqliteConnection,
        changes: &[Change],
    ) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        match changes {
            [] => Ok(Vec::new()),
            _ => changes::execute(transaction, changes, self.clock.now()).await,
        }
    }

    /// Wakes whoever waits for work: for a host that has committed a transaction of its own.
    pub fn wake_all(&self) {
        self.signals.work();
        self.signals.deliveries();
    }
}
