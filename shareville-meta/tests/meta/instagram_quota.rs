//! How many posts an Instagram account may publish within a day.

use std::time::Duration;

use serde_json::{Value, json};
use shareville_core::{
    clock::{Deadline, later},
    failure::{FailureClass, LimitScope},
    publisher::{Committed, Publisher as _},
};

use crate::{
    corpus::answers,
    instagram_stage::{CONTAINER, Stage, carousel, job, picture, publish, quota, ready},
    support::{graph_error, now},
};

fn limit(used: u64, total: u64) -> (u16, Value) {
    let config = json!({ "quota_total": total, "quota_duration": 86_400 });
    (
        200,
        json!({ "data": [{ "config": config, "quota_usage": used }] }),
    )
}

async fn asked(stage: &Stage) -> usize {
    stage.count(&format!("GET {}", quota())).await
}

#[tokio::test]
async fn an_account_that_has_used_up_its_posts_should_be_left_alone_for_an_hour() {
    for content in [picture(), carousel(3)] {
        let stage = Stage::start().await;
        stage.once("GET", &quota(), limit(25, 25)).await;
        let (failure, _) = stage.prepare(&job(content), None).await.failed();
        let until = Some(later(now(), Duration::from_secs(3_600)));
        let scope = LimitScope::Account;
        assert_eq!(failure.class, FailureClass::RateLimited { until, scope });
        assert!(failure.message.contains("25"), "{failure}");
        assert_eq!(stage.creations().await, 0);
    }
}

#[tokio::test]
async fn every_known_number_should_leave_room() {
    for body in answers("ig_publishing_limit") {
        let stage = Stage::start().await;
        stage.once("GET", &quota(), (200, body)).await;
        stage.takes("1.jpg", CONTAINER).await;
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&job(picture()), None).await;
        assert_eq!(course.object(), Some(CONTAINER));
    }
}

#[tokio::test]
async fn it_should_be_asked_for_once_in_a_while_with_what_was_published_since_on_top() {
    let stage = Stage::start().await;
    stage.once("GET", &quota(), limit(48, 50)).await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says(CONTAINER, "FINISHED").await;
    stage
        .once("POST", &publish(), (200, json!({ "id": "1" })))
        .await;
    // What may have been published counts too.
    stage
        .once("POST", &publish(), (500, graph_error(2, 0)))
        .await;
    let job = job(picture());
    for _ in 0..2 {
        stage.publisher.prepare(&job, None).await;
        let soon = Deadline::after(Duration::from_secs(10));
        let committed = stage.publisher.commit(&job, &ready(&job), soon).await;
        assert!(!matches!(committed, Committed::Refused(_)), "{committed:?}");
    }
    let (failure, _) = stage.prepare(&job, None).await.failed();
    assert!(matches!(failure.class, FailureClass::RateLimited { .. }));
    assert_eq!(asked(&stage).await, 1);

    // Later it is asked for anew, and there is room again.
    stage.meta.clock.advance(Duration::from_secs(5 * 60));
    let course = stage.prepare(&job, None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(asked(&stage).await, 2);
}

#[tokio::test]
async fn what_was_refused_should_not_count_and_another_tenants_account_be_its_own() {
    let stage = Stage::start().await;
    stage.once("GET", &quota(), limit(49, 50)).await;
    stage.takes("1.jpg", CONTAINER).await;
    stage
        .on("POST", &publish(), (400, graph_error(9007, 2_207_027)))
        .await;
    let ours = job(picture());
    stage.publisher.prepare(&ours, None).await;
    let soon = Deadline::after(Duration::from_secs(10));
    stage.publisher.commit(&ours, &ready(&ours), soon).await;
    stage.publisher.prepare(&ours, None).await;
    assert_eq!(asked(&stage).await, 1);
    assert_eq!(stage.creations().await, 2);
    stage.publisher.prepare(&job(picture()), None).await;
    assert_eq!(asked(&stage).await, 2);
}

#[tokio::test]
async fn what_has_begun_should_not_ask() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", "501").await;
    stage.takes("2.mp4", "502").await;
    stage.takes_carousel("501,502").await;
    for container in ["501", "502", CONTAINER] {
        stage.says(container, "FINISHED").await;
    }
    let course = stage.prepare(&job(carousel(2)), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(asked(&stage).await, 1);
}
