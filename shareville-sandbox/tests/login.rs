//! Dialog, codes, tokens, permissions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use shareville_sandbox::{AppSeed, Consent, Death, Error, NewPerson, Sandbox, Switches, demo};
use support::{APP, REDIRECT, SCOPES, SECRET, app, app_on, value};
use url::Url;

#[tokio::test]
async fn a_login_leads_to_a_token_of_sixty_days() {
    let app = app().await;
    let short = app.exchange(&app.code(SCOPES, &Consent::all())).await.ok();
    assert_eq!(short["token_type"], "bearer");
    assert!(short["expires_in"].as_i64().unwrap() < 10_000);
    let long = app
        .lengthen(short["access_token"].as_str().unwrap())
        .await
        .ok();
    assert_eq!(long["expires_in"], 5_183_944);
    let me = app
        .get(
            "me?fields=id,name,picture{url}",
            long["access_token"].as_str().unwrap(),
        )
        .await
        .ok();
    assert_eq!(me["name"], "Ada Sandbox");
    assert!(me["picture"]["data"]["url"].is_string());
}

#[tokio::test]
async fn cancel_sends_back_what_meta_sends() {
    let app = app().await;
    let back = app
        .sandbox
        .approve(&app.dialog(SCOPES), &Consent::cancelled())
        .unwrap();
    let back = Url::parse(&back).unwrap();
    assert!(back.as_str().starts_with(REDIRECT));
    for (name, expected) in [
        ("error", "access_denied"),
        ("error_code", "200"),
        ("error_reason", "user_denied"),
        ("error_description", "Permissions error"),
        ("state", "st&te"),
    ] {
        assert_eq!(value(&back, name).as_deref(), Some(expected));
    }
    assert_eq!(value(&back, "code"), None);
}

#[tokio::test]
async fn the_dialog_is_a_form_a_person_can_click_through() {
    let app = app().await;
    app.sandbox
        .add_person(NewPerson::new("Bob <b>").with_id("10220000000000002"));
    let url = app.dialog(SCOPES);
    let page = app.http.get(&url).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    for part in [
        "Emulation",
        "Ada's Bakery",
        "pages_manage_posts",
        "Bob &lt;b&gt;",
        "Cancel",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let form = [
        ("person", demo::ADA),
        ("page", demo::BAKERY),
        ("scope", "pages_show_list"),
        ("scope", "pages_read_engagement"),
        ("decision", "continue"),
    ];
    let sent = app.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let back = Url::parse(sent.headers()["location"].to_str().unwrap()).unwrap();
    let token = app
        .exchange(&value(&back, "code").unwrap())
        .await
        .text("access_token");
    let pages = app.get("me/accounts?fields=id", &token).await.ok();
    assert_eq!(pages["data"].as_array().unwrap().len(), 1);
    let permissions = app.get("me/permissions", &token).await.ok();
    let declined: Vec<_> = permissions["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["status"] == "declined")
        .collect();
    assert_eq!(declined.len(), 2);
    let cancelled = app
        .http
        .post(&url)
        .form(&[("decision", "cancel")])
        .send()
        .await
        .unwrap();
    assert!(
        cancelled.headers()["location"]
            .to_str()
            .unwrap()
            .contains("error=access_denied")
    );
}

#[tokio::test]
async fn the_dialog_refuses_without_redirecting() {
    let app = app().await;
    let base = format!(
        "{}/www.facebook.com/v25.0/dialog/oauth",
        app.sandbox.base_url()
    );
    let cases = [
        "redirect_uri=https%3A%2F%2Fapp.example%2Fcallback".to_owned(),
        "client_id=1".to_owned(),
        "client_id=1&redirect_uri=callback".to_owned(),
        "client_id=1&redirect_uri=https%3A%2F%2Fapp.example&scope=manage_everything".to_owned(),
        "client_id=1&redirect_uri=https%3A%2F%2Fapp.example&response_type=token".to_owned(),
    ];
    for query in cases {
        let answer = app
            .http
            .get(format!("{base}?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        assert!(matches!(
            app.sandbox
                .approve(&format!("{base}?{query}"), &Consent::all()),
            Err(Error::Dialog { .. })
        ));
    }
}

#[tokio::test]
async fn declined_permissions_are_asked_again_only_on_rerequest() {
    let app = app().await;
    let token = app
        .login(SCOPES, &Consent::all().without(["pages_manage_posts"]))
        .await;
    let again = app.login(SCOPES, &Consent::all()).await;
    let page = app
        .get(&format!("{}?fields=access_token", demo::BAKERY), &again)
        .await
        .text("access_token");
    let refused = app
        .post(
            &format!("{}/feed", demo::BAKERY),
            &page,
            &[("message", "x")],
        )
        .await;
    assert_eq!((refused.status, refused.code()), (403, 200));
    let back = app
        .sandbox
        .approve(
            &format!("{}&auth_type=rerequest", app.dialog(SCOPES)),
            &Consent::all(),
        )
        .unwrap();
    assert!(back.contains("code="));
    app.post(
        &format!("{}/feed", demo::BAKERY),
        &page,
        &[("message", "x")],
    )
    .await
    .ok();
    let list = app.get("me/permissions", &token).await.ok();
    assert!(
        list["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["status"] == "granted")
    );
}

#[tokio::test]
async fn codes_work_once_in_time_and_for_their_redirect() {
    let app = app().await;
    let code = app.code(SCOPES, &Consent::all());
    let form = [
        ("client_id", APP),
        ("client_secret", SECRET),
        ("redirect_uri", "https://app.example/x"),
        ("code", &code),
    ];
    let other = app.post("oauth/access_token", "", &form).await;
    assert_eq!(
        (other.status, other.code(), other.subcode()),
        (400, 100, 36_008)
    );
    app.exchange(&code).await.ok();
    assert_eq!(app.exchange(&code).await.subcode(), 36_009);
    let late = app.code(SCOPES, &Consent::all());
    app.sandbox.advance(Duration::from_secs(601));
    assert_eq!(app.exchange(&late).await.subcode(), 36_007);
    assert_eq!(app.exchange("nonsense").await.code(), 100);
}

#[tokio::test]
async fn the_first_secret_binds_and_registered_ones_are_strict() {
    let app = app().await;
    let code = app.code(SCOPES, &Consent::all());
    app.exchange(&code).await.ok();
    let form = [
        ("client_id", APP),
        ("client_secret", "other"),
        ("redirect_uri", REDIRECT),
        ("code", "x"),
    ];
    let wrong = app.post("oauth/access_token", "", &form).await;
    assert_eq!(
        wrong.body["error"]["message"],
        "Error validating client secret."
    );

    let seed = AppSeed::new(APP, SECRET).redirecting_to("https://elsewhere.example/");
    let strict = app_on(
        Sandbox::builder()
            .app(seed)
            .only_registered_apps()
            .start()
            .await
            .unwrap(),
    );
    assert!(
        strict
            .sandbox
            .approve(&strict.dialog(SCOPES), &Consent::all())
            .is_err()
    );
    let stranger = strict.dialog(SCOPES).replace(APP, "99");
    assert!(strict.sandbox.approve(&stranger, &Consent::all()).is_err());
}

#[tokio::test]
async fn debug_token_tells_scopes_and_pages() {
    let app = app().await;
    let viewer = format!("{APP}|{SECRET}");
    let user = app
        .login(SCOPES, &Consent::all().with_pages([demo::BAKERY]))
        .await;
    let data = app
        .get(&format!("debug_token?input_token={user}"), &viewer)
        .await
        .ok()["data"]
        .clone();
    assert_eq!(data["type"], "USER");
    assert_eq!(data["is_valid"], true);
    let posts = data["granular_scopes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["scope"] == "pages_manage_posts");
    assert_eq!(
        posts.unwrap()["target_ids"],
        serde_json::json!([demo::BAKERY])
    );

    let page = app
        .get(&format!("{}?fields=access_token", demo::BAKERY), &user)
        .await
        .text("access_token");
    let data = app
        .get(&format!("debug_token?input_token={page}"), &viewer)
        .await
        .ok()["data"]
        .clone();
    assert_eq!(
        (data["type"].as_str(), data["expires_at"].as_i64()),
        (Some("PAGE"), Some(0))
    );
    assert_eq!(data["profile_id"], demo::BAKERY);

    app.sandbox.revoke(demo::ADA, Death::PasswordChanged);
    let data = app
        .get(&format!("debug_token?input_token={page}"), &viewer)
        .await
        .ok()["data"]
        .clone();
    assert_eq!(
        (
            data["is_valid"].as_bool(),
            data["error"]["subcode"].as_i64()
        ),
        (Some(false), Some(460))
    );
    let unknown = app.get("debug_token?input_token=x", &viewer).await.ok();
    assert_eq!(unknown["data"]["is_valid"], false);
    let wrong = app
        .get(
            &format!("debug_token?input_token={page}"),
            &format!("{APP}|nope"),
        )
        .await;
    assert_eq!(wrong.code(), 190);
}

#[tokio::test]
async fn tokens_die_as_metas_do() {
    let app = app().await;
    let user = app.login(SCOPES, &Consent::all()).await;
    for (death, subcode) in [
        (Death::LoggedOut, 467),
        (Death::Checkpoint, 459),
        (Death::PasswordChanged, 460),
    ] {
        let user = app.login(SCOPES, &Consent::all()).await;
        app.sandbox.revoke_token(&user, death).unwrap();
        let dead = app.get("me", &user).await;
        assert_eq!((dead.code(), dead.subcode()), (190, subcode));
    }
    app.get("me", &user).await.ok();
    let page = app
        .get(&format!("{}?fields=access_token", demo::BAKERY), &user)
        .await
        .text("access_token");
    app.sandbox.advance(Duration::from_secs(61 * 86_400));
    assert_eq!(app.get("me", &user).await.subcode(), 463);
    app.get(demo::BAKERY, &page).await.ok();
    assert_eq!(app.get("me", "rubbish").await.code(), 190);
    assert_eq!(app.get("me", "").await.code(), 104);
}

#[tokio::test]
async fn removing_the_app_ends_everything() {
    let app = app().await;
    let user = app.login(SCOPES, &Consent::all()).await;
    let page = app
        .get(&format!("{}?fields=access_token", demo::BAKERY), &user)
        .await
        .text("access_token");
    assert_eq!(
        app.delete("me/permissions/pages_manage_posts", &user)
            .await
            .ok()["success"],
        true
    );
    assert_eq!(
        app.post(
            &format!("{}/feed", demo::BAKERY),
            &page,
            &[("message", "x")]
        )
        .await
        .code(),
        200
    );
    assert_eq!(
        app.delete("me/permissions", &user).await.ok()["success"],
        true
    );
    assert_eq!(app.get("me", &user).await.subcode(), 458);
    assert_eq!(app.get(demo::BAKERY, &page).await.subcode(), 458);
}

#[tokio::test]
async fn proofs_are_checked_and_can_be_demanded() {
    let app = app().await;
    let user = app.login(SCOPES, &Consent::all()).await;
    let wrong = app.get("me?appsecret_proof=00", &user).await;
    assert_eq!(
        wrong.body["error"]["message"],
        "Invalid appsecret_proof provided in the API argument"
    );
    app.sandbox
        .add_app(AppSeed::new(APP, SECRET).requiring_proof());
    let missing = app.get("me", &user).await;
    assert_eq!(
        missing.body["error"]["message"],
        "API calls from the server require an appsecret_proof argument"
    );
}

#[tokio::test]
async fn a_switch_makes_the_first_token_long() {
    let mut switches = Switches::default();
    switches.code_exchange_is_long_lived = true;
    let app = app_on(Sandbox::builder().switches(switches).start().await.unwrap());
    let token = app.exchange(&app.code(SCOPES, &Consent::all())).await.ok();
    assert_eq!(token["expires_in"], 5_183_944);
}
