//! Creating posts: once for each idempotency key, many at once, and at times of a place's clock.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn world() -> (World, String, String) {
    let world = World::new().await;
    let (connection, page) = world.connect(&world.key, "u1").await;
    (world, connection, page)
}

async fn keyed(world: &World, path: &str, credential: &str, key: &str, body: &Value) -> Answer {
    let call = world.post(path).bearer(credential);
    call.header("idempotency-key", key).json(body).send().await
}

async fn count(world: &World) -> usize {
    let listed = world.get("/posts").key(&world.key).send().await.expect(200);
    listed.body["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_request_that_comes_again_should_get_the_first_answer() {
    let (world, connection, page) = world().await;
    let body =
        json!({"socialPageId": page, "caption": "Bread", "metadata": {"b": 1, "a": [1.5, null]}});
    let first = keyed(&world, "/posts", &world.key, "k-1", &body)
        .await
        .expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let id = first.id();
    // Whatever has become of the post, and of what it needed, since.
    let path = format!("/posts/{id}");
    world
        .patch(&path)
        .key(&world.key)
        .json(&json!({"caption": "Cake"}))
        .send()
        .await
        .expect(200);
    let path = format!("/social/providers/{connection}");
    world.delete(&path).key(&world.key).send().await.expect(204);
    let again = keyed(&world, "/posts", &world.key, "k-1", &body)
        .await
        .expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.text, first.text);
    for name in ["location", "etag", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(count(&world).await, 1);

    let other = json!({"socialPageId": page, "caption": "Cake"});
    let reused = keyed(&world, "/posts", &world.key, "k-1", &other).await;
    reused.problem(422, "idempotency_key_reused");
    let batch = json!({"posts": [body]});
    let reused = keyed(&world, "/posts/batch", &world.key, "k-1", &batch).await;
    reused.problem(422, "idempotency_key_reused");

    world.clock.advance(Duration::from_secs(86_400));
    let late = keyed(&world, "/posts", &world.key, "k-1", &body).await;
    assert_eq!(
        late.problem(422, "invalid").wrong(),
        [("/socialPageId", "unknown")]
    );
}

#[tokio::test]
async fn a_key_should_be_each_subjects_own_and_kept_only_for_what_was_created() {
    let (world, _, page) = world().await;
    let body = json!({"socialPageId": page, "caption": "Bread"});
    let wrong = json!({"socialPageId": page, "caption": "far more than twenty characters"});
    keyed(&world, "/posts", &world.key, "k", &wrong)
        .await
        .problem(422, "invalid");
    let first = keyed(&world, "/posts", &world.key, "k", &body)
        .await
        .expect(201);
    let token = world.user_token("u1").await;
    let own = keyed(&world, "/posts", &token, "k", &body)
        .await
        .expect(201);
    assert_ne!(own.id(), first.id());
    let another_token = world.user_token("u1").await;
    let again = keyed(&world, "/posts", &another_token, "k", &body)
        .await
        .expect(201);
    assert_eq!(again.id(), own.id());
    assert_eq!(count(&world).await, 2);
    for bad in ["", "a b", "\u{e4}", &"x".repeat(256)] {
        let refused = keyed(&world, "/posts", &world.key, bad, &body).await;
        refused.problem(400, "bad_idempotency_key");
    }
    let long = "x".repeat(255);
    keyed(&world, "/posts", &world.key, &long, &body)
        .await
        .expect(201);
}

#[tokio::test]
async fn of_many_requests_at_once_with_one_key_one_should_create() {
    let (world, _, page) = world().await;
    let body = json!({"socialPageId": page, "caption": "Bread"});
    let calls = (0..16).map(|_| keyed(&world, "/posts", &world.key, "k", &body));
    let answers = futures::future::join_all(calls).await;
    let mut replayed = 0;
    for answer in &answers {
        assert_eq!(answer.body, answers[0].body);
        replayed += usize::from(answer.header("idempotency-replayed") == "true");
    }
    assert_eq!((replayed, count(&world).await), (15, 1));
}

#[tokio::test]
async fn a_batch_should_be_created_whole_or_not_at_all() {
    let (world, _, page) = world().await;
    let create = |body: Value| {
        world
            .post("/posts/batch")
            .key(&world.key)
            .json(&body)
            .send()
    };
    let good = json!({"socialPageId": page, "caption": "x", "scheduledAt": "2026-03-02T09:00:00Z"});
    let made = create(json!({"posts": [good, {"socialPageId": page, "caption": "y"}]}))
        .await
        .expect(201);
    let group = made.body["groupId"].as_str().unwrap();
    let data = made.body["data"].as_array().unwrap();
    assert_eq!(data.len(), 2);
    assert_eq!(
        (&data[0]["status"], &data[1]["caption"]),
        (&json!("scheduled"), &json!("y"))
    );
    assert!(data.iter().all(|post| post["groupId"] == group));
    world.draft(&page).await;
    let path = format!("/posts?groupId={group}");
    let listed = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);

    let refused = create(json!({"posts": [
        good, 5, {"socialPageId": page, "caption": "far more than twenty characters", "giveUpAfter": 0},
        {"socialPageId": page, "captoin": "x"}, {"socialPageId": "019312f0-7d5a-7c3e-8f11-2b6a0e0f9a44", "caption": "x"},
    ]}));
    assert_eq!(
        refused.await.problem(422, "invalid").wrong(),
        [
            ("/posts/1", "type"),
            ("/posts/3/captoin", "unknown_field"),
            ("/posts/2/giveUpAfter", "out_of_range"),
            ("/posts/2/caption", "too_long"),
            ("/posts/3", "empty"),
            ("/posts/4/socialPageId", "unknown"),
        ]
    );
    for (posts, code) in [
        (json!(vec![good.clone(); 101]), "too_many"),
        (json!([]), "empty"),
    ] {
        let refused = create(json!({ "posts": posts }))
            .await
            .problem(422, "invalid");
        assert_eq!(refused.wrong(), [("/posts", code)]);
    }
    let refused = create(json!({})).await.problem(422, "invalid");
    assert_eq!(refused.wrong(), [("/posts", "required")]);
    assert_eq!(count(&world).await, 3);

    // A hundred posts with all the metadata they may have.
    let large =
        json!({"socialPageId": page, "caption": "x", "metadata": {"note": "x".repeat(16_000)}});
    let body = json!({"posts": vec![large; 100]});
    let first = keyed(&world, "/posts/batch", &world.key, "k", &body)
        .await
        .expect(201);
    let again = keyed(&world, "/posts/batch", &world.key, "k", &body)
        .await
        .expect(201);
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn a_time_of_a_places_clock_should_be_taken_wherever_a_time_is() {
    let (world, _, page) = world().await;
    let post = |more: Value| {
        let mut body = json!({"socialPageId": page, "caption": "x"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let summer = json!({"scheduledLocal": "2026-07-01T09:00", "timezone": "Europe/Berlin"});
    let made = world.create(&post(summer.clone())).await.expect(201);
    assert_eq!(made.body["scheduledAt"], "2026-07-01T07:00:00.000000Z");
    assert_eq!(made.body["timezone"], "Europe/Berlin");
    let id = made.id();
    let winter = json!({"scheduledLocal": "2026-12-01T09:00", "timezone": "Europe/Berlin"});
    let path = format!("/posts/{id}");
    let moved = world
        .patch(&path)
        .key(&world.key)
        .json(&winter)
        .send()
        .await
        .expect(200);
    assert_eq!(moved.body["scheduledAt"], "2026-12-01T08:00:00.000000Z");
    let schedule = format!("/posts/{id}/schedule");
    let moved = world
        .post(&schedule)
        .key(&world.key)
        .json(&summer)
        .send()
        .await
        .expect(200);
    assert_eq!(moved.body["scheduledAt"], "2026-07-01T07:00:00.000000Z");
}

#[tokio::test]
async fn a_time_that_cannot_be_should_be_refused_wherever_a_time_is() {
    let (world, _, page) = world().await;
    let path = format!("/posts/{}", world.draft(&page).await);
    let schedule = format!("{path}/schedule");
    let wrong = [
        (
            json!({"scheduledLocal": "2026-03-29T02:30", "timezone": "Europe/Berlin"}),
            "/scheduledLocal",
            "nonexistent_local_time",
        ),
        (
            json!({"scheduledLocal": "2026-07-01T09:00", "scheduledAt": "2026-07-01T07:00:00Z", "timezone": "UTC"}),
            "/scheduledLocal",
            "conflicting",
        ),
        (
            json!({"scheduledLocal": "2026-07-01T09:00"}),
            "/timezone",
            "required",
        ),
        (
            json!({"scheduledLocal": "2026-07-01T09:00", "timezone": "Berlin"}),
            "/timezone",
            "unknown_timezone",
        ),
        (
            json!({"scheduledAt": "2026-07-01T09:00:00Z", "timezone": "Berlin"}),
            "/timezone",
            "unknown_timezone",
        ),
        (
            json!({"scheduledLocal": "2026-07-01T09:00Z", "timezone": "UTC"}),
            "/scheduledLocal",
            "malformed",
        ),
        (
            json!({"scheduledLocal": "2026-02-01T09:00", "timezone": "UTC"}),
            "/scheduledLocal",
            "scheduled_in_past",
        ),
    ];
    for (when, pointer, code) in wrong {
        let mut whole = when.clone();
        whole["socialPageId"] = page.clone().into();
        whole["caption"] = "x".into();
        let batch = json!({"posts": [whole]});
        let in_batch = format!("/posts/0{pointer}");
        for (call, body, pointer) in [
            (world.post("/posts"), &whole, pointer),
            (world.post("/posts/check"), &whole, pointer),
            (world.post("/posts/batch"), &batch, in_batch.as_str()),
            (world.patch(&path), &when, pointer),
            (world.post(&schedule), &when, pointer),
        ] {
            let refused = call.key(&world.key).json(body).send().await;
            let refused = refused.problem(422, "invalid");
            assert_eq!(refused.wrong(), [(pointer, code)], "{when}");
            if code == "nonexistent_local_time" {
                assert!(
                    refused.detail().contains("2026-03-29T03:00"),
                    "{}",
                    refused.detail()
                );
            }
        }
    }
}

#[tokio::test]
async fn a_check_should_warn_of_a_time_that_occurs_twice_and_of_the_same_content_nearby() {
    let (world, _, page) = world().await;
    let twice = json!({"socialPageId": page, "caption": "Bread", "scheduledLocal": "2026-10-25T02:30",
        "timezone": "Europe/Berlin"});
    let warned = async |body: &Value| -> Value {
        let call = world.post("/posts/check").key(&world.key).json(body);
        call.send().await.expect(200).body["warnings"].take()
    };
    let warnings = warned(&twice).await;
    assert_eq!(warnings[0]["code"], "ambiguous_local_time");
    assert!(
        warnings[0]["message"]
            .as_str()
            .unwrap()
            .contains("2026-10-25T00:30:00Z")
    );
    let made = world.create(&twice).await.expect(201);
    assert_eq!(made.body["scheduledAt"], "2026-10-25T00:30:00.000000Z");
    let path = format!("/posts/{}/events", made.id());
    let told = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(
        told.body["data"][0]["data"]["warning"],
        "ambiguous_local_time"
    );

    let same = |at: &str| json!({"socialPageId": page, "caption": " Bread\n", "scheduledAt": at});
    for near in [
        "2026-10-25T12:00:00Z",
        "2026-10-24T00:30:00Z",
        "2026-10-26T00:30:00Z",
    ] {
        let warnings = warned(&same(near)).await;
        assert_eq!(warnings[0]["code"], "same_content_nearby", "{near}");
        let message = warnings[0]["message"].as_str().unwrap();
        assert!(
            message.contains(&made.id()) && message.contains("2026-10-25T00:30:00Z"),
            "{message}"
        );
    }
    for far in ["2026-10-24T00:29:59Z", "2026-10-26T00:30:01Z"] {
        assert_eq!(warned(&same(far)).await, json!([]), "{far}");
    }
    let other =
        json!({"socialPageId": page, "caption": "Cake", "scheduledAt": "2026-10-25T12:00:00Z"});
    assert_eq!(warned(&other).await, json!([]));
    let path = format!("/posts/{}/cancel", made.id());
    world.post(&path).key(&world.key).send().await.expect(200);
    assert_eq!(warned(&same("2026-10-25T12:00:00Z")).await, json!([]));
}
