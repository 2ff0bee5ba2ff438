//! Instagram Login: from the dialog to a grant, and on.

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shareville_core::{
    connector::{Authorize, Connector as _, Granted},
    failure::{Failure, FailureClass},
    id::Provider,
};
use shareville_meta::{
    FacebookButton, INSTAGRAM_LOGIN_SCOPES, InstagramLogin, InstagramLoginConfig,
};
use url::Url;
use wiremock::{
    Mock, MockBuilder, ResponseTemplate,
    matchers::{method, path},
};

use crate::support::{
    APP_SECRET, CODE, Meta, SHORT_TOKEN, USER_TOKEN, app, graph_error, now, shows_a_secret,
};

pub(crate) const ACCOUNT: &str = "17841400000000001";
pub(crate) const EXCHANGE: &str = "/api.instagram.com/oauth/access_token";
pub(crate) const PROLONG: &str = "/graph.instagram.com/access_token";
pub(crate) const REFRESH: &str = "/graph.instagram.com/refresh_access_token";
pub(crate) const ME: &str = "/graph.instagram.com/v25.0/me";

fn callback() -> Url {
    "https://app.example/oauth/instagram/callback"
        .parse()
        .unwrap()
}

pub(crate) fn login(meta: &Meta) -> InstagramLogin {
    InstagramLogin::new(meta.graph_with(meta.config()), InstagramLoginConfig::new())
}

fn at(verb: &str, address: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(address))
}

pub(crate) async fn answer(meta: &Meta, verb: &str, address: &str, (status, body): (u16, Value)) {
    let answer = ResponseTemplate::new(status).set_body_json(body);
    meta.mount(at(verb, address), answer).await;
}

/// This once, before what comes always.
pub(crate) async fn once(meta: &Meta, verb: &str, address: &str, (status, body): (u16, Value)) {
    let answer = ResponseTemplate::new(status).set_body_json(body);
    let mock = at(verb, address).respond_with(answer);
    mock.up_to_n_times(1)
        .with_priority(1)
        .mount(&meta.server)
        .await;
}

fn me() -> Value {
    json!({
        "user_id": ACCOUNT, "id": "9001", "username": "ada.bakes", "name": "Ada bakes",
        "account_type": "BUSINESS", "profile_picture_url": "https://cdn.example/ada",
    })
}

/// All goes well.
pub(crate) async fn willing(meta: &Meta) {
    let short = json!({ "access_token": SHORT_TOKEN, "user_id": 9001, "permissions": INSTAGRAM_LOGIN_SCOPES });
    answer(meta, "POST", EXCHANGE, (200, short)).await;
    let long =
        json!({ "access_token": USER_TOKEN, "token_type": "bearer", "expires_in": 5_183_944 });
    answer(meta, "GET", PROLONG, (200, long.clone())).await;
    answer(meta, "GET", REFRESH, (200, long)).await;
    answer(meta, "GET", ME, (200, me())).await;
    let limit = format!("/graph.instagram.com/v25.0/{ACCOUNT}/content_publishing_limit");
    answer(
        meta,
        "GET",
        &limit,
        (200, json!({ "data": [{ "quota_usage": 0 }] })),
    )
    .await;
}

async fn exchange_with(meta: &Meta, code: &str) -> Result<Granted, Failure> {
    login(meta)
        .exchange(&app(), &code.into(), &callback())
        .await
}

pub(crate) async fn exchange(meta: &Meta) -> Result<Granted, Failure> {
    exchange_with(meta, CODE).await
}

#[tokio::test]
async fn the_dialog_should_be_asked_for_all_it_is_to_grant() {
    let meta = Meta::start().await;
    let graph = shareville_meta::Graph::new(shareville_meta::GraphConfig::new()).unwrap();
    let ask = |config: InstagramLoginConfig, ask_again| {
        let (redirect_uri, state) = (callback(), "the-state".into());
        let authorize = Authorize {
            redirect_uri: &redirect_uri,
            state: &state,
            ask_again,
        };
        let url = InstagramLogin::new(graph.clone(), config).authorize_url(&app(), &authorize);
        assert!(!url.as_str().contains(APP_SECRET));
        let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        json!({ "address": url.as_str().split('?').next(), "query": query })
    };
    insta::assert_json_snapshot!("authorize", ask(InstagramLoginConfig::new(), false));
    let hidden = InstagramLoginConfig::new()
        .with_extra_scopes(["instagram_business_manage_insights"])
        .with_facebook_button(FacebookButton::Hidden);
    insta::assert_json_snapshot!("authorize_again", ask(hidden, true));
    let (redirect_uri, state) = (callback(), "s".into());
    let authorize = Authorize {
        redirect_uri: &redirect_uri,
        state: &state,
        ask_again: false,
    };
    let url = login(&meta).authorize_url(&app(), &authorize);
    assert_eq!(url.path(), "/www.instagram.com/oauth/authorize");
}

#[tokio::test]
async fn a_code_should_become_a_long_lived_token_and_an_account() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let granted = exchange(&meta).await.unwrap();
    assert_eq!(granted.person, ACCOUNT);
    assert_eq!(granted.person_ids, ["9001"]);
    assert_eq!(granted.name.as_deref(), Some("Ada bakes"));
    assert_eq!(granted.token.expose_secret(), USER_TOKEN);
    let ends = now() + TimeDelta::seconds(5_183_944);
    assert_eq!(granted.expires_at, Some(ends));
    assert_eq!(granted.scopes, INSTAGRAM_LOGIN_SCOPES);
    assert!(granted.missing_scopes.is_empty());
    let [account] = granted.accounts.as_slice() else {
        panic!("one account");
    };
    assert_eq!(account.provider, Provider::instagram());
    assert_eq!(account.platform_id, ACCOUNT);
    assert_eq!(account.username.as_deref(), Some("ada.bakes"));
    assert!(account.token.is_none() && account.problems.is_empty());
    insta::assert_json_snapshot!("exchange", meta.sent().await);
}

#[tokio::test]
async fn every_shape_of_the_answer_to_a_code_should_be_read() {
    let all = INSTAGRAM_LOGIN_SCOPES.join(",");
    for (body, missing) in [
        (
            json!({ "access_token": SHORT_TOKEN, "user_id": "9001", "permissions": all }),
            0,
        ),
        (
            json!({ "data": [{ "access_token": SHORT_TOKEN, "user_id": "9001", "permissions": all }] }),
            0,
        ),
        (
            json!({ "data": [{ "access_token": SHORT_TOKEN, "permissions": ["instagram_business_basic"] }] }),
            2,
        ),
        // Not told: nobody is sent away for it.
        (json!({ "access_token": SHORT_TOKEN }), 0),
        (json!({ "access_token": SHORT_TOKEN, "permissions": [] }), 3),
    ] {
        let meta = Meta::start().await;
        once(&meta, "POST", EXCHANGE, (200, body.clone())).await;
        willing(&meta).await;
        let granted = exchange(&meta).await.unwrap();
        assert_eq!(granted.missing_scopes.len(), missing, "{body}");
        let publishable = granted.accounts[0].problems.is_empty();
        assert_eq!(publishable, missing == 0, "{body}");
    }
}

#[tokio::test]
async fn the_apps_own_id_for_the_person_should_be_kept_whoever_tells_it() {
    for (told, profile, expected) in [
        (json!(9001), json!(null), vec!["9001"]),
        (json!(null), json!("9002"), vec!["9002"]),
        (json!("9001"), json!("9002"), vec!["9002", "9001"]),
    ] {
        let meta = Meta::start().await;
        let short = json!({ "access_token": SHORT_TOKEN, "user_id": told });
        once(&meta, "POST", EXCHANGE, (200, short)).await;
        let mut me = me();
        me["id"] = profile;
        once(&meta, "GET", ME, (200, me)).await;
        willing(&meta).await;
        let granted = exchange(&meta).await.unwrap();
        assert_eq!(granted.person, ACCOUNT);
        assert_eq!(granted.person_ids, expected);
    }
}

#[tokio::test]
async fn what_a_proxy_left_behind_the_code_should_be_cut_off() {
    for left in ["#_", "%23_"] {
        let meta = Meta::start().await;
        willing(&meta).await;
        exchange_with(&meta, &format!("{CODE}{left}"))
            .await
            .unwrap();
        let sent = String::from_utf8(meta.requests().await[0].body.clone()).unwrap();
        assert!(sent.ends_with(&format!("code={CODE}")), "{left}");
    }
}

#[tokio::test]
async fn a_refused_code_should_say_who_must_act_and_be_sent_once() {
    let flat =
        |text: &str| json!({ "error_type": "OAuthException", "code": 400, "error_message": text });
    for (text, class, words) in [
        (
            "Matching code was not found or was already used",
            FailureClass::Reauthorize,
            "Begin it again",
        ),
        (
            "Invalid authorization code",
            FailureClass::Reauthorize,
            "Begin it again",
        ),
        (
            "Error validating verification code. Please make sure your redirect_uri is identical to the one you used",
            FailureClass::Config,
            "redirect address or the secret",
        ),
        (
            "Redirect URI does not match registered redirect URI",
            FailureClass::Config,
            "redirect address",
        ),
        (
            "Invalid redirect_uri",
            FailureClass::Config,
            "redirect address",
        ),
        (
            "Invalid platform app",
            FailureClass::Config,
            "own id and secret",
        ),
        (
            "Invalid scope field(s): instagram_business_basic",
            FailureClass::Config,
            "all permissions",
        ),
        (
            "Insufficient developer role",
            FailureClass::Config,
            "Instagram Tester",
        ),
    ] {
        // The legacy envelope wraps it; and nobody promises a status.
        let flat = flat(text);
        for (status, body) in [
            (400, flat.clone()),
            (400, json!({ "meta": flat })),
            (200, flat.clone()),
        ] {
            let meta = Meta::start().await;
            answer(&meta, "POST", EXCHANGE, (status, body)).await;
            let failure = exchange(&meta).await.unwrap_err();
            assert_eq!(failure.class, class, "{text}: {failure}");
            assert!(failure.message.contains(words), "{text}: {failure}");
            assert!(!shows_a_secret(&format!("{failure:?}")));
            assert_eq!(meta.requests().await.len(), 1, "{text}");
        }
    }
}

#[tokio::test]
async fn a_failure_further_on_should_say_that_it_is_instagrams() {
    for (address, error, class) in [
        (PROLONG, (500, graph_error(2, 0)), FailureClass::Transient),
        (
            PROLONG,
            (400, graph_error(190, 0)),
            FailureClass::Reauthorize,
        ),
        (ME, (400, graph_error(190, 463)), FailureClass::Reauthorize),
        (ME, (400, graph_error(10, 0)), FailureClass::Permission),
        (ME, (200, json!({ "username": "x" })), FailureClass::Unknown),
        // The app's own id for the person is no account's.
        (ME, (200, json!({ "id": "9001" })), FailureClass::Unknown),
    ] {
        let meta = Meta::start().await;
        once(&meta, "GET", address, error).await;
        willing(&meta).await;
        let failure = exchange(&meta).await.unwrap_err();
        assert_eq!(failure.class, class, "{address}: {failure}");
        assert!(!failure.message.contains("Facebook"), "{failure}");
        assert!(!shows_a_secret(&format!("{failure:?}")));
    }
}

#[tokio::test]
async fn an_account_that_is_not_professional_should_say_how_to_become_it() {
    for (kind, publishable) in [
        (json!("BUSINESS"), true),
        (json!("MEDIA_CREATOR"), true),
        (json!("Creator"), true),
        (json!(null), true),
        (json!("PERSONAL"), false),
    ] {
        let meta = Meta::start().await;
        let mut profile = me();
        profile["account_type"] = kind.clone();
        once(&meta, "GET", ME, (200, profile)).await;
        willing(&meta).await;
        let problems = exchange(&meta).await.unwrap().accounts.remove(0).problems;
        assert_eq!(problems.is_empty(), publishable, "{kind}: {problems:?}");
        assert!(
            problems
                .iter()
                .all(|problem| problem.contains("professional"))
        );
    }

    // Where Instagram does not even say who it is.
    let meta = Meta::start().await;
    let refused = json!({ "error": { "code": 10, "type": "IGApiException", "message": "(#10) The user is not an Instagram Business" } });
    once(&meta, "GET", ME, (400, refused)).await;
    willing(&meta).await;
    let failure = exchange(&meta).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Permission);
    assert!(failure.message.contains("professional"), "{failure}");
}
