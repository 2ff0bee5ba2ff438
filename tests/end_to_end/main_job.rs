//! Connect, confirm, post now, schedule, list; and what can be done with what is live.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::json;
use shareville::sandbox::{Consent, demo};

use crate::support::{REDIRECT, World, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_should_connect_confirm_and_post_now() {
    let world = World::new().await;
    // Another end user, from the browser, with a user token.
    let token = world
        .api
        .post("/user-tokens", json!({"userId": "grace"}))
        .await;
    let grace = world.api.with(text(&token, "token"));
    let back = world.come_back("grace", &Consent::all(), true).await;
    let landed = grace.call(Method::GET, &back, None).await;
    assert_eq!(landed.status, StatusCode::FOUND);
    let location = url::Url::parse(landed.headers["location"].to_str().unwrap()).unwrap();
    assert!(location.as_str().starts_with(REDIRECT));
    let grant = location
        .query_pairs()
        .find(|(name, _)| name == "grant")
        .unwrap()
        .1
        .into_owned();
    // Nothing is connected before she confirms, and only she can.
    assert_eq!(grace.get("/social/providers").await["data"], json!([]));
    let connection = grace
        .post("/social/providers/confirm", json!({"grant": grant}))
        .await;
    assert_eq!(connection["status"], "active");
    assert_eq!(connection["userId"], "grace");
    assert_eq!(connection["missingScopes"], json!([]));
    let again = grace
        .call(
            Method::POST,
            "/social/providers/confirm",
            Some(json!({"grant": grant})),
        )
        .await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);

    let pages = grace
        .get(&format!(
            "/social/providers/{}/pages",
            text(&connection, "id")
        ))
        .await;
    let pages = pages["data"].as_array().unwrap();
    assert!(
        pages.iter().any(|page| page["pageId"] == demo::TRADING),
        "Pages of businesses come too"
    );
    let choir = pages
        .iter()
        .find(|page| page["pageId"] == demo::CHOIR)
        .unwrap();
    assert_eq!(
        choir["canPublish"], false,
        "she may not post there: {choir}"
    );
    let bakery = pages
        .iter()
        .find(|page| page["pageId"] == demo::BAKERY)
        .unwrap();

    let draft = grace
        .post("/posts", json!({"socialPageId": bakery["id"], "caption": "Fresh rolls", "firstComment": "Until noon"}))
        .await;
    assert_eq!(draft["status"], "draft");
    let request = grace
        .request(
            Method::POST,
            &format!("/posts/{}/publish", text(&draft, "id")),
        )
        .header("prefer", "wait=30");
    let published = grace.send(request).await;
    assert_eq!(published.status, StatusCode::OK, "{published:?}");
    assert_eq!(published.body["status"], "published");
    let visible = world.visible(demo::BAKERY, "Fresh rolls");
    assert_eq!(visible.len(), 1);
    assert_eq!(published.body["platformPostId"], visible[0].id.as_str());
    assert_eq!(
        published.body["platformPostUrl"],
        visible[0].permalink_url.as_str()
    );
    let commented = grace
        .until(&text(&draft, "id"), |post| {
            post["firstCommentStatus"] == "published"
        })
        .await;
    assert_eq!(commented["attempts"], 1);
    assert_eq!(
        world.visible(demo::BAKERY, "Fresh rolls")[0].comments.len(),
        1
    );
    let listed = grace.get("/posts?status=published").await;
    assert_eq!(listed["data"][0]["id"], draft["id"]);
    // Ada's posts are not hers to see, and hers are listed for the tenant.
    assert_eq!(
        world.api.get("/posts?userId=grace").await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(world.api.get("/posts?userId=ada").await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_post_should_go_out_at_its_time_and_not_before() {
    let world = World::new().await;
    let (page, platform_page) = &world.pages[0];
    let at = Utc::now() + TimeDelta::milliseconds(1500);
    let body = json!({
        "socialPageId": page, "caption": "With pictures", "scheduledAt": at,
        "media": ["https://pictures.example/1.jpg", {"type": "image", "url": "https://pictures.example/2.jpg", "altText": "two"}],
    });
    let post = world.api.post("/posts", body).await;
    assert_eq!(post["status"], "scheduled");
    let published = world
        .api
        .until_status(&text(&post, "id"), "published")
        .await;
    let when: DateTime<Utc> = text(&published, "publishedAt").parse().unwrap();
    assert!(when >= at, "published at {when}, before {at}");
    let visible = world.visible(platform_page, "With pictures");
    assert_eq!(visible.len(), 1);
    let alt_texts: Vec<_> = visible[0]
        .photos
        .iter()
        .map(|photo| photo.alt_text.clone())
        .collect();
    assert_eq!(alt_texts, [None, Some("two".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_post_should_move_and_be_called_off() {
    let world = World::new().await;
    let (page, platform_page) = &world.pages[0];
    let hours = |hours| (Utc::now() + TimeDelta::hours(hours)).to_rfc3339();
    let post = world
        .api
        .post(
            "/posts",
            json!({"socialPageId": page, "caption": "Later", "scheduledAt": hours(1)}),
        )
        .await;
    let id = text(&post, "id");
    let moved = world
        .api
        .post(
            &format!("/posts/{id}/schedule"),
            json!({"scheduledAt": hours(2)}),
        )
        .await;
    assert_ne!(moved["scheduledAt"], post["scheduledAt"]);
    let canceled = world
        .api
        .post(&format!("/posts/{id}/cancel"), json!({}))
        .await;
    assert_eq!(canceled["status"], "canceled");
    let again = world
        .api
        .post(&format!("/posts/{id}/cancel"), json!({}))
        .await;
    assert_eq!(again["revision"], canceled["revision"]);
    let publish = world
        .api
        .call(Method::POST, &format!("/posts/{id}/publish"), None)
        .await;
    assert_eq!(publish.status, StatusCode::CONFLICT);
    assert_eq!(publish.body["code"], "canceled");
    let deleted = world
        .api
        .call(Method::DELETE, &format!("/posts/{id}"), None)
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    let gone = world
        .api
        .call(Method::GET, &format!("/posts/{id}"), None)
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert!(world.visible(platform_page, "Later").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_should_be_edited_and_deleted_at_the_platform() {
    let world = World::new().await;
    let (page, platform_page) = &world.pages[0];
    let id = world
        .publish(
            page,
            json!({"caption": "Tpyo", "link": "https://site.example/a"}),
        )
        .await;
    let published = world.api.until_status(&id, "published").await;
    let path = format!("/posts/{id}");

    let stale = world
        .api
        .send(
            world
                .api
                .request(Method::PATCH, &path)
                .header("if-match", "\"1\"")
                .json(&json!({"caption": "x"})),
        )
        .await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let etag = format!("\"{}\"", published["revision"]);
    let edited = world
        .api
        .send(
            world
                .api
                .request(Method::PATCH, &path)
                .header("if-match", etag)
                .json(&json!({"caption": "Typo"})),
        )
        .await;
    assert_eq!(edited.status, StatusCode::OK, "{edited:?}");
    assert_eq!(world.visible(platform_page, "Typo").len(), 1);
    assert!(world.visible(platform_page, "Tpyo").is_empty());
    let more = world
        .api
        .call(Method::PATCH, &path, Some(json!({"link": null})))
        .await;
    assert_eq!(more.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(more.body["errors"][0]["code"], "not_supported_by_platform");

    let publish = world
        .api
        .call(Method::POST, &format!("{path}/publish"), None)
        .await;
    assert_eq!(publish.status, StatusCode::CONFLICT);
    assert_eq!(publish.body["post"]["id"], id.as_str());
    let refused = world.api.call(Method::DELETE, &path, None).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let deleted = world
        .api
        .call(Method::DELETE, &format!("{path}?platform=true"), None)
        .await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{deleted:?}");
    assert!(world.visible(platform_page, "Typo").is_empty());
    assert_eq!(world.api.get(&path).await["status"], "deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_connection_should_fail_its_posts_and_revoke_it() {
    let world = World::new().await;
    let at = Utc::now() + TimeDelta::hours(1);
    let body = json!({"socialPageId": world.pages[0].0, "caption": "Later", "scheduledAt": at});
    let post = world.api.post("/posts", body).await;
    let path = format!("/social/providers/{}", world.connection);
    let removed = world.api.call(Method::DELETE, &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{removed:?}");
    let failed = world
        .api
        .get(&format!("/posts/{}", text(&post, "id")))
        .await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"]["code"], "connection_removed");
    assert_eq!(failed["error"]["action"], "reconnect");
    let calls = world.sandbox.calls();
    assert!(
        calls
            .iter()
            .any(|call| call.step == shareville::sandbox::Step::RevokePermissions)
    );
    assert_eq!(world.api.get("/social/providers").await["data"], json!([]));
}
