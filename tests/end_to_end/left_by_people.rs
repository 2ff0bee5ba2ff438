//! People leave at Meta, and Meta tells: the connection is looked at, or all that is the person's is erased.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use shareville::sandbox::{Death, demo};

use crate::{
    api::{Answer, Api},
    support::{PATIENCE, World, text},
};

/// What the tenant's app is signed for with.
const SECRET: &str = "an app secret";

/// What Meta sends of a person.
fn signed(person: &str, secret: &str) -> String {
    let payload =
        json!({"user_id": person, "algorithm": "HMAC-SHA256", "issued_at": 1_767_225_600});
    let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(payload.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signature}.{payload}")
}

impl World {
    async fn tell(&self, route: &str, signed_request: &str) -> Answer {
        let path = format!("/meta/{}/{route}", self.app);
        let meta = Api::at(&self.server);
        let request = meta.request(Method::POST, &path);
        let form = [("signed_request", signed_request)];
        meta.send(request.form(&form)).await
    }

    async fn person(&self) -> String {
        let path = format!("/social/providers/{}", self.connection);
        text(&self.api.get(&path).await, "providerAccountId")
    }
}

/// Asks again and again until an answer is as wanted.
async fn until(world: &World, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = world.api.call(Method::GET, path, None).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "never as wanted: {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_removes_the_app_at_meta_should_have_to_connect_again() {
    let world = World::new().await;
    let person = world.person().await;
    let refused = world.tell("deauthorize", &signed(&person, "another")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
    world.sandbox.revoke(demo::ADA, Death::AppRemoved);
    let told = world.tell("deauthorize", &signed(&person, SECRET)).await;
    assert_eq!(told.status, StatusCode::OK, "{told:?}");
    let path = format!("/social/providers/{}", world.connection);
    until(&world, &path, |answer| {
        answer.body["status"] == "reauthorization_required"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_wants_to_be_deleted_should_be_and_see_it() {
    let world = World::new().await;
    let person = world.person().await;
    let request = signed(&person, SECRET);
    let wish = world.tell("data-deletion", &request).await;
    assert_eq!(wish.status, StatusCode::OK, "{wish:?}");
    let url = text(&wish.body, "url");
    assert!(url.ends_with(&text(&wish.body, "confirmation_code")));
    let done = |answer: &Answer| matches!(&answer.body, Value::String(page) if page.contains("Your connections were deleted"));
    until(&world, &url, done).await;
    let path = format!("/social/providers/{}", world.connection);
    let gone = world.api.call(Method::GET, &path, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{gone:?}");
    let again = world.tell("data-deletion", &request).await;
    assert_eq!(again.body, wish.body);
}
