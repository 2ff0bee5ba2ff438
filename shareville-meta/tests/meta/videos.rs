//! Videos in the feed: chunk by chunk, and what became of them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    failure::{Failure, FailureClass},
    media::{MediaFacts, MediaFormat},
    post::{Content, Evidence, Placement, Progress, Repeat},
    publisher::{Committed, Job, Prepared, Publisher as _},
};
use wiremock::{ResponseTemplate, matchers::body_string_contains};

use crate::{
    shelf::{Shelf, film, job_with, landscape, vertical},
    support::{Meta, graph_error, graph_time, json_answer, now, on_host, resumed},
};

const UPLOAD: &str = "/graph-video.facebook.com/v25.0/1000/videos";
const VIDEO: &str = "7700";

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn video() -> Content {
    Content {
        caption: Some("Look & see".into()),
        ..film(Placement::Feed)
    }
}

fn video_job() -> Job {
    job_with(video(), Shelf::of(landscape()))
}

fn offsets(start: u64, end: u64) -> Value {
    json!({ "start_offset": start.to_string(), "end_offset": end })
}

/// Answers the chunk that begins at an offset.
async fn on_chunk(meta: &Meta, start: u64, answer: (u16, Value)) {
    let field = format!("name=\"start_offset\"\r\n\r\n{start}\r\n");
    let chunk = on_host("POST", UPLOAD).and(body_string_contains(field));
    meta.mount(chunk, json_answer(answer)).await;
}

/// A film of 13 bytes is wanted in chunks of 5, 5 and 3.
async fn takes_chunks(meta: &Meta) {
    takes_start(meta).await;
    on_chunk(meta, 0, (200, offsets(5, 10))).await;
    on_chunk(meta, 5, (200, offsets(10, 13))).await;
    on_chunk(meta, 10, (200, offsets(13, 13))).await;
}

async fn takes_start(meta: &Meta) {
    let mut started = offsets(0, 5);
    started["video_id"] = 7700.into();
    started["upload_session_id"] = "42".into();
    let start = on_host("POST", UPLOAD).and(body_string_contains("upload_phase=start"));
    meta.mount(start, json_answer((200, started))).await;
}

async fn takes_finish(meta: &Meta, answer: (u16, Value)) {
    let finish = on_host("POST", UPLOAD).and(body_string_contains("upload_phase=finish"));
    meta.mount(finish, json_answer(answer)).await;
}

async fn step(meta: &Meta, job: &Job, progress: Option<&Progress>) -> Progress {
    match meta.pages().prepare(job, progress).await {
        Prepared::Continue(next) => next,
        other => panic!("{other:?}"),
    }
}

async fn prepare(meta: &Meta, job: &Job, from: Option<Progress>) -> Prepared {
    let mut progress = from;
    for _ in 0..30 {
        match meta.pages().prepare(job, progress.as_ref()).await {
            Prepared::Continue(next) => progress = Some(next),
            done => return done,
        }
    }
    panic!("it does not end")
}

fn ready(prepared: Prepared) -> Progress {
    match prepared {
        Prepared::Ready(progress) => progress,
        other => panic!("{other:?}"),
    }
}

fn failed(prepared: Prepared) -> (Failure, Option<Progress>) {
    match prepared {
        Prepared::Failed { failure, progress } => (failure, progress),
        other => panic!("{other:?}"),
    }
}

/// A video that is ready, and nothing but what comes next is expected.
async fn prepared(meta: &Meta, job: &Job) -> Progress {
    takes_chunks(meta).await;
    let progress = ready(prepare(meta, job, None).await);
    meta.server.reset().await;
    progress
}

#[tokio::test]
async fn a_video_should_be_sent_in_the_chunks_that_facebook_asks_for_and_finished() {
    let meta = Meta::start().await;
    takes_chunks(&meta).await;
    takes_finish(&meta, (200, json!({ "success": true }))).await;
    let job = video_job();
    let progress = ready(prepare(&meta, &job, None).await);
    assert_eq!(progress.object.as_deref(), Some(VIDEO));
    let committed = meta.pages().commit(&job, &progress, in_time()).await;
    assert!(matches!(committed, Committed::Accepted { until } if until > now()));
    insta::assert_json_snapshot!("video", meta.sent().await);
    assert_eq!(meta.pages().repeat(&video()), Repeat::Assumed);
    assert_eq!(meta.pages().lead(&video()), Duration::from_secs(600));
}

#[tokio::test]
async fn what_is_ready_should_stay_ready_until_facebook_may_have_dropped_it() {
    let meta = Meta::start().await;
    let job = video_job();
    let progress = prepared(&meta, &job).await;
    let again = meta.pages().prepare(&resumed(&job), Some(&progress)).await;
    assert_eq!(again, Prepared::Ready(progress.clone()));
    assert!(meta.calls().await.is_empty());

    meta.clock.advance(Duration::from_secs(12 * 3600));
    takes_chunks(&meta).await;
    let anew = ready(prepare(&meta, &resumed(&job), Some(progress)).await);
    assert_eq!(anew.object.as_deref(), Some(VIDEO));
    assert_eq!(meta.calls().await.len(), 4);
}

#[tokio::test]
async fn an_upload_should_go_on_from_where_facebook_says() {
    let meta = Meta::start().await;
    takes_start(&meta).await;
    let mut error = graph_error(6001, 1_363_037);
    error["error"]["error_data"] = json!({ "start_offset": 3, "end_offset": "9" });
    on_chunk(&meta, 0, (500, error)).await;
    on_chunk(&meta, 3, (200, offsets(13, 13))).await;
    let job = video_job();
    let progress = ready(prepare(&meta, &job, None).await);
    assert_eq!(progress.object.as_deref(), Some(VIDEO));
    let sent = meta.sent().await;
    assert_eq!(sent[2]["form"]["video_file_chunk (a file)"], "ilm or");
}

#[tokio::test]
async fn an_upload_that_goes_in_circles_should_end() {
    for answer in [(200, offsets(0, 5)), {
        let mut error = graph_error(6001, 1_363_037);
        error["error"]["error_data"] = json!({ "start_offset": 0, "end_offset": 5 });
        (400, error)
    }] {
        let meta = Meta::start().await;
        takes_start(&meta).await;
        on_chunk(&meta, 0, answer).await;
        let (failure, progress) = failed(prepare(&meta, &video_job(), None).await);
        assert_eq!(failure.class, FailureClass::Transient);
        assert_eq!(progress, None, "whoever tries again begins anew");
        assert!(meta.calls().await.len() <= 10);
    }
}

#[tokio::test]
async fn a_chunk_that_nobody_answers_should_be_sent_again() {
    let meta = Meta::start().await;
    takes_start(&meta).await;
    let job = video_job();
    let started = step(&meta, &job, None).await;
    let outage = ResponseTemplate::new(502).set_body_string("<html>");
    meta.mount(on_host("POST", UPLOAD), outage).await;
    let (failure, kept) = failed(meta.pages().prepare(&job, Some(&started)).await);
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(failure.message.starts_with("Video 1: "), "{failure}");
    assert_eq!(failure.platform.unwrap().media_index, Some(0));
    assert_eq!(kept, Some(started));

    meta.server.reset().await;
    takes_chunks(&meta).await;
    ready(prepare(&meta, &resumed(&job), kept).await);
    assert_eq!(meta.calls().await.len(), 3);
}

#[tokio::test]
async fn an_upload_should_be_kept_or_begun_anew_by_what_went_wrong() {
    for (status, code, subcode, class, goes_on) in [
        (400, 6000, 1_363_019, "transient", false),
        (400, 100, 1_363_030, "transient", false),
        (503, 2, 1_363_047, "transient", true),
        (500, 2, 0, "transient", true),
        (403, 32, 0, "rate_limited", true),
        (400, 190, 463, "reauthorize", true),
        (400, 382, 0, "content", false),
        (400, 6000, 1_363_045, "content", false),
        (400, 100, 0, "content", false),
    ] {
        let meta = Meta::start().await;
        takes_start(&meta).await;
        on_chunk(&meta, 0, (status, graph_error(code, subcode))).await;
        let (failure, progress) = failed(prepare(&meta, &video_job(), None).await);
        assert_eq!(failure.class.code(), class, "{code}/{subcode}");
        assert_eq!(progress.is_some(), goes_on, "{code}/{subcode}");
    }
}

#[tokio::test]
async fn a_start_that_fails_should_leave_nothing_behind() {
    for (answer, class) in [
        ((500, graph_error(2, 0)), "transient"),
        ((403, graph_error(200, 0)), "permission"),
        ((200, json!({ "video_id": "1" })), "unknown"),
    ] {
        let meta = Meta::start().await;
        meta.on_host("POST", UPLOAD, answer).await;
        let (failure, progress) = failed(prepare(&meta, &video_job(), None).await);
        assert_eq!(failure.class.code(), class, "{failure}");
        assert_eq!(progress, None);
    }
}

#[tokio::test]
async fn a_file_that_changes_on_the_way_should_not_be_published() {
    let meta = Meta::start().await;
    takes_chunks(&meta).await;
    let shelf = Shelf::of(landscape()).with_bytes(b"a film");
    let (failure, progress) = failed(prepare(&meta, &job_with(video(), shelf), None).await);
    assert_eq!(failure.code, "media_changed");
    assert_eq!(failure.class, FailureClass::Content { retryable: true });
    assert_eq!(progress, None);
}

#[tokio::test]
async fn a_film_whose_shape_nobody_knows_should_not_be_guessed() {
    let unknown = |change: fn(&mut MediaFacts)| {
        let mut facts = vertical();
        change(&mut facts);
        Shelf::of(facts)
    };
    let long = |facts: &mut MediaFacts| facts.duration = Some(Duration::from_millis(90_001));
    for (shelf, code, retryable) in [
        (
            unknown(|facts| facts.width = None),
            "media_unreadable",
            false,
        ),
        (
            unknown(|facts| facts.duration = None),
            "media_unreadable",
            false,
        ),
        (
            unknown(|facts| *facts = MediaFacts::of(MediaFormat::Mp4)),
            "media_unreadable",
            false,
        ),
        (unknown(long), "vertical_too_long", false),
        (Shelf::unreadable(), "media_unreadable", true),
        (
            Shelf::of(MediaFacts {
                bytes: None,
                ..landscape()
            }),
            "media_unreadable",
            false,
        ),
    ] {
        let meta = Meta::start().await;
        let (failure, progress) = failed(prepare(&meta, &job_with(video(), shelf), None).await);
        assert_eq!(failure.class, FailureClass::Content { retryable });
        assert_eq!(failure.code, code);
        assert_eq!(failure.platform.unwrap().media_index, Some(0));
        assert_eq!(progress, None);
        assert!(meta.calls().await.is_empty());
    }
}

#[tokio::test]
async fn a_vertical_film_in_the_feed_should_go_the_reels_way() {
    let meta = Meta::start().await;
    let started = json!({ "video_id": VIDEO, "upload_url": "https://rupload.facebook.com/video-upload/7700" });
    meta.on("POST", "/1000/video_reels", (200, started)).await;
    let job = job_with(video(), Shelf::of(vertical()));
    step(&meta, &job, None).await;
    assert_eq!(meta.calls().await, ["POST /1000/video_reels"]);
}

#[tokio::test]
async fn only_what_proves_that_nothing_was_done_should_be_a_refusal() {
    for (status, code, subcode, refused) in [
        (400, 190, 463, true),
        (403, 200, 0, true),
        (403, 32, 0, true),
        (400, 6000, 1_363_019, false),
        (400, 100, 33, false),
        (400, 368, 1_390_008, false),
        (500, 2, 0, false),
        (200, 1, 99, false),
    ] {
        let meta = Meta::start().await;
        let job = video_job();
        let progress = prepared(&meta, &job).await;
        takes_finish(&meta, (status, graph_error(code, subcode))).await;
        let committed = meta.pages().commit(&job, &progress, in_time()).await;
        let seen = matches!(committed, Committed::Refused(_));
        assert_eq!(seen, refused, "{status} {code}/{subcode}: {committed:?}");
    }
}

#[tokio::test]
async fn a_finish_that_is_too_late_should_send_nothing() {
    let meta = Meta::start().await;
    let job = video_job();
    let progress = prepared(&meta, &job).await;
    let late = Deadline::after(Duration::ZERO);
    let committed = meta.pages().commit(&job, &progress, late).await;
    assert!(matches!(committed, Committed::Refused(_)), "{committed:?}");
    let unknown = Progress {
        version: 99,
        ..progress
    };
    let committed = meta.pages().commit(&job, &unknown, in_time()).await;
    assert!(matches!(committed, Committed::Refused(_)), "{committed:?}");
    let looked = meta.pages().look(&job, &unknown, now()).await;
    assert_eq!(looked, Ok(Evidence::Unclear(None)));
    assert!(meta.calls().await.is_empty());
}

async fn look(meta: &Meta, content: Content) -> Result<Evidence, Failure> {
    let job = job_with(content, Shelf::of(landscape()));
    let progress = Progress {
        version: 2,
        content_revision: job.post.content_revision,
        object: Some(VIDEO.to_owned()),
        data: json!({ "kind": "video", "video": VIDEO, "session": "42", "size": 13, "start": 13, "end": 13, "since": now() }),
    };
    meta.pages().look(&job, &progress, now()).await
}

#[tokio::test]
async fn the_video_itself_should_decide() {
    let meta = Meta::start().await;
    let published = json!({ "id": VIDEO, "published": true, "post_id": 2000, "permalink_url": "/1000/videos/7700/",
        "status": { "video_status": "ready" } });
    meta.on("GET", "/7700", (200, published)).await;
    let Evidence::Live(published) = look(&meta, video()).await.unwrap() else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some("1000_2000"));
    let link = meta.address_of("1000/videos/7700");
    assert_eq!(published.permalink, Some(link));
    insta::assert_json_snapshot!("look_video", meta.sent().await);

    // The post's id comes later.
    let meta = Meta::start().await;
    let fresh = json!({ "id": VIDEO, "published": true, "status": { "video_status": "ready" } });
    meta.on("GET", "/7700", (200, fresh)).await;
    let Evidence::Live(published) = look(&meta, video()).await.unwrap() else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some(VIDEO));
    assert_eq!(published.permalink, Some(meta.address_of(VIDEO)));
}

#[tokio::test]
async fn a_video_that_is_not_live_should_say_why() {
    for (status, expected) in [
        (json!({ "video_status": "processing" }), "pending"),
        (json!({ "video_status": "upload_complete" }), "absent"),
        (json!({ "video_status": "uploading" }), "absent"),
        (json!({ "video_status": "expired" }), "dead transient"),
        (json!({ "video_status": "error" }), "dead content"),
        (
            json!({ "video_status": "ready", "publishing_phase": { "status": "not_started", "publish_status": "draft" } }),
            "dead kept_as_draft",
        ),
        (json!({}), "unclear"),
    ] {
        let meta = Meta::start().await;
        let state = json!({ "id": VIDEO, "published": false, "status": status });
        meta.on("GET", "/7700", (200, state.clone())).await;
        let seen = match look(&meta, video()).await.unwrap() {
            Evidence::Live(_) => "live".to_owned(),
            Evidence::Pending { until } => {
                assert_eq!(until, now() + chrono::TimeDelta::seconds(2));
                "pending".to_owned()
            }
            Evidence::Absent => "absent".to_owned(),
            Evidence::Dead(failure) => format!("dead {}", failure.code),
            Evidence::Unclear(_) => "unclear".to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, expected, "{state}");
    }
}

#[tokio::test]
async fn a_video_that_takes_long_should_be_looked_at_less_and_less() {
    let meta = Meta::start().await;
    let state = json!({ "id": VIDEO, "status": { "video_status": "processing" } });
    meta.on("GET", "/7700", (200, state)).await;
    for (passed, gap) in [(60, 60), (3_540, 300)] {
        meta.clock.advance(Duration::from_secs(passed));
        let later = meta.clock_now() + chrono::TimeDelta::seconds(gap);
        assert_eq!(
            look(&meta, video()).await.unwrap(),
            Evidence::Pending { until: later }
        );
    }
}

fn item(id: &str, shows: &Value) -> Value {
    json!({ "id": id, "message": "Look & see", "status_type": "added_video", "created_time": graph_time(5),
        "permalink_url": "https://www.facebook.com/p", "attachments": { "data": [{ "target": { "id": shows } }] } })
}

#[tokio::test]
async fn where_the_video_cannot_be_read_the_post_that_shows_it_should_prove_that_it_is_live() {
    let meta = Meta::start().await;
    meta.on("GET", "/7700", (400, graph_error(100, 33))).await;
    let list = json!({ "data": [item("1000_1", &json!("7701")), item("1000_2000", &json!(7700))] });
    meta.on("GET", "/1000/published_posts", (200, list)).await;
    let Evidence::Live(published) = look(&meta, video()).await.unwrap() else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some("1000_2000"));
    insta::assert_json_snapshot!("look_video_listed", meta.sent().await);
}

#[tokio::test]
async fn anything_else_in_the_list_should_prove_nothing() {
    let mut silent = item("1000_2000", &json!(null));
    silent.as_object_mut().unwrap().remove("attachments");
    let next = json!({ "cursors": { "after": "again" }, "next": "https://never.example" });
    for list in [
        json!({ "data": [] }),
        // The same text, and the only such post: another one's film all the same.
        json!({ "data": [silent] }),
        json!({ "data": [item("1000_3", &json!("7701"))] }),
        json!({ "data": [silent], "paging": { "next": "https://never.example" } }),
        json!({ "data": [], "paging": next }),
        json!({ "error": { "code": 2 } }),
    ] {
        let meta = Meta::start().await;
        meta.on("GET", "/7700", (400, graph_error(100, 33))).await;
        meta.on("GET", "/1000/published_posts", (200, list.clone()))
            .await;
        let evidence = look(&meta, video()).await.unwrap();
        assert!(matches!(evidence, Evidence::Unclear(Some(_))), "{list}");
    }
}

#[tokio::test]
async fn a_look_that_is_refused_should_stop_the_lane_and_other_failures_should_tell_nothing() {
    for (code, stops) in [(190, true), (32, true), (4, true), (2, false), (368, false)] {
        let meta = Meta::start().await;
        meta.on("GET", "/7700", (400, graph_error(code, 0))).await;
        let looked = look(&meta, video()).await;
        assert_eq!(looked.is_err(), stops, "{code}");
        if !stops {
            assert!(matches!(looked, Ok(Evidence::Unclear(Some(_)))), "{code}");
        }
    }
}

/// The same post, published, with the id of its film or of its post.
fn live(id: &str, content: Content) -> Job {
    let mut job = job_with(content, Shelf::of(landscape()));
    let mut post = (*job.post).clone();
    post.published.platform_id = Some(id.to_owned());
    job.post = Arc::new(post);
    job
}

#[tokio::test]
async fn a_published_video_should_be_changed_and_deleted_by_the_id_that_is_known() {
    let meta = Meta::start().await;
    for id in ["7700", "1000_2000"] {
        let call = format!("/{id}");
        let success = json!({ "success": true });
        meta.on("POST", &call, (200, success.clone())).await;
        meta.on("DELETE", &call, (200, success)).await;
        let job = live(id, video());
        assert_eq!(meta.pages().edit(&job, Some("Better")).await, Ok(()));
        assert_eq!(meta.pages().delete(&job).await, Ok(()));
    }
    insta::assert_json_snapshot!("change_video", meta.sent().await);
}

#[tokio::test]
async fn a_video_that_facebook_does_not_know_should_count_as_deleted_only_if_nothing_shows_it() {
    let gone = (400, graph_error(100, 33));
    let shown = json!({ "id": VIDEO, "published": true, "status": { "video_status": "ready" } });
    let unfinished = json!({ "id": VIDEO, "status": { "video_status": "upload_complete" } });
    for (read, deleted) in [
        (gone.clone(), true),
        ((200, shown), false),
        ((200, unfinished), false),
        ((500, graph_error(2, 0)), false),
    ] {
        let meta = Meta::start().await;
        let job = video_job();
        let progress = prepared(&meta, &job).await;
        meta.on("DELETE", "/7700", gone.clone()).await;
        meta.on("GET", "/7700", read).await;
        meta.on("GET", "/1000/published_posts", (200, json!({ "data": [] })))
            .await;
        assert_eq!(
            meta.pages().delete(&live(VIDEO, video())).await.is_ok(),
            deleted
        );
        let failure = meta.pages().discard(&job, &progress).await.unwrap_err();
        assert_eq!(failure.class == FailureClass::NotFound, deleted);
    }
}

#[tokio::test]
async fn a_video_that_was_never_finished_should_be_discarded() {
    let meta = Meta::start().await;
    let job = video_job();
    let progress = prepared(&meta, &job).await;
    meta.on("DELETE", "/7700", (200, json!({ "success": true })))
        .await;
    assert_eq!(meta.pages().discard(&job, &progress).await, Ok(()));
    assert_eq!(meta.calls().await, ["DELETE /7700"]);
}
