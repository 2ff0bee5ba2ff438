//! Stories of a Page: of photos and of videos, for a day.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use shareville_sandbox::{Effect, Fault, PostKind, Step, Switches, demo};
use support::film::{STORIES, TALL, film};
use support::{App, Told, app};

const PHOTOS: &str = "100000000000101/photos";
const PHOTO_STORIES: &str = "100000000000101/photo_stories";

async fn photo(app: &App, token: &str) -> String {
    let form = [
        ("url", "https://pictures.example/a.jpg"),
        ("published", "false"),
    ];
    app.post(PHOTOS, token, &form).await.text("id")
}

async fn tell(app: &App, token: &str, photo: &str) -> Told {
    app.post(PHOTO_STORIES, token, &[("photo_id", photo)]).await
}

async fn listed(app: &App, token: &str, query: &str) -> Vec<serde_json::Value> {
    let list = format!("{}/stories{query}", demo::BAKERY);
    let list = app.get(&list, token).await.ok();
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_photo_should_be_a_story_for_a_day() {
    let app = app().await;
    let token = app.bakery().await;
    let photo = photo(&app, &token).await;
    let told = tell(&app, &token, &photo).await;
    let story = told.text("post_id");
    assert_eq!(told.ok()["success"], true);
    let list = listed(&app, &token, "").await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["post_id"], story.as_str());
    assert_eq!(
        (&list[0]["media_type"], &list[0]["media_id"]),
        (&"photo".into(), &photo.as_str().into())
    );
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(
        (seen.kind, seen.id.as_str(), seen.photos[0].id.as_str()),
        (PostKind::Story, story.as_str(), photo.as_str())
    );
    assert_eq!(list[0]["url"], seen.permalink_url.as_str());
    let page = app.http.get(&seen.permalink_url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let posts = format!("{}/published_posts", demo::BAKERY);
    let posts = app.get(&posts, &token).await.ok();
    assert_eq!(posts["data"].as_array().unwrap().len(), 0);
    assert_eq!(app.delete(&story, &token).await.subcode(), 33);

    app.sandbox.advance(Duration::from_secs(86_399 - 60));
    assert_eq!(app.visible(), 1);
    app.sandbox.advance(Duration::from_secs(61));
    assert_eq!(app.visible(), 0);
    let token = app.bakery().await;
    assert!(listed(&app, &token, "").await.is_empty());
    let old = listed(&app, &token, "?status=ARCHIVED").await;
    assert_eq!(old[0]["status"], "ARCHIVED");
    assert_eq!(app.sandbox.posts(demo::BAKERY)[0].kind, PostKind::Story);
}

#[tokio::test]
async fn a_photo_story_should_be_harmless_twice_unless_a_switch_says_otherwise() {
    for (harmless, count) in [(true, 1), (false, 2)] {
        let app = app().await;
        let mut switches = Switches::default();
        switches.photo_story_twice_is_harmless = harmless;
        app.sandbox.set_switches(switches);
        let token = app.bakery().await;
        let photo = photo(&app, &token).await;
        let first = tell(&app, &token, &photo).await.text("post_id");
        let second = tell(&app, &token, &photo).await.text("post_id");
        assert_eq!(first == second, harmless);
        assert_eq!(app.kinds(), vec![PostKind::Story; count]);
    }
}

#[tokio::test]
async fn only_an_unused_photo_should_become_a_story() {
    let app = app().await;
    let token = app.bakery().await;
    let url = [("url", "https://pictures.example/a.jpg")];
    let published = app.post(PHOTOS, &token, &url).await.text("id");
    assert_eq!(tell(&app, &token, &published).await.code(), 100);
    let attached = photo(&app, &token).await;
    let media = format!("[{{\"media_fbid\":\"{attached}\"}}]");
    let feed = format!("{}/feed", demo::BAKERY);
    app.post(&feed, &token, &[("attached_media", &media)])
        .await
        .ok();
    assert_eq!(tell(&app, &token, &attached).await.code(), 100);
    assert_eq!(tell(&app, &token, "1").await.code(), 100);
    let old = photo(&app, &token).await;
    app.sandbox.advance(Duration::from_secs(86_401));
    let token = app.bakery().await;
    assert_eq!(tell(&app, &token, &old).await.code(), 100);
    for _ in 0..2 {
        let told = app.post(PHOTO_STORIES, &token, &url).await;
        assert_eq!((told.status, told.code()), (503, 1));
    }
    assert!(listed(&app, &token, "").await.is_empty());
}

#[tokio::test]
async fn a_photo_of_a_story_should_not_become_a_post() {
    let app = app().await;
    let token = app.bakery().await;
    let photo = photo(&app, &token).await;
    tell(&app, &token, &photo).await.ok();
    let media = format!("[{{\"media_fbid\":\"{photo}\"}}]");
    let feed = format!("{}/feed", demo::BAKERY);
    let told = app.post(&feed, &token, &[("attached_media", &media)]).await;
    assert_eq!(told.subcode(), 1_366_051);
}

#[tokio::test]
async fn a_lost_answer_of_a_photo_story_should_leave_one_story() {
    let app = app().await;
    let token = app.bakery().await;
    let photo = photo(&app, &token).await;
    let fault = Fault::on(Step::PublishPhotoStory, Effect::LoseAnswer);
    let fault = app.sandbox.arm(fault.on_page(demo::BAKERY));
    let call = app
        .request(reqwest::Method::POST, PHOTO_STORIES, &token)
        .form(&[("photo_id", &photo)]);
    assert!(call.send().await.is_err());
    assert_eq!(app.sandbox.struck(fault), 1);
    let list = listed(&app, &token, "?fields=media_id").await;
    assert_eq!(list, [serde_json::json!({ "media_id": photo })]);
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn a_video_should_be_a_story_once_processing_is_over() {
    let app = app().await;
    let token = app.bakery().await;
    let (video, url) = app.session(STORIES, &token).await;
    let early = app.send(app.finish(STORIES, &token, &video)).await;
    assert_eq!(early.code(), 6_000);
    let film = film(1_080, 1_920, 30);
    let lost = app
        .sandbox
        .arm(Fault::on(Step::UploadVideoStory, Effect::LoseAnswer));
    assert!(app.bytes(&url, &token, &film, 0).send().await.is_err());
    assert_eq!(app.sandbox.struck(lost), 1);
    let story = app.send(app.finish(STORIES, &token, &video)).await;
    let story = story.text("post_id");
    assert!(listed(&app, &token, "").await.is_empty());
    let list = listed(&app, &token, "").await;
    assert_eq!(list[0]["post_id"], story.as_str());
    assert_eq!(
        (&list[0]["media_type"], &list[0]["media_id"]),
        (&"video".into(), &video.as_str().into())
    );
    let again = app.send(app.finish(STORIES, &token, &video)).await;
    assert_eq!(again.text("post_id"), story);
    assert_eq!(app.kinds(), [PostKind::Story]);
    let status = app.status(&video, &token).await;
    assert_eq!(status["published"], true);
    assert_eq!(status["post_id"], story.as_str());
    app.sandbox.delete_post(&story).unwrap();
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn a_story_should_last_a_minute_at_most() {
    let app = app().await;
    let token = app.bakery().await;
    for (seconds, subcode) in [(60, 0), (61, 1_363_128), (2, 1_363_128)] {
        let file = format!("https://films.example/a.mp4?width=1080&height=1920&seconds={seconds}");
        let video = app.filled(STORIES, &token, &file).await;
        let told = app.send(app.finish(STORIES, &token, &video)).await;
        assert_eq!(told.subcode(), subcode);
    }
}

#[tokio::test]
async fn a_story_may_appear_twice_if_a_switch_says_so() {
    let app = app().await;
    let mut switches = Switches::default();
    switches.finish_twice_is_harmless = false;
    switches.video_processing_polls = 0;
    app.sandbox.set_switches(switches);
    let token = app.bakery().await;
    let video = app.filled(STORIES, &token, TALL).await;
    for _ in 0..2 {
        app.send(app.finish(STORIES, &token, &video)).await.ok();
    }
    assert_eq!(app.kinds(), [PostKind::Story, PostKind::Story]);
    app.delete(&video, &token).await.ok();
    assert_eq!(app.visible(), 1);
}
