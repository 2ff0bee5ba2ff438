//! What creating a post costs, and what claiming costs whatever lies in the future.
//!
//! `cargo bench --bench store`. `SHAREVILLE_BENCH_FUTURE=1000,100000,1000000` says beside how many future posts to
//! claim (default 0, 100,000 and 1,000,000). With `SHAREVILLE_BENCH_POSTGRES=postgres://…/empty_database` PostgreSQL is
//! measured too.
#![allow(clippy::unwrap_used)]

mod stage;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shareville::{
    Keyring, MemoryStore, Shareville, Store,
    core::{clock::SystemClock, store::ClaimRequest},
};
use tokio::runtime::Runtime;

use crate::stage::{Website, input, scheduled, shareville, website};

/// Claims an iteration.
const LANES: usize = 64;

/// Websites and Pages of each.
const WEBSITES: usize = 20;
const PAGES: usize = 25;

const NOBODY: &str = "http://127.0.0.1:9";

fn create(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("create");
    group.throughput(Throughput::Elements(1));
    let memory = (
        "memory",
        Arc::new(MemoryStore::new(Arc::new(SystemClock))) as Arc<dyn Store>,
    );
    let databases = runtime.block_on(stage::databases());
    for (name, store) in std::iter::once(memory).chain(databases.stores.iter().cloned()) {
        let keyring = Keyring::ephemeral();
        let shareville = shareville(store, &keyring, NOBODY);
        let website = runtime.block_on(website(&shareville, &keyring, 0, 1));
        let account = website.accounts.first().unwrap();
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let at = shareville.clock().now() + TimeDelta::days(30);
                let posts = shareville.posts(&website.caller);
                posts.create(input(account, Some(at))).await.unwrap()
            });
        });
    }
    group.finish();
}

fn futures_asked() -> Vec<usize> {
    let asked =
        std::env::var("SHAREVILLE_BENCH_FUTURE").unwrap_or_else(|_| "0,100000,1000000".to_owned());
    asked
        .split(',')
        .map(|number| number.trim().parse().unwrap())
        .collect()
}

/// Puts posts into the future, going round all Pages.
async fn lay_ahead(shareville: &Shareville, websites: &[Website], posts: usize) {
    let now = shareville.clock().now();
    let accounts: Vec<_> = websites.iter().flat_map(|it| &it.accounts).collect();
    let mut laid = 0;
    while laid < posts {
        let batch: Vec<_> = (laid..posts.min(laid + 1000))
            .map(|number| {
                let at = now + TimeDelta::days(1) + TimeDelta::seconds(number.try_into().unwrap());
                scheduled(accounts[number % accounts.len()], now, at)
            })
            .collect();
        stage::store(shareville, &batch).await;
        laid += batch.len();
    }
}

/// One due post in each of so many lanes.
async fn due(shareville: &Shareville, websites: &[Website]) {
    let now = shareville.clock().now();
    let accounts = websites.iter().flat_map(|it| it.accounts.iter().take(4));
    let posts: Vec<_> = accounts
        .take(LANES)
        .map(|account| scheduled(account, now, now))
        .collect();
    stage::store(shareville, &posts).await;
}

fn claim(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("claim");
    group
        .throughput(Throughput::Elements(LANES as u64))
        .measurement_time(Duration::from_secs(8))
        .sample_size(20);
    let databases = runtime.block_on(stage::databases());
    for (name, store) in databases.stores.iter().cloned() {
        let keyring = Keyring::ephemeral();
        let shareville = shareville(store, &keyring, NOBODY);
        let websites: Vec<_> = (0..WEBSITES)
            .map(|number| runtime.block_on(website(&shareville, &keyring, number, PAGES)))
            .collect();
        runtime.block_on(due(&shareville, &websites));
        let mut ahead = 0;
        for future in futures_asked() {
            let more = future.saturating_sub(ahead);
            runtime.block_on(lay_ahead(&shareville, &websites, more));
            ahead += more;
            group.bench_function(format!("{name}, {future} in the future"), |bencher| {
                bencher.to_async(&runtime).iter(|| async {
                    let request = ClaimRequest::new(LANES, Duration::from_secs(60), LANES);
                    let claimed = shareville.store().claim(request).await.unwrap();
                    assert_eq!(claimed.claims.len(), LANES);
                    let claims: Vec<_> = claimed.claims.into_iter().map(|it| it.claim).collect();
                    shareville.store().release(&claims).await.unwrap();
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, create, claim);
criterion_main!(benches);
