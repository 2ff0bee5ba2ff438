//! Facebook Login: from the dialog to a grant, and out again.

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shareville_core::{
    connector::{Authorize, Connector as _, Granted},
    failure::{Action, Failure, FailureClass},
};
use shareville_meta::{FacebookLogin, INSTAGRAM_SCOPES, LoginConfig, SCOPES};
use url::Url;
use wiremock::matchers::body_string_contains;

use crate::{
    corpus::answers,
    support::{
        APP_ID, APP_SECRET, CODE, Meta, PAGE_TOKEN, SHORT_TOKEN, USER_TOKEN, app, graph_error, now,
        shows_a_secret,
    },
};

fn callback() -> Url {
    "https://app.example/oauth/facebook/callback"
        .parse()
        .unwrap()
}

/// All goes well: one Page, everything granted.
pub(crate) async fn willing(meta: &Meta) {
    let token = "/oauth/access_token";
    let code = body_string_contains("code=");
    let short = json!({ "access_token": SHORT_TOKEN, "token_type": "bearer", "expires_in": 5000 });
    meta.on_with("POST", token, code, (200, short)).await;
    let prolong = body_string_contains("grant_type=fb_exchange_token");
    let long =
        json!({ "access_token": USER_TOKEN, "token_type": "bearer", "expires_in": 5_183_944 });
    meta.on_with("POST", token, prolong, (200, long)).await;
    meta.on(
        "GET",
        "/debug_token",
        (200, json!({ "data": token_facts() })),
    )
    .await;
    let me = json!({ "id": "77", "name": "Ada", "picture": { "data": { "url": "https://cdn.example/ada" } } });
    meta.on("GET", "/me", (200, me)).await;
    meta.on("GET", "/me/permissions", (200, permissions(&[])))
        .await;
    meta.on(
        "GET",
        "/me/accounts",
        (200, json!({ "data": [page("1000")] })),
    )
    .await;
}

/// All that a login asks for.
fn scopes() -> Vec<&'static str> {
    [SCOPES.as_slice(), INSTAGRAM_SCOPES.as_slice()].concat()
}

pub(crate) fn token_facts() -> Value {
    json!({
        "app_id": APP_ID, "type": "USER", "is_valid": true, "user_id": "77",
        "expires_at": now().timestamp() + 5_000_000, "scopes": scopes(),
    })
}

/// All permissions granted, but for these, which were declined.
pub(crate) fn permissions(declined: &[&str]) -> Value {
    let status = |scope: &str| match declined.contains(&scope) {
        true => "declined",
        false => "granted",
    };
    let all = scopes().into_iter();
    let all = all.map(|scope| json!({ "permission": scope, "status": status(scope) }));
    json!({ "data": all.collect::<Vec<_>>() })
}

pub(crate) fn page(id: &str) -> Value {
    json!({
        "id": id, "name": format!("Page {id}"), "category": "Brand", "access_token": PAGE_TOKEN,
        "tasks": ["ANALYZE", "CREATE_CONTENT"], "picture": { "data": { "url": "https://cdn.example/page" } },
    })
}

async fn exchange(meta: &Meta) -> Result<Granted, Failure> {
    meta.login()
        .exchange(&app(), &CODE.into(), &callback())
        .await
}

#[tokio::test]
async fn the_dialog_should_be_asked_for_all_it_is_to_grant() {
    let meta = Meta::start().await;
    let live = FacebookLogin::new(
        shareville_meta::Graph::new(shareville_meta::GraphConfig::new()).unwrap(),
        LoginConfig::new().with_extra_scopes(["read_insights", "pages_show_list"]),
    );
    let ask = |ask_again| {
        let (redirect_uri, state) = (callback(), "the-state".into());
        let authorize = Authorize {
            redirect_uri: &redirect_uri,
            state: &state,
            ask_again,
        };
        let url = live.authorize_url(&app(), &authorize);
        assert!(!url.as_str().contains(APP_SECRET));
        let query: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        json!({ "address": url.as_str().split('?').next(), "query": query })
    };
    insta::assert_json_snapshot!("authorize", ask(false));
    insta::assert_json_snapshot!("authorize_again", ask(true));
    let (redirect_uri, state) = (callback(), "s".into());
    let authorize = Authorize {
        redirect_uri: &redirect_uri,
        state: &state,
        ask_again: false,
    };
    let url = meta.login().authorize_url(&app(), &authorize);
    assert_eq!(url.path(), "/www.facebook.com/v25.0/dialog/oauth");
}

#[tokio::test]
async fn a_code_should_become_a_long_lived_token_with_all_that_it_opens() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let granted = exchange(&meta).await.unwrap();
    assert_eq!(
        (granted.person.as_str(), granted.name.as_deref()),
        ("77", Some("Ada"))
    );
    assert_eq!(granted.picture.as_deref(), Some("https://cdn.example/ada"));
    assert_eq!(granted.token.expose_secret(), USER_TOKEN);
    assert_eq!(
        granted.expires_at,
        Some(now() + TimeDelta::seconds(5_000_000))
    );
    assert_eq!(granted.scopes, scopes());
    assert!(granted.missing_scopes.is_empty());
    let [account] = granted.accounts.as_slice() else {
        panic!("one Page");
    };
    assert_eq!(account.platform_id, "1000");
    assert_eq!(account.token.as_ref().unwrap().expose_secret(), PAGE_TOKEN);
    assert!(account.problems.is_empty());
    insta::assert_json_snapshot!("exchange", meta.sent().await);
}

#[tokio::test]
async fn no_url_should_hold_a_secret_but_the_one_that_must() {
    let meta = Meta::start().await;
    willing(&meta).await;
    exchange(&meta).await.unwrap();
    meta.login()
        .refresh(&app(), &USER_TOKEN.into())
        .await
        .unwrap();
    let _ = meta.login().revoke(&app(), &USER_TOKEN.into()).await;
    for request in meta.requests().await {
        let is_debug = request.url.path().ends_with("/debug_token");
        assert_eq!(
            shows_a_secret(request.url.as_str()),
            is_debug,
            "{}",
            request.url.path()
        );
        let pairs: Vec<_> = request.url.query_pairs().collect();
        assert!(
            pairs
                .iter()
                .all(|(name, value)| name == "input_token" || !shows_a_secret(value))
        );
        assert!(pairs.iter().all(|(name, _)| name != "access_token"));
    }
}

#[tokio::test]
async fn an_exchange_should_be_sent_once_and_say_who_must_act() {
    for (status, body, class) in [
        (400, graph_error(100, 36_007), FailureClass::Reauthorize),
        (400, graph_error(100, 36_008), FailureClass::Config),
        (400, graph_error(100, 36_009), FailureClass::Reauthorize),
        (
            400,
            json!({ "error": { "message": "Error validating client secret." } }),
            FailureClass::Config,
        ),
        (500, graph_error(2, 0), FailureClass::Transient),
        (200, json!({}), FailureClass::Unknown),
    ] {
        let meta = Meta::start().await;
        meta.on("POST", "/oauth/access_token", (status, body)).await;
        let failure = exchange(&meta).await.unwrap_err();
        assert_eq!(failure.class, class, "{failure}");
        assert!(!failure.message.contains("by itself"), "{failure}");
        assert!(!shows_a_secret(&format!("{failure:?}")));
        assert_eq!(meta.calls().await.len(), 1, "{failure}");
    }
}

#[tokio::test]
async fn declined_scopes_should_be_told() {
    let meta = Meta::start().await;
    let declined = ["pages_manage_engagement", "business_management"];
    meta.once("GET", "/me/permissions", (200, permissions(&declined)))
        .await;
    willing(&meta).await;
    let granted = exchange(&meta).await.unwrap();
    assert_eq!(granted.missing_scopes, declined);
    assert_eq!(granted.scopes.len(), scopes().len() - 2);
    assert!(granted.accounts[0].problems.is_empty());
}

#[tokio::test]
async fn reads_that_can_be_done_without_should_not_fail_a_login() {
    let meta = Meta::start().await;
    meta.once("GET", "/me/permissions", (500, graph_error(2, 0)))
        .await;
    meta.once("GET", "/me", (500, graph_error(2, 0))).await;
    willing(&meta).await;
    let granted = exchange(&meta).await.unwrap();
    assert_eq!((granted.person.as_str(), granted.name), ("77", None));
    assert_eq!(granted.scopes, scopes());
}

#[tokio::test]
async fn reads_that_cannot_be_done_without_should_fail_it() {
    for edge in ["/debug_token", "/me/accounts"] {
        let meta = Meta::start().await;
        meta.once("GET", edge, (500, graph_error(2, 0))).await;
        willing(&meta).await;
        assert_eq!(
            exchange(&meta).await.unwrap_err().class,
            FailureClass::Transient,
            "{edge}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_dead_or_another_apps_should_have_to_be_renewed_by_login() {
    let mut other_app = token_facts();
    other_app["app_id"] = json!(999);
    let mut dead = token_facts();
    dead["is_valid"] = json!(false);
    let expired = json!({ "is_valid": false, "error": { "code": 190, "message": "Expired", "subcode": 463 } });
    for facts in [other_app, dead, expired] {
        let meta = Meta::start().await;
        meta.once("GET", "/debug_token", (200, json!({ "data": facts })))
            .await;
        willing(&meta).await;
        let failure = meta
            .login()
            .inspect(&app(), &USER_TOKEN.into())
            .await
            .unwrap_err();
        assert_eq!(failure.class, FailureClass::Reauthorize, "{failure}");
    }
}

#[tokio::test]
async fn an_app_that_is_not_accepted_should_not_count_as_a_dead_token() {
    let meta = Meta::start().await;
    let refused = json!({ "error": { "message": "Invalid OAuth access token signature.", "type": "OAuthException",
        "code": 190, "fbtrace_id": "Trace1" } });
    meta.once("GET", "/debug_token", (400, refused)).await;
    willing(&meta).await;
    let inspected = meta.login().inspect(&app(), &USER_TOKEN.into()).await;
    let failure = inspected.unwrap_err();
    assert_eq!(failure.class, FailureClass::Config, "{failure}");
    assert_eq!(failure.action, Action::FixAppSettings);
    assert_eq!(failure.platform.unwrap().code, Some(190));
}

#[tokio::test]
async fn every_known_answer_about_a_token_should_be_read() {
    for mut body in answers("debug_token") {
        if body["data"]["app_id"].is_string() {
            body["data"]["app_id"] = json!(APP_ID);
        } else if body["data"]["app_id"].is_number() {
            body["data"]["app_id"] = json!(4242);
        }
        let meta = Meta::start().await;
        meta.once("GET", "/debug_token", (200, body.clone())).await;
        willing(&meta).await;
        let granted = meta
            .login()
            .inspect(&app(), &USER_TOKEN.into())
            .await
            .unwrap();
        let expires = body["data"]["expires_at"].as_i64().filter(|at| *at > 0);
        assert_eq!(
            granted.expires_at.map(|at| at.timestamp()),
            expires,
            "{body}"
        );
    }
}

#[tokio::test]
async fn every_known_answer_to_an_exchange_should_be_read() {
    for body in answers("token_exchange_code")
        .into_iter()
        .chain(answers("token_exchange_long_lived"))
    {
        let meta = Meta::start().await;
        meta.once("POST", "/oauth/access_token", (200, body.clone()))
            .await;
        willing(&meta).await;
        let renewed = meta
            .login()
            .refresh(&app(), &USER_TOKEN.into())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            renewed.token.expose_secret(),
            body["access_token"].as_str().unwrap()
        );
        // Where the exchange does not say it, the token itself does.
        let seconds = body["expires_in"].as_i64().unwrap_or(5_000_000);
        assert_eq!(
            renewed.expires_at,
            Some(now() + TimeDelta::seconds(seconds))
        );
    }
}

#[tokio::test]
async fn a_dead_token_should_not_be_renewed() {
    let meta = Meta::start().await;
    meta.on("POST", "/oauth/access_token", (400, graph_error(190, 463)))
        .await;
    let failure = meta
        .login()
        .refresh(&app(), &USER_TOKEN.into())
        .await
        .unwrap_err();
    assert_eq!(failure.class, FailureClass::Reauthorize);
}

#[tokio::test]
async fn withdrawing_should_count_a_dead_token_as_withdrawn() {
    for (answer, withdrawn) in [
        ((200, json!({ "success": true })), true),
        ((400, graph_error(190, 458)), true),
        ((200, json!({ "success": false })), false),
        ((500, graph_error(2, 0)), false),
    ] {
        let meta = Meta::start().await;
        meta.on("DELETE", "/me/permissions", answer).await;
        let outcome = meta.login().revoke(&app(), &USER_TOKEN.into()).await;
        assert_eq!(outcome.is_ok(), withdrawn, "{outcome:?}");
        insta::assert_json_snapshot!("revoke", meta.sent().await);
    }
}
