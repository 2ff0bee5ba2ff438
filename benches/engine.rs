//! What the engine costs over the two bare calls that make a text visible on a Page: create it unpublished, publish it.
//!
//! `cargo bench --bench engine`. The Graph API is a server in this process that answers at once, so the difference is
//! what claims, marks, settles and the third call, which reads the permalink, cost. With
//! `SHAREVILLE_BENCH_POSTGRES=postgres://…/empty_database` PostgreSQL is measured too.
#![allow(clippy::unwrap_used)]

mod stage;

use std::{sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shareville::{Engine, Keyring, MemoryStore, Shareville, Store, core::clock::SystemClock};
use tokio::runtime::Runtime;

use crate::stage::{CAPTION, Website, bare_graph, scheduled, shareville, website};

/// Posts an iteration, each to a Page of its own, in this many lanes at once.
const POSTS: usize = 64;

/// The two calls a post that publishing cannot do without.
async fn bare(http: &reqwest::Client, meta: &str) {
    let calls = (0..POSTS).map(|page| async move {
        let base = format!("{meta}/graph.facebook.com/v25.0");
        let made = http
            .post(format!("{base}/{page}/feed"))
            .form(&[("message", CAPTION), ("published", "false")])
            .bearer_auth("page-token");
        let made: serde_json::Value = made.send().await.unwrap().json().await.unwrap();
        let post = made["id"].as_str().unwrap();
        let published = http
            .post(format!("{base}/{post}"))
            .form(&[("is_published", "true")])
            .bearer_auth("page-token");
        published.send().await.unwrap().bytes().await.unwrap();
    });
    futures::future::join_all(calls).await;
}

/// Puts one due post into each lane.
async fn fill(shareville: &Shareville, website: &Website) {
    let now = shareville.clock().now();
    let posts: Vec<_> = website
        .accounts
        .iter()
        .map(|account| scheduled(account, now, now))
        .collect();
    stage::store(shareville, &posts).await;
}

/// Publishes them all.
async fn publish(shareville: &Shareville) {
    let mut published = 0;
    while published < POSTS {
        published += Engine::new(shareville.clone()).tick().await.unwrap();
    }
}

fn engine(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let meta = runtime.block_on(bare_graph());
    let mut group = criterion.benchmark_group("engine");
    group
        .throughput(Throughput::Elements(POSTS as u64))
        .measurement_time(Duration::from_secs(10))
        .sample_size(20);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    group.bench_function("two bare calls", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(|| async { bare(&http, &meta).await });
    });
    let memory = (
        "memory",
        Arc::new(MemoryStore::new(Arc::new(SystemClock))) as Arc<dyn Store>,
    );
    let databases = runtime.block_on(stage::databases());
    for (name, store) in std::iter::once(memory).chain(databases.stores.iter().cloned()) {
        let keyring = Keyring::ephemeral();
        let shareville = shareville(store, &keyring, &meta);
        let website = runtime.block_on(website(&shareville, &keyring, 0, POSTS));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                let mut spent = Duration::ZERO;
                for _ in 0..times {
                    runtime.block_on(fill(&shareville, &website));
                    let begun = std::time::Instant::now();
                    runtime.block_on(publish(&shareville));
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
