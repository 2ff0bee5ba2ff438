//! Opening the store, and beside it the tables of owners.

use std::{error::Error, str::FromStr as _, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use shareville::{
    Keyring, Store,
    postgres::{PostgresOptions, PostgresStore},
    sqlite::{SqliteOptions, SqliteStore},
};
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};

use crate::{
    config::{self, Config, StoreUrl},
    owners::Owners,
};

/// Connections for the tables of owners.
const CONNECTIONS: u32 = 4;

/// How long to wait for one of them, or for its turn to write.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keys to seal with.
pub(crate) fn keyring(config: &Config) -> Result<Keyring, Box<dyn Error>> {
    Ok(match (&config.keys, &config.store) {
        (Some(keys), _) => keys.clone(),
        (None, StoreUrl::File(file)) => config::keys_beside(file)?,
        (None, StoreUrl::Memory) => Keyring::ephemeral(),
        (None, StoreUrl::Postgres(_)) => {
            return Err("SHAREVILLE_ENCRYPTION_KEYS: is needed with PostgreSQL, the same for all servers on the \
                        database: `id:base64(32 bytes)`, such as `one:` and the output of `openssl rand -base64 32`"
                .into());
        }
    })
}

/// Opens the store. An error is one line that names the variable.
pub(crate) async fn open(url: &StoreUrl) -> Result<(Arc<dyn Store>, Owners), String> {
    let opened = match url {
        StoreUrl::Memory => in_memory().await,
        StoreUrl::File(path) => in_file(path).await,
        StoreUrl::Postgres(url) => on_postgres(url).await,
    };
    opened.map_err(|error| format!("SHAREVILLE_STORE: {}", innermost(error.as_ref())))
}

type Opened = Result<(Arc<dyn Store>, Owners), Box<dyn Error>>;

async fn in_memory() -> Opened {
    let store = SqliteStore::in_memory(SqliteOptions::new()).await?;
    // A database in memory lives as long as its one connection.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(SqliteConnectOptions::new().in_memory(true))
        .await?;
    Ok((Arc::new(store), Owners::Sqlite(pool)))
}

async fn in_file(path: &std::path::Path) -> Opened {
    let url = format!("sqlite://{}", path.display());
    let store = SqliteStore::open(&url, SqliteOptions::new()).await?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await?;
    Ok((Arc::new(store), Owners::Sqlite(pool)))
}

async fn on_postgres(url: &SecretString) -> Opened {
    let url = url.expose_secret();
    let store = PostgresStore::open(url, PostgresOptions::new())
        .await
        // What it wraps names the address, without its password.
        .map_err(|error| {
            error
                .source()
                .map_or(error.to_string(), ToString::to_string)
        })?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(PgConnectOptions::from_str(url)?);
    Ok((Arc::new(store), Owners::Postgres(pool)))
}

/// The cause that says most: those around it say that something went wrong.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}
