//! Writing down what was granted: reconnects keep ids, and never lose abilities.

use std::collections::HashSet;

use secrecy::ExposeSecret;

use crate::{
    clock::Timestamp,
    connection::{Account, Connection, ConnectionStatus},
    connector::{FoundAccount, Granted},
    error::Error,
    event::{Actor, EventKind},
    id::{AccountId, ConnectionId, Provider, UserId},
    lane::{Pause, PauseReason},
    secret::Keyring,
    shareville::Shareville,
    store::{ConnectionChange, PageRequest, StoreError},
    tenant::Tenant,
};

use super::{known::Known, told};

/// Why something is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// Somebody has logged in.
    Login,
    /// What this connection grants was asked anew: one that is gone by now is not to come back.
    Refresh(ConnectionId),
}

impl Shareville {
    /// Connects, or connects again: the same person keeps their connection and its accounts their ids.
    ///
    /// # Errors
    /// [`Error::NotFound`] if a connection that was to be refreshed is gone.
    pub(super) async fn save_granted(
        &self,
        tenant: &Tenant,
        user: &UserId,
        provider: &Provider,
        mut granted: Granted,
        (basis, actor): (Basis, Actor),
    ) -> Result<Connection, Error> {
        loop {
            let store = self.store();
            let before = store
                .connection_of(tenant.id, user, provider, &granted.person)
                .await?;
            if let Basis::Refresh(id) = basis
                && before.as_ref().is_none_or(|before| before.id != id)
            {
                return Err(Error::NotFound("connection"));
            }
            if let Some(before) = &before {
                granted = self.abler(tenant, before, granted).await?;
            }
            let known = match &before {
                Some(before) => self.all_accounts(before).await?,
                None => Vec::new(),
            };
            let now = self.clock().now();
            let connection = connection(
                self.keyring(),
                tenant,
                user,
                provider,
                &granted,
                before.as_ref(),
                now,
            );
            let accounts = accounts(self.keyring(), &connection, &granted.accounts, known, now);
            let kind = match &before {
                Some(_) => EventKind::ConnectionUpdated,
                None => EventKind::ConnectionCreated,
            };
            let change = ConnectionChange {
                events: vec![told(&connection, kind, actor.clone(), now)],
                revision: before.as_ref().map(|before| before.revision),
                resume: accounts
                    .iter()
                    .filter(|account| account.can_publish)
                    .map(Account::lane)
                    .collect(),
                pause: Vec::new(),
                accounts,
                connection,
            };
            match store.save_connection(&change).await {
                Ok(Ok(())) => return Ok(change.connection),
                // Somebody else has connected the same person meanwhile: begin again from what they left.
                Ok(Err(_)) | Err(StoreError::Conflict { field: "person" }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Of the new grant and the old token, what can do more now.
    async fn abler(
        &self,
        tenant: &Tenant,
        before: &Connection,
        new: Granted,
    ) -> Result<Granted, Error> {
        let has_less = before
            .scopes
            .iter()
            .any(|scope| !new.scopes.contains(scope));
        if before.status != ConnectionStatus::Active || !has_less {
            return Ok(new);
        }
        let place = Connection::token_place(tenant.id, before.id);
        // A token that does not open any more can do nothing.
        let Ok(token) = self.keyring().open(place, &before.token) else {
            return Ok(new);
        };
        let (connector, app) = self.connector_and_app(tenant, &before.provider)?;
        // The old token's scopes are asked anew: what the person has just withdrawn counts for it too.
        let Ok(old) = connector.inspect(&app, &token).await else {
            return Ok(new);
        };
        let old = Known::from(before).complete(connector.inspects(), old);
        let covers = |more: &Granted, less: &Granted| {
            let scopes: HashSet<_> = more.scopes.iter().collect();
            let open: HashSet<_> = publishable(more).collect();
            less.scopes.iter().all(|scope| scopes.contains(scope))
                && publishable(less).all(|account| open.contains(&account))
        };
        Ok(match covers(&old, &new) && !covers(&new, &old) {
            true => old,
            false => new,
        })
    }

    pub(crate) async fn all_accounts(
        &self,
        connection: &Connection,
    ) -> Result<Vec<Account>, Error> {
        let mut all = Vec::new();
        let mut request = PageRequest::first(100);
        loop {
            let page = self
                .store()
                .accounts(connection.tenant, connection.id, request)
                .await?;
            all.extend(page.items);
            if page.next.is_none() {
                return Ok(all);
            }
            request.after = page.next;
        }
    }

    /// Marks a connection whose token is dead: tells the tenant once, and pauses its lanes until it is mended.
    pub(crate) async fn mark_broken(
        &self,
        connection: &Connection,
        actor: Actor,
    ) -> Result<(), Error> {
        let kind = EventKind::ConnectionReauthorizationRequired;
        self.pause_broken(connection, kind, actor).await
    }

    /// Marks a connection as broken and pauses its lanes, telling of it by this kind of event.
    pub(super) async fn pause_broken(
        &self,
        connection: &Connection,
        kind: EventKind,
        actor: Actor,
    ) -> Result<(), Error> {
        // As it is by now: the caller may have read it minutes ago, and it may have been sealed anew since.
        let store = self.store();
        let mut current = store.connection(connection.tenant, connection.id).await?;
        // A token that has been renewed meanwhile is another one, and not the one that is dead.
        let dead = |it: &Connection| {
            it.status == ConnectionStatus::Active && self.has_same_token(it, connection)
        };
        while let Some(before) = current.filter(dead) {
            let now = self.clock().now();
            let mut broken = before.clone();
            broken.status = ConnectionStatus::ReauthorizationRequired;
            broken.revision += 1;
            broken.updated_at = now;
            let mut pause = Vec::new();
            for account in self.all_accounts(&before).await? {
                let lane = account.lane();
                // Another user's healthy connection to the same account goes on.
                if !self.store().is_shared(&lane, before.id).await? {
                    let reason = PauseReason::ConnectionBroken;
                    pause.push((
                        lane,
                        Pause {
                            until: Timestamp::MAX_UTC,
                            reason,
                        },
                    ));
                }
            }
            let change = ConnectionChange {
                events: vec![told(&broken, kind, actor.clone(), now)],
                revision: Some(before.revision),
                accounts: Vec::new(),
                pause,
                resume: Vec::new(),
                connection: broken,
            };
            if self.store().save_connection(&change).await?.is_ok() {
                return self.resume_shared(change).await;
            }
            current = self.store().connection(before.tenant, before.id).await?;
        }
        Ok(())
    }
}

impl Shareville {
    /// Whether a connection, read twice, still has the same token; sealed anew, it is another text.
    fn has_same_token(&self, now: &Connection, before: &Connection) -> bool {
        let place = Connection::token_place(before.tenant, before.id);
        let token = |it: &Connection| self.keyring().open(place, &it.token).ok();
        now.token == before.token
            || token(now)
                .zip(token(before))
                .is_some_and(|(now, before)| now.expose_secret() == before.expose_secret())
    }

    /// Another user may have mended their connection to the same account while this one was being marked.
    async fn resume_shared(&self, paused: ConnectionChange) -> Result<(), Error> {
        let mut resume = Vec::new();
        for (lane, _) in paused.pause {
            if self.store().is_shared(&lane, paused.connection.id).await? {
                resume.push(lane);
            }
        }
        if resume.is_empty() {
            return Ok(());
        }
        let mut connection = paused.connection;
        let revision = Some(connection.revision);
        connection.revision += 1;
        let change = ConnectionChange {
            connection,
            revision,
            accounts: Vec::new(),
            events: Vec::new(),
            pause: Vec::new(),
            resume,
        };
        // If it is stale, it was mended meanwhile, and that has resumed its lanes.
        self.store().save_connection(&change).await?.ok();
        Ok(())
    }
}

fn publishable(granted: &Granted) -> impl Iterator<Item = (&Provider, &str)> {
    granted
        .accounts
        .iter()
        .filter(|account| account.problems.is_empty())
        .map(|account| (&account.provider, account.platform_id.as_str()))
}

fn connection(
    keyring: &Keyring,
    tenant: &Tenant,
    user: &UserId,
    provider: &Provider,
    granted: &Granted,
    before: Option<&Connection>,
    now: Timestamp,
) -> Connection {
    let id = before.map_or_else(ConnectionId::generate, |before| before.id);
    Connection {
        id,
        tenant: tenant.id,
        user: user.clone(),
        provider: provider.clone(),
        revision: before.map_or(1, |before| before.revision + 1),
        person: granted.person.clone(),
        name: granted.name.clone(),
        picture: granted.picture.clone(),
        status: ConnectionStatus::Active,
        scopes: granted.scopes.clone(),
        missing_scopes: granted.missing_scopes.clone(),
        token: keyring.seal(Connection::token_place(tenant.id, id), &granted.token),
        expires_at: granted.expires_at,
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: now,
    }
}

fn accounts(
    keyring: &Keyring,
    connection: &Connection,
    found: &[FoundAccount],
    mut known: Vec<Account>,
    now: Timestamp,
) -> Vec<Account> {
    let mut accounts: Vec<Account> = found
        .iter()
        .map(|found| {
            let same = |account: &Account| {
                account.provider == found.provider && account.platform_id == found.platform_id
            };
            let before = known.iter().position(same).map(|at| known.swap_remove(at));
            let id = before
                .as_ref()
                .map_or_else(AccountId::generate, |before| before.id);
            let place = Account::token_place(connection.tenant, id);
            Account {
                id,
                tenant: connection.tenant,
                connection: connection.id,
                user: connection.user.clone(),
                provider: found.provider.clone(),
                platform_id: found.platform_id.clone(),
                name: found.name.clone(),
                username: found.username.clone(),
                category: found.category.clone(),
                picture: found.picture.clone(),
                can_publish: found.problems.is_empty(),
                problems: found.problems.clone(),
                token: found.token.as_ref().map(|token| keyring.seal(place, token)),
                created_at: before.map_or(now, |before| before.created_at),
                updated_at: now,
            }
        })
        .collect();
    // What no longer came along keeps its id, for its posts and for the day it comes back.
    accounts.extend(known.into_iter().map(|gone| Account {
        can_publish: false,
        problems: vec![
            "The last login did not include this account: connect again and choose it.".to_owned(),
        ],
        token: None,
        updated_at: now,
        ..gone
    }));
    accounts
}
