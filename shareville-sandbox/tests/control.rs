//! The control routes, as another process would use them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use shareville_sandbox::{Consent, demo};
use support::{App, REDIRECT, SCOPES, app};

impl App {
    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.http.request(
            method,
            format!("{}/_sandbox/{path}", self.sandbox.base_url()),
        );
        if !body.is_null() {
            request = request.json(&body);
        }
        let told = self.send(request).await;
        (told.status, told.body)
    }
}

#[tokio::test]
async fn a_whole_test_by_http() {
    let app = app().await;
    let (status, person) = app
        .control(Method::POST, "people", json!({ "name": "Grace" }))
        .await;
    assert_eq!(status, 201);
    let person = person["id"].as_str().unwrap().to_owned();
    let new = json!({ "name": "Grace's Page", "roles": [{ "person": person }] });
    let (status, page) = app.control(Method::POST, "pages", new).await;
    assert_eq!(status, 201);
    let page = page["id"].as_str().unwrap().to_owned();
    let consent = json!({ "person": person, "pages": { "only": [page] }, "declined": ["pages_manage_engagement"] });
    let (_, back) = app
        .control(
            Method::POST,
            "approve",
            json!({ "url": app.dialog(SCOPES), "consent": consent }),
        )
        .await;
    let back = url::Url::parse(back["redirect"].as_str().unwrap()).unwrap();
    assert!(back.as_str().starts_with(REDIRECT));
    let user = app
        .exchange(&support::value(&back, "code").unwrap())
        .await
        .text("access_token");
    let token = app
        .get(&format!("{page}?fields=access_token"), &user)
        .await
        .text("access_token");

    let fault = json!({ "at": { "step": "create_post" }, "effect": { "kind": "refuse", "answer": { "status": 400, "body": { "error": { "code": 1 } } } } });
    let (status, fault) = app.control(Method::POST, "faults", fault).await;
    assert_eq!((status, &fault["id"]), (201, &json!(1)));
    let feed = format!("{page}/feed");
    assert_eq!(app.post(&feed, &token, &[("message", "x")]).await.code(), 1);
    app.post(&feed, &token, &[("message", "Hello")]).await.ok();
    let (_, report) = app.control(Method::GET, "faults/1", Value::Null).await;
    assert_eq!(report["struck"], 1);
    let (_, visible) = app
        .control(Method::GET, &format!("pages/{page}/visible"), Value::Null)
        .await;
    assert_eq!(
        (visible.as_array().unwrap().len(), &visible[0]["message"]),
        (1, &json!("Hello"))
    );
    let id = visible[0]["id"].as_str().unwrap();
    let remark = json!({ "visitor": "Vi", "message": "cool" });
    assert_eq!(
        app.control(Method::POST, &format!("posts/{id}/comments"), remark)
            .await
            .0,
        201
    );
    assert_eq!(
        app.control(Method::DELETE, &format!("posts/{id}"), Value::Null)
            .await
            .0,
        204
    );
    let (_, posts) = app
        .control(Method::GET, &format!("pages/{page}/posts"), Value::Null)
        .await;
    assert_eq!(posts[0]["deleted"], true);
    let (_, calls) = app.control(Method::GET, "calls", Value::Null).await;
    assert!(
        calls
            .as_array()
            .unwrap()
            .iter()
            .any(|call| call["step"] == "create_post" && call["fault"] == 1)
    );
    let (_, revoked) = app
        .control(
            Method::POST,
            "revoke",
            json!({ "person": person, "death": "app_removed" }),
        )
        .await;
    assert_eq!(revoked["revoked"], 2);
    assert_eq!(app.get("me", &user).await.subcode(), 458);
}

#[tokio::test]
async fn holds_switches_and_clock_by_http() {
    let app = app().await;
    let token = app.bakery().await;
    let hold = json!({ "at": { "step": "create_post" }, "effect": { "kind": "hold", "moment": "after_acting" } });
    app.control(Method::POST, "faults", hold).await;
    assert_eq!(
        app.control(Method::GET, "faults/1/held?wait_ms=1", Value::Null)
            .await
            .0,
        204
    );
    let call = app
        .request(Method::POST, &format!("{}/feed", demo::BAKERY), &token)
        .form(&[("message", "x")]);
    let sent = tokio::spawn(call.send());
    let (status, held) = app.control(Method::GET, "faults/1/held", Value::Null).await;
    assert_eq!((status, &held["fault"]), (200, &json!(1)));
    assert_eq!(
        app.control(Method::GET, "quiet?wait_ms=1", Value::Null)
            .await
            .1["quiet"],
        false
    );
    assert_eq!(
        app.control(Method::POST, "faults/1/release", Value::Null)
            .await
            .0,
        204
    );
    assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    assert_eq!(
        app.control(Method::GET, "quiet", Value::Null).await.1["quiet"],
        true
    );

    let (_, switches) = app
        .control(
            Method::PUT,
            "switches",
            json!({ "photo_reuse_allowed": true }),
        )
        .await;
    assert_eq!(
        (
            &switches["photo_reuse_allowed"],
            &switches["publish_twice_is_harmless"]
        ),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        app.control(Method::PUT, "switches", json!({ "photo_reuse": true }))
            .await
            .0,
        422
    );
    let code = app.code(SCOPES, &Consent::all());
    assert_eq!(
        app.control(Method::POST, "clock", json!({ "seconds": 601 }))
            .await
            .0,
        204
    );
    assert_eq!(app.exchange(&code).await.subcode(), 36_007);
    assert_eq!(
        app.control(Method::GET, "faults/9", Value::Null).await.0,
        404
    );
    assert_eq!(
        app.control(Method::GET, "pages/9/visible", Value::Null)
            .await
            .0,
        404
    );
    assert_eq!(app.control(Method::POST, "revoke", json!({})).await.0, 400);
}

#[tokio::test]
async fn a_kind_should_be_told_by_http() {
    let app = app().await;
    let token = app.bakery().await;
    app.control(
        Method::PUT,
        "switches",
        json!({ "video_processing_polls": 0 }),
    )
    .await;
    let videos = format!("{}/videos", demo::BAKERY);
    let form = [
        ("file_url", "https://films.example/a.mp4"),
        ("title", "<b>Bread</b>"),
    ];
    let video = app.post(&videos, &token, &form).await.text("id");
    for list in ["visible", "posts"] {
        let path = format!("pages/{}/{list}", demo::BAKERY);
        let (_, told) = app.control(Method::GET, &path, Value::Null).await;
        assert_eq!(told[0]["kind"], "video");
    }
    let path = format!("pages/{}/visible", demo::BAKERY);
    let (_, told) = app.control(Method::GET, &path, Value::Null).await;
    assert_eq!(told[0]["video"]["id"], video.as_str());
    let page = format!("{}/_sandbox/pages/{}", app.sandbox.base_url(), demo::BAKERY);
    let page = app.http.get(page).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(&video) && page.contains("Video"));
    assert!(page.contains("Bread") && !page.contains("<b>"));
}

#[tokio::test]
async fn a_visitor_sees_text_not_markup() {
    let app = app().await;
    let token = app.bakery().await;
    let feed = format!("{}/feed", demo::BAKERY);
    let form = [
        ("message", "<script>alert(1)</script>"),
        ("link", "https://shop.example/?a=1&b=2"),
    ];
    app.post(&feed, &token, &form).await.ok();
    app.draft(&token, "still a secret").await;
    for path in [
        "/_sandbox".to_owned(),
        format!("/_sandbox/pages/{}", demo::BAKERY),
    ] {
        let page = app
            .http
            .get(format!("{}{path}", app.sandbox.base_url()))
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(
            page.contains("Ada's Bakery")
                && !page.contains("<script>")
                && !page.contains("still a secret")
        );
    }
    let short = format!(
        "{}/www.facebook.com/{}",
        app.sandbox.base_url(),
        app.sandbox.visible_posts(demo::BAKERY)[0].id
    );
    assert_eq!(app.http.get(short).send().await.unwrap().status(), 307);
}
