//! Connecting: the one who finishes is the one who began, and nothing is exchanged twice.

use std::{sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use shareville_core::{
    Error,
    connect::{Callback, LandingStatus},
    connection::{Account, Connection, ConnectionStatus},
    connector::Granted,
    event::{EventKind, Subject},
    failure::FailureClass,
    id::Provider,
    post::PostStatus,
    secret::Belongs,
    store::PageRequest,
    testing::{
        network::{Call, Fault, found, granted},
        wrapped::Wrapped,
    },
};

use crate::stage::{At, Stage, failure, kinds, transient, within};

fn brings(token: &str, scopes: &[&str]) -> Granted {
    let mut granted = granted(&Provider::facebook(), "person of maria", token, &["page-1"]);
    granted.scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
    granted
}

async fn connections(stage: &Stage) -> Vec<Connection> {
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    connections
        .list(None, PageRequest::first(100))
        .await
        .unwrap()
        .items
}

fn token_of(stage: &Stage, connection: &Connection) -> String {
    let place: Belongs = Connection::token_place(stage.tenant, connection.id);
    let token = stage.keyring.open(place, &connection.token).unwrap();
    token.expose_secret().to_owned()
}

async fn grant(stage: &Stage) -> String {
    let landing = stage
        .log_in("maria", true, brings("token", &["publish"]))
        .await;
    match landing.status {
        LandingStatus::Confirm { grant } => grant,
        other => panic!("nothing to confirm: {other:?}"),
    }
}

async fn confirm(stage: &Stage, grant: &str, user: &str) -> Result<Connection, Error> {
    let caller = stage.caller().await;
    let connections = stage.shareville.connections(&caller);
    connections.confirm(&grant.into(), Some(&user.into())).await
}

#[tokio::test]
async fn a_login_should_connect_what_was_granted() {
    let stage = Stage::new().await;
    let landing = stage
        .log_in("maria", false, brings("token", &["publish"]))
        .await;
    let LandingStatus::Connected { connection } = landing.status else {
        panic!("not connected: {landing:?}")
    };
    let redirect = landing.redirect.unwrap();
    assert_eq!(redirect.path(), "/connected");
    assert!(
        redirect
            .query()
            .unwrap()
            .contains(&format!("connectionId={connection}"))
    );
    let (connection, accounts) = stage.connection(connection).await;
    assert_eq!(connection.status, ConnectionStatus::Active);
    assert_eq!(token_of(&stage, &connection), "token");
    assert_eq!(accounts.len(), 1);
    assert!(accounts[0].can_publish);
}

#[tokio::test]
async fn a_grant_should_open_nothing_before_it_is_confirmed() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    assert_eq!(connections(&stage).await, []);
    let connection = confirm(&stage, &grant, "maria").await.unwrap();
    assert_eq!(connections(&stage).await, [connection]);
    let again = confirm(&stage, &grant, "maria").await;
    assert!(
        matches!(again, Err(Error::NotFound("grant"))),
        "single use: {again:?}"
    );
}

#[tokio::test]
async fn another_user_should_not_confirm_but_end_the_grant() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    let stolen = confirm(&stage, &grant, "eve").await;
    let is_forbidden = matches!(
        stolen,
        Err(Error::Forbidden {
            code: "other_user",
            ..
        })
    );
    assert!(is_forbidden, "{stolen:?}");
    assert_eq!(stage.connector.revoked(), ["token"]);
    assert_eq!(connections(&stage).await, []);
    let late = confirm(&stage, &grant, "maria").await;
    assert!(
        matches!(late, Err(Error::NotFound("grant"))),
        "erased: {late:?}"
    );
}

#[tokio::test]
async fn a_stolen_grant_should_not_cut_off_who_is_connected_already() {
    let stage = Stage::new().await;
    stage
        .log_in("maria", false, brings("first", &["publish"]))
        .await;
    let grant = grant(&stage).await;
    assert!(confirm(&stage, &grant, "eve").await.is_err());
    assert!(
        stage.connector.revoked().is_empty(),
        "the provider would withdraw both"
    );
}

#[tokio::test]
async fn a_grant_nobody_confirms_should_be_revoked_when_its_time_is_over() {
    let stage = Stage::new().await;
    let grant = grant(&stage).await;
    stage.pass(600);
    let late = confirm(&stage, &grant, "maria").await;
    assert!(matches!(late, Err(Error::NotFound("grant"))));
    stage.shareville.sweep().await.unwrap();
    assert_eq!(stage.connector.revoked(), ["token"]);
}

#[tokio::test]
async fn the_same_code_again_should_give_the_same_answer_and_exchange_nothing() {
    for confirm in [false, true] {
        let stage = Stage::new().await;
        let (state, code) = stage
            .begin("maria", confirm, brings("token", &["publish"]))
            .await;
        let first = stage.come_back(&state, &code).await.unwrap();
        let again = stage.come_back(&state, &code).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(stage.connector.exchanged().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn twins_that_come_back_at_once_should_get_one_exchange_and_one_answer() {
    let stage = Stage::new().await;
    let (state, code) = stage
        .begin("maria", false, brings("token", &["publish"]))
        .await;
    let twins = (0..8).map(|_| stage.come_back(&state, &code));
    let landings = within(futures::future::join_all(twins)).await;
    let landings: Vec<_> = landings.into_iter().map(Result::unwrap).collect();
    assert!(landings.iter().all(|landing| *landing == landings[0]));
    assert_eq!(stage.connector.exchanged().len(), 1);
}

#[tokio::test]
async fn a_state_should_be_good_for_one_code_and_ten_minutes() {
    let stage = Stage::new().await;
    let (state, code) = stage
        .begin("maria", false, brings("token", &["publish"]))
        .await;
    stage.come_back(&state, &code).await.unwrap();
    let other = stage.come_back(&state, "another code").await;
    assert!(matches!(other, Err(Error::BadState)), "{other:?}");
    assert_eq!(stage.connector.exchanged().len(), 1);

    let (state, code) = stage
        .begin("maria", false, brings("late", &["publish"]))
        .await;
    stage.pass(600);
    let late = stage.come_back(&state, &code).await;
    assert!(matches!(late, Err(Error::BadState)), "{late:?}");
    let forged = stage.come_back("svl_forged", &code).await;
    assert!(matches!(forged, Err(Error::BadState)), "{forged:?}");
    assert_eq!(stage.connector.exchanged().len(), 1);
}

#[tokio::test]
async fn a_refusal_should_take_the_state_too() {
    let stage = Stage::new().await;
    let (state, code) = stage
        .begin("maria", false, brings("token", &["publish"]))
        .await;
    let refusal = Callback {
        state: Some(state.clone()),
        error: Some("access_denied".to_owned()),
        ..Callback::default()
    };
    let provider = Provider::facebook();
    let landing = stage
        .shareville
        .finish_login(&provider, refusal)
        .await
        .unwrap();
    assert!(
        matches!(&landing.status, LandingStatus::Error { code, .. } if code == "access_denied")
    );
    let then = stage.come_back(&state, &code).await;
    assert!(matches!(then, Err(Error::BadState)), "{then:?}");
}

#[tokio::test]
async fn a_reconnect_should_keep_ids_and_say_what_did_not_come_along() {
    let stage = Stage::new().await;
    let (before, old) = stage.connect("maria", "old", &["page-1", "page-2"]).await;
    let (after, new) = stage.connect("maria", "new", &["page-2", "page-3"]).await;
    assert_eq!(after.id, before.id);
    assert!(after.revision > before.revision);
    assert_eq!(token_of(&stage, &after), "new");
    let ids: Vec<_> = new
        .iter()
        .map(|account| account.platform_id.as_str())
        .collect();
    assert_eq!(ids, ["page-1", "page-2", "page-3"]);
    assert_eq!([new[0].id, new[1].id], [old[0].id, old[1].id]);
    assert_eq!(
        [0, 1, 2].map(|at: usize| new[at].can_publish),
        [false, true, true]
    );
    assert!(!new[0].problems.is_empty() && new[0].token.is_none());
}

#[tokio::test]
async fn a_reconnect_should_not_replace_a_token_that_can_do_more() {
    let stage = Stage::new().await;
    stage
        .log_in("maria", false, brings("abler", &["publish", "comment"]))
        .await;
    stage
        .log_in("maria", false, brings("lesser", &["publish"]))
        .await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "abler");
    assert_eq!(
        stage.connector.inspected(),
        ["abler"],
        "asked what it can do now"
    );

    // What the person has withdrawn counts for the old token too.
    stage
        .connector
        .change("abler", Some(brings("abler", &["publish"])));
    stage
        .log_in("maria", false, brings("newest", &["publish"]))
        .await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "newest");
    assert_eq!(connection.scopes, ["publish"]);
}

#[tokio::test]
async fn an_abler_token_that_cannot_be_asked_about_just_now_should_be_kept() {
    let stage = Stage::new().await;
    let abler = Granted {
        accounts: vec![
            found(&Provider::facebook(), "page-1"),
            found(&Provider::facebook(), "page-2"),
        ],
        ..brings("abler", &["publish", "comment"])
    };
    stage.log_in("maria", false, abler).await;
    stage.connector.fail_inspections(Some(transient()));
    stage
        .log_in("maria", false, brings("lesser", &["publish"]))
        .await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "abler");
    assert_eq!(connection.scopes, ["publish", "comment"]);
    let (_, accounts) = stage.connection(connection.id).await;
    assert_eq!(accounts.len(), 2);
    for account in accounts {
        assert!(account.can_publish, "{:?}", account.problems);
        let place = Account::token_place(stage.tenant, account.id);
        let token = stage.keyring.open(place, &account.token.unwrap());
        let expected = format!("token of {}", account.platform_id);
        assert_eq!(token.unwrap().expose_secret(), expected);
    }
    // One that can do as much is taken all the same; so is any, once the old one has ended.
    let mut as_able = brings("as able", &["publish", "comment"]);
    let provider = Provider::facebook();
    as_able.accounts.push(found(&provider, "page-2"));
    as_able.expires_at = Some(stage.at(3600));
    stage.log_in("maria", false, as_able).await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "as able");
    stage.pass(3600);
    stage
        .log_in("maria", false, brings("lesser", &["publish"]))
        .await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "lesser");
}

#[tokio::test]
async fn what_asking_anew_cannot_tell_should_stay_as_it_was() {
    let stage = Stage::new().await;
    stage.connector.tell_accounts_only();
    let ends = "2027-01-01T00:00:00Z".parse().ok();
    let brings = |token| Granted {
        expires_at: ends,
        missing_scopes: vec!["comment".to_owned()],
        ..brings(token, &["publish"])
    };
    let expected = |connection: &Connection| {
        assert_eq!(connection.scopes, ["publish"]);
        assert_eq!(connection.missing_scopes, ["comment"]);
        assert_eq!(connection.expires_at, ends);
    };
    // Asked anew when it is confirmed, and when its accounts are.
    let landing = stage.log_in("maria", true, brings("token")).await;
    let LandingStatus::Confirm { grant } = landing.status else {
        panic!("nothing to confirm: {:?}", landing.status);
    };
    let connection = confirm(&stage, &grant, "maria").await.unwrap();
    expected(&connection);
    let caller = stage.caller().await;
    let connecting = stage.shareville.connections(&caller);
    expected(&connecting.refresh_accounts(connection.id).await.unwrap());
    assert_eq!(stage.connector.inspected().len(), 2);

    // What a reconnect would lose is known all the same.
    let lesser = Granted {
        scopes: Vec::new(),
        ..brings("lesser")
    };
    stage.log_in("maria", false, lesser).await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "token");
    expected(&connection);
}

#[tokio::test]
async fn a_dead_token_should_be_replaced_whatever_it_could_do() {
    let stage = Stage::new().await;
    stage
        .log_in("maria", false, brings("abler", &["publish", "comment"]))
        .await;
    stage.connector.change("abler", None);
    stage
        .log_in("maria", false, brings("lesser", &["publish"]))
        .await;
    let connection = connections(&stage).await.remove(0);
    assert_eq!(token_of(&stage, &connection), "lesser");
}

#[tokio::test]
async fn an_account_with_problems_should_be_shown_with_them() {
    let stage = Stage::new().await;
    let mut brings = brings("token", &["publish"]);
    let mut weak = found(&Provider::facebook(), "page-9");
    weak.problems
        .push("The task CREATE_CONTENT is missing.".to_owned());
    brings.accounts.push(weak);
    stage.log_in("maria", false, brings).await;
    let connection = connections(&stage).await.remove(0);
    let (_, accounts) = stage.connection(connection.id).await;
    assert_eq!(
        [accounts[0].can_publish, accounts[1].can_publish],
        [true, false]
    );
    assert_eq!(accounts[1].problems.len(), 1);
}

async fn remove(stage: &Stage, connection: &Connection) -> Result<(), Error> {
    let caller = stage.caller().await;
    stage
        .shareville
        .connections(&caller)
        .remove(connection.id)
        .await
}

#[tokio::test]
async fn a_removed_connection_should_end_its_posts_and_be_revoked() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let later = stage.post_at(&accounts[0], stage.at(3600)).await;
    remove(&stage, &connection).await.unwrap();
    let ended = stage.read(later.id).await;
    assert_eq!(ended.status, PostStatus::Failed);
    assert_eq!(ended.failure.unwrap().code, "connection_removed");
    assert_eq!(stage.connector.revoked(), ["token"]);
    assert_eq!(connections(&stage).await, []);
    assert!(matches!(
        remove(&stage, &connection).await,
        Err(Error::NotFound(_))
    ));
    stage.pass(2 * 3600);
    stage.tick_all().await;
    assert!(stage.network.visible().is_empty());
}

#[tokio::test]
async fn a_removal_should_look_once_at_each_open_commit() {
    let acted = (Fault::ActAndLoseAnswer, PostStatus::Published);
    let lost = (Fault::LoseRequest, PostStatus::Failed);
    for (fault, status) in [acted, lost] {
        let stage = Stage::new().await;
        let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
        stage.network.on(Call::Commit, 1, fault);
        let post = stage.post(&accounts[0]).await;
        stage.tick_all().await;
        assert_eq!(stage.network.count(Call::Look), 0);
        remove(&stage, &connection).await.unwrap();
        assert_eq!(stage.network.count(Call::Look), 1);
        let post = stage.read(post.id).await;
        assert_eq!(post.status, status);
        let code = post.failure.map(|failure| failure.code);
        let unknown = (status == PostStatus::Failed).then_some("outcome_unknown");
        assert_eq!(code.as_deref(), unknown);
    }
}

#[tokio::test]
async fn a_removal_should_not_revoke_what_another_connection_of_the_same_person_needs() {
    let stage = Stage::new().await;
    let same = |token| granted(&Provider::facebook(), "shared person", token, &["page-1"]);
    stage.log_in("maria", false, same("first")).await;
    stage.log_in("jose", false, same("second")).await;
    let both = connections(&stage).await;
    assert_eq!(both.len(), 2);
    remove(&stage, &both[0]).await.unwrap();
    assert!(stage.connector.revoked().is_empty());
    remove(&stage, &both[1]).await.unwrap();
    assert_eq!(stage.connector.revoked().len(), 1);
}

#[tokio::test]
async fn a_removal_should_be_told_with_a_revision_of_its_own() {
    let stage = Stage::new().await;
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    remove(&stage, &connection).await.unwrap();
    let told = stage.told_of(Subject::Connection(connection.id)).await;
    let last = told.last().unwrap();
    let mut public = kinds(&told);
    public.retain(|kind| kind.is_public());
    assert_eq!(
        public,
        [EventKind::ConnectionCreated, EventKind::ConnectionRevoked],
        "nobody is asked to connect again what was removed"
    );
    let before = told[..told.len() - 1]
        .iter()
        .map(|event| event.revision)
        .max();
    assert!(
        Some(last.revision) > before,
        "a receiver drops what is older than it has"
    );
    assert_eq!(last.data["connection"]["status"], "revoked");
    assert!(!last.data.to_string().contains("\"token\""));
}

#[tokio::test]
async fn a_healthy_connection_should_carry_its_lane_when_another_breaks() {
    let stage = Stage::new().await;
    let same = |person: &str, token| granted(&Provider::facebook(), person, token, &["page-1"]);
    stage.log_in("maria", false, same("maria", "first")).await;
    stage.log_in("jose", false, same("jose", "second")).await;
    let both = connections(&stage).await;
    let (_, of_jose) = stage.connection(both[0].id).await;
    let (_, of_maria) = stage.connection(both[1].id).await;
    stage.network.on(
        Call::Prepare,
        1,
        Fault::Refuse(failure(FailureClass::Reauthorize)),
    );
    let broken = stage.post(&of_maria[0]).await;
    stage.tick_all().await;
    let healthy = stage.post(&of_jose[0]).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(healthy.id), 1);
    assert_eq!(stage.network.visible_of(broken.id), 0);
}

#[tokio::test]
async fn many_posts_should_be_ended_a_few_at_a_time() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let mut posts = Vec::new();
    for _ in 0..250 {
        posts.push(stage.post_at(&accounts[0], stage.at(3600)).await.id);
    }
    let counted = Arc::new(Wrapped::leaving(Arc::clone(&stage.store)));
    let shareville = stage.on(Arc::<Wrapped>::clone(&counted));
    let caller = stage.caller().await;
    let connecting = shareville.connections(&caller);
    connecting.remove(connection.id).await.unwrap();
    for post in posts {
        assert_eq!(stage.read(post).await.status, PostStatus::Failed);
    }
    assert_eq!(counted.most_unsettled(), 100);
}

#[tokio::test]
async fn posts_that_a_removal_left_behind_should_be_ended() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let post = stage.post_at(&accounts[0], stage.at(3600)).await;
    // As if it was cut short, just after the connection was erased.
    let store = &stage.store;
    let removed = store.remove_connection(stage.tenant, connection.id, &[]);
    assert!(removed.await.unwrap());
    stage.shareville.sweep().await.unwrap();
    let ended = stage.read(post.id).await;
    assert_eq!(ended.status, PostStatus::Failed);
    assert_eq!(ended.failure.unwrap().code, "connection_removed");
    let told = kinds(&stage.told(post.id).await);
    stage.shareville.sweep().await.unwrap();
    assert_eq!(kinds(&stage.told(post.id).await), told, "it is told once");
}

#[tokio::test]
async fn a_refresh_should_not_bring_back_a_removed_connection() {
    let stage = Stage::new().await;
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    let stopping = stage.stopping(At::Before, EventKind::ConnectionUpdated);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let caller = stage.caller().await;
    let refreshing = tokio::spawn({
        let caller = caller.clone();
        async move {
            slow.connections(&caller)
                .refresh_accounts(connection.id)
                .await
        }
    });
    within(stopping.until_stopped()).await;
    let connecting = stage.shareville.connections(&caller);
    connecting.remove(connection.id).await.unwrap();
    stopping.release();
    let refreshed = within(refreshing).await.unwrap();
    assert!(
        matches!(refreshed, Err(Error::NotFound("connection"))),
        "{refreshed:?}"
    );
    assert_eq!(connections(&stage).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_answer_should_hold_up_no_refresh_for_ever() {
    let stage = Stage::new().await;
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    stage.connector.fall_silent_at("token");
    let caller = stage.caller().await;
    let connecting = stage.shareville.connections(&caller);
    let asked = tokio::time::timeout(
        Duration::from_secs(61),
        connecting.refresh_accounts(connection.id),
    );
    match asked.await.unwrap() {
        Err(Error::Platform(failure)) => {
            assert_eq!(failure.class, FailureClass::Transient);
            assert_eq!(failure.code, "timed_out");
        }
        other => panic!("{other:?}"),
    }
    let (same, _) = stage.connection(connection.id).await;
    assert_eq!(same.status, ConnectionStatus::Active);
}

#[tokio::test]
async fn a_refresh_should_not_mend_what_was_marked_as_broken_beside_it() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let stopping = stage.stopping(At::Before, EventKind::ConnectionUpdated);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let caller = stage.caller().await;
    let refreshing = tokio::spawn({
        let caller = caller.clone();
        async move {
            slow.connections(&caller)
                .refresh_accounts(connection.id)
                .await
        }
    });
    within(stopping.until_stopped()).await;
    stage.connector.change("token", None);
    let connecting = stage.shareville.connections(&caller);
    assert!(connecting.refresh_accounts(connection.id).await.is_err());
    stopping.release();
    let refreshed = within(refreshing).await.unwrap().unwrap();
    let broken = ConnectionStatus::ReauthorizationRequired;
    assert_eq!(refreshed.status, broken);
    let (connection, _) = stage.connection(connection.id).await;
    assert_eq!(connection.status, broken);

    // Who asks about one that is broken already mends it, if it works after all.
    stage
        .connector
        .change("token", Some(brings("token", &["publish"])));
    let mended = connecting.refresh_accounts(connection.id).await.unwrap();
    assert_eq!(mended.status, ConnectionStatus::Active);
    let post = stage.post(&accounts[0]).await;
    assert_eq!(stage.drive_one(post.id).await.status, PostStatus::Published);
}

#[tokio::test]
async fn who_is_erased_while_they_come_back_should_not_be_connected() {
    let stage = Stage::new().await;
    let (state, code) = stage
        .begin("maria", false, brings("token", &["publish"]))
        .await;
    let stopping = stage.stopping(At::Before, EventKind::ConnectionCreated);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let callback = Callback {
        state: Some(state),
        code: Some(code.as_str().into()),
        ..Callback::default()
    };
    let coming =
        tokio::spawn(async move { slow.finish_login(&Provider::facebook(), callback).await });
    within(stopping.until_stopped()).await;
    let caller = stage.caller().await;
    let maria = "maria".into();
    stage.shareville.erase_user(&caller, &maria).await.unwrap();
    stopping.release();
    let landed = within(coming).await.unwrap();
    assert!(matches!(landed, Err(Error::BadState)), "{landed:?}");
    assert_eq!(connections(&stage).await, []);
    assert_eq!(stage.connector.revoked(), ["token"]);
}
