//! Connections and accounts in SQLite.

use std::collections::BTreeSet;

use async_trait::async_trait;
use shareville_core::{
    connection::{Account, Connection, ConnectionStatus},
    event::Event,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    lane::Lane,
    store::{ConnectionChange, ConnectionStore, Page, PageRequest, Result, Stale, StoreError},
};
use sqlx::{SqliteConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    SqliteStore,
    events::tell,
    lanes::{pause_and_resume, settle},
    people::{OF_PERSON, name},
    users::DEPART_CONNECTION,
};
use crate::{
    error::{conflict, failed},
    lane::LaneRow,
    row::{Holds as _, below, found, held, hex, json, limit, micros, page, revision},
};

/// Lanes in which posts through a connection have something left to do.
pub(super) const LANES_OF: &str = "SELECT * FROM shareville_lanes WHERE id IN
     (SELECT lane FROM shareville_posts WHERE connection = ?1 AND open IS NOT NULL)";

/// Lets posts through a connection never come up again.
pub(super) const STRAND: &str = "UPDATE shareville_posts SET due_at = NULL, expires_at = NULL
     WHERE connection = ?1 AND open IS NOT NULL";

/// Accounts with their connections.
pub(super) const ACCOUNTS_BY_ID: &str = "SELECT a.record, c.record FROM json_each(?1) j
     CROSS JOIN shareville_accounts a ON a.id = unhex(j.value)
     CROSS JOIN shareville_connections c ON c.id = a.connection
     WHERE a.tenant = ?2";

/// Writes a connection, new or known.
async fn write_connection(on: &mut SqliteConnection, connection: &Connection) -> Result<()> {
    let person_is_taken: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM shareville_connections
                        WHERE tenant = ?1 AND provider = ?2 AND person = ?3 AND user = ?4 AND id <> ?5)",
    )
    .bind(connection.tenant.as_uuid())
    .bind(connection.provider.as_str())
    .bind(&connection.person)
    .bind(connection.user.as_str())
    .bind(connection.id.as_uuid())
    .fetch_one(&mut *on)
    .await
    .map_err(failed)?;
    if person_is_taken {
        return Err(StoreError::Conflict { field: "person" });
    }
    query(
        "INSERT INTO shareville_connections (id, tenant, user, provider, person, active, revision,
                                             upkeep_at, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET user = excluded.user, provider = excluded.provider, person = excluded.person,
             active = excluded.active, revision = excluded.revision, upkeep_at = excluded.upkeep_at,
             record = excluded.record",
    )
    .bind(connection.id.as_uuid())
    .bind(connection.tenant.as_uuid())
    .bind(connection.user.as_str())
    .bind(connection.provider.as_str())
    .bind(&connection.person)
    .bind(connection.status == ConnectionStatus::Active)
    .bind(revision(connection.revision))
    .bind(connection.upkeep_at().map(micros))
    .bind(json(connection)?)
    .execute(&mut *on)
    .await
    .map_err(conflict("tenant"))?;
    name(on, connection).await
}

/// Writes an account, new or known; never another tenant's.
async fn write_account(on: &mut SqliteConnection, account: &Account) -> Result<()> {
    let written = query(
        "INSERT INTO shareville_accounts (id, tenant, connection, provider, platform_id, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, provider = excluded.provider,
             platform_id = excluded.platform_id, record = excluded.record WHERE tenant = excluded.tenant",
    )
    .bind(account.id.as_uuid())
    .bind(account.tenant.as_uuid())
    .bind(account.connection.as_uuid())
    .bind(account.provider.as_str())
    .bind(&account.platform_id)
    .bind(json(account)?)
    .execute(on)
    .await
    .map_err(conflict("platformId"))?;
    match written.rows_affected() {
        0 => Err(StoreError::Conflict {
            field: "platformId",
        }),
        _ => Ok(()),
    }
}

#[async_trait]
impl ConnectionStore for SqliteStore {
    async fn save_connection(
        &self,
        change: &ConnectionChange,
    ) -> Result<std::result::Result<(), Stale>> {
        let connection = &change.connection;
        let mut write = self.write().await?;
        let stored: Option<(Uuid, i64)> =
            query_as("SELECT tenant, revision FROM shareville_connections WHERE id = ?1")
                .bind(connection.id.as_uuid())
                .fetch_optional(write.on())
                .await
                .map_err(failed)?;
        let expected = change
            .revision
            .map(|at| (connection.tenant.as_uuid(), revision(at)));
        if stored != expected {
            return Ok(Err(Stale));
        }
        write_connection(write.on(), connection).await?;
        for account in &change.accounts {
            write_account(write.on(), account).await?;
        }
        pause_and_resume(write.on(), &change.pause, &change.resume).await?;
        tell(write.on(), &change.events).await?;
        write.commit().await?;
        self.signals.work();
        self.signals.told(&change.events);
        Ok(Ok(()))
    }

    async fn connection(&self, tenant: TenantId, id: ConnectionId) -> Result<Option<Connection>> {
        const SQL: &str = "SELECT record FROM shareville_connections WHERE id = ?1 AND tenant = ?2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn connection_of(
        &self,
        tenant: TenantId,
        user: &UserId,
        provider: &Provider,
        person: &str,
    ) -> Result<Option<Connection>> {
        let row = query(
            "SELECT record FROM shareville_connections
             WHERE tenant = ?1 AND provider = ?2 AND person = ?3 AND user = ?4",
        )
        .bind(tenant.as_uuid())
        .bind(provider.as_str())
        .bind(person)
        .bind(user.as_str())
        .fetch_optional(&self.reads)
        .await
        .map_err(failed)?;
        found(row.as_ref())
    }

    async fn connections(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        request: PageRequest,
    ) -> Result<Page<Connection>> {
        let sql = match user {
            Some(_) => {
                "SELECT record FROM shareville_connections WHERE tenant = ?1 AND user = ?4 AND id < ?2
                 ORDER BY id DESC LIMIT ?3"
            }
            None => {
                "SELECT record FROM shareville_connections WHERE tenant = ?1 AND id < ?2
                 ORDER BY id DESC LIMIT ?3"
            }
        };
        let mut wanted = query(sql)
            .bind(tenant.as_uuid())
            .bind(below(request))
            .bind(limit(request));
        if let Some(user) = user {
            wanted = wanted.bind(user.as_str());
        }
        let rows = wanted.fetch_all(&self.reads).await.map_err(failed)?;
        page(&rows, request, |it: &Connection| it.id.as_uuid())
    }

    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>> {
        let rows = query(OF_PERSON)
            .bind(tenant.as_uuid())
            .bind(provider.as_str())
            .bind(person)
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        held(&rows)
    }

    async fn remove_connection(
        &self,
        tenant: TenantId,
        id: ConnectionId,
        events: &[Event],
    ) -> Result<bool> {
        let mut write = self.write().await?;
        query(DEPART_CONNECTION)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        let deleted = query("DELETE FROM shareville_connections WHERE id = ?1 AND tenant = ?2")
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        if deleted.rows_affected() == 0 {
            return Ok(false);
        }
        // Nothing can be done for its posts any more, so they must not come up in their lanes.
        let lanes: Vec<LaneRow> = query_as(LANES_OF)
            .bind(id.as_uuid())
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        query(STRAND)
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        settle(write.on(), lanes).await?;
        tell(write.on(), events).await?;
        write.commit().await?;
        self.signals.told(events);
        Ok(true)
    }

    async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Account>> {
        const SQL: &str = "SELECT record FROM shareville_accounts WHERE id = ?1 AND tenant = ?2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn accounts_by_id(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>> {
        let asked: BTreeSet<_> = ids.iter().map(|id| hex(id.as_uuid())).collect();
        let rows = query(ACCOUNTS_BY_ID)
            .bind(json(&asked)?)
            .bind(tenant.as_uuid())
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        let read = rows.iter().map(|row| Ok((row.record(0)?, row.record(1)?)));
        read.collect()
    }

    async fn accounts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        request: PageRequest,
    ) -> Result<Page<Account>> {
        let rows = query(
            "SELECT record FROM shareville_accounts WHERE connection = ?1 AND tenant = ?2 AND id < ?3
             ORDER BY id DESC LIMIT ?4",
        )
        .bind(connection.as_uuid())
        .bind(tenant.as_uuid())
        .bind(below(request))
        .bind(limit(request))
        .fetch_all(&self.reads)
        .await
        .map_err(failed)?;
        page(&rows, request, |account: &Account| account.id.as_uuid())
    }

    async fn is_shared(&self, lane: &Lane, except: ConnectionId) -> Result<bool> {
        query_scalar(
            "SELECT EXISTS (
                 SELECT 1 FROM shareville_accounts a JOIN shareville_connections c ON c.id = a.connection
                 WHERE a.tenant = ?1 AND a.provider = ?2 AND a.platform_id = ?3 AND c.id <> ?4 AND c.active = 1)",
        )
        .bind(lane.tenant.as_uuid())
        .bind(lane.provider.as_str())
        .bind(&lane.platform_id)
        .bind(except.as_uuid())
        .fetch_one(&self.reads)
        .await
        .map_err(failed)
    }
}
