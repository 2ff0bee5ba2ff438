//! What Instagram does not take, with Meta's codes, on both hosts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use support::app;

const PHOTO: &str = "image_url=https://media.example/cake.jpg";
const REEL: &str = "media_type=REELS&video_url=https://media.example/cake.mp4";

/// Sends each form, and expects its code and subcode; nothing is made.
async fn refused(cases: &[(String, i64, i64)]) {
    let app = app().await;
    for account in app.both().await {
        for (form, code, subcode) in cases {
            let request = account
                .request(Method::POST, &format!("{}/media", account.id))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form.clone());
            let told = app.send(request).await;
            assert_eq!(
                (told.code(), told.subcode()),
                (*code, *subcode),
                "{form}: {}",
                told.body
            );
        }
        assert!(app.sandbox.containers(account.id).is_empty());
    }
}

#[tokio::test]
async fn media_that_cannot_be_taken_should_be_refused() {
    let at = "https://media.example";
    refused(&[
        (String::new(), 100, 0),
        (
            "video_url=https://media.example/cake.mp4".to_owned(),
            100,
            0,
        ),
        (
            "is_carousel_item=true&video_url=https://media.example/cake.mp4".to_owned(),
            100,
            0,
        ),
        (format!("{PHOTO}&media_type=IMAGE"), 100, 2_207_023),
        (
            "media_type=VIDEO&video_url=https://media.example/cake.mp4".to_owned(),
            100,
            0,
        ),
        (format!("image_url={at}/x.png"), 36_001, 2_207_005),
        (
            "image_url=https://nowhere.invalid/x.jpg".to_owned(),
            9_004,
            2_207_052,
        ),
        ("image_url=cake.jpg".to_owned(), 9_004, 2_207_052),
        (
            format!("image_url={at}/x.jpg?bytes=8388609"),
            36_000,
            2_207_004,
        ),
        (
            format!("image_url={at}/x.jpg?width=799%26height=1000"),
            36_003,
            2_207_009,
        ),
        (
            format!("image_url={at}/x.jpg?width=1911%26height=1000"),
            36_003,
            2_207_009,
        ),
        (
            format!("media_type=REELS&video_url={at}/x.avi"),
            352,
            2_207_026,
        ),
        (
            "media_type=REELS&video_url=https://nowhere.invalid/x.mp4".to_owned(),
            9_004,
            2_207_052,
        ),
        (format!("{REEL}&cover_url={at}/x.png"), 36_001, 2_207_005),
    ])
    .await;
}

#[tokio::test]
async fn options_that_do_not_fit_should_be_refused() {
    let alt = "x".repeat(1_001);
    let tags = |tags: &str| format!("user_tags=[{tags}]");
    let many: Vec<&str> = vec![r#"{"username":"a","x":0,"y":0}"#; 21];
    refused(&[
        (format!("{PHOTO}&alt_text={alt}"), 100, 0),
        (format!("{PHOTO}&{}", tags(r#"{"username":"a"}"#)), 100, 0),
        (
            format!("{PHOTO}&{}", tags(r#"{"username":"a","x":1.1,"y":0}"#)),
            100,
            0,
        ),
        (format!("{PHOTO}&{}", tags(&many.join(","))), 100, 2_207_040),
        (
            format!(r#"{PHOTO}&collaborators=["a","b","c","d"]"#),
            100,
            0,
        ),
        (format!("{PHOTO}&location_id=here"), 100, 0),
        (format!("{PHOTO}&captoin=x"), 100, 0),
        (format!("{PHOTO}&is_carousel_item=true&caption=x"), 100, 0),
        (format!("{REEL}&alt_text=x"), 100, 0),
        (
            format!("{REEL}&{}", tags(r#"{"username":"a","x":0,"y":0}"#)),
            100,
            0,
        ),
        (format!("{REEL}&thumb_offset=-1"), 1, 2_207_057),
        (format!("{REEL}?seconds=5&thumb_offset=5000"), 1, 2_207_057),
    ])
    .await;
}

#[tokio::test]
async fn captions_should_be_refused_beyond_their_limits() {
    for (fits, too_much) in [
        ("é".repeat(2_200), "é".repeat(2_201)),
        ("%23a ".repeat(30), "%23a ".repeat(31)),
        ("@a ".repeat(20), "@a ".repeat(21)),
    ] {
        for form in [PHOTO, REEL] {
            refused(&[(format!("{form}&caption={too_much}"), 36_004, 2_207_010)]).await;
        }
        let app = app().await;
        let account = app.standalone().await;
        let request = account
            .request(Method::POST, &format!("{}/media", account.id))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("{PHOTO}&caption={fits}"));
        app.send(request).await.ok();
    }
}

#[tokio::test]
async fn edges_of_what_is_taken_should_be_taken() {
    let app = app().await;
    let account = app.linked().await;
    for url in [
        "https://media.example/x.JPEG?width=800&height=1000&bytes=8388608",
        "https://media.example/x?width=1910&height=1000",
    ] {
        account.create(&[("image_url", url)]).await.ok();
    }
    let story = [
        ("media_type", "STORIES"),
        ("image_url", "https://media.example/x.jpg?width=9&height=16"),
    ];
    account.create(&story).await.ok();
    let reel = [
        ("media_type", "REELS"),
        ("video_url", "https://media.example/x.MOV?seconds=5"),
        ("thumb_offset", "4999"),
    ];
    account.create(&reel).await.ok();
}
