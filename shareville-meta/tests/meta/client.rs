//! One call: secrets, limits, and what counts as an answer.

use std::time::Duration;

use serde_json::json;
use shareville_core::{
    clock::Deadline,
    connector::Connector as _,
    failure::FailureClass,
    post::Content,
    publisher::{Committed, Publisher as _},
};
use wiremock::ResponseTemplate;

use crate::support::{self, Meta, POST, USER_TOKEN, app, job, on, ready, shows_a_secret};

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn commit(meta: &Meta) -> Committed {
    let job = job(Content::text("Hello"));
    meta.pages().commit(&job, &ready(&job), soon()).await
}

#[tokio::test]
async fn an_error_in_the_body_should_count_whatever_the_http_status() {
    for body in [
        support::graph_error(190, 0),
        json!({ "id": "1", "success": true, "error": { "code": 190 } }),
        json!({ "success": false }),
        json!({ "success": "false" }),
        json!({ "id": "1" }),
        json!([]),
    ] {
        let meta = Meta::start().await;
        meta.on("POST", "/1000_2000", (200, body.clone())).await;
        let committed = commit(&meta).await;
        assert!(
            matches!(committed, Committed::Uncertain(_)),
            "{body}: {committed:?}"
        );
    }
}

#[tokio::test]
async fn success_as_a_text_should_count_as_success() {
    let meta = Meta::start().await;
    meta.on("POST", "/1000_2000", (200, json!({ "success": "true" })))
        .await;
    assert!(matches!(commit(&meta).await, Committed::Live(_)));
}

#[tokio::test]
async fn a_redirect_should_not_be_followed() {
    let meta = Meta::start().await;
    let elsewhere = format!("{}/elsewhere", meta.server.uri());
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.as_str());
    meta.mount(on("POST", "/1000_2000"), redirect).await;
    assert!(matches!(commit(&meta).await, Committed::Uncertain(_)));
    assert_eq!(meta.calls().await, ["POST /1000_2000"]);
}

#[tokio::test]
async fn a_failed_call_should_be_sent_once() {
    for status in [400, 408, 429, 500, 502, 503] {
        let meta = Meta::start().await;
        meta.on("POST", "/1000_2000", (status, support::graph_error(2, 0)))
            .await;
        assert!(
            matches!(commit(&meta).await, Committed::Uncertain(_)),
            "{status}"
        );
        assert_eq!(meta.calls().await.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_endless_answer_should_be_cut_off() {
    let meta = Meta::start().await;
    let endless = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 5 * 1024 * 1024]);
    meta.mount(on("POST", "/1000_2000"), endless).await;
    let Committed::Uncertain(failure) = commit(&meta).await else {
        panic!("it may have acted");
    };
    assert_eq!(failure.class, FailureClass::Transient);
}

#[tokio::test]
async fn a_call_should_end_with_its_limit_and_a_dead_server_should_be_known_to_have_done_nothing() {
    let meta = Meta::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    meta.mount(on("POST", "/1000_2000"), late).await;
    let config = meta.config().with_timeout(Duration::from_millis(50));
    let pages = shareville_meta::FacebookPages::new(meta.graph_with(config));
    let job = job(Content::text("Hello"));
    let committed = pages.commit(&job, &ready(&job), soon()).await;
    assert!(
        matches!(committed, Committed::Uncertain(_)),
        "{committed:?}"
    );

    let config = meta.config();
    let base = "http://127.0.0.1:1".parse().unwrap();
    let config = config.with_endpoint(shareville_meta::Endpoint::at(base).unwrap());
    let pages = shareville_meta::FacebookPages::new(meta.graph_with(config));
    let committed = pages.commit(&job, &ready(&job), soon()).await;
    let Committed::Refused(failure) = committed else {
        panic!("{committed:?}");
    };
    assert_eq!(failure.class, FailureClass::Transient);
}

#[tokio::test]
async fn the_proof_can_be_turned_off_and_the_version_chosen() {
    let meta = Meta::start().await;
    let config = meta
        .config()
        .with_appsecret_proof(false)
        .with_version("v26.0");
    let pages = shareville_meta::FacebookPages::new(meta.graph_with(config));
    let job = job(Content::text("Hello"));
    pages.commit(&job, &ready(&job), soon()).await;
    let requests = meta.requests().await;
    assert_eq!(
        requests[0].url.path(),
        format!("/graph.facebook.com/v26.0/{POST}")
    );
    assert_eq!(requests[0].body, b"is_published=true");
}

#[tokio::test]
async fn a_token_that_the_platform_repeats_should_not_be_shown() {
    let meta = Meta::start().await;
    // Neither looks like a token to who does not know it.
    let message = format!("Odd token {USER_TOKEN}, odd secret {}", support::APP_SECRET);
    let body = json!({ "error": { "code": 100, "message": message, "error_user_msg": message } });
    meta.on("DELETE", "/me/permissions", (400, body)).await;
    let failure = meta
        .login()
        .revoke(&app(), &USER_TOKEN.into())
        .await
        .unwrap_err();
    assert!(
        failure.message.contains("Odd token [redacted]"),
        "{failure}"
    );
    assert!(!shows_a_secret(&format!("{failure:?}{failure}")));
}

#[tokio::test]
async fn each_call_should_prove_that_it_knows_the_apps_secret() {
    let meta = Meta::start().await;
    commit(&meta).await;
    let proof = "8a4bcee99a0d6e07d14608989dacb8a68dc8338625725c50b3d5a00a6ae24cac";
    let body = format!("is_published=true&appsecret_proof={proof}");
    assert_eq!(meta.requests().await[0].body, body.as_bytes());
}
