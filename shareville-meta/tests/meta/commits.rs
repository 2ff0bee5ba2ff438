//! Making a prepared post visible, and finding out what became of that.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    failure::{FailureClass, LimitScope},
    post::{Content, Evidence, Repeat},
    publisher::{Committed, Publisher as _},
};
use wiremock::{
    ResponseTemplate,
    matchers::{query_param, query_param_is_missing},
};

use crate::support::{Meta, POST, graph_error, graph_time, job, now, on, ready};

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn commit(meta: &Meta, deadline: Deadline) -> Committed {
    let job = job(Content::text("Hello"));
    meta.pages().commit(&job, &ready(&job), deadline).await
}

async fn look(meta: &Meta) -> Result<Evidence, shareville_core::failure::Failure> {
    let job = job(Content::text("Hello"));
    meta.pages().look(&job, &ready(&job), now()).await
}

#[tokio::test]
async fn a_commit_should_be_one_call_that_may_be_repeated() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000_2000", (200, json!({ "success": true })))
        .await;
    for _ in 0..2 {
        let Committed::Live(published) = commit(&meta, in_time()).await else {
            panic!("it is live");
        };
        assert_eq!(published.platform_id.as_deref(), Some(POST));
        assert_eq!(published.permalink, None);
    }
    assert_eq!(meta.pages().repeat(&Content::text("Hello")), Repeat::Proven);
    insta::assert_json_snapshot!("commit", meta.sent().await);
}

#[tokio::test]
async fn a_commit_that_is_too_late_should_send_nothing() {
    let meta = Meta::start().await;
    let committed = commit(&meta, Deadline::after(Duration::ZERO)).await;
    let Committed::Refused(failure) = committed else {
        panic!("{committed:?}");
    };
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(meta.calls().await.is_empty());
}

#[tokio::test]
async fn a_commit_that_the_deadline_cuts_off_should_be_uncertain() {
    let meta = Meta::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    meta.mount(on("POST", "/1000_2000"), late).await;
    let committed = commit(&meta, Deadline::after(Duration::from_millis(200))).await;
    assert!(
        matches!(committed, Committed::Uncertain(_)),
        "{committed:?}"
    );
    assert_eq!(meta.calls().await.len(), 1);
}

#[tokio::test]
async fn only_what_proves_that_nothing_was_done_should_be_a_refusal() {
    for (status, code, subcode, refused) in [
        (400, 190, 463, true),
        (403, 200, 0, true),
        (403, 4, 0, true),
        (400, 32, 0, true),
        (403, 4, 2_207_051, false),
        (400, 100, 33, false),
        (400, 368, 1_390_008, false),
        (400, 506, 0, false),
        (400, 1, 99, false),
        (500, 2, 0, false),
        (500, 190, 0, false),
    ] {
        let meta = Meta::start().await;
        meta.on("POST", "/1000_2000", (status, graph_error(code, subcode)))
            .await;
        let committed = commit(&meta, in_time()).await;
        let seen = matches!(committed, Committed::Refused(_));
        assert_eq!(seen, refused, "{status} {code}/{subcode}: {committed:?}");
    }
}

#[tokio::test]
async fn an_outage_page_should_leave_a_commit_uncertain() {
    let meta = Meta::start().await;
    let page = ResponseTemplate::new(502).set_body_string("<html>Sorry</html>");
    meta.mount(on("POST", "/1000_2000"), page).await;
    assert!(matches!(
        commit(&meta, in_time()).await,
        Committed::Uncertain(_)
    ));
}

#[tokio::test]
async fn the_post_itself_should_decide() {
    let live =
        json!({ "id": POST, "is_published": true, "permalink_url": "https://www.facebook.com/p" });
    let meta = Meta::start().await;
    meta.on("GET", "/1000_2000", (200, live)).await;
    let Evidence::Live(published) = look(&meta).await.unwrap() else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some(POST));
    assert_eq!(
        published.permalink.as_deref(),
        Some("https://www.facebook.com/p")
    );
    insta::assert_json_snapshot!("look", meta.sent().await);

    for (state, expected) in [
        (
            json!({ "id": POST, "is_published": false }),
            Evidence::Absent,
        ),
        (json!({ "id": POST }), Evidence::Unclear(None)),
    ] {
        let meta = Meta::start().await;
        meta.on("GET", "/1000_2000", (200, state)).await;
        assert_eq!(look(&meta).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_look_that_is_refused_should_stop_the_lane() {
    for (code, expected) in [
        (190, FailureClass::Reauthorize),
        (
            32,
            FailureClass::RateLimited {
                until: None,
                scope: LimitScope::Account,
            },
        ),
        (
            4,
            FailureClass::RateLimited {
                until: None,
                scope: LimitScope::App,
            },
        ),
    ] {
        let meta = Meta::start().await;
        meta.on("GET", "/1000_2000", (400, graph_error(code, 0)))
            .await;
        assert_eq!(look(&meta).await.unwrap_err().class, expected);
    }
}

#[tokio::test]
async fn a_look_that_fails_should_tell_nothing() {
    for (status, code) in [(500, 2), (400, 987_654), (400, 368)] {
        let meta = Meta::start().await;
        meta.on("GET", "/1000_2000", (status, graph_error(code, 0)))
            .await;
        assert!(
            matches!(look(&meta).await, Ok(Evidence::Unclear(Some(_)))),
            "{code}"
        );
    }
}

fn item(id: &str, seconds: i64) -> Value {
    json!({ "id": id, "created_time": graph_time(seconds), "permalink_url": "https://www.facebook.com/p" })
}

fn followed_by(items: &Value, after: &str) -> Value {
    let next = "https://graph.facebook.com/never/followed?access_token=x";
    json!({ "data": items, "paging": { "cursors": { "before": "b", "after": after }, "next": next } })
}

#[tokio::test]
async fn where_the_post_cannot_be_read_the_list_may_prove_that_it_is_live() {
    for code in [(100, 33), (10, 0)] {
        let meta = Meta::start().await;
        meta.on("GET", "/1000_2000", (400, graph_error(code.0, code.1)))
            .await;
        let list = "/1000/published_posts";
        let first = followed_by(&json!([item("1000_3", 60)]), "cursor-1");
        meta.on_with("GET", list, query_param_is_missing("after"), (200, first))
            .await;
        let second = json!({ "data": [item("1000_2", 30), item(POST, 5)] });
        meta.on_with("GET", list, query_param("after", "cursor-1"), (200, second))
            .await;
        let Evidence::Live(published) = look(&meta).await.unwrap() else {
            panic!("it is live");
        };
        assert_eq!(
            published.permalink.as_deref(),
            Some("https://www.facebook.com/p")
        );
        if code == (100, 33) {
            insta::assert_json_snapshot!("look_listed", meta.sent().await);
        }
    }
}

#[tokio::test]
async fn the_list_should_never_prove_that_a_post_is_absent() {
    for list in [
        (200, json!({ "data": [] })),
        (
            200,
            json!({ "data": [item("1000_3", 1), item("1000_20001", 1)] }),
        ),
        (500, graph_error(2, 0)),
        (400, graph_error(100, 33)),
    ] {
        let meta = Meta::start().await;
        meta.on("GET", "/1000_2000", (400, graph_error(100, 33)))
            .await;
        meta.on("GET", "/1000/published_posts", list).await;
        let evidence = look(&meta).await.unwrap();
        assert!(
            matches!(evidence, Evidence::Unclear(Some(_))),
            "{evidence:?}"
        );
    }
}

#[tokio::test]
async fn the_list_should_be_read_for_a_few_pages_and_not_into_the_past() {
    let meta = Meta::start().await;
    meta.on("GET", "/1000_2000", (400, graph_error(100, 33)))
        .await;
    let endless = followed_by(&json!([item("1000_3", 0)]), "again");
    meta.on("GET", "/1000/published_posts", (200, endless))
        .await;
    assert!(matches!(look(&meta).await, Ok(Evidence::Unclear(_))));
    assert_eq!(meta.calls().await.len(), 1 + 5);

    let meta = Meta::start().await;
    meta.on("GET", "/1000_2000", (400, graph_error(100, 33)))
        .await;
    let past = followed_by(&json!([item("1000_3", -3 * 86_400)]), "more");
    meta.on("GET", "/1000/published_posts", (200, past)).await;
    assert!(matches!(look(&meta).await, Ok(Evidence::Unclear(_))));
    assert_eq!(meta.calls().await.len(), 1 + 1);
}

#[tokio::test]
async fn a_rate_limit_should_wait_until_the_platforms_own_time() {
    let meta = Meta::start().await;
    let usage =
        r#"{"1000":[{"type":"pages","call_count":107,"estimated_time_to_regain_access":15}]}"#;
    let limited = ResponseTemplate::new(403)
        .set_body_json(graph_error(80_001, 0))
        .insert_header("x-business-use-case-usage", usage);
    meta.mount(on("POST", "/1000_2000"), limited).await;
    let committed = commit(&meta, in_time()).await;
    let Committed::Refused(failure) = committed else {
        panic!("{committed:?}");
    };
    let until = Some(now() + chrono::TimeDelta::minutes(15));
    let scope = LimitScope::Account;
    assert_eq!(failure.class, FailureClass::RateLimited { until, scope });
    let platform = failure.platform.unwrap();
    assert_eq!(
        (platform.code, platform.fbtrace_id.as_deref()),
        (Some(80_001), Some("Trace1"))
    );
}
