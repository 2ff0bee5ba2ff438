//! How often a credential may call, and how it is told.

use std::{num::NonZeroU32, time::Duration};

use axum::Router;
use shareville_axum::{RateLimit, RouterOptions};

use crate::{
    fakes::FakeSignIn,
    world::{Answer, ORIGIN, World},
};

async fn limited() -> World {
    let mut world = World::new().await;
    world.router = limited_router(&world);
    world
}

/// Two calls a second, and three at once.
fn limited_router(world: &World) -> Router {
    let some = |number| NonZeroU32::new(number).unwrap();
    let options = RouterOptions::new().with_rate_limit(RateLimit::new(some(2), some(3)));
    let api = options.router(world.shareville.clone(), FakeSignIn);
    Router::new().nest("/api", api)
}

async fn me(world: &World, key: &str) -> Answer {
    world.get("/me").bearer(key).send().await
}

#[tokio::test]
async fn a_key_should_be_told_how_often_it_may_call() {
    let world = limited().await;
    for left in ["\"default\";r=2;t=1", "\"default\";r=1;t=1"] {
        let answer = me(&world, &world.key).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"default\";q=3;w=2");
        assert_eq!(answer.header("ratelimit"), left);
    }
    // A refusal that comes later is a call too.
    let missing = world.get("/posts/x").key(&world.key).send().await;
    assert_eq!(
        missing.expect(404).header("ratelimit"),
        "\"default\";r=0;t=2"
    );
    let refused = me(&world, &world.key).await;
    let refused = refused.problem(429, "too_many_requests");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"default\";r=0;t=2");
    assert!(refused.detail().contains("2 times a second"));
    world.clock.advance(Duration::from_millis(500));
    me(&world, &world.key).await.expect(200);
    me(&world, &world.key).await.expect(429);
}

#[tokio::test]
async fn each_key_and_each_user_should_have_their_own() {
    let mut world = World::new().await;
    let (maria, jose) = (
        world.user_token("maria").await,
        world.user_token("jose").await,
    );
    let again = world.user_token("maria").await;
    let other = world.scoped_key(&["posts:read"]).await;
    world.router = limited_router(&world);
    for credential in [&world.key, &other, &jose, &maria] {
        for _ in 0..3 {
            me(&world, credential).await.expect(200);
        }
        me(&world, credential).await.expect(429);
    }
    // Another token of the same user is no way round it, and a page can read why.
    let refused = world.get("/me").bearer(&again).header("origin", ORIGIN);
    let refused = refused.send().await.problem(429, "too_many_requests");
    assert_eq!(refused.header("access-control-allow-origin"), ORIGIN);
    let exposed = refused.header("access-control-expose-headers");
    assert!(exposed.contains("ratelimit,") && exposed.contains("retry-after"));
}

#[tokio::test]
async fn whoever_is_nobody_should_use_nothing_up() {
    let world = limited().await;
    let mut forged = world.key.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    for _ in 0..5 {
        let answer = me(&world, &forged).await.expect(401);
        assert_eq!(answer.header("ratelimit"), "");
        world.get("/health").send().await.expect(200);
        world.get("/ready").send().await.expect(200);
        world
            .get("/client-apps")
            .owner("alice")
            .send()
            .await
            .expect(200);
    }
    me(&world, &world.key).await.expect(200);
}

#[tokio::test]
async fn without_a_limit_nothing_should_be_told_of_one() {
    let world = World::new().await;
    for _ in 0..50 {
        let answer = me(&world, &world.key).await.expect(200);
        assert_eq!(answer.header("ratelimit"), "");
        assert_eq!(answer.header("ratelimit-policy"), "");
    }
}
