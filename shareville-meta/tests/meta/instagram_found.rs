//! The Instagram accounts that come with Pages by Facebook Login, and what stands in the way of publishing to them.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shareville_core::{
    connector::{Connector as _, FoundAccount, Granted},
    failure::Failure,
    id::Provider,
};
use shareville_meta::{FacebookLogin, LoginConfig};
use wiremock::{Match, Request};

use crate::{
    corpus::answers,
    login::{page, permissions, token_facts, willing},
    support::{CODE, Meta, PAGE_TOKEN, USER_TOKEN, app, graph_error},
};

const INSTAGRAM: &str = "17841400000000001";

/// A Page with an Instagram account.
fn linked(id: &str) -> Value {
    let mut page = page(id);
    page["instagram_business_account"] = json!({
        "id": INSTAGRAM, "username": "bakery", "name": "The Bakery", "profile_picture_url": "https://cdn.example/ig",
    });
    page
}

async fn lists(meta: &Meta, pages: &[Value]) {
    meta.once("GET", "/me/accounts", (200, json!({ "data": pages })))
        .await;
}

async fn inspect(meta: &Meta) -> Result<Granted, Failure> {
    willing(meta).await;
    meta.login().inspect(&app(), &USER_TOKEN.into()).await
}

/// The one Instagram account that a login finds.
async fn found(meta: &Meta) -> FoundAccount {
    let accounts = inspect(meta).await.unwrap().accounts;
    let mut instagram = accounts
        .into_iter()
        .filter(|account| account.provider == Provider::instagram());
    let account = instagram.next().unwrap();
    assert!(instagram.next().is_none(), "one account");
    account
}

/// Whether a call asks for the Instagram accounts of Pages.
struct AsksForInstagram;

impl Match for AsksForInstagram {
    fn matches(&self, request: &Request) -> bool {
        let mut query = request.url.query_pairs();
        query.any(|(name, value)| name == "fields" && value.contains("instagram_business_account"))
    }
}

#[tokio::test]
async fn an_account_should_come_with_its_page_and_its_pages_token() {
    let meta = Meta::start().await;
    lists(&meta, &[linked("1000"), page("1001")]).await;
    let granted = inspect(&meta).await.unwrap();
    let shown: Vec<_> = granted
        .accounts
        .iter()
        .map(|account| (account.provider.as_str(), account.platform_id.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("facebook", "1000"),
            ("instagram", INSTAGRAM),
            ("facebook", "1001")
        ]
    );
    let account = &granted.accounts[1];
    assert_eq!(account.name, "The Bakery");
    assert_eq!(account.username.as_deref(), Some("bakery"));
    assert_eq!(account.picture.as_deref(), Some("https://cdn.example/ig"));
    assert_eq!(account.token.as_ref().unwrap().expose_secret(), PAGE_TOKEN);
    assert!(account.problems.is_empty(), "{:?}", account.problems);
}

#[tokio::test]
async fn each_missing_permission_should_be_named() {
    for scope in [
        "instagram_basic",
        "instagram_content_publish",
        "pages_read_engagement",
    ] {
        let meta = Meta::start().await;
        lists(&meta, &[linked("1000")]).await;
        meta.once("GET", "/me/permissions", (200, permissions(&[scope])))
            .await;
        let problems = found(&meta).await.problems;
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        assert!(problem.contains(scope) && problem.contains("connect again"));
    }
    // The first comment can be done without.
    let meta = Meta::start().await;
    lists(&meta, &[linked("1000")]).await;
    let declined = permissions(&["instagram_manage_comments"]);
    meta.once("GET", "/me/permissions", (200, declined)).await;
    let granted = inspect(&meta).await.unwrap();
    assert_eq!(granted.missing_scopes, ["instagram_manage_comments"]);
    assert!(granted.accounts.iter().all(|it| it.problems.is_empty()));
}

#[tokio::test]
async fn what_is_missing_on_the_page_should_be_told_of_the_account_too() {
    let meta = Meta::start().await;
    let mut weak = linked("1000");
    weak["tasks"] = json!(["ANALYZE"]);
    lists(&meta, &[weak]).await;
    let problems = found(&meta).await.problems;
    assert!(problems[0].contains("Page 1000"), "{problems:?}");

    let meta = Meta::start().await;
    let mut weak = linked("1000");
    weak.as_object_mut().unwrap().remove("access_token");
    lists(&meta, &[weak]).await;
    let account = found(&meta).await;
    assert!(account.token.is_none());
    assert!(account.problems[0].contains("no access token"));
}

#[tokio::test]
async fn an_account_that_was_not_chosen_should_say_so() {
    for (chosen, publishable) in [
        (json!([INSTAGRAM]), true),
        (json!(["17841400000000002"]), false),
    ] {
        let meta = Meta::start().await;
        lists(&meta, &[linked("1000")]).await;
        let mut facts = token_facts();
        facts["granular_scopes"] =
            json!([{ "scope": "instagram_content_publish", "target_ids": chosen }]);
        meta.once("GET", "/debug_token", (200, json!({ "data": facts })))
            .await;
        let problems = found(&meta).await.problems;
        assert_eq!(problems.is_empty(), publishable, "{problems:?}");
    }
}

#[tokio::test]
async fn a_page_that_a_business_owns_should_bring_its_account_too() {
    let meta = Meta::start().await;
    lists(&meta, &[]).await;
    let mut facts = token_facts();
    facts["granular_scopes"] = json!([{ "scope": "pages_show_list", "target_ids": ["1000"] }]);
    meta.once("GET", "/debug_token", (200, json!({ "data": facts })))
        .await;
    meta.on("GET", "/1000", (200, linked("1000"))).await;
    assert_eq!(found(&meta).await.platform_id, INSTAGRAM);
}

/// Two Pages, one of them a business's, and this answer to whoever asks for their Instagram accounts.
async fn refuses_instagram(meta: &Meta, error: &Value) {
    for edge in ["/me/accounts", "/2000"] {
        meta.on_with("GET", edge, AsksForInstagram, (403, error.clone()))
            .await;
    }
    meta.on("GET", "/2000", (200, page("2000"))).await;
    let mut facts = token_facts();
    facts["granular_scopes"] =
        json!([{ "scope": "pages_show_list", "target_ids": ["1000", "2000"] }]);
    meta.once("GET", "/debug_token", (200, json!({ "data": facts })))
        .await;
}

fn ids(granted: &Granted) -> Vec<&str> {
    let accounts = granted.accounts.iter();
    accounts.map(|it| it.platform_id.as_str()).collect()
}

#[tokio::test]
async fn a_refusal_to_tell_of_instagram_should_cost_neither_the_pages_nor_the_accounts() {
    let nonexisting = "(#100) Tried accessing nonexisting field (instagram_business_account)";
    for error in [
        graph_error(10, 0),
        graph_error(200, 0),
        json!({ "error": { "code": 100, "message": nonexisting } }),
    ] {
        // Somebody who waits for their login gets what there is.
        let meta = Meta::start().await;
        refuses_instagram(&meta, &error).await;
        willing(&meta).await;
        let callback = "https://app.example/callback".parse().unwrap();
        let login = meta.login();
        let granted = login.exchange(&app(), &CODE.into(), &callback).await;
        assert_eq!(ids(&granted.unwrap()), ["1000", "2000"]);

        // So does who has not allowed it.
        let meta = Meta::start().await;
        refuses_instagram(&meta, &error).await;
        let declined = permissions(&["instagram_basic"]);
        meta.once("GET", "/me/permissions", (200, declined)).await;
        assert_eq!(ids(&inspect(&meta).await.unwrap()), ["1000", "2000"]);

        // Whoever compares must not take the accounts for gone.
        let meta = Meta::start().await;
        refuses_instagram(&meta, &error).await;
        assert!(inspect(&meta).await.is_err());
        let meta = Meta::start().await;
        lists(&meta, &[linked("1000")]).await;
        refuses_instagram(&meta, &error).await;
        assert!(inspect(&meta).await.is_err());
    }
    // A problem that passes is no refusal.
    let meta = Meta::start().await;
    meta.on_with(
        "GET",
        "/me/accounts",
        AsksForInstagram,
        (500, graph_error(2, 0)),
    )
    .await;
    assert!(inspect(&meta).await.is_err());
}

#[tokio::test]
async fn of_two_ways_to_an_account_the_one_that_works_should_be_taken() {
    let mut weak = linked("1000");
    weak["tasks"] = json!(["ANALYZE"]);
    for pages in [
        [weak.clone(), linked("1001")],
        [linked("1001"), weak.clone()],
    ] {
        let meta = Meta::start().await;
        lists(&meta, &pages).await;
        assert!(found(&meta).await.problems.is_empty());
    }
}

#[tokio::test]
async fn instagram_can_be_turned_off() {
    let meta = Meta::start().await;
    willing(&meta).await;
    let config = LoginConfig::new().without_instagram();
    let login = FacebookLogin::new(meta.graph_with(meta.config()), config);
    let granted = login.inspect(&app(), &USER_TOKEN.into()).await.unwrap();
    assert!(granted.missing_scopes.is_empty());
    let asked = meta.requests().await;
    assert!(
        asked
            .iter()
            .all(|request| !AsksForInstagram.matches(request))
    );
    assert_eq!(
        LoginConfig::new().without_instagram().with_instagram(),
        LoginConfig::new()
    );
}

#[test]
fn deleting_on_instagram_should_be_asked_for_only_if_it_is_said() {
    let asks = |config: &LoginConfig| {
        let deletion = "instagram_manage_contents";
        config.scopes.iter().any(|scope| scope == deletion)
    };
    assert!(!asks(&LoginConfig::new()));
    let config = LoginConfig::new().with_instagram_deletion();
    assert!(asks(&config));
    assert!(!asks(&config.without_instagram()));
}

#[tokio::test]
async fn every_known_link_should_be_read() {
    for body in answers("page_with_instagram") {
        let id = body["instagram_business_account"]["id"].clone();
        let meta = Meta::start().await;
        lists(&meta, &[body]).await;
        let account = found(&meta).await;
        assert_eq!(json!(account.platform_id), id);
        assert_eq!(account.name, account.platform_id, "nothing else is known");
    }
}
