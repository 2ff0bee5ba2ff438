//! Instagram Login's tokens: renewing, asking anew, withdrawing, and where they show.

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::json;
use shareville_core::{
    connector::{Connector as _, Granted, Inspected},
    failure::{Action, Failure, FailureClass},
};
use shareville_meta::{InstagramLogin, InstagramLoginConfig};

use crate::{
    instagram_login::{ACCOUNT, ME, PROLONG, REFRESH, answer, exchange, login, once, willing},
    support::{APP_ID, Meta, USER_TOKEN, app, graph_error, now, shows_a_secret},
};

async fn inspect(meta: &Meta) -> Result<Granted, Failure> {
    login(meta).inspect(&app(), &USER_TOKEN.into()).await
}

#[tokio::test]
async fn only_the_two_calls_that_must_should_have_a_secret_in_their_url() {
    let meta = Meta::start().await;
    willing(&meta).await;
    exchange(&meta).await.unwrap();
    inspect(&meta).await.unwrap();
    let login = login(&meta);
    login.refresh(&app(), &USER_TOKEN.into()).await.unwrap();
    for request in meta.requests().await {
        let must = [PROLONG, REFRESH].contains(&request.url.path());
        assert_eq!(
            shows_a_secret(request.url.as_str()),
            must,
            "{}",
            request.url.path()
        );
    }
}

#[tokio::test]
async fn a_token_should_be_renewed_and_may_become_another_text() {
    let meta = Meta::start().await;
    let renewed = json!({ "access_token": "IGAA-another", "token_type": "bearer", "expires_in": 5_000_000, "permissions": "a,b" });
    once(&meta, "GET", REFRESH, (200, renewed)).await;
    let refreshed = login(&meta).refresh(&app(), &USER_TOKEN.into()).await;
    let refreshed = refreshed.unwrap().unwrap();
    assert_eq!(refreshed.token.expose_secret(), "IGAA-another");
    let ends = now() + TimeDelta::seconds(5_000_000);
    assert_eq!(refreshed.expires_at, Some(ends));
    insta::assert_json_snapshot!("refresh", meta.sent().await);

    // Not told: all of Instagram's tokens end.
    once(
        &meta,
        "GET",
        REFRESH,
        (200, json!({ "access_token": "IGAA" })),
    )
    .await;
    let refreshed = login(&meta).refresh(&app(), &USER_TOKEN.into()).await;
    let ends = now() + TimeDelta::days(60);
    assert_eq!(refreshed.unwrap().unwrap().expires_at, Some(ends));
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_should_say_who_must_act() {
    let unsupported = json!({ "error": { "code": 100, "type": "IGApiException", "message": "Unsupported request - method type: get" } });
    for (error, class) in [
        ((400, graph_error(190, 463)), FailureClass::Reauthorize),
        ((400, unsupported), FailureClass::Config),
        ((503, json!({})), FailureClass::Transient),
    ] {
        let meta = Meta::start().await;
        answer(&meta, "GET", REFRESH, error).await;
        let refreshed = login(&meta).refresh(&app(), &USER_TOKEN.into()).await;
        assert_eq!(refreshed.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn asking_anew_should_tell_the_account_and_no_more() {
    let meta = Meta::start().await;
    willing(&meta).await;
    assert_eq!(login(&meta).inspects(), Inspected::AccountsOnly);
    let granted = inspect(&meta).await.unwrap();
    assert_eq!(granted.accounts[0].platform_id, ACCOUNT);
    assert!(granted.accounts[0].problems.is_empty());
    assert_eq!(granted.expires_at, None);
    insta::assert_json_snapshot!("inspect", meta.sent().await);
}

#[tokio::test]
async fn publishing_that_was_withdrawn_should_be_told_and_a_read_that_fails_should_change_nothing()
{
    let limit = format!("/graph.instagram.com/v25.0/{ACCOUNT}/content_publishing_limit");
    for error in [(403, graph_error(10, 0)), (400, graph_error(200, 0))] {
        let meta = Meta::start().await;
        once(&meta, "GET", &limit, error).await;
        willing(&meta).await;
        let problems = inspect(&meta).await.unwrap().accounts.remove(0).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
    for (error, class) in [
        ((500, graph_error(2, 0)), "transient"),
        ((400, graph_error(100, 33)), "not_found"),
        ((400, graph_error(4, 0)), "rate_limited"),
    ] {
        let meta = Meta::start().await;
        once(&meta, "GET", &limit, error.clone()).await;
        willing(&meta).await;
        let failure = inspect(&meta).await.unwrap_err();
        assert_eq!(failure.class.code(), class, "{failure}");
        // An account that is not professional is told all the same.
        once(&meta, "GET", &limit, error).await;
        let personal = json!({ "user_id": ACCOUNT, "account_type": "PERSONAL" });
        once(&meta, "GET", ME, (200, personal)).await;
        let problems = inspect(&meta).await.unwrap().accounts.remove(0).problems;
        assert!(problems[0].contains("professional"), "{problems:?}");
    }
}

#[tokio::test]
async fn a_dead_token_should_count_as_withdrawn_and_a_living_one_should_say_what_to_do() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let failure = login(&meta).revoke(&app(), &USER_TOKEN.into()).await;
    let failure = failure.unwrap_err();
    assert_eq!(failure.code, "not_supported_by_platform");
    assert_eq!(failure.action, Action::CheckAccount);
    assert!(failure.message.contains("settings"));

    once(&meta, "GET", ME, (400, graph_error(190, 458))).await;
    let revoked = login(&meta).revoke(&app(), &USER_TOKEN.into()).await;
    assert!(revoked.is_ok());
    once(&meta, "GET", ME, (500, graph_error(2, 0))).await;
    let failure = login(&meta).revoke(&app(), &USER_TOKEN.into()).await;
    assert_eq!(failure.unwrap_err().class, FailureClass::Transient);
}

#[tokio::test]
async fn the_proof_should_have_a_switch_of_its_own() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let config = meta.config().with_instagram_appsecret_proof(false);
    let login = InstagramLogin::new(meta.graph_with(config), InstagramLoginConfig::new());
    login.inspect(&app(), &USER_TOKEN.into()).await.unwrap();
    inspect(&meta).await.unwrap();
    let requests = meta.requests().await;
    let proven = requests.iter().map(|request| {
        let mut query = request.url.query_pairs();
        query.any(|(name, _)| name == "appsecret_proof")
    });
    assert_eq!(proven.collect::<Vec<_>>(), [false, false, true, true]);
    assert!(
        requests
            .iter()
            .all(|request| !request.url.as_str().contains(APP_ID))
    );
}
