//! Connections and accounts in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    connection::{Account, Connection, ConnectionStatus},
    event::Event,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    lane::Lane,
    store::{ConnectionChange, ConnectionStore, Page, PageRequest, Result, Stale, StoreError},
};
use sqlx::{PgConnection, query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    PostgresStore,
    events::tell,
    lanes::{Settled, pause_and_resume, settle},
    people::{OF_PERSON, name},
};
use crate::{
    error::{conflict, failed},
    lane::LaneRow,
    row::{before, found, held, json, limit, micros, page, revision},
};

/// Locks a connection and its accounts.
pub(super) const LOCK: &str =
    "SELECT 1 FROM shareville_connections WHERE id = $1 AND tenant = $2 FOR UPDATE";
pub(super) const LOCK_ACCOUNTS: &str =
    "SELECT 1 FROM shareville_accounts WHERE connection = $1 AND tenant = $2
     ORDER BY id FOR UPDATE";

/// Lanes of a connection's accounts, and those in which posts through it have something left to do, locked: so that no
/// post through it is brought back to be done once they are.
pub(super) const LANES_OF: &str = "SELECT * FROM shareville_lanes WHERE id IN (
         SELECT p.lane FROM shareville_posts p WHERE p.connection = $1 AND p.open AND p.tenant = $2
         UNION ALL
         SELECT (SELECT l.id FROM shareville_lanes l
                 WHERE l.tenant = a.tenant AND l.provider = a.provider AND l.platform_id = a.platform_id)
         FROM shareville_accounts a WHERE a.connection = $1 AND a.tenant = $2)
     ORDER BY tenant, provider, platform_id FOR NO KEY UPDATE";

/// Lets posts through a connection never come up again.
pub(super) const STRAND: &str = "UPDATE shareville_posts SET due_at = NULL, expires_at = NULL
     WHERE connection = $1 AND open";

/// Remembers whose a connection was that goes now.
pub(super) const DEPART_CONNECTION: &str = "INSERT INTO shareville_departed (tenant, end_user, subject)
     SELECT tenant, end_user, id FROM shareville_connections WHERE id = $1 AND tenant = $2 ON CONFLICT DO NOTHING";

const DELETE: &str = "DELETE FROM shareville_connections WHERE id = $1 AND tenant = $2";

/// Two at once may find the person free: then the index refuses the second.
fn person_taken(error: sqlx::Error) -> StoreError {
    let index = error
        .as_database_error()
        .and_then(|error| error.constraint());
    let field = match index {
        Some("shareville_connections_person") => "person",
        _ => "tenant",
    };
    conflict(field)(error)
}

/// Writes a connection, new or known.
async fn write_connection(on: &mut PgConnection, connection: &Connection) -> Result<()> {
    let person_is_taken: bool = query_scalar(
        "SELECT EXISTS (SELECT 1 FROM shareville_connections
                        WHERE tenant = $1 AND provider = $2 AND person = $3 AND end_user = $4 AND id <> $5)",
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
        "INSERT INTO shareville_connections (id, tenant, end_user, provider, person, active, revision,
                                             upkeep_at, record)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET end_user = excluded.end_user, provider = excluded.provider, person = excluded.person,
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
    .map_err(person_taken)?;
    name(on, connection).await
}

/// Writes an account, new or known; never another tenant's.
async fn write_account(on: &mut PgConnection, account: &Account) -> Result<()> {
    let written = query(
        "INSERT INTO shareville_accounts (id, tenant, connection, provider, platform_id, record)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, provider = excluded.provider,
             platform_id = excluded.platform_id, record = excluded.record WHERE shareville_accounts.tenant = excluded.tenant",
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
impl ConnectionStore for PostgresStore {
    async fn save_connection(
        &self,
        change: &ConnectionChange,
    ) -> Result<std::result::Result<(), Stale>> {
        let connection = &change.connection;
        let mut write = self.write().await?;
        let stored: Option<(Uuid, i64)> = query_as(
            "SELECT tenant, revision FROM shareville_connections WHERE id = $1 FOR NO KEY UPDATE",
        )
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
        let (pause, resume) = (&change.pause, &change.resume);
        let settled = pause_and_resume(write.on(), pause, resume, self.clock.now()).await?;
        tell(write.on(), &change.events).await?;
        write.commit().await?;
        if settled.is_some_and(Settled::is_soon) {
            self.wire.work();
        }
        self.wire.told(&change.events);
        Ok(Ok(()))
    }

    async fn connection(&self, tenant: TenantId, id: ConnectionId) -> Result<Option<Connection>> {
        const SQL: &str = "SELECT record FROM shareville_connections WHERE id = $1 AND tenant = $2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn connection_of(
        &self,
        tenant: TenantId,
        user: &UserId,
        provider: &Provider,
        person: &str,
    ) -> Result<Option<Connection>> {
        let mut on = self.lend().await?;
        let row = query(
            "SELECT record FROM shareville_connections
             WHERE tenant = $1 AND provider = $2 AND person = $3 AND end_user = $4",
        )
        .bind(tenant.as_uuid())
        .bind(provider.as_str())
        .bind(person)
        .bind(user.as_str())
        .fetch_optional(on.on())
        .await
        .map_err(failed)?;
        on.keep();
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
                "SELECT record FROM shareville_connections WHERE tenant = $1 AND end_user = $4 AND id < $2
                 ORDER BY id DESC LIMIT $3"
            }
            None => {
                "SELECT record FROM shareville_connections WHERE tenant = $1 AND id < $2
                 ORDER BY id DESC LIMIT $3"
            }
        };
        let mut wanted = query(sql)
            .bind(tenant.as_uuid())
            .bind(before(request))
            .bind(limit(request));
        if let Some(user) = user {
            wanted = wanted.bind(user.as_str());
        }
        let mut on = self.lend().await?;
        let rows = wanted.fetch_all(on.on()).await.map_err(failed)?;
        on.keep();
        page(&rows, request, |it: &Connection| it.id.as_uuid())
    }

    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>> {
        let mut on = self.lend().await?;
        let rows = query(OF_PERSON)
            .bind(tenant.as_uuid())
            .bind(provider.as_str())
            .bind(person)
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        held(&rows)
    }

    async fn remove_connection(
        &self,
        tenant: TenantId,
        id: ConnectionId,
        events: &[Event],
    ) -> Result<bool> {
        let mut write = self.write().await?;
        let found: Option<i32> = query_scalar(LOCK)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .fetch_optional(write.on())
            .await
            .map_err(failed)?;
        if found.is_none() {
            return Ok(false);
        }
        query(LOCK_ACCOUNTS)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        let lanes: Vec<LaneRow> = query_as(LANES_OF)
            .bind(id.as_uuid())
            .bind(tenant.as_uuid())
            .fetch_all(write.on())
            .await
            .map_err(failed)?;
        for sql in [DEPART_CONNECTION, DELETE] {
            query(sql)
                .bind(id.as_uuid())
                .bind(tenant.as_uuid())
                .execute(write.on())
                .await
                .map_err(failed)?;
        }
        // Nothing can be done for its posts any more, so they must not come up in their lanes.
        query(STRAND)
            .bind(id.as_uuid())
            .execute(write.on())
            .await
            .map_err(failed)?;
        settle(write.on(), lanes, self.clock.now()).await?;
        tell(write.on(), events).await?;
        write.commit().await?;
        self.wire.told(events);
        Ok(true)
    }

    async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Account>> {
        const SQL: &str = "SELECT record FROM shareville_accounts WHERE id = $1 AND tenant = $2";
        self.record_of(SQL, tenant, id.as_uuid()).await
    }

    async fn accounts_by_id(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>> {
        self.find_accounts(tenant, ids).await
    }

    async fn accounts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        request: PageRequest,
    ) -> Result<Page<Account>> {
        let mut on = self.lend().await?;
        let rows = query(
            "SELECT record FROM shareville_accounts WHERE connection = $1 AND tenant = $2 AND id < $3
             ORDER BY id DESC LIMIT $4",
        )
        .bind(connection.as_uuid())
        .bind(tenant.as_uuid())
        .bind(before(request))
        .bind(limit(request))
        .fetch_all(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        page(&rows, request, |account: &Account| account.id.as_uuid())
    }

    async fn is_shared(&self, lane: &Lane, except: ConnectionId) -> Result<bool> {
        let mut on = self.lend().await?;
        let shared = query_scalar(
            "SELECT EXISTS (
                 SELECT 1 FROM shareville_accounts a JOIN shareville_connections c ON c.id = a.connection
                 WHERE a.tenant = $1 AND a.provider = $2 AND a.platform_id = $3 AND c.id <> $4 AND c.active)",
        )
        .bind(lane.tenant.as_uuid())
        .bind(lane.provider.as_str())
        .bind(&lane.platform_id)
        .bind(except.as_uuid())
        .fetch_one(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        Ok(shared)
    }
}
