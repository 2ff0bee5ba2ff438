//! Accounts of several networks by one login, and one account by several logins.

use std::sync::Arc;

use shareville_core::{
    Error, Shareville,
    connect::{Callback, LandingStatus, NewLogin},
    connection::{Account, Connection, ConnectionStatus},
    connector::Granted,
    engine::Engine,
    event::{EventKind, Subject},
    failure::FailureClass,
    id::{ConnectionId, Provider},
    post::Post,
    tenant::App,
    testing::network::{Call, FakeConnector, FakeNetwork, Fault, Manners, found, granted},
};

use crate::stage::{Stage, failure, input, kinds};

/// A stage with an Instagram beside the Facebook, and a login of its own there.
struct Both {
    stage: Stage,
    instagram: FakeNetwork,
    instagram_login: FakeConnector,
    shareville: Shareville,
}

impl Both {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let clock = Arc::clone(&stage.clock);
        let instagram = FakeNetwork::named(Provider::instagram(), clock, Manners::default());
        let app = App {
            id: "5678".to_owned(),
            secret: "app secret".into(),
        };
        let instagram_login = FakeConnector::new(Provider::instagram()).with_shared_app(app);
        let url = "https://shareville.example/api".parse().unwrap();
        let store = Arc::clone(&stage.store);
        let shareville = Shareville::builder(store, stage.keyring.clone(), url)
            .clock(Arc::<shareville_core::clock::ManualClock>::clone(
                &stage.clock,
            ))
            .publisher(stage.network.clone())
            .publisher(instagram.clone())
            .connector(stage.connector.clone())
            .connector(instagram_login.clone())
            .build()
            .unwrap();
        Self {
            stage,
            instagram,
            instagram_login,
            shareville,
        }
    }

    async fn log_in(&self, provider: Provider, brings: Granted) -> ConnectionId {
        let caller = self.stage.caller().await;
        let new = NewLogin {
            provider: provider.clone(),
            user: Some("maria".into()),
            redirect_uri: None,
            confirm: false,
        };
        let begun = self.shareville.connections(&caller).begin(new).await;
        let url = begun.unwrap().url;
        let state = url.query_pairs().find(|(key, _)| key == "state").unwrap().1;
        match provider == Provider::instagram() {
            true => self.instagram_login.grant("code", brings),
            false => self.stage.connector.grant("code", brings),
        }
        let callback = Callback {
            state: Some(state.into_owned()),
            code: Some("code".into()),
            ..Callback::default()
        };
        let landing = self.shareville.finish_login(&provider, callback).await;
        match landing.unwrap().status {
            LandingStatus::Connected { connection } => connection,
            other => panic!("not connected: {other:?}"),
        }
    }

    /// Facebook's login, which brings a Page and the Instagram account that is linked to it.
    async fn by_facebook(&self, token: &str) -> (Connection, Account, Account) {
        let mut brings = granted(&Provider::facebook(), "maria", token, &["page-1"]);
        brings.accounts.push(found(&Provider::instagram(), "17841"));
        let id = self.log_in(Provider::facebook(), brings).await;
        let (connection, accounts) = self.stage.connection(id).await;
        let of = |provider: Provider| {
            let found = accounts.iter().find(|account| account.provider == provider);
            found.unwrap().clone()
        };
        let (page, account) = (of(Provider::facebook()), of(Provider::instagram()));
        (connection, page, account)
    }

    /// Instagram's own login to the same account.
    async fn by_instagram(&self, token: &str) -> (Connection, Account) {
        let brings = granted(&Provider::instagram(), "17841", token, &["17841"]);
        let id = self.log_in(Provider::instagram(), brings).await;
        let (connection, mut accounts) = self.stage.connection(id).await;
        (connection, accounts.remove(0))
    }

    async fn post(&self, account: &Account, says: &str) -> Post {
        let mut input = input(account, Some(self.stage.now()));
        input.content.caption = Some(says.to_owned());
        let caller = self.stage.caller().await;
        self.shareville.posts(&caller).create(input).await.unwrap()
    }

    async fn tick_all(&self) {
        let engine = Engine::new(self.shareville.clone());
        while engine.tick().await.unwrap() > 0 {}
    }

    async fn remove(&self, connection: &Connection) {
        let caller = self.stage.caller().await;
        let connections = self.shareville.connections(&caller);
        connections.remove(connection.id).await.unwrap();
    }

    async fn status(&self, connection: &Connection) -> ConnectionStatus {
        self.stage.connection(connection.id).await.0.status
    }
}

#[tokio::test]
async fn one_login_should_open_accounts_of_several_networks() {
    let both = Both::new().await;
    let (_, page, account) = both.by_facebook("token").await;
    let on_page = both.post(&page, "hello").await;
    let on_instagram = both.post(&account, "hello").await;
    both.tick_all().await;
    assert_eq!(both.stage.network.visible_of(on_page.id), 1);
    assert_eq!(both.instagram.visible_of(on_instagram.id), 1);

    let (_, page_again, account_again) = both.by_facebook("next").await;
    assert_eq!([page_again.id, account_again.id], [page.id, account.id]);
}

#[tokio::test]
async fn a_refresh_should_know_accounts_of_each_network_apart() {
    let both = Both::new().await;
    let mut brings = granted(&Provider::facebook(), "maria", "token", &["1"]);
    brings.accounts.push(found(&Provider::instagram(), "1"));
    let id = both.log_in(Provider::facebook(), brings.clone()).await;
    let before = both.stage.connection(id).await.1;
    brings.accounts[1].problems = vec!["It is not linked any more.".to_owned()];
    both.stage.connector.change("token", Some(brings));
    let caller = both.stage.caller().await;
    let connections = both.shareville.connections(&caller);
    connections.refresh_accounts(id).await.unwrap();
    let after = both.stage.connection(id).await.1;
    assert_eq!(after.len(), 2);
    for account in after {
        let known = before.iter().find(|it| it.provider == account.provider);
        assert_eq!(known.unwrap().id, account.id);
        let is_page = account.provider == Provider::facebook();
        assert_eq!(account.can_publish, is_page, "{account:?}");
    }
}

#[tokio::test]
async fn a_dead_token_should_hold_posts_of_every_network_until_it_is_mended() {
    let both = Both::new().await;
    let (connection, page, account) = both.by_facebook("old").await;
    let dead = Fault::Refuse(failure(FailureClass::Reauthorize));
    both.instagram.on(Call::Prepare, 1, dead);
    let on_instagram = both.post(&account, "hello").await;
    both.tick_all().await;
    assert_eq!(
        both.status(&connection).await,
        ConnectionStatus::ReauthorizationRequired
    );
    let on_page = both.post(&page, "hello").await;
    both.tick_all().await;
    assert!(
        both.stage.network.taken().is_empty(),
        "its lane stands still"
    );
    both.by_facebook("new").await;
    both.tick_all().await;
    assert_eq!(both.instagram.visible_of(on_instagram.id), 1);
    assert_eq!(both.stage.network.visible_of(on_page.id), 1);
}

#[tokio::test]
async fn an_account_by_two_logins_should_go_on_by_the_one_that_works() {
    let both = Both::new().await;
    let (linked, _, by_facebook) = both.by_facebook("facebook's").await;
    let (direct, by_instagram) = both.by_instagram("instagram's").await;
    assert_eq!(by_facebook.lane(), by_instagram.lane());
    assert_ne!(by_facebook.id, by_instagram.id);
    let dead = Fault::Refuse(failure(FailureClass::Reauthorize));
    both.instagram.on(Call::Prepare, 1, dead);
    let waits = both.post(&by_facebook, "by facebook").await;
    both.tick_all().await;
    assert_eq!(
        both.status(&linked).await,
        ConnectionStatus::ReauthorizationRequired
    );
    assert_eq!(both.status(&direct).await, ConnectionStatus::Active);
    let goes = both.post(&by_instagram, "by instagram").await;
    both.tick_all().await;
    assert_eq!(both.instagram.visible_of(goes.id), 1);
    assert_eq!(both.instagram.visible_of(waits.id), 0);

    both.by_facebook("mended").await;
    both.stage.pass(3600);
    both.tick_all().await;
    assert_eq!(both.instagram.visible_of(waits.id), 1);
}

#[tokio::test]
async fn removing_one_of_two_logins_should_leave_the_account_to_the_other() {
    for removes_first in [true, false] {
        let both = Both::new().await;
        let (linked, page, by_facebook) = both.by_facebook("facebook's").await;
        let (direct, by_instagram) = both.by_instagram("instagram's").await;
        let (gone, left) = match removes_first {
            true => (&linked, &by_instagram),
            false => (&direct, &by_facebook),
        };
        both.remove(gone).await;
        let post = both.post(left, "still here").await;
        both.tick_all().await;
        assert_eq!(both.instagram.visible_of(post.id), 1);
        let caller = both.stage.caller().await;
        let posts = both.shareville.posts(&caller);
        let to_page = posts.create(input(&page, Some(both.stage.now()))).await;
        assert_eq!(to_page.is_ok(), !removes_first);
    }
}

#[tokio::test]
async fn a_login_should_mend_the_lane_that_another_login_left_standing() {
    let both = Both::new().await;
    let (linked, _, by_facebook) = both.by_facebook("facebook's").await;
    let dead = Fault::Refuse(failure(FailureClass::Reauthorize));
    both.instagram.on(Call::Prepare, 1, dead);
    both.post(&by_facebook, "by facebook").await;
    both.tick_all().await;
    assert_eq!(
        both.status(&linked).await,
        ConnectionStatus::ReauthorizationRequired
    );
    let (_, by_instagram) = both.by_instagram("instagram's").await;
    let post = both.post(&by_instagram, "by instagram").await;
    both.tick_all().await;
    assert_eq!(both.instagram.visible_of(post.id), 1);
}

#[tokio::test]
async fn what_a_login_did_not_bring_should_be_told_at_once() {
    let both = Both::new().await;
    let mut brings = granted(&Provider::facebook(), "maria", "token", &["page-1"]);
    brings.missing_scopes = vec!["instagram_content_publish".to_owned()];
    let mut weak = found(&Provider::instagram(), "17841");
    let problem = "The permission instagram_content_publish was declined.";
    weak.problems.push(problem.to_owned());
    brings.accounts.push(weak);
    let id = both.log_in(Provider::facebook(), brings).await;
    let (connection, accounts) = both.stage.connection(id).await;
    assert_eq!(connection.missing_scopes, ["instagram_content_publish"]);
    let events = both.stage.told_of(Subject::Connection(id)).await;
    assert_eq!(kinds(&events), [EventKind::ConnectionCreated]);
    let told = &events[0].data["connection"]["missing_scopes"];
    assert_eq!(*told, serde_json::json!(["instagram_content_publish"]));

    let is_weak = |it: &&Account| it.provider == Provider::instagram();
    let weak = accounts.iter().find(is_weak).unwrap();
    assert_eq!(weak.problems, [problem]);
    let caller = both.stage.caller().await;
    let posts = both.shareville.posts(&caller);
    let refused = posts.create(input(weak, None)).await;
    let Err(Error::Invalid(violations)) = refused else {
        panic!("not refused: {refused:?}")
    };
    assert_eq!(violations[0].code, "cannot_publish");
    assert!(violations[0].message.contains(problem));
}

#[tokio::test]
async fn a_reconnect_should_not_lose_accounts_that_the_old_token_still_opens() {
    let both = Both::new().await;
    let (before, _, account) = both.by_facebook("abler").await;
    let less = granted(&Provider::facebook(), "maria", "lesser", &["page-1"]);
    let id = both.log_in(Provider::facebook(), less.clone()).await;
    assert_eq!(id, before.id);
    let kept = both
        .stage
        .store
        .account(both.stage.tenant, account.id)
        .await;
    assert!(kept.unwrap().unwrap().can_publish);
    let after = both.stage.connection(id).await.0;
    assert_eq!(
        after.upkeep.token_since, before.upkeep.token_since,
        "it is the old token"
    );

    // What the old token does not open any more is lost whichever is kept.
    let now = Granted {
        token: "abler".into(),
        ..less.clone()
    };
    both.stage.connector.change("abler", Some(now));
    both.log_in(Provider::facebook(), less).await;
    let lost = both
        .stage
        .store
        .account(both.stage.tenant, account.id)
        .await;
    assert!(!lost.unwrap().unwrap().can_publish);
}

#[tokio::test]
async fn a_person_should_be_known_by_all_their_ids() {
    let both = Both::new().await;
    let mut brings = granted(&Provider::instagram(), "17841", "token", &["17841"]);
    brings.person_ids = vec!["scoped-1".to_owned(), "17841".to_owned()];
    let id = both.log_in(Provider::instagram(), brings.clone()).await;
    brings.person_ids = vec!["scoped-2".to_owned()];
    both.log_in(Provider::instagram(), brings).await;
    let connection = both.stage.connection(id).await.0;
    assert_eq!(connection.person_ids, ["scoped-1", "scoped-2"]);
    for known in ["17841", "scoped-1", "scoped-2"] {
        let (store, tenant) = (&both.stage.store, both.stage.tenant);
        let found = store
            .connections_of_person(tenant, &Provider::instagram(), known)
            .await;
        assert_eq!(found.unwrap(), std::slice::from_ref(&connection), "{known}");
    }
}
