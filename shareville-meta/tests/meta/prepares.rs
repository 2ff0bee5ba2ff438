//! Towards an unpublished post.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shareville_core::{
    failure::{Failure, FailureClass},
    media::Media,
    post::{Content, FacebookOptions, Progress},
    publisher::{Job, Prepared, Publisher as _},
};
use wiremock::{ResponseTemplate, matchers::body_string_contains};

use crate::{
    corpus::answers,
    support::{Meta, POST, graph_error, job, on, resumed},
};

fn photos(count: usize) -> Content {
    let photo = |n| Media {
        alt_text: Some(format!("Photo {n} & more")),
        ..Media::image(format!("https://cdn.example/{n}.jpg"))
    };
    Content {
        media: (1..=count).map(photo).collect(),
        ..Content::text("Look: ä & ö")
    }
}

/// Photos 1.jpg, 2.jpg … get the ids 501, 502 …
async fn takes_photos(meta: &Meta, count: usize) {
    for n in 1..=count {
        let url = body_string_contains(format!("%2F{n}.jpg&"));
        meta.on_with("POST", "/1000/photos", url, (200, json!({ "id": 500 + n })))
            .await;
    }
}

async fn takes_posts(meta: &Meta) {
    meta.on("POST", "/1000/feed", (200, json!({ "id": POST })))
        .await;
}

/// Prepares until there is nothing more to do.
async fn prepare(meta: &Meta, job: &Job, from: Option<Progress>) -> Prepared {
    let mut progress = from;
    let mut job = job.clone();
    loop {
        match meta.pages().prepare(&job, progress.as_ref()).await {
            Prepared::Continue(next) => progress = Some(next),
            done => return done,
        }
        // Only the first step since the claim is a resumption.
        job.resumed = false;
    }
}

fn object(prepared: &Prepared) -> Option<&str> {
    match prepared {
        Prepared::Ready(progress) => progress.object.as_deref(),
        _ => panic!("{prepared:?}"),
    }
}

fn failed(prepared: Prepared) -> (Failure, Option<Progress>) {
    match prepared {
        Prepared::Failed { failure, progress } => (failure, progress),
        _ => panic!("{prepared:?}"),
    }
}

async fn count(meta: &Meta, call: &str) -> usize {
    meta.calls()
        .await
        .iter()
        .filter(|made| *made == call)
        .count()
}

#[tokio::test]
async fn text_should_be_one_call() {
    let meta = Meta::start().await;
    takes_posts(&meta).await;
    let mut content = Content::text("Hello,\nworld & co");
    content.options.facebook = Some(FacebookOptions {
        place_id: Some("77".into()),
    });
    let prepared = meta.pages().prepare(&job(content), None).await;
    assert_eq!(object(&prepared), Some(POST));
    insta::assert_json_snapshot!("prepare_text", meta.sent().await);
}

#[tokio::test]
async fn a_link_should_be_one_call() {
    let meta = Meta::start().await;
    takes_posts(&meta).await;
    let content = Content {
        link: Some("https://example.com/news?a=b&c".into()),
        ..Content::default()
    };
    let prepared = meta.pages().prepare(&job(content), None).await;
    assert_eq!(object(&prepared), Some(POST));
    insta::assert_json_snapshot!("prepare_link", meta.sent().await);
}

#[tokio::test]
async fn photos_should_be_uploaded_one_by_one_and_attached_in_order() {
    let meta = Meta::start().await;
    takes_photos(&meta, 3).await;
    takes_posts(&meta).await;
    let prepared = prepare(&meta, &job(photos(3)), None).await;
    assert_eq!(object(&prepared), Some(POST));
    insta::assert_json_snapshot!("prepare_photos", meta.sent().await);
}

#[tokio::test]
async fn one_photo_and_ten_should_go_the_same_way() {
    for number in [1, 10] {
        let meta = Meta::start().await;
        takes_photos(&meta, number).await;
        takes_posts(&meta).await;
        let prepared = prepare(&meta, &job(photos(number)), None).await;
        assert_eq!(object(&prepared), Some(POST));
        assert_eq!(count(&meta, "POST /1000/photos").await, number);
        assert_eq!(count(&meta, "POST /1000/feed").await, 1);
    }
}

#[tokio::test]
async fn what_is_ready_should_stay_ready_and_cost_no_call() {
    let meta = Meta::start().await;
    takes_posts(&meta).await;
    let job = job(Content::text("Hello"));
    let Prepared::Ready(progress) = meta.pages().prepare(&job, None).await else {
        panic!("it is ready");
    };
    for progress in [
        progress.clone(),
        Progress {
            version: 99,
            ..progress
        },
    ] {
        let again = meta.pages().prepare(&resumed(&job), Some(&progress)).await;
        assert_eq!(again, Prepared::Ready(progress));
    }
    assert_eq!(meta.calls().await.len(), 1);
}

#[tokio::test]
async fn a_photo_that_fails_should_fail_the_post_and_be_named() {
    let meta = Meta::start().await;
    let url = body_string_contains("%2F1.jpg&");
    meta.on_with("POST", "/1000/photos", url, (200, json!({ "id": "501" })))
        .await;
    meta.on("POST", "/1000/photos", (400, graph_error(324, 2_069_019)))
        .await;
    let job = job(photos(3));
    let (failure, progress) = failed(prepare(&meta, &job, None).await);
    assert_eq!(failure.class, FailureClass::Content { retryable: true });
    assert!(failure.message.starts_with("Photo 2: "), "{failure}");
    let platform = failure.platform.unwrap();
    assert_eq!((platform.code, platform.media_index), (Some(324), Some(1)));
    assert_eq!(count(&meta, "POST /1000/feed").await, 0);

    // What is there already is not uploaded again.
    meta.server.reset().await;
    takes_photos(&meta, 3).await;
    takes_posts(&meta).await;
    assert_eq!(
        object(&prepare(&meta, &resumed(&job), progress).await),
        Some(POST)
    );
    assert_eq!(count(&meta, "POST /1000/photos").await, 2);
}

#[tokio::test]
async fn a_worker_that_may_have_died_while_creating_should_upload_anew() {
    let meta = Meta::start().await;
    takes_photos(&meta, 2).await;
    takes_posts(&meta).await;
    let job = job(photos(2));
    let create_next = up_to_create(&meta, &job).await;

    // The same worker goes on with the photos it has.
    assert_eq!(
        object(&meta.pages().prepare(&job, Some(&create_next)).await),
        Some(POST)
    );
    assert_eq!(count(&meta, "POST /1000/photos").await, 2);

    // Another may not.
    assert_eq!(
        object(&prepare(&meta, &resumed(&job), Some(create_next)).await),
        Some(POST)
    );
    assert_eq!(count(&meta, "POST /1000/photos").await, 4);
}

/// Prepares until creating the post is next.
async fn up_to_create(meta: &Meta, job: &Job) -> Progress {
    let mut progress = None;
    for _ in 0..=job.post.content.media.len() {
        match meta.pages().prepare(job, progress.as_ref()).await {
            Prepared::Continue(next) => progress = Some(next),
            other => panic!("{other:?}"),
        }
    }
    progress.unwrap()
}

#[tokio::test]
async fn photos_should_be_forgotten_twice_and_then_the_post_given_up() {
    let meta = Meta::start().await;
    takes_photos(&meta, 1).await;
    meta.on("POST", "/1000/feed", (500, graph_error(2, 0)))
        .await;
    let job = job(photos(1));
    let mut progress = None;
    for _ in 0..2 {
        let (failure, kept) = failed(prepare(&meta, &resumed(&job), progress).await);
        assert_eq!(failure.class, FailureClass::Transient);
        progress = kept;
    }
    let (failure, progress) = failed(prepare(&meta, &resumed(&job), progress).await);
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Unknown, "create_unanswered")
    );
    assert_eq!(progress, None);
    assert_eq!(count(&meta, "POST /1000/photos").await, 3);
    assert_eq!(count(&meta, "POST /1000/feed").await, 3);
}

#[tokio::test]
async fn workers_that_die_again_and_again_should_not_upload_for_ever() {
    let meta = Meta::start().await;
    takes_photos(&meta, 1).await;
    let job = job(photos(1));
    let mut progress = None;
    for _ in 0..3 {
        let mut job = resumed(&job);
        for _ in 0..2 {
            match meta.pages().prepare(&job, progress.as_ref()).await {
                Prepared::Continue(next) => progress = Some(next),
                other => panic!("{other:?}"),
            }
            job.resumed = false;
        }
    }
    let (failure, _) = failed(
        meta.pages()
            .prepare(&resumed(&job), progress.as_ref())
            .await,
    );
    assert_eq!(failure.code, "create_unanswered");
    assert_eq!(count(&meta, "POST /1000/photos").await, 3);
}

#[tokio::test]
async fn a_refused_creation_should_keep_the_photos() {
    let meta = Meta::start().await;
    takes_photos(&meta, 2).await;
    meta.once("POST", "/1000/feed", (403, graph_error(32, 0)))
        .await;
    takes_posts(&meta).await;
    let job = job(photos(2));
    let (failure, progress) = failed(prepare(&meta, &job, None).await);
    assert!(matches!(failure.class, FailureClass::RateLimited { .. }));
    assert_eq!(
        object(&prepare(&meta, &resumed(&job), progress).await),
        Some(POST)
    );
    assert_eq!(count(&meta, "POST /1000/photos").await, 2);
}

#[tokio::test]
async fn photos_that_facebook_may_have_dropped_should_be_uploaded_anew() {
    let meta = Meta::start().await;
    takes_photos(&meta, 1).await;
    takes_posts(&meta).await;
    let job = job(photos(1));
    let Prepared::Continue(progress) = meta.pages().prepare(&job, None).await else {
        panic!("there is more to do");
    };
    meta.clock.advance(TimeDelta::hours(12).to_std().unwrap());
    assert_eq!(
        object(&prepare(&meta, &resumed(&job), Some(progress)).await),
        Some(POST)
    );
    assert_eq!(count(&meta, "POST /1000/photos").await, 2);
}

#[tokio::test]
async fn what_was_kept_for_something_else_should_be_of_no_use() {
    let meta = Meta::start().await;
    takes_photos(&meta, 1).await;
    takes_posts(&meta).await;
    let job = job(photos(1));
    let Prepared::Continue(progress) = meta.pages().prepare(&job, None).await else {
        panic!("there is more to do");
    };
    for (n, odd) in [
        Progress {
            version: 3,
            ..progress.clone()
        },
        Progress {
            content_revision: 7,
            ..progress.clone()
        },
        Progress {
            data: Value::Null,
            ..progress.clone()
        },
        Progress {
            content_revision: 7,
            object: Some("1000_1".into()),
            ..progress
        },
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(object(&prepare(&meta, &job, Some(odd)).await), Some(POST));
        assert_eq!(count(&meta, "POST /1000/photos").await, 2 + n);
    }
}

#[tokio::test]
async fn a_creation_that_nobody_answers_should_be_tried_again_where_nothing_can_be_owned() {
    let meta = Meta::start().await;
    let page = ResponseTemplate::new(502).set_body_string("<html>");
    meta.mount(on("POST", "/1000/feed"), page).await;
    let job = job(Content::text("Hello"));
    let mut progress = None;
    for _ in 0..5 {
        let (failure, kept) = failed(prepare(&meta, &resumed(&job), progress).await);
        assert_eq!(failure.class, FailureClass::Transient);
        progress = kept;
    }
}

#[tokio::test]
async fn every_known_answer_to_a_creation_should_be_read() {
    for body in answers("fb_feed_publish")
        .into_iter()
        .chain(answers("fb_feed_unpublished"))
    {
        let meta = Meta::start().await;
        meta.on("POST", "/1000/feed", (200, body.clone())).await;
        let prepared = meta
            .pages()
            .prepare(&job(Content::text("Hello")), None)
            .await;
        assert_eq!(object(&prepared), body["id"].as_str());
    }
}
