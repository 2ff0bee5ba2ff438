//! Writing within a host's own transaction, so that its rows and our posts are stored together or not at all.

use std::collections::BTreeSet;

use shareville_core::{
    lane::Lane,
    post::Post,
    posting::{Plan, PlannedWrite},
    store::{Result, Stale},
};
use sqlx::{PgConnection, query};
use uuid::Uuid;

use super::{
    PostgresStore, changes,
    creating::{self, account_gone},
    lanes::{Settled, lock_all},
    listen::News,
};
use crate::error::failed;

/// Locks the accounts of posts, so that they do not go away before the commit.
pub(super) const ACCOUNTS: &str =
    "SELECT 1 FROM unnest($1::uuid[], $2::uuid[]) AS b (id, tenant) JOIN shareville_accounts a USING (id, tenant)
     ORDER BY a.id FOR KEY SHARE OF a";

/// Lets nobody wait without end for a host that does nothing; a tighter limit of its own stays.
pub(super) const BOUND: &str =
    "SELECT set_config('idle_in_transaction_session_timeout', '10s', true)
     WHERE current_setting('idle_in_transaction_session_timeout')::interval
           NOT BETWEEN interval '1 ms' AND interval '10 s'";

/// Locks the accounts of posts that are to go out.
async fn lock_accounts(transaction: &mut PgConnection, posts: &[&Post]) -> Result<()> {
    let accounts: BTreeSet<(Uuid, Uuid)> = posts
        .iter()
        .map(|post| (post.account.as_uuid(), post.tenant.as_uuid()))
        .collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let (ids, tenants): (Vec<Uuid>, Vec<Uuid>) = accounts.iter().copied().unzip();
    let there = query(ACCOUNTS)
        .bind(ids)
        .bind(tenants)
        .fetch_all(transaction)
        .await
        .map_err(failed)?;
    match there.len() == accounts.len() {
        true => Ok(()),
        false => Err(account_gone()),
    }
}

/// The posts of a plan whose accounts must be there.
fn going_out(plan: &Plan) -> Vec<&Post> {
    match plan.write() {
        PlannedWrite::Create(new) => new.iter().map(|new| &new.post).collect(),
        PlannedWrite::Change(change) => {
            let next = change.next.iter();
            next.filter(|post| post.is_to_go_out()).collect()
        }
        _ => Vec::new(),
    }
}

/// The lanes that a plan may make, and the posts that it changes.
fn touched(plan: &Plan) -> (Vec<Lane>, Option<Uuid>) {
    match plan.write() {
        PlannedWrite::Create(new) => {
            let lanes = new.iter().map(|new| new.post.lane.clone());
            (lanes.collect(), None)
        }
        PlannedWrite::Change(change) => (Vec::new(), Some(change.post.as_uuid())),
        _ => (Vec::new(), None),
    }
}

impl PostgresStore {
    /// Executes a plan in a host's transaction. If a post has changed since the plan was made the answer is [`Stale`], and
    /// nothing is written: roll back, or make another plan.
    ///
    /// Roll it back if this fails. With the commit, workers of all processes are told. The store may be one of another
    /// pool, as long as the transaction finds its tables.
    ///
    /// Commit soon: until then other work of this tenant, and what shares a write with it, waits. So call nobody while the
    /// transaction is open. One that does nothing for ten seconds is ended by the server (a tighter limit of your own
    /// stays). With more than one plan for one transaction, call [`execute_all_in`](Self::execute_all_in) with all of them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](shareville_core::store::StoreError::Conflict) if an account is gone (the field is named
    /// `account`); `Unavailable` or `Broken` as the database has it.
    pub async fn execute_in(
        &self,
        transaction: &mut PgConnection,
        plan: &Plan,
    ) -> Result<std::result::Result<(), Stale>> {
        self.execute_all_in(transaction, std::slice::from_ref(plan))
            .await
    }

    /// Executes several plans in a host's transaction, one after the other, as [`execute_in`](Self::execute_in) does one.
    /// Once one is found [`Stale`] those after it are not executed: roll back.
    ///
    /// All that they are about is locked first, in the order that all others keep: plans that are executed one by one may
    /// end in a deadlock with others, of which the server ends one (`40P01`, which is
    /// [`StoreError::Unavailable`](shareville_core::store::StoreError::Unavailable) here): then roll back and begin again.
    ///
    /// # Errors
    /// As [`execute_in`](Self::execute_in).
    pub async fn execute_all_in(
        &self,
        transaction: &mut PgConnection,
        plans: &[Plan],
    ) -> Result<std::result::Result<(), Stale>> {
        query(BOUND)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        if plans.len() > 1 {
            let going: Vec<&Post> = plans.iter().flat_map(going_out).collect();
            lock_accounts(transaction, &going).await?;
            let (lanes, posts): (Vec<_>, Vec<_>) = plans.iter().map(touched).unzip();
            let lanes: Vec<Lane> = lanes.into_iter().flatten().collect();
            let posts: Vec<Uuid> = posts.into_iter().flatten().collect();
            lock_all(transaction, lanes, posts).await?;
        }
        let mut news = News::default();
        for plan in plans {
            if let Err(stale) = self.execute_one(transaction, plan, &mut news).await? {
                return Ok(Err(stale));
            }
        }
        self.wire.tell_with(transaction, &news).await?;
        Ok(Ok(()))
    }

    /// Executes a plan, and adds what is to be told of it.
    async fn execute_one(
        &self,
        transaction: &mut PgConnection,
        plan: &Plan,
        news: &mut News,
    ) -> Result<std::result::Result<(), Stale>> {
        let now = self.clock.now();
        match plan.write() {
            PlannedWrite::Create(new) if !new.is_empty() => {
                let inserted = creating::insert(transaction, new, None, now).await?;
                let Some((settled, owed)) = inserted.news() else {
                    return Err(account_gone());
                };
                news.work |= settled.is_soon();
                news.deliveries |= owed;
            }
            PlannedWrite::Change(change) => {
                lock_accounts(transaction, &going_out(plan)).await?;
                let change = std::slice::from_ref(&**change);
                let done = changes::execute(transaction, change, now).await?;
                if done.results.iter().any(std::result::Result::is_err) {
                    return Ok(Err(Stale));
                }
                news.work |= done.settled.is_some_and(Settled::is_soon);
                news.deliveries |= done.owed;
                news.posts
                    .extend(change.iter().map(|change| change.post.as_uuid()));
            }
            _ => {}
        }
        Ok(Ok(()))
    }
}
