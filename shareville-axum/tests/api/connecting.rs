//! Connecting an end user's accounts.

use std::time::Duration;

use serde_json::json;
use shareville_core::failure::{Failure, FailureClass};
use url::Url;

use crate::world::{Answer, ORIGIN, REDIRECT, World};

const WITH_REDIRECT: &str =
    "&redirectUri=https%3A%2F%2Fshop.example%2Fconnected%3Ffrom%3Dshareville";

fn landed(answer: Answer) -> Vec<(String, String)> {
    let answer = answer.expect(302);
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    let location = Url::parse(answer.header("location")).unwrap();
    assert!(location.as_str().starts_with(REDIRECT));
    location.query_pairs().into_owned().skip(1).collect()
}

#[tokio::test]
async fn a_login_should_come_back_to_the_website_and_give_a_connection() {
    let world = World::new().await;
    let state = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    let ended = landed(world.come_back(&state, "good").await);
    assert_eq!(ended[0], ("status".to_owned(), "connected".to_owned()));
    let id = &ended[1].1;
    // The same again is the same answer.
    assert_eq!(landed(world.come_back(&state, "good").await)[1].1, *id);

    let path = format!("/social/providers/{id}");
    let shown = world.get(&path).key(&world.key).send().await.expect(200);
    assert_eq!(shown.body["userId"], "u1");
    assert_eq!(shown.body["providerAccountId"], "77");
    let keys: Vec<&String> = shown.body.as_object().unwrap().keys().collect();
    insta::assert_json_snapshot!("connection_keys", keys);
    let pages = world
        .get(&format!("{path}/pages"))
        .key(&world.key)
        .send()
        .await
        .expect(200);
    let keys: Vec<&String> = pages.body["data"][0].as_object().unwrap().keys().collect();
    insta::assert_json_snapshot!("page_keys", keys);
    let refresh = format!("{path}/pages/refresh");
    let again = world
        .post(&refresh)
        .key(&world.key)
        .send()
        .await
        .expect(200);
    assert_eq!(again.body["data"][0]["id"], pages.body["data"][0]["id"]);

    world.delete(&path).key(&world.key).send().await.expect(204);
    world
        .get(&path)
        .key(&world.key)
        .send()
        .await
        .problem(404, "not_found");
    assert_eq!(world.revoked.lock().await.len(), 1);
}

#[tokio::test]
async fn a_login_that_cannot_begin_should_say_why() {
    let world = World::new().await;
    let get = |path: &'static str| world.get(path).key(&world.key).send();
    let refused =
        get("/social/providers/facebook/connect?redirectUri=https%3A%2F%2Fevil.example").await;
    assert_eq!(
        refused.problem(422, "invalid").wrong(),
        [("/userId", "required"), ("/redirectUri", "not_registered")]
    );
    let refused = get("/social/providers/facebook/connect?userId=u&confirm=perhaps&user=u").await;
    let refused = refused.problem(400, "bad_query");
    assert!(refused.detail().contains("`confirm`") && refused.detail().contains("`user`"));
    get("/social/providers/friendster/connect?userId=u")
        .await
        .problem(404, "not_found");

    let (_, bare) = world.client_app("bob", "1").await;
    let body = json!({"facebookAppSecret": null});
    let listed = world
        .get("/client-apps")
        .owner("bob")
        .send()
        .await
        .expect(200);
    let app = listed.body["data"][0]["id"].as_str().unwrap();
    let path = format!("/client-apps/{app}");
    world
        .patch(&path)
        .owner("bob")
        .json(&body)
        .send()
        .await
        .expect(200);
    let path = "/social/providers/facebook/connect?userId=u";
    let refused = world
        .get(path)
        .key(&bare)
        .send()
        .await
        .problem(409, "app_not_configured");
    assert_eq!(refused.body["error"]["action"], "fix_app_settings");
}

#[tokio::test]
async fn a_forged_reused_or_late_state_should_not_redirect() {
    let world = World::new().await;
    let state = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    let forged = format!("{}AAAA", &state[..state.len() - 4]);
    world
        .come_back(&forged, "good")
        .await
        .problem(400, "bad_state");
    world
        .come_back("nonsense", "good")
        .await
        .problem(400, "bad_state");
    world
        .get("/social/providers/facebook/callback")
        .send()
        .await
        .problem(400, "bad_state");
    let path = format!("/social/providers/instagram/callback?state={state}&code=good");
    world.get(&path).send().await.problem(400, "bad_state");
    world.come_back(&state, "good").await.expect(302);
    world
        .come_back(&state, "other")
        .await
        .problem(400, "bad_state");

    let late = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    world.clock.advance(Duration::from_secs(601));
    let path = format!("/social/providers/facebook/callback?state={late}&code=good");
    world.get(&path).send().await.problem(400, "bad_state");
    let page = world
        .get(&path)
        .header("accept", "text/html,*/*")
        .send()
        .await
        .expect(400);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text.contains("begin again") && !page.text.contains("<script"));
}

#[tokio::test]
async fn a_login_that_fails_should_tell_the_website() {
    let world = World::new().await;
    let state = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    let path = format!(
        "/social/providers/facebook/callback?state={state}&error=access_denied&error_reason=x"
    );
    let ended = landed(world.get(&path).send().await);
    assert_eq!(ended[1], ("error".to_owned(), "access_denied".to_owned()));
    let state = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    let ended = landed(world.come_back(&state, "bad").await);
    assert_eq!(ended[1], ("error".to_owned(), "code_expired".to_owned()));
}

#[tokio::test]
async fn a_login_should_be_finished_even_if_the_browser_hangs_up() {
    let world = World::new().await;
    let state = world.begin(&world.key, "u1", WITH_REDIRECT).await;
    tokio::select! {
        biased;
        _ = world.come_back(&state, "slow") => panic!("it takes a while"),
        () = tokio::task::yield_now() => {}
    }
    let ended = landed(world.come_back(&state, "slow").await);
    assert_eq!(ended[0].1, "connected");
}

#[tokio::test]
async fn only_who_began_a_login_should_confirm_it() {
    let world = World::new().await;
    let more = format!("{WITH_REDIRECT}&confirm=true");
    let confirm = async |grant: &str, token: &str| {
        let body = json!({ "grant": grant });
        world
            .post("/social/providers/confirm")
            .bearer(token)
            .json(&body)
            .send()
            .await
    };
    let state = world.begin(&world.key, "u1", &more).await;
    let grant = landed(world.come_back(&state, "good").await)[1].1.clone();
    let (own, other) = (world.user_token("u1").await, world.user_token("u2").await);
    confirm(&grant, &other).await.problem(403, "other_user");
    assert_eq!(world.revoked.lock().await.len(), 1);
    confirm(&grant, &own).await.problem(404, "not_found");
    let listed = world
        .get("/social/providers")
        .key(&world.key)
        .send()
        .await
        .expect(200);
    assert_eq!(listed.body["data"], json!([]));

    let state = world.begin(&world.key, "u1", &more).await;
    let grant = landed(world.come_back(&state, "good").await)[1].1.clone();
    let connection = confirm(&grant, &own).await.expect(200);
    assert_eq!(connection.body["status"], "active");
    confirm(&grant, &own).await.problem(404, "not_found");

    let by_key = world.post("/social/providers/confirm").key(&world.key);
    let by_key = by_key.json(&json!({"grant": "svg_x"})).send().await;
    assert_eq!(
        by_key.problem(422, "invalid").wrong(),
        [("/userId", "required")]
    );
    let empty = world.post("/social/providers/confirm").key(&world.key);
    let empty = empty
        .json(&json!({"code": 1}))
        .send()
        .await
        .problem(422, "invalid");
    assert_eq!(
        empty.wrong(),
        [("/grant", "required"), ("/code", "unknown_field")]
    );
}

#[tokio::test]
async fn without_a_redirect_a_small_page_should_tell_its_opener() {
    let world = World::new().await;
    let state = world.begin(&world.key, "u1", "").await;
    let page = world.come_back(&state, "good").await.expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    let policy = page.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'; script-src 'sha256-"),
        "{policy}"
    );
    assert!(page.text.contains(ORIGIN) && page.text.contains("&quot;connectionId&quot;"));
    let text = without_id(&page.text);
    insta::assert_snapshot!("callback_page", text);
}

/// The page without its connection's id.
fn without_id(text: &str) -> String {
    let marker = "connectionId&quot;:&quot;";
    let (before, after) = text.split_once(marker).unwrap();
    format!("{before}{marker}[id]{}", &after[36..])
}

#[tokio::test]
async fn a_user_token_should_see_its_own_connections_only() {
    let world = World::new().await;
    let (mine, _) = world.connect(&world.key, "u1").await;
    let state = world.begin(&world.key, "u2", "").await;
    world.come_back(&state, "other").await.expect(200);
    let token = world.user_token("u2").await;
    let listed = world
        .get("/social/providers")
        .bearer(&token)
        .send()
        .await
        .expect(200);
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    assert_eq!(listed.body["data"][0]["userId"], "u2");
    for path in [
        format!("/social/providers/{mine}"),
        format!("/social/providers/{mine}/pages"),
    ] {
        world
            .get(&path)
            .bearer(&token)
            .send()
            .await
            .problem(404, "not_found");
    }
    let other = world
        .get("/social/providers?userId=u1")
        .bearer(&token)
        .send()
        .await;
    other.problem(403, "other_user");

    // Nor does another tenant.
    let (_, foreign) = world.client_app("bob", "1").await;
    let path = format!("/social/providers/{mine}");
    world
        .get(&path)
        .key(&foreign)
        .send()
        .await
        .problem(404, "not_found");
    world
        .delete(&path)
        .key(&foreign)
        .send()
        .await
        .problem(404, "not_found");
    let path = format!("{path}/pages/refresh");
    world
        .post(&path)
        .key(&foreign)
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn what_the_platform_says_should_become_a_fitting_status() {
    let world = World::new().await;
    let (connection, _) = world.connect(&world.key, "u1").await;
    let path = format!("/social/providers/{connection}/pages/refresh");
    let limited = FailureClass::RateLimited {
        until: None,
        scope: shareville_core::failure::LimitScope::App,
    };
    for (class, status, code, retry) in [
        (FailureClass::Transient, 502, "transient", "30"),
        (limited, 429, "rate_limited", "60"),
        (FailureClass::Unknown, 502, "unknown", ""),
        (FailureClass::Permission, 409, "permission", ""),
        (
            FailureClass::Content { retryable: false },
            422,
            "content",
            "",
        ),
        (FailureClass::Reauthorize, 409, "reauthorize", ""),
    ] {
        *world.login.lock().await = Some(Failure::new(class, "The platform said no."));
        let answer = world
            .post(&path)
            .key(&world.key)
            .send()
            .await
            .problem(status, code);
        assert_eq!(answer.header("retry-after"), retry, "{code}");
        assert_eq!(answer.body["error"]["code"], code);
    }
    let shown = world
        .get("/social/providers")
        .key(&world.key)
        .send()
        .await
        .expect(200);
    assert_eq!(shown.body["data"][0]["status"], "reauthorization_required");

    // A key that may not see the answer changes nothing.
    let writer = world.scoped_key(&["connections:write"]).await;
    *world.login.lock().await = Some(Failure::new(FailureClass::Transient, "not reached"));
    world
        .post(&path)
        .key(&writer)
        .send()
        .await
        .problem(403, "missing_scope");
    assert!(world.login.lock().await.is_some());
}
