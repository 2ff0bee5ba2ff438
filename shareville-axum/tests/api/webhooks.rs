//! An owner's side of webhooks: the secret, and the log.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use shareville_axum::PublicShapes;
use shareville_core::{
    Shareville,
    clock::ManualClock,
    deliver::{Courier, Letter},
    delivery::Trouble,
    engine::Engine,
    secret::Keyring,
    store::MemoryStore,
};
use tokio::sync::Mutex;
use url::Url;

use crate::world::{Answer, World};

#[derive(Debug, Clone)]
struct Mailbox {
    answer: Result<u16, Trouble>,
    got: Arc<Mutex<Vec<Letter>>>,
}

#[async_trait]
impl Courier for Mailbox {
    fn refuses(&self, _: &Url) -> Option<String> {
        None
    }

    async fn send(&self, letter: &Letter) -> Result<u16, Trouble> {
        self.got.lock().await.push(letter.clone());
        self.answer
    }
}

impl World {
    async fn set_webhook_url(&self) -> Answer {
        let path = format!("/client-apps/{}", self.app);
        let body = json!({"webhookUrl": "https://shop.example/hook"});
        self.patch(&path).owner("alice").json(&body).send().await
    }

    async fn deliveries(&self) -> Vec<Value> {
        let path = format!("/client-apps/{}/webhook-deliveries", self.app);
        let listed = self.get(&path).owner("alice").send().await.expect(200);
        listed.body["data"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_webhook_secret_should_be_shown_once() {
    let world = World::new().await;
    let first = world.set_webhook_url().await.expect(200);
    let secret = first.body["webhookSecret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    let again = world.set_webhook_url().await.expect(200);
    assert!(!again.text.contains("webhookSecret"), "{}", again.text);
    let path = format!("/client-apps/{}", world.app);
    let shown = world.get(&path).owner("alice").send().await.expect(200);
    assert!(!shown.text.contains("whsec_"), "{}", shown.text);

    let path = format!("{path}/webhook-secret");
    let renewed = world.post(&path).owner("alice").send().await.expect(200);
    let keys: Vec<_> = renewed.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["secret"]);
    assert_ne!(renewed.body["secret"], secret.as_str());
    world
        .post(&path)
        .owner("bob")
        .send()
        .await
        .problem(404, "not_found");
    let by_key = world.post(&path).key(&world.key).send().await;
    assert_eq!(by_key.status, 401);
    let body = json!({"name": "Other", "webhookUrl": "https://other.example/hook"});
    let made = world
        .post("/client-apps")
        .owner("bob")
        .json(&body)
        .send()
        .await
        .expect(201);
    assert!(made.body["webhookSecret"].is_string());
}

#[tokio::test]
async fn the_log_should_tell_each_attempt_and_send_again() {
    let world = World::new().await;
    world.set_webhook_url().await.expect(200);
    assert_eq!(world.deliveries().await, [] as [Value; 0]);
    let (connection, _) = world.connect(&world.key, "ada").await;

    // The world's own process has no courier, and no keyring to share: another one takes what is owed.
    let mailbox = Mailbox {
        answer: Err(Trouble::NotConnected),
        got: Arc::default(),
    };
    let url = Url::parse("https://api.example/api").unwrap();
    let other = Shareville::builder(
        Arc::<MemoryStore>::clone(&world.store),
        Keyring::ephemeral(),
        url,
    )
    .clock(Arc::<ManualClock>::clone(&world.clock))
    .webhooks(mailbox.clone(), PublicShapes)
    .build()
    .unwrap();
    assert_eq!(Engine::new(other).deliver().await.unwrap(), 1);
    assert!(
        mailbox.got.lock().await.is_empty(),
        "the secret does not open"
    );

    let log = world.deliveries().await;
    let [delivery] = log.as_slice() else {
        panic!("{log:?}")
    };
    assert_eq!(delivery["type"], "connection.created");
    assert_eq!(delivery["status"], "pending");
    assert!(delivery["nextAttemptAt"].is_string());
    assert_eq!(delivery["attempts"][0]["error"], "not_sent");
    assert!(delivery["attempts"][0]["statusCode"].is_null());
    assert!(!delivery.to_string().contains(&connection));

    let id = delivery["id"].as_str().unwrap();
    let again = format!(
        "/client-apps/{}/webhook-deliveries/{id}/redeliver",
        world.app
    );
    let sent = world.post(&again).owner("alice").send().await.expect(200);
    assert_eq!(sent.body["nextAttemptAt"], "2026-03-01T12:00:00.000000Z");
    world
        .post(&again)
        .owner("bob")
        .send()
        .await
        .problem(404, "not_found");
    let unknown = again.replace(id, &world.app);
    world
        .post(&unknown)
        .owner("alice")
        .send()
        .await
        .problem(404, "not_found");
    let body = json!({"webhookUrl": null});
    let path = format!("/client-apps/{}", world.app);
    world
        .patch(&path)
        .owner("alice")
        .json(&body)
        .send()
        .await
        .expect(200);
    let nowhere = world.post(&again).owner("alice").send().await;
    nowhere.problem(409, "no_webhook_url");
}
