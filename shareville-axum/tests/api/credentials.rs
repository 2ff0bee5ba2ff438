//! Who may call what, from where.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, ORIGIN, World};

/// One route of each family that takes an API key or a user token.
const CALLER_ROUTES: [&str; 3] = ["/posts", "/social/providers", "/social/providers/x/pages"];

#[tokio::test]
async fn no_credential_should_be_told_which_is_right() {
    let world = World::new().await;
    for path in CALLER_ROUTES.into_iter().chain(["/me"]) {
        let missing = world
            .get(path)
            .send()
            .await
            .problem(401, "credential_missing");
        assert!(
            missing.detail().contains("X-API-KEY"),
            "{}",
            missing.detail()
        );
        assert_eq!(
            missing.header("www-authenticate"),
            "Bearer realm=\"shareville\""
        );
    }
    world
        .get("/client-apps")
        .send()
        .await
        .problem(401, "not_signed_in");
    world
        .post("/user-tokens")
        .send()
        .await
        .problem(401, "credential_missing");
}

#[tokio::test]
async fn a_credential_of_the_wrong_kind_should_be_told_the_right_one() {
    let world = World::new().await;
    let token = world.user_token("u1").await;
    for path in CALLER_ROUTES {
        let wrong = world.get(path).owner("alice").send().await;
        let wrong = wrong.problem(401, "wrong_credential_kind");
        assert!(wrong.detail().contains("an API key as `X-API-KEY`"));
        let wrong = world
            .get(path)
            .header("cookie", "session=alice")
            .send()
            .await;
        wrong.problem(401, "wrong_credential_kind");
    }
    for credential in [&world.key, &token] {
        let wrong = world.get("/client-apps").bearer(credential);
        // Even beside a good cookie: what is sent on purpose counts.
        let wrong = wrong.header("cookie", "session=alice").send().await;
        let wrong = wrong.problem(401, "wrong_credential_kind");
        assert!(wrong.detail().contains("sign in as the owner"));
    }
    let body = json!({"userId": "u2"});
    let wrong = world
        .post("/user-tokens")
        .bearer(&token)
        .json(&body)
        .send()
        .await;
    let wrong = wrong.problem(401, "wrong_credential_kind");
    assert!(wrong.detail().contains("API key"));
    let wrong = world.get("/posts").key(&token).send().await;
    wrong.problem(401, "wrong_credential_kind");
}

#[tokio::test]
async fn forged_expired_and_doubled_credentials_should_be_refused() {
    let world = World::new().await;
    let body = json!({"expiresAt": "2026-03-01T13:00:00Z"});
    let brief = world.api_key("alice", &world.app, &body).await;
    let token = world.user_token("u1").await;
    let mut forged = world.key.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    let get = |name: &'static str, value: String| {
        let world = &world;
        async move { world.get("/me").header(name, &value).send().await }
    };
    get("x-api-key", forged)
        .await
        .problem(401, "credential_unknown");
    get("x-api-key", "svk_short".to_owned())
        .await
        .problem(401, "credential_malformed");
    get("x-api-key", "hello".to_owned())
        .await
        .problem(401, "credential_malformed");
    get("authorization", "Bearer hello".to_owned())
        .await
        .problem(401, "credential_malformed");
    get("authorization", "Basic aGk6aGk=".to_owned())
        .await
        .problem(401, "credential_missing");
    get("authorization", format!("bearer {token}"))
        .await
        .expect(200);

    let both = world.get("/me").key(&world.key).bearer(&token).send().await;
    both.problem(401, "two_credentials");
    let both = world.get("/me").key(&world.key).key(&brief).send().await;
    both.problem(401, "two_credentials");
    let proxied = world
        .get("/me")
        .key(&world.key)
        .header("authorization", "Basic eDp5");
    proxied.send().await.expect(200);

    world.clock.advance(Duration::from_secs(3600));
    get("x-api-key", brief)
        .await
        .problem(401, "credential_expired");
    let expired = get("authorization", format!("Bearer {token}")).await;
    expired.problem(401, "credential_expired");
}

#[tokio::test]
async fn credentials_should_end_with_their_client_app() {
    let world = World::new().await;
    let path = format!("/client-apps/{}", world.app);
    let body = json!({"active": false});
    world
        .patch(&path)
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(200);
    world
        .get("/posts")
        .key(&world.key)
        .send()
        .await
        .problem(403, "client_app_inactive");
    world.delete(&path).owner("alice").send().await.expect(204);
    world
        .get("/posts")
        .key(&world.key)
        .send()
        .await
        .problem(401, "credential_unknown");
}

#[tokio::test]
async fn me_should_tell_every_credential_what_it_is() {
    let world = World::new().await;
    let key = world.get("/me").key(&world.key).send().await.expect(200);
    assert_eq!(key.body["kind"], "apiKey");
    assert_eq!(key.body["clientAppId"], world.app.as_str());
    assert_eq!(key.body["scopes"].as_array().unwrap().len(), 5);
    let token = world.user_token("u1").await;
    let token = world.get("/me").bearer(&token).send().await.expect(200);
    assert_eq!(token.body["kind"], "userToken");
    assert_eq!(token.body["userId"], "u1");
    let owner = world.get("/me").owner("alice").send().await.expect(200);
    assert_eq!(
        owner.body,
        json!({"kind": "owner", "ownerId": "alice", "by": "bearer"})
    );
}

#[tokio::test]
async fn a_key_should_do_no_more_than_its_scopes() {
    let world = World::new().await;
    let reader = world.scoped_key(&["posts:read"]).await;
    world.get("/posts").key(&reader).send().await.expect(200);
    let writes = json!({"socialPageId": "x"});
    for answer in [
        world.post("/posts").key(&reader).json(&writes).send().await,
        world
            .post("/posts/check")
            .key(&reader)
            .json(&json!({"unknown": 1}))
            .send()
            .await,
        world.get("/social/providers").key(&reader).send().await,
        world
            .post("/user-tokens")
            .key(&reader)
            .json(&json!({"userId": "u"}))
            .send()
            .await,
    ] {
        answer.problem(403, "missing_scope");
    }
}

#[tokio::test]
async fn the_hosts_sign_in_should_be_able_to_refuse_and_to_fail() {
    let world = World::new().await;
    let over = world.get("/client-apps").owner("over").send().await;
    assert_eq!(
        over.problem(401, "sign_in_rejected").detail(),
        "sign in again"
    );
    let down = world.get("/client-apps").owner("down").send().await;
    assert_eq!(
        down.problem(503, "sign_in_unavailable")
            .header("retry-after"),
        "1"
    );
}

#[tokio::test]
async fn a_cookie_should_change_things_only_from_its_own_origin_and_as_json() {
    let world = World::new().await;
    let body = json!({"name": "By cookie"});
    let create = |headers: Vec<(&'static str, &'static str)>| {
        let mut call = world.post("/client-apps").header("cookie", "session=alice");
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call
    };
    for foreign in [
        vec![],
        vec![("sec-fetch-site", "same-site")],
        vec![
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://api.example"),
        ],
        vec![("origin", "https://evil.example")],
        vec![("origin", "null")],
        vec![("origin", "http://api.example"), ("host", "api.example")],
    ] {
        let answer = create(foreign.clone()).json(&body).send().await;
        assert_eq!(answer.status, 403, "{foreign:?}");
        answer.problem(403, "cross_origin");
    }
    for own in [
        vec![("sec-fetch-site", "same-origin")],
        vec![("origin", "https://api.example")],
        vec![
            ("origin", "https://other.example"),
            ("host", "other.example"),
        ],
    ] {
        create(own).json(&body).send().await.expect(201);
    }
    let form = create(vec![("sec-fetch-site", "same-origin")]);
    let form = form.raw("text/plain", body.to_string()).send().await;
    form.problem(415, "unsupported_media_type");

    let key = format!("/client-apps/{}/api-key", world.app);
    let bare = world.post(&key).header("cookie", "session=alice");
    let bare = bare.header("sec-fetch-site", "same-origin").send().await;
    bare.problem(415, "unsupported_media_type");
    let path = format!("/client-apps/{}", world.app);
    let delete = || world.delete(&path).header("cookie", "session=alice");
    delete().send().await.problem(403, "cross_origin");
    delete()
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .expect(204);
    // Reading changes nothing, and another origin cannot see the answer.
    let read = world.get("/client-apps").header("cookie", "session=alice");
    let read = read.header("origin", ORIGIN).send().await.expect(200);
    assert!(no_cors(&read));
}

fn no_cors(answer: &Answer) -> bool {
    let mut names = answer.headers.keys();
    !names.any(|name| name.as_str().starts_with("access-control"))
}

#[tokio::test]
async fn browsers_should_reach_only_what_user_tokens_may_use() {
    let world = World::new().await;
    let preflight = |path: &'static str| {
        let call = world.options(path).header("origin", "https://any.example");
        call.header("access-control-request-method", "PATCH").send()
    };
    for path in [
        "/posts",
        "/posts/x",
        "/social/providers",
        "/social/providers/confirm",
        "/me",
    ] {
        let answer = preflight(path).await.expect(204);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "https://any.example"
        );
        assert!(
            answer
                .header("access-control-allow-methods")
                .contains("PATCH")
        );
        assert!(
            answer
                .header("access-control-allow-headers")
                .contains("if-match")
        );
        assert!(
            answer
                .headers
                .get("access-control-allow-credentials")
                .is_none()
        );
    }
    for path in [
        "/client-apps",
        "/user-tokens",
        "/social/providers/facebook/callback",
    ] {
        let answer = preflight(path).await.problem(405, "method_not_allowed");
        assert!(no_cors(&answer), "{path}");
    }
}

#[tokio::test]
async fn a_user_token_should_work_only_from_the_websites_origins() {
    let world = World::new().await;
    let token = world.user_token("u1").await;
    let good = world
        .get("/posts")
        .bearer(&token)
        .header("origin", ORIGIN)
        .send()
        .await;
    let good = good.expect(200);
    assert_eq!(good.header("access-control-allow-origin"), ORIGIN);
    assert!(
        good.header("access-control-expose-headers")
            .contains("etag")
    );
    assert_eq!(good.header("vary"), "origin");
    for origin in ["https://evil.example", "https://shop.example.evil", "null"] {
        let foreign = world.get("/posts").bearer(&token).header("origin", origin);
        let foreign = foreign.send().await.problem(403, "origin_not_allowed");
        assert!(no_cors(&foreign));
    }
    // From a server.
    let plain = world.get("/posts").bearer(&token).send().await.expect(200);
    assert!(no_cors(&plain));
    assert_eq!(plain.header("vary"), "origin");

    world.clock.advance(Duration::from_secs(3600));
    let expired = world.get("/posts").bearer(&token).header("origin", ORIGIN);
    let expired = expired.send().await.problem(401, "credential_expired");
    assert_eq!(expired.header("access-control-allow-origin"), ORIGIN);
}

#[tokio::test]
async fn an_api_key_should_not_work_in_a_browser() {
    let world = World::new().await;
    let refused = world
        .get("/posts")
        .key(&world.key)
        .header("origin", ORIGIN)
        .send()
        .await;
    let refused = refused.problem(403, "api_key_in_browser");
    assert!(refused.detail().contains("user token"));
    assert!(no_cors(&refused));
    let mint = world
        .post("/user-tokens")
        .bearer(&world.key)
        .header("origin", ORIGIN);
    let mint = mint.json(&json!({"userId": "u"})).send().await;
    mint.problem(403, "api_key_in_browser");
}

#[tokio::test]
async fn user_tokens_should_be_made_with_a_life() {
    let world = World::new().await;
    let mint = |body: Value| {
        world
            .post("/user-tokens")
            .key(&world.key)
            .json(&body)
            .send()
    };
    let made = mint(json!({"userId": "u1"})).await.expect(201);
    assert_eq!(made.body["expiresAt"], "2026-03-01T13:00:00.000000Z");
    assert_eq!(made.body["userId"], "u1");
    let made = mint(json!({"userId": "u1", "expiresIn": 60}))
        .await
        .expect(201);
    assert_eq!(made.body["expiresAt"], "2026-03-01T12:01:00.000000Z");
    for (body, wrong) in [
        (json!({}), ("/userId", "required")),
        (json!({"userId": null}), ("/userId", "required")),
        (json!({"userId": 5}), ("/userId", "type")),
        (json!({"userId": ""}), ("/userId", "out_of_range")),
        (
            json!({"userId": "u".repeat(256)}),
            ("/userId", "out_of_range"),
        ),
        (
            json!({"userId": "u", "expiresIn": 86_401}),
            ("/expiresIn", "out_of_range"),
        ),
        (
            json!({"userId": "u", "expiresIn": "1h"}),
            ("/expiresIn", "type"),
        ),
        (json!({"userId": "u", "ttl": 1}), ("/ttl", "unknown_field")),
    ] {
        assert_eq!(mint(body).await.problem(422, "invalid").wrong(), [wrong]);
    }
}
