//! Posts, photos, comments: what is done, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;
use shareville_sandbox::{Consent, NewPage, Role, Switches, demo};
use support::{SCOPES, app};

/// The fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

const FEED: &str = "100000000000101/feed";
const PHOTOS: &str = "100000000000101/photos";

#[tokio::test]
async fn a_hidden_post_becomes_visible_once() {
    let app = app().await;
    let token = app.bakery().await;
    let id = app.draft(&token, "Hello").await;
    assert!(id.starts_with(demo::BAKERY));
    assert_eq!(app.visible(), 0);
    let hidden = app
        .get(&format!("{id}?fields=is_published,permalink_url"), &token)
        .await
        .ok();
    assert_eq!(hidden["is_published"], false);
    for _ in 0..3 {
        assert_eq!(
            app.send(app.publish(&token, &id)).await.ok(),
            json!({ "success": true })
        );
        assert_eq!(app.visible(), 1);
    }
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(
        (seen.id.as_str(), seen.message.as_deref()),
        (id.as_str(), Some("Hello"))
    );
    let page = app
        .http
        .get(&seen.permalink_url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("Hello"));
    for edge in ["feed", "posts", "published_posts"] {
        let list = app
            .get(&format!("{}/{edge}", demo::BAKERY), &token)
            .await
            .ok();
        assert_eq!(list["data"][0]["id"], id.as_str());
    }
}

#[tokio::test]
async fn a_switch_makes_publishing_twice_harmful() {
    let app = app().await;
    let mut switches = Switches::default();
    switches.publish_twice_is_harmless = false;
    app.sandbox.set_switches(switches);
    let token = app.bakery().await;
    let id = app.draft(&token, "Hello").await;
    app.send(app.publish(&token, &id)).await.ok();
    app.send(app.publish(&token, &id)).await.ok();
    assert_eq!(app.visible(), 2);
}

#[tokio::test]
async fn photos_keep_order_and_belong_to_one_post() {
    let app = app().await;
    let token = app.bakery().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let url = format!("https://pictures.example/{number}.jpg");
        let alt = format!("picture {number}");
        let form = [
            ("url", url.as_str()),
            ("published", "false"),
            ("alt_text_custom", &alt),
        ];
        ids.push(app.post(PHOTOS, &token, &form).await.text("id"));
    }
    let media: Vec<_> = ids
        .iter()
        .map(|id| json!({ "media_fbid": id }).to_string())
        .collect();
    let form = [
        ("message", "three"),
        ("published", "false"),
        ("attached_media[2]", media[0].as_str()),
        ("attached_media[0]", media[2].as_str()),
        ("attached_media[1]", media[1].as_str()),
    ];
    let id = app.post(FEED, &token, &form).await.text("id");
    app.send(app.publish(&token, &id)).await.ok();
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    let alts: Vec<_> = seen
        .photos
        .iter()
        .map(|photo| photo.alt_text.clone().unwrap())
        .collect();
    assert_eq!(alts, ["picture 2", "picture 1", "picture 0"]);
    let again = app
        .request(Method::POST, FEED, &token)
        .json(&json!({ "attached_media": [{ "media_fbid": ids[0] }] }));
    assert_eq!(app.send(again).await.subcode(), 1_366_051);
    let used = app.delete(&ids[0], &token).await;
    assert_eq!((used.code(), used.subcode()), (100, 33));
    let read = app
        .get(
            &format!("{id}?fields=attachments{{media_type,subattachments{{target{{id}}}}}}"),
            &token,
        )
        .await
        .ok();
    assert_eq!(
        read["attachments"]["data"][0]["subattachments"]["data"][0]["target"]["id"],
        ids[2].as_str()
    );
    let foreign = app.page_token(demo::GARDEN).await;
    let form = [("attached_media", format!("[{}]", media[0]))];
    let other = app
        .request(Method::POST, &format!("{}/feed", demo::GARDEN), &foreign)
        .form(&form);
    assert_eq!(app.send(other).await.code(), 100);
}

#[tokio::test]
async fn photos_are_uploaded_as_bytes_too() {
    let app = app().await;
    let token = app.bakery().await;
    let png = b"\x89PNG\r\n\x1A\nrest".to_vec();
    let form = |bytes: Vec<u8>| {
        Form::new()
            .text("published", "true")
            .text("caption", "Look")
            .part("source", Part::bytes(bytes).file_name("a.png"))
    };
    let done = app
        .send(
            app.request(Method::POST, PHOTOS, &token)
                .multipart(form(png.clone())),
        )
        .await
        .ok();
    assert!(done["post_id"].is_string());
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(
        app.http
            .get(&seen.photos[0].url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap(),
        png
    );
    let text = app
        .send(
            app.request(Method::POST, PHOTOS, &token)
                .multipart(form(b"hello".to_vec())),
        )
        .await;
    assert_eq!(text.subcode(), 1_366_046);
    let lost = app
        .post(PHOTOS, &token, &[("url", "https://gone.invalid/a.jpg")])
        .await;
    assert_eq!((lost.code(), lost.subcode()), (324, 2_069_019));
}

#[tokio::test]
async fn comments_and_replies() {
    let app = app().await;
    let token = app.bakery().await;
    let post = app
        .post(FEED, &token, &[("message", "Hello")])
        .await
        .text("id");
    let comment = app
        .post(&format!("{post}/comments"), &token, &[("message", "First")])
        .await
        .text("id");
    app.post(
        &format!("{comment}/comments"),
        &token,
        &[("message", "Reply")],
    )
    .await
    .ok();
    let theirs = app.sandbox.comment(&post, "Visitor", "cool").unwrap();
    let list = app
        .get(
            &format!("{post}/comments?fields=id,message,from,parent,comment_count"),
            &token,
        )
        .await
        .ok();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert_eq!(list["data"][0]["from"]["id"], demo::BAKERY);
    assert_eq!(list["data"][0]["comment_count"], 1);
    assert_eq!(app.sandbox.visible_posts(demo::BAKERY)[0].comments.len(), 3);
    app.post(&theirs, &token, &[("is_hidden", "true")])
        .await
        .ok();
    assert_eq!(
        app.post(&comment, &token, &[("is_hidden", "true")])
            .await
            .code(),
        200
    );
    assert_eq!(app.sandbox.visible_posts(demo::BAKERY)[0].comments.len(), 2);
    app.delete(&comment, &token).await.ok();
    assert_eq!(app.delete(&comment, &token).await.subcode(), 33);
    assert_eq!(app.sandbox.visible_posts(demo::BAKERY)[0].comments.len(), 0);
}

#[tokio::test]
async fn edit_and_delete() {
    let app = app().await;
    let token = app.bakery().await;
    let post = app
        .post(
            FEED,
            &token,
            &[("message", "Hello"), ("fields", "message,is_published")],
        )
        .await
        .ok();
    assert_eq!(
        (&post["message"], &post["is_published"]),
        (&json!("Hello"), &json!(true))
    );
    let id = post["id"].as_str().unwrap();
    app.post(id, &token, &[("message", "Better")]).await.ok();
    assert_eq!(
        app.sandbox.visible_posts(demo::BAKERY)[0]
            .message
            .as_deref(),
        Some("Better")
    );
    app.delete(id, &token).await.ok();
    assert_eq!(app.visible(), 0);
    for gone in [
        app.delete(id, &token).await,
        app.get(id, &token).await,
        app.send(app.publish(&token, id)).await,
    ] {
        assert_eq!((gone.status, gone.code(), gone.subcode()), (400, 100, 33));
    }
    assert!(app.sandbox.posts(demo::BAKERY)[0].deleted);
}

#[tokio::test]
async fn content_is_judged() {
    let app = app().await;
    let token = app.bakery().await;
    let long = "ä".repeat(63_207);
    let cases: [(Fields<'_>, i64, i64); 9] = [
        (&[], 100, 0),
        (&[("message", &long)], 100, 0),
        (&[("link", "nonsense")], 1_500, 0),
        (&[("link", "ftp://a.example/")], 1_500, 0),
        (&[("link", "https://www.facebook.com/ada")], 100, 1_609_008),
        (&[("link", "https://nowhere.invalid/")], 100, 1_609_005),
        (&[("message", "x"), ("mesage", "y")], 100, 0),
        (&[("message", "x"), ("published", "perhaps")], 100, 0),
        (&[("attached_media", "[{\"media_fbid\":\"1\"}]")], 100, 0),
    ];
    for (form, code, subcode) in cases {
        let refused = app.post(FEED, &token, form).await;
        assert_eq!(
            (refused.code(), refused.subcode()),
            (code, subcode),
            "{}",
            refused.body
        );
    }
    assert_eq!(app.visible(), 0);
    app.post(FEED, &token, &[("message", &long[2..])])
        .await
        .ok();
}

#[tokio::test]
async fn tokens_reach_only_what_is_theirs() {
    let app = app().await;
    let user = app.login(SCOPES, &Consent::all()).await;
    let wrong_kind = app.post(FEED, &user, &[("message", "x")]).await;
    assert_eq!(wrong_kind.code(), 190);
    assert!(
        wrong_kind
            .text_of_error()
            .contains("must be called with a Page Access Token")
    );
    let garden = app.page_token(demo::GARDEN).await;
    assert_eq!(
        app.post(FEED, &garden, &[("message", "x")]).await.code(),
        200
    );
    let choir = app.page_token(demo::CHOIR).await;
    assert_eq!(
        app.post(
            &format!("{}/feed", demo::CHOIR),
            &choir,
            &[("message", "x")]
        )
        .await
        .code(),
        200
    );
    let reader = app.sandbox.add_page(NewPage::new("Reader")).unwrap();
    let token = app.page_token_with(&reader, SCOPES).await;
    app.sandbox
        .set_role(&reader, Role::new(demo::ADA, Vec::<String>::new()))
        .unwrap();
    assert_eq!(app.get(&reader, &token).await.subcode(), 492);
    assert_eq!(app.get("404404404", &token).await.code(), 190);
    assert_eq!(app.get("404404404", &garden).await.subcode(), 33);
    assert_eq!(app.get("me/permissions", &garden).await.code(), 2500);
    assert_eq!(
        app.get(&format!("{}?fields=nane", demo::GARDEN), &garden)
            .await
            .code(),
        100
    );
}

#[tokio::test]
async fn an_app_changes_only_its_own_posts() {
    let app = app().await;
    let token = app.bakery().await;
    let id = app.draft(&token, "Hello").await;
    let back = app
        .sandbox
        .approve(
            &app.dialog(SCOPES).replace(support::APP, "99"),
            &Consent::all(),
        )
        .unwrap();
    let code = support::value(&url::Url::parse(&back).unwrap(), "code").unwrap();
    let form = [
        ("client_id", "99"),
        ("client_secret", "theirs"),
        ("redirect_uri", support::REDIRECT),
        ("code", code.as_str()),
    ];
    let user = app
        .post("oauth/access_token", "", &form)
        .await
        .text("access_token");
    let theirs = app
        .get(&format!("{}?fields=access_token", demo::BAKERY), &user)
        .await
        .text("access_token");
    app.get(&id, &theirs).await.ok();
    assert_eq!(app.send(app.publish(&theirs, &id)).await.code(), 200);
    assert_eq!(app.delete(&id, &theirs).await.code(), 200);
    assert_eq!(app.visible(), 0);
    assert_eq!(app.sandbox.posts(demo::BAKERY).len(), 1);
}

#[tokio::test]
async fn unused_photos_vanish() {
    let app = app().await;
    let token = app.bakery().await;
    let form = [
        ("url", "https://pictures.example/1.jpg"),
        ("published", "false"),
    ];
    let id = app.post(PHOTOS, &token, &form).await.text("id");
    app.get(&format!("{id}?fields=alt_text_custom,images"), &token)
        .await
        .ok();
    app.sandbox
        .advance(std::time::Duration::from_secs(25 * 3_600));
    assert_eq!(app.get(&id, &token).await.subcode(), 33);
    let media = format!("[{{\"media_fbid\":\"{id}\"}}]");
    assert_eq!(
        app.post(FEED, &token, &[("attached_media", &media)])
            .await
            .code(),
        100
    );
}

#[tokio::test]
async fn other_switches_change_what_is_allowed() {
    let app = app().await;
    let token = app.bakery().await;
    let mut switches = Switches::default();
    switches.link_posts_can_be_unpublished = false;
    switches.refuse_duplicate_text = true;
    switches.refuse_unknown_parameters = false;
    app.sandbox.set_switches(switches);
    let link = [("link", "https://shop.example/"), ("published", "false")];
    assert_eq!(app.post(FEED, &token, &link).await.code(), 100);
    app.post(FEED, &token, &[("message", "same"), ("mesage", "typo")])
        .await
        .ok();
    assert_eq!(
        app.post(FEED, &token, &[("message", "same")]).await.code(),
        506
    );
}

#[tokio::test]
async fn missing_permissions_are_named() {
    let app = app().await;
    let token = app.page_token_with(demo::BAKERY, "pages_show_list").await;
    assert_eq!(
        app.post(FEED, &token, &[("message", "x")]).await.code(),
        200
    );
    assert_eq!(app.get(FEED, &token).await.code(), 10);
    let token = app
        .page_token_with(
            demo::BAKERY,
            "pages_show_list,pages_read_engagement,pages_manage_posts",
        )
        .await;
    let id = app.post(FEED, &token, &[("message", "x")]).await.text("id");
    let refused = app
        .post(&format!("{id}/comments"), &token, &[("message", "x")])
        .await;
    assert_eq!(refused.code(), 283);
    assert!(refused.text_of_error().contains("pages_manage_engagement"));
}

#[tokio::test]
async fn fresh_objects_can_be_unreadable_for_a_while() {
    let app = app().await;
    let token = app.bakery().await;
    let mut switches = Switches::default();
    switches.read_after_create_lag = 2;
    app.sandbox.set_switches(switches);
    let id = app.draft(&token, "Hello").await;
    assert_eq!(app.get(&id, &token).await.subcode(), 33);
    assert_eq!(app.get(&id, &token).await.subcode(), 33);
    app.get(&id, &token).await.ok();
}

impl support::Told {
    fn text_of_error(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }
}
