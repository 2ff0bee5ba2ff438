//! Tokens are renewed well before they end, asked daily whether they work, and what ends is told once.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use shareville_core::{
    clock::Timestamp,
    connection::{Connection, ConnectionStatus},
    connector::{Granted, Refreshed},
    engine::Engine,
    event::{EventKind, Subject},
    failure::{FailureClass, LimitScope},
    id::{ConnectionId, Provider},
    testing::network::{found, granted},
};

use crate::stage::{At, Stage, Wrapped, failure, kinds, limited, transient, within};

/// A login of Maria whose token lasts for so many days.
fn lasting(stage: &Stage, token: &str, days: Option<i64>) -> Granted {
    let mut granted = granted(&Provider::facebook(), "person of maria", token, &["page-1"]);
    granted.expires_at = days.map(|days| stage.now() + TimeDelta::days(days));
    granted
}

async fn log_in(stage: &Stage, brings: Granted) -> ConnectionId {
    let landing = stage.log_in("maria", false, brings).await;
    let shown = format!("{landing:?}");
    match landing.status {
        shareville_core::connect::LandingStatus::Connected { connection } => connection,
        _ => panic!("not connected: {shown}"),
    }
}

async fn read(stage: &Stage, id: ConnectionId) -> Connection {
    stage.connection(id).await.0
}

fn token_of(stage: &Stage, connection: &Connection) -> String {
    let place = Connection::token_place(stage.tenant, connection.id);
    let token = stage.keyring.open(place, &connection.token).unwrap();
    token.expose_secret().to_owned()
}

fn refreshed(token: &str, expires_at: Option<Timestamp>) -> Refreshed {
    Refreshed {
        token: token.into(),
        expires_at,
    }
}

async fn keep_up(stage: &Stage) -> usize {
    let engine = Engine::new(stage.shareville.clone());
    engine.keep_up().await.unwrap()
}

/// Lets days pass, and looks after what is due each hour.
async fn live(stage: &Stage, days: u64) {
    for _ in 0..days * 24 {
        stage.pass(3600);
        keep_up(stage).await;
    }
}

async fn told(stage: &Stage, id: ConnectionId) -> Vec<EventKind> {
    kinds(&stage.told_of(Subject::Connection(id)).await)
}

fn times(told: &[EventKind], kind: EventKind) -> usize {
    told.iter().filter(|it| **it == kind).count()
}

#[tokio::test]
async fn a_token_should_be_renewed_after_a_third_of_its_life() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "first", Some(60))).await;
    let ends = stage.now() + TimeDelta::days(80);
    stage
        .connector
        .renew("first", Ok(Some(refreshed("second", Some(ends)))));
    live(&stage, 19).await;
    assert!(stage.connector.renewed().is_empty());
    live(&stage, 2).await;
    assert_eq!(stage.connector.renewed(), ["first"]);
    let (connection, accounts) = stage.connection(id).await;
    assert_eq!(token_of(&stage, &connection), "second");
    assert_eq!(connection.expires_at, Some(ends));
    assert!(accounts[0].can_publish);
    assert_eq!(
        stage.connector.inspected().last().unwrap(),
        "second",
        "what the new token opens is asked"
    );
    live(&stage, 10).await;
    assert_eq!(stage.connector.renewed().len(), 1, "it is young again");
    let told = told(&stage, id).await;
    let public: Vec<_> = told.into_iter().filter(|kind| kind.is_public()).collect();
    assert_eq!(public, [EventKind::ConnectionCreated]);
}

#[tokio::test]
async fn a_connector_that_panics_should_keep_nobody_else_from_being_looked_after() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "cursed", None)).await;
    let (other, _) = stage.connect("jose", "token of jose", &["page-2"]).await;
    stage.connector.break_at(Some("cursed"));
    stage.pass(24 * 3600);
    assert_eq!(keep_up(&stage).await, 2);
    assert_eq!(read(&stage, id).await.upkeep.failures, 1);
    assert_eq!(read(&stage, other.id).await.upkeep.failures, 0);
    assert_eq!(keep_up(&stage).await, 0, "it is put off");
    stage.connector.break_at(None);
    stage.pass(24 * 3600);
    assert_eq!(keep_up(&stage).await, 2);
    assert_eq!(read(&stage, id).await.upkeep.failures, 0);
}

#[tokio::test]
async fn a_token_without_end_should_be_asked_about_daily_and_nothing_be_told() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "token", None)).await;
    let before = read(&stage, id).await;
    stage.pass(17 * 3600);
    assert_eq!(keep_up(&stage).await, 0);
    stage.pass(7 * 3600);
    assert_eq!(keep_up(&stage).await, 1);
    assert_eq!(stage.connector.inspected(), ["token"]);
    live(&stage, 9).await;
    let asked = stage.connector.inspected().len();
    assert!((10..=14).contains(&asked), "{asked} times in ten days");
    assert!(stage.connector.renewed().is_empty());
    assert_eq!(told(&stage, id).await, [EventKind::ConnectionCreated]);
    let after = read(&stage, id).await;
    assert_eq!(after.updated_at, before.updated_at);
    assert_eq!(token_of(&stage, &after), "token");
}

#[tokio::test]
async fn what_is_found_new_should_be_written_down_and_told() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "token", None)).await;
    let mut less = lasting(&stage, "token", None);
    less.scopes.clear();
    less.missing_scopes = vec!["publish".to_owned()];
    less.accounts[0].problems = vec!["The task CREATE_CONTENT is missing.".to_owned()];
    less.accounts.push(found(&Provider::facebook(), "page-2"));
    stage.connector.change("token", Some(less));
    live(&stage, 1).await;
    let (connection, accounts) = stage.connection(id).await;
    assert_eq!(connection.status, ConnectionStatus::Active);
    assert_eq!(connection.missing_scopes, ["publish"]);
    let can: Vec<_> = accounts.iter().map(|account| account.can_publish).collect();
    assert_eq!(can, [false, true]);
    let told = told(&stage, id).await;
    assert_eq!(
        told,
        [EventKind::ConnectionCreated, EventKind::ConnectionUpdated]
    );
}

#[tokio::test]
async fn a_failure_should_be_tried_again_and_never_disconnect() {
    let passing = [
        FailureClass::Transient,
        FailureClass::Unknown,
        FailureClass::Config,
        FailureClass::Permission,
    ];
    for class in passing {
        let stage = Stage::new().await;
        let id = log_in(&stage, lasting(&stage, "token", None)).await;
        stage.connector.fail_inspections(Some(failure(class)));
        stage.pass(24 * 3600);
        assert_eq!(keep_up(&stage).await, 1);
        assert_eq!(keep_up(&stage).await, 0, "{class:?}: not at once");
        // Longer than the lease, shorter than the longest back-off.
        stage.pass(301);
        assert_eq!(keep_up(&stage).await, 1, "{class:?}");
        live(&stage, 3).await;
        let asked = stage.connector.inspected().len();
        assert!((24..=80).contains(&asked), "{class:?}: {asked} times");
        let connection = read(&stage, id).await;
        assert_eq!(connection.status, ConnectionStatus::Active);
        assert_eq!(told(&stage, id).await, [EventKind::ConnectionCreated]);
        stage.connector.fail_inspections(None);
        live(&stage, 1).await;
        assert_eq!(read(&stage, id).await.upkeep.failures, 0);
    }
}

#[tokio::test]
async fn a_provider_that_wants_to_be_left_alone_should_be() {
    let stage = Stage::new().await;
    log_in(&stage, lasting(&stage, "token", None)).await;
    stage.pass(24 * 3600);
    let until = stage.at(9 * 3600);
    let limit = limited(until, LimitScope::App);
    stage.connector.fail_inspections(Some(limit));
    keep_up(&stage).await;
    stage.clock.set(until - TimeDelta::seconds(1));
    assert_eq!(keep_up(&stage).await, 0);
    stage.clock.set(until);
    assert_eq!(keep_up(&stage).await, 1);
}

#[tokio::test]
async fn a_dead_token_should_be_told_once_and_its_posts_wait_for_the_reconnect() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "old", None)).await;
    let account = stage.connection(id).await.1.remove(0);
    stage.connector.change("old", None);
    live(&stage, 3).await;
    assert_eq!(
        read(&stage, id).await.status,
        ConnectionStatus::ReauthorizationRequired
    );
    assert_eq!(
        stage.connector.inspected().len(),
        1,
        "a dead token is not asked about again"
    );
    let post = stage.post(&account).await;
    stage.tick_all().await;
    assert!(stage.network.taken().is_empty(), "its lane stands still");
    let told = told(&stage, id).await;
    let kind = EventKind::ConnectionReauthorizationRequired;
    assert_eq!(times(&told, kind), 1);

    let mended = log_in(&stage, lasting(&stage, "new", None)).await;
    assert_eq!(mended, id);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_token_that_dies_while_it_is_renewed_should_be_told_once() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "token", Some(60))).await;
    let dead = failure(FailureClass::Reauthorize);
    stage.connector.renew("token", Err(dead));
    live(&stage, 23).await;
    let connection = read(&stage, id).await;
    assert_eq!(connection.status, ConnectionStatus::ReauthorizationRequired);
    let told = told(&stage, id).await;
    assert_eq!(
        times(&told, EventKind::ConnectionReauthorizationRequired),
        1
    );
    assert_eq!(times(&told, EventKind::ConnectionExpiring), 0);
}

#[tokio::test]
async fn a_token_that_ends_and_cannot_be_renewed_should_be_told_of_once() {
    for refusal in [None, Some(transient())] {
        let stage = Stage::new().await;
        let id = log_in(&stage, lasting(&stage, "token", Some(60))).await;
        for _ in 0..2_000 {
            let renewed = refusal.clone().map_or(Ok(None), Err);
            stage.connector.renew("token", renewed);
        }
        live(&stage, 52).await;
        let expiring = EventKind::ConnectionExpiring;
        assert_eq!(times(&told(&stage, id).await, expiring), 0);
        live(&stage, 2).await;
        let events = stage.told_of(Subject::Connection(id)).await;
        let event = events.iter().find(|event| event.kind == expiring).unwrap();
        assert!(event.kind.is_public());
        assert_eq!(event.data["connection"]["id"], id.to_string());
        assert!(!event.data.to_string().contains("\"token\""));
        live(&stage, 5).await;
        let told = told(&stage, id).await;
        assert_eq!(times(&told, expiring), 1);
        assert_eq!(read(&stage, id).await.status, ConnectionStatus::Active);

        // A new token is told of anew.
        log_in(&stage, lasting(&stage, "next", Some(60))).await;
        assert_eq!(read(&stage, id).await.upkeep.told_at, None);
    }
}

#[tokio::test]
async fn a_renewal_that_makes_nothing_last_longer_should_not_hide_the_end() {
    let stage = Stage::new().await;
    let brings = lasting(&stage, "first", Some(60));
    let ends = brings.expires_at;
    let id = log_in(&stage, brings).await;
    stage
        .connector
        .renew("first", Ok(Some(refreshed("second", ends))));
    live(&stage, 54).await;
    let connection = read(&stage, id).await;
    assert_eq!(token_of(&stage, &connection), "second");
    assert_eq!(connection.expires_at, ends);
    let told = told(&stage, id).await;
    assert_eq!(times(&told, EventKind::ConnectionExpiring), 1);
    assert!(stage.connector.renewed().len() > 2, "it is tried again");
}

#[tokio::test]
async fn a_provider_that_cannot_renew_now_should_be_asked_what_it_grants_all_the_same() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "token", Some(60))).await;
    for _ in 0..100 {
        stage.connector.renew("token", Err(transient()));
    }
    live(&stage, 20).await;
    let before = stage.connector.inspected().len();
    live(&stage, 2).await;
    assert!(!stage.connector.renewed().is_empty());
    assert!(stage.connector.inspected().len() > before);
    stage.connector.change("token", None);
    live(&stage, 1).await;
    assert_eq!(
        read(&stage, id).await.status,
        ConnectionStatus::ReauthorizationRequired
    );
}

#[tokio::test]
async fn many_processes_should_not_renew_one_token_at_once() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "first", Some(60))).await;
    let ends = stage.now() + TimeDelta::days(90);
    stage
        .connector
        .renew("first", Ok(Some(refreshed("second", Some(ends)))));
    stage.pass(21 * 24 * 3600);
    let engines = (0..8).map(|_| {
        let engine = Engine::new(stage.on(Arc::clone(&stage.store)));
        tokio::spawn(async move { engine.keep_up().await.unwrap() })
    });
    let mut found = 0;
    for engine in engines.collect::<Vec<_>>() {
        found += within(engine).await.unwrap();
    }
    assert_eq!(found, 1);
    assert_eq!(stage.connector.renewed(), ["first"]);
    assert_eq!(token_of(&stage, &read(&stage, id).await), "second");
}

#[tokio::test]
async fn a_reconnect_should_outlive_a_renewal_under_way() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "first", Some(60))).await;
    let ends = stage.now() + TimeDelta::days(90);
    stage
        .connector
        .renew("first", Ok(Some(refreshed("second", Some(ends)))));
    stage.pass(21 * 24 * 3600);
    let stopping = stage.stopping(At::Before, EventKind::ConnectionUpdated);
    let slow = Engine::new(stage.on(Arc::<Wrapped>::clone(&stopping)));
    let renewing = tokio::spawn(async move { slow.keep_up().await.unwrap() });
    within(stopping.until_stopped()).await;
    log_in(&stage, lasting(&stage, "mine", Some(60))).await;
    stopping.release();
    assert_eq!(within(renewing).await.unwrap(), 1);
    let connection = read(&stage, id).await;
    assert_eq!(token_of(&stage, &connection), "mine");
    assert_eq!(connection.upkeep.token_since, Some(stage.now()));
}

#[tokio::test]
async fn a_connection_removed_meanwhile_should_not_come_back() {
    let stage = Stage::new().await;
    let id = log_in(&stage, lasting(&stage, "first", Some(60))).await;
    let ends = stage.now() + TimeDelta::days(90);
    stage
        .connector
        .renew("first", Ok(Some(refreshed("second", Some(ends)))));
    stage.pass(21 * 24 * 3600);
    let stopping = stage.stopping(At::Before, EventKind::ConnectionUpdated);
    let slow = Engine::new(stage.on(Arc::<Wrapped>::clone(&stopping)));
    let renewing = tokio::spawn(async move { slow.keep_up().await.unwrap() });
    within(stopping.until_stopped()).await;
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    connections.remove(id).await.unwrap();
    stopping.release();
    within(renewing).await.unwrap();
    let gone = stage.store.connection(stage.tenant, id).await.unwrap();
    assert_eq!(gone, None);
}
