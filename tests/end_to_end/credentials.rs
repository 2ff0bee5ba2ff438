//! Credentials where there are several processes, and sign-in where somebody guesses.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::Sandbox;

use crate::{
    api::Api,
    support::{Server, Times, World, tenant, text},
};

async fn status(api: &Api, path: &str) -> StatusCode {
    api.call(Method::GET, path, None).await.status
}

#[tokio::test]
async fn what_one_process_revokes_every_process_should_refuse_at_once() {
    let world = World::with(Sandbox::builder(), "api", Times::default()).await;
    let other = world.another("api").await;
    for _ in 0..5 {
        let path = format!("/client-apps/{}/api-key", world.app);
        let made = world.owner.post(&path, json!({})).await;
        let key = Api::at(&other).with(text(&made, "apiKey"));
        let minted = key.post("/user-tokens", json!({"userId": "ada"})).await;
        let token = key.with(text(&minted, "token"));
        for good in [&key, &token] {
            assert_eq!(status(good, "/posts").await, StatusCode::OK);
        }
        let path = format!("{path}s/{}", text(&made, "apiKeyId"));
        let revoked = world.owner.call(Method::DELETE, &path, None).await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
        for gone in [&key, &token] {
            assert_eq!(status(gone, "/posts").await, StatusCode::UNAUTHORIZED);
        }
    }
    let path = format!("/client-apps/{}", world.app);
    let elsewhere = Api::at(&other).with(world.api.key.clone().unwrap());
    for (active, expected) in [(false, StatusCode::FORBIDDEN), (true, StatusCode::OK)] {
        let body = Some(json!({ "active": active }));
        let changed = world.owner.call(Method::PATCH, &path, body).await;
        assert_eq!(changed.status, StatusCode::OK);
        assert_eq!(status(&elsewhere, "/posts").await, expected);
    }
}

#[tokio::test]
async fn an_erased_user_should_leave_nothing_but_what_is_live() {
    let world = World::new().await;
    let (page, platform_page) = world.pages[0].clone();
    let live = json!({"caption": "Live", "userId": "ada"});
    let live = world.publish(&page, live).await;
    world.api.until_status(&live, "published").await;
    let later =
        json!({"socialPageId": page, "caption": "Never", "scheduledAt": "2999-01-01T00:00:00Z"});
    world.api.post("/posts", later).await;
    let erased = world.api.call(Method::DELETE, "/users/ada", None).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT, "{erased:?}");
    for list in ["/posts?userId=ada", "/social/providers?userId=ada"] {
        assert_eq!(world.api.get(list).await["data"], json!([]));
    }
    let history = format!("/posts/{live}/events");
    assert_eq!(status(&world.api, &history).await, StatusCode::NOT_FOUND);
    assert_eq!(world.visible(&platform_page, "Live").len(), 1);
}

#[tokio::test]
async fn guessing_should_become_slow_and_the_owner_should_get_in() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, sandbox.base_url(), "api", Times::default()).await;
    let anonymous = Api::at(&server);
    let email = "owner@example.org";
    let account = |password: &str| json!({"email": email, "password": password, "name": "O"});
    anonymous
        .post("/auth/sign-up/email", account("correct horse"))
        .await;
    let sign_in = |password: &'static str| {
        let body: Value = json!({"email": email, "password": password});
        anonymous.call(Method::POST, "/auth/sign-in/email", Some(body))
    };
    for _ in 0..5 {
        assert_eq!(sign_in("wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let refused = sign_in("correct horse").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.body["code"], "too_many_requests");
    let after = refused.headers["retry-after"].to_str().unwrap();
    let after = Duration::from_secs(after.parse().unwrap());
    assert!(after <= Duration::from_secs(1), "{after:?}");
    // The server's clock is the machine's: there is nothing to wait for but time.
    tokio::time::sleep(after).await;
    assert_eq!(sign_in("correct horse").await.status, StatusCode::OK);
    for _ in 0..5 {
        assert_eq!(sign_in("wrong").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_flood_of_sign_ins_should_not_starve_the_api() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder, sandbox.base_url(), "api", Times::default()).await;
    let (_, _, api) = tenant(&server, "Site", "111000111000111").await;
    let answer = api.call(Method::GET, "/me", None).await;
    let policy = &answer.headers["ratelimit-policy"];
    assert_eq!(policy, "\"default\";q=20000;w=2");
    assert!(answer.headers.contains_key("ratelimit"));

    let flood = (0..200).map(|number| {
        let anonymous = Api::at(&server);
        let body = json!({"email": format!("{number}@example.org"), "password": "a guess"});
        let call = async move {
            anonymous
                .call(Method::POST, "/auth/sign-in/email", Some(body))
                .await
        };
        tokio::spawn(call)
    });
    let flood: Vec<_> = flood.collect();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(status(&api, "/posts").await, StatusCode::OK);
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut refused = 0;
    for call in flood {
        match call.await.unwrap().status {
            StatusCode::TOO_MANY_REQUESTS => refused += 1,
            other => assert_eq!(other, StatusCode::UNAUTHORIZED),
        }
    }
    assert!(refused >= 150, "{refused}: one address guesses");
}
