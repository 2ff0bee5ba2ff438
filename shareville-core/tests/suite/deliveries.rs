//! Webhooks: signed, tried again, given up, sent once more; and nobody waits for anybody else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shareville_core::{
    Shareville,
    clock::ManualClock,
    connection::Connection,
    deliver::{Courier, Letter, Shapes},
    delivery::{Delivery, DeliveryStatus, Outcome, Trouble},
    engine::Engine,
    id::TenantId,
    post::Post,
    store::PageRequest,
    tenancy::{Patch, TenantInput},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::stage::{Stage, within};

/// An endpoint for all tenants: it keeps what it gets, and answers as it is told.
#[derive(Debug, Clone)]
struct Mailbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    got: watch::Sender<Vec<Letter>>,
    answer: Mutex<Result<u16, Trouble>>,
    /// How many of the first letters get no answer before they are let go.
    stuck: Mutex<usize>,
    free: watch::Sender<bool>,
}

impl Mailbox {
    fn new() -> Self {
        Self(Arc::new(Inner {
            got: watch::Sender::new(Vec::new()),
            answer: Mutex::new(Ok(200)),
            stuck: Mutex::new(0),
            free: watch::Sender::new(false),
        }))
    }

    fn answer(&self, answer: Result<u16, Trouble>) {
        *self.0.answer.lock().unwrap() = answer;
    }

    fn hold_up(&self, letters: usize) {
        *self.0.stuck.lock().unwrap() = letters;
    }

    fn let_go(&self) {
        self.0.free.send_replace(true);
    }

    fn letters(&self) -> Vec<Letter> {
        self.0.got.borrow().clone()
    }

    fn bodies(&self) -> Vec<Value> {
        let letters = self.letters();
        let read = letters
            .iter()
            .map(|it| serde_json::from_slice(&it.body).unwrap());
        read.collect()
    }

    async fn until(&self, letters: usize) {
        let mut got = self.0.got.subscribe();
        within(got.wait_for(|got| got.len() >= letters))
            .await
            .unwrap();
    }
}

#[async_trait]
impl Courier for Mailbox {
    fn refuses(&self, url: &Url) -> Option<String> {
        (url.scheme() != "https").then(|| "must begin with `https://`".to_owned())
    }

    async fn send(&self, letter: &Letter) -> Result<u16, Trouble> {
        let stuck = {
            let mut stuck = self.0.stuck.lock().unwrap();
            let is_stuck = *stuck > 0;
            *stuck = stuck.saturating_sub(1);
            is_stuck
        };
        self.0.got.send_modify(|got| got.push(letter.clone()));
        if stuck {
            let mut free = self.0.free.subscribe();
            free.wait_for(|free| *free).await.unwrap();
        }
        *self.0.answer.lock().unwrap()
    }
}

#[derive(Debug)]
struct Plain;

impl Shapes for Plain {
    fn post(&self, post: &Post) -> Value {
        json!({"id": post.id, "status": post.status})
    }

    fn connection(&self, connection: &Connection) -> Value {
        json!({"id": connection.id, "status": connection.status})
    }
}

/// The same stage with an endpoint, and its secret.
struct Office {
    stage: Stage,
    shareville: Shareville,
    mailbox: Mailbox,
    secret: String,
}

fn at(url: &str) -> TenantInput {
    TenantInput {
        webhook_url: Patch::Set(url.to_owned()),
        ..TenantInput::default()
    }
}

impl Office {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let mailbox = Mailbox::new();
        let url = "https://shareville.example/api".parse().unwrap();
        let shareville = Shareville::builder(Arc::clone(&stage.store), stage.keyring.clone(), url)
            .clock(Arc::<ManualClock>::clone(&stage.clock))
            .publisher(stage.network.clone())
            .connector(stage.connector.clone())
            .webhooks(mailbox.clone(), Plain)
            .build()
            .unwrap();
        let tenancy = shareville.tenancy(&stage.owner);
        let saved = tenancy.update(stage.tenant, at("https://bakery.example/hook"));
        let secret = saved.await.unwrap().webhook_secret.unwrap();
        let secret = secret.expose_secret().to_owned();
        Self {
            stage,
            shareville,
            mailbox,
            secret,
        }
    }

    async fn deliver(&self) -> usize {
        Engine::new(self.shareville.clone())
            .deliver()
            .await
            .unwrap()
    }

    /// What is owed, newest first.
    async fn log(&self) -> Vec<Delivery> {
        let page = PageRequest::first(100);
        let tenancy = self.shareville.tenancy(&self.stage.owner);
        tenancy
            .deliveries(self.stage.tenant, page)
            .await
            .unwrap()
            .items
    }

    /// A connection, told of and delivered.
    async fn connected(&self) -> shareville_core::connection::Account {
        let account = self.stage.account().await;
        assert_eq!(self.deliver().await, 1);
        account
    }
}

#[tokio::test]
async fn an_event_should_arrive_as_the_thing_was_then_with_its_revision() {
    let office = Office::new().await;
    let account = office.stage.account().await;
    let post = office.stage.post(&account).await;
    office.stage.tick_all().await;
    // By now it is published; what was told before still says scheduled.
    assert_eq!(office.deliver().await, 3);
    let mut bodies = office.mailbox.bodies();
    bodies.sort_by_key(|body| body["data"]["revision"].as_u64());
    let of = |kind: &str| bodies.iter().find(|body| body["type"] == kind).unwrap();
    assert_eq!(of("connection.created")["data"]["status"], "active");
    assert_eq!(of("connection.created")["data"]["revision"], 1);
    let scheduled = of("post.scheduled");
    assert_eq!(scheduled["data"]["id"], json!(post.id));
    assert_eq!(scheduled["data"]["status"], "scheduled");
    assert_eq!(scheduled["data"]["revision"], post.revision);
    let published = of("post.published");
    assert_eq!(published["data"]["status"], "published");
    assert!(published["data"]["revision"].as_u64() > scheduled["data"]["revision"].as_u64());
    assert_eq!(published["timestamp"], "2026-03-01T12:00:00.123456Z");
    for letter in office.mailbox.letters() {
        assert_eq!(letter.url.as_str(), "https://bakery.example/hook");
        assert_eq!(letter.timestamp, office.stage.now().timestamp());
        assert!(letter.signature.starts_with("v1,"));
        assert!(!format!("{letter:?}").contains("bakery"));
    }
    assert_eq!(office.deliver().await, 0, "each once");
    assert!(
        office
            .log()
            .await
            .iter()
            .all(|it| it.status == DeliveryStatus::Delivered)
    );
}

#[tokio::test]
async fn what_is_not_taken_should_be_tried_again_under_the_same_id() {
    let office = Office::new().await;
    office.mailbox.answer(Ok(302));
    office.stage.account().await;
    assert_eq!(office.deliver().await, 1);
    let failed = office.log().await.remove(0);
    assert_eq!(failed.attempts[0].outcome, Outcome::Answered(302));
    // The first back-off is 5 seconds, of which half may be jitter.
    let next = failed.next_attempt_at.unwrap() - office.stage.now();
    assert!((2500..=5100).contains(&next.num_milliseconds()), "{next}");
    office.stage.pass(2);
    assert_eq!(office.deliver().await, 0);
    office.mailbox.answer(Ok(204));
    office.stage.pass(4);
    assert_eq!(office.deliver().await, 1);
    let [first, second] = office.mailbox.letters().try_into().unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(first.body, second.body);
    assert_eq!(
        second.timestamp,
        first.timestamp + 6,
        "it is that of the attempt"
    );
    assert_ne!(first.signature, second.signature);
    assert_eq!(office.log().await[0].status, DeliveryStatus::Delivered);
}

#[tokio::test]
async fn a_dead_letter_should_be_sent_again_only_when_its_owner_says_so() {
    let office = Office::new().await;
    office.mailbox.answer(Err(Trouble::NotConnected));
    office.stage.account().await;
    let begun = office.stage.now();
    office.deliver().await;
    while let Some(next) = office.log().await[0].next_attempt_at {
        office.stage.clock.set(next);
        assert_eq!(office.deliver().await, 1);
    }
    let dead = office.log().await.remove(0);
    assert_eq!(dead.status, DeliveryStatus::Dead);
    let span = office.stage.now() - begun;
    assert!((22..=24).contains(&span.num_hours()), "{span}");
    office.stage.pass(7 * 86_400);
    assert_eq!(office.deliver().await, 0);

    office.mailbox.answer(Ok(200));
    let tenancy = office.shareville.tenancy(&office.stage.owner);
    let again = tenancy
        .redeliver(office.stage.tenant, dead.id)
        .await
        .unwrap();
    assert_eq!(again.status, DeliveryStatus::Pending);
    assert_eq!(office.deliver().await, 1);
    let letters = office.mailbox.letters();
    assert_eq!(letters.last().unwrap().id, letters[0].id);
    let log = office.log().await;
    assert_eq!(log[0].status, DeliveryStatus::Delivered);
    assert_eq!(log[0].attempts.len(), dead.attempts.len() + 1);
    let nobody = tenancy.redeliver(TenantId::generate(), dead.id).await;
    assert!(matches!(nobody, Err(shareville_core::Error::NotFound(_))));
}

#[tokio::test]
async fn a_former_secret_should_sign_too_for_a_day() {
    let office = Office::new().await;
    let account = office.connected().await;
    let tenancy = office.shareville.tenancy(&office.stage.owner);
    let renewed = tenancy
        .renew_webhook_secret(office.stage.tenant)
        .await
        .unwrap();
    assert_ne!(renewed.expose_secret(), office.secret);
    let signatures = |letter: &Letter| letter.signature.split(' ').count();
    for (seconds, expected) in [(0, 2), (86_399, 2), (1, 1)] {
        office.stage.pass(seconds);
        office.stage.post_at(&account, office.stage.at(3600)).await;
        assert_eq!(office.deliver().await, 1);
        let letters = office.mailbox.letters();
        assert_eq!(signatures(letters.last().unwrap()), expected);
    }
    // Another address is no reason for another secret.
    let moved = tenancy.update(office.stage.tenant, at("https://bakery.example/new"));
    assert!(moved.await.unwrap().webhook_secret.is_none());
    for _ in 0..9 {
        tenancy
            .renew_webhook_secret(office.stage.tenant)
            .await
            .unwrap();
    }
    let one_too_many = tenancy.renew_webhook_secret(office.stage.tenant).await;
    assert!(matches!(
        one_too_many,
        Err(shareville_core::Error::Conflict { .. })
    ));
}

#[tokio::test]
async fn the_deliveries_of_a_killed_worker_should_be_taken_over() {
    let office = Office::new().await;
    office.mailbox.hold_up(1);
    office.stage.account().await;
    let engine = Engine::new(office.shareville.clone());
    let killed = tokio::spawn(async move { engine.deliver().await });
    office.mailbox.until(1).await;
    killed.abort();
    assert!(killed.await.is_err());
    assert_eq!(office.deliver().await, 0, "its lease still runs");
    office.stage.pass(75);
    assert_eq!(office.deliver().await, 1);
    let [first, second] = office.mailbox.letters().try_into().unwrap();
    assert_eq!(first.id, second.id);
    assert_eq!(office.log().await[0].attempts.len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_should_hold_up_neither_others_nor_later_events() {
    let office = Office::new().await;
    let account = office.connected().await;
    let shutdown = CancellationToken::new();
    let engine = Engine::new(office.shareville.clone()).run(shutdown.clone());
    let engine = tokio::spawn(engine);
    office.mailbox.hold_up(1);
    let later = office.stage.at(3600);
    office.stage.post_at(&account, later).await;
    office.mailbox.until(2).await;
    // It was woken by the event itself, and so it is by the next ones.
    for number in 3..6 {
        office.stage.post_at(&account, later).await;
        office.mailbox.until(number).await;
    }
    // What is under way when it is told to stop is brought to its end.
    shutdown.cancel();
    office.mailbox.let_go();
    within(engine).await.unwrap();
    let log = office.log().await;
    assert_eq!(log.len(), 5);
    assert!(log.iter().all(|it| it.status == DeliveryStatus::Delivered));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_should_be_none() {
    let office = Office::new().await;
    let mut settings = *office.shareville.settings();
    settings.delivery = Duration::from_millis(20);
    let url = "https://shareville.example/api".parse().unwrap();
    let (store, keyring) = (&office.stage.store, office.stage.keyring.clone());
    let hasty = Shareville::builder(Arc::clone(store), keyring, url)
        .clock(Arc::<ManualClock>::clone(&office.stage.clock))
        .webhooks(office.mailbox.clone(), Plain)
        .settings(settings)
        .build()
        .unwrap();
    office.mailbox.hold_up(1);
    office.stage.account().await;
    assert_eq!(Engine::new(hasty).deliver().await.unwrap(), 1);
    let log = office.log().await;
    let timed_out = Outcome::Failed(Trouble::TimedOut);
    assert_eq!(log[0].attempts[0].outcome, timed_out);
}

#[tokio::test]
async fn nothing_should_be_sent_unsigned() {
    let office = Office::new().await;
    let (store, tenant) = (&office.stage.store, office.stage.tenant);
    let mut bare = store.tenant(tenant).await.unwrap().unwrap();
    bare.webhook_secrets.clear();
    bare.revision += 1;
    let written = store.update_tenant(&bare, bare.revision - 1, &[]).await;
    written.unwrap().unwrap();
    office.stage.account().await;
    assert_eq!(office.deliver().await, 1);
    assert_eq!(office.mailbox.letters(), []);
    let log = office.log().await;
    assert_eq!(
        log[0].attempts[0].outcome,
        Outcome::Failed(Trouble::NotSent)
    );
}

#[tokio::test]
async fn an_inactive_tenant_should_be_told_all_the_same() {
    let office = Office::new().await;
    office.stage.account().await;
    let off = TenantInput {
        active: Some(false),
        ..TenantInput::default()
    };
    let tenancy = office.shareville.tenancy(&office.stage.owner);
    tenancy.update(office.stage.tenant, off).await.unwrap();
    assert_eq!(office.deliver().await, 1);
    assert_eq!(office.mailbox.letters().len(), 1);
}

#[tokio::test]
async fn without_a_courier_nothing_should_be_sent_and_all_be_owed() {
    let office = Office::new().await;
    office.stage.account().await;
    let silent = Engine::new(office.stage.shareville.clone());
    assert_eq!(silent.deliver().await.unwrap(), 0);
    assert_eq!(office.deliver().await, 1);
}

#[tokio::test]
async fn an_address_that_the_courier_refuses_should_be_told_to_the_owner() {
    let office = Office::new().await;
    let tenancy = office.shareville.tenancy(&office.stage.owner);
    let refused = tenancy.update(office.stage.tenant, at("http://bakery.example/hook"));
    let Err(shareville_core::Error::Invalid(wrong)) = refused.await else {
        panic!("it is not https");
    };
    assert_eq!(wrong.len(), 1);
    assert_eq!(wrong[0].pointer, "/webhookUrl");
    assert_eq!(wrong[0].code, "address_refused");
    assert!(wrong[0].message.contains("https://"));
}
