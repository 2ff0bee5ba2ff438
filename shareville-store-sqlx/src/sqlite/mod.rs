//! SQLite.

mod answers;
mod backlog;
mod changes;
mod claims;
mod connections;
mod credentials;
mod deliveries;
mod events;
mod host;
mod lanes;
mod logins;
mod media;
mod notices;
mod people;
#[cfg(test)]
mod plans;
mod posts;
mod secrets;
mod tenants;
mod upkeep;
mod users;

use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::de::DeserializeOwned;
use shareville_core::{
    clock::{Clock, SystemClock, Timestamp},
    id::TenantId,
    store::{CredentialEpochs, RaisedEpoch, Result, StoreError},
};
use sqlx::{
    Connection as _, Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::{
    error::{OpenError, failed, is_busy, lost},
    row::found,
    signal::Signals,
};

/// The tables' history, apart from that of a host's own.
const MIGRATIONS_TABLE: &str = "_shareville_migrations";

/// How long to wait for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait for one of our own connections, or for the turn to write: a caller who waits longer is better told.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait, when it is opened, for other processes that turn the same new file into a database or write to it.
const OPENING: Duration = Duration::from_secs(30);
const OPENING_PAUSE: Duration = Duration::from_millis(20);

/// Reads that go on at the same time.
const READERS: u32 = 4;

/// How often to look for what other processes have written.
const POLL: Duration = Duration::from_millis(500);

/// How to open an SQLite store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// What tells the time. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// How many reads may go on at the same time, beside one write. Default: 4.
    pub readers: u32,
}

impl SqliteOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            readers: READERS,
        }
    }

    /// The same, going by another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The same, with another number of reads at the same time.
    #[must_use]
    pub const fn with_readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A store in an SQLite database.
///
/// Clones are the same store.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    clock: Arc<dyn Clock>,
    reads: SqlitePool,
    writes: SqlitePool,
    /// One write at a time: SQLite would let the others wait by polling.
    turn: Arc<Mutex<()>>,
    signals: Arc<Signals>,
    /// Kept only where no other process can write: nobody would tell of what it wrote.
    epochs: Option<Arc<CredentialEpochs>>,
    /// How often to look for other processes' writes; `None` if there can be none.
    poll: Option<Duration>,
}

impl SqliteStore {
    /// Opens a database file, makes it if need be, and brings its tables up to date.
    ///
    /// `url` is `sqlite://path`, a path, or `sqlite::memory:`.
    ///
    /// # Errors
    /// [`StoreError::Broken`](shareville_core::store::StoreError::Broken) if it cannot be opened, written or brought up
    /// to date; [`StoreError::Unavailable`](shareville_core::store::StoreError::Unavailable) if another process keeps
    /// it locked.
    pub async fn open(url: &str, options: SqliteOptions) -> Result<Self> {
        let refused = |source| OpenError::Connect {
            url: url.to_owned(),
            source,
        };
        if url.contains("://") && !url.starts_with("sqlite://") {
            let expected = "an SQLite database: expected `sqlite://path` or a path";
            let url = url.to_owned();
            return Err(OpenError::Scheme { url, expected }.into());
        }
        if url.ends_with(":memory:") {
            return Self::in_memory(options).await;
        }
        let connect = SqliteConnectOptions::from_str(url).map_err(refused)?;
        let connect = connect
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writes = lasting(1).connect_lazy_with(connect.clone());
        migrate(&mut *first(&writes).await.map_err(refused)?).await?;
        let reads =
            lasting(options.readers.max(1)).connect_lazy_with(connect.pragma("query_only", "ON"));
        Ok(Self::over(reads, writes, options, Some(POLL)))
    }

    /// Makes a database that lasts as long as this store.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn in_memory(options: SqliteOptions) -> Result<Self> {
        let refused = |source| OpenError::Connect {
            url: "sqlite::memory:".to_owned(),
            source,
        };
        let connect = SqliteConnectOptions::from_str("sqlite::memory:").map_err(refused)?;
        let only = lasting(1).connect_lazy_with(connect.foreign_keys(true));
        migrate(&mut *first(&only).await.map_err(refused)?).await?;
        Ok(Self::over(only.clone(), only, options, None))
    }

    /// Shares a host's pool, and brings the tables of this store up to date in its database.
    ///
    /// # Errors
    /// [`StoreError::Broken`](shareville_core::store::StoreError::Broken) if its connections have `foreign_keys` off, or
    /// `synchronous` below `FULL`; else as [`open`](Self::open).
    pub async fn from_pool(pool: SqlitePool, options: SqliteOptions) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(failed)?;
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if foreign_keys == 0 {
            return Err(OpenError::Setting("PRAGMA foreign_keys = 0", "on").into());
        }
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if synchronous < 2 {
            return Err(OpenError::Setting("PRAGMA synchronous < FULL", "at FULL").into());
        }
        migrate(&mut connection).await?;
        drop(connection);
        Ok(Self::over(pool.clone(), pool, options, Some(POLL)))
    }

    /// Waits for what is under way, then closes the database. Later calls fail.
    pub async fn close(&self) {
        self.writes.close().await;
        self.reads.close().await;
    }

    fn over(
        reads: SqlitePool,
        writes: SqlitePool,
        options: SqliteOptions,
        poll: Option<Duration>,
    ) -> Self {
        Self {
            clock: options.clock,
            reads,
            writes,
            turn: Arc::default(),
            signals: Arc::new(Signals::new()),
            epochs: poll.is_none().then(Arc::default),
            poll,
        }
    }

    /// Ends the epoch of a tenant's credentials once it is dropped.
    fn raising(&self, tenant: TenantId) -> Option<RaisedEpoch<'_>> {
        let epochs = self.epochs.as_ref()?;
        Some(epochs.raising(tenant))
    }

    /// Begins a write; it reads and writes alone until it is committed, or undone by being dropped.
    async fn write(&self) -> Result<Write> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|late| StoreError::Unavailable(Box::new(late)))?;
        // A transaction that reads first and writes later would fail at once where another wrote in between.
        let mut begun = self.writes.begin_with("BEGIN IMMEDIATE").await;
        if matches!(begun, Err(sqlx::Error::InvalidSavePointStatement)) && self.poll.is_some() {
            // A full disk made SQLite undo a transaction by itself, and sqlx believes that it is still open: only a new
            // connection helps. (One in memory has no disk to fill, and would be lost.)
            if let Ok(connection) = self.writes.acquire().await {
                connection.close().await.ok();
            }
            begun = self.writes.begin_with("BEGIN IMMEDIATE").await;
        }
        Ok(Write {
            transaction: begun.map_err(failed)?,
            _turn: turn,
        })
    }

    /// Reads a tenant's record by its id.
    async fn record_of<T: DeserializeOwned>(
        &self,
        sql: &'static str,
        tenant: TenantId,
        id: Uuid,
    ) -> Result<Option<T>> {
        let row = sqlx::query(sql)
            .bind(id)
            .bind(tenant.as_uuid())
            .fetch_optional(&self.reads)
            .await
            .map_err(failed)?;
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

    /// Sleeps until the store's clock shows `until`, or until it is time to look what other processes did.
    async fn nap(&self, until: Timestamp) {
        let poll = async {
            match self.poll {
                Some(poll) => tokio::time::sleep(poll).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.clock.sleep_until(until) => {}
            () = poll => {}
        }
    }
}

/// A write under way.
struct Write {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    fn on(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    async fn commit(self) -> Result<()> {
        self.transaction.commit().await.map_err(lost)
    }
}

/// A pool whose connections stay: opening one is dear, and an in-memory database goes with its last.
fn lasting(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // It is no connection over a network, which could be lost unnoticed.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The first connection. Two processes that make a file at once stand in each other's way for a moment, and SQLite does
/// not wait by itself while it turns write-ahead logging on.
async fn first(pool: &SqlitePool) -> sqlx::Result<PoolConnection<Sqlite>> {
    let began = Instant::now();
    loop {
        match pool.acquire().await {
            Err(error) if is_busy(&error) && began.elapsed() < OPENING => {}
            done => return done,
        }
        tokio::time::sleep(OPENING_PAUSE).await;
    }
}

/// Brings the tables up to date, alone: sqlx takes no lock for that on SQLite.
async fn migrate(connection: &mut SqliteConnection) -> Result<()> {
    let mut migrator: Migrator = sqlx::migrate!("migrations/sqlite");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    let began = Instant::now();
    let mut alone = loop {
        match connection.begin_with("BEGIN IMMEDIATE").await {
            // It has waited for `BUSY_TIMEOUT` already. A start is no request: it need not give up so soon.
            Err(error) if is_busy(&error) && began.elapsed() < OPENING => {}
            begun => break begun.map_err(failed)?,
        }
    };
    // `run` would make this future, and so that of `open`, unfit for `tokio::spawn`; `run_direct` is there for that.
    let done = migrator.run_direct(None, &mut *alone, false).await;
    done.map_err(OpenError::Migrate)?;
    try_writing(&mut alone).await?;
    alone.commit().await.map_err(failed)
}

/// Writes nothing, but fails where nothing can be written: taking the lock alone goes well in a read-only file.
async fn try_writing(connection: &mut SqliteConnection) -> Result<()> {
    sqlx::query("UPDATE shareville_turns SET turn = turn WHERE false")
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}
