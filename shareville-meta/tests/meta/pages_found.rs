//! The Pages that a login opens, and what stands in the way of publishing to them.

use serde_json::{Value, json};
use shareville_core::{
    connector::{Connector as _, FoundAccount, Granted},
    failure::{Failure, FailureClass},
};
use wiremock::matchers::{query_param, query_param_is_missing};

use crate::{
    corpus::answers,
    login::{page, permissions, token_facts, willing},
    support::{CODE, Meta, USER_TOKEN, app, graph_error},
};

async fn inspect(meta: &Meta) -> Result<Granted, Failure> {
    willing(meta).await;
    meta.login().inspect(&app(), &USER_TOKEN.into()).await
}

async fn exchange(meta: &Meta) -> Result<Granted, Failure> {
    willing(meta).await;
    let redirect = "https://app.example/callback".parse().unwrap();
    meta.login().exchange(&app(), &CODE.into(), &redirect).await
}

fn ids(granted: &Granted) -> Vec<&str> {
    granted
        .accounts
        .iter()
        .map(|account| account.platform_id.as_str())
        .collect()
}

fn without(mut page: Value, name: &str) -> Value {
    page.as_object_mut().unwrap().remove(name);
    page
}

/// The token's facts, with Pages 1000 and 2000 chosen in the dialog (2000 twice, once as a number).
fn chosen() -> Value {
    let mut facts = token_facts();
    facts["granular_scopes"] = json!([
        { "scope": "pages_show_list", "target_ids": ["1000", "2000"] },
        { "scope": "pages_manage_posts", "target_ids": ["1000", 2000] },
        { "scope": "pages_read_engagement" },
    ]);
    json!({ "data": facts })
}

#[tokio::test]
async fn all_pages_of_the_list_should_be_read_by_cursor() {
    let meta = Meta::start().await;
    let elsewhere = "https://graph.facebook.com/never/followed?access_token=x";
    let first = json!({
        "data": [page("1000"), page("1001")],
        "paging": { "cursors": { "before": "a", "after": "cursor=1&x" }, "next": elsewhere },
    });
    meta.on_with(
        "GET",
        "/me/accounts",
        query_param_is_missing("after"),
        (200, first),
    )
    .await;
    let empty =
        json!({ "data": [], "paging": { "cursors": { "after": "cursor-2" }, "next": elsewhere } });
    meta.on_with(
        "GET",
        "/me/accounts",
        query_param("after", "cursor=1&x"),
        (200, empty),
    )
    .await;
    let last = json!({ "data": [page("1001"), page("1002")], "paging": { "cursors": { "after": "cursor-3" } } });
    meta.on_with(
        "GET",
        "/me/accounts",
        query_param("after", "cursor-2"),
        (200, last),
    )
    .await;
    let granted = inspect(&meta).await.unwrap();
    assert_eq!(ids(&granted), ["1000", "1001", "1002"]);
    insta::assert_json_snapshot!("inspect", meta.sent().await);
}

#[tokio::test]
async fn a_list_that_does_not_end_should_be_an_error_and_not_be_cut_short() {
    for paging in [
        json!({ "cursors": { "after": "again" }, "next": "…" }),
        json!({ "next": "…" }),
    ] {
        let meta = Meta::start().await;
        let list = json!({ "data": [page("1000")], "paging": paging });
        meta.on_with(
            "GET",
            "/me/accounts",
            query_param("limit", "100"),
            (200, list),
        )
        .await;
        assert_eq!(
            inspect(&meta).await.unwrap_err().class,
            FailureClass::Unknown
        );
    }
}

#[tokio::test]
async fn pages_that_a_business_owns_should_be_found_by_their_ids() {
    let meta = Meta::start().await;
    meta.once("GET", "/debug_token", (200, chosen())).await;
    // No `tasks` on a Page that is read by its id.
    meta.on("GET", "/2000", (200, without(page("2000"), "tasks")))
        .await;
    let granted = inspect(&meta).await.unwrap();
    assert_eq!(ids(&granted), ["1000", "2000"]);
    assert!(
        granted
            .accounts
            .iter()
            .all(|account| account.problems.is_empty())
    );
    insta::assert_json_snapshot!("business_owned", meta.sent().await);
}

#[tokio::test]
async fn an_empty_list_should_not_hide_what_was_granted() {
    let meta = Meta::start().await;
    meta.once("GET", "/debug_token", (200, chosen())).await;
    meta.once("GET", "/me/accounts", (200, json!({ "data": [] })))
        .await;
    meta.on("GET", "/1000", (200, page("1000"))).await;
    meta.on("GET", "/2000", (200, page("2000"))).await;
    assert_eq!(ids(&inspect(&meta).await.unwrap()), ["1000", "2000"]);
}

#[tokio::test]
async fn a_page_out_of_reach_should_be_left_out() {
    for error in [
        graph_error(100, 33),
        graph_error(100, 0),
        graph_error(10, 0),
    ] {
        let meta = Meta::start().await;
        meta.once("GET", "/debug_token", (200, chosen())).await;
        meta.on("GET", "/2000", (400, error)).await;
        assert_eq!(ids(&inspect(&meta).await.unwrap()), ["1000"]);
    }
}

#[tokio::test]
async fn a_page_that_cannot_be_read_just_now_should_not_be_taken_for_gone() {
    let meta = Meta::start().await;
    meta.once("GET", "/debug_token", (200, chosen())).await;
    meta.on("GET", "/2000", (500, graph_error(2, 0))).await;
    assert_eq!(
        inspect(&meta).await.unwrap_err().class,
        FailureClass::Transient
    );

    // Somebody who waits for their login gets what there is.
    let meta = Meta::start().await;
    meta.once("GET", "/debug_token", (200, chosen())).await;
    meta.on("GET", "/2000", (500, graph_error(2, 0))).await;
    assert_eq!(ids(&exchange(&meta).await.unwrap()), ["1000"]);
}

/// The one account of a login that finds this Page.
async fn found(page: Value) -> FoundAccount {
    let meta = Meta::start().await;
    meta.once("GET", "/me/accounts", (200, json!({ "data": [page] })))
        .await;
    inspect(&meta).await.unwrap().accounts.remove(0)
}

#[tokio::test]
async fn one_publishing_task_should_do() {
    for (tasks, enough) in [
        (json!(["CREATE_CONTENT"]), true),
        (json!(["MANAGE"]), true),
        (json!(["PROFILE_PLUS_CREATE_CONTENT"]), true),
        (json!(["PROFILE_PLUS_FULL_CONTROL"]), true),
        (
            json!(["ANALYZE", "ADVERTISE", "MODERATE", "MESSAGING"]),
            false,
        ),
        (json!([]), false),
    ] {
        let mut page = page("1000");
        page["tasks"] = tasks.clone();
        let problems = found(page).await.problems;
        assert_eq!(problems.is_empty(), enough, "{tasks}: {problems:?}");
    }
}

#[tokio::test]
async fn a_page_without_a_token_should_say_so() {
    let account = found(without(page("1000"), "access_token")).await;
    assert!(account.token.is_none());
    assert!(
        account.problems[0].contains("no access token"),
        "{:?}",
        account.problems
    );
}

#[tokio::test]
async fn a_page_that_was_not_allowed_should_say_so() {
    let meta = Meta::start().await;
    meta.once(
        "GET",
        "/me/permissions",
        (200, permissions(&["pages_manage_posts"])),
    )
    .await;
    let granted = inspect(&meta).await.unwrap();
    assert_eq!(granted.missing_scopes, ["pages_manage_posts"]);
    assert!(granted.accounts[0].problems[0].contains("not allowed"));

    let meta = Meta::start().await;
    let mut facts = token_facts();
    facts["granular_scopes"] = json!([{ "scope": "pages_manage_posts", "target_ids": ["1001"] }]);
    meta.once("GET", "/debug_token", (200, json!({ "data": facts })))
        .await;
    let both = json!({ "data": [page("1000"), page("1001")] });
    meta.once("GET", "/me/accounts", (200, both)).await;
    let granted = inspect(&meta).await.unwrap();
    let allowed: Vec<_> = granted
        .accounts
        .iter()
        .map(|account| account.problems.is_empty())
        .collect();
    assert_eq!(allowed, [false, true]);
}

#[tokio::test]
async fn every_known_page_should_be_read() {
    for mut list in answers("me_accounts") {
        // A fixture's first page leads on to a second one.
        list.as_object_mut().unwrap().remove("paging");
        let meta = Meta::start().await;
        let count = list["data"].as_array().unwrap().len();
        meta.once("GET", "/me/accounts", (200, list)).await;
        assert_eq!(inspect(&meta).await.unwrap().accounts.len(), count);
    }
    for page in answers("account_item").into_iter().chain(answers("page")) {
        let account = found(page.clone()).await;
        assert_eq!(account.name, page["name"].as_str().unwrap());
    }
    let meta = Meta::start().await;
    let permission = answers("permission_item").remove(0);
    meta.once(
        "GET",
        "/me/permissions",
        (200, json!({ "data": [permission] })),
    )
    .await;
    assert_eq!(
        inspect(&meta).await.unwrap().scopes,
        ["user_managed_groups"]
    );
}
