//! What is published at Instagram: where it can be seen, deleting it, and its first comment.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    failure::{Action, Failure, FailureClass},
    post::{Content, Placement, Published},
    publisher::{CommentEvidence, Commented, Job, Publisher as _},
};
use wiremock::ResponseTemplate;

use crate::{
    corpus::answers,
    instagram_stage::{
        MEDIA, Stage, at_instagram, by_instagram, film, job, media, ok, picture, published,
    },
    support::{graph_error, graph_time, now, on},
};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

fn live() -> Job {
    published(&job(picture()))
}

fn edge() -> String {
    format!("/{MEDIA}")
}

fn comments() -> String {
    format!("/{MEDIA}/comments")
}

async fn permalink(stage: &Stage, job: &Job, deadline: Deadline) -> Option<String> {
    let published = &job.post.published;
    stage.publisher.permalink(job, published, deadline).await
}

#[tokio::test]
async fn the_permalink_should_be_read_if_there_is_time() {
    let stage = Stage::start().await;
    let link = answers("ig_permalink").swap_remove(0);
    stage.on("GET", &edge(), (200, link)).await;
    let seen = permalink(&stage, &live(), soon()).await;
    assert_eq!(seen.as_deref(), Some("https://www.instagram.com/p/x/"));
    insta::assert_json_snapshot!("instagram_permalink", stage.meta.sent().await);
    let late = permalink(&stage, &live(), Deadline::after(Duration::ZERO)).await;
    assert_eq!(late, None);
    assert_eq!(stage.meta.calls().await.len(), 1);
}

#[tokio::test]
async fn a_permalink_that_cannot_be_read_should_hold_up_nothing() {
    let short = Deadline::after(Duration::from_millis(200));
    for answer in [
        ResponseTemplate::new(400).set_body_json(graph_error(100, 33)),
        ok(&json!({ "id": MEDIA })),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
    ] {
        let stage = Stage::start().await;
        stage.meta.mount(on("GET", &edge()), answer).await;
        assert_eq!(permalink(&stage, &live(), short).await, None);
    }
}

#[tokio::test]
async fn where_its_id_is_not_known_the_list_should_tell_the_permalink() {
    let item = |id: &str| {
        json!({
            "id": id,
            "caption": "Look: ä & ö",
            "timestamp": graph_time(1),
            "permalink": "https://www.instagram.com/p/x/",
            "media_type": "IMAGE",
        })
    };
    let mut unnamed = job(picture());
    let mut post = (*unnamed.post).clone();
    post.published = Published::default();
    post.published_at = Some(now());
    unnamed.post = Arc::new(post);
    for (items, expected) in [
        (vec![item(MEDIA)], Some("https://www.instagram.com/p/x/")),
        (vec![item(MEDIA), item("1")], None),
        (vec![], None),
    ] {
        let stage = Stage::start().await;
        stage
            .on("GET", &media(), (200, json!({ "data": items })))
            .await;
        let seen = permalink(&stage, &unnamed, soon()).await;
        assert_eq!(seen.as_deref(), expected);
    }
}

#[tokio::test]
async fn a_caption_should_not_be_changed_and_the_publisher_say_so() {
    let stage = Stage::start().await;
    assert!(!stage.publisher.capabilities().edits_published);
    let failure = stage.publisher.edit(&live(), Some("x")).await.unwrap_err();
    assert_eq!(failure.code, "not_supported_by_platform");
    assert_eq!(failure.action, Action::CheckAccount);
    assert!(stage.meta.calls().await.is_empty());
}

#[tokio::test]
async fn deleting_should_be_one_call_where_the_account_came_by_facebooks_login() {
    let stage = Stage::start().await;
    stage
        .on("DELETE", &edge(), (200, json!({ "success": true })))
        .await;
    assert_eq!(stage.publisher.delete(&live()).await, Ok(()));
    insta::assert_json_snapshot!("instagram_delete", stage.meta.sent().await);
    // Without an id nothing is sent, least of all to the version itself.
    assert!(stage.publisher.delete(&job(picture())).await.is_err());
    assert_eq!(stage.meta.calls().await.len(), 1);
}

#[tokio::test]
async fn instagrams_own_login_should_say_that_it_cannot_delete() {
    let stage = Stage::start().await;
    let failure = stage
        .publisher
        .delete(&by_instagram(live()))
        .await
        .unwrap_err();
    assert_eq!(failure.code, "not_supported_by_platform");
    assert_eq!(failure.class, FailureClass::Content { retryable: false });
    assert_eq!(failure.action, Action::CheckAccount);
    assert!(stage.meta.calls().await.is_empty());
}

#[tokio::test]
async fn deleting_without_the_permission_should_name_it() {
    for (code, subcode) in [(100, 33), (10, 0), (200, 0)] {
        let stage = Stage::start().await;
        let id = live().post.published.platform_id.clone().unwrap();
        let refused = (400, graph_error(code, subcode));
        stage.on("DELETE", &format!("/{id}"), refused).await;
        let seen = json!({ "permalink": "https://www.instagram.com/p/x/" });
        stage.on("GET", &format!("/{id}"), (200, seen)).await;
        let failure = stage.publisher.delete(&live()).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Permission);
        assert!(
            failure.message.contains("instagram_manage_contents"),
            "{failure}"
        );
        assert_eq!(failure.platform.unwrap().code, Some(code));
    }
}

#[tokio::test]
async fn what_instagram_does_not_know_should_count_as_deleted_only_if_nothing_shows_it() {
    let gone = (400, graph_error(100, 33));
    let seen = (
        200,
        json!({ "permalink": "https://www.instagram.com/p/x/" }),
    );
    let none = (200, json!({ "data": [] }));
    let listed = (200, json!({ "data": [{ "id": MEDIA }] }));
    let broken = (500, graph_error(2, 0));
    for (read, list, expected) in [
        (gone.clone(), none.clone(), None),
        (seen, none.clone(), Some("deletion_not_allowed")),
        (gone.clone(), listed, Some("still_visible")),
        (gone.clone(), broken.clone(), Some("transient")),
        (broken, none, Some("transient")),
    ] {
        for (placement, shown) in [(Placement::Reel, "media"), (Placement::Story, "stories")] {
            let stage = Stage::start().await;
            stage.on("DELETE", &edge(), gone.clone()).await;
            stage.on("GET", &edge(), read.clone()).await;
            let shown = media().replace("media", shown);
            stage.on("GET", &shown, list.clone()).await;
            let deleted = stage
                .publisher
                .delete(&published(&job(film(placement))))
                .await;
            let code = deleted.err().map(|failure| failure.code);
            assert_eq!(code.as_deref(), expected);
        }
    }
}

#[tokio::test]
async fn a_deletion_that_is_refused_should_say_why() {
    for (status, answer, expected) in [
        (400, graph_error(190, 0), FailureClass::Reauthorize),
        (403, graph_error(10, 0), FailureClass::Permission),
        (500, graph_error(2, 0), FailureClass::Transient),
        // It has been Meta's own fault for weeks, whatever the same number says of a container.
        (400, graph_error(-1, 2_207_085), FailureClass::Transient),
    ] {
        let stage = Stage::start().await;
        stage.on("DELETE", &edge(), (status, answer)).await;
        let failure = stage.publisher.delete(&live()).await.unwrap_err();
        assert_eq!(failure.class, expected);
    }
}

fn commented() -> Job {
    let first_comment = Some("Read more:\nhttps://example.com".to_owned());
    published(&job(Content {
        first_comment,
        ..picture()
    }))
}

async fn look(stage: &Stage) -> Result<CommentEvidence, Failure> {
    stage.publisher.look_for_comment(&commented(), now()).await
}

fn ours() -> Value {
    json!({
        "id": "17916477187142401",
        "text": "Read more:\r\nhttps://example.com ",
        "username": "Ada",
        "timestamp": graph_time(2),
    })
}

/// Our comment, but for one thing.
fn but(name: &str, value: Value) -> Value {
    let mut comment = ours();
    comment[name] = value;
    comment
}

#[tokio::test]
async fn a_comment_should_be_one_call_at_the_logins_own_host() {
    let stage = Stage::start().await;
    let answer = json!({ "id": "17916477187142401" });
    stage.on("POST", &comments(), (200, answer.clone())).await;
    let sent = stage.publisher.comment(&commented(), soon()).await;
    assert_eq!(sent, Commented::Live);
    let own = by_instagram(commented());
    stage
        .meta
        .mount(at_instagram("POST", &comments()), ok(&answer))
        .await;
    assert_eq!(stage.publisher.comment(&own, soon()).await, Commented::Live);
    insta::assert_json_snapshot!("instagram_comment", stage.meta.sent().await);
}

#[tokio::test]
async fn a_comment_should_be_refused_only_where_that_is_proven() {
    for (status, code, refused) in [
        (400, 190, true),
        (403, 10, true),
        (400, 80_002, true),
        (400, 100, false),
        (500, 2, false),
    ] {
        let stage = Stage::start().await;
        stage
            .on("POST", &comments(), (status, graph_error(code, 0)))
            .await;
        let outcome = stage.publisher.comment(&commented(), soon()).await;
        assert_eq!(matches!(outcome, Commented::Refused(_)), refused, "{code}");
        assert_eq!(stage.meta.calls().await.len(), 1);
    }
    let stage = Stage::start().await;
    let late = Deadline::after(Duration::ZERO);
    let outcome = stage.publisher.comment(&commented(), late).await;
    assert!(matches!(outcome, Commented::Refused(_)), "{outcome:?}");
    // A post whose id is not known cannot be commented on.
    let unnamed = stage.publisher.comment(&job(picture()), soon()).await;
    assert!(matches!(unnamed, Commented::Refused(_)), "{unnamed:?}");
    assert!(stage.meta.calls().await.is_empty());
}

#[tokio::test]
async fn the_accounts_own_comment_with_the_same_text_should_be_found() {
    let stage = Stage::start().await;
    let list = json!({ "data": [but("text", json!("Nice")), ours()] });
    stage.on("GET", &comments(), (200, list)).await;
    assert_eq!(look(&stage).await, Ok(CommentEvidence::Live));
    insta::assert_json_snapshot!("instagram_look_for_comment", stage.meta.sent().await);
}

#[tokio::test]
async fn other_comments_should_not_count_and_one_that_may_be_ours_leave_it_open() {
    let known = json!({ "data": answers("ig_comment") });
    let others = json!({ "data": [
        but("text", json!("Read more: https://example.com")),
        but("text", Value::Null),
        but("username", json!("copycat")),
        but("timestamp", json!(graph_time(-300))),
    ] });
    for list in [known, others] {
        let stage = Stage::start().await;
        stage.on("GET", &comments(), (200, list)).await;
        assert_eq!(look(&stage).await, Ok(CommentEvidence::Absent));
    }
    // Of a list that goes on for ever nobody knows.
    let stage = Stage::start().await;
    let list = answers("ig_comments").swap_remove(0);
    stage.on("GET", &comments(), (200, list)).await;
    assert_eq!(look(&stage).await, Ok(CommentEvidence::Unclear));
    for perhaps in [but("username", Value::Null), but("timestamp", Value::Null)] {
        let stage = Stage::start().await;
        stage
            .on("GET", &comments(), (200, json!({ "data": [perhaps] })))
            .await;
        assert_eq!(look(&stage).await, Ok(CommentEvidence::Unclear));
    }
}

#[tokio::test]
async fn only_a_complete_list_of_comments_should_prove_absence() {
    let endless = json!({ "data": [], "paging": { "cursors": { "after": "again" }, "next": "…" } });
    for (answer, calls) in [
        ((200, endless), 10),
        ((200, json!({ "data": [], "paging": { "next": "…" } })), 1),
        ((200, json!({})), 1),
        ((400, graph_error(100, 33)), 1),
        ((500, graph_error(2, 0)), 1),
    ] {
        let stage = Stage::start().await;
        stage.on("GET", &comments(), answer).await;
        assert_eq!(look(&stage).await, Ok(CommentEvidence::Unclear));
        assert_eq!(stage.meta.calls().await.len(), calls);
    }
    let stage = Stage::start().await;
    stage
        .on("GET", &comments(), (400, graph_error(190, 0)))
        .await;
    assert_eq!(
        look(&stage).await.unwrap_err().class,
        FailureClass::Reauthorize
    );
}
