//! Writing down what was granted: reconnects keep ids, and never lose abilities.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    clock::{Deadline, Timestamp},
    connection::{Account, Connection, ConnectionStatus},
    connector::{FoundAccount, Granted},
    error::Error,
    event::{Actor, EventKind},
    failure::FailureClass,
    id::{ConnectionId, Provider, UserId},
    lane::{Pause, PauseReason},
    shareville::Shareville,
    store::{ConnectionChange, PageRequest, StoreError},
    tenant::Tenant,
};

use super::{
    inspect::PATIENCE,
    keep::Renewal,
    record::{accounts, accounts_differ, connection, end_of_same_token, is_news},
    told,
};

/// Why something is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basis {
    /// Somebody has logged in.
    Login,
    /// What this connection grants was asked anew, when it had this status: one that is gone by now, or has been marked
    /// since, is not to come back.
    Refresh(ConnectionId, ConnectionStatus),
    /// The same, by a worker that looks after its token: it is told only where something is new.
    Upkeep(ConnectionId, Renewal),
}

impl Basis {
    const fn known(self) -> Option<ConnectionId> {
        match self {
            Self::Login => None,
            Self::Refresh(id, _) | Self::Upkeep(id, _) => Some(id),
        }
    }
}

impl Shareville {
    /// Connects, or connects again: the same person keeps their connection and its accounts their ids.
    ///
    /// # Errors
    /// [`Error::NotFound`] if a connection that was to be refreshed is gone.
    pub(crate) async fn save_granted(
        &self,
        tenant: &Tenant,
        user: &UserId,
        provider: &Provider,
        mut granted: Granted,
        (basis, actor): (Basis, Actor),
    ) -> Result<Connection, Error> {
        loop {
            let store = self.store();
            let mut before = store
                .connection_of(tenant.id, user, provider, &granted.person)
                .await?;
            if let Some(id) = basis.known() {
                let asked = before.take().filter(|before| before.id == id);
                let asked = asked.ok_or(Error::NotFound("connection"))?;
                // Of a token that was replaced meanwhile, or died, nothing more need be known.
                let is_broken = asked.status != ConnectionStatus::Active;
                let was_well = !matches!(basis, Basis::Refresh(_, status) if status != ConnectionStatus::Active);
                if !self.is_token_of(&asked, &granted.token) || is_broken && was_well {
                    return Ok(asked);
                }
                before = Some(asked);
            }
            let known = match &before {
                Some(before) => self.all_accounts(before).await?,
                None => Vec::new(),
            };
            if let (Some(before), Basis::Login) = (&before, basis) {
                granted = self.abler(tenant, before, &known, granted).await?;
            }
            let before = before.map(|before| (before, known));
            let change = self.granting(tenant, (user, provider), &granted, before, (basis, &actor));
            match store.save_connection(&change).await {
                Ok(Ok(())) => return Ok(change.connection),
                // Somebody else has connected the same person meanwhile: begin again from what they left.
                Ok(Err(_)) | Err(StoreError::Conflict { field: "person" }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Works out what is to be written down of a grant, beside what there was before.
    fn granting(
        &self,
        tenant: &Tenant,
        (user, provider): (&UserId, &Provider),
        granted: &Granted,
        before: Option<(Connection, Vec<Account>)>,
        (basis, actor): (Basis, &Actor),
    ) -> ConnectionChange {
        let (before, known) = before.unzip();
        let (before, known) = (before.as_ref(), known.unwrap_or_default());
        let now = self.clock().now();
        let mut connection = connection(tenant, user, provider, granted, before, now);
        let place = Connection::token_place(tenant.id, connection.id);
        connection.token = self.keyring().seal(place, &granted.token);
        let same = before.filter(|before| self.is_token_of(before, &granted.token));
        if let Some(same) = same {
            connection.expires_at = end_of_same_token(same, granted.expires_at);
            if !same.would_last_longer(connection.expires_at) {
                connection.upkeep = same.upkeep.clone();
            }
        }
        let expiring = match basis {
            Basis::Upkeep(_, renewal) => self.plan_upkeep(&mut connection, renewal, now),
            // What could not be renewed is tried again when it was to be.
            Basis::Refresh(..) if connection.upkeep.failures > 0 => None,
            Basis::Login | Basis::Refresh(..) => {
                self.plan_upkeep(&mut connection, Renewal::Fine, now)
            }
        };
        let accounts = accounts(self.keyring(), &connection, &granted.accounts, &known, now);
        let kind = match (before, basis) {
            (None, _) => Some(EventKind::ConnectionCreated),
            (Some(before), Basis::Upkeep(..)) => {
                let news = is_news(before, &connection) || accounts_differ(&known, &accounts);
                if !news {
                    connection.updated_at = before.updated_at;
                }
                news.then_some(EventKind::ConnectionUpdated)
            }
            (Some(_), _) => Some(EventKind::ConnectionUpdated),
        };
        let kinds = kind.into_iter().chain(expiring);
        ConnectionChange {
            events: kinds
                .map(|kind| told(&connection, kind, actor.clone(), now))
                .collect(),
            revision: before.map(|before| before.revision),
            resume: accounts
                .iter()
                .filter(|account| account.can_publish)
                .map(Account::lane)
                .collect(),
            pause: Vec::new(),
            accounts,
            connection,
        }
    }

    /// Of the new grant and the old token, what can do more now.
    async fn abler(
        &self,
        tenant: &Tenant,
        before: &Connection,
        known: &[Account],
        new: Granted,
    ) -> Result<Granted, Error> {
        let lacks_scope = before
            .scopes
            .iter()
            .any(|scope| !new.scopes.contains(scope));
        let open: HashSet<_> = publishable(&new).collect();
        let mut used = known.iter().filter(|account| account.can_publish);
        let lacks_account = used.any(|it| !open.contains(&(&it.provider, it.platform_id.as_str())));
        let has_less = lacks_scope || lacks_account;
        if before.status != ConnectionStatus::Active || !has_less {
            return Ok(new);
        }
        let now = self.clock().now();
        let is_over = before.expires_at.is_some_and(|ends| ends <= now);
        // What the old token opens is asked anew: what the person has just withdrawn counts for it too.
        let deadline = Deadline::after(PATIENCE);
        let old = match self.granted_now(tenant, before, deadline).await {
            Ok(old) => old,
            // A token that does not open any more can do nothing, nor can one that is dead or has ended.
            Err(Error::Sealed(_)) => return Ok(new),
            Err(Error::Platform(failure))
                if is_over || failure.class == FailureClass::Reauthorize =>
            {
                return Ok(new);
            }
            // Whatever is in the way now takes nothing from it: it can do what it could.
            Err(Error::Platform(failure)) => {
                tracing::info!(%failure, connection = %before.id, "an earlier token could not be asked about");
                self.as_known(before, known, &new)?
            }
            Err(error) => return Err(error),
        };
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

    /// What the token of a connection granted when it was last asked about; who the person is, a new grant tells.
    fn as_known(
        &self,
        before: &Connection,
        known: &[Account],
        new: &Granted,
    ) -> Result<Granted, Error> {
        let account = |account: &Account| {
            let place = Account::token_place(account.tenant, account.id);
            let token = account.token.as_ref();
            let token = token.map(|token| self.keyring().open(place, token));
            Ok::<_, Error>(FoundAccount {
                provider: account.provider.clone(),
                platform_id: account.platform_id.clone(),
                name: account.name.clone(),
                username: account.username.clone(),
                category: account.category.clone(),
                picture: account.picture.clone(),
                token: token.transpose()?,
                problems: account.problems.clone(),
            })
        };
        let place = Connection::token_place(before.tenant, before.id);
        Ok(Granted {
            token: self.keyring().open(place, &before.token)?,
            expires_at: before.expires_at,
            scopes: before.scopes.clone(),
            missing_scopes: before.missing_scopes.clone(),
            accounts: known.iter().map(account).collect::<Result<_, _>>()?,
            ..new.clone()
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
    /// Whether this is a connection's token.
    fn is_token_of(&self, connection: &Connection, token: &SecretString) -> bool {
        let place = Connection::token_place(connection.tenant, connection.id);
        let own = self.keyring().open(place, &connection.token);
        own.is_ok_and(|own| own.expose_secret() == token.expose_secret())
    }

    /// Whether a connection, read twice, still has the same token; sealed anew, it is another text.
    pub(super) fn has_same_token(&self, now: &Connection, before: &Connection) -> bool {
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
