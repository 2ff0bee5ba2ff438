//! Both ways to an Instagram account: dialogs, tokens, permissions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use reqwest::Method;
use serde_json::json;
use shareville_sandbox::{
    AccountType, AppSeed, Consent, Death, Error, NewInstagramAccount, Sandbox, Switches, demo,
};
use support::instagram::{INSTAGRAM_APP, INSTAGRAM_SCOPES, INSTAGRAM_SECRET, LINKED_SCOPES};
use support::{REDIRECT, app, app_on, value};
use url::Url;

const ACCOUNT: &str = "v25.0/me?fields=id,user_id,username,name,account_type,profile_picture_url";

#[tokio::test]
async fn instagram_login_should_lead_to_a_token_of_sixty_days() {
    let app = app().await;
    let dialog = app.instagram_dialog(INSTAGRAM_SCOPES);
    let back = app.sandbox.approve(&dialog, &Consent::all()).unwrap();
    assert!(back.starts_with(REDIRECT) && back.ends_with("#_"), "{back}");
    let back = Url::parse(&back).unwrap();
    assert_eq!(value(&back, "state").as_deref(), Some("st&te"));
    let code = value(&back, "code").unwrap();
    let short = app.instagram_exchange_code(&code).await.ok();
    assert_eq!(
        short["permissions"],
        json!([
            "instagram_business_basic",
            "instagram_business_content_publish",
            "instagram_business_manage_comments"
        ])
    );
    let long = app
        .instagram_lengthen(short["access_token"].as_str().unwrap())
        .await
        .ok();
    assert_eq!(
        (&long["expires_in"], &long["token_type"]),
        (&json!(5_183_944), &json!("bearer"))
    );
    let token = long["access_token"].as_str().unwrap();
    assert!(token.starts_with("IG"));
    let me = app.instagram(Method::GET, ACCOUNT, token).await.ok();
    assert_eq!(
        (&me["user_id"], &me["username"], &me["account_type"]),
        (
            &json!(demo::STANDALONE_INSTAGRAM),
            &json!("ada.sandbox"),
            &json!("BUSINESS")
        )
    );
    assert!(me["profile_picture_url"].is_string());
    assert_ne!(me["id"], me["user_id"], "the id is the app's own");
    assert_eq!(
        me["id"].as_str().unwrap(),
        short["user_id"].as_u64().unwrap().to_string()
    );
}

#[tokio::test]
async fn code_exchange_should_answer_wrapped_if_switched() {
    let mut switches = Switches::default();
    switches.instagram_code_answer_is_wrapped = true;
    let app = app_on(Sandbox::builder().switches(switches).start().await.unwrap());
    let code = app.instagram_code("instagram_business_basic", &Consent::all());
    let told = app.instagram_exchange_code(&code).await.ok();
    assert!(told["data"][0]["access_token"].is_string());
    assert!(told["data"][0]["user_id"].is_string());
    assert_eq!(told["data"][0]["permissions"], "instagram_business_basic");
}

#[tokio::test]
async fn code_exchange_should_refuse_in_the_flat_envelope() {
    let sandbox = Sandbox::builder()
        .app(AppSeed::new("1", "facebook"))
        .app(AppSeed::instagram(INSTAGRAM_APP, INSTAGRAM_SECRET));
    let app = app_on(sandbox.start().await.unwrap());
    let code = app.instagram_code(INSTAGRAM_SCOPES, &Consent::all());
    let good = [
        ("client_id", INSTAGRAM_APP),
        ("client_secret", INSTAGRAM_SECRET),
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code", code.as_str()),
    ];
    let marked = format!("{code}#_");
    let cases = [
        ("client_id", "1", "Invalid platform app"),
        (
            "client_secret",
            "guess",
            "Error validating verification code",
        ),
        (
            "redirect_uri",
            "https://app.example/",
            "Error validating verification code",
        ),
        (
            "code",
            "AQnothing",
            "Matching code was not found or was already used",
        ),
        ("code", &marked, "Invalid authorization code"),
        ("grant_type", "password", "Invalid grant_type"),
    ];
    for (name, wrong, message) in cases {
        let mut form = good;
        for field in &mut form {
            if field.0 == name {
                field.1 = wrong;
            }
        }
        let told = app.instagram_exchange(&form).await;
        assert_eq!((told.status, &told.body["code"]), (400, &json!(400)));
        assert_eq!(told.body["error_type"], "OAuthException");
        let text = told.text("error_message");
        assert!(text.starts_with(message), "{name}: {text}");
    }
    app.instagram_exchange(&good).await.ok();
    let again = app.instagram_exchange(&good).await;
    assert_eq!(
        again.text("error_message"),
        "Matching code was not found or was already used"
    );
    let late = app.instagram_code(INSTAGRAM_SCOPES, &Consent::all());
    app.hours_pass(1);
    assert_eq!(app.instagram_exchange_code(&late).await.status, 400);
}

#[tokio::test]
async fn dialog_should_be_a_form_a_person_can_click_through() {
    let app = app().await;
    let url = app.instagram_dialog(INSTAGRAM_SCOPES);
    let page = app.http.get(&url).send().await.unwrap();
    let page = page.text().await.unwrap();
    for part in [
        "Emulation",
        "@ada.sandbox",
        "@adasbakery",
        "instagram_business_content_publish",
        "Cancel",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    let form = [
        ("account", demo::BAKERY_INSTAGRAM),
        ("scope", "instagram_business_basic"),
        ("decision", "continue"),
    ];
    let sent = app.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(sent.status(), 302);
    let back = Url::parse(sent.headers()["location"].to_str().unwrap()).unwrap();
    let told = app
        .instagram_exchange_code(&value(&back, "code").unwrap())
        .await;
    assert_eq!(
        told.body["permissions"],
        json!(["instagram_business_basic"])
    );
    let me = app
        .instagram(Method::GET, ACCOUNT, &told.text("access_token"))
        .await;
    assert_eq!(me.text("user_id"), demo::BAKERY_INSTAGRAM);
}

#[tokio::test]
async fn cancel_should_send_back_what_instagram_sends() {
    let app = app().await;
    let dialog = app.instagram_dialog(INSTAGRAM_SCOPES);
    let back = app.sandbox.approve(&dialog, &Consent::cancelled()).unwrap();
    let back = Url::parse(&back).unwrap();
    for (name, expected) in [
        ("error", Some("access_denied")),
        ("error_reason", Some("user_denied")),
        ("error_description", Some("The user denied your request")),
        ("state", Some("st&te")),
        ("code", None),
    ] {
        assert_eq!(value(&back, name).as_deref(), expected, "{name}");
    }
}

#[tokio::test]
async fn dialog_should_refuse_without_redirecting() {
    let sandbox = Sandbox::builder()
        .app(AppSeed::new("1", "facebook"))
        .app(AppSeed::instagram("2", "s").redirecting_to(REDIRECT));
    let app = app_on(sandbox.start().await.unwrap());
    let base = format!(
        "{}/www.instagram.com/oauth/authorize",
        app.sandbox.base_url()
    );
    let good = "response_type=code&scope=instagram_business_basic";
    let redirect = "redirect_uri=https%3A%2F%2Fapp.example%2Fcallback";
    let cases = [
        (
            format!("client_id=1&{redirect}&{good}"),
            "Invalid platform app",
        ),
        (
            format!("client_id=2&redirect_uri=https%3A%2F%2Fapp.example%2F&{good}"),
            "does not match registered",
        ),
        (
            format!("client_id=2&{redirect}&response_type=code&scope=business_basic"),
            "Invalid scope field(s): business_basic",
        ),
        (
            format!("client_id=2&{redirect}&scope=instagram_business_basic"),
            "response_type",
        ),
        (
            format!("client_id=2&{redirect}&response_type=code"),
            "instagram_business_basic",
        ),
    ];
    for (query, reason) in cases {
        let url = format!("{base}?{query}");
        let page = app.http.get(&url).send().await.unwrap();
        assert_eq!(page.status(), 400, "{query}");
        match app.sandbox.approve(&url, &Consent::all()) {
            Err(Error::Dialog { reason: told }) => assert!(told.contains(reason), "{told}"),
            other => panic!("{query}: {other:?}"),
        }
    }
    // And the other way round: an Instagram app id is none of Facebook's.
    let facebook = format!(
        "{}/www.facebook.com/dialog/oauth?client_id=2&{redirect}",
        app.sandbox.base_url()
    );
    assert!(app.sandbox.approve(&facebook, &Consent::all()).is_err());
}

#[tokio::test]
async fn refresh_should_give_a_new_token_after_a_day() {
    let app = app().await;
    let code = app.instagram_code(INSTAGRAM_SCOPES, &Consent::all());
    let short = app
        .instagram_exchange_code(&code)
        .await
        .text("access_token");
    let long = app.instagram_lengthen(&short).await.text("access_token");
    assert_eq!(app.instagram_refresh(&long).await.code(), 100, "too young");
    assert_eq!(app.instagram_lengthen(&long).await.code(), 100);
    app.hours_pass(24);
    assert_eq!(app.instagram_refresh(&short).await.code(), 190, "dead");
    let fresh = app.instagram_refresh(&long).await.ok();
    assert_ne!(fresh["access_token"], long.as_str());
    assert_eq!(fresh["expires_in"], 5_183_944);
    assert!(
        fresh["permissions"]
            .as_str()
            .unwrap()
            .contains("instagram_business_content_publish")
    );
    app.hours_pass(24 * 60);
    assert_eq!(app.instagram_refresh(&long).await.subcode(), 463);
}

#[tokio::test]
async fn tokens_should_be_strangers_on_the_other_host() {
    let app = app().await;
    let [own, page] = app.both().await;
    let told = app.get(own.id, &own.token).await;
    assert_eq!(told.code(), 190);
    let message = told.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("Cannot parse access token"));
    let told = app.instagram(Method::GET, ACCOUNT, &page.token).await;
    assert_eq!(told.code(), 190);
    let debug = app
        .get(
            &format!("debug_token?input_token={}", own.token),
            &page.token,
        )
        .await;
    assert_ne!(debug.body["data"]["is_valid"], true);
    // Writing takes the account's number.
    let told = app
        .instagram(Method::POST, "v25.0/me/media", &own.token)
        .await;
    assert_eq!(
        told.body["error"]["message"],
        "Unsupported request - method type: post"
    );
    assert_eq!(told.body["error"]["type"], "IGApiException");
}

#[tokio::test]
async fn page_should_name_its_instagram_account_to_who_may_know() {
    let app = app().await;
    let fields = "fields=id,instagram_business_account{id,username,name,profile_picture_url}";
    let user = app.login(LINKED_SCOPES, &Consent::all()).await;
    let pages = app.get(&format!("me/accounts?{fields}"), &user).await.ok();
    let bakery = &pages["data"][0];
    assert_eq!(bakery["id"], demo::BAKERY);
    let account = &bakery["instagram_business_account"];
    assert_eq!(
        (&account["id"], &account["username"]),
        (&json!(demo::BAKERY_INSTAGRAM), &json!("adasbakery"))
    );
    assert!(pages["data"][1].get("instagram_business_account").is_none());
    let path = format!("{}?fields=instagram_business_account", demo::BAKERY);
    let bare = app.get(&path, &user).await.ok();
    assert_eq!(
        bare["instagram_business_account"],
        json!({ "id": demo::BAKERY_INSTAGRAM })
    );
    let debug = app
        .get(&format!("debug_token?input_token={user}"), &user)
        .await
        .ok();
    let granular = debug["data"]["granular_scopes"].as_array().unwrap();
    let basic = granular
        .iter()
        .find(|entry| entry["scope"] == "instagram_basic")
        .unwrap();
    assert_eq!(basic["target_ids"], json!([demo::BAKERY_INSTAGRAM]));

    app.sandbox.revoke(demo::ADA, Death::AppRemoved);
    let less = app.login("pages_show_list", &Consent::all()).await;
    let hidden = app.get(&path, &less).await.ok();
    assert!(hidden.get("instagram_business_account").is_none());
}

#[tokio::test]
async fn permissions_should_be_asked_for_each_call() {
    let app = app().await;
    let consent = Consent::all().without(["instagram_business_content_publish"]);
    let token = app.instagram_login(INSTAGRAM_SCOPES, &consent).await;
    let path = format!("v25.0/{}/media", demo::STANDALONE_INSTAGRAM);
    let told = app.instagram(Method::POST, &path, &token).await;
    assert_eq!((told.status, told.code()), (403, 10));
    assert_eq!(told.body["error"]["type"], "IGApiException");
    app.instagram(Method::GET, &path, &token).await.ok();

    let reader = app
        .linked_with("pages_show_list,pages_read_engagement,instagram_basic")
        .await;
    reader.get(reader.id).await.ok();
    assert_eq!(reader.create(&[("image_url", "x")]).await.code(), 10);
    app.sandbox.revoke(demo::ADA, Death::AppRemoved);
    let blind = app
        .linked_with("pages_show_list,pages_read_engagement")
        .await;
    assert_eq!(blind.get(blind.id).await.code(), 10);
    // Another's account is not there.
    let told = app.get(demo::STANDALONE_INSTAGRAM, &blind.token).await;
    assert_eq!((told.code(), told.subcode()), (100, 33));
}

#[tokio::test]
async fn personal_accounts_should_be_refused() {
    let account = NewInstagramAccount::new("private")
        .with_id("17841400000000999")
        .of_type(AccountType::Personal)
        .used_by(demo::ADA);
    let app = app_on(Sandbox::builder().instagram(account).start().await.unwrap());
    let consent = Consent::all().as_instagram("17841400000000999");
    let token = app.instagram_login(INSTAGRAM_SCOPES, &consent).await;
    let told = app.instagram(Method::GET, ACCOUNT, &token).await;
    assert_eq!(
        told.body["error"]["message"],
        "(#10) The user is not an Instagram Business"
    );
}

#[tokio::test]
async fn revoked_instagram_tokens_should_stay_dead() {
    let app = app().await;
    let account = app.standalone().await;
    let revoked = app.sandbox.revoke(account.id, Death::PasswordChanged);
    assert!(revoked > 0);
    assert_eq!(account.get(account.id).await.subcode(), 460);
    assert_eq!(app.instagram_refresh(&account.token).await.subcode(), 460);
}
