//! Bad input and bad credentials: each gets the contract's status and a problem document, and nothing is half-written.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::Consent;

use crate::{
    api::{Answer, Api},
    support::{REDIRECT, World, tenant, text},
};

fn is_problem(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    let kind = answer.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/problem+json"), "{kind}");
    assert_eq!(answer.body["status"], status.as_u16());
    assert_eq!(answer.body["code"], code, "{:#}", answer.body);
    assert!(answer.body["detail"].is_string() && answer.body["title"].is_string());
    assert!(answer.headers.contains_key("x-request-id"));
}

fn names(answer: &Answer, pointer: &str) -> Value {
    let errors = answer.body["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{:#}", answer.body));
    let found = errors.iter().find(|error| error["pointer"] == pointer);
    found
        .unwrap_or_else(|| panic!("no {pointer} in {:#}", answer.body))
        .clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_posts_should_be_refused_with_all_that_is_wrong() {
    let world = World::new().await;
    let (page, platform_page) = &world.pages[0];
    let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
    let create = async |body: Value| world.api.call(Method::POST, "/posts", Some(body)).await;

    let many: Vec<String> = (0..11)
        .map(|n| format!("https://pictures.example/{n}.jpg"))
        .collect();
    let answer = create(json!({
        "socialPageId": page, "media": many, "firstComment": "", "scheduledAt": "2020-01-01T00:00:00Z",
        "giveUpAfter": 0, "userId": "somebody else",
    }))
    .await;
    is_problem(&answer, unprocessable, "invalid");
    for pointer in [
        "/media",
        "/firstComment",
        "/scheduledAt",
        "/giveUpAfter",
        "/userId",
    ] {
        names(&answer, pointer);
    }
    let answer = create(json!({"socialPageId": page, "caption": "x", "captoin": "y"})).await;
    is_problem(&answer, unprocessable, "invalid");
    names(&answer, "/captoin");
    let answer = create(json!({"socialPageId": platform_page, "caption": "x"})).await;
    is_problem(&answer, unprocessable, "invalid");
    assert_eq!(names(&answer, "/socialPageId")["code"], "platform_id");
    let answer = create(json!({"socialPageId": page, "caption": "a".repeat(63_207)})).await;
    is_problem(&answer, unprocessable, "invalid");
    names(&answer, "/caption");
    let answer = create(json!({"socialPageId": page})).await;
    is_problem(&answer, unprocessable, "invalid");

    let malformed = world
        .api
        .request(Method::POST, "/posts")
        .header("content-type", "application/json")
        .body("{");
    is_problem(
        &world.api.send(malformed).await,
        StatusCode::BAD_REQUEST,
        "malformed_json",
    );
    let plain = world
        .api
        .request(Method::POST, "/posts")
        .header("content-type", "text/plain")
        .body("{}");
    let answer = world.api.send(plain).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let huge = json!({"socialPageId": page, "caption": "a".repeat(3 << 20)});
    assert_eq!(create(huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    let check = world
        .api
        .call(
            Method::POST,
            "/posts/check",
            Some(json!({"socialPageId": page})),
        )
        .await;
    is_problem(&check, unprocessable, "invalid");
    let check = world
        .api
        .post(
            "/posts/check",
            json!({"socialPageId": page, "caption": "fine"}),
        )
        .await;
    assert_eq!(check, json!({"ok": true, "warnings": []}));
    assert_eq!(
        world.api.get("/posts").await["data"],
        json!([]),
        "nothing was half-written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_things_should_not_be_found() {
    let world = World::new().await;
    let (owner, app, other) = tenant(&world.server, "Other", "222000222000222").await;
    let (page, _) = &world.pages[0];
    let post = world
        .api
        .post("/posts", json!({"socialPageId": page, "caption": "mine"}))
        .await;
    let id = text(&post, "id");
    for (method, path) in [
        (Method::GET, format!("/posts/{id}")),
        (Method::DELETE, format!("/posts/{id}")),
        (Method::POST, format!("/posts/{id}/publish")),
        (Method::POST, format!("/posts/{id}/cancel")),
        (Method::GET, format!("/posts/{id}/events")),
        (
            Method::GET,
            format!("/social/providers/{}", world.connection),
        ),
        (
            Method::DELETE,
            format!("/social/providers/{}", world.connection),
        ),
        (
            Method::GET,
            format!("/social/providers/{}/pages", world.connection),
        ),
    ] {
        let answer = other.call(method.clone(), &path, None).await;
        is_problem(&answer, StatusCode::NOT_FOUND, "not_found");
    }
    let body = json!({"socialPageId": page, "caption": "x"});
    let answer = other.call(Method::POST, "/posts", Some(body)).await;
    assert_eq!(names(&answer, "/socialPageId")["code"], "unknown");
    let answer = owner
        .call(Method::GET, &format!("/client-apps/{}", world.app), None)
        .await;
    is_problem(&answer, StatusCode::NOT_FOUND, "not_found");
    assert!(
        owner
            .call(Method::GET, &format!("/client-apps/{app}"), None)
            .await
            .status
            .is_success()
    );
    let same = json!({"name": "again", "facebookAppId": "222000222000222"});
    let answer = owner.call(Method::POST, "/client-apps", Some(same)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_credentials_should_be_told_apart() {
    let world = World::new().await;
    let anonymous = Api::at(&world.server);
    let unauthorized = StatusCode::UNAUTHORIZED;
    for api in [
        anonymous.clone(),
        anonymous.with("svk_nonsense"),
        anonymous.with("something"),
        world.owner.clone(),
    ] {
        let answer = api.call(Method::GET, "/posts", None).await;
        assert_eq!(answer.status, unauthorized, "{answer:?}");
    }
    let answer = world.api.call(Method::GET, "/client-apps", None).await;
    assert_eq!(answer.status, unauthorized, "an API key is no owner");

    let token = text(
        &world
            .api
            .post("/user-tokens", json!({"userId": "ada"}))
            .await,
        "token",
    );
    let ada = anonymous.with(&token);
    let answer = ada.call(Method::GET, "/posts?userId=grace", None).await;
    is_problem(&answer, StatusCode::FORBIDDEN, "other_user");
    let answer = ada
        .call(Method::POST, "/user-tokens", Some(json!({"userId": "ada"})))
        .await;
    assert!([unauthorized, StatusCode::FORBIDDEN].contains(&answer.status));
    let browser = anonymous
        .request(Method::GET, "/posts")
        .header("x-api-key", world.api.key.as_ref().unwrap())
        .header("origin", "https://site.example");
    assert_eq!(anonymous.send(browser).await.status, StatusCode::FORBIDDEN);
    let origin = |origin: &str| {
        ada.request(Method::GET, "/posts")
            .header("origin", origin.to_owned())
    };
    let answer = ada.send(origin("https://evil.example")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = ada.send(origin("https://site.example")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://site.example"
    );

    let path = format!("/client-apps/{}/api-key", world.app);
    let narrow = world
        .owner
        .post(&path, json!({"scopes": ["posts:read"]}))
        .await;
    let narrow_api = anonymous.with(text(&narrow, "apiKey"));
    let body = json!({"socialPageId": world.pages[0].0, "caption": "x"});
    let answer = narrow_api.call(Method::POST, "/posts", Some(body)).await;
    is_problem(&answer, StatusCode::FORBIDDEN, "missing_scope");
    let revoke = format!(
        "/client-apps/{}/api-keys/{}",
        world.app,
        text(&narrow, "apiKeyId")
    );
    let answer = world.owner.call(Method::DELETE, &revoke, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(
        narrow_api.call(Method::GET, "/posts", None).await.status,
        unauthorized
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn logins_should_be_single_use_and_confirmed_by_who_began() {
    let world = World::new().await;
    let evil = "/social/providers/facebook/connect?userId=ada&redirectUri=https://evil.example/";
    let answer = world.api.call(Method::GET, evil, None).await;
    is_problem(&answer, StatusCode::UNPROCESSABLE_ENTITY, "invalid");
    names(&answer, "/redirectUri");

    let forged = "/social/providers/facebook/callback?code=x&state=svl_forged";
    let answer = world.api.call(Method::GET, forged, None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(!answer.headers.contains_key("location"));

    // The same state and code again answer the same, and exchange nothing.
    let back = world.come_back("grace", &Consent::all(), true).await;
    let first = world.api.call(Method::GET, &back, None).await;
    world.sandbox.clear_calls();
    let second = world.api.call(Method::GET, &back, None).await;
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert!(world.sandbox.calls().is_empty());
    let other_code = back.replace("code=", "code=x");
    let answer = world.api.call(Method::GET, &other_code, None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);

    // Somebody else confirms: refused, and the grant is revoked and erased. Grace is no other person's connection,
    // but Ada of the sandbox is connected as `ada` already, so Meta is not asked to forget her.
    let location = url::Url::parse(first.headers["location"].to_str().unwrap()).unwrap();
    let grant = location
        .query_pairs()
        .find(|(name, _)| name == "grant")
        .unwrap()
        .1
        .into_owned();
    let mallory = text(
        &world
            .api
            .post("/user-tokens", json!({"userId": "mallory"}))
            .await,
        "token",
    );
    let confirm = json!({"grant": grant});
    let path = "/social/providers/confirm";
    let answer = world
        .api
        .with(mallory)
        .call(Method::POST, path, Some(confirm))
        .await;
    is_problem(&answer, StatusCode::FORBIDDEN, "other_user");
    let confirm = json!({"grant": grant, "userId": "grace"});
    let answer = world.api.call(Method::POST, path, Some(confirm)).await;
    is_problem(&answer, StatusCode::NOT_FOUND, "not_found");

    let back = world.come_back("grace", &Consent::cancelled(), false).await;
    let answer = world.api.call(Method::GET, &back, None).await;
    let location = answer.headers["location"].to_str().unwrap();
    assert!(
        location.starts_with(REDIRECT) && location.contains("error=access_denied"),
        "{location}"
    );

    let declined = Consent::all().without(["pages_manage_posts"]);
    let connection = world.connect("grace", &declined).await;
    let shown = world
        .api
        .get(&format!("/social/providers/{connection}"))
        .await;
    assert_eq!(shown["missingScopes"], json!(["pages_manage_posts"]));
    let pages = world
        .api
        .get(&format!("/social/providers/{connection}/pages"))
        .await;
    for page in pages["data"].as_array().unwrap() {
        // The permission is for Pages; Instagram has its own.
        let is_page = page["provider"] == "facebook";
        assert_eq!(page["canPublish"], !is_page, "{page}");
        assert_eq!(page["problems"] != json!([]), is_page, "{page}");
    }
}
