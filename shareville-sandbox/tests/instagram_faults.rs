//! Faults on Instagram's calls: what the caller sees, and what is true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use serde_json::{Value, json};
use shareville_sandbox::{Answer, At, Death, Effect, Fault, Moment, Outcome, Step, demo};
use support::instagram::{INSTAGRAM_SCOPES, PHOTO};
use support::{App, app};

#[tokio::test]
async fn a_lost_answer_should_have_published() {
    let app = app().await;
    for account in app.both().await {
        let container = account.photo("x").await;
        let fault = app
            .sandbox
            .arm(Fault::on(Step::PublishMedia, Effect::LoseAnswer).on_page(account.id));
        account.publishing(&container).send().await.unwrap_err();
        assert_eq!((app.sandbox.struck(fault), account.visible()), (1, 1));
        let call = app.sandbox.calls().pop().unwrap();
        assert_eq!(
            (call.step, call.acted, call.outcome, call.page.as_deref()),
            (Step::PublishMedia, true, Outcome::Lost, Some(account.id))
        );
        assert_eq!(account.status(&container).await.0, "PUBLISHED");
    }
}

#[tokio::test]
async fn an_error_may_follow_a_published_media() {
    let app = app().await;
    let account = app.standalone().await;
    let answers = [
        (Answer::code_2(), 500),
        (Answer::spam_block(), 403),
        (Answer::bad_gateway(), 502),
    ];
    for (place, (answer, status)) in answers.into_iter().enumerate() {
        let container = account.photo("x").await;
        app.sandbox.arm(Fault::on(
            Step::PublishMedia,
            Effect::ActAndAnswer { answer },
        ));
        assert_eq!(account.publish(&container).await.status, status);
        assert_eq!(account.visible(), place + 1);
    }
}

#[tokio::test]
async fn a_refused_publish_should_not_have_published() {
    let app = app().await;
    let account = app.linked().await;
    let container = account.photo("x").await;
    let answer = Answer::graph_error(400, 9, 2_207_042, "Application request limit reached");
    app.sandbox
        .arm(Fault::on(Step::PublishMedia, Effect::Refuse { answer }));
    assert_eq!(account.publish(&container).await.subcode(), 2_207_042);
    assert_eq!(account.visible(), 0);
    account.publish(&container).await.ok();
}

#[tokio::test]
async fn every_step_should_be_reached_by_its_name() {
    let app = app().await;
    let account = app.standalone().await;
    let linked = app.linked().await;
    app.hours_pass(25);
    app.instagram_refresh(&account.token).await.ok();
    let container = account.photo("x").await;
    let media = account.publish(&container).await.text("id");
    for path in [
        "me".to_owned(),
        account.id.to_owned(),
        media.clone(),
        format!("{}/media", account.id),
        format!("{}/stories", account.id),
        format!("{}/content_publishing_limit", account.id),
        format!("{media}/comments"),
    ] {
        account.get(&path).await.ok();
    }
    account
        .post(&format!("{media}/comments"), &[("message", "x")])
        .await
        .ok();
    account.delete(&media).await;
    linked.get(linked.id).await;
    account.get("17800000000000000").await;
    let calls = app.sandbox.calls();
    for step in [
        Step::InstagramCodeExchange,
        Step::InstagramLongLivedExchange,
        Step::InstagramRefresh,
        Step::InstagramMe,
        Step::ReadInstagram,
        Step::CreateContainer,
        Step::ReadContainer,
        Step::PublishMedia,
        Step::ReadMedia,
        Step::DeleteMedia,
        Step::ListMedia,
        Step::ListStoriesInstagram,
        Step::PublishingLimit,
        Step::MediaComment,
        Step::ListMediaComments,
        Step::Other,
    ] {
        assert!(calls.iter().any(|call| call.step == step), "{step:?}");
    }
    for call in &calls {
        for secret in ["access_token", "client_secret", "code"] {
            let value = call.params.get(secret);
            assert!(value.is_none_or(|value| value == "…"), "{call:?}");
        }
    }
}

#[tokio::test]
async fn a_fault_should_find_a_container_by_its_caption() {
    let app = app().await;
    let account = app.standalone().await;
    let (meant, other) = (account.photo("a meant one").await, account.photo("b").await);
    let fault = Fault::on(Step::PublishMedia, Effect::LoseRequest).containing("meant");
    let fault = app.sandbox.arm(fault);
    account.publish(&other).await.ok();
    account.publishing(&meant).send().await.unwrap_err();
    assert_eq!((app.sandbox.struck(fault), account.visible()), (1, 1));
}

#[tokio::test]
async fn a_throttle_should_name_the_instagram_account() {
    let app = app().await;
    let account = app.linked().await;
    app.sandbox.arm(Fault::on(
        Step::CreateContainer,
        Effect::Throttle {
            code: 80_002,
            minutes: 7,
        },
    ));
    let told = account.create(&[("image_url", PHOTO)]).await;
    assert_eq!(told.code(), 80_002);
    let usage = told.headers["x-business-use-case-usage"].to_str().unwrap();
    let usage: Value = serde_json::from_str(usage).unwrap();
    let entry = &usage[account.id][0];
    assert_eq!(
        (&entry["type"], &entry["estimated_time_to_regain_access"]),
        (&json!("instagram"), &json!(7))
    );
}

#[tokio::test]
async fn a_revoked_login_should_die_within_the_call() {
    let app = app().await;
    let account = app.standalone().await;
    let container = account.photo("x").await;
    app.sandbox.arm(Fault::on(
        Step::PublishMedia,
        Effect::Revoke {
            death: Death::Checkpoint,
        },
    ));
    assert_eq!(account.publish(&container).await.subcode(), 459);
    assert_eq!(account.get("me").await.subcode(), 459);
    assert_eq!(account.visible(), 0);
}

#[tokio::test]
async fn a_held_publish_should_act_when_it_is_let_go() {
    let app = app().await;
    let account = app.standalone().await;
    let container = account.photo("x").await;
    let hold = app.sandbox.arm(Fault::on(
        Step::PublishMedia,
        Effect::Hold {
            moment: Moment::BeforeActing,
        },
    ));
    let sent = tokio::spawn(account.publishing(&container).send());
    app.sandbox.held(hold).await.unwrap();
    assert_eq!(account.visible(), 0);
    app.sandbox.release(hold).unwrap();
    assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    assert_eq!(account.visible(), 1);
}

#[tokio::test]
async fn token_calls_should_suffer_faults_too() {
    let app = app().await;
    let path = At::Path("POST".to_owned(), "oauth/access_token".to_owned());
    app.sandbox.arm(Fault::at(path, Effect::LoseAnswer));
    let code = app.instagram_code(INSTAGRAM_SCOPES, &shareville_sandbox::Consent::all());
    let url = format!(
        "{}/api.instagram.com/oauth/access_token",
        app.sandbox.base_url()
    );
    let form = [
        ("client_id", support::instagram::INSTAGRAM_APP),
        ("client_secret", support::instagram::INSTAGRAM_SECRET),
        ("grant_type", "authorization_code"),
        ("redirect_uri", support::REDIRECT),
        ("code", code.as_str()),
    ];
    app.http.post(url).form(&form).send().await.unwrap_err();
    // The code is spent, as its answer was lost.
    let again = app.instagram_exchange(&form).await;
    assert!(again.text("error_message").starts_with("Matching code"));
}

impl App {
    async fn control(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_sandbox/{path}", self.sandbox.base_url());
        let mut request = self.http.request(method, url);
        if !body.is_null() {
            request = request.json(&body);
        }
        let told = self.send(request).await;
        (told.status, told.body)
    }
}

#[tokio::test]
async fn another_process_should_drive_instagram_by_http() {
    let app = app().await;
    let new = json!({ "username": "grace", "page": demo::GARDEN, "account_type": "media_creator" });
    let (status, made) = app.control(Method::POST, "instagram", new).await;
    assert_eq!(status, 201);
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("17841") && id.len() == 17, "{id}");
    let (_, listed) = app.control(Method::GET, "instagram", Value::Null).await;
    assert_eq!(listed.as_array().unwrap().len(), 3);
    let (status, _) = app
        .control(
            Method::POST,
            "instagram",
            json!({ "username": "x", "page": "9" }),
        )
        .await;
    assert_eq!(status, 404);

    let dialog = app.instagram_dialog(INSTAGRAM_SCOPES);
    let consent = json!({ "account": demo::STANDALONE_INSTAGRAM });
    let approval = json!({ "url": dialog, "consent": consent });
    let (status, back) = app.control(Method::POST, "approve", approval).await;
    assert_eq!(status, 200);
    assert!(back["redirect"].as_str().unwrap().ends_with("#_"));

    let account = app.standalone().await;
    let fault =
        json!({ "at": { "step": "create_container" }, "effect": { "kind": "lose_request" } });
    assert_eq!(app.control(Method::POST, "faults", fault).await.0, 201);
    let create = account
        .request(Method::POST, &format!("{}/media", account.id))
        .form(&[("image_url", PHOTO)]);
    create.send().await.unwrap_err();
    let doom = format!("instagram/{}/fail-next", account.id);
    let code = json!({ "code": 2_207_026 });
    assert_eq!(app.control(Method::POST, &doom, code.clone()).await.0, 204);
    let failing = account.create(&[("image_url", PHOTO)]).await.text("id");
    account.status(&failing).await;
    assert_eq!(account.status(&failing).await.0, "ERROR");
    let container = account.photo("<b>Hello</b>").await;
    let media = account.publish(&container).await.text("id");
    let remark = json!({ "visitor": "vi", "message": "cool" });
    let path = format!("media/{media}/comments");
    assert_eq!(app.control(Method::POST, &path, remark).await.0, 201);
    let path = format!("instagram/{}/visible", account.id);
    let (_, visible) = app.control(Method::GET, &path, Value::Null).await;
    assert_eq!(
        (&visible[0]["kind"], &visible[0]["comments"][0]["message"]),
        (&json!("image"), &json!("cool"))
    );
    assert_eq!(visible[0]["files"][0]["url"], PHOTO);
    let path = format!("instagram/{}/containers", account.id);
    let (_, containers) = app.control(Method::GET, &path, Value::Null).await;
    assert_eq!(containers[0]["status_code"], "PUBLISHED");
    let path = format!("containers/{container}/fail");
    assert_eq!(app.control(Method::POST, &path, code).await.0, 404);

    let base = app.sandbox.base_url();
    for page in [
        format!("{base}/_sandbox"),
        format!("{base}/_sandbox/instagram/{}", account.id),
    ] {
        let page = app.http.get(page).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let page = page.text().await.unwrap();
        assert!(page.contains("@ada.sandbox") && !page.contains("<b>Hello"));
    }
    let profile = app
        .http
        .get(format!("{base}/www.instagram.com/ada.sandbox"));
    assert_eq!(profile.send().await.unwrap().status(), 307);
    let path = format!("media/{media}");
    assert_eq!(app.control(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(account.visible(), 0);
}
