//! The first comment.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    failure::{Failure, FailureClass},
    post::Content,
    publisher::{CommentEvidence, Commented, Job, Publisher as _},
};
use wiremock::{
    ResponseTemplate,
    matchers::{query_param, query_param_is_missing},
};

use crate::{
    corpus::answers,
    support::{Meta, PAGE, graph_error, graph_time, job, now, on, published},
};

const COMMENTS: &str = "/1000_2000/comments";

fn commented() -> Job {
    let comment = Some("Read more:\nhttps://example.com".to_owned());
    published(job(Content {
        first_comment: comment,
        ..Content::text("Hello")
    }))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn look(meta: &Meta) -> Result<CommentEvidence, Failure> {
    meta.pages().look_for_comment(&commented(), now()).await
}

fn ours() -> Value {
    json!({
        "id": "2000_1",
        "message": "Read more:\r\nhttps://example.com ",
        "from": { "id": PAGE, "name": "Ada's" },
        "created_time": graph_time(2),
    })
}

/// Our comment, but for one thing.
fn but(name: &str, value: Value) -> Value {
    let mut comment = ours();
    comment[name] = value;
    comment
}

#[tokio::test]
async fn a_comment_should_be_one_call() {
    for body in answers("fb_comment_create")
        .into_iter()
        .chain([json!({ "id": 7 })])
    {
        let meta = Meta::start().await;
        meta.on("POST", COMMENTS, (200, body)).await;
        assert_eq!(
            meta.pages().comment(&commented(), soon()).await,
            Commented::Live
        );
        insta::assert_json_snapshot!("comment", meta.sent().await);
    }
}

#[tokio::test]
async fn a_comment_should_be_refused_only_where_that_is_proven() {
    for (status, code, refused) in [
        (400, 190, true),
        (403, 200, true),
        (400, 32, true),
        (400, 100, false),
        (500, 2, false),
        (400, 1, false),
    ] {
        let meta = Meta::start().await;
        meta.on("POST", COMMENTS, (status, graph_error(code, 0)))
            .await;
        let outcome = meta.pages().comment(&commented(), soon()).await;
        assert_eq!(
            matches!(outcome, Commented::Refused(_)),
            refused,
            "{code}: {outcome:?}"
        );
        assert_eq!(meta.calls().await.len(), 1);
    }
}

#[tokio::test]
async fn a_late_comment_should_not_be_sent_and_a_slow_one_be_uncertain() {
    let meta = Meta::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    meta.mount(on("POST", COMMENTS), late).await;
    let outcome = meta
        .pages()
        .comment(&commented(), Deadline::after(Duration::ZERO))
        .await;
    assert!(matches!(outcome, Commented::Refused(_)), "{outcome:?}");
    assert!(meta.calls().await.is_empty());
    let short = Deadline::after(Duration::from_millis(200));
    let outcome = meta.pages().comment(&commented(), short).await;
    assert!(matches!(outcome, Commented::Uncertain(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_pages_own_comment_with_the_same_text_should_be_found_on_any_page() {
    let meta = Meta::start().await;
    let first = json!({
        "data": [],
        "paging": { "cursors": { "after": "cursor-1" }, "next": "https://graph.facebook.com/x?access_token=y" },
    });
    meta.on_with(
        "GET",
        COMMENTS,
        query_param_is_missing("after"),
        (200, first),
    )
    .await;
    let second = json!({ "data": [but("message", json!("Nice")), ours()] });
    meta.on_with(
        "GET",
        COMMENTS,
        query_param("after", "cursor-1"),
        (200, second),
    )
    .await;
    assert_eq!(look(&meta).await, Ok(CommentEvidence::Live));
    insta::assert_json_snapshot!("look_for_comment", meta.sent().await);
}

#[tokio::test]
async fn other_comments_should_not_count() {
    let meta = Meta::start().await;
    let others = json!({ "data": [
        but("message", json!("Read more: https://example.com")),
        but("message", Value::Null),
        but("from", json!({ "id": "555", "name": "Copycat" })),
        but("created_time", json!(graph_time(-300))),
    ] });
    meta.on("GET", COMMENTS, (200, others)).await;
    assert_eq!(look(&meta).await, Ok(CommentEvidence::Absent));
}

#[tokio::test]
async fn a_comment_that_may_be_ours_should_leave_it_open() {
    for perhaps in [but("from", Value::Null), but("created_time", Value::Null)] {
        let meta = Meta::start().await;
        meta.on("GET", COMMENTS, (200, json!({ "data": [perhaps] })))
            .await;
        assert_eq!(look(&meta).await, Ok(CommentEvidence::Unclear));
    }
}

#[tokio::test]
async fn only_a_complete_list_should_prove_absence() {
    let endless = json!({ "data": [], "paging": { "cursors": { "after": "again" }, "next": "…" } });
    let cut_off = json!({ "data": [], "paging": { "next": "…" } });
    for (answer, calls) in [
        ((200, endless), 10),
        ((200, cut_off), 1),
        ((200, json!({})), 1),
        ((400, graph_error(100, 33)), 1),
        ((500, graph_error(2, 0)), 1),
    ] {
        let meta = Meta::start().await;
        meta.on("GET", COMMENTS, answer).await;
        assert_eq!(look(&meta).await, Ok(CommentEvidence::Unclear));
        assert_eq!(meta.calls().await.len(), calls);
    }
}

#[tokio::test]
async fn looking_without_a_token_should_stop_the_lane() {
    let meta = Meta::start().await;
    meta.on("GET", COMMENTS, (400, graph_error(190, 0))).await;
    assert_eq!(
        look(&meta).await.unwrap_err().class,
        FailureClass::Reauthorize
    );
}

#[tokio::test]
async fn every_known_comment_should_be_read() {
    let single = json!({ "data": answers("fb_comment") });
    for list in answers("fb_comments").into_iter().chain([single]) {
        let meta = Meta::start().await;
        meta.on("GET", COMMENTS, (200, list)).await;
        assert_eq!(look(&meta).await, Ok(CommentEvidence::Absent));
    }
}
