//! What Meta calls: signed, stored, answered, and then worked off.

use serde_json::{Value, json};
use shareville_core::{
    engine::Engine,
    failure::{Failure, FailureClass},
};

use crate::world::{Answer, Call, ORIGIN, World};

/// The app secret of the world's client app, which is what this platform signs with.
const SECRET: &str = "PLANTED-app-secret";

async fn heed(world: &World) -> usize {
    Engine::new(world.shareville.clone()).heed().await.unwrap()
}

impl World {
    fn meta<'a>(&'a self, route: &str, body: &str) -> Call<'a> {
        let path = format!("/meta/{}/{route}", self.app);
        let form = "application/x-www-form-urlencoded";
        self.post(&path).raw(form, body.to_owned())
    }

    async fn webhook(&self, body: &str, signature: &str) -> Answer {
        let path = format!("/meta/{}/webhook", self.app);
        let call = self.post(&path).raw("application/json", body.to_owned());
        call.header("x-hub-signature-256", signature).send().await
    }

    async fn status(&self, connection: &str) -> Value {
        let path = format!("/social/providers/{connection}");
        let read = self.get(&path).key(&self.key).send().await.expect(200);
        read.body["status"].clone()
    }
}

#[tokio::test]
async fn a_subscription_should_be_answered_with_its_challenge_alone() {
    let world = World::new().await;
    let path = format!("/client-apps/{}", world.app);
    let app = world.get(&path).owner("alice").send().await.expect(200);
    let word = app.body["metaVerifyToken"].as_str().unwrap().to_owned();
    let ask = async |query: &str| {
        let path = format!("/meta/{}/webhook?{query}", world.app);
        world.get(&path).send().await
    };
    let challenge = "hub.challenge=%3Cb%3E1158201444";
    let good = format!("hub.mode=subscribe&{challenge}&hub.verify_token={word}");
    let answer = ask(&good).await.expect(200);
    assert_eq!(answer.text, "<b>1158201444");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("access-control-allow-origin"), "");

    let wrong = format!("hub.mode=subscribe&{challenge}&hub.verify_token={word}x");
    let none = format!("hub.mode=subscribe&{challenge}");
    for query in [wrong.as_str(), &none, ""] {
        ask(query).await.problem(403, "wrong_verify_token");
    }
    let other = format!("hub.mode=unsubscribe&{challenge}&hub.verify_token={word}");
    let empty = format!("hub.mode=subscribe&hub.verify_token={word}");
    for query in [&other, &empty] {
        ask(query).await.problem(403, "no_subscription");
    }
    for nobody in ["01900000-0000-7000-8000-000000000000", "x"] {
        let path = format!("/meta/{nobody}/webhook?{good}");
        world.get(&path).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_webhook_should_be_stored_answered_and_then_worked_off() {
    let world = World::new().await;
    let (connection, _) = world.connect(&world.key, "u1").await;
    world.webhook("77", SECRET).await.expect(200);
    let dead = Failure::new(FailureClass::Reauthorize, "The token is dead.");
    *world.login.lock().await = Some(dead);
    world.webhook("77", SECRET).await.expect(200);
    assert_eq!(world.status(&connection).await, "active");
    assert_eq!(heed(&world).await, 1, "it came twice, and is one");
    assert_eq!(world.status(&connection).await, "reauthorization_required");
}

#[tokio::test]
async fn what_is_not_signed_should_be_refused() {
    let world = World::new().await;
    world.connect(&world.key, "u1").await;
    world
        .webhook("77", "sha256=00")
        .await
        .problem(403, "bad_signature");
    let call = world.meta("webhook", "77").send().await;
    call.problem(403, "bad_signature");
    for route in ["deauthorize", "data-deletion"] {
        for form in ["", "another|77"] {
            let call = world.meta(route, form).send().await;
            call.problem(400, "bad_signed_request");
        }
    }
    assert_eq!(heed(&world).await, 0);

    // Without a secret nobody can be told apart.
    let body = json!({"facebookAppSecret": null});
    let path = format!("/client-apps/{}", world.app);
    let patched = world.patch(&path).owner("alice").json(&body).send().await;
    patched.expect(200);
    world.webhook("77", "").await.problem(403, "no_app_secret");
    for route in ["deauthorize", "data-deletion"] {
        let call = world.meta(route, "|77").send().await;
        call.problem(403, "no_app_secret");
    }
}

#[tokio::test]
async fn a_person_who_removes_the_app_should_be_looked_at() {
    let world = World::new().await;
    let (connection, _) = world.connect(&world.key, "u1").await;
    let form = format!("{SECRET}|77");
    let answer = world.meta("deauthorize", &form).send().await.expect(200);
    assert_eq!(answer.text, "");
    let dead = Failure::new(FailureClass::Reauthorize, "The token is dead.");
    *world.login.lock().await = Some(dead);
    assert_eq!(heed(&world).await, 1);
    assert_eq!(world.status(&connection).await, "reauthorization_required");
}

/// The page without its code.
fn without_code(text: &str, code: &str) -> String {
    assert!(text.contains(code));
    text.replace(code, "[code]")
}

#[tokio::test]
async fn a_person_should_see_what_became_of_their_wish_to_be_deleted() {
    let world = World::new().await;
    let (connection, _) = world.connect(&world.key, "u1").await;
    let form = format!("{SECRET}|77");
    let wish = world.meta("data-deletion", &form).send().await.expect(200);
    let code = wish.body["confirmation_code"].as_str().unwrap().to_owned();
    assert!(code.bytes().all(|it| it.is_ascii_alphanumeric()));
    let url = format!("https://api.example/api/data-deletion/{code}");
    assert_eq!(wish.body, json!({"url": url, "confirmation_code": code}));
    let again = world.meta("data-deletion", &form).send().await.expect(200);
    assert_eq!(again.body, wish.body);

    let look = async || world.get(&format!("/data-deletion/{code}")).send().await;
    let page = look().await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    insta::assert_snapshot!("deletion_pending", without_code(&page.text, &code));
    assert_eq!(heed(&world).await, 1);
    let page = look().await.expect(200);
    insta::assert_snapshot!("deletion_done", without_code(&page.text, &code));
    let path = format!("/social/providers/{connection}");
    let gone = world.get(&path).key(&world.key).send().await;
    gone.problem(404, "not_found");
    assert_eq!(world.revoked.lock().await.len(), 1);
}

#[tokio::test]
async fn a_code_that_nobody_knows_should_be_told_as_whoever_asks_reads() {
    let world = World::new().await;
    let form = format!("{SECRET}|77");
    let wish = world.meta("data-deletion", &form).send().await.expect(200);
    let code = wish.body["confirmation_code"].as_str().unwrap();
    let last = if code.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{last}", &code[..code.len() - 1]);
    for unknown in [other.as_str(), "x", "%00"] {
        let path = format!("/data-deletion/{unknown}");
        world.get(&path).send().await.problem(404, "not_found");
        let browser = world.get(&path).header("accept", "text/html,*/*");
        let page = browser.send().await.expect(404);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_should_be_refused() {
    let world = World::new().await;
    let large = "x".repeat(2 * 1024 * 1024);
    let call = world.meta("deauthorize", &large).send().await;
    call.problem(413, "body_too_large");
    // A webhook may hold a thousand updates.
    let call = world.webhook(&large, "").await;
    call.problem(403, "bad_signature");
    let call = world.webhook(&large.repeat(3), "").await;
    call.problem(413, "body_too_large");
}

#[tokio::test]
async fn browsers_on_other_origins_should_reach_nothing_of_it() {
    let world = World::new().await;
    for route in ["webhook", "deauthorize", "data-deletion"] {
        let path = format!("/meta/{}/{route}", world.app);
        let preflight = world.options(&path);
        let preflight = preflight
            .header("origin", ORIGIN)
            .header("access-control-request-method", "POST");
        let answer = preflight.send().await.problem(405, "method_not_allowed");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{route}");
    }
}
