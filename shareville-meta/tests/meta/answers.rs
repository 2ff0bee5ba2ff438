//! Every answer in the collection is given to the code that asks for its kind.

use std::{collections::BTreeSet, time::Duration};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shareville_core::{
    clock::Deadline,
    connector::Connector as _,
    failure::FailureClass,
    post::{Content, Evidence},
    publisher::{CommentEvidence, Commented, Committed, Prepared, Publisher as _},
};
use wiremock::{Mock, ResponseTemplate, matchers::path_regex};

use crate::{
    corpus::{ANSWERS, entries},
    instagram_login,
    login::{token_facts, willing},
    support::{APP_ID, Meta, PAGE, POST, USER_TOKEN, app, job, now, published, ready},
};

/// Kinds that nothing here asks for, each with why.
const NOT_ASKED_FOR: [(&str, &str); 26] = [
    ("app_subscription", "webhooks are set up by people"),
    (
        "batch",
        "nothing is sent in batches: one lost answer would make all of them doubtful",
    ),
    ("data_deletion_response", "it is our answer to Meta"),
    ("fb_reel_start", "Reels: the publisher of films"),
    ("fb_story", "stories: the publisher of films"),
    ("fb_story_publish", "stories: the publisher of films"),
    ("fb_video", "films: the publisher of films"),
    ("fb_video_resumable_start", "films: the publisher of films"),
    (
        "fb_video_resumable_transfer",
        "films: the publisher of films",
    ),
    ("fb_video_status", "films: the publisher of films"),
    ("ig_comment", "the publisher to Instagram"),
    ("ig_comments", "the publisher to Instagram"),
    ("ig_container_create", "the publisher to Instagram"),
    ("ig_container_status", "the publisher to Instagram"),
    ("ig_copyright", "the publisher to Instagram"),
    ("ig_media", "the publisher to Instagram"),
    ("ig_media_publish", "the publisher to Instagram"),
    ("ig_permalink", "the publisher to Instagram"),
    ("ig_publishing_limit", "the publisher to Instagram"),
    ("ig_rupload", "the publisher to Instagram"),
    (
        "paging",
        "insights and people's lists are not read; what pages a list has is tried on lists of Pages",
    ),
    ("signed_request_payload", "Meta's calls to us"),
    ("usage_header", "no body: read in `corpus`"),
    ("webhook_instagram", "Meta's calls to us"),
    ("webhook_page", "Meta's calls to us"),
    ("webhook_verify_query", "Meta's calls to us"),
];

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

/// What is read of a text that may be there.
fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body[name].as_str()
}

#[tokio::test]
async fn every_answer_should_be_read_by_what_asks_for_it() {
    let mut asked = BTreeSet::new();
    for entry in entries(ANSWERS) {
        let kind = entry["kind"].as_str().unwrap();
        if NOT_ASKED_FOR.iter().any(|(known, _)| *known == kind) {
            continue;
        }
        let body = entry["body"].clone();
        match kind {
            "me_accounts" | "account_item" | "page" | "page_with_instagram" => {
                pages(kind, body).await;
            }
            "debug_token" => checked_token(body).await,
            "permission_item" => permission(body).await,
            "token_exchange_code" | "token_exchange_long_lived" => token(body).await,
            "fb_feed_unpublished" | "fb_feed_publish" => created(body).await,
            "fb_post" => listed_post(body).await,
            "success_true" => acknowledged(body).await,
            "fb_comment" => comments(json!({ "data": [body] })).await,
            "fb_comments" => comments(body).await,
            "fb_comment_create" => commented(body).await,
            "ig_me" | "ig_user" => instagram_profile(body).await,
            "ig_short_token_flat" => instagram_code(body).await,
            "ig_long_token" => instagram_long_lived(body).await,
            "ig_refresh_token" => instagram_renewed(body).await,
            other => panic!("{other}: a kind that nothing reads, and nothing says why"),
        }
        asked.insert(kind.to_owned());
    }
    assert_eq!(asked.len(), 20, "{asked:?}");
}

async fn pages(kind: &str, mut body: Value) {
    // A fixture's first page leads on to a second one.
    let list = match kind {
        "me_accounts" => {
            body.as_object_mut().unwrap().remove("paging");
            body
        }
        _ => json!({ "data": [body] }),
    };
    let meta = Meta::start().await;
    meta.once("GET", "/me/accounts", (200, list.clone())).await;
    willing(&meta).await;
    let granted = meta.login().inspect(&app(), &USER_TOKEN.into()).await;
    let granted = granted.unwrap();
    for page in list["data"].as_array().unwrap() {
        let id = page["id"].as_str().unwrap();
        let account = granted.accounts.iter().find(|it| it.platform_id == id);
        let account = account.unwrap();
        assert_eq!(account.name, text(page, "name").unwrap_or(id));
        assert_eq!(account.category.as_deref(), text(page, "category"));
        let token = account.token.as_ref().map(|token| token.expose_secret());
        assert_eq!(token, text(page, "access_token"));
    }
}

async fn checked_token(mut body: Value) {
    if !body["data"]["app_id"].is_null() {
        body["data"]["app_id"] = json!(APP_ID);
    }
    let meta = Meta::start().await;
    meta.once("GET", "/debug_token", (200, body.clone())).await;
    willing(&meta).await;
    let granted = meta.login().inspect(&app(), &USER_TOKEN.into()).await;
    let ends = body["data"]["expires_at"].as_i64().filter(|at| *at > 0);
    assert_eq!(granted.unwrap().expires_at.map(|at| at.timestamp()), ends);
}

async fn permission(body: Value) {
    let meta = Meta::start().await;
    let list = json!({ "data": [body] });
    meta.once("GET", "/me/permissions", (200, list)).await;
    willing(&meta).await;
    let granted = meta.login().inspect(&app(), &USER_TOKEN.into()).await;
    assert_eq!(
        granted.unwrap().scopes,
        [text(&body, "permission").unwrap()]
    );
}

async fn token(body: Value) {
    let meta = Meta::start().await;
    meta.once("POST", "/oauth/access_token", (200, body.clone()))
        .await;
    let facts = json!({ "data": token_facts() });
    meta.on("GET", "/debug_token", (200, facts)).await;
    let renewed = meta.login().refresh(&app(), &USER_TOKEN.into()).await;
    let token = renewed.unwrap().unwrap().token;
    assert_eq!(Some(token.expose_secret()), text(&body, "access_token"));
}

async fn created(body: Value) {
    let meta = Meta::start().await;
    meta.on("POST", &format!("/{PAGE}/feed"), (200, body.clone()))
        .await;
    let prepared = meta.pages().prepare(&job(Content::text("x")), None).await;
    let Prepared::Ready(progress) = prepared else {
        panic!("{prepared:?}");
    };
    assert_eq!(progress.object.as_deref(), text(&body, "id"));
}

/// In the list of what is published, where the post itself cannot be read.
async fn listed_post(body: Value) {
    let meta = Meta::start().await;
    let list = json!({ "data": [body] });
    meta.on("GET", &format!("/{PAGE}/published_posts"), (200, list))
        .await;
    let gone = crate::support::graph_error(100, 33);
    let unreadable = ResponseTemplate::new(400).set_body_json(gone);
    let any_post = path_regex(r"/v25\.0/\d+_\d+$");
    Mock::given(any_post)
        .respond_with(unreadable)
        .mount(&meta.server)
        .await;
    let job = job(Content::text("x"));
    let mut progress = ready(&job);
    progress.object = text(&body, "id").map(str::to_owned);
    let evidence = meta.pages().look(&job, &progress, now()).await;
    assert!(matches!(evidence, Ok(Evidence::Live(_))), "{evidence:?}");
}

async fn acknowledged(body: Value) {
    let meta = Meta::start().await;
    meta.on("POST", &format!("/{POST}"), (200, body)).await;
    let job = job(Content::text("x"));
    let committed = meta.pages().commit(&job, &ready(&job), soon()).await;
    assert!(matches!(committed, Committed::Live(_)), "{committed:?}");
}

fn first_comment(words: &str) -> Content {
    let mut content = Content::text("x");
    content.first_comment = Some(words.to_owned());
    content
}

/// Whoever wrote the comments, it was not the Page with these words: so the list was read to its end.
async fn comments(mut body: Value) {
    body.as_object_mut().unwrap().remove("paging");
    let meta = Meta::start().await;
    meta.on("GET", &format!("/{POST}/comments"), (200, body))
        .await;
    let job = published(job(first_comment("words that nobody has written")));
    let found = meta.pages().look_for_comment(&job, now()).await;
    assert_eq!(found, Ok(CommentEvidence::Absent));
}

async fn commented(body: Value) {
    let meta = Meta::start().await;
    meta.on("POST", &format!("/{POST}/comments"), (200, body))
        .await;
    let job = published(job(first_comment("x")));
    let commented = meta.pages().comment(&job, soon()).await;
    assert_eq!(commented, Commented::Live);
}

async fn instagram_profile(mut body: Value) {
    let meta = Meta::start().await;
    let me = "/graph.instagram.com/v25.0/me";
    let login = instagram_login::login(&meta);
    // Answers as old as these have no `user_id`, without which it is nobody's account.
    instagram_login::once(&meta, "GET", me, (200, body.clone())).await;
    let failure = login.inspect(&app(), &USER_TOKEN.into()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Unknown);
    body["user_id"] = json!(instagram_login::ACCOUNT);
    instagram_login::once(&meta, "GET", me, (200, body.clone())).await;
    instagram_login::willing(&meta).await;
    let granted = login.inspect(&app(), &USER_TOKEN.into()).await.unwrap();
    assert_eq!(
        granted.person_ids.first().map(String::as_str),
        text(&body, "id")
    );
    let account = &granted.accounts[0];
    assert_eq!(account.platform_id, instagram_login::ACCOUNT);
    assert_eq!(account.username.as_deref(), text(&body, "username"));
}

async fn instagram_code(body: Value) {
    let meta = Meta::start().await;
    let exchange = "/api.instagram.com/oauth/access_token";
    instagram_login::once(&meta, "POST", exchange, (200, body.clone())).await;
    instagram_login::willing(&meta).await;
    let redirect = "https://app.example/callback".parse().unwrap();
    let login = instagram_login::login(&meta);
    let granted = login.exchange(&app(), &"code".into(), &redirect).await;
    let granted = granted.unwrap();
    if let Some(permissions) = body["permissions"].as_array() {
        assert_eq!(json!(granted.scopes), json!(permissions));
    }
    let prolong = &meta.requests().await[1];
    let mut query = prolong.url.query_pairs();
    let token = query.find(|(name, _)| name == "access_token").unwrap().1;
    assert_eq!(Some(&*token), text(&body, "access_token"));
}

async fn instagram_long_lived(body: Value) {
    let meta = Meta::start().await;
    let prolong = "/graph.instagram.com/access_token";
    instagram_login::once(&meta, "GET", prolong, (200, body.clone())).await;
    instagram_login::willing(&meta).await;
    let redirect = "https://app.example/callback".parse().unwrap();
    let login = instagram_login::login(&meta);
    let granted = login.exchange(&app(), &"code".into(), &redirect).await;
    let granted = granted.unwrap();
    assert_eq!(
        Some(granted.token.expose_secret()),
        text(&body, "access_token")
    );
    let left = granted.expires_at.unwrap() - now();
    assert_eq!(Some(left.num_seconds()), body["expires_in"].as_i64());
}

async fn instagram_renewed(body: Value) {
    let meta = Meta::start().await;
    let refresh = "/graph.instagram.com/refresh_access_token";
    instagram_login::once(&meta, "GET", refresh, (200, body.clone())).await;
    let login = instagram_login::login(&meta);
    let renewed = login.refresh(&app(), &USER_TOKEN.into()).await;
    let renewed = renewed.unwrap().unwrap();
    assert_eq!(
        Some(renewed.token.expose_secret()),
        text(&body, "access_token")
    );
    let left = renewed.expires_at.unwrap() - now();
    assert_eq!(Some(left.num_seconds()), body["expires_in"].as_i64());
}
