//! Reels: Facebook is told where the film is, fetches it, and publishes it once it is finished.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    clock::{Deadline, later},
    failure::{Failure, FailureClass},
    id::MediaId,
    media::{MediaForm, MediaSource},
    post::{Content, Evidence, FacebookOptions, Placement, Progress, Published, Repeat},
    publisher::{Committed, Job, Prepared, Publisher as _},
};
use wiremock::{
    ResponseTemplate,
    matchers::{body_string_contains, header},
};

use crate::{
    shelf::{SERVED, Shelf, film, job_on, job_with, vertical},
    support::{Meta, graph_error, json_answer, now, on, on_host, resumed, shows_a_secret},
};

const EDGE: &str = "/1000/video_reels";
const UPLOAD: &str = "/rupload.facebook.com/video-upload/7700";
const VIDEO: &str = "7700";

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn reel() -> Content {
    let mut content = Content {
        caption: Some("Look & see".into()),
        ..film(Placement::Reel)
    };
    content.options.facebook = Some(FacebookOptions {
        place_id: Some("77".into()),
    });
    content
}

/// A Reel's file is never read: what reads media may be out of order.
fn reel_job() -> Job {
    job_with(reel(), Shelf::unreadable())
}

async fn takes_start(meta: &Meta, address: &str) {
    let start = on("POST", EDGE).and(body_string_contains("upload_phase=start"));
    let started = json!({ "video_id": VIDEO, "upload_url": address });
    meta.mount(start, json_answer((200, started))).await;
}

async fn takes_finish(meta: &Meta, answer: (u16, Value)) {
    let finish = on("POST", EDGE).and(body_string_contains("upload_phase=finish"));
    meta.mount(finish, json_answer(answer)).await;
}

/// Everything up to the question whether Facebook has the film.
async fn takes_uploads(meta: &Meta) {
    takes_start(meta, "https://rupload.facebook.com/video-upload/7700").await;
    meta.on_host("POST", UPLOAD, (200, json!({ "success": true })))
        .await;
}

fn uploading(word: &str) -> Value {
    json!({ "id": VIDEO, "status": { "video_status": "processing", "uploading_phase": { "status": word },
        "processing_phase": { "status": "not_started" }, "publishing_phase": { "status": "not_started" } } })
}

fn publishing(word: &str, phase: &Value) -> Value {
    json!({ "id": VIDEO, "status": { "video_status": word, "uploading_phase": { "status": "complete" },
        "publishing_phase": phase } })
}

async fn prepare(meta: &Meta, job: &Job, from: Option<Progress>) -> Prepared {
    let mut progress = from;
    for _ in 0..10 {
        match meta.pages().prepare(job, progress.as_ref()).await {
            Prepared::Continue(next) => progress = Some(next),
            done => return done,
        }
    }
    panic!("it does not end")
}

fn failed(prepared: Prepared) -> (Failure, Option<Progress>) {
    match prepared {
        Prepared::Failed { failure, progress } => (failure, progress),
        other => panic!("{other:?}"),
    }
}

/// A Reel that is ready, and nothing but what comes next is expected.
async fn ready(meta: &Meta, job: &Job) -> Progress {
    takes_uploads(meta).await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let prepared = prepare(meta, job, None).await;
    let Prepared::Ready(progress) = prepared else {
        panic!("{prepared:?}");
    };
    meta.server.reset().await;
    progress
}

#[tokio::test]
async fn facebook_should_be_told_where_the_film_is_and_the_reel_be_finished() {
    let meta = Meta::start().await;
    takes_uploads(&meta).await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let job = reel_job();
    let Prepared::Ready(progress) = prepare(&meta, &job, None).await else {
        panic!("it is ready");
    };
    assert_eq!(progress.object.as_deref(), Some(VIDEO));
    takes_finish(&meta, (200, json!({ "success": true, "post_id": 2000 }))).await;
    let committed = meta.pages().commit(&job, &progress, in_time()).await;
    assert!(matches!(committed, Committed::Accepted { until } if until > now()));
    insta::assert_json_snapshot!("reel", meta.sent().await);
    assert_eq!(meta.requests().await[1].body, b"");
    assert_eq!(meta.pages().repeat(&reel()), Repeat::Assumed);
    assert!(!shows_a_secret(&format!("{progress:?}")));
    let again = meta.pages().prepare(&resumed(&job), Some(&progress)).await;
    assert_eq!(again, Prepared::Ready(progress));
}

#[tokio::test]
async fn an_uploaded_film_should_be_fetched_from_where_we_serve_it() {
    let meta = Meta::start().await;
    takes_uploads(&meta).await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let mut content = reel();
    content.media[0].source = MediaSource::MediaId(MediaId::generate());
    let shelf = Shelf::of(vertical()).into();
    let job = job_on(content, &shelf);
    assert!(matches!(
        prepare(&meta, &job, None).await,
        Prepared::Ready(_)
    ));
    assert_eq!(shelf.asked(), [MediaForm::AsItIs]);
    let sent = meta.sent().await;
    assert_eq!(sent[1]["headers"]["file_url"], SERVED);
}

/// A film that Facebook cannot fetch.
fn private_job() -> Job {
    let mut content = reel();
    content.media[0].source = MediaSource::Url("http://localhost:3000/film.mp4".into());
    job_with(content, Shelf::of(vertical()))
}

fn received(bytes: u64) -> Value {
    json!({ "id": VIDEO, "status": { "video_status": "uploading",
        "uploading_phase": { "status": "in_progress", "bytes_transfered": bytes } } })
}

fn partial() -> (u16, Value) {
    let message = "Partial request (did not match length of file)";
    (
        400,
        json!({ "debug_info": { "retriable": true, "type": "PartialRequestError", "message": message } }),
    )
}

#[tokio::test]
async fn a_film_that_facebook_cannot_fetch_should_be_sent_from_where_facebook_stopped() {
    let meta = Meta::start().await;
    takes_start(&meta, "https://rupload.facebook.com/video-upload/7700").await;
    let first = on_host("POST", UPLOAD).and(header("offset", "0"));
    meta.mount(first, json_answer(partial())).await;
    let second = on_host("POST", UPLOAD).and(header("offset", "5"));
    meta.mount(second, json_answer((200, json!({ "success": true }))))
        .await;
    meta.once("GET", "/7700", (200, received(5))).await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let prepared = prepare(&meta, &private_job(), None).await;
    assert!(matches!(prepared, Prepared::Ready(_)), "{prepared:?}");
    insta::assert_json_snapshot!("reel_bytes", meta.sent().await);
    let requests = meta.requests().await;
    assert_eq!(requests[1].body, b"a film or so!");
    assert_eq!(requests[3].body, b"m or so!");
}

#[tokio::test]
async fn a_part_that_is_taken_should_not_count_as_the_whole() {
    let meta = Meta::start().await;
    takes_start(&meta, "https://rupload.facebook.com/video-upload/7700").await;
    let chunk = 8 * 1024 * 1024;
    let whole = vec![7; chunk + 5];
    let mut facts = vertical();
    facts.bytes = whole.len().try_into().ok();
    let mut content = reel();
    content.media[0].source = MediaSource::Url("http://localhost:3000/film.mp4".into());
    let job = job_with(content, Shelf::of(facts).with_bytes(&whole));
    meta.on_host("POST", UPLOAD, (200, json!({ "success": true })))
        .await;
    meta.once("GET", "/7700", (200, received(chunk.try_into().unwrap())))
        .await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let prepared = prepare(&meta, &job, None).await;
    assert!(matches!(prepared, Prepared::Ready(_)), "{prepared:?}");
    let sent = meta.requests().await;
    let sent = sent.iter().filter(|request| request.url.path() == UPLOAD);
    let sizes: Vec<_> = sent.map(|request| request.body.len()).collect();
    assert_eq!(sizes, [chunk, 5]);
}

#[tokio::test]
async fn bytes_whose_answer_is_lost_should_be_asked_for_and_not_sent_in_circles() {
    let meta = Meta::start().await;
    takes_start(&meta, "https://rupload.facebook.com/video-upload/7700").await;
    let outage = ResponseTemplate::new(502).set_body_string("<html>");
    meta.mount(on_host("POST", UPLOAD), outage).await;
    let (failure, kept) = failed(prepare(&meta, &private_job(), None).await);
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(kept.is_some());

    // It had come all the same.
    meta.server.reset().await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let again = prepare(&meta, &resumed(&private_job()), kept.clone()).await;
    assert!(matches!(again, Prepared::Ready(_)), "{again:?}");

    // Facebook keeps nothing of it.
    meta.server.reset().await;
    meta.on("GET", "/7700", (200, received(0))).await;
    meta.on_host("POST", UPLOAD, partial()).await;
    let (failure, kept) = failed(prepare(&meta, &resumed(&private_job()), kept).await);
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(kept.is_some());
    assert_eq!(meta.calls().await.len(), 3);

    // The upload has come to nothing: another one is begun.
    meta.server.reset().await;
    let dead = json!({ "status": { "video_status": "expired" } });
    meta.on("GET", "/7700", (200, dead)).await;
    let (failure, kept) = failed(prepare(&meta, &resumed(&private_job()), kept).await);
    assert_eq!((failure.class, kept), (FailureClass::Transient, None));
}

#[tokio::test]
async fn no_token_should_go_to_an_address_that_is_not_facebooks() {
    let meta = Meta::start().await;
    let elsewhere = format!("{}/evil.example/video-upload/7700", meta.server.uri());
    for address in [
        elsewhere.as_str(),
        "https://evil.example/video-upload/7700",
        "http://rupload.facebook.com/video-upload/7700",
        "not an address",
    ] {
        meta.server.reset().await;
        takes_start(&meta, address).await;
        let (failure, progress) = failed(prepare(&meta, &reel_job(), None).await);
        assert_eq!(
            (failure.class, failure.code.as_str()),
            (FailureClass::Unknown, "upload_address_refused"),
            "{address}"
        );
        assert_eq!(progress, None);
        assert_eq!(meta.calls().await, [format!("POST {EDGE}")]);
    }
    // One below the base goes there as it is.
    meta.server.reset().await;
    takes_start(&meta, &format!("{}{UPLOAD}", meta.server.uri())).await;
    meta.on_host("POST", UPLOAD, (200, json!({ "success": true })))
        .await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    assert!(matches!(
        prepare(&meta, &reel_job(), None).await,
        Prepared::Ready(_)
    ));
}

#[tokio::test]
async fn an_upload_that_takes_its_time_should_be_asked_for_less_and_less() {
    let meta = Meta::start().await;
    takes_uploads(&meta).await;
    meta.on("GET", "/7700", (200, uploading("in_progress")))
        .await;
    let job = reel_job();
    let mut progress = None;
    for gap in [2, 5, 10, 20, 30, 60, 60] {
        let prepared = prepare(&meta, &job, progress).await;
        let Prepared::Wait {
            progress: kept,
            until,
        } = prepared
        else {
            panic!("{prepared:?}");
        };
        assert_eq!(until, later(meta.clock_now(), Duration::from_secs(gap)));
        meta.clock.advance(Duration::from_secs(gap));
        progress = Some(kept);
    }
    // Another worker goes on with it.
    meta.server.reset().await;
    meta.on("GET", "/7700", (200, uploading("complete"))).await;
    let prepared = prepare(&meta, &resumed(&job), progress.clone()).await;
    assert!(matches!(prepared, Prepared::Ready(_)), "{prepared:?}");
    assert_eq!(meta.calls().await, ["GET /7700"]);

    // For an hour, and then it is sent anew.
    meta.server.reset().await;
    meta.on("GET", "/7700", (200, uploading("in_progress")))
        .await;
    meta.clock.advance(Duration::from_secs(3_600));
    let (failure, progress) = failed(prepare(&meta, &job, progress).await);
    assert_eq!(failure.class, FailureClass::Transient);
    assert_eq!(progress, None);
}

#[tokio::test]
async fn a_film_that_cannot_be_read_just_after_its_upload_should_be_waited_for() {
    let meta = Meta::start().await;
    takes_uploads(&meta).await;
    meta.on("GET", "/7700", (400, graph_error(100, 33))).await;
    let prepared = prepare(&meta, &reel_job(), None).await;
    assert!(matches!(prepared, Prepared::Wait { .. }), "{prepared:?}");
}

#[tokio::test]
async fn a_film_that_facebook_cannot_use_should_fail_the_post_and_be_named() {
    let phase = |error: Value| {
        let mut state = uploading("complete");
        state["status"]["processing_phase"] = error;
        state
    };
    for (state, class) in [
        (
            phase(
                json!({ "status": "not_started", "error": { "message": "Resolution too low. Video must have a minimum resolution of 540p." } }),
            ),
            FailureClass::Content { retryable: false },
        ),
        (
            phase(
                json!({ "status": "error", "errors": [{ "code": 1_363_129, "message": "(#1363129)" }] }),
            ),
            FailureClass::Content { retryable: false },
        ),
        (
            json!({ "status": { "video_status": "upload_failed" } }),
            FailureClass::Transient,
        ),
    ] {
        let meta = Meta::start().await;
        takes_uploads(&meta).await;
        meta.on("GET", "/7700", (200, state.clone())).await;
        let (failure, progress) = failed(prepare(&meta, &reel_job(), None).await);
        assert_eq!(failure.class, class, "{state}");
        assert!(failure.message.starts_with("Video 1: "), "{failure}");
        assert_eq!(failure.platform.unwrap().media_index, Some(0));
        assert_eq!(progress, None, "whoever tries again begins anew");
    }
}

#[tokio::test]
async fn an_upload_whose_answer_is_lost_should_be_begun_anew_and_one_that_is_put_off_should_not() {
    for (status, answer, class, goes_on) in [
        (502, json!("an outage"), "transient", false),
        (500, graph_error(2, 0), "transient", false),
        (
            400,
            json!({ "debug_info": { "retriable": true, "type": "X", "message": "Nope" } }),
            "transient",
            false,
        ),
        (
            400,
            json!({ "debug_info": { "retriable": false, "type": "ParameterValidationError", "message": "Header Offset not convertable" } }),
            "config",
            false,
        ),
        (400, graph_error(389, 1_363_057), "content", false),
        (200, json!({ "success": false }), "transient", false),
        (403, graph_error(32, 0), "rate_limited", true),
        (401, graph_error(190, 463), "reauthorize", true),
    ] {
        let meta = Meta::start().await;
        takes_start(&meta, "https://rupload.facebook.com/video-upload/7700").await;
        meta.on_host("POST", UPLOAD, (status, answer.clone())).await;
        let (failure, progress) = failed(prepare(&meta, &reel_job(), None).await);
        assert_eq!(failure.class.code(), class, "{answer}");
        assert_eq!(progress.is_some(), goes_on, "{answer}");
    }
    let meta = Meta::start().await;
    meta.on("POST", EDGE, (500, graph_error(2, 0))).await;
    let (failure, progress) = failed(prepare(&meta, &reel_job(), None).await);
    assert_eq!((failure.class, progress), (FailureClass::Transient, None));
}

#[tokio::test]
async fn a_film_that_was_told_by_one_who_died_should_not_be_told_again() {
    for (state, calls) in [
        (uploading("complete"), vec!["GET /7700", "GET /7700"]),
        (received(5), vec!["GET /7700", "GET /7700"]),
        (
            received(0),
            vec![
                "GET /7700",
                "POST /rupload.facebook.com/video-upload/7700",
                "GET /7700",
            ],
        ),
    ] {
        let meta = Meta::start().await;
        takes_uploads(&meta).await;
        let started = meta.pages().prepare(&reel_job(), None).await;
        let Prepared::Continue(begun) = started else {
            panic!("{started:?}");
        };
        meta.server.reset().await;
        takes_uploads(&meta).await;
        meta.on("GET", "/7700", (200, state.clone())).await;
        prepare(&meta, &resumed(&reel_job()), Some(begun)).await;
        assert_eq!(meta.calls().await, calls, "{state}");
    }
}

#[tokio::test]
async fn a_reel_that_went_live_behind_a_false_error_should_be_found() {
    let meta = Meta::start().await;
    let job = reel_job();
    let progress = ready(&meta, &job).await;
    for answer in [
        (500, graph_error(2, 0)),
        (400, graph_error(1, 99)),
        (403, graph_error(4, 2_207_051)),
        (400, graph_error(100, 33)),
    ] {
        meta.server.reset().await;
        takes_finish(&meta, answer).await;
        let committed = meta.pages().commit(&job, &progress, in_time()).await;
        assert!(
            matches!(committed, Committed::Uncertain(_)),
            "{committed:?}"
        );
    }
    let live = publishing(
        "ready",
        &json!({ "status": "complete", "publish_status": "published" }),
    );
    meta.on("GET", "/7700", (200, live)).await;
    let Ok(Evidence::Live(published)) = meta.pages().look(&job, &progress, now()).await else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some(VIDEO));
    assert_eq!(published.permalink, Some(meta.address_of("reel/7700")));
}

#[tokio::test]
async fn a_finish_that_the_deadline_cuts_off_should_be_uncertain() {
    let meta = Meta::start().await;
    let job = reel_job();
    let progress = ready(&meta, &job).await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    meta.mount(on("POST", EDGE), late).await;
    let deadline = Deadline::after(Duration::from_millis(200));
    let committed = meta.pages().commit(&job, &progress, deadline).await;
    assert!(
        matches!(committed, Committed::Uncertain(_)),
        "{committed:?}"
    );
    let refused = (403, graph_error(32, 0));
    meta.server.reset().await;
    takes_finish(&meta, refused).await;
    let committed = meta.pages().commit(&job, &progress, in_time()).await;
    assert!(matches!(committed, Committed::Refused(_)), "{committed:?}");
}

#[tokio::test]
async fn the_publishing_phase_should_decide() {
    for (word, phase, expected) in [
        (
            "ready",
            json!({ "status": "complete", "publish_status": "published" }),
            "live",
        ),
        (
            "processing",
            json!({ "status": "not_started", "publish_status": "published", "publish_time": 234_523_452 }),
            "pending",
        ),
        ("processing", json!({ "status": "in_progress" }), "pending"),
        (
            "upload_complete",
            json!({ "status": "not_started" }),
            "absent",
        ),
        ("processing", json!({ "status": "not_started" }), "absent"),
        (
            "ready",
            json!({ "status": "not_started", "publish_status": "draft" }),
            "absent",
        ),
        (
            "ready",
            json!({ "status": "error", "publish_status": "error" }),
            "dead",
        ),
    ] {
        let meta = Meta::start().await;
        let job = reel_job();
        let progress = ready(&meta, &job).await;
        meta.on("GET", "/7700", (200, publishing(word, &phase)))
            .await;
        let seen = match meta.pages().look(&job, &progress, now()).await.unwrap() {
            Evidence::Live(_) => "live",
            Evidence::Pending { .. } => "pending",
            Evidence::Absent => "absent",
            Evidence::Dead(_) => "dead",
            Evidence::Unclear(_) => "unclear",
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, expected, "{word} {phase}");
    }
}

#[tokio::test]
async fn a_word_that_stood_there_before_the_finish_should_not_make_it_look_underway() {
    let meta = Meta::start().await;
    takes_uploads(&meta).await;
    let phase = json!({ "status": "not_started", "publish_status": "published" });
    meta.on("GET", "/7700", (200, publishing("ready", &phase)))
        .await;
    let job = reel_job();
    let prepared = prepare(&meta, &job, None).await;
    let Prepared::Ready(progress) = prepared else {
        panic!("{prepared:?}");
    };
    let looked = meta.pages().look(&job, &progress, now()).await;
    assert_eq!(looked, Ok(Evidence::Absent));
}

#[tokio::test]
async fn just_after_publishing_a_reel_that_cannot_be_read_should_never_be_absent() {
    let meta = Meta::start().await;
    let job = reel_job();
    let progress = ready(&meta, &job).await;
    meta.on("GET", "/7700", (400, graph_error(100, 33))).await;
    meta.on("GET", "/1000/published_posts", (200, json!({ "data": [] })))
        .await;
    let evidence = meta.pages().look(&job, &progress, now()).await.unwrap();
    assert!(
        matches!(evidence, Evidence::Unclear(Some(_))),
        "{evidence:?}"
    );
}

#[tokio::test]
async fn every_known_answer_of_an_upload_should_be_read() {
    for started in crate::corpus::answers("fb_reel_start") {
        let meta = Meta::start().await;
        meta.on("POST", EDGE, (200, started)).await;
        let whole = "/rupload.facebook.com/video-upload/video-id";
        for body in crate::corpus::answers("ig_rupload") {
            meta.mount(on_host("POST", whole), json_answer((200, body)))
                .await;
        }
        for status in crate::corpus::answers("fb_video_status") {
            meta.on("GET", "/video-id", (200, status)).await;
        }
        let prepared = prepare(&meta, &reel_job(), None).await;
        assert!(matches!(prepared, Prepared::Wait { .. }), "{prepared:?}");
    }
}

#[tokio::test]
async fn a_reel_should_be_seen_at_its_own_address() {
    let meta = Meta::start().await;
    let published = Published {
        platform_id: Some(VIDEO.into()),
        permalink: None,
    };
    let job = reel_job();
    let none = Deadline::after(Duration::ZERO);
    assert_eq!(
        meta.pages().permalink(&job, &published, none).await,
        Some(meta.address_of("reel/7700"))
    );
    let link = json!({ "id": VIDEO, "permalink_url": "/reel/7700/" });
    meta.on("GET", "/7700", (200, link)).await;
    assert_eq!(
        meta.pages().permalink(&job, &published, in_time()).await,
        Some(meta.address_of("reel/7700"))
    );
}
