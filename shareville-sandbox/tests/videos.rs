//! Videos of a Page: in one call, in chunks, and by their id.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use shareville_sandbox::{Effect, Fault, PostKind, Step, Switches, demo};
use support::film::{TALL, VIDEOS, film};
use support::{App, app};

/// The fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

const WIDE: &str = "https://films.example/a.mp4?width=1920&height=1080&seconds=30&bytes=1000";

/// A session for this film: the video's id and the session's.
async fn session(app: &App, token: &str, film: &[u8]) -> (String, String) {
    let size = film.len().to_string();
    let form = [("upload_phase", "start"), ("file_size", size.as_str())];
    let told = app.post(VIDEOS, token, &form).await;
    assert_eq!(told.text("start_offset"), "0");
    (told.text("video_id"), told.text("upload_session_id"))
}

async fn finish(app: &App, token: &str, session: &str) -> support::Told {
    let form = [
        ("upload_phase", "finish"),
        ("upload_session_id", session),
        ("title", "A title"),
        ("description", "A film"),
    ];
    app.post(VIDEOS, token, &form).await
}

#[tokio::test]
async fn a_hosted_video_should_be_seen_once_processing_is_over() {
    let app = app().await;
    let token = app.bakery().await;
    let form = [("file_url", WIDE), ("description", "Hello")];
    let video = app.post(VIDEOS, &token, &form).await.text("id");
    assert_eq!(app.visible(), 0);
    let first = app.status(&video, &token).await;
    assert_eq!(first["status"]["video_status"], "processing");
    assert_eq!(first["status"]["uploading_phase"]["status"], "complete");
    assert_eq!(first["published"], false);
    assert!(first.get("post_id").is_none());

    let second = app.status(&video, &token).await;
    assert_eq!(second["status"]["video_status"], "ready");
    let publishing = &second["status"]["publishing_phase"];
    assert_eq!(publishing["publish_status"], "published");
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(second["post_id"], seen.id.as_str());
    assert_eq!(second["permalink_url"], seen.permalink_url.as_str());
    assert_eq!(
        (seen.kind, seen.message.as_deref(), app.visible()),
        (PostKind::Video, Some("Hello"), 1)
    );
    assert_eq!(seen.video.as_ref().unwrap().id, video);
    let page = app.http.get(&seen.permalink_url).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains("Hello") && page.contains(&video), "{page}");
    let list = format!("{}/published_posts", demo::BAKERY);
    let list = app.get(&list, &token).await.ok();
    assert_eq!(list["data"][0]["id"], seen.id.as_str());
    let record = &app.sandbox.posts(demo::BAKERY)[0];
    assert_eq!(
        (record.kind, record.video.as_deref()),
        (PostKind::Video, Some(video.as_str()))
    );
}

#[tokio::test]
async fn processing_should_take_the_chosen_number_of_reads() {
    for polls in [0, 3] {
        let app = app().await;
        let mut switches = Switches::default();
        switches.video_processing_polls = polls;
        app.sandbox.set_switches(switches);
        let token = app.bakery().await;
        let video = app.post(VIDEOS, &token, &[("file_url", WIDE)]).await;
        let video = video.text("id");
        for _ in 0..polls {
            assert_eq!(app.visible(), 0);
            let status = app.status(&video, &token).await;
            assert_eq!(status["status"]["video_status"], "processing");
        }
        assert_eq!(app.visible(), 1);
        assert_eq!(app.status(&video, &token).await["published"], true);
    }
}

#[tokio::test]
async fn a_list_of_the_page_should_count_as_a_read() {
    let app = app().await;
    let token = app.bakery().await;
    app.post(VIDEOS, &token, &[("file_url", WIDE)]).await.ok();
    let list = format!("{}/published_posts?fields=id", demo::BAKERY);
    let first = app.get(&list, &token).await.ok();
    assert_eq!(first["data"].as_array().unwrap().len(), 0);
    let second = app.get(&list, &token).await.ok();
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_vertical_video_should_become_a_draft_that_nobody_sees() {
    let app = app().await;
    let token = app.bakery().await;
    let hosted = app.post(VIDEOS, &token, &[("file_url", TALL)]).await;
    let part = Part::bytes(film(1_080, 1_920, 30)).file_name("a.mp4");
    let upload = app
        .request(Method::POST, VIDEOS, &token)
        .multipart(Form::new().part("source", part));
    let uploaded = app.send(upload).await;
    for told in [hosted, uploaded] {
        let video = told.text("id");
        for _ in 0..3 {
            let told = app.status(&video, &token).await;
            let publishing = &told["status"]["publishing_phase"];
            assert_eq!(publishing["publish_status"], "draft");
            assert!(told.get("post_id").is_none());
        }
    }
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn a_film_of_unknown_shape_should_be_a_video() {
    let app = app().await;
    let token = app.bakery().await;
    let part = Part::bytes(b"no film that anybody knows".to_vec()).file_name("a.mp4");
    let upload = app
        .request(Method::POST, VIDEOS, &token)
        .multipart(Form::new().part("source", part));
    let video = app.send(upload).await.text("id");
    app.status(&video, &token).await;
    assert_eq!(app.kinds(), [PostKind::Video]);
}

#[tokio::test]
async fn chunks_should_make_the_whole() {
    let app = app().await;
    let mut switches = Switches::default();
    switches.video_chunk_bytes = 100;
    app.sandbox.set_switches(switches);
    let token = app.bakery().await;
    let film = film(1_920, 1_080, 30);
    let (video, session) = session(&app, &token, &film).await;
    let (mut start, mut end) = (0, 100);
    let mut chunks = 0;
    while start < end {
        let call = app.chunk(&token, &session, &start.to_string(), &film[start..end]);
        let told = app.send(call).await;
        start = told.text("start_offset").parse().unwrap();
        end = told.text("end_offset").parse().unwrap();
        chunks += 1;
    }
    assert_eq!(start, film.len());
    assert!(chunks > 2);
    finish(&app, &token, &session).await.ok();
    app.status(&video, &token).await;
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    let shown = seen.video.as_ref().unwrap();
    assert_eq!(shown.title.as_deref(), Some("A title"));
    let file = app.http.get(shown.url.as_ref().unwrap()).send().await;
    assert_eq!(file.unwrap().bytes().await.unwrap(), film);
}

#[tokio::test]
async fn a_wrong_offset_should_tell_the_right_one() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_920, 1_080, 30);
    let (_, session) = session(&app, &token, &film).await;
    let lost = app
        .sandbox
        .arm(Fault::on(Step::TransferVideo, Effect::LoseAnswer));
    let first = app.chunk(&token, &session, "0", &film[..50]);
    assert!(first.send().await.is_err());
    assert_eq!(app.sandbox.struck(lost), 1);
    let again = app.chunk(&token, &session, "0", &film[..50]);
    let told = app.send(again).await;
    assert_eq!((told.code(), told.subcode()), (6_001, 1_363_037));
    let data = &told.body["error"]["error_data"];
    assert_eq!(data["start_offset"], 50);
    assert_eq!(data["end_offset"], film.len());
    let rest = app.chunk(&token, &session, "50", &film[50..]);
    app.send(rest).await.ok();
    finish(&app, &token, &session).await.ok();
}

#[tokio::test]
async fn only_a_part_may_arrive() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_920, 1_080, 30);
    let (video, session) = session(&app, &token, &film).await;
    let fault = Fault::on(Step::TransferVideo, Effect::KeepPart { bytes: 30 });
    let fault = app.sandbox.arm(fault);
    assert!(
        app.chunk(&token, &session, "0", &film)
            .send()
            .await
            .is_err()
    );
    assert_eq!(app.sandbox.struck(fault), 1);
    let status = app.status(&video, &token).await;
    let uploading = &status["status"]["uploading_phase"];
    assert_eq!(uploading["bytes_transfered"], 30);
    app.send(app.chunk(&token, &session, "30", &film[30..]))
        .await
        .ok();
    finish(&app, &token, &session).await.ok();
}

#[tokio::test]
async fn a_finish_should_need_all_bytes_and_no_more() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_920, 1_080, 30);
    let (_, early) = session(&app, &token, &film).await;
    assert_eq!(finish(&app, &token, &early).await.code(), 6_000);
    app.send(app.chunk(&token, &early, "0", &film[..50]))
        .await
        .ok();
    assert_eq!(finish(&app, &token, &early).await.code(), 6_000);

    let (_, large) = session(&app, &token, &film[..50]).await;
    let told = app.send(app.chunk(&token, &large, "0", &film)).await;
    assert_eq!((told.code(), told.subcode()), (6_000, 1_363_045));
    assert_eq!(finish(&app, &token, &large).await.code(), 6_000);
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn a_cancelled_session_should_be_gone() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_920, 1_080, 30);
    let (video, session) = session(&app, &token, &film).await;
    let form = [
        ("upload_phase", "cancel"),
        ("upload_session_id", session.as_str()),
    ];
    app.post(VIDEOS, &token, &form).await.ok();
    let chunk = app.chunk(&token, &session, "0", &film);
    assert_eq!(app.send(chunk).await.code(), 100);
    assert_eq!(app.get(&video, &token).await.subcode(), 33);
}

#[tokio::test]
async fn a_finish_should_be_harmless_twice_unless_a_switch_says_otherwise() {
    for (harmless, count) in [(true, 1), (false, 2)] {
        let app = app().await;
        let mut switches = Switches::default();
        switches.finish_twice_is_harmless = harmless;
        app.sandbox.set_switches(switches);
        let token = app.bakery().await;
        let film = film(1_920, 1_080, 30);
        let (video, session) = session(&app, &token, &film).await;
        app.send(app.chunk(&token, &session, "0", &film)).await.ok();
        finish(&app, &token, &session).await.ok();
        finish(&app, &token, &session).await.ok();
        app.status(&video, &token).await;
        assert_eq!(app.visible(), count);
    }
}

#[tokio::test]
async fn a_deleted_video_should_take_its_post_along() {
    let app = app().await;
    let token = app.bakery().await;
    let video = app.post(VIDEOS, &token, &[("file_url", WIDE)]).await;
    let video = video.text("id");
    app.status(&video, &token).await;
    assert_eq!(app.visible(), 1);
    app.delete(&video, &token).await.ok();
    assert_eq!(app.visible(), 0);
    assert_eq!(app.get(&video, &token).await.subcode(), 33);
    assert_eq!(app.delete(&video, &token).await.subcode(), 33);
}

#[tokio::test]
async fn films_should_be_judged() {
    let app = app().await;
    let token = app.bakery().await;
    let gone = "https://films.invalid/a.mp4";
    let cdn = "https://video.fbcdn.net/a.mp4";
    let soon = chrono::Utc::now().timestamp() + 60;
    let soon = soon.to_string();
    let cases: [(Fields<'_>, i64, i64); 7] = [
        (&[], 100, 0),
        (&[("file_url", gone)], 389, 1_363_057),
        (&[("file_url", cdn)], 389, 1_363_057),
        (&[("file_url", "film.mp4")], 100, 0),
        (&[("file_url", WIDE), ("fileurl", "x")], 100, 0),
        (
            &[
                ("file_url", WIDE),
                ("published", "false"),
                ("scheduled_publish_time", &soon),
            ],
            100,
            0,
        ),
        (&[("upload_phase", "start"), ("file_size", "0")], 382, 0),
    ];
    for (form, code, subcode) in cases {
        let told = app.post(VIDEOS, &token, form).await;
        assert_eq!((told.code(), told.subcode()), (code, subcode), "{form:?}");
    }
    for (bytes, code) in [(&b""[..], 382), (b"\x89PNG\r\n\x1A\nrest", 352)] {
        let part = Part::bytes(bytes.to_vec()).file_name("a.mp4");
        let upload = app
            .request(Method::POST, VIDEOS, &token)
            .multipart(Form::new().part("source", part));
        assert_eq!(app.send(upload).await.code(), code);
    }
    assert!(app.sandbox.posts(demo::BAKERY).is_empty());
}

#[tokio::test]
async fn a_scheduled_video_should_be_seen_when_its_time_has_come() {
    let app = app().await;
    let token = app.bakery().await;
    let time = (chrono::Utc::now().timestamp() + 3_600).to_string();
    let form = [
        ("file_url", WIDE),
        ("published", "false"),
        ("scheduled_publish_time", &time),
    ];
    let video = app.post(VIDEOS, &token, &form).await.text("id");
    let status = app.status(&video, &token).await;
    let publishing = &status["status"]["publishing_phase"];
    assert_eq!(publishing["publish_status"], "scheduled");
    assert_eq!(app.visible(), 0);
    app.sandbox.advance(std::time::Duration::from_secs(3_700));
    assert_eq!(app.kinds(), [PostKind::Video]);
}

#[tokio::test]
async fn a_draft_should_not_be_seen() {
    let app = app().await;
    let token = app.bakery().await;
    let form = [("file_url", WIDE), ("published", "false")];
    let video = app.post(VIDEOS, &token, &form).await.text("id");
    let status = app.status(&video, &token).await;
    assert_eq!(status["published"], false);
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn the_video_host_should_take_videos_only() {
    let app = app().await;
    let token = app.bakery().await;
    let url = format!(
        "{}/graph-video.facebook.com/v25.0/{}/feed",
        app.sandbox.base_url(),
        demo::BAKERY
    );
    let call = app
        .http
        .post(url)
        .bearer_auth(&token)
        .form(&[("message", "x")]);
    assert_eq!(app.send(call).await.code(), 2_500);
    assert_eq!(app.visible(), 0);
}
