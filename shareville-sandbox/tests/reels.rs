//! Reels: started at the Graph API, filled at rupload, finished at the Graph API.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use reqwest::Method;
use shareville_sandbox::{Answer, Death, Effect, Fault, PostKind, Step, Switches, demo};
use support::film::{REELS, TALL, film};
use support::{App, app};

/// A Reel that needs no more than its finish.
async fn filled() -> (App, String, String) {
    let app = app().await;
    let token = app.bakery().await;
    let video = app.filled(REELS, &token, TALL).await;
    (app, token, video)
}

#[tokio::test]
async fn a_hosted_reel_should_be_seen_once_processing_is_over() {
    let (app, token, video) = filled().await;
    let before = app.status(&video, &token).await;
    assert_eq!(before["status"]["video_status"], "upload_complete");
    assert_eq!(
        before["status"]["uploading_phase"]["bytes_transfered"],
        1_000
    );
    app.send(app.finish(REELS, &token, &video)).await.ok();
    assert_eq!(app.visible(), 0);
    let processing = app.status(&video, &token).await;
    assert_eq!(
        processing["status"]["publishing_phase"]["status"],
        "not_started"
    );
    let done = app.status(&video, &token).await;
    assert_eq!(done["status"]["publishing_phase"]["status"], "complete");
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(app.kinds(), [PostKind::Reel]);
    assert_eq!(seen.message.as_deref(), Some("A reel"));
    assert_eq!(done["post_id"], seen.id.as_str());
    assert!(
        seen.permalink_url
            .ends_with(&format!("/www.facebook.com/reel/{video}"))
    );
    let page = app.http.get(&seen.permalink_url).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("Reel"));
    let list = format!("{}/published_posts?fields=id", demo::BAKERY);
    let list = app.get(&list, &token).await.ok();
    assert_eq!(list["data"][0]["id"], seen.id.as_str());
}

#[tokio::test]
async fn a_reel_should_be_commented_on_by_its_own_id() {
    let (app, token, video) = filled().await;
    let comments = format!("{video}/comments");
    let form = [("message", "First")];
    let early = app.post(&comments, &token, &form).await;
    assert_eq!(early.subcode(), 33);
    app.send(app.finish(REELS, &token, &video)).await.ok();
    app.status(&video, &token).await;
    let comment = app.post(&comments, &token, &form).await.text("id");
    let list = app.get(&comments, &token).await.ok();
    assert_eq!(list["data"][0]["id"], comment.as_str());
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    assert_eq!(seen.comments[0].message, "First");
}

#[tokio::test]
async fn the_upload_address_should_be_the_sandboxs_own() {
    let app = app().await;
    let token = app.bakery().await;
    let (video, url) = app.session(REELS, &token).await;
    let base = app.sandbox.base_url();
    let own = format!("{base}/rupload.facebook.com/video-upload/v25.0/{video}");
    assert_eq!(url, own);
    let bare = format!("{base}/rupload.facebook.com/video-upload/{video}");
    let upload = app.upload(&bare, &token).header("file_url", TALL);
    assert_eq!(app.send(upload).await.ok()["success"], true);
}

#[tokio::test]
async fn bytes_should_be_taken_from_where_they_stopped() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_080, 1_920, 30);
    let (video, url) = app.session(REELS, &token).await;
    let part = Fault::on(Step::UploadReel, Effect::KeepPart { bytes: 40 });
    let part = app.sandbox.arm(part);
    assert!(app.bytes(&url, &token, &film, 0).send().await.is_err());
    assert_eq!(app.sandbox.struck(part), 1);
    let status = app.status(&video, &token).await;
    assert_eq!(status["status"]["video_status"], "uploading");
    assert_eq!(status["status"]["uploading_phase"]["bytes_transfered"], 40);
    assert_eq!(
        app.send(app.finish(REELS, &token, &video)).await.code(),
        6_000
    );

    let anew = app.send(app.bytes(&url, &token, &film, 0)).await;
    assert_eq!(anew.upload_error(), "OffsetInvalidError");
    let short = app
        .upload(&url, &token)
        .header("offset", 40)
        .header("file_size", film.len())
        .body(film[40..60].to_vec());
    assert_eq!(app.send(short).await.upload_error(), "PartialRequestError");
    app.send(app.bytes(&url, &token, &film, 60)).await.ok();
    app.send(app.finish(REELS, &token, &video)).await.ok();
    app.status(&video, &token).await;
    let seen = &app.sandbox.visible_posts(demo::BAKERY)[0];
    let file = seen.video.as_ref().unwrap().url.clone().unwrap();
    let file = app.http.get(file).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), film);
}

#[tokio::test]
async fn an_address_in_a_json_body_should_be_refused() {
    let app = app().await;
    let token = app.bakery().await;
    let (_, url) = app.session(REELS, &token).await;
    let body = serde_json::json!({ "file_url": TALL });
    let told = app.send(app.upload(&url, &token).json(&body)).await;
    assert_eq!(told.status, 400);
    assert_eq!(told.upload_error(), "ParameterValidationError");
    assert_eq!(
        told.body["debug_info"]["message"],
        "HeaderValuePredicate: Header Offset not convertable to unsigned long"
    );
}

#[tokio::test]
async fn rupload_should_take_only_the_pages_own_token_after_oauth() {
    let app = app().await;
    let token = app.bakery().await;
    let (_, url) = app.session(REELS, &token).await;
    let bearer = app.http.post(&url).bearer_auth(&token);
    let bearer = app.send(bearer.header("file_url", TALL)).await;
    assert_eq!(bearer.code(), 104);
    let garden = app.page_token(demo::GARDEN).await;
    let foreign = app.upload(&url, &garden).header("file_url", TALL);
    assert_eq!(app.send(foreign).await.code(), 200);
    app.sandbox.revoke(demo::ADA, Death::PasswordChanged);
    let dead = app.upload(&url, &token).header("file_url", TALL);
    assert_eq!(app.send(dead).await.subcode(), 460);
}

#[tokio::test]
async fn a_file_that_cannot_be_fetched_should_be_told() {
    let app = app().await;
    let token = app.bakery().await;
    let (video, url) = app.session(REELS, &token).await;
    let gone = app
        .upload(&url, &token)
        .header("file_url", "https://films.invalid/a.mp4");
    assert_eq!(app.send(gone).await.upload_error(), "ProcessingFailedError");
    let finish = app.send(app.finish(REELS, &token, &video)).await;
    assert_eq!(finish.code(), 6_000);
}

#[tokio::test]
async fn more_bytes_than_declared_should_end_the_session() {
    let app = app().await;
    let token = app.bakery().await;
    let film = film(1_080, 1_920, 30);
    let (video, url) = app.session(REELS, &token).await;
    let large = app
        .upload(&url, &token)
        .header("offset", 0)
        .header("file_size", 10)
        .body(film.clone());
    assert_eq!(app.send(large).await.status, 400);
    let status = app.status(&video, &token).await;
    let uploading = &status["status"]["uploading_phase"];
    assert_eq!(uploading["errors"][0]["code"], 1_363_045);
    let finish = app.send(app.finish(REELS, &token, &video)).await;
    assert_eq!((finish.code(), finish.subcode()), (6_000, 1_363_045));
}

#[tokio::test]
async fn what_a_reel_must_be_should_be_judged_by_its_picture() {
    let app = app().await;
    let token = app.bakery().await;
    let cases = [
        ("width=1920&height=1080&seconds=30", 1_363_040),
        ("width=360&height=640&seconds=30", 1_363_127),
        ("width=1080&height=1920&seconds=2.9", 1_363_128),
        ("width=1080&height=1920&seconds=90.1", 1_363_128),
        ("width=1080&height=1920&seconds=30&fps=23", 1_363_129),
        ("width=1080&height=1920&seconds=30&fps=61", 1_363_129),
    ];
    for (shape, subcode) in cases {
        let file = format!("https://films.example/a.mp4?{shape}");
        let video = app.filled(REELS, &token, &file).await;
        let status = app.status(&video, &token).await;
        let processing = &status["status"]["processing_phase"];
        assert_eq!(processing["errors"][0]["code"], subcode, "{shape}");
        assert!(processing["error"]["message"].is_string());
        let finish = app.send(app.finish(REELS, &token, &video)).await;
        assert_eq!(finish.subcode(), i64::from(subcode), "{shape}");
    }
    for shape in [
        "540&height=960&seconds=3&fps=24",
        "1080&height=1920&seconds=90&fps=60",
    ] {
        let file = format!("https://films.example/a.mp4?width={shape}");
        let video = app.filled(REELS, &token, &file).await;
        app.send(app.finish(REELS, &token, &video)).await.ok();
    }
    let bytes = film(1_920, 1_080, 30);
    let (video, url) = app.session(REELS, &token).await;
    app.send(app.bytes(&url, &token, &bytes, 0)).await.ok();
    let finish = app.send(app.finish(REELS, &token, &video)).await;
    assert_eq!(finish.subcode(), 1_363_040);
}

#[tokio::test]
async fn a_finish_should_be_harmless_twice_unless_a_switch_says_otherwise() {
    for (harmless, count) in [(true, 1), (false, 2)] {
        let (app, token, video) = filled().await;
        let mut switches = Switches::default();
        switches.finish_twice_is_harmless = harmless;
        app.sandbox.set_switches(switches);
        for _ in 0..2 {
            app.send(app.finish(REELS, &token, &video)).await.ok();
        }
        app.status(&video, &token).await;
        assert_eq!(app.kinds(), vec![PostKind::Reel; count]);
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_finish_should_leave_one_reel() {
    let (app, token, video) = filled().await;
    let fault = app
        .sandbox
        .arm(Fault::on(Step::FinishReel, Effect::LoseAnswer).containing("A reel"));
    assert!(app.finish(REELS, &token, &video).send().await.is_err());
    assert_eq!(app.sandbox.struck(fault), 1);
    app.status(&video, &token).await;
    assert_eq!(app.status(&video, &token).await["published"], true);
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn a_finish_may_act_late_and_an_error_may_follow_a_success() {
    let (app, token, video) = filled().await;
    let (after, close_after) = (Duration::from_millis(200), Duration::ZERO);
    app.sandbox.arm(Fault::on(
        Step::FinishReel,
        Effect::ActLate { after, close_after },
    ));
    assert!(app.finish(REELS, &token, &video).send().await.is_err());
    app.sandbox.quiet().await;
    let answer = Answer::code_2();
    let fault = Fault::on(Step::ReadVideo, Effect::ActAndAnswer { answer }).containing("A reel");
    let fault = app.sandbox.arm(fault);
    assert_eq!(app.get(&video, &token).await.code(), 2);
    assert_eq!(app.sandbox.struck(fault), 1);
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn processing_may_fail_after_a_finish() {
    let (app, token, video) = filled().await;
    let fault = Fault::on(Step::FinishReel, Effect::FailProcessing { code: 1_363_019 });
    let fault = app.sandbox.arm(fault);
    app.send(app.finish(REELS, &token, &video)).await.ok();
    assert_eq!(app.sandbox.struck(fault), 1);
    let early = app.status(&video, &token).await;
    assert_eq!(early["status"]["video_status"], "processing");
    let late = app.status(&video, &token).await;
    assert_eq!(late["status"]["video_status"], "error");
    let processing = &late["status"]["processing_phase"];
    assert_eq!(processing["errors"][0]["code"], 1_363_019);
    let again = app.send(app.finish(REELS, &token, &video)).await;
    assert_eq!((again.code(), again.subcode()), (6_000, 1_363_019));
    assert_eq!(app.visible(), 0);
    let next = app.filled(REELS, &token, TALL).await;
    app.send(app.finish(REELS, &token, &next)).await.ok();
    app.status(&next, &token).await;
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn drafts_and_scheduled_reels_should_wait() {
    let (app, token, draft) = filled().await;
    let scheduled = app.filled(REELS, &token, TALL).await;
    let now = chrono::Utc::now().timestamp();
    let state = |video: &str, state: &str, time: i64| {
        app.request(Method::POST, REELS, &token).form(&[
            ("upload_phase", "finish"),
            ("video_id", video),
            ("video_state", state),
            ("scheduled_publish_time", &time.to_string()),
        ])
    };
    app.send(state(&draft, "DRAFT", now)).await.ok();
    let month = now + 30 * 86_400;
    let refused = app.send(state(&scheduled, "SCHEDULED", month)).await;
    assert_eq!(refused.code(), 100);
    app.send(state(&scheduled, "SCHEDULED", now + 3_600))
        .await
        .ok();
    for (video, word) in [(&draft, "draft"), (&scheduled, "scheduled")] {
        let told = app.status(video, &token).await;
        let publishing = &told["status"]["publishing_phase"];
        assert_eq!(publishing["publish_status"], word);
    }
    assert_eq!(app.visible(), 0);
    app.sandbox.advance(Duration::from_secs(3_700));
    assert_eq!(app.visible(), 1);
    app.send(state(&draft, "PUBLISHED", now)).await.ok();
    app.status(&draft, &token).await;
    assert_eq!(app.visible(), 2);
}

#[tokio::test]
async fn the_thirty_first_reel_of_a_day_should_be_refused() {
    let app = app().await;
    let token = app.bakery().await;
    for number in 1..=31 {
        let video = app.filled(REELS, &token, TALL).await;
        let told = app.send(app.finish(REELS, &token, &video)).await;
        if number <= 30 {
            told.ok();
            continue;
        }
        assert_eq!(told.code(), 613);
        app.sandbox.advance(Duration::from_secs(86_401));
        let late = app.page_token(demo::BAKERY).await;
        app.send(app.finish(REELS, &late, &video)).await.ok();
    }
}

#[tokio::test]
async fn a_place_should_be_kept() {
    let (app, token, video) = filled().await;
    let finish = |place: &str| {
        app.request(Method::POST, REELS, &token).form(&[
            ("upload_phase", "finish"),
            ("video_id", video.as_str()),
            ("video_state", "PUBLISHED"),
            ("place", place),
        ])
    };
    assert_eq!(app.send(finish("the bakery")).await.code(), 100);
    app.send(finish("110774245616525")).await.ok();
    app.status(&video, &token).await;
    let feed = format!("{}/feed", demo::BAKERY);
    let form = [("message", "here"), ("place", "110774245616525")];
    app.post(&feed, &token, &form).await.ok();
    for seen in app.sandbox.visible_posts(demo::BAKERY) {
        assert_eq!(seen.place.as_deref(), Some("110774245616525"));
    }
}
