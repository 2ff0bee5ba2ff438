//! What clients see when something is wrong: frozen.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn problems_should_look_as_they_always_have() {
    let world = World::new().await;
    let key = world.key.clone();
    let invalid = world
        .post("/user-tokens")
        .key(&key)
        .json(&json!({"user": "u"}))
        .send()
        .await;
    let missing = world.get("/posts").send().await;
    let unknown = world.get("/posts/x").key(&key).send().await;
    let query = world.get("/posts?limit=1000&foo=1").key(&key).send().await;
    let browser = world
        .get("/posts")
        .key(&key)
        .header("origin", "https://x.example")
        .send()
        .await;
    for (name, answer) in [
        ("problem_invalid", invalid),
        ("problem_no_credential", missing),
        ("problem_not_found", unknown),
        ("problem_bad_query", query),
        ("problem_api_key_in_browser", browser),
    ] {
        insta::assert_json_snapshot!(name, answer.body);
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_should_be_told_where() {
    let world = World::new().await;
    let send = |content_type: &'static str, body: &'static str| {
        world
            .post("/user-tokens")
            .key(&world.key)
            .raw(content_type, body)
            .send()
    };
    let malformed = send("application/json", "{\"userId\": \"u\",}").await;
    let malformed = malformed.problem(400, "malformed_json");
    assert!(
        malformed.detail().contains("line 1 column 16"),
        "{}",
        malformed.detail()
    );
    send("application/json", "")
        .await
        .problem(400, "malformed_json");
    send("application/json", "{} {}")
        .await
        .problem(400, "malformed_json");
    let list = send("application/json", "[1]")
        .await
        .problem(422, "invalid");
    assert_eq!(list.wrong(), [("", "type")]);
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let wrong = send(content_type, "{\"userId\": \"u\"}").await;
        let wrong = wrong.problem(415, "unsupported_media_type");
        assert!(
            wrong.detail().contains(content_type) && wrong.detail().contains("application/json")
        );
    }
    let none = world.post("/user-tokens").key(&world.key).send().await;
    none.problem(415, "unsupported_media_type");
    send("Application/JSON; charset=utf-8", "{\"userId\": \"u\"}")
        .await
        .expect(201);
    let doubled = send("application/json", "{\"userId\": \"u\", \"userId\": \"v\"}").await;
    let doubled = doubled.problem(400, "malformed_json");
    assert!(doubled.detail().contains("`userId` is given twice"));
}

#[tokio::test]
async fn the_credential_should_be_looked_at_before_the_body() {
    let world = World::new().await;
    let answer = world.post("/posts").raw("text/plain", "x").send().await;
    answer.problem(401, "credential_missing");
}
