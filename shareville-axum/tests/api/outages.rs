//! A store that goes away or loses an answer, bodies that never end, and a server that takes its leave.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::Request,
};
use serde_json::json;
use shareville_axum::RouterOptions;
use shareville_core::{
    event::EventKind,
    testing::wrapped::{At, Wrapped},
};

use crate::{
    fakes::FakeSignIn,
    world::{World, ask},
};

/// A world whose store can go away.
async fn leaving() -> (World, Arc<Wrapped>) {
    let mut wrapped = None;
    let world = World::over(|store| {
        let leaving = Arc::new(Wrapped::leaving(store));
        wrapped = Some(Arc::clone(&leaving));
        leaving
    })
    .await;
    (world, wrapped.unwrap())
}

#[tokio::test]
async fn every_route_should_say_that_the_store_is_away_and_work_when_it_is_back() {
    let (world, store) = leaving().await;
    let key = world.key.clone();
    let (connection, page) = world.connect(&key, "u").await;
    let post = world.draft(&page).await;
    let ready = world.get("/ready").send().await;
    ready.expect(200);

    store.set_away(true);
    let body = json!({"socialPageId": page, "caption": "c"});
    let app = world.app.clone();
    for call in [
        world.get("/ready"),
        world.post("/posts").key(&key).json(&body),
        world.post("/posts/check").key(&key).json(&body),
        world.get("/posts").key(&key),
        world.get(&format!("/posts/{post}")).key(&key),
        world
            .patch(&format!("/posts/{post}"))
            .key(&key)
            .json(&json!({"caption": "d"})),
        world.delete(&format!("/posts/{post}")).key(&key),
        world.post(&format!("/posts/{post}/publish")).key(&key),
        world.post(&format!("/posts/{post}/cancel")).key(&key),
        world
            .post(&format!("/posts/{post}/schedule"))
            .key(&key)
            .json(&json!({"scheduledAt": "2026-03-02T12:00:00Z"})),
        world.get(&format!("/posts/{post}/events")).key(&key),
        world
            .post("/user-tokens")
            .key(&key)
            .json(&json!({"userId": "u"})),
        world.get("/social/providers").key(&key),
        world
            .get("/social/providers/facebook/connect?userId=u")
            .key(&key),
        world
            .get(&format!("/social/providers/{connection}"))
            .key(&key),
        world
            .get(&format!("/social/providers/{connection}/pages"))
            .key(&key),
        world
            .delete(&format!("/social/providers/{connection}"))
            .key(&key),
        world.get("/client-apps").owner("alice"),
        world
            .post("/client-apps")
            .owner("alice")
            .json(&json!({"name": "n"})),
        world.get(&format!("/client-apps/{app}")).owner("alice"),
        world.delete(&format!("/client-apps/{app}")).owner("alice"),
        world
            .get(&format!("/client-apps/{app}/api-keys"))
            .owner("alice"),
    ] {
        let answer = call.send().await.problem(503, "store_unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    world.get("/health").send().await.expect(200);

    store.set_away(false);
    world.get("/ready").send().await.expect(200);
    let found = world.get(&format!("/posts/{post}")).key(&key).send().await;
    assert_eq!(found.expect(200).body["status"], "draft");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_should_say_that_it_may_be_there() {
    for (at, written) in [(At::Lost, 1), (At::Never, 0)] {
        let lossy = |store| -> Arc<dyn shareville_core::store::Store> {
            Arc::new(Wrapped::stopping(store, at, EventKind::PostCreated))
        };
        let world = World::over(lossy).await;
        let key = world.key.clone();
        let (_, page) = world.connect(&key, "u").await;
        let body = json!({"socialPageId": page, "caption": "c"});
        let answer = world.post("/posts").key(&key).json(&body).send().await;
        let answer = answer.problem(503, "store_answer_lost");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(answer.detail().contains("unknown"), "{}", answer.detail());
        assert!(answer.detail().contains("Idempotency-Key"));
        let listed = world.get("/posts").key(&key).send().await.expect(200);
        assert_eq!(listed.body["data"].as_array().unwrap().len(), written);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_should_be_given_up() {
    let world = World::new().await;
    let options = RouterOptions::new().with_body_time(Duration::from_secs(7));
    let router = Router::new().nest("/api", options.router(world.shareville.clone(), FakeSignIn));
    let body = Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>());
    let request = Request::post("/api/client-apps")
        .header("authorization", "Bearer svs_alice")
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    let began = tokio::time::Instant::now();
    let answer = ask(router, request).await.problem(408, "body_too_slow");
    assert_eq!(began.elapsed(), Duration::from_secs(7));
    assert!(answer.detail().contains('7'), "{}", answer.detail());
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_should_not_be_read() {
    let world = World::new().await;
    let chunk = Bytes::from(vec![b' '; 64 * 1024]);
    let chunks = std::iter::repeat_n(Ok::<_, Infallible>(chunk), 1024);
    // How long it is becomes known only by reading it.
    let unsaid = Body::from_stream(futures::stream::iter(chunks));
    for body in [Body::from(vec![b' '; 2 << 20]), unsaid] {
        let call = world.post("/client-apps").owner("alice");
        let answer = call.raw("application/json", body).send().await;
        let answer = answer.problem(413, "body_too_large");
        assert!(answer.detail().contains("1048576"), "{}", answer.detail());
    }
}

#[tokio::test]
async fn json_that_is_too_deep_should_be_malformed() {
    let world = World::new().await;
    for deep in ["[".repeat(500_000), "{\"a\":".repeat(150_000)] {
        let call = world.post("/client-apps").owner("alice");
        let answer = call.raw("application/json", deep).send().await;
        let answer = answer.problem(400, "malformed_json");
        assert!(answer.detail().contains("recursion"), "{}", answer.detail());
    }
}

#[tokio::test]
async fn a_server_that_is_closed_should_not_be_ready_but_answer() {
    let world = World::new().await;
    world.shareville.close();
    let answer = world.get("/ready").send().await;
    let answer = answer.problem(503, "shutting_down");
    assert!(!answer.header("retry-after").is_empty());
    world.get("/health").send().await.expect(200);
    let key = world.key.clone();
    world.get("/posts").key(&key).send().await.expect(200);
}
