//! Removing a connection.

use std::{collections::HashSet, sync::Arc};

use super::{Connecting, told};
use crate::{
    connection::{Account, Connection, ConnectionStatus},
    credential::Scope,
    error::Error,
    event::{Actor, EventKind},
    id::{ConnectionId, Provider, TenantId},
    post::{Change, Command, Evidence, Post, Refusal, apply},
    publisher::Job,
    shareville::Shareville,
    tenant::Tenant,
};

/// How many posts are settled in one write.
const BATCH: usize = 100;

impl Connecting<'_> {
    /// Removes a connection: looks once what became of each open commit, fails its posts as `connection_removed`,
    /// revokes it at the provider unless the same person is connected to this tenant in another way, and erases it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn remove(&self, id: ConnectionId) -> Result<(), Error> {
        self.caller.require(Scope::ConnectionsWrite)?;
        let connection = self.find(id).await?;
        let (tenant, actor) = (self.caller.tenant(), self.caller.actor());
        self.shareville
            .remove_connection(tenant, &connection, actor)
            .await
    }
}

impl Shareville {
    /// Removes a connection, whoever asked for it.
    pub(super) async fn remove_connection(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        actor: Actor,
    ) -> Result<(), Error> {
        // No worker claims anything more for it from here on; what one has begun finds its post changed.
        // Whoever has it removed knows why: that it needs to be connected again is told to nobody.
        self.pause_broken(connection, EventKind::ConnectionUpdated, actor.clone())
            .await?;
        self.end_posts(tenant, connection, &actor).await?;

        let store = self.store();
        // As it is by now: pausing it was a change too, and the last word about it must be its newest.
        let connection = store.connection(tenant.id, connection.id).await?;
        let connection = connection.ok_or(Error::NotFound("connection"))?;
        let people = connection.people();
        let same = self
            .same_person(tenant.id, &connection.provider, people)
            .await?;
        if same.iter().all(|other| other.id == connection.id) {
            self.withdraw(tenant, &connection).await;
        }
        let now = self.clock().now();
        let gone = Connection {
            status: ConnectionStatus::Revoked,
            revision: connection.revision + 1,
            updated_at: now,
            ..connection.clone()
        };
        let events = [told(
            &gone,
            EventKind::ConnectionRevoked,
            actor.clone(),
            now,
        )];
        if !store
            .remove_connection(tenant.id, connection.id, &events)
            .await?
        {
            return Err(Error::NotFound("connection"));
        }
        // What was created or scheduled meanwhile; from here on nothing can be.
        self.end_posts(tenant, &connection, &actor).await
    }

    /// The active connections of a tenant that are the same person at a provider, whichever of these ids they know.
    pub(super) async fn same_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        ids: impl Iterator<Item = &str> + Send,
    ) -> Result<Vec<Connection>, Error> {
        let mut found: Vec<Connection> = Vec::new();
        for id in ids {
            let named = self.store().connections_of_person(tenant, provider, id);
            for connection in named.await? {
                if found.iter().all(|known| known.id != connection.id) {
                    found.push(connection);
                }
            }
        }
        Ok(found)
    }

    /// Withdraws at the provider what a connection was granted, if it can be done.
    async fn withdraw(&self, tenant: &Tenant, connection: &Connection) {
        let place = Connection::token_place(tenant.id, connection.id);
        let token = self
            .keyring()
            .open(place, &connection.token)
            .map_err(Error::from);
        let revoked = match (self.connector_and_app(tenant, &connection.provider), token) {
            (Ok((connector, app)), Ok(token)) => {
                connector.revoke(&app, &token).await.map_err(Error::from)
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        if let Err(error) = revoked {
            // It is erased here, so nobody can use it any more; the person can remove the app at the provider.
            tracing::warn!(%error, connection = %connection.id, "a connection could not be revoked at the provider");
        }
    }

    async fn end_posts(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        actor: &Actor,
    ) -> Result<(), Error> {
        let accounts = self.all_accounts(connection).await?;
        // What cannot be ended, or whose commit stays open, is found again, and is not to be looked at once more.
        let mut left = HashSet::new();
        loop {
            let posts = self
                .store()
                .unsettled(tenant.id, connection.id, BATCH + left.len())
                .await?;
            let fresh: Vec<Post> = posts
                .into_iter()
                .filter(|post| !left.contains(&(post.id, post.revision)))
                .collect();
            if fresh.is_empty() {
                return Ok(());
            }
            let mut changes = Vec::new();
            for post in fresh {
                let account = accounts.iter().find(|account| account.id == post.account);
                let found = match account {
                    Some(account) => self.look_once(tenant, connection, account, &post).await,
                    None => None,
                };
                match self.ended(&post, found, actor) {
                    Some(change) => changes.push(change),
                    None => {
                        left.insert((post.id, post.revision));
                    }
                }
            }
            // What a worker has changed meanwhile is stale here, and comes again, as it is then, in the next round.
            let applied = self.store().apply(&changes).await?;
            for (change, applied) in changes.iter().zip(applied) {
                let stays = change.next.as_ref().is_some_and(Post::is_unsettled);
                match applied {
                    Ok(_) if stays => left.insert((change.post, change.revision + 1)),
                    Ok(_) => false,
                    Err(_) => left.insert((change.post, change.revision)),
                };
            }
        }
    }

    /// Ends the posts that a removal left behind which was cut short, or that were set going beside it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(super) async fn end_stranded(&self) -> Result<(), Error> {
        let mut after = None;
        loop {
            let posts = self.store().stranded(after, BATCH).await?;
            let Some(last) = posts.last() else {
                return Ok(());
            };
            after = Some(last.id);
            let changes: Vec<_> = posts
                .iter()
                .filter_map(|post| self.ended(post, None, &Actor::Worker))
                .collect();
            // What is stale here somebody else has ended.
            self.store().apply(&changes).await?;
        }
    }

    /// How a post ends whose connection is removed, where this was found of its open commit.
    fn ended(&self, post: &Post, found: Option<Evidence>, actor: &Actor) -> Option<Change> {
        let command = match found {
            Some(live @ Evidence::Live(_)) => Command::Looked(live),
            _ => Command::ConnectionRemoved,
        };
        match apply(post, command, &self.moment(actor.clone())) {
            Ok(change) => Some(change),
            Err(Refusal::AsItIs) => None,
            Err(refusal) => {
                tracing::debug!(post = %post.id, %refusal, "nothing to end");
                None
            }
        }
    }

    /// Looks what became of an open commit, if there is one and anybody can look.
    pub(crate) async fn look_once(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        account: &Account,
        post: &Post,
    ) -> Option<Evidence> {
        let (mark, progress) = (post.work.mark.as_ref()?, post.work.progress.as_ref()?);
        let publisher = self.publisher(&account.provider)?;
        let job = Job {
            access: self.access(tenant, connection, account).ok()?,
            account: account.clone().into(),
            post: post.clone().into(),
            media: Arc::clone(self.media()),
            resumed: true,
        };
        let found = publisher.look(&job, progress, mark.since).await.ok()?;
        Some(self.unless_held(post, found).await)
    }
}
