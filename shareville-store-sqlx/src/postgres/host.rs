//! Writing within a host's own transaction, so that its rows and our posts are stored together or not at all.

use shareville_core::{
    id::PostId,
    post::Post,
    posting::{Plan, PlannedWrite},
    store::{Result, Stale},
};
use sqlx::{PgConnection, query, query_scalar};

use super::{
    PostgresStore, changes,
    posts::{self, Inserted, account_gone},
};
use crate::error::failed;

/// Locks the account of a post, so that it does not go away before the commit.
pub(super) const ACCOUNT: &str =
    "SELECT true FROM shareville_accounts WHERE id = $1 AND tenant = $2 FOR KEY SHARE";

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

async fn lock_account(transaction: &mut PgConnection, post: &Post) -> Result<()> {
    let there: Option<bool> = query_scalar(ACCOUNT)
        .bind(post.account.as_uuid())
        .bind(post.tenant.as_uuid())
        .fetch_optional(transaction)
        .await
        .map_err(failed)?;
    there.map(drop).ok_or_else(account_gone)
}

impl PostgresStore {
    /// Executes a plan in a host's transaction. If a post has changed since the plan was made the answer is [`Stale`], and
    /// nothing is written: roll back, or make another plan.
    ///
    /// Roll it back if this fails. With the commit, workers of all processes are told. Commit soon: other posts to the same
    /// accounts wait for it. The store may be one of another pool, as long as the transaction finds its tables.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](shareville_core::store::StoreError::Conflict) if an account is gone (the field is named
    /// `account`); `Unavailable` or `Broken` as the database has it.
    pub async fn execute_in(
        &self,
        transaction: &mut PgConnection,
        plan: &Plan,
    ) -> Result<std::result::Result<(), Stale>> {
        let now = self.clock.now();
        match plan.write() {
            PlannedWrite::Create(new) if !new.is_empty() => {
                durable(transaction).await?;
                match posts::insert(transaction, new, None, now).await? {
                    Inserted::Done { .. } => {}
                    Inserted::AccountGone | Inserted::KeyTaken => return Err(account_gone()),
                }
            }
            PlannedWrite::Change(change) => {
                durable(transaction).await?;
                if let Some(going) = change.next.as_ref().filter(|it| it.is_to_go_out()) {
                    lock_account(transaction, going).await?;
                }
                let change = std::slice::from_ref(&**change);
                let (done, _) = changes::execute(transaction, change, now).await?;
                if done.iter().any(std::result::Result::is_err) {
                    return Ok(Err(Stale));
                }
            }
            _ => return Ok(Ok(())),
        }
        let posts = plan.posts().iter().map(|post| post.id);
        self.wire
            .tell_with(transaction, &posts.collect::<Vec<PostId>>())
            .await?;
        Ok(Ok(()))
    }
}
