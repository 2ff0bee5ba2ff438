//! Each fault: what the caller sees, and what is true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::{Duration, Instant};

use shareville_sandbox::{Answer, At, Death, Effect, Fault, Moment, Outcome, Step, demo};
use support::{App, app};

/// A hidden post, and the token to publish it with.
async fn drafted() -> (App, String, String) {
    let app = app().await;
    let token = app.bakery().await;
    let id = app.draft(&token, "Hello").await;
    app.sandbox.clear_calls();
    (app, token, id)
}

/// Publishes and expects the connection to be closed without an answer.
async fn lost(app: &App, token: &str, id: &str) {
    let error = app
        .publish(token, id)
        .send()
        .await
        .expect_err("the answer must not arrive");
    assert!(
        error.is_request() && !error.is_timeout() && !error.is_connect(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_lost_answer_was_acted_on() {
    let (app, token, id) = drafted().await;
    let fault = app
        .sandbox
        .arm(Fault::on(Step::PublishPost, Effect::LoseAnswer));
    lost(&app, &token, &id).await;
    assert_eq!(app.visible(), 1);
    assert_eq!(app.sandbox.struck(fault), 1);
    let calls = app.sandbox.calls();
    assert_eq!(calls.len(), 1, "the client must not have sent it twice");
    assert_eq!(
        (calls[0].fault, calls[0].acted, calls[0].outcome),
        (Some(fault), true, Outcome::Lost)
    );
    app.send(app.publish(&token, &id)).await.ok();
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn a_lost_request_was_not() {
    let (app, token, id) = drafted().await;
    app.sandbox
        .arm(Fault::on(Step::PublishPost, Effect::LoseRequest));
    lost(&app, &token, &id).await;
    assert_eq!(app.visible(), 0);
    assert!(!app.sandbox.calls()[0].acted);
}

#[tokio::test]
async fn an_error_may_follow_a_success() {
    for (answer, status, code) in [
        (Answer::code_2(), 500, 2),
        (Answer::code_1(), 500, 1),
        (Answer::spam_block(), 403, 4),
        (Answer::bad_gateway(), 502, 0),
        (Answer::success_false(), 200, 0),
    ] {
        let (app, token, id) = drafted().await;
        app.sandbox.arm(Fault::on(
            Step::PublishPost,
            Effect::ActAndAnswer { answer },
        ));
        let told = app.send(app.publish(&token, &id)).await;
        assert_eq!((told.status, told.code()), (status, code));
        assert_eq!(app.visible(), 1);
    }
}

#[tokio::test]
async fn a_refusal_does_nothing() {
    let (app, token, id) = drafted().await;
    app.sandbox.arm(
        Fault::on(
            Step::PublishPost,
            Effect::Refuse {
                answer: Answer::code_2(),
            },
        )
        .times(2),
    );
    assert_eq!(app.send(app.publish(&token, &id)).await.code(), 2);
    assert_eq!(app.send(app.publish(&token, &id)).await.code(), 2);
    assert_eq!(app.visible(), 0);
    app.send(app.publish(&token, &id)).await.ok();
    assert_eq!(app.visible(), 1);
}

#[tokio::test]
async fn it_may_act_long_after_the_connection_is_gone() {
    let (app, token, id) = drafted().await;
    let (after, close_after) = (Duration::from_millis(1_000), Duration::ZERO);
    app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::ActLate { after, close_after },
    ));
    lost(&app, &token, &id).await;
    let look = app
        .get(&format!("{id}?fields=is_published"), &token)
        .await
        .ok();
    assert_eq!(
        (look["is_published"].as_bool(), app.visible()),
        (Some(false), 0)
    );
    app.sandbox.quiet().await;
    assert_eq!(app.visible(), 1);
    assert!(app.sandbox.calls()[0].acted);
}

#[tokio::test]
async fn delays_act_even_if_the_caller_gives_up() {
    let (app, token, id) = drafted().await;
    let duration = Duration::from_millis(1_000);
    app.sandbox
        .arm(Fault::on(Step::PublishPost, Effect::Delay { duration }));
    let error = app
        .publish(&token, &id)
        .timeout(Duration::from_millis(50))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(app.visible(), 0);
    app.sandbox.quiet().await;
    assert_eq!(app.visible(), 1);

    app.sandbox
        .arm(Fault::on(Step::ReadPost, Effect::DelayAnswer { duration }));
    let before = Instant::now();
    app.get(&id, &token).await.ok();
    assert!(before.elapsed() >= duration);
}

#[tokio::test]
async fn throttles_say_for_how_long() {
    let (app, token, id) = drafted().await;
    app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::Throttle {
            code: 80_001,
            minutes: 7,
        },
    ));
    let told = app.send(app.publish(&token, &id)).await;
    assert_eq!((told.status, told.code()), (400, 80_001));
    let usage: serde_json::Value =
        serde_json::from_str(told.headers["x-business-use-case-usage"].to_str().unwrap()).unwrap();
    assert_eq!(usage[demo::BAKERY][0]["estimated_time_to_regain_access"], 7);
    app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::Throttle {
            code: 4,
            minutes: 1,
        },
    ));
    assert!(
        app.send(app.publish(&token, &id))
            .await
            .headers
            .contains_key("x-app-usage")
    );
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn a_token_can_die_at_any_step() {
    let (app, token, id) = drafted().await;
    app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::Revoke {
            death: Death::PasswordChanged,
        },
    ));
    let told = app.send(app.publish(&token, &id)).await;
    assert_eq!((told.code(), told.subcode()), (190, 460));
    assert_eq!(app.get(&id, &token).await.subcode(), 460);
    assert_eq!(app.visible(), 0);
}

#[tokio::test]
async fn calls_are_held_until_released() {
    for (moment, visible) in [(Moment::BeforeActing, 0), (Moment::AfterActing, 1)] {
        let (app, token, id) = drafted().await;
        let fault = app
            .sandbox
            .arm(Fault::on(Step::PublishPost, Effect::Hold { moment }));
        let sent = tokio::spawn(app.publish(&token, &id).send());
        let held = app.sandbox.held(fault).await.unwrap();
        assert_eq!(
            (held.call, app.visible()),
            (app.sandbox.calls()[0].number, visible)
        );
        assert_eq!(app.sandbox.faults()[0].holding, 1);
        app.sandbox.release(fault).unwrap();
        assert_eq!(sent.await.unwrap().unwrap().status(), 200);
        assert_eq!(app.visible(), 1);
    }
}

#[tokio::test]
async fn a_held_call_outlives_its_caller() {
    let (app, token, id) = drafted().await;
    let fault = app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::Hold {
            moment: Moment::BeforeActing,
        },
    ));
    let sent = tokio::spawn(app.publish(&token, &id).send());
    app.sandbox.held(fault).await.unwrap();
    sent.abort();
    assert!(sent.await.unwrap_err().is_cancelled());
    app.sandbox.clear_faults();
    app.sandbox.quiet().await;
    assert_eq!(app.visible(), 1);
    assert!(app.sandbox.held(fault).await.is_err());
}

#[tokio::test]
async fn waiting_for_a_hold_ends_when_it_is_cleared() {
    let app = app().await;
    let fault = app.sandbox.arm(Fault::on(
        Step::Me,
        Effect::Hold {
            moment: Moment::BeforeActing,
        },
    ));
    let clearing = async {
        app.sandbox.release(fault).unwrap();
        tokio::task::yield_now().await;
        app.sandbox.clear_faults();
    };
    let (held, ()) = tokio::join!(app.sandbox.held(fault), clearing);
    assert!(held.is_err());
}

#[tokio::test]
async fn faults_choose_their_calls() {
    let app = app().await;
    let token = app.bakery().await;
    let garden = app.page_token(demo::GARDEN).await;
    let refuse = || Effect::Refuse {
        answer: Answer::code_2(),
    };
    let on_page = app.sandbox.arm(
        Fault::on(Step::CreatePost, refuse())
            .on_page(demo::GARDEN)
            .skipping(1),
    );
    let on_text = app.sandbox.arm(
        Fault::at(At::Anything, refuse())
            .containing("unlucky")
            .always(),
    );
    let on_path = app.sandbox.arm(Fault::at(
        At::Path("GET".to_owned(), format!("{}/published", demo::BAKERY)),
        refuse(),
    ));
    let feed = format!("{}/feed", demo::GARDEN);
    app.post(&feed, &garden, &[("message", "one")]).await.ok();
    assert_eq!(
        app.post(&feed, &garden, &[("message", "two")]).await.code(),
        2
    );
    app.post(&feed, &garden, &[("message", "three")]).await.ok();
    let id = app.draft(&token, "lucky").await;
    app.post(&id, &token, &[("message", "still lucky")])
        .await
        .ok();
    let form = [("message", "so unlucky")];
    assert_eq!(app.post(&id, &token, &form).await.code(), 2);
    app.sandbox.clear_fault(on_text).unwrap();
    app.post(&id, &token, &form).await.ok();
    let on_post = app
        .sandbox
        .arm(Fault::on(Step::PublishPost, refuse()).containing("unlucky"));
    assert_eq!(app.send(app.publish(&token, &id)).await.code(), 2);
    assert_eq!(
        app.get(&format!("{}/published_posts", demo::BAKERY), &token)
            .await
            .code(),
        2
    );
    for fault in [on_page, on_post, on_path] {
        assert_eq!(app.sandbox.struck(fault), 1);
    }
    assert_eq!(app.sandbox.faults()[0].seen, 3);
}

#[tokio::test]
async fn secrets_stay_out_of_the_log() {
    let (app, token, id) = drafted().await;
    app.get(&format!("{id}?access_token={token}"), "")
        .await
        .ok();
    let calls = app.sandbox.calls();
    assert!(!format!("{calls:?}").contains(&token));
    assert_eq!(calls[0].token, shareville_sandbox::TokenPlace::Query);
    assert_eq!(calls[0].step, Step::ReadPost);
    assert_eq!(calls[0].page.as_deref(), Some(demo::BAKERY));
}

#[tokio::test]
async fn shutdown_does_not_wait_for_held_calls() {
    let (app, token, id) = drafted().await;
    let fault = app.sandbox.arm(Fault::on(
        Step::PublishPost,
        Effect::Hold {
            moment: Moment::BeforeActing,
        },
    ));
    let sent = tokio::spawn(app.publish(&token, &id).send());
    app.sandbox.held(fault).await.unwrap();
    let base = app.sandbox.base_url().to_owned();
    tokio::time::timeout(Duration::from_secs(5), app.sandbox.shutdown())
        .await
        .unwrap();
    assert!(sent.await.unwrap().is_err());
    assert!(app.http.get(base).send().await.is_err());
}
