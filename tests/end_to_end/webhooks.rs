//! A website that is told: the `standardwebhooks` crate receives what the server sends.

use std::{sync::Arc, time::Instant};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::{Consent, Sandbox};
use standardwebhooks::Webhook;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::support::{PATIENCE, Times, World, text};

const PRIVATE: &[(&str, &str)] = &[("SHAREVILLE_ALLOW_PRIVATE_ADDRESSES", "on")];

/// What came: its headers and its body.
type Got = Arc<watch::Sender<Vec<(HeaderMap, Bytes)>>>;

/// A website's endpoint.
struct Receiver {
    port: u16,
    got: Got,
    serving: JoinHandle<()>,
}

impl Receiver {
    async fn listen(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Got = Arc::new(watch::Sender::new(Vec::new()));
        let hear = async |State(got): State<Got>, headers: HeaderMap, body: Bytes| {
            got.send_modify(|got| got.push((headers, body)));
            StatusCode::NO_CONTENT
        };
        let app = Router::new()
            .route("/hook", post(hear))
            .with_state(Arc::clone(&got));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, got, serving }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits for a message of a type, and verifies it with each of these secrets.
    async fn hear(&self, kind: &str, secrets: &[&str]) -> (HeaderMap, Value) {
        let mut got = self.got.subscribe();
        let read = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap();
        let has = |got: &Vec<(HeaderMap, Bytes)>| got.iter().any(|it| read(&it.1)["type"] == kind);
        let heard = tokio::time::timeout(PATIENCE, got.wait_for(has)).await;
        assert!(heard.is_ok(), "{kind} never came");
        drop(heard);
        let got = self.got.borrow().clone();
        let (headers, body) = got
            .iter()
            .rev()
            .find(|it| read(&it.1)["type"] == kind)
            .unwrap();
        for secret in secrets {
            Webhook::new(secret).unwrap().verify(body, headers).unwrap();
        }
        let other = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(other.verify(body, headers).is_err());
        (headers.clone(), read(body))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl World {
    async fn listening() -> Self {
        Self::configured(Sandbox::builder(), "all", Times::default(), PRIVATE).await
    }

    /// Sets the endpoint's address, and gives the secret.
    async fn send_to(&self, url: &str) -> String {
        let path = format!("/client-apps/{}", self.app);
        let body = Some(json!({"webhookUrl": url}));
        let set = self.owner.call(Method::PATCH, &path, body).await;
        assert_eq!(set.status, StatusCode::OK, "{set:?}");
        assert!(self.owner.get(&path).await["webhookSecret"].is_null());
        text(&set.body, "webhookSecret")
    }

    /// Reads the log of deliveries until the newest is as wanted.
    async fn newest_delivery(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/client-apps/{}/webhook-deliveries", self.app);
        let begun = Instant::now();
        loop {
            let log = self.owner.get(&path).await;
            if wanted(&log["data"][0]) {
                return log["data"][0].clone();
            }
            assert!(begun.elapsed() < PATIENCE, "never as wanted: {log:#}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    async fn schedule(&self) -> Value {
        let at = Utc::now() + TimeDelta::hours(1);
        let body = json!({"socialPageId": self.pages[0].0, "caption": "Later", "scheduledAt": at});
        self.api.post("/posts", body).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_website_should_be_told_of_connections_and_posts_in_the_apis_own_form() {
    let world = World::listening().await;
    let receiver = Receiver::listen(0).await;
    let secret = world.send_to(&receiver.url()).await;
    let connection = world.connect("grace", &Consent::all()).await;
    let (_, created) = receiver.hear("connection.created", &[&secret]).await;
    let mut shown = world
        .api
        .get(&format!("/social/providers/{connection}"))
        .await;
    shown["revision"] = created["data"]["revision"].clone();
    assert_eq!(created["data"], shown);
    assert_eq!(created["data"]["revision"], 1);

    let (page, _) = &world.pages[0];
    let id = world.publish(page, json!({"caption": "Fresh rolls"})).await;
    let (_, scheduled) = receiver.hear("post.scheduled", &[&secret]).await;
    assert_eq!(scheduled["data"]["id"], id.as_str());
    assert_eq!(scheduled["data"]["status"], "scheduled");
    let published = world.api.until_status(&id, "published").await;
    let (headers, told) = receiver.hear("post.published", &[&secret]).await;
    assert_eq!(told["data"], published);
    assert!(told["data"]["platformPostUrl"].is_string());
    assert!(
        headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );

    let delivered = world
        .newest_delivery(|it| it["status"] == "delivered")
        .await;
    assert_eq!(delivered["type"], "post.published");
    assert_eq!(
        delivered["eventId"],
        headers["webhook-id"].to_str().unwrap()
    );
    assert_eq!(delivered["attempts"][0]["statusCode"], 204);
    assert!(delivered["nextAttemptAt"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_down_should_be_told_once_it_is_back() {
    let world = World::listening().await;
    let port = crate::support::free_port();
    let secret = world
        .send_to(&format!("http://127.0.0.1:{port}/hook"))
        .await;
    world.schedule().await;
    let failing = world
        .newest_delivery(|it| it["attempts"][0].is_object())
        .await;
    assert_eq!(failing["attempts"][0]["error"], "not_connected");
    assert_eq!(failing["status"], "pending");
    let receiver = Receiver::listen(port).await;
    // Sooner than its back-off has it, if that is wished for.
    let path = format!(
        "/client-apps/{}/webhook-deliveries/{}/redeliver",
        world.app,
        text(&failing, "id")
    );
    world.owner.post(&path, json!({})).await;
    let (headers, _) = receiver.hear("post.scheduled", &[&secret]).await;
    assert_eq!(failing["eventId"], headers["webhook-id"].to_str().unwrap());
    let done = world
        .newest_delivery(|it| it["status"] == "delivered")
        .await;
    assert!(done["attempts"].as_array().unwrap().len() > 1);
    // Another tenant's is as good as none.
    let stranger = world.api.call(Method::POST, &path, None).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_secrets_should_verify_while_one_is_renewed() {
    let world = World::listening().await;
    let receiver = Receiver::listen(0).await;
    let former = world.send_to(&receiver.url()).await;
    let path = format!("/client-apps/{}/webhook-secret", world.app);
    let renewed = text(&world.owner.post(&path, json!({})).await, "secret");
    assert!(renewed.starts_with("whsec_") && renewed != former);
    world.schedule().await;
    let (headers, _) = receiver.hear("post.scheduled", &[&former, &renewed]).await;
    let signatures = headers["webhook-signature"].to_str().unwrap();
    assert_eq!(signatures.split(' ').count(), 2, "{signatures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_should_not_be_called() {
    let world = World::new().await;
    let receiver = Receiver::listen(0).await;
    let path = format!("/client-apps/{}", world.app);
    for url in [
        receiver.url(),
        format!("https://127.0.0.1:{}/hook", receiver.port),
        "https://me:x@site.example/hook".to_owned(),
    ] {
        let body = Some(json!({"webhookUrl": url}));
        let refused = world.owner.call(Method::PATCH, &path, body).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{refused:?}"
        );
        assert_eq!(refused.body["errors"][0]["pointer"], "/webhookUrl");
    }
    // A name tells where it leads only when it is called.
    world
        .send_to(&format!("https://localhost:{}/hook", receiver.port))
        .await;
    world.schedule().await;
    let tried = world
        .newest_delivery(|it| it["attempts"][0].is_object())
        .await;
    assert_eq!(tried["attempts"][0]["error"], "address_refused");
    assert!(receiver.got.borrow().is_empty());
}
