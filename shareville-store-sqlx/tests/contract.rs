//! The contract of a store: on SQLite in memory, in a file, and in a host's pool; on PostgreSQL, and in a host's pool.
#![allow(clippy::unwrap_used)]

mod place;

use std::sync::Arc;

use shareville_core::{
    clock::ManualClock,
    testing::store::{Bench, START},
};
use shareville_store_sqlx::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore};
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

fn clock() -> (Arc<ManualClock>, SqliteOptions) {
    let clock = Arc::new(ManualClock::at(START));
    let options = SqliteOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    (clock, options)
}

mod in_memory {
    use super::*;

    async fn fresh() -> Bench {
        let (clock, options) = clock();
        let store = SqliteStore::in_memory(options).await.unwrap();
        Bench::new(Arc::new(store), clock)
    }

    shareville_core::store_contract!(fresh);
}

mod in_a_file {
    use super::*;

    async fn fresh() -> Bench {
        let (clock, options) = clock();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("shareville.db");
        let url = format!("sqlite://{}", path.display());
        let store = SqliteStore::open(&url, options.clone()).await.unwrap();
        let other = SqliteStore::open(&url, options).await.unwrap();
        Bench::new(Arc::new(store), clock)
            .with_other(Arc::new(other))
            .keeping(directory)
    }

    shareville_core::store_contract!(fresh);
}

mod in_a_hosts_pool {
    use super::*;

    async fn fresh() -> Bench {
        let (clock, options) = clock();
        let directory = tempfile::tempdir().unwrap();
        let connect = SqliteConnectOptions::new()
            .filename(directory.path().join("host.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(3);
        let pool = pool.connect_with(connect).await.unwrap();
        let store = SqliteStore::from_pool(pool, options).await.unwrap();
        Bench::new(Arc::new(store), clock).keeping(directory)
    }

    shareville_core::store_contract!(fresh);
}

fn postgres_clock() -> (Arc<ManualClock>, PostgresOptions) {
    let clock = Arc::new(ManualClock::at(START));
    let options = PostgresOptions::new().with_clock(Arc::<ManualClock>::clone(&clock));
    (clock, options)
}

mod on_postgres {
    use super::*;

    async fn fresh() -> Bench {
        let (clock, options) = postgres_clock();
        let place = place::Place::new().await;
        let url = place.url();
        let store = PostgresStore::open(&url, options.clone()).await.unwrap();
        let other = PostgresStore::open(&url, options).await.unwrap();
        Bench::new(Arc::new(store), clock)
            .with_other(Arc::new(other))
            .keeping(place)
    }

    shareville_core::store_contract!(fresh);
}

mod in_a_hosts_pool_on_postgres {
    use super::*;

    async fn fresh() -> Bench {
        let (clock, options) = postgres_clock();
        let place = place::Place::new().await;
        let pool = PgPoolOptions::new().max_connections(3);
        let url = place.url();
        let pool = pool.connect(&url).await.unwrap();
        let other = PostgresStore::open(&url, options.clone()).await.unwrap();
        let store = PostgresStore::from_pool(pool, options).await.unwrap();
        Bench::new(Arc::new(store), clock)
            .with_other(Arc::new(other))
            .keeping(place)
    }

    shareville_core::store_contract!(fresh);
}
