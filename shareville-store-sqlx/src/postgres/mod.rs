//! PostgreSQL.
//!
//! Who locks more than one thing locks a connection first, then accounts by their ids, then keys of answers by their
//! tenants and their bytes, then lanes by their names, then turns by their tenants. A claim locks turns first, and passes
//! over turns and lanes that are locked. Of deliveries, the cursor comes first, then endpoints by their tenants, which a
//! claim passes over if they are locked, then events. A tenant, where it is itself changed, comes before its lanes, and is
//! never waited for by who holds any. Who claims connections to look after passes over those that are locked. Uploads come
//! last of all, by their ids; who counts a tenant's locks that count before them. Notices are locked apart from all these, by
//! their tenants and digests or by their ids. Names are in the order of their bytes, whatever the database's own.

mod accounts;
mod answers;
mod backlog;
mod changes;
mod claims;
mod clock;
mod connections;
mod creating;
mod credentials;
mod deliveries;
mod events;
mod gathering;
mod host;
mod lanes;
mod lend;
mod listen;
mod logins;
mod media;
mod notices;
mod people;
#[cfg(test)]
mod plans;
mod posts;
mod restore;
mod secrets;
mod tenants;
mod upkeep;
mod users;

use std::{io, str::FromStr, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;
use shareville_core::{
    clock::{Clock, Timestamp},
    id::TenantId,
    store::{Result, StoreError},
};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_as, raw_sql,
};
use uuid::Uuid;

use self::{
    accounts::Reading,
    clock::StoreClock,
    creating::Creating,
    lend::{AtHand, IDLE, Lent},
    listen::{Tasks, Wire},
};
use crate::{
    error::{OpenError, failed, is_passing, lost},
    row::found,
    signal::Signals,
};

/// The tables' history, apart from that of a host's own.
const MIGRATIONS_TABLE: &str = "_shareville_migrations";

/// Only one at a time brings the tables up to date: the number of the lock for it, "SHAREV" in ASCII.
const MIGRATING: i64 = 0x5348_4152_4556;

/// Connections, for single statements and for transactions together.
const CONNECTIONS: u32 = 10;

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to look for work that nobody told of, and how often while nobody can be heard.
const LOOK: Duration = Duration::from_secs(5);
const LOOK_ALONE: Duration = Duration::from_millis(500);

/// Work that is due within this time is told at once; whoever waits looks more often than that.
const SOON: Duration = Duration::from_secs(60);

/// Lets the server notice a client that was lost without a word, and end its session with all that it holds.
const ALIVE: &str =
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";

/// For the store's own connections. Each statement here reads by an index, row by row, whatever the statistics say just
/// now, and is the same each time: it is planned once, by a guess at how many rows are meant, which to the planner is a
/// part of all there are. Nobody is waited for without end, and whoever stops within a transaction, as a
/// process that is frozen, loses it.
const SESSION: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off;
     SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
     SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s';
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// How to open a PostgreSQL store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// What tells the time. Default: none, which means the database's own clock, the same for all processes.
    pub clock: Option<Arc<dyn Clock>>,
    /// How many connections at most, beside the one that listens. Default: 10.
    pub connections: u32,
}

impl PostgresOptions {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            clock: None,
            connections: CONNECTIONS,
        }
    }

    /// The same, going by another clock than the database's: for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The same, with another number of connections at most; two are the least.
    #[must_use]
    pub const fn with_connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A store in a PostgreSQL database (14 or later), which any number of processes may share.
///
/// Clones are the same store.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    clock: StoreClock,
    pool: PgPool,
    at_hand: Arc<AtHand>,
    signals: Arc<Signals>,
    wire: Arc<Wire>,
    tasks: Arc<Tasks>,
    creating: Arc<Creating>,
    reading: Arc<Reading>,
}

impl PostgresStore {
    /// Opens a database and brings the store's tables in it up to date; many may do so at once.
    ///
    /// `url` is `postgres://user:password@host:port/database`, with `?sslmode=require` and the like as libpq has them
    /// (TLS needs the feature `tls-rustls`). The tables are in the first schema of the connection's `search_path`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if the server cannot be reached; [`StoreError::Broken`] if it refuses, or the tables
    /// cannot be brought up to date.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::Scheme {
                url: without_password(url),
                expected: "a PostgreSQL database: expected `postgres://user@host/database`",
            }
            .into());
        }
        let refused = |source| OpenError::Connect {
            url: without_password(url),
            source,
        };
        let connect = PgConnectOptions::from_str(url).map_err(refused)?;
        let most = options.connections.max(2);
        let pool = PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(PATIENCE)
            // What fails is noticed by the statement itself, and the next takes another connection.
            .test_before_acquire(false)
            .idle_timeout(IDLE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    raw_sql(ALIVE).execute(&mut *connection).await?;
                    raw_sql(SESSION).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(connect.clone());
        // The pool would say only that it has waited for long.
        let first = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&connect)).await;
        let late = |_| sqlx::Error::Io(io::ErrorKind::TimedOut.into());
        let first = first.map_err(late).and_then(|first| first);
        let mut first = first.map_err(refused)?;
        migrate(&mut first).await?;
        // It has done its work, however it ends.
        first.close().await.ok();
        // The rest is for transactions.
        Self::over(pool, most.div_ceil(2), options).await
    }

    /// Shares a host's pool, and brings the tables of this store up to date in its database.
    ///
    /// One more connection, with the pool's own settings, listens for other processes.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if its connections have `synchronous_commit` off; else as [`open`](Self::open).
    pub async fn from_pool(pool: PgPool, options: PostgresOptions) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(failed)?;
        let (setting,): (String,) = query_as("SELECT current_setting('synchronous_commit')")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if setting == "off" {
            return Err(OpenError::Setting("synchronous_commit = off", "on").into());
        }
        migrate(&mut connection).await?;
        drop(connection);
        Self::over(pool, 0, options).await
    }

    /// Waits for what is under way, then closes the database. Later calls fail.
    pub async fn close(&self) {
        // What it does not tell, the others find by themselves.
        tokio::time::timeout(PATIENCE, self.wire.tell_now(&self.pool))
            .await
            .ok();
        self.tasks.stop();
        self.at_hand.close();
        self.pool.close().await;
    }

    async fn over(pool: PgPool, at_hand: u32, options: PostgresOptions) -> Result<Self> {
        let signals = Arc::new(Signals::new());
        let (wire, tasks) = Wire::start(&pool, Arc::clone(&signals))
            .await
            .map_err(failed)?;
        let (clock, at_hand) = (StoreClock(options.clock), Arc::new(AtHand::new(at_hand)));
        let creating = creating::start(
            clock.clone(),
            pool.clone(),
            Arc::clone(&at_hand),
            Arc::clone(&wire),
        );
        let reading = accounts::start(pool.clone(), Arc::clone(&at_hand));
        Ok(Self {
            clock,
            pool,
            at_hand,
            signals,
            wire,
            tasks: Arc::new(tasks),
            creating: Arc::new(creating),
            reading: Arc::new(reading),
        })
    }

    /// Begins a transaction; it is undone by being dropped.
    ///
    /// The pool may have connections that died while they were idle, as all do when the server restarts. To begin does
    /// nothing yet, so it is repeated on the next one: as often as there may be dead ones.
    async fn write(&self) -> Result<Write> {
        for _ in 0..self.pool.size() {
            match self.pool.begin().await {
                Ok(begun) => return Ok(Write(begun)),
                // It has waited for long already.
                Err(error @ (sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)) => {
                    return Err(failed(error));
                }
                Err(error) if is_passing(&error) => {
                    tracing::debug!(%error, "a connection to PostgreSQL was dead");
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(Write(self.pool.begin().await.map_err(failed)?))
    }

    /// A connection for a single statement.
    async fn lend(&self) -> Result<Lent> {
        self.at_hand.lend(&self.pool).await
    }

    /// Reads a tenant's record by its id.
    async fn record_of<T: DeserializeOwned>(
        &self,
        sql: &'static str,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<T>> {
        let mut on = self.lend().await?;
        let row = query(sql)
            .bind(id)
            .bind(tenant.as_uuid())
            .fetch_optional(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        found(row.as_ref())
    }

    /// Looks something up in a task of its own.
    ///
    /// Who waits for a signal is often one of several futures that are waited for together, and not polled while
    /// another of them is worked on: it must not keep a connection from that work meanwhile.
    async fn aside<T, F>(&self, look: impl FnOnce(Self) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let looked = tokio::spawn(look(self.clone())).await;
        looked.map_err(|stopped| StoreError::Unavailable(Box::new(stopped)))?
    }

    /// Sleeps from `now` until the store's clock shows `until`, or until it is time to look by oneself.
    async fn nap(&self, now: Timestamp, until: Timestamp) {
        let look = match self.wire.is_listening() {
            true => LOOK,
            false => LOOK_ALONE,
        };
        tokio::select! {
            () = self.clock.sleep(now, until) => {}
            () = tokio::time::sleep(look) => {}
        }
    }
}

/// A transaction under way.
struct Write(Transaction<'static, Postgres>);

impl Write {
    fn on(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    async fn commit(self) -> Result<()> {
        self.0.commit().await.map_err(lost)
    }
}

/// Brings the tables up to date, one at a time.
async fn migrate(connection: &mut PgConnection) -> Result<()> {
    let (version, old): (String, bool) = query_as(
        "SELECT current_setting('server_version'), current_setting('server_version_num')::integer < 140000",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if old {
        return Err(OpenError::Version(version).into());
    }
    let mut migrator: Migrator = sqlx::migrate!("migrations/postgres");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    // All in one transaction, which the lock outlives by nothing: whoever dies on the way leaves nothing behind.
    migrator.set_locking(false);
    let mut alone = connection.begin().await.map_err(failed)?;
    query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATING)
        .execute(&mut *alone)
        .await
        .map_err(failed)?;
    let done = migrator.run_direct(None, &mut *alone, false).await;
    done.map_err(OpenError::Migrate)?;
    restore::settle_in(&mut alone).await?;
    alone.commit().await.map_err(failed)
}

/// An address as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "…".to_owned();
    };
    match rest.split_once('@') {
        Some((_, place)) => format!("{scheme}://…@{place}"),
        None => url.to_owned(),
    }
}
