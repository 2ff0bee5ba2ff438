//! Stories of a photo or a film: only the id of what they show tells them apart.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    failure::{Failure, FailureClass},
    media::{Media, MediaFacts, MediaFormat},
    post::{Content, Evidence, Placement, Progress, Published, Repeat},
    publisher::{Committed, Job, Prepared, Publisher as _},
};
use wiremock::matchers::{body_string_contains, query_param, query_param_is_missing};

use crate::{
    shelf::{Shelf, film, job_with, landscape, uploaded_photo, vertical},
    support::{Meta, graph_error, job, json_answer, now, on, resumed},
};

const PHOTO: &str = "501";
const VIDEO: &str = "7700";
const STORY: &str = "9900";

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn photo_story() -> Content {
    Content {
        placement: Placement::Story,
        media: vec![Media::image("https://cdn.example/1.jpg")],
        ..Content::default()
    }
}

async fn photo_is_ready(meta: &Meta, job: &Job) -> Progress {
    meta.on("POST", "/1000/photos", (200, json!({ "id": 501 })))
        .await;
    let prepared = meta.pages().prepare(job, None).await;
    let Prepared::Ready(progress) = prepared else {
        panic!("{prepared:?}");
    };
    meta.server.reset().await;
    progress
}

fn story(media: &str) -> Value {
    json!({ "post_id": STORY, "status": "PUBLISHED", "creation_time": "123456", "media_type": "photo",
        "media_id": media, "url": "https://facebook.com/stories/9900" })
}

async fn lists(meta: &Meta, answer: (u16, Value)) {
    meta.on("GET", "/1000/stories", answer).await;
}

#[tokio::test]
async fn a_photo_should_be_uploaded_unseen_and_then_made_a_story() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000/photos", (200, json!({ "id": 501 })))
        .await;
    for answer in crate::corpus::answers("fb_story_publish") {
        meta.on("POST", "/1000/photo_stories", (200, answer)).await;
    }
    let job = job(photo_story());
    let Prepared::Ready(progress) = meta.pages().prepare(&job, None).await else {
        panic!("it is ready");
    };
    assert_eq!(progress.object.as_deref(), Some(PHOTO));
    let again = meta.pages().prepare(&resumed(&job), Some(&progress)).await;
    assert_eq!(again, Prepared::Ready(progress.clone()));
    let Committed::Live(published) = meta.pages().commit(&job, &progress, in_time()).await else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some("1234"));
    let link = meta.address_of("stories/1234");
    assert_eq!(published.permalink, Some(link));
    insta::assert_json_snapshot!("photo_story", meta.sent().await);
    assert_eq!(meta.pages().repeat(&photo_story()), Repeat::Assumed);
}

#[tokio::test]
async fn a_story_whose_id_is_not_told_should_be_live_all_the_same() {
    let meta = Meta::start().await;
    let job = job(photo_story());
    let progress = photo_is_ready(&meta, &job).await;
    meta.on(
        "POST",
        "/1000/photo_stories",
        (200, json!({ "success": true })),
    )
    .await;
    assert_eq!(
        meta.pages().commit(&job, &progress, in_time()).await,
        Committed::Live(Published::default())
    );
}

#[tokio::test]
async fn an_uploaded_photo_should_be_changed_for_a_story_and_that_be_told() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000/photos", (200, json!({ "id": 501 })))
        .await;
    let shelf = Shelf::of(MediaFacts::of(MediaFormat::Webp)).changed("scaled to 2048 × 1152");
    let job = job_with(uploaded_photo(Placement::Story), shelf);
    let Prepared::Noted { progress, note } = meta.pages().prepare(&job, None).await else {
        panic!("it is noted");
    };
    assert_eq!(note, "scaled to 2048 × 1152");
    let next = meta.pages().prepare(&job, Some(&progress)).await;
    assert_eq!(next, Prepared::Ready(progress));
    assert_eq!(meta.calls().await.len(), 1);
}

#[tokio::test]
async fn a_photo_that_fails_should_be_uploaded_anew() {
    for (status, code, subcode) in [(500, 2, 0), (400, 324, 2_069_019)] {
        let meta = Meta::start().await;
        let answer = (status, graph_error(code, subcode));
        meta.on("POST", "/1000/photos", answer).await;
        let Prepared::Failed { failure, progress } =
            meta.pages().prepare(&job(photo_story()), None).await
        else {
            panic!("it fails");
        };
        assert!(failure.message.starts_with("Photo 1: "), "{failure}");
        assert!(failure.class.is_retryable());
        assert_eq!(progress, None);
    }
    // And when Facebook may have dropped it.
    let meta = Meta::start().await;
    let job = job(photo_story());
    let progress = photo_is_ready(&meta, &job).await;
    meta.clock.advance(Duration::from_secs(12 * 3600));
    meta.on("POST", "/1000/photos", (200, json!({ "id": 502 })))
        .await;
    let Prepared::Ready(anew) = meta.pages().prepare(&job, Some(&progress)).await else {
        panic!("it is ready");
    };
    assert_eq!(anew.object.as_deref(), Some("502"));
}

#[tokio::test]
async fn only_what_proves_that_nothing_was_done_should_be_a_refusal() {
    for (status, code, subcode, refused) in [
        (400, 190, 463, true),
        (403, 10, 0, true),
        (503, 1, 0, false),
        (400, 100, 0, false),
        (400, 1, 99, false),
    ] {
        let meta = Meta::start().await;
        let job = job(photo_story());
        let progress = photo_is_ready(&meta, &job).await;
        let answer = (status, graph_error(code, subcode));
        meta.on("POST", "/1000/photo_stories", answer).await;
        let committed = meta.pages().commit(&job, &progress, in_time()).await;
        let seen = matches!(committed, Committed::Refused(_));
        assert_eq!(seen, refused, "{status} {code}/{subcode}: {committed:?}");
    }
}

async fn look(meta: &Meta) -> Result<Evidence, Failure> {
    let job = job(photo_story());
    let progress = Progress {
        version: 2,
        content_revision: job.post.content_revision,
        object: Some(PHOTO.to_owned()),
        data: json!({ "kind": "photo_story", "since": now() }),
    };
    meta.pages().look(&job, &progress, now()).await
}

#[tokio::test]
async fn the_list_with_exactly_this_photo_should_prove_that_a_story_is_live() {
    let meta = Meta::start().await;
    let next = "https://graph.facebook.com/never/followed?access_token=x";
    let first = json!({ "data": [story("502"), { "post_id": "1", "media_id": 5010 }],
        "paging": { "cursors": { "after": "cursor-1" }, "next": next } });
    let list = "/1000/stories";
    meta.on_with("GET", list, query_param_is_missing("after"), (200, first))
        .await;
    let second = json!({ "data": [story(PHOTO)] });
    meta.on_with("GET", list, query_param("after", "cursor-1"), (200, second))
        .await;
    let Evidence::Live(published) = look(&meta).await.unwrap() else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some(STORY));
    let link = "https://facebook.com/stories/9900";
    assert_eq!(published.permalink.as_deref(), Some(link));
    insta::assert_json_snapshot!("look_story", meta.sent().await);
}

#[tokio::test]
async fn a_whole_list_without_it_should_mean_absent_while_the_photo_can_be_read() {
    let photo = json!({ "id": PHOTO });
    let cut_off = json!({ "data": [], "paging": { "next": "https://never.example" } });
    let gone = (400, graph_error(100, 33));
    for (list, read, absent) in [
        (
            (200, json!({ "data": [story("502")] })),
            (200, photo.clone()),
            true,
        ),
        ((200, json!({ "data": [] })), (200, photo.clone()), true),
        ((200, json!({ "data": [] })), gone.clone(), false),
        (
            (200, json!({ "data": [] })),
            (500, graph_error(2, 0)),
            false,
        ),
        ((200, cut_off), (200, photo.clone()), false),
        ((500, graph_error(2, 0)), (200, photo.clone()), false),
        (gone.clone(), (200, photo.clone()), false),
    ] {
        let meta = Meta::start().await;
        lists(&meta, list.clone()).await;
        meta.on("GET", "/501", read.clone()).await;
        let evidence = look(&meta).await.unwrap();
        assert_eq!(evidence == Evidence::Absent, absent, "{list:?} {read:?}");
        assert!(absent || matches!(evidence, Evidence::Unclear(_)));
    }
}

#[tokio::test]
async fn a_day_later_a_story_that_is_missing_may_have_been_seen() {
    let meta = Meta::start().await;
    lists(&meta, (200, json!({ "data": [] }))).await;
    meta.on("GET", "/501", (200, json!({ "id": PHOTO }))).await;
    meta.clock.advance(Duration::from_secs(23 * 3600 - 1));
    assert_eq!(look(&meta).await, Ok(Evidence::Absent));
    meta.clock.advance(Duration::from_secs(1));
    assert_eq!(look(&meta).await, Ok(Evidence::Unclear(None)));
}

#[tokio::test]
async fn a_look_that_is_refused_should_stop_the_lane() {
    for code in [190, 32] {
        let meta = Meta::start().await;
        lists(&meta, (400, graph_error(code, 0))).await;
        assert!(look(&meta).await.is_err(), "{code}");
    }
}

fn video_story() -> Job {
    job_with(film(Placement::Story), Shelf::of(vertical()))
}

async fn takes_video_stories(meta: &Meta) {
    let edge = "/1000/video_stories";
    let started =
        json!({ "video_id": 7700, "upload_url": "https://rupload.facebook.com/video-upload/7700" });
    let start = on("POST", edge).and(body_string_contains("upload_phase=start"));
    meta.mount(start, json_answer((200, started))).await;
    meta.on_host(
        "POST",
        "/rupload.facebook.com/video-upload/7700",
        (200, json!({ "success": true })),
    )
    .await;
    let finish = on("POST", edge).and(body_string_contains("upload_phase=finish"));
    let finished = json!({ "success": true, "post_id": STORY });
    meta.mount(finish, json_answer((200, finished))).await;
}

fn state(word: &str, publishing: &Value) -> Value {
    json!({ "id": VIDEO, "status": { "video_status": word, "uploading_phase": { "status": "complete" },
        "publishing_phase": publishing } })
}

async fn film_is_ready(meta: &Meta, job: &Job) -> Progress {
    takes_video_stories(meta).await;
    let uploaded = state("upload_complete", &json!({ "status": "not_started" }));
    meta.on("GET", "/7700", (200, uploaded)).await;
    let mut progress = None;
    for _ in 0..5 {
        match meta.pages().prepare(job, progress.as_ref()).await {
            Prepared::Continue(next) => progress = Some(next),
            Prepared::Ready(ready) => return ready,
            other => panic!("{other:?}"),
        }
    }
    panic!("it does not end")
}

#[tokio::test]
async fn a_film_should_be_fetched_and_finished_for_a_story() {
    let meta = Meta::start().await;
    let job = video_story();
    let progress = film_is_ready(&meta, &job).await;
    assert_eq!(progress.object.as_deref(), Some(VIDEO));
    let committed = meta.pages().commit(&job, &progress, in_time()).await;
    assert!(
        matches!(committed, Committed::Accepted { .. }),
        "{committed:?}"
    );
    insta::assert_json_snapshot!("video_story", meta.sent().await);
}

#[tokio::test]
async fn a_film_in_a_story_should_be_looked_up_in_the_list_and_by_itself() {
    let published = json!({ "status": "complete", "publish_status": "published" });
    let waiting = json!({ "status": "not_started" });
    let nothing = (200, json!({ "data": [] }));
    let ready = |phase: &Value| (200, state("ready", phase));
    let gone = (400, graph_error(100, 33));
    for (list, read, expected) in [
        (
            (200, json!({ "data": [story(VIDEO)] })),
            gone.clone(),
            "live 9900",
        ),
        (nothing.clone(), ready(&published), "live -"),
        (
            nothing.clone(),
            ready(&json!({ "status": "in_progress" })),
            "pending",
        ),
        (nothing.clone(), ready(&waiting), "absent"),
        ((500, graph_error(2, 0)), ready(&waiting), "unclear"),
        (
            nothing.clone(),
            ready(&json!({ "status": "error" })),
            "dead",
        ),
        (nothing, gone.clone(), "unclear"),
        (gone.clone(), gone, "unclear"),
    ] {
        let meta = Meta::start().await;
        let job = video_story();
        let progress = film_is_ready(&meta, &job).await;
        meta.server.reset().await;
        lists(&meta, list.clone()).await;
        meta.on("GET", "/7700", read.clone()).await;
        let seen = match meta.pages().look(&job, &progress, now()).await.unwrap() {
            Evidence::Live(published) => {
                format!("live {}", published.platform_id.as_deref().unwrap_or("-"))
            }
            Evidence::Pending { .. } => "pending".to_owned(),
            Evidence::Absent => "absent".to_owned(),
            Evidence::Dead(_) => "dead".to_owned(),
            Evidence::Unclear(_) => "unclear".to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(seen, expected, "{list:?} {read:?}");
    }
}

#[tokio::test]
async fn a_day_later_a_film_that_no_story_shows_may_have_been_seen() {
    let meta = Meta::start().await;
    let job = video_story();
    let progress = film_is_ready(&meta, &job).await;
    lists(&meta, (200, json!({ "data": [] }))).await;
    meta.clock.advance(Duration::from_secs(23 * 3600 - 1));
    let looked = meta.pages().look(&job, &progress, now()).await;
    assert_eq!(looked, Ok(Evidence::Absent));
    meta.clock.advance(Duration::from_secs(1));
    let looked = meta.pages().look(&job, &progress, now()).await;
    assert_eq!(looked, Ok(Evidence::Unclear(None)));
}

#[tokio::test]
async fn a_story_should_neither_be_changed_nor_deleted_and_say_so() {
    let meta = Meta::start().await;
    for content in [photo_story(), film(Placement::Story)] {
        let mut job = job_with(content, Shelf::of(landscape()));
        let mut post = (*job.post).clone();
        post.published.platform_id = Some(STORY.to_owned());
        job.post = Arc::new(post);
        let edited = meta.pages().edit(&job, Some("text")).await.unwrap_err();
        let deleted = meta.pages().delete(&job).await.unwrap_err();
        for failure in [edited, deleted] {
            assert_eq!(failure.code, "not_supported_by_platform");
            assert_eq!(failure.class, FailureClass::Content { retryable: false });
        }
        assert_eq!(
            meta.pages()
                .permalink(&job, &job.post.published, in_time())
                .await,
            Some(meta.address_of("stories/9900"))
        );
    }
    assert!(meta.calls().await.is_empty());
}

#[tokio::test]
async fn a_photo_that_no_story_shows_should_be_discarded() {
    let gone = (400, graph_error(100, 33));
    for (delete, read, expected) in [
        ((200, json!({ "success": true })), gone.clone(), None),
        (gone.clone(), gone.clone(), Some(FailureClass::NotFound)),
        (
            gone.clone(),
            (200, json!({ "id": PHOTO })),
            Some(FailureClass::Transient),
        ),
    ] {
        let meta = Meta::start().await;
        let job = job(photo_story());
        let progress = photo_is_ready(&meta, &job).await;
        meta.on("DELETE", "/501", delete).await;
        meta.on("GET", "/501", read).await;
        let discarded = meta.pages().discard(&job, &progress).await;
        assert_eq!(discarded.err().map(|failure| failure.class), expected);
    }
}
