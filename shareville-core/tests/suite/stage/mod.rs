//! What the tests stand on: one tenant, its end users, and everything in memory.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use secrecy::ExposeSecret;
use shareville_core::{
    Caller, Settings, Shareville,
    clock::{Clock, ManualClock, Timestamp},
    connect::{Callback, Landing, LandingStatus, NewLogin},
    connection::{Account, Connection},
    connector::Granted,
    engine::Engine,
    event::{Event, EventKind, Subject},
    failure::{Failure, FailureClass, LimitScope},
    id::{OwnerId, PostId, Provider, TenantId},
    post::{Content, Post, PostStatus},
    posting::PostInput,
    secret::Keyring,
    store::{MemoryStore, PageRequest, Store},
    tenancy::{Patch, TenantInput},
    testing::{
        network::{FakeConnector, FakeNetwork, Manners, granted},
        store::START,
    },
};
use tokio::task::JoinHandle;

pub(crate) use shareville_core::testing::wrapped::{At, Wrapped};

use crate::heeding::FakeCallbacks;

/// The most rounds a test drives its engines for.
const MOST_ROUNDS: usize = 20_000;

pub(crate) struct Stage {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) network: FakeNetwork,
    pub(crate) connector: FakeConnector,
    pub(crate) keyring: Keyring,
    pub(crate) settings: Settings,
    pub(crate) owner: OwnerId,
    pub(crate) tenant: TenantId,
    /// The whole of it on the store as it is.
    pub(crate) shareville: Shareville,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(Manners::default()).await
    }

    pub(crate) async fn with(manners: Manners) -> Self {
        Self::set(manners, Settings::default()).await
    }

    pub(crate) async fn set(manners: Manners, settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
        let network = FakeNetwork::with(Arc::<ManualClock>::clone(&clock), manners);
        let connector = FakeConnector::new(Provider::facebook());
        let keyring = Keyring::ephemeral();
        let shareville = build(
            Arc::clone(&store),
            &keyring,
            &clock,
            &network,
            &connector,
            settings,
        );
        let owner = OwnerId::new("owner");
        let input = TenantInput {
            name: Some("Bakery".to_owned()),
            redirect_uris: Some(vec!["https://bakery.example/connected".to_owned()]),
            facebook_app_id: Patch::Set("1234".to_owned()),
            facebook_app_secret: Patch::Set("app secret".into()),
            ..TenantInput::default()
        };
        let tenant = shareville
            .tenancy(&owner)
            .create(input)
            .await
            .unwrap()
            .tenant
            .id;
        Self {
            clock,
            store,
            network,
            connector,
            keyring,
            settings,
            owner,
            tenant,
            shareville,
        }
    }

    /// Another process on another view of the same store.
    pub(crate) fn on(&self, store: Arc<dyn Store>) -> Shareville {
        let (clock, network) = (&self.clock, &self.network);
        build(
            store,
            &self.keyring,
            clock,
            network,
            &self.connector,
            self.settings,
        )
    }

    /// A view of the store that stops at a certain write.
    pub(crate) fn stopping(&self, at: At, kind: EventKind) -> Arc<Wrapped> {
        Arc::new(Wrapped::stopping(Arc::clone(&self.store), at, kind))
    }

    pub(crate) async fn caller(&self) -> Caller {
        self.shareville.on_behalf_of(self.tenant).await.unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn at(&self, seconds: i64) -> Timestamp {
        self.now() + TimeDelta::seconds(seconds)
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// A user logs in, and the code brings this.
    pub(crate) async fn log_in(&self, user: &str, confirm: bool, brings: Granted) -> Landing {
        let (state, code) = self.begin(user, confirm, brings).await;
        self.come_back(&state, &code).await.unwrap()
    }

    /// A user sets out to log in: gives the state and a fresh code.
    pub(crate) async fn begin(
        &self,
        user: &str,
        confirm: bool,
        brings: Granted,
    ) -> (String, String) {
        let caller = self.caller().await;
        let new = NewLogin {
            provider: Provider::facebook(),
            user: Some(user.into()),
            redirect_uri: Some("https://bakery.example/connected".to_owned()),
            confirm,
        };
        let begun = self
            .shareville
            .connections(&caller)
            .begin(new)
            .await
            .unwrap();
        let state = begun.url.query_pairs().find(|(key, _)| key == "state");
        let state = state.unwrap().1.into_owned();
        let code = format!("code of {}", brings.token.expose_secret());
        self.connector.grant(&code, brings);
        (state, code)
    }

    pub(crate) async fn come_back(
        &self,
        state: &str,
        code: &str,
    ) -> Result<Landing, shareville_core::Error> {
        let callback = Callback {
            state: Some(state.to_owned()),
            code: Some(code.into()),
            ..Callback::default()
        };
        let provider = Provider::facebook();
        self.shareville.finish_login(&provider, callback).await
    }

    /// A user connects: the connection and its accounts.
    pub(crate) async fn connect(
        &self,
        user: &str,
        token: &str,
        ids: &[&str],
    ) -> (Connection, Vec<Account>) {
        let brings = granted(
            &Provider::facebook(),
            &format!("person of {user}"),
            token,
            ids,
        );
        let landing = self.log_in(user, false, brings).await;
        let LandingStatus::Connected { connection } = landing.status else {
            panic!("not connected: {landing:?}")
        };
        self.connection(connection).await
    }

    pub(crate) async fn connection(
        &self,
        id: shareville_core::id::ConnectionId,
    ) -> (Connection, Vec<Account>) {
        let connection = self
            .store
            .connection(self.tenant, id)
            .await
            .unwrap()
            .unwrap();
        let page = PageRequest::first(100);
        let mut accounts = self
            .store
            .accounts(self.tenant, id, page)
            .await
            .unwrap()
            .items;
        accounts.sort_by(|a, b| a.platform_id.cmp(&b.platform_id));
        (connection, accounts)
    }

    /// One account of one user.
    pub(crate) async fn account(&self) -> Account {
        self.connect("maria", "token", &["page-1"])
            .await
            .1
            .remove(0)
    }

    /// A post that is due at once.
    pub(crate) async fn post(&self, account: &Account) -> Post {
        self.post_at(account, self.now()).await
    }

    pub(crate) async fn post_at(&self, account: &Account, at: Timestamp) -> Post {
        self.create(input(account, Some(at))).await
    }

    pub(crate) async fn create(&self, input: PostInput) -> Post {
        let caller = self.caller().await;
        self.shareville.posts(&caller).create(input).await.unwrap()
    }

    pub(crate) async fn read(&self, id: PostId) -> Post {
        self.store.post(self.tenant, id).await.unwrap().unwrap()
    }

    /// What was told of a post, oldest first.
    pub(crate) async fn told(&self, id: PostId) -> Vec<Event> {
        self.told_of(Subject::Post(id)).await
    }

    pub(crate) async fn told_of(&self, subject: Subject) -> Vec<Event> {
        let page = PageRequest::first(10_000);
        let mut events = self
            .store
            .events(self.tenant, subject, page)
            .await
            .unwrap()
            .items;
        events.reverse();
        events
    }

    /// One round of an engine on the store as it is.
    pub(crate) async fn tick(&self) -> usize {
        Engine::new(self.shareville.clone()).tick().await.unwrap()
    }

    /// Rounds, until nothing more is up now.
    pub(crate) async fn tick_all(&self) {
        for _ in 0..MOST_ROUNDS {
            if self.tick().await == 0 {
                return;
            }
        }
        panic!("there is no end to what is up at {}", self.now());
    }

    /// Lets time pass and an engine work until these posts have ended.
    pub(crate) async fn drive(&self, posts: &[PostId]) {
        for _ in 0..MOST_ROUNDS {
            self.tick_all().await;
            let mut next = None;
            for id in posts {
                let post = self.read(*id).await;
                if !has_ended(&post) {
                    let due = [post.due_at(), post.expires_at()]
                        .into_iter()
                        .flatten()
                        .min();
                    let due = due.expect("what has not ended is due some time");
                    next = Some(next.map_or(due, |next: Timestamp| next.min(due)));
                }
            }
            let Some(next) = next else { return };
            // What is due already waits for a lease to run out, or for a pause.
            self.clock.set(next.max(self.at(1)));
        }
        panic!("the posts do not end");
    }

    pub(crate) async fn drive_one(&self, id: PostId) -> Post {
        self.drive(&[id]).await;
        self.read(id).await
    }
}

/// Begins a round of another engine, to be killed or frozen in the middle.
pub(crate) fn spawn_tick(shareville: &Shareville) -> JoinHandle<usize> {
    let engine = Engine::new(shareville.clone());
    tokio::spawn(async move { engine.tick().await.unwrap() })
}

/// A round of an engine, killed once `when` has come.
pub(crate) async fn kill_when(shareville: &Shareville, when: impl Future<Output = ()>) {
    let round = spawn_tick(shareville);
    within(when).await;
    round.abort();
    let ended = round.await;
    assert!(
        ended.is_err_and(|error| error.is_cancelled()),
        "it was killed in the middle"
    );
}

/// What must happen at once, waited for with patience.
pub(crate) async fn within<T>(work: impl Future<Output = T>) -> T {
    let patience = Duration::from_secs(20);
    let done = tokio::time::timeout(patience, work).await;
    done.expect("what was waited for did not happen")
}

fn build(
    store: Arc<dyn Store>,
    keyring: &Keyring,
    clock: &Arc<ManualClock>,
    network: &FakeNetwork,
    connector: &FakeConnector,
    settings: Settings,
) -> Shareville {
    let url = "https://shareville.example/api".parse().unwrap();
    Shareville::builder(store, keyring.clone(), url)
        .clock(Arc::<ManualClock>::clone(clock))
        .publisher(network.clone())
        .connector(connector.clone())
        .callbacks(FakeCallbacks)
        .settings(settings)
        .build()
        .unwrap()
}

pub(crate) fn input(account: &Account, at: Option<Timestamp>) -> PostInput {
    PostInput {
        account: account.id.to_string(),
        content: Content::text("Good morning"),
        scheduled_at: at,
        ..PostInput::default()
    }
}

pub(crate) fn with_comment(account: &Account, at: Timestamp) -> PostInput {
    let mut input = input(account, Some(at));
    input.content.first_comment = Some("First!".to_owned());
    input
}

/// Whether the engine has nothing more to do for it.
pub(crate) fn has_ended(post: &Post) -> bool {
    let to_go_out = matches!(post.status, PostStatus::Scheduled | PostStatus::Publishing);
    !to_go_out && post.due_at().is_none()
}

pub(crate) fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "The network says no.")
}

pub(crate) fn transient() -> Failure {
    failure(FailureClass::Transient)
}

pub(crate) fn limited(until: Timestamp, scope: LimitScope) -> Failure {
    failure(FailureClass::RateLimited {
        until: Some(until),
        scope,
    })
}

/// The kinds of what was told, in order.
pub(crate) fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}
