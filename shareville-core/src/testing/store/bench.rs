//! What the tests of a store stand on: a fresh store, a clock to move, and things to put in.

use std::{any::Any, fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use crate::{
    clock::{Clock, ManualClock, Timestamp},
    connection::{Account, Connection, ConnectionStatus, Upkeep},
    event::Actor,
    id::{AccountId, ConnectionId, OwnerId, Provider, TenantId, UserId},
    lane::ClaimRef,
    post::{
        Applied, Change, Command, Content, Draft, Moment, Pace, Post, Progress, Repeat, apply,
        draft,
    },
    secret::Sealed,
    store::{Claim, ClaimRequest, ConnectionChange, NewPost, Stale, Store},
    tenant::{DEFAULT_GIVE_UP_AFTER, Tenant},
};

/// When each test starts: noon on 1 March 2026, and some microseconds.
pub const START: Timestamp = match DateTime::from_timestamp_micros(1_772_366_400_123_456) {
    Some(start) => start,
    None => DateTime::UNIX_EPOCH,
};

/// How long the claims of these tests last.
pub const LEASE: Duration = Duration::from_secs(60);

/// How long a test waits for what must happen at once, before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A fresh store and the clock it goes by.
pub struct Bench {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    other: Option<Arc<dyn Store>>,
    kept: Option<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("store", &self.store)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl Bench {
    /// A bench for one test.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Arc<ManualClock>) -> Self {
        Self {
            store,
            clock,
            other: None,
            kept: None,
        }
    }

    /// The same, keeping something alive as long as the test runs: a temporary directory, say.
    #[must_use]
    pub fn keeping(mut self, what: impl Any + Send + Sync) -> Self {
        self.kept = Some(Box::new(what));
        self
    }

    /// The same, with another handle on the same database, such as another process would have.
    #[must_use]
    pub fn with_other(mut self, other: Arc<dyn Store>) -> Self {
        self.other = Some(other);
        self
    }

    /// Another handle on the same database; the store itself, if there can be no other.
    #[must_use]
    pub fn other(&self) -> &Arc<dyn Store> {
        self.other.as_ref().unwrap_or(&self.store)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// So many seconds from now; before it, if negative.
    #[must_use]
    pub fn at(&self, seconds: i64) -> Timestamp {
        self.now() + TimeDelta::seconds(seconds)
    }

    /// Lets seconds pass.
    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Now, for a worker.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment {
            now: self.now(),
            actor: Actor::Worker,
            pace: Pace::default(),
        }
    }

    /// A new tenant with an owner of its own.
    pub async fn tenant(&self) -> Tenant {
        let tenant = new_tenant("", self.now());
        let owner = OwnerId::new(format!("owner of {}", tenant.id));
        let tenant = Tenant { owner, ..tenant };
        self.store.create_tenant(&tenant, &[]).await.unwrap();
        tenant
    }

    /// Stores a connection with an account for each of these ids at the platform.
    pub async fn connect(&self, connection: &Connection, platform_ids: &[&str]) -> Vec<Account> {
        let accounts: Vec<_> = platform_ids
            .iter()
            .map(|platform_id| new_account(connection, platform_id))
            .collect();
        let change = ConnectionChange {
            connection: connection.clone(),
            revision: None,
            accounts: accounts.clone(),
            events: Vec::new(),
            pause: Vec::new(),
            resume: Vec::new(),
        };
        let saved = self.store.save_connection(&change).await.unwrap();
        assert_eq!(saved, Ok(()), "a new connection is never stale");
        accounts
    }

    /// A new account with a connection of its own.
    pub async fn account(&self, tenant: &Tenant) -> Account {
        let connection = new_connection(tenant, "user", "");
        let person = connection.id.to_string();
        let connection = Connection {
            person: person.clone(),
            ..connection
        };
        let mut accounts = self.connect(&connection, &[&person]).await;
        accounts.remove(0)
    }

    /// A scheduled post, not stored yet.
    #[must_use]
    pub fn scheduled(&self, account: &Account, at: Timestamp) -> NewPost {
        let moment = self.moment();
        let wanted = Draft {
            account,
            group: None,
            content: Content::text("Good morning"),
            metadata: serde_json::Map::new(),
            give_up_after: DEFAULT_GIVE_UP_AFTER,
        };
        let (post, created) = draft(wanted, &moment);
        let schedule = Command::Schedule {
            at,
            timezone: None,
            lead: Duration::ZERO,
        };
        let change = apply(&post, schedule, &moment).expect("a draft can be scheduled");
        let events = std::iter::once(created).chain(change.events).collect();
        NewPost {
            post: change.next.expect("scheduling removes nothing"),
            events,
        }
    }

    /// A stored post that goes out at a time.
    pub async fn post(&self, account: &Account, at: Timestamp) -> Post {
        let new = self.scheduled(account, at);
        self.store
            .create(std::slice::from_ref(&new), None)
            .await
            .unwrap();
        new.post
    }

    /// A post as it is stored now.
    pub async fn read(&self, post: &Post) -> Post {
        let found = self.store.post(post.tenant, post.id).await.unwrap();
        found.expect("the post is there")
    }

    /// Claims up to `limit` lanes, however many of one tenant.
    pub async fn claim(&self, limit: usize) -> Vec<Claim> {
        self.claim_capped(limit, usize::MAX).await
    }

    /// Claims up to `limit` lanes, with no more than `per_tenant` of one tenant.
    pub async fn claim_capped(&self, limit: usize, per_tenant: usize) -> Vec<Claim> {
        let request = ClaimRequest::new(limit, LEASE, per_tenant);
        self.store.claim(request).await.unwrap().claims
    }

    /// Claims the one lane in which a post is up.
    pub async fn claim_one(&self) -> Claim {
        let mut claims = self.claim(10).await;
        assert_eq!(claims.len(), 1, "one lane, and no other, has a post up");
        claims.remove(0)
    }

    /// Gives a claim back.
    pub async fn release(&self, claim: &ClaimRef) {
        let claims = std::slice::from_ref(claim);
        self.store.release(claims).await.unwrap();
    }

    /// Computes what a command does to a post.
    #[must_use]
    pub fn change(&self, post: &Post, command: Command) -> Change {
        apply(post, command, &self.moment()).expect("the post does what it is told")
    }

    /// A change that keeps the post for `seconds` more.
    #[must_use]
    pub fn waiting(&self, post: &Post, seconds: i64) -> Change {
        let progress = progress(post);
        let until = Some(self.at(seconds));
        self.change(
            post,
            Command::Checkpoint {
                progress,
                until,
                note: None,
            },
        )
    }

    /// A change that opens a commit which may take a minute.
    #[must_use]
    pub fn committing(&self, post: &Post) -> Change {
        let commit = Command::BeginCommit {
            progress: progress(post),
            repeat: Repeat::Assumed,
            window: LEASE,
        };
        self.change(post, commit)
    }

    /// Executes one change.
    ///
    /// # Errors
    /// [`Stale`] as the store says.
    pub async fn apply(&self, change: &Change) -> Result<Applied, Stale> {
        let changes = std::slice::from_ref(change);
        let mut results = self.store.apply(changes).await.unwrap();
        assert_eq!(results.len(), 1, "one result for each change");
        results.remove(0)
    }

    /// Waits for what must happen at once.
    pub async fn soon<T>(&self, work: impl Future<Output = T>) -> T {
        let done = tokio::time::timeout(PATIENCE, work).await;
        done.expect("what was waited for did not happen")
    }

    /// Whether some work goes on waiting, though it was given many turns.
    pub async fn waits<F: Future>(&self, mut work: Pin<&mut F>) -> bool {
        for _ in 0..64 {
            if futures::poll!(work.as_mut()).is_ready() {
                return false;
            }
            tokio::task::yield_now().await;
        }
        true
    }
}

fn progress(post: &Post) -> Progress {
    Progress {
        version: 1,
        content_revision: post.content_revision,
        object: Some("object-1".to_owned()),
        data: json!({"uploaded": 3}),
    }
}

/// A tenant, not stored yet.
#[must_use]
pub fn new_tenant(owner: &str, now: Timestamp) -> Tenant {
    Tenant {
        id: TenantId::generate(),
        owner: OwnerId::new(owner),
        revision: 1,
        name: "Bakery".to_owned(),
        domain: Some("bakery.example".to_owned()),
        allowed_origins: vec!["https://bakery.example".to_owned()],
        redirect_uris: Vec::new(),
        facebook: None,
        instagram: None,
        webhook_url: None,
        webhook_secrets: Vec::new(),
        give_up_after: DEFAULT_GIVE_UP_AFTER,
        active: true,
        meta_verify_token: "verify".to_owned(),
        created_at: now,
        updated_at: now,
    }
}

/// An active Facebook connection, not stored yet.
#[must_use]
pub fn new_connection(tenant: &Tenant, user: &str, person: &str) -> Connection {
    Connection {
        id: ConnectionId::generate(),
        tenant: tenant.id,
        user: UserId::new(user),
        provider: Provider::facebook(),
        revision: 1,
        person: person.to_owned(),
        person_ids: Vec::new(),
        name: Some("Maria".to_owned()),
        picture: None,
        status: ConnectionStatus::Active,
        scopes: vec!["pages_manage_posts".to_owned()],
        missing_scopes: Vec::new(),
        token: Sealed::from_bytes(vec![0, 159, 146, 150]),
        expires_at: None,
        upkeep: Upkeep::default(),
        created_at: tenant.created_at,
        updated_at: tenant.created_at,
    }
}

fn new_account(connection: &Connection, platform_id: &str) -> Account {
    Account {
        id: AccountId::generate(),
        tenant: connection.tenant,
        connection: connection.id,
        user: connection.user.clone(),
        provider: connection.provider.clone(),
        platform_id: platform_id.to_owned(),
        name: "Bakery".to_owned(),
        username: None,
        category: None,
        picture: None,
        can_publish: true,
        problems: Vec::new(),
        token: Some(Sealed::from_bytes(vec![1, 2, 3])),
        created_at: connection.created_at,
        updated_at: connection.created_at,
    }
}
