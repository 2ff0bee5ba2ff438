//! What is published: where it can be seen, editing, deleting.

use std::time::Duration;

use serde_json::json;
use shareville_core::{
    clock::Deadline,
    failure::FailureClass,
    post::{Content, Progress, Published},
    publisher::{Job, Publisher as _},
};
use wiremock::ResponseTemplate;

use crate::{
    corpus::answers,
    support::{Meta, POST, graph_error, job, on, published, ready},
};

fn live() -> Job {
    published(job(Content::text("Hello")))
}

#[tokio::test]
async fn the_permalink_should_be_read_if_there_is_time() {
    let meta = Meta::start().await;
    let link = json!({ "id": POST, "permalink_url": "https://www.facebook.com/1/posts/2" });
    meta.on("GET", "/1000_2000", (200, link)).await;
    let job = live();
    let read = |deadline| {
        let (pages, job) = (meta.pages(), job.clone());
        async move { pages.permalink(&job, &job.post.published, deadline).await }
    };
    let soon = Deadline::after(Duration::from_secs(10));
    assert_eq!(
        read(soon).await.as_deref(),
        Some("https://www.facebook.com/1/posts/2")
    );
    insta::assert_json_snapshot!("permalink", meta.sent().await);
    assert_eq!(
        read(Deadline::after(Duration::ZERO)).await,
        Some(meta.address_of("1000_2000")),
        "else the address that every post has"
    );
    assert_eq!(
        meta.pages()
            .permalink(&job, &Published::default(), soon)
            .await,
        None
    );
    assert_eq!(meta.calls().await.len(), 1);
}

#[tokio::test]
async fn a_permalink_that_does_not_come_should_be_made_of_the_id() {
    let soon = Deadline::after(Duration::from_millis(200));
    for answer in [
        ResponseTemplate::new(400).set_body_json(graph_error(100, 33)),
        ResponseTemplate::new(200).set_body_json(json!({ "id": POST })),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
    ] {
        let meta = Meta::start().await;
        meta.mount(on("GET", "/1000_2000"), answer).await;
        let job = live();
        assert_eq!(
            meta.pages()
                .permalink(&job, &job.post.published, soon)
                .await,
            Some(meta.address_of("1000_2000"))
        );
    }
}

#[tokio::test]
async fn editing_should_change_the_text() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000_2000", (200, json!({ "success": true })))
        .await;
    assert_eq!(
        meta.pages().edit(&live(), Some("Better & new")).await,
        Ok(())
    );
    assert_eq!(meta.pages().edit(&live(), None).await, Ok(()));
    insta::assert_json_snapshot!("edit", meta.sent().await);
}

#[tokio::test]
async fn an_edit_that_is_refused_should_say_why() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000_2000", (403, graph_error(200, 0)))
        .await;
    let failure = meta.pages().edit(&live(), Some("x")).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Permission);
    // Without an id nothing is sent, least of all to the version itself.
    assert!(
        meta.pages()
            .edit(&job(Content::text("Hello")), Some("x"))
            .await
            .is_err()
    );
    assert!(
        meta.pages()
            .delete(&job(Content::text("Hello")))
            .await
            .is_err()
    );
    assert_eq!(meta.calls().await.len(), 1);
}

#[tokio::test]
async fn what_facebook_does_not_know_should_count_as_deleted_only_if_nothing_shows_it() {
    let gone = (400, graph_error(100, 33));
    let item = json!({"data": [{"id": "1000_2000", "created_time": "2026-11-01T10:00:00+0000"}]});
    for (listed, is_gone) in [(json!({"data": []}), true), (item, false)] {
        let meta = Meta::start().await;
        meta.on("DELETE", "/1000_2000", gone.clone()).await;
        meta.on("GET", "/1000_2000", gone.clone()).await;
        meta.on("GET", "/1000/published_posts", (200, listed)).await;
        assert_eq!(meta.pages().delete(&live()).await.is_ok(), is_gone);
        let job = job(Content::text("Hello"));
        let failure = meta.pages().discard(&job, &ready(&job)).await.unwrap_err();
        // The engine believes it when it hears it twice.
        assert_eq!(
            failure.class == FailureClass::NotFound,
            is_gone,
            "{failure}"
        );
    }
}

#[tokio::test]
async fn deleting_should_be_one_call_and_take_success_only() {
    for answer in answers("success_true").into_iter().map(|body| (200, body)) {
        let meta = Meta::start().await;
        meta.on("DELETE", "/1000_2000", answer).await;
        assert_eq!(meta.pages().delete(&live()).await, Ok(()));
        let job = job(Content::text("Hello"));
        assert_eq!(meta.pages().discard(&job, &ready(&job)).await, Ok(()));
        insta::assert_json_snapshot!("delete", meta.sent().await);
    }
    for answer in [
        (200, json!({ "success": false })),
        (500, graph_error(2, 0)),
        (400, graph_error(190, 0)),
    ] {
        let meta = Meta::start().await;
        meta.on("DELETE", "/1000_2000", answer).await;
        assert!(meta.pages().delete(&live()).await.is_err());
        let job = job(Content::text("Hello"));
        assert!(meta.pages().discard(&job, &ready(&job)).await.is_err());
    }
}

#[tokio::test]
async fn photos_that_no_post_holds_should_need_no_discarding() {
    let meta = Meta::start().await;
    let job = job(Content::text("Hello"));
    let photos = Progress {
        object: None,
        ..ready(&job)
    };
    assert_eq!(meta.pages().discard(&job, &photos).await, Ok(()));
    assert!(meta.calls().await.is_empty());
}
