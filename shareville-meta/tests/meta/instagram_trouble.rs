//! Towards a container that can be published at Instagram, where something goes wrong.

use std::time::Duration;

use serde_json::json;
use shareville_core::{
    clock::Clock as _,
    failure::{Action, Failure, FailureClass, LimitScope, PlatformError},
    post::{Content, Placement, Progress},
    publisher::{Job, Prepared, Publisher as _},
};
use wiremock::{ResponseTemplate, matchers::body_string_contains};

use crate::{
    instagram_stage::{
        CONTAINER, Stage, after, carousel, failure, film, job, media, picture, quota, status,
    },
    support::{graph_error, on, resumed},
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A carousel of two, whose items are finished and which is about to be created.
async fn two_finished(stage: &Stage) -> (Job, Progress) {
    stage.takes("1.jpg", "501").await;
    stage.takes("2.mp4", "502").await;
    for item in ["501", "502"] {
        stage.says(item, "FINISHED").await;
    }
    let job = job(carousel(2));
    let mut progress = None;
    for _ in 0..3 {
        match stage.publisher.prepare(&job, progress.as_ref()).await {
            Prepared::Continue(next) | Prepared::Wait { progress: next, .. } => {
                progress = Some(next);
            }
            other => panic!("{other:?}"),
        }
    }
    (job, progress.unwrap())
}

#[tokio::test]
async fn a_container_that_failed_should_be_classed_by_the_number_in_its_sentence() {
    let retryable = FailureClass::Content { retryable: true };
    let content = FailureClass::Content { retryable: false };
    for (sentence, expected) in [
        (
            "Error: Media upload has failed with error code 2207026",
            content,
        ),
        (
            "Error: Media upload has failed with error code 2207077",
            retryable,
        ),
        (
            "Error: Media upload has failed with error code 2207053",
            FailureClass::Transient,
        ),
        (
            "Error: Media download has failed. The media URI doesn't meet our requirements.",
            retryable,
        ),
        (
            "You cannot access the app till you log in to instagram.com",
            FailureClass::Reauthorize,
        ),
    ] {
        let stage = Stage::start().await;
        stage.takes("1.jpg", CONTAINER).await;
        let dead = (200, failure(sentence));
        stage.once("GET", &format!("/{CONTAINER}"), dead).await;
        let job = job(picture());
        let (failure, progress) = stage.prepare(&job, None).await.failed();
        assert_eq!(failure.class, expected, "{sentence}");
        assert!(!failure.message.contains("Facebook"), "{failure}");
        let platform = failure.platform.unwrap();
        assert_eq!(platform.media_index, Some(0));

        // Whoever tries again makes another.
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&resumed(&job), progress).await;
        assert_eq!(course.object(), Some(CONTAINER));
        assert_eq!(stage.creations().await, 2);
    }
}

#[tokio::test]
async fn an_expired_container_should_be_made_anew() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says_once(CONTAINER, "EXPIRED").await;
    stage.says(CONTAINER, "FINISHED").await;
    let job = job(picture());
    let (failure, progress) = stage.prepare(&job, None).await.failed();
    assert_eq!(failure.class, FailureClass::Transient);
    let course = stage.prepare(&resumed(&job), progress).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(stage.creations().await, 2);
}

#[tokio::test]
async fn of_a_carousel_only_the_item_that_failed_should_be_made_anew_and_be_named() {
    let stage = Stage::start().await;
    let job = job(carousel(2));
    stage.takes("1.jpg", "501").await;
    stage.takes("2.mp4", "502").await;
    stage.takes_carousel("501,502").await;
    for item in ["501", CONTAINER] {
        stage.says(item, "FINISHED").await;
    }
    let sentence = "Error: Media upload has failed with error code 2207077";
    stage.once("GET", "/502", (200, failure(sentence))).await;
    stage.says("502", "FINISHED").await;
    let (failure, progress) = stage.prepare(&job, None).await.failed();
    assert_eq!(failure.class, FailureClass::Content { retryable: true });
    assert!(failure.message.starts_with("Item 2: "), "{failure}");
    assert_eq!(failure.platform.unwrap().media_index, Some(1));
    let course = stage.prepare(&resumed(&job), progress).await;
    assert_eq!(course.object(), Some(CONTAINER));
    let again = body_string_contains("2.mp4");
    let requests = stage.meta.requests().await;
    let made = requests
        .iter()
        .filter(|it| wiremock::Match::matches(&again, it));
    assert_eq!(made.count(), 2);
    assert_eq!(stage.creations().await, 4);
}

#[tokio::test]
async fn an_item_that_is_refused_should_fail_the_post_before_anything_is_published() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", "501").await;
    stage
        .on("POST", &media(), (400, graph_error(352, 2_207_026)))
        .await;
    let (failure, progress) = stage.prepare(&job(carousel(3)), None).await.failed();
    assert_eq!(failure.class, FailureClass::Content { retryable: false });
    assert!(failure.message.starts_with("Item 2: "), "{failure}");
    assert_eq!(progress.unwrap().object, None);
    assert_eq!(stage.creations().await, 2);
}

#[tokio::test]
async fn a_carousel_that_failed_should_be_made_anew_with_its_items() {
    let stage = Stage::start().await;
    let (job, progress) = two_finished(&stage).await;
    stage.takes_carousel("501,502").await;
    stage.says_once(CONTAINER, "EXPIRED").await;
    stage.says(CONTAINER, "FINISHED").await;
    let (_, progress) = stage.prepare(&job, Some(progress)).await.failed();
    let course = stage.prepare(&resumed(&job), progress).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(stage.creations().await, 6);
}

#[tokio::test]
async fn a_worker_that_may_have_died_while_creating_the_carousel_should_make_its_items_anew() {
    let stage = Stage::start().await;
    let (job, progress) = two_finished(&stage).await;
    stage.takes_carousel("501,502").await;
    stage.says(CONTAINER, "FINISHED").await;

    // The same worker goes on with the items it has.
    let course = stage.prepare(&job, Some(progress.clone())).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(stage.creations().await, 3);

    // Another may not.
    let course = stage.prepare(&resumed(&job), Some(progress)).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(stage.creations().await, 6);
}

#[tokio::test]
async fn items_should_be_forgotten_twice_and_then_the_post_given_up() {
    let stage = Stage::start().await;
    let (job, progress) = two_finished(&stage).await;
    stage.on("POST", &media(), (500, graph_error(2, 0))).await;
    let mut progress = Some(progress);
    for _ in 0..2 {
        let (failure, kept) = stage.prepare(&job, progress).await.failed();
        assert_eq!(failure.class, FailureClass::Transient);
        progress = kept;
    }
    let (failure, progress) = stage.prepare(&job, progress).await.failed();
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Unknown, "create_unanswered")
    );
    assert_eq!(progress, None);
    assert_eq!(stage.creations().await, 9);
}

#[tokio::test]
async fn a_refused_carousel_should_keep_its_items_unless_instagram_has_lost_them() {
    for (code, subcode, creations) in [(32, 0, 4), (24, 2_207_008, 6)] {
        let stage = Stage::start().await;
        let (job, progress) = two_finished(&stage).await;
        let refusal = (400, graph_error(code, subcode));
        stage.once("POST", &media(), refusal).await;
        let (_, progress) = stage.prepare(&job, Some(progress)).await.failed();
        stage.takes_carousel("501,502").await;
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&resumed(&job), progress).await;
        assert_eq!(course.object(), Some(CONTAINER));
        assert_eq!(stage.creations().await, creations, "{code}/{subcode}");
    }
}

#[tokio::test]
async fn a_container_that_nobody_answered_for_should_simply_be_made_again() {
    let stage = Stage::start().await;
    let page = ResponseTemplate::new(502).set_body_string("<html>");
    stage.meta.mount(on("POST", &media()), page).await;
    let job = job(picture());
    let mut progress = None;
    for _ in 0..5 {
        let (failure, kept) = stage.prepare(&resumed(&job), progress).await.failed();
        assert_eq!(failure.class, FailureClass::Transient);
        progress = kept;
    }
    assert_eq!(stage.creations().await, 5);
}

#[tokio::test]
async fn a_container_that_cannot_be_read_should_count_as_finished_after_a_while() {
    for answer in [graph_error(100, 33), graph_error(10, 0)] {
        for (content, file, least) in [
            (picture(), "1.jpg", 60),
            (film(Placement::Reel), "1.mp4", 300),
        ] {
            let stage = Stage::start().await;
            stage.takes(file, CONTAINER).await;
            let unreadable = (400, answer.clone());
            stage.on("GET", &format!("/{CONTAINER}"), unreadable).await;
            let course = stage.prepare(&job(content), None).await;
            assert_eq!(course.object(), Some(CONTAINER));
            let waited: u64 = course.seconds().iter().sum();
            assert!((least..least + 60).contains(&waited), "{waited} s");
            assert_eq!(stage.creations().await, 1);
        }
    }
}

#[tokio::test]
async fn a_container_that_was_not_ready_should_be_asked_for_again_and_not_be_replaced() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says_once(CONTAINER, "FINISHED").await;
    stage.says_once(CONTAINER, "IN_PROGRESS").await;
    stage.says_once(CONTAINER, "IN_PROGRESS").await;
    stage.says(CONTAINER, "FINISHED").await;
    let job = job(picture());
    let progress = stage.prepare(&job, None).await.ready().clone();
    let not_ready =
        Failure::new(FailureClass::Transient, "Not ready.").with_platform(PlatformError {
            code: Some(9007),
            subcode: Some(2_207_027),
            ..PlatformError::default()
        });
    // The failure is gone once the post waits; that it is not ready is kept.
    let first = stage
        .publisher
        .prepare(&after(&job, not_ready), Some(&progress))
        .await;
    let Prepared::Wait { progress, .. } = first else {
        panic!("{first:?}");
    };
    let course = stage.prepare(&job, Some(progress)).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(course.waits.len(), 1);
    assert_eq!(stage.creations().await, 1);
}

#[tokio::test]
async fn questions_that_fail_should_cost_no_attempt() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    let edge = format!("/{CONTAINER}");
    for answer in [
        (500, graph_error(2, 0)),
        (400, graph_error(24, 2_207_008)),
        (200, json!({ "id": CONTAINER })),
        (200, status("SOMETHING_NEW")),
    ] {
        stage.once("GET", &edge, answer).await;
    }
    stage.says(CONTAINER, "FINISHED").await;
    let course = stage.prepare(&job(picture()), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(course.seconds(), [2, 5, 10, 20, 30]);
}

#[tokio::test]
async fn questions_that_are_refused_should_stop_the_lane_and_keep_the_container() {
    let scope = LimitScope::Account;
    for (code, expected) in [
        (190, FailureClass::Reauthorize),
        (80_002, FailureClass::RateLimited { until: None, scope }),
        (3, FailureClass::Config),
    ] {
        let stage = Stage::start().await;
        stage.takes("1.jpg", CONTAINER).await;
        let refused = (400, graph_error(code, 0));
        stage.once("GET", &format!("/{CONTAINER}"), refused).await;
        stage.says(CONTAINER, "FINISHED").await;
        let job = job(picture());
        let (failure, progress) = stage.prepare(&job, None).await.failed();
        assert_eq!(failure.class, expected);
        let course = stage.prepare(&resumed(&job), progress).await;
        assert_eq!(course.object(), Some(CONTAINER));
        assert_eq!(stage.creations().await, 1);
    }
}

#[tokio::test]
async fn a_container_that_instagram_lost_or_never_finishes_should_be_made_anew() {
    let lost = (400, graph_error(24, 2_207_008));
    let busy = (200, status("IN_PROGRESS"));
    for (answer, least) in [(lost, HOUR / 30), (busy, HOUR * 24)] {
        let stage = Stage::start().await;
        stage.takes("1.jpg", CONTAINER).await;
        stage.on("GET", &format!("/{CONTAINER}"), answer).await;
        let job = job(picture());
        let began = stage.meta.clock.now();
        let (failure, progress) = stage.prepare(&job, None).await.failed();
        assert_eq!(failure.class, FailureClass::Transient);
        let took = shareville_core::clock::until(began, stage.meta.clock.now());
        assert!(took >= least && took < least + HOUR, "{took:?}");
        let again = stage
            .publisher
            .prepare(&resumed(&job), progress.as_ref())
            .await;
        assert!(matches!(again, Prepared::Wait { .. }), "{again:?}");
        assert_eq!(stage.creations().await, 2);
    }
}

#[tokio::test]
async fn what_may_have_expired_should_be_asked_for_and_not_be_replaced_unseen() {
    for (code, creations) in [("FINISHED", 1), ("EXPIRED", 2)] {
        let stage = Stage::start().await;
        stage.takes("1.jpg", CONTAINER).await;
        stage.says_once(CONTAINER, "FINISHED").await;
        let job = job(picture());
        let progress = stage.prepare(&job, None).await.ready().clone();
        stage.meta.clock.advance(HOUR * 23);
        stage.says_once(CONTAINER, code).await;
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&resumed(&job), Some(progress)).await;
        let course = match creations {
            1 => course,
            _ => {
                let (failure, progress) = course.failed();
                assert_eq!(failure.class, FailureClass::Transient);
                stage.prepare(&resumed(&job), progress).await
            }
        };
        assert_eq!(course.object(), Some(CONTAINER));
        assert_eq!(stage.creations().await, creations, "{code}");
    }
}

#[tokio::test]
async fn what_is_published_already_should_never_be_published_again() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says_once(CONTAINER, "FINISHED").await;
    let job = job(picture());
    let ready = stage.prepare(&job, None).await.ready().clone();
    stage.meta.clock.advance(HOUR * 23);
    stage.says(CONTAINER, "PUBLISHED").await;
    let mut progress = Some(ready);
    for _ in 0..2 {
        let (failure, kept) = stage.prepare(&resumed(&job), progress).await.failed();
        assert_eq!(failure.code, "already_published");
        assert_eq!(failure.action, Action::CheckAccount);
        // Who changes the post has to get rid of this one first.
        let object = kept.as_ref().and_then(|kept| kept.object.as_deref());
        assert_eq!(object, Some(CONTAINER));
        progress = kept;
    }
    assert_eq!(stage.creations().await, 1);
}

#[tokio::test]
async fn media_that_cannot_be_had_should_fail_the_post_and_send_nothing() {
    let stage = Stage::start().await;
    let mut content = carousel(2);
    content.media[0].source =
        shareville_core::media::MediaSource::Url("https://cdn.example/gone.jpg".to_owned());
    let (failure, _) = stage.prepare(&job(content), None).await.failed();
    assert_eq!(failure.code, "media_expired");
    assert_eq!(failure.platform.unwrap().media_index, Some(0));
    assert_eq!(stage.creations().await, 0);

    // What was stored before it was refused by `check` ends here.
    let (failure, _) = stage.prepare(&job(Content::text("x")), None).await.failed();
    assert_eq!(failure.class, FailureClass::Content { retryable: false });
    assert_eq!(stage.count(&format!("GET {}", quota())).await, 1);
}
