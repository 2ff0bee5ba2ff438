//! API keys in use: several at once, rotated, revoked.

use serde_json::{Value, json};

use crate::world::{ORIGIN, World};

async fn new_key(world: &World, body: Value) -> (String, String) {
    let path = format!("/client-apps/{}/api-key", world.app);
    let made = world.post(&path).owner("alice").json(&body).send().await;
    let made = made.expect(200).body;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("apiKeyId"), text("apiKey"))
}

async fn token(world: &World, key: &str) -> String {
    let body = json!({"userId": "u1"});
    let made = world.post("/user-tokens").key(key).json(&body).send().await;
    made.expect(201).body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_should_be_rotated_without_a_gap() {
    let world = World::new().await;
    let (old_id, old) = new_key(&world, json!({"name": "2025"})).await;
    let old_token = token(&world, &old).await;
    let (_, new) = new_key(&world, json!({"name": "2026"})).await;
    let new_token = token(&world, &new).await;
    for key in [&old, &new, &old_token, &new_token] {
        world.get("/posts").bearer(key).send().await.expect(200);
    }
    let path = format!("/client-apps/{}/api-keys", world.app);
    let listed = world.get(&path).owner("alice").send().await.expect(200);
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 3);
    for secret in [&old, &new] {
        assert!(!listed.text.contains(secret.as_str()), "shown once");
    }

    let path = format!("{path}/{old_id}");
    let strangers = world.delete(&path).owner("bob").send().await;
    strangers.problem(404, "not_found");
    world.delete(&path).owner("alice").send().await.expect(204);
    for gone in [&old, &old_token] {
        let gone = world.get("/posts").bearer(gone).send().await;
        gone.problem(401, "credential_unknown");
    }
    // A page must be able to see that its token is no longer good.
    let page = world
        .get("/posts")
        .bearer(&old_token)
        .header("origin", ORIGIN);
    let page = page.send().await.problem(401, "credential_unknown");
    assert_eq!(page.header("access-control-allow-origin"), ORIGIN);
    for good in [&new, &new_token] {
        world.get("/posts").bearer(good).send().await.expect(200);
    }
    let again = world.delete(&path).owner("alice").send().await;
    again.problem(404, "not_found");
}

#[tokio::test]
async fn a_token_should_not_outlive_its_key() {
    let world = World::new().await;
    let body = json!({"expiresAt": "2026-03-01T12:10:00Z", "scopes": ["tokens:write"]});
    let (_, brief) = new_key(&world, body).await;
    let body = json!({"userId": "u1", "expiresIn": 3600});
    let made = world
        .post("/user-tokens")
        .key(&brief)
        .json(&body)
        .send()
        .await;
    assert_eq!(
        made.expect(201).body["expiresAt"],
        "2026-03-01T12:10:00.000000Z"
    );
}

#[tokio::test]
async fn an_origin_should_be_let_in_and_shut_out_at_once() {
    let world = World::new().await;
    let token = world.user_token("u1").await;
    let call = |origin: &'static str| {
        let call = world.get("/posts").bearer(&token).header("origin", origin);
        async move { call.send().await }
    };
    call(ORIGIN).await.expect(200);
    let path = format!("/client-apps/{}", world.app);
    let body = json!({"allowedOrigins": ["https://new.example"]});
    let changed = world.patch(&path).owner("alice").json(&body).send().await;
    changed.expect(200);
    let shut_out = call(ORIGIN).await.problem(403, "origin_not_allowed");
    assert_eq!(shut_out.header("access-control-allow-origin"), "");
    let let_in = call("https://new.example").await.expect(200);
    assert_eq!(
        let_in.header("access-control-allow-origin"),
        "https://new.example"
    );
}
