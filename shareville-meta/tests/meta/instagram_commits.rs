//! Publishing a container at Instagram.

use std::time::Duration;

use serde_json::json;
use shareville_core::{
    clock::{Deadline, later},
    failure::{FailureClass, LimitScope},
    post::{Placement, Repeat},
    publisher::{Committed, Job, Publisher as _},
};
use wiremock::ResponseTemplate;

use crate::{
    corpus::{answers, instagrams_failures},
    instagram_stage::{
        MEDIA, Stage, at_instagram, by_instagram, carousel, film, job, ok, picture, publish, ready,
    },
    support::{graph_error, now, on},
};

fn in_time() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn commit(stage: &Stage, job: &Job, deadline: Deadline) -> Committed {
    stage.publisher.commit(job, &ready(job), deadline).await
}

#[tokio::test]
async fn a_commit_should_be_one_call_that_names_the_container() {
    for body in answers("ig_media_publish") {
        let stage = Stage::start().await;
        stage.on("POST", &publish(), (200, body)).await;
        let Committed::Live(published) = commit(&stage, &job(picture()), in_time()).await else {
            panic!("it is live");
        };
        assert_eq!(published.platform_id.as_deref(), Some(MEDIA));
        assert_eq!(published.permalink, None);
        insta::assert_json_snapshot!("instagram_commit", stage.meta.sent().await);
    }
}

#[tokio::test]
async fn a_commit_for_instagrams_own_login_should_go_to_instagrams_host() {
    let stage = Stage::start().await;
    let answer = ok(&json!({ "id": 17_920_238_422_030_506_u64 }));
    stage
        .meta
        .mount(at_instagram("POST", &publish()), answer)
        .await;
    let committed = commit(&stage, &by_instagram(job(picture())), in_time()).await;
    assert!(matches!(committed, Committed::Live(_)), "{committed:?}");
    insta::assert_json_snapshot!("instagram_commit_own_login", stage.meta.sent().await);
}

#[test]
fn repeating_should_be_assumed_harmless_and_not_taken_for_proven() {
    let graph = shareville_meta::Graph::new(shareville_meta::GraphConfig::new()).unwrap();
    let publisher = shareville_meta::InstagramAccounts::new(graph);
    for (content, lead) in [
        (picture(), 60),
        (carousel(2), 600),
        (film(Placement::Reel), 600),
        (film(Placement::Story), 600),
    ] {
        assert_eq!(publisher.repeat(&content), Repeat::Assumed);
        assert_eq!(publisher.lead(&content), Duration::from_secs(lead));
    }
}

#[tokio::test]
async fn a_commit_that_is_too_late_should_send_nothing() {
    let stage = Stage::start().await;
    let committed = commit(&stage, &job(picture()), Deadline::after(Duration::ZERO)).await;
    let Committed::Refused(failure) = committed else {
        panic!("{committed:?}");
    };
    assert_eq!(failure.class, FailureClass::Transient);
    assert!(stage.meta.calls().await.is_empty());
}

#[tokio::test]
async fn a_commit_that_the_deadline_cuts_off_should_be_uncertain() {
    let stage = Stage::start().await;
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    stage.meta.mount(on("POST", &publish()), late).await;
    let short = Deadline::after(Duration::from_millis(200));
    let committed = commit(&stage, &job(picture()), short).await;
    assert!(
        matches!(committed, Committed::Uncertain(_)),
        "{committed:?}"
    );
    assert_eq!(stage.meta.calls().await.len(), 1);
}

#[tokio::test]
async fn only_what_proves_that_nothing_was_done_should_be_a_refusal() {
    for (status, code, subcode, refused) in [
        (400, 9007, 2_207_027, true),
        (403, 9, 2_207_042, true),
        (400, 190, 463, true),
        (403, 10, 0, true),
        (403, 200, 0, true),
        (400, 80_002, 0, true),
        // All of these were seen on posts that went live, or prove nothing.
        (400, 2, 0, false),
        (500, 2, 0, false),
        (400, 1, 99, false),
        (400, -1, 2_207_001, false),
        (400, -2, 2_207_003, false),
        (403, 4, 2_207_051, false),
        (400, 24, 2_207_008, false),
        (400, 25, 2_207_050, false),
        (400, 100, 33, false),
        (500, 9007, 2_207_027, false),
        (200, 190, 0, false),
    ] {
        let stage = Stage::start().await;
        stage
            .on("POST", &publish(), (status, graph_error(code, subcode)))
            .await;
        let committed = commit(&stage, &job(picture()), in_time()).await;
        let seen = matches!(committed, Committed::Refused(_));
        assert_eq!(seen, refused, "{status} {code}/{subcode}: {committed:?}");
        assert_eq!(stage.meta.calls().await.len(), 1, "it is sent once");
    }
}

#[tokio::test]
async fn no_failure_that_instagram_has_answered_should_be_taken_for_a_publication() {
    // Tokens, permissions, limits and "not ready", answered with HTTP 4xx.
    let proofs = [3, 4, 9, 10, 17, 190, 200, 9007];
    let failures = instagrams_failures().into_iter();
    // The others are told by reading a container.
    for (id, status, body) in failures.filter(|(_, _, body)| body["error"].is_object()) {
        let stage = Stage::start().await;
        stage.on("POST", &publish(), (status, body.clone())).await;
        let spam = body["error"]["error_subcode"] == 2_207_051;
        let code = body["error"]["code"].as_i64();
        let proven = !spam && status < 500 && code.is_some_and(|code| proofs.contains(&code));
        match commit(&stage, &job(picture()), in_time()).await {
            Committed::Refused(failure) => assert!(proven, "{id}: {failure}"),
            Committed::Uncertain(failure) => assert!(!proven, "{id}: {failure}"),
            other => panic!("{id}: {other:?}"),
        }
        assert_eq!(stage.meta.calls().await.len(), 1);
    }
}

#[tokio::test]
async fn answers_that_say_nothing_should_leave_a_commit_uncertain() {
    for answer in [
        ResponseTemplate::new(502).set_body_string("<html>Sorry</html>"),
        ResponseTemplate::new(200).set_body_string(""),
        ok(&json!({ "success": true })),
        ok(&json!({ "success": false })),
    ] {
        let stage = Stage::start().await;
        stage.meta.mount(on("POST", &publish()), answer).await;
        let committed = commit(&stage, &job(picture()), in_time()).await;
        assert!(
            matches!(committed, Committed::Uncertain(_)),
            "{committed:?}"
        );
    }
}

#[tokio::test]
async fn a_days_posts_that_are_used_up_should_leave_the_account_alone_for_an_hour() {
    let stage = Stage::start().await;
    stage
        .on("POST", &publish(), (403, graph_error(9, 2_207_042)))
        .await;
    let committed = commit(&stage, &job(picture()), in_time()).await;
    let Committed::Refused(failure) = committed else {
        panic!("{committed:?}");
    };
    let until = Some(later(now(), Duration::from_secs(3_600)));
    let scope = LimitScope::Account;
    assert_eq!(failure.class, FailureClass::RateLimited { until, scope });
}
