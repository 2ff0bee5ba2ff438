//! Writing within a host's own transaction, so that its rows and our posts are stored together or not at all.

use shareville_core::{
    post::Post,
    posting::{Plan, PlannedWrite},
    store::{Result, Stale},
};
use sqlx::SqliteConnection;

use super::{SqliteStore, changes, posts};

impl SqliteStore {
    /// Executes a plan in a host's transaction. If a post has changed since the plan was made the answer is [`Stale`], and
    /// nothing is written: roll back, or make another plan.
    ///
    /// Begin the transaction with `BEGIN IMMEDIATE`: one that reads first and writes later fails where another wrote in
    /// between. Roll it back if this fails. Once it is committed call [`wake_all`](Self::wake_all), or workers find the
    /// work when they look by themselves, half a second later.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](shareville_core::store::StoreError::Conflict) if an account is gone (the field is named
    /// `account`); `Unavailable` or `Broken` as the database has it.
    pub async fn execute_in(
        &self,
        transaction: &mut SqliteConnection,
        plan: &Plan,
    ) -> Result<std::result::Result<(), Stale>> {
        match plan.write() {
            PlannedWrite::Create(new) if !new.is_empty() => {
                posts::create(transaction, new).await?;
            }
            PlannedWrite::Change(change) => {
                let going: Vec<&Post> = change.next.iter().filter(|it| it.is_to_go_out()).collect();
                posts::accounts_are_there(transaction, going).await?;
                let change = std::slice::from_ref(&**change);
                let done = changes::execute(transaction, change, self.clock.now()).await?;
                if done.iter().any(std::result::Result::is_err) {
                    return Ok(Err(Stale));
                }
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    /// Wakes whoever waits for work in this process: for a host that has committed a transaction of its own.
    pub fn wake_all(&self) {
        self.signals.work();
        self.signals.deliveries();
        self.signals.any_post();
    }
}
