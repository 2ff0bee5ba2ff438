//! Writing within a host's own transaction, so that its rows and our posts are stored together or not at all.

use shareville_core::{
    post::{Applied, Change},
    store::{NewPost, Result, Stale},
};
use sqlx::{PgConnection, query};

use super::{
    PostgresStore, changes,
    posts::{self, Inserted, account_gone},
};
use crate::error::failed;

/// A mark that is written must be on the disk before its call is sent.
async fn durable(transaction: &mut PgConnection) -> Result<()> {
    query(
        "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'",
    )
    .execute(transaction)
    .await
    .map_err(failed)?;
    Ok(())
}

impl PostgresStore {
    /// Stores posts in a host's transaction, as [`PostStore::create`](shareville_core::store::PostStore::create) does.
    ///
    /// Roll it back if this fails, and once it is committed call [`wake_all`](Self::wake_all), or work is found some
    /// seconds later. Commit soon: other posts to the same accounts wait for it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](shareville_core::store::StoreError::Conflict) if an account is gone (the field is named
    /// `account`); `Unavailable` or `Broken` as the database has it.
    pub async fn create_in(&self, transaction: &mut PgConnection, posts: &[NewPost]) -> Result<()> {
        if posts.is_empty() {
            return Ok(());
        }
        durable(transaction).await?;
        match posts::insert(transaction, posts, None, self.clock.now()).await? {
            Inserted::Done { .. } => Ok(()),
            Inserted::AccountGone | Inserted::KeyTaken => Err(account_gone()),
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
        transaction: &mut PgConnection,
        changes: &[Change],
    ) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        durable(transaction).await?;
        let (results, _) = changes::execute(transaction, changes, self.clock.now()).await?;
        Ok(results)
    }

    /// Wakes whoever waits for work or watches posts, in all processes: for a host that has committed a transaction of
    /// its own.
    pub fn wake_all(&self) {
        self.wire.work();
        self.wire.any_post();
        self.wire.deliveries();
    }
}
