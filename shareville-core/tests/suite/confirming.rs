//! Confirming what a login brought: it is ended for whoever is not the one who began, or is erased meanwhile; what is slow
//! ends nothing.

use std::sync::Arc;

use secrecy::ExposeSecret;
use shareville_core::{
    Caller, Error,
    connect::{Callback, Landing, LandingStatus},
    connection::{Connection, ConnectionStatus},
    connector::Granted,
    event::EventKind,
    id::{Provider, UserId},
    post::{Post, PostStatus},
    store::PageRequest,
    tenancy::NewApiKey,
    testing::network::granted,
};
use tokio::task::JoinHandle;

use crate::stage::{At, Stage, Wrapped, within};

fn brings() -> Granted {
    granted(&Provider::facebook(), "person", "token", &["page-1"])
}

async fn grant(stage: &Stage) -> String {
    let landing = stage.log_in("maria", true, brings()).await;
    match landing.status {
        LandingStatus::Confirm { grant } => grant,
        other => panic!("nothing to confirm: {other:?}"),
    }
}

async fn confirm(
    stage: &Stage,
    caller: &Caller,
    grant: &str,
    user: &str,
) -> Result<Connection, Error> {
    let connections = stage.shareville.connections(caller);
    connections.confirm(&grant.into(), Some(&user.into())).await
}

/// Maria confirms, and is stopped before the connection is written down.
async fn confirming(
    stage: &Stage,
    grant: String,
    written: EventKind,
) -> (Arc<Wrapped>, JoinHandle<Result<Connection, Error>>) {
    let stopping = stage.stopping(At::Before, written);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let caller = stage.caller().await;
    let confirming = tokio::spawn(async move {
        let connections = slow.connections(&caller);
        let maria = UserId::new("maria");
        connections.confirm(&grant.into(), Some(&maria)).await
    });
    within(stopping.until_stopped()).await;
    (stopping, confirming)
}

/// Maria comes back, and is stopped before what she brings is written down.
async fn coming_back(
    stage: &Stage,
    (state, code): (String, String),
    written: EventKind,
) -> (Arc<Wrapped>, JoinHandle<Result<Landing, Error>>) {
    let stopping = stage.stopping(At::Before, written);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let callback = Callback {
        state: Some(state),
        code: Some(code.into()),
        ..Callback::default()
    };
    let coming =
        tokio::spawn(async move { slow.finish_login(&Provider::facebook(), callback).await });
    within(stopping.until_stopped()).await;
    (stopping, coming)
}

async fn delete_the_client_app(stage: &Stage) {
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.delete(stage.tenant).await.unwrap();
}

/// Maria's connection, a post that waits to go out through it, and what she would bring if she logged in again.
async fn connected(stage: &Stage) -> (Connection, Post, Granted) {
    let (connection, accounts) = stage.connect("maria", "old token", &["page-1"]).await;
    let post = stage.post_at(&accounts[0], stage.at(86_400)).await;
    let again = granted(
        &Provider::facebook(),
        &connection.person,
        "token",
        &["page-1"],
    );
    (connection, post, again)
}

/// Whether Maria's connection and her post are as healthy as ever.
async fn is_healthy(stage: &Stage, connection: &Connection, post: &Post) -> bool {
    let (connection, _) = stage.connection(connection.id).await;
    connection.status == ConnectionStatus::Active
        && stage.read(post.id).await.status == PostStatus::Scheduled
}

async fn erase_maria(stage: &Stage) {
    let caller = stage.caller().await;
    let maria = UserId::new("maria");
    stage.shareville.erase_user(&caller, &maria).await.unwrap();
}

/// Whether nothing at all of Maria's is left.
async fn is_unknown(stage: &Stage) -> bool {
    let maria = UserId::new("maria");
    let known = stage.store.shut_out(stage.tenant, &maria, &[]);
    known.await.unwrap().is_none()
}

async fn speaking_for(stage: &Stage, user: &str) -> Caller {
    let tenancy = stage.shareville.tenancy(&stage.owner);
    let key = tenancy.create_api_key(stage.tenant, NewApiKey::default());
    let (_, key) = key.await.unwrap();
    let key = stage.shareville.authenticate(key.expose_secret());
    let key = key.await.unwrap();
    let minted = stage
        .shareville
        .mint_user_token(&key, UserId::new(user), None);
    let (_, token) = minted.await.unwrap();
    let caller = stage.shareville.authenticate(token.expose_secret());
    caller.await.unwrap()
}

#[tokio::test]
async fn who_is_erased_while_their_login_is_kept_should_have_nothing_to_confirm() {
    let stage = Stage::new().await;
    let login = stage.begin("maria", true, brings()).await;
    let (stopping, coming) = coming_back(&stage, login, EventKind::ConnectionCreated).await;
    erase_maria(&stage).await;
    stopping.release();
    let landed = within(coming).await.unwrap();
    assert!(matches!(landed, Err(Error::BadState)), "{landed:?}");
    assert_eq!(stage.connector.revoked(), ["token"]);
    assert!(is_unknown(&stage).await);
}

#[tokio::test]
async fn who_is_erased_while_they_confirm_should_not_be_connected() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    let (stopping, confirming) = confirming(&stage, grant, EventKind::ConnectionCreated).await;
    erase_maria(&stage).await;
    stopping.release();
    let confirmed = within(confirming).await.unwrap();
    assert!(
        matches!(confirmed, Err(Error::NotFound("grant"))),
        "{confirmed:?}"
    );
    let page = PageRequest::first(10);
    let left = stage.store.connections(stage.tenant, None, page).await;
    assert_eq!(left.unwrap().items, []);
    assert!(stage.connector.revoked().contains(&"token".to_owned()));
}

#[tokio::test]
async fn a_slow_confirmation_should_leave_an_earlier_connection_alone() {
    let stage = Stage::new().await;
    let (earlier, post, again) = connected(&stage).await;
    let landing = stage.log_in("maria", true, again).await;
    let LandingStatus::Confirm { grant } = landing.status else {
        panic!("nothing to confirm: {landing:?}");
    };
    stage.pass(599);
    let (stopping, confirming) = confirming(&stage, grant, EventKind::ConnectionUpdated).await;
    stage.pass(60);
    stage.shareville.sweep().await.unwrap();
    stopping.release();
    let confirmed = within(confirming).await.unwrap();
    assert_eq!(confirmed.unwrap().id, earlier.id);
    assert!(is_healthy(&stage, &earlier, &post).await);
    stage.pass(600);
    stage.shareville.sweep().await.unwrap();
    assert!(
        is_healthy(&stage, &earlier, &post).await,
        "nothing is left to be ended"
    );
    assert!(stage.connector.revoked().is_empty());
}

#[tokio::test]
async fn who_comes_back_at_the_last_moment_should_keep_an_earlier_connection() {
    let stage = Stage::new().await;
    let (earlier, post, again) = connected(&stage).await;
    let login = stage.begin("maria", false, again).await;
    stage.pass(599);
    let (stopping, coming) = coming_back(&stage, login, EventKind::ConnectionUpdated).await;
    stage.pass(60);
    stage.shareville.sweep().await.unwrap();
    stopping.release();
    let landed = within(coming).await.unwrap().unwrap();
    let connected = LandingStatus::Connected {
        connection: earlier.id,
    };
    assert_eq!(landed.status, connected);
    assert!(is_healthy(&stage, &earlier, &post).await);
}

#[tokio::test]
async fn who_comes_back_when_the_client_app_is_gone_should_be_told_to_begin_again() {
    for confirm in [true, false] {
        let stage = Stage::new().await;
        let login = stage.begin("maria", confirm, brings()).await;
        let (stopping, coming) = coming_back(&stage, login, EventKind::ConnectionCreated).await;
        delete_the_client_app(&stage).await;
        stopping.release();
        let landed = within(coming).await.unwrap();
        assert!(matches!(landed, Err(Error::BadState)), "{landed:?}");
    }
}

#[tokio::test]
async fn who_confirms_when_the_client_app_is_gone_should_have_nothing_to_confirm() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    let (stopping, confirming) = confirming(&stage, grant, EventKind::ConnectionCreated).await;
    delete_the_client_app(&stage).await;
    stopping.release();
    let confirmed = within(confirming).await.unwrap();
    assert!(
        matches!(confirmed, Err(Error::NotFound("grant"))),
        "{confirmed:?}"
    );
}

#[tokio::test]
async fn a_confirmation_that_broke_off_should_leave_nothing_unrevoked() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    let (_, confirming) = confirming(&stage, grant.clone(), EventKind::ConnectionCreated).await;
    confirming.abort();
    assert!(confirming.await.is_err(), "it was killed in the middle");
    let again = confirm(&stage, &stage.caller().await, &grant, "maria").await;
    assert!(
        matches!(again, Err(Error::NotFound("grant"))),
        "single use: {again:?}"
    );
    stage.pass(600);
    stage.shareville.sweep().await.unwrap();
    assert_eq!(stage.connector.revoked(), ["token"]);
    assert!(is_unknown(&stage).await);
}

#[tokio::test]
async fn a_sweep_that_broke_off_should_leave_nothing_unrevoked() {
    let stage = Stage::new().await;
    grant(&stage).await;
    stage.pass(600);
    // As if it was killed before it could revoke what it had found.
    let found = stage.store.sweep(stage.at(600)).await.unwrap();
    assert_eq!(found.len(), 1);
    stage.shareville.sweep().await.unwrap();
    assert_eq!(stage.connector.revoked(), [""; 0], "somebody is at it");
    stage.pass(600);
    stage.shareville.sweep().await.unwrap();
    assert_eq!(stage.connector.revoked(), ["token"]);
    stage.pass(600);
    stage.shareville.sweep().await.unwrap();
    assert_eq!(stage.connector.revoked(), ["token"], "once");
    assert!(is_unknown(&stage).await);
}

#[tokio::test]
async fn a_user_token_that_names_somebody_else_should_end_the_grant() {
    let stage = Stage::new().await;
    let eve = speaking_for(&stage, "eve").await;
    let is_forbidden = |answer: &Result<Connection, Error>| {
        matches!(
            answer,
            Err(Error::Forbidden {
                code: "other_user",
                ..
            })
        )
    };
    let unknown = confirm(&stage, &eve, "svg_unknown", "maria").await;
    assert!(is_forbidden(&unknown), "{unknown:?}");
    let grant = grant(&stage).await;
    let stolen = confirm(&stage, &eve, &grant, "maria").await;
    assert!(is_forbidden(&stolen), "{stolen:?}");
    assert_eq!(stage.connector.revoked(), ["token"]);
    let late = confirm(&stage, &stage.caller().await, &grant, "maria").await;
    assert!(
        matches!(late, Err(Error::NotFound("grant"))),
        "erased: {late:?}"
    );
}
