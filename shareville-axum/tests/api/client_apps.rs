//! What an owner does.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_client_app_should_be_made_shown_changed_and_deleted() {
    let world = World::new().await;
    let body = json!({"name": "Other", "domain": "other.example", "giveUpAfter": 1.5});
    let made = world
        .post("/client-apps")
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(201);
    let id = made.id();
    assert_eq!(made.header("location"), format!("/api/client-apps/{id}"));
    let keys: Vec<&String> = made.body.as_object().unwrap().keys().collect();
    insta::assert_json_snapshot!("client_app_keys", keys);
    assert_eq!(made.body["giveUpAfter"], 1.5);
    assert_eq!(made.body["facebookAppSecretSet"], false);

    let path = format!("/client-apps/{id}");
    let body = json!({
        "facebookAppId": "9", "facebookAppSecret": "PLANTED", "webhookUrl": "https://other.example/hook",
        "redirectUris": ["https://other.example/x"], "giveUpAfter": 60, "active": false,
    });
    let changed = world
        .patch(&path)
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(200);
    assert_eq!(changed.body["facebookAppSecretSet"], true);
    assert_eq!(changed.body["domain"], "other.example");
    assert_eq!(changed.body["giveUpAfter"], 60);
    let body = json!({
        "domain": null, "facebookAppId": null, "webhookUrl": null, "redirectUris": null, "giveUpAfter": null,
    });
    let cleared = world
        .patch(&path)
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(200);
    for name in ["domain", "facebookAppId", "webhookUrl"] {
        assert!(cleared.body[name].is_null(), "{name}");
    }
    assert_eq!(cleared.body["facebookAppSecretSet"], false);
    assert_eq!(cleared.body["redirectUris"], json!([]));
    assert_eq!(cleared.body["giveUpAfter"], 86_400);
    assert_eq!(cleared.body["active"], false);
    assert_eq!(
        world
            .get(&path)
            .owner("alice")
            .send()
            .await
            .expect(200)
            .body,
        cleared.body
    );

    world.delete(&path).owner("alice").send().await.expect(204);
    world
        .get(&path)
        .owner("alice")
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn everything_wrong_with_a_client_app_should_be_told_at_once() {
    let world = World::new().await;
    let body = json!({
        "name": 7, "domain": ["x"], "allowedOrigins": ["https://a.example", 3], "redirectUris": "x",
        "giveUpAfter": -1, "active": "yes", "facebookAppSecrt": "PLANTED", "a/b~c": 1,
    });
    let refused = world
        .post("/client-apps")
        .owner("alice")
        .json(&body)
        .send()
        .await;
    let refused = refused.problem(422, "invalid");
    assert_eq!(
        refused.wrong(),
        [
            ("/name", "type"),
            ("/domain", "type"),
            ("/allowedOrigins/1", "type"),
            ("/redirectUris", "type"),
            ("/giveUpAfter", "out_of_range"),
            ("/active", "type"),
            ("/a~1b~0c", "unknown_field"),
            ("/facebookAppSecrt", "unknown_field"),
        ]
    );
    let unknown = refused.body["errors"][6]["message"].as_str().unwrap();
    assert!(unknown.contains("`facebookAppSecret`"), "{unknown}");

    let body =
        json!({"name": " ", "allowedOrigins": ["https://a.example/x"], "webhookUrl": "ftp://x"});
    let refused = world
        .post("/client-apps")
        .owner("alice")
        .json(&body)
        .send()
        .await;
    let refused = refused.problem(422, "invalid");
    let pointers: Vec<_> = refused
        .wrong()
        .into_iter()
        .map(|(pointer, _)| pointer.to_owned())
        .collect();
    assert_eq!(pointers, ["/name", "/allowedOrigins/0", "/webhookUrl"]);
    let listed = world
        .get("/client-apps")
        .owner("alice")
        .send()
        .await
        .expect(200);
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_owner_should_not_have_two_client_apps_for_one_meta_app() {
    let world = World::new().await;
    let body = json!({"name": "Twin", "facebookAppId": "123"});
    let twin = world
        .post("/client-apps")
        .owner("alice")
        .json(&body)
        .send()
        .await;
    twin.problem(409, "app_id_taken");
    world
        .post("/client-apps")
        .owner("bob")
        .json(&body)
        .send()
        .await
        .expect(201);
}

#[tokio::test]
async fn another_owners_client_app_should_not_exist() {
    let world = World::new().await;
    let app = &world.app;
    let listed = world
        .get("/client-apps")
        .owner("bob")
        .send()
        .await
        .expect(200);
    assert_eq!(listed.body, json!({"data": [], "nextCursor": null}));
    for path in [
        format!("/client-apps/{app}"),
        format!("/client-apps/{app}/api-keys"),
        format!("/client-apps/{app}/events"),
        "/client-apps/not-an-id".to_owned(),
    ] {
        world
            .get(&path)
            .owner("bob")
            .send()
            .await
            .problem(404, "not_found");
    }
    let path = format!("/client-apps/{app}");
    let body = json!({"name": "Mine"});
    world
        .patch(&path)
        .owner("bob")
        .json(&body)
        .send()
        .await
        .problem(404, "not_found");
    world
        .delete(&path)
        .owner("bob")
        .send()
        .await
        .problem(404, "not_found");
    let path = format!("/client-apps/{app}/api-key");
    world
        .post(&path)
        .owner("bob")
        .json(&json!({}))
        .send()
        .await
        .problem(404, "not_found");
    world.get("/me").key(&world.key).send().await.expect(200);
}

#[tokio::test]
async fn api_keys_should_be_shown_once_listed_and_revoked_at_once() {
    let world = World::new().await;
    let token = world.user_token("u1").await;
    let path = format!("/client-apps/{}/api-key", world.app);
    let made = world.post(&path).owner("alice").send().await.expect(200);
    assert!(made.body["apiKey"].as_str().unwrap().starts_with("svk_"));
    assert_eq!(made.body["scopes"].as_array().unwrap().len(), 5);

    let listed = world
        .get(&format!("{path}s"))
        .owner("alice")
        .send()
        .await
        .expect(200);
    assert!(!listed.text.contains("svk_"));
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed.body["data"][0]["apiKeyId"], made.body["apiKeyId"]);

    let first = listed.body["data"][1]["apiKeyId"].as_str().unwrap();
    let revoke = format!("{path}s/{first}");
    world
        .delete(&revoke)
        .owner("alice")
        .send()
        .await
        .expect(204);
    world
        .delete(&revoke)
        .owner("alice")
        .send()
        .await
        .problem(404, "not_found");
    world
        .get("/me")
        .key(&world.key)
        .send()
        .await
        .problem(401, "credential_unknown");
    world
        .get("/me")
        .bearer(&token)
        .send()
        .await
        .problem(401, "credential_unknown");
}

#[tokio::test]
async fn a_wrong_api_key_request_should_name_what_is_wrong() {
    let world = World::new().await;
    let path = format!("/client-apps/{}/api-key", world.app);
    let body = json!({"scopes": ["posts:read", "posts:*"], "expiresAt": "tomorrow", "scope": 1});
    let refused = world.post(&path).owner("alice").json(&body).send().await;
    let refused = refused.problem(422, "invalid");
    assert_eq!(
        refused.wrong(),
        [
            ("/scopes/1", "unknown_value"),
            ("/expiresAt", "malformed"),
            ("/scope", "unknown_field")
        ]
    );
    let body = json!({"scopes": [], "expiresAt": "2026-03-01T11:00:00Z"});
    let refused = world.post(&path).owner("alice").json(&body).send().await;
    assert_eq!(
        refused.problem(422, "invalid").wrong(),
        [("/scopes", "empty"), ("/expiresAt", "in_past")]
    );
}

#[tokio::test]
async fn the_audit_should_tell_who_did_what() {
    let world = World::new().await;
    let path = format!("/client-apps/{}/events", world.app);
    let listed = world.get(&path).owner("alice").send().await.expect(200);
    let types: Vec<_> = listed.body["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["type"])
        .collect();
    assert_eq!(types, ["api_key.created", "client_app.created"]);
    assert_eq!(
        listed.body["data"][1]["actor"],
        json!({"kind": "owner", "id": "alice"})
    );
}

#[tokio::test]
async fn lists_should_go_page_by_page_and_stay_stable() {
    let world = World::new().await;
    for name in ["b", "c"] {
        let body = json!({ "name": name });
        world
            .post("/client-apps")
            .owner("alice")
            .json(&body)
            .send()
            .await
            .expect(201);
    }
    let first = world
        .get("/client-apps?limit=2")
        .owner("alice")
        .send()
        .await
        .expect(200);
    let body = json!({"name": "d"});
    world
        .post("/client-apps")
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(201);
    let cursor = first.body["nextCursor"].as_str().unwrap();
    let path = format!("/client-apps?limit=2&cursor={cursor}");
    let rest = world.get(&path).owner("alice").send().await.expect(200);
    assert_eq!(first.body["data"][0]["name"], "c");
    assert_eq!(rest.body["data"][0]["name"], "Ada's Shop");
    assert!(rest.body["nextCursor"].is_null());
    for (query, named) in [
        ("limit=0", "`limit`"),
        ("limit=101", "`limit`"),
        ("limit=ten", "`limit`"),
        ("cursor=x", "`cursor`"),
        ("limit=1&limit=2", "`limit`"),
        ("offset=3", "`offset`"),
    ] {
        let path = format!("/client-apps?{query}");
        let refused = world
            .get(&path)
            .owner("alice")
            .send()
            .await
            .problem(400, "bad_query");
        assert!(refused.detail().contains(named), "{}", refused.detail());
    }
}
