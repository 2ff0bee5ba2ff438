//! The contract of a store, on SQLite in memory, in a file, and in a host's pool.

use std::sync::Arc;

use shareville_core::{
    clock::ManualClock,
    testing::store::{Bench, START},
};
use shareville_store_sqlx::{SqliteOptions, SqliteStore};

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
        let store = SqliteStore::open(&url, options).await.unwrap();
        Bench::new(Arc::new(store), clock).keeping(directory)
    }

    shareville_core::store_contract!(fresh);
}
