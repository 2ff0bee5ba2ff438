//! Rotating encryption keys: everything is sealed anew, nothing else changes, and a missing key is noticed.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use shareville_core::{
    Error, Shareville,
    connection::{Connection, ConnectionStatus, Upkeep},
    engine::Engine,
    event::EventKind,
    failure::FailureClass,
    id::{ConnectionId, Provider, TenantId, UserId},
    post::PostStatus,
    reseal::ResealProgress,
    secret::{Keyring, OpenError, Sealed},
    store::ConnectionChange,
    tenancy::{Patch, TenantInput},
    testing::network::{Call, Fault, granted},
};
use tokio_util::sync::CancellationToken;

use crate::stage::{At, Stage, Wrapped, failure, spawn_tick, within};

struct Keys {
    old: SecretString,
    new: SecretString,
}

impl Keys {
    fn make() -> Self {
        Self {
            old: Keyring::generate_text("old"),
            new: Keyring::generate_text("new"),
        }
    }

    fn old(&self) -> Keyring {
        Keyring::parse(self.old.expose_secret()).unwrap()
    }

    fn replaced(&self) -> Keyring {
        Keyring::parse(self.new.expose_secret()).unwrap()
    }

    /// While they are changed.
    fn both(&self) -> Keyring {
        let (new, old) = (self.new.expose_secret(), self.old.expose_secret());
        Keyring::parse(&format!("{new},{old}")).unwrap()
    }
}

/// Restarts with these keys.
fn restart(stage: &mut Stage, keyring: Keyring) {
    stage.keyring = keyring;
    stage.shareville = stage.on(Arc::clone(&stage.store));
}

async fn stage(keys: &Keys) -> Stage {
    let mut stage = Stage::new().await;
    restart(&mut stage, keys.old());
    enter_app_secret(&stage).await;
    stage
}

/// The owner enters the app's secret, which is sealed with the stage's key.
async fn enter_app_secret(stage: &Stage) {
    let secret = TenantInput {
        facebook_app_secret: Patch::Set("app secret".into()),
        ..TenantInput::default()
    };
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.update(stage.tenant, secret).await.unwrap();
}

async fn key_ids(stage: &Stage) -> Vec<String> {
    let page = stage.store.sealed(None, 1000).await.unwrap();
    assert_eq!(page.next, None);
    let id = |sealed: &Sealed| sealed.key_id().unwrap_or("none").to_owned();
    let mut ids: Vec<_> = page.secrets.iter().map(|it| id(&it.sealed)).collect();
    ids.sort();
    ids
}

fn refusal(checked: Result<(), Error>) -> OpenError {
    match checked {
        Err(Error::Sealed(error)) => error,
        other => panic!("no key is found to be missing: {other:?}"),
    }
}

/// Many connections of the tenant, sealed with the stage's key.
async fn many(stage: &Stage, count: usize) {
    for number in 0..count {
        let id = ConnectionId::generate();
        let place = Connection::token_place(stage.tenant, id);
        let connection = Connection {
            id,
            tenant: stage.tenant,
            user: UserId::new("maria"),
            provider: Provider::facebook(),
            revision: 1,
            person: format!("person {number}"),
            person_ids: Vec::new(),
            name: None,
            picture: None,
            status: ConnectionStatus::Active,
            scopes: Vec::new(),
            missing_scopes: Vec::new(),
            token: stage.keyring.seal(place, &"token".into()),
            expires_at: None,
            upkeep: Upkeep::default(),
            created_at: stage.now(),
            updated_at: stage.now(),
        };
        let change = ConnectionChange {
            connection,
            revision: None,
            accounts: Vec::new(),
            events: Vec::new(),
            pause: Vec::new(),
            resume: Vec::new(),
        };
        let saved = stage.store.save_connection(&change).await;
        saved.unwrap().unwrap();
    }
}

#[tokio::test]
async fn everything_should_be_sealed_anew_and_still_work() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    let (before, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let brings = granted(&Provider::facebook(), "grace", "hers", &["page-2"]);
    let unconfirmed = stage.log_in("grace", true, brings).await;
    let tenant = stage.store.tenant(stage.tenant).await.unwrap().unwrap();
    restart(&mut stage, keys.both());
    let mut seen: Vec<ResealProgress> = Vec::new();
    let done = stage.shareville.reseal(|at| seen.push(at)).await.unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(
        (done.resealed as usize, done.already),
        (key_ids(&stage).await.len(), 0)
    );
    assert!(key_ids(&stage).await.iter().all(|id| id == "new"));
    assert!(seen.iter().all(|at| at.done <= at.total));
    assert_eq!(
        seen.last().map(|at| (at.done == at.total, at.resealed)),
        Some((true, done.resealed))
    );

    // Nothing but the ciphertext has changed.
    let after = stage.store.tenant(stage.tenant).await.unwrap().unwrap();
    assert_eq!(
        (after.revision, after.updated_at),
        (tenant.revision, tenant.updated_at)
    );
    let (connection, _) = stage.connection(before.id).await;
    assert_ne!(connection.token, before.token);
    assert_eq!(
        connection,
        Connection {
            token: connection.token.clone(),
            ..before
        }
    );
    let again = stage.shareville.reseal(|_| {}).await.unwrap();
    assert_eq!((again.resealed, again.already), (0, done.resealed));

    // The old key is not needed any more: not for posts, and not for the grant that waits.
    restart(&mut stage, keys.replaced());
    stage.shareville.check_keys().await.unwrap();
    let post = stage.post(&accounts[0]).await;
    assert_eq!(stage.drive_one(post.id).await.status, PostStatus::Published);
    let shareville_core::connect::LandingStatus::Confirm { grant } = unconfirmed.status else {
        panic!("nothing to confirm")
    };
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    let (grant, grace) = (grant.into(), "grace".into());
    let confirmed = connections.confirm(&grant, Some(&grace));
    assert_eq!(confirmed.await.unwrap().status, ConnectionStatus::Active);
}

#[tokio::test]
async fn it_may_be_stopped_at_any_batch_and_called_again() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    many(&stage, 900).await;
    restart(&mut stage, keys.both());
    let shareville = stage.shareville.clone();
    let mut batches = 0;
    let stopped = tokio::spawn(async move {
        let after_two = move |_| {
            batches += 1;
            assert!(batches < 2, "stopped");
        };
        shareville.reseal(after_two).await
    });
    assert!(stopped.await.is_err());
    let half = key_ids(&stage).await;
    let is_new = |id: &&String| *id == "new";
    let moved = half.iter().filter(is_new).count();
    assert!(0 < moved && moved < half.len(), "{moved}");
    // Whoever started with the new key alone now would be told.
    restart(&mut stage, keys.replaced());
    let missing = OpenError::UnknownKey { id: "old".into() };
    assert_eq!(refusal(stage.shareville.check_keys().await), missing);

    restart(&mut stage, keys.both());
    let done = stage.shareville.reseal(|_| {}).await.unwrap();
    assert!(done.is_complete(), "{done:?}");
    assert_eq!(
        (done.already as usize, done.resealed as usize),
        (moved, half.len() - moved)
    );
    assert!(key_ids(&stage).await.iter().all(|id| id == "new"));
}

#[tokio::test]
async fn what_does_not_open_should_be_named_and_left() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    let (good, _) = stage.connect("maria", "token", &["page-1"]).await;
    let (mut lost, _) = stage.connect("grace", "hers", &["page-2"]).await;
    // Its key is nowhere any more.
    let place = Connection::token_place(stage.tenant, lost.id);
    let gone = Keyring::parse(Keyring::generate_text("gone").expose_secret()).unwrap();
    lost.token = gone.seal(place, &"hers".into());
    let change = ConnectionChange {
        revision: Some(lost.revision),
        connection: lost.clone(),
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    };
    stage.store.save_connection(&change).await.unwrap().unwrap();
    restart(&mut stage, keys.both());
    let done = stage.shareville.reseal(|_| {}).await.unwrap();
    assert!(done.settled && !done.is_complete());
    let [unreadable] = &done.unreadable.first[..] else {
        panic!("one is named: {done:?}")
    };
    assert_eq!(unreadable.tenant, stage.tenant);
    assert_eq!(unreadable.record, lost.id.as_uuid());
    assert_eq!(unreadable.field, "connection_token");
    assert_eq!(
        unreadable.error,
        OpenError::UnknownKey { id: "gone".into() }
    );
    assert_eq!(stage.connection(lost.id).await.0.token, lost.token);
    assert_eq!(
        stage.connection(good.id).await.0.token.key_id(),
        Some("new")
    );
    let survey = stage.shareville.survey_keys(|_| {}).await.unwrap();
    let keys: Vec<_> = survey
        .keys
        .iter()
        .map(|(id, it)| (id.as_str(), it.readable > 0, it.unreadable))
        .collect();
    assert_eq!(keys, [("gone", false, 1), ("new", true, 0)]);
    assert_eq!(survey.unreadable, done.unreadable);
}

#[tokio::test]
async fn a_missing_key_should_be_noticed_at_the_start() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    // Before anything was checked, as in a database of an older version, and after.
    for _ in 0..2 {
        restart(&mut stage, keys.replaced());
        let missing = OpenError::UnknownKey { id: "old".into() };
        assert_eq!(refusal(stage.shareville.check_keys().await), missing);
        restart(
            &mut stage,
            Keyring::parse(Keyring::generate_text("old").expose_secret()).unwrap(),
        );
        let other = OpenError::OtherKey { id: "old".into() };
        assert_eq!(refusal(stage.shareville.check_keys().await), other);
        restart(&mut stage, keys.old());
        stage.shareville.check_keys().await.unwrap();
        stage.shareville.check_keys().await.unwrap();
    }
}

#[tokio::test]
async fn a_key_that_has_sealed_nothing_may_be_dropped() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    stage.shareville.check_keys().await.unwrap();
    // Somebody began to change keys, and thought better of it.
    restart(&mut stage, keys.both());
    stage.shareville.check_keys().await.unwrap();
    restart(&mut stage, keys.old());
    stage.shareville.check_keys().await.unwrap();
    // Another key under the id of the one that was dropped is as good as any.
    let new = Keyring::generate_text("new");
    let text = format!("{},{}", new.expose_secret(), keys.old.expose_secret());
    restart(&mut stage, Keyring::parse(&text).unwrap());
    stage.shareville.check_keys().await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_lost_should_be_given_up() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    let (lost, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    stage.shareville.check_keys().await.unwrap();
    let in_use = stage.shareville.give_up_key("old", |_| {}).await;
    assert!(
        matches!(
            in_use,
            Err(Error::Conflict {
                code: "key_in_use",
                ..
            })
        ),
        "{in_use:?}"
    );
    let unknown = stage.shareville.give_up_key("odl", |_| {}).await;
    assert!(matches!(unknown, Err(Error::NotFound("key"))));

    // A new key, and, for those who think that this helps, another one under the old id.
    let under_old_id = Keyring::generate_text("old");
    for (keyring, missing) in [
        (keys.replaced(), OpenError::UnknownKey { id: "old".into() }),
        (
            Keyring::parse(under_old_id.expose_secret()).unwrap(),
            OpenError::OtherKey { id: "old".into() },
        ),
    ] {
        restart(&mut stage, keyring);
        assert_eq!(refusal(stage.shareville.check_keys().await), missing);
    }
    restart(&mut stage, keys.replaced());
    let given_up = stage.shareville.give_up_key("old", |_| {}).await.unwrap();
    let sealed = key_ids(&stage).await.len();
    assert_eq!(
        (given_up.readable, given_up.unreadable as usize),
        (0, sealed)
    );
    stage.shareville.check_keys().await.unwrap();
    // What another key gives cause to look through does not bring it up again.
    restart(&mut stage, keys.both());
    stage.shareville.check_keys().await.unwrap();
    let newer = Keyring::generate_text("newer");
    let text = format!("{},{}", newer.expose_secret(), keys.new.expose_secret());
    restart(&mut stage, Keyring::parse(&text).unwrap());
    stage.shareville.check_keys().await.unwrap();
    restart(&mut stage, keys.replaced());
    stage.shareville.check_keys().await.unwrap();

    // It works again as soon as all that was lost is there again.
    let post = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    let waiting = stage.read(post.id).await;
    let code = waiting.failure.map(|failure| failure.code);
    assert_eq!(code.as_deref(), Some("secret_unreadable"));
    enter_app_secret(&stage).await;
    let (again, _) = stage.connect("maria", "token", &["page-1"]).await;
    assert_eq!(again.id, lost.id);
    assert_eq!(stage.drive_one(post.id).await.status, PostStatus::Published);
    // What a login answered is good for ten minutes only.
    stage.pass(601);
    stage.shareville.sweep().await.unwrap();
    assert!(key_ids(&stage).await.iter().all(|id| id == "new"));
}

#[tokio::test]
async fn a_probe_that_another_process_forgot_should_be_kept_again() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    restart(&mut stage, keys.both());
    stage.shareville.check_keys().await.unwrap();
    let shutdown = CancellationToken::new();
    let engine = Engine::new(stage.shareville.clone());
    let running = tokio::spawn(engine.run(shutdown.clone()));
    // One that does not know the new key starts while nothing is sealed with it yet.
    restart(&mut stage, keys.old());
    stage.shareville.check_keys().await.unwrap();
    assert_eq!(probes(&stage).await, ["old"]);
    within(async {
        while probes(&stage).await != ["new", "old"] {
            stage.pass(60);
            tokio::task::yield_now().await;
        }
    })
    .await;
    shutdown.cancel();
    within(running).await.unwrap();
    // So whoever starts without it is told, once something is.
    restart(&mut stage, keys.both());
    many(&stage, 1).await;
    restart(&mut stage, keys.old());
    let missing = OpenError::UnknownKey { id: "new".into() };
    assert_eq!(refusal(stage.shareville.check_keys().await), missing);
}

/// Whose probes are kept.
async fn probes(stage: &Stage) -> Vec<String> {
    let mut ids: Vec<_> = stage
        .store
        .probes()
        .await
        .unwrap()
        .iter()
        .map(|probe| probe.key_id().unwrap_or("none").to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_token_sealed_anew_should_still_be_found_dead() {
    let keys = Keys::make();
    let mut stage = stage(&keys).await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    restart(&mut stage, keys.both());
    let dead = failure(FailureClass::Reauthorize);
    stage.network.on(Call::Commit, 1, Fault::Refuse(dead));
    stage.post(&accounts[0]).await;
    let view = stage.stopping(At::After, EventKind::PostCommit);
    let round = spawn_tick(&stage.on(Arc::<Wrapped>::clone(&view)));
    within(view.until_stopped()).await;
    // The worker has read the connection; now its token is sealed anew, and then the network says that it is dead.
    stage.shareville.reseal(|_| {}).await.unwrap();
    view.release();
    within(round).await.unwrap();
    let (broken, _) = stage.connection(connection.id).await;
    assert_eq!(broken.status, ConnectionStatus::ReauthorizationRequired);
}

#[tokio::test]
async fn a_store_with_nothing_in_it_should_be_checked_and_sealed_anew() {
    let keys = Keys::make();
    let mut stage = Stage::new().await;
    stage.store.delete_tenant(stage.tenant).await.unwrap();
    stage.tenant = TenantId::generate();
    restart(&mut stage, keys.old());
    stage.shareville.check_keys().await.unwrap();
    let done = reseal(&stage.shareville).await;
    assert_eq!(
        (done.resealed, done.already, done.is_complete()),
        (0, 0, true)
    );
}

async fn reseal(shareville: &Shareville) -> shareville_core::reseal::Resealed {
    shareville.reseal(|_| {}).await.unwrap()
}
