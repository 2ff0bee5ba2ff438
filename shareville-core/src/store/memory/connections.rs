//! Connections and accounts in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{MemoryStore, State, page};
use crate::{
    connection::{Account, Connection, ConnectionStatus},
    event::Event,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    lane::{Lane, PauseReason},
    store::{ConnectionChange, ConnectionStore, Page, PageRequest, Result, Stale, StoreError},
};

impl State {
    fn person_is_free(&self, connection: &Connection) -> Result<()> {
        let taken = self.connections.values().any(|other| {
            other.id != connection.id
                && other.tenant == connection.tenant
                && other.user == connection.user
                && other.provider == connection.provider
                && other.person == connection.person
        });
        match taken {
            true => Err(StoreError::Conflict { field: "person" }),
            false => Ok(()),
        }
    }

    fn account_is_free(&self, account: &Account) -> Result<()> {
        let taken = self.accounts.values().any(|other| {
            let same_place = other.connection == account.connection
                && other.provider == account.provider
                && other.platform_id == account.platform_id;
            match other.id == account.id {
                true => other.tenant != account.tenant,
                false => same_place,
            }
        });
        match taken {
            true => Err(StoreError::Conflict {
                field: "platformId",
            }),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ConnectionStore for MemoryStore {
    async fn save_connection(
        &self,
        change: &ConnectionChange,
    ) -> Result<std::result::Result<(), Stale>> {
        let connection = &change.connection;
        let mut state = self.state();
        state.tenant_is_there(connection.tenant)?;
        let stored = state.connections.get(&connection.id);
        let foreign = stored.is_some_and(|stored| stored.tenant != connection.tenant);
        if foreign || stored.map(|stored| stored.revision) != change.revision {
            return Ok(Err(Stale));
        }
        state.person_is_free(connection)?;
        for account in &change.accounts {
            state.account_is_free(account)?;
        }
        state.connections.insert(connection.id, connection.clone());
        for account in &change.accounts {
            state.accounts.insert(account.id, account.clone());
        }
        for (lane, pause) in &change.pause {
            state.lanes.change(lane, |record| record.pause(*pause));
        }
        for lane in &change.resume {
            state
                .lanes
                .change(lane, |record| record.resume(PauseReason::ConnectionBroken));
        }
        state.tell(&change.events);
        drop(state);
        self.stir();
        Ok(Ok(()))
    }

    async fn connection(&self, tenant: TenantId, id: ConnectionId) -> Result<Option<Connection>> {
        let state = self.state();
        let found = state.connections.get(&id);
        Ok(found.filter(|it| it.tenant == tenant).cloned())
    }

    async fn connection_of(
        &self,
        tenant: TenantId,
        user: &UserId,
        provider: &Provider,
        person: &str,
    ) -> Result<Option<Connection>> {
        let state = self.state();
        let found = state.connections.values().find(|it| {
            it.tenant == tenant
                && it.user == *user
                && it.provider == *provider
                && it.person == person
        });
        Ok(found.cloned())
    }

    async fn connections(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        request: PageRequest,
    ) -> Result<Page<Connection>> {
        let state = self.state();
        let newest_first = state.connections.values().rev();
        let wanted =
            newest_first.filter(|it| it.tenant == tenant && user.is_none_or(|u| it.user == *u));
        Ok(page(wanted, request, |it| it.id.as_uuid()))
    }

    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>> {
        let state = self.state();
        let same = state.connections.values().rev().filter(|it| {
            it.tenant == tenant
                && it.provider == *provider
                && it.people().any(|id| id == person)
                && it.status == ConnectionStatus::Active
        });
        Ok(same.cloned().collect())
    }

    async fn remove_connection(
        &self,
        tenant: TenantId,
        id: ConnectionId,
        events: &[Event],
    ) -> Result<bool> {
        let mut guard = self.state();
        let state = &mut *guard;
        let found = state.connections.get(&id);
        let Some(user) = found
            .filter(|connection| connection.tenant == tenant)
            .map(|connection| connection.user.clone())
        else {
            return Ok(false);
        };
        state.connections.remove(&id);
        state.depart(tenant, &user, id.as_uuid());
        state.accounts.retain(|_, account| account.connection != id);
        // Nothing can be done for their posts any more, so they must not come up in their lanes.
        for post in state.posts.values().filter(|post| post.connection == id) {
            state
                .lanes
                .change(&post.lane, |record| record.set_times(post.id, None, None));
        }
        state.tell(events);
        drop(guard);
        self.stir();
        Ok(true)
    }

    async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Account>> {
        let state = self.state();
        let found = state.accounts.get(&id);
        Ok(found.filter(|account| account.tenant == tenant).cloned())
    }

    async fn accounts_by_id(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>> {
        let state = self.state();
        let wanted: BTreeSet<_> = ids.iter().collect();
        let found = wanted.into_iter().filter_map(|id| {
            let account = state.accounts.get(id)?;
            let connection = state.connections.get(&account.connection)?;
            (account.tenant == tenant).then(|| (account.clone(), connection.clone()))
        });
        Ok(found.collect())
    }

    async fn accounts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        request: PageRequest,
    ) -> Result<Page<Account>> {
        let state = self.state();
        let newest_first = state.accounts.values().rev();
        let wanted = newest_first.filter(|it| it.tenant == tenant && it.connection == connection);
        Ok(page(wanted, request, |account| account.id.as_uuid()))
    }

    async fn is_shared(&self, lane: &Lane, except: ConnectionId) -> Result<bool> {
        let state = self.state();
        let is_active = |id: &ConnectionId| {
            let found = state.connections.get(id);
            found.is_some_and(|connection| connection.status == ConnectionStatus::Active)
        };
        Ok(state.accounts.values().any(|account| {
            account.connection != except
                && account.lane() == *lane
                && is_active(&account.connection)
        }))
    }
}
