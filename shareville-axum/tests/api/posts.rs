//! Posts: creating, reading, changing, calling off.

use serde_json::{Value, json};

use crate::world::{Answer, World};

async fn world() -> (World, String) {
    let world = World::new().await;
    let (_, page) = world.connect(&world.key, "u1").await;
    (world, page)
}

#[tokio::test]
async fn a_post_should_be_created_whole_and_read_again() {
    let (world, page) = world().await;
    let uploaded = world.post("/media?userId=u1").key(&world.key);
    let uploaded = uploaded.raw("image/png", "PNG").send().await.expect(201);
    let body = json!({
        "userId": "u1", "socialPageId": page, "caption": "Bread", "link": "https://shop.example/b",
        "media": [
            "https://cdn.example/a.jpg?x=1", "https://cdn.example/b.MP4#t",
            {"url": "https://cdn.example/c", "type": "video", "altText": "c", "thumbnailOffsetMs": 5, "mediaId": null,
             "thumbnailUrl": "https://cdn.example/t.jpg"},
            {"mediaId": uploaded.id(), "userTags": [{"username": "bo", "x": 0.5, "y": 1}]},
        ],
        "placement": "reel", "firstComment": "first",
        "options": {"facebook": {"placeId": "1"}, "instagram": {"collaborators": ["c"], "shareToFeed": false}},
        "scheduledAt": "2026-03-02T09:00:00.1234567+01:00", "timezone": "Europe/Berlin", "giveUpAfter": 3600,
        "metadata": {"order": 7},
    });
    let made = world.create(&body).await.expect(201);
    let id = made.id();
    assert_eq!(made.header("location"), format!("/api/posts/{id}"));
    assert_eq!(
        made.header("etag"),
        format!("\"{}\"", made.body["revision"])
    );
    insta::assert_json_snapshot!("post", made.body, {
        ".id" => "[id]", ".clientAppId" => "[id]", ".socialPageId" => "[id]",
        ".media[3].mediaId" => "[id]",
    });
    let read = world
        .get(&format!("/posts/{id}"))
        .key(&world.key)
        .send()
        .await
        .expect(200);
    assert_eq!(read.body, made.body);
    assert_eq!(read.header("etag"), made.header("etag"));
}

#[tokio::test]
async fn everything_wrong_with_a_post_should_be_told_at_once_and_nothing_kept() {
    let (world, page) = world().await;
    let body = json!({
        "socialPageId": "10158000000", "caption": "far more than twenty characters", "link": 1, "placement": "wall",
        "media": [
            5, {"type": "gif", "url": "https://x/a.jpg"}, {"altText": "x"},
            {"url": "https://x/a", "mediaId": "x"}, {"mediaId": "x"},
            {"url": "https://x/a", "userTags": [{"user": "bo", "x": "left"}], "thumbnailOffsetMs": -1},
        ],
        "options": {"facebook": {"place": "1"}, "tiktok": {}}, "scheduledAt": "tomorrow",
        "scheduledLocal": "2026-03-02T09:00", "giveUpAfter": "1d", "metadata": [], "message": "x",
    });
    let refused = world.create(&body).await.problem(422, "invalid");
    insta::assert_json_snapshot!("post_violations", refused.body["errors"]);

    let refused = world.create(&json!({})).await.problem(422, "invalid");
    assert_eq!(refused.wrong(), [("/socialPageId", "required")]);
    let body = json!({"socialPageId": page, "caption": "far more than twenty characters", "giveUpAfter": 0,
        "scheduledAt": "2026-03-01T11:54:59Z"});
    let refused = world.create(&body).await.problem(422, "invalid");
    assert_eq!(
        refused.wrong(),
        [
            ("/scheduledAt", "scheduled_in_past"),
            ("/giveUpAfter", "out_of_range"),
            ("/caption", "too_long")
        ]
    );
    // Its one medium is misspelt, not missing.
    let body = json!({"socialPageId": page, "media": [{"uri": "https://x/a.jpg"}]});
    let refused = world.create(&body).await.problem(422, "invalid");
    assert_eq!(
        refused.wrong(),
        [
            ("/media/0/url", "required"),
            ("/media/0/uri", "unknown_field")
        ]
    );
    let listed = world.get("/posts").key(&world.key).send().await.expect(200);
    assert_eq!(listed.body["data"], json!([]));
}

#[tokio::test]
async fn a_page_should_be_named_by_our_id_and_be_the_users_own() {
    let (world, page) = world().await;
    for id in [json!("10158_99"), json!(10_158_000)] {
        let refused = world
            .create(&json!({"socialPageId": id, "caption": "x"}))
            .await;
        let refused = refused.problem(422, "invalid");
        assert_eq!(refused.wrong(), [("/socialPageId", "platform_id")]);
        assert!(refused.detail().contains("platform's own id"));
    }
    let stranger = json!({"userId": "u2", "socialPageId": page, "caption": "x"});
    let refused = world.create(&stranger).await.problem(422, "invalid");
    assert_eq!(refused.wrong(), [("/userId", "not_owner")]);

    let token = world.user_token("u2").await;
    let own = json!({"socialPageId": page, "caption": "x"});
    let refused = world.post("/posts").bearer(&token).json(&own).send().await;
    assert_eq!(
        refused.problem(422, "invalid").wrong(),
        [("/socialPageId", "unknown")]
    );
    let other = json!({"userId": "u1", "socialPageId": page, "caption": "x"});
    let refused = world
        .post("/posts")
        .bearer(&token)
        .json(&other)
        .send()
        .await;
    refused.problem(403, "other_user");
}

#[tokio::test]
async fn a_check_should_say_the_same_and_store_nothing() {
    let (world, page) = world().await;
    let check = |body: Value| {
        world
            .post("/posts/check")
            .key(&world.key)
            .json(&body)
            .send()
    };
    let good = check(json!({"socialPageId": page, "caption": "x"}))
        .await
        .expect(200);
    assert_eq!(good.body, json!({"ok": true, "warnings": []}));
    let bad = check(json!({"socialPageId": page, "captoin": "x"}))
        .await
        .problem(422, "invalid");
    assert_eq!(bad.wrong(), [("/captoin", "unknown_field"), ("", "empty")]);
    let listed = world.get("/posts").key(&world.key).send().await.expect(200);
    assert_eq!(listed.body["data"], json!([]));
}

#[tokio::test]
async fn another_tenants_or_users_post_should_not_exist() {
    let (world, page) = world().await;
    let id = world.draft(&page).await;
    let (_, foreign) = world.client_app("bob", "1").await;
    let token = world.user_token("u2").await;
    for credential in [&foreign, &token] {
        for path in [
            format!("/posts/{id}"),
            format!("/posts/{id}/events"),
            "/posts/nonsense".to_owned(),
        ] {
            world
                .get(&path)
                .bearer(credential)
                .send()
                .await
                .problem(404, "not_found");
        }
        for verb in ["publish", "cancel"] {
            let path = format!("/posts/{id}/{verb}");
            world
                .post(&path)
                .bearer(credential)
                .send()
                .await
                .problem(404, "not_found");
        }
        let path = format!("/posts/{id}");
        world
            .delete(&path)
            .bearer(credential)
            .send()
            .await
            .problem(404, "not_found");
        let body = json!({"caption": "y"});
        world
            .patch(&path)
            .bearer(credential)
            .json(&body)
            .send()
            .await
            .problem(404, "not_found");
        let listed = world
            .get("/posts")
            .bearer(credential)
            .send()
            .await
            .expect(200);
        assert_eq!(listed.body["data"], json!([]));
    }
}

#[tokio::test]
async fn a_patch_should_change_what_it_names_and_clear_what_is_null() {
    let (world, page) = world().await;
    let body = json!({
        "socialPageId": page, "caption": "Bread", "link": "https://x.example", "media": ["https://x/a.jpg"],
        "firstComment": "c", "metadata": {"a": 1}, "placement": "reel", "giveUpAfter": 60,
    });
    let id = world.create(&body).await.expect(201).id();
    let path = format!("/posts/{id}");
    let patch = |body: Value| world.patch(&path).key(&world.key).json(&body).send();
    let changed = patch(json!({"caption": "Cake"})).await.expect(200);
    assert_eq!(changed.body["caption"], "Cake");
    assert_eq!(changed.body["link"], "https://x.example");
    assert_eq!(changed.header("etag"), "\"2\"");
    let cleared = patch(json!({
        "link": null, "media": null, "firstComment": null, "metadata": null, "placement": null, "giveUpAfter": null,
    }));
    let cleared = cleared.await.expect(200).body;
    assert_eq!(cleared["link"], Value::Null);
    assert_eq!(cleared["media"], json!([]));
    assert_eq!(cleared["firstCommentStatus"], "none");
    assert_eq!(cleared["metadata"], json!({}));
    assert_eq!(cleared["placement"], "feed");
    assert_eq!(cleared["giveUpAfter"], 86_400);
    let same = patch(json!({})).await.expect(200);
    assert_eq!(same.body, cleared);
    let times = json!({"scheduledAt": "2026-03-02T09:00:00Z", "timezone": "Europe/Berlin", "caption": "Later"});
    let timed = patch(times).await.expect(200).body;
    assert_eq!(timed["status"], "scheduled");
    assert_eq!(timed["timezone"], "Europe/Berlin");
    assert_eq!(timed["caption"], "Later");

    let refused = patch(json!({
        "caption": "far more than twenty characters", "scheduledAt": null, "timezone": "UTC", "socialPageId": page,
    }));
    assert_eq!(
        refused.await.problem(422, "invalid").wrong(),
        [
            ("/timezone", "without_time"),
            ("/scheduledAt", "type"),
            ("/socialPageId", "unknown_field")
        ]
    );
    let refused = patch(json!({"caption": null}))
        .await
        .problem(422, "invalid");
    assert_eq!(refused.wrong(), [("", "empty")]);
}

#[tokio::test]
async fn if_match_should_guard_every_change() {
    let (world, page) = world().await;
    let id = world.draft(&page).await;
    let path = format!("/posts/{id}");
    let caption = json!({"caption": "y"});
    let at = json!({"scheduledAt": "2026-03-02T09:00:00Z"});
    let changes = |tag: &str| {
        [
            world.patch(&path).json(&caption),
            world.delete(&path),
            world.post(&format!("{path}/schedule")).json(&at),
            world.post(&format!("{path}/publish")),
            world.post(&format!("{path}/cancel")),
        ]
        .map(|call| call.key(&world.key).header("if-match", tag))
    };
    for tag in ["\"7\"", "W/\"7\"", "\"abc\"", "\"7\", \"8\""] {
        for change in changes(tag) {
            let stale = change.send().await.problem(412, "stale");
            assert_eq!(stale.body["revision"], 1);
        }
    }
    for change in changes("7") {
        change.send().await.problem(400, "bad_if_match");
    }
    let read = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(read.header("etag"), "\"1\"");
    let edit = async |tag: &str, caption: &str| -> Answer {
        let body = json!({ "caption": caption });
        let call = world.patch(&path).key(&world.key).header("if-match", tag);
        call.json(&body).send().await.expect(200)
    };
    assert_eq!(edit("\"1\"", "a").await.header("etag"), "\"2\"");
    assert_eq!(edit("W/\"2\"", "b").await.header("etag"), "\"3\"");
    assert_eq!(edit("\"9\", \"3\"", "c").await.header("etag"), "\"4\"");
    assert_eq!(edit("*", "d").await.header("etag"), "\"5\"");
}

#[tokio::test]
async fn scheduling_and_calling_off_should_be_safe_to_repeat() {
    let (world, page) = world().await;
    let id = world.draft(&page).await;
    let schedule = |body: Value| {
        let call = world.post(&format!("/posts/{id}/schedule"));
        call.key(&world.key).json(&body).send()
    };
    let at = json!({"scheduledAt": "2026-03-02T09:00:00Z", "timezone": "Europe/Berlin"});
    let first = schedule(at.clone()).await.expect(200);
    assert_eq!(first.body["status"], "scheduled");
    assert_eq!(first.body["nextAttemptAt"], "2026-03-02T09:00:00.000000Z");
    let again = schedule(at).await.expect(200);
    assert_eq!(again.header("etag"), first.header("etag"));

    let past = schedule(json!({"scheduledAt": "2026-03-01T11:00:00Z"})).await;
    assert_eq!(
        past.problem(422, "invalid").wrong(),
        [("/scheduledAt", "scheduled_in_past")]
    );
    let missing = schedule(json!({"at": 1})).await.problem(422, "invalid");
    assert_eq!(
        missing.wrong(),
        [("/scheduledAt", "required"), ("/at", "unknown_field")]
    );
    let path = format!("/posts/{id}/cancel");
    let canceled = world.post(&path).key(&world.key).send().await.expect(200);
    assert_eq!(canceled.body["status"], "canceled");
    let again = world
        .post(&path)
        .key(&world.key)
        .json(&json!({}))
        .send()
        .await
        .expect(200);
    assert_eq!(again.header("etag"), canceled.header("etag"));
    let refused = schedule(json!({"scheduledAt": "2026-03-02T09:00:00Z"})).await;
    refused.problem(409, "canceled");
    let path = format!("/posts/{id}");
    world.delete(&path).key(&world.key).send().await.expect(204);
    world
        .get(&path)
        .key(&world.key)
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn lists_should_be_filtered_and_go_page_by_page() {
    let (world, page) = world().await;
    let mut ids = Vec::new();
    for day in 2..5 {
        let at = format!("2026-03-0{day}T09:00:00Z");
        let body = json!({"socialPageId": page, "caption": "x", "scheduledAt": at});
        ids.push(world.create(&body).await.expect(201).id());
    }
    ids.push(world.draft(&page).await);
    let list = async |query: &str| -> Vec<String> {
        let listed = world
            .get(&format!("/posts{query}"))
            .key(&world.key)
            .send()
            .await
            .expect(200);
        let data = listed.body["data"].as_array().unwrap();
        data.iter()
            .map(|post| post["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        list("").await,
        [&ids[3], &ids[2], &ids[1], &ids[0]].map(Clone::clone)
    );
    assert_eq!(list("?status=draft").await, [ids[3].clone()]);
    assert_eq!(
        list("?from=2026-03-03T00:00:00Z&to=2026-03-04T09:00:00Z").await,
        [ids[1].clone()]
    );
    assert_eq!(list("?userId=u2").await, Vec::<String>::new());
    assert_eq!(
        list(&format!("?socialPageId={page}&limit=1")).await,
        [ids[3].clone()]
    );
    let cursor = &ids[2];
    assert_eq!(
        list(&format!("?limit=1&cursor={cursor}")).await,
        [ids[1].clone()]
    );
    for (query, named) in [
        ("status=live", "`draft`"),
        ("from=yesterday", "RFC 3339"),
        ("socialPageId=1", "UUID"),
        ("groupId=1", "UUID"),
        ("state=draft", "`status`"),
    ] {
        let refused = world
            .get(&format!("/posts?{query}"))
            .key(&world.key)
            .send()
            .await;
        let refused = refused.problem(400, "bad_query");
        assert!(refused.detail().contains(named), "{}", refused.detail());
    }
}
