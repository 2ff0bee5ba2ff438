//! The in-memory store: the reference for what a store does, and the one for examples and unit tests.

mod backlog;
mod connections;
mod credentials;
mod deliveries;
mod lanes;
mod logins;
mod media;
mod notices;
mod posts;
mod secrets;
mod tenants;
mod upkeep;
mod users;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;
use uuid::Uuid;

use self::{deliveries::Deliveries, lanes::Lanes, media::KeptUpload, notices::Notices};
use super::{CredentialEpochs, Page, PageRequest, Result, StoreError};
use crate::{
    clock::{Clock, Timestamp},
    connection::{Account, Connection, Grant, Login},
    credential::{ApiKey, TokenHash, UserToken},
    event::{Event, Subject},
    id::{AccountId, ApiKeyId, ConnectionId, EventId, MediaId, PostId, TenantId, UserId},
    idempotency::{Idempotency, KeyHash},
    post::Post,
    secret::Sealed,
    tenant::Tenant,
};

/// A store that lasts as long as its process.
///
/// It keeps the same contract as the stores on a database, but forgets everything when its process ends.
///
/// ```
/// use std::sync::Arc;
/// use shareville_core::{clock::SystemClock, store::{MemoryStore, Store}};
///
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(SystemClock)));
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    epochs: CredentialEpochs,
    /// Stirred by each change that somebody may wait for.
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    keys: BTreeMap<ApiKeyId, ApiKey>,
    tokens: HashMap<TokenHash, UserToken>,
    logins: HashMap<TokenHash, Login>,
    grants: HashMap<TokenHash, KeptGrant>,
    connections: BTreeMap<ConnectionId, Connection>,
    accounts: BTreeMap<AccountId, Account>,
    /// Until when connections are claimed by who looks after them.
    upkeep: HashMap<ConnectionId, Timestamp>,
    posts: BTreeMap<PostId, Post>,
    answers: HashMap<(TenantId, KeyHash), Idempotency>,
    lanes: Lanes,
    deliveries: Deliveries,
    notices: Notices,
    events: BTreeMap<(TenantId, Uuid), BTreeMap<EventId, Event>>,
    /// Whose posts and connections they were that are gone, but for their history.
    departed: BTreeMap<(TenantId, UserId), BTreeSet<Uuid>>,
    probes: BTreeMap<String, Sealed>,
    uploads: BTreeMap<MediaId, KeptUpload>,
}

/// A grant, and until when whoever is about to confirm it holds it.
#[derive(Debug)]
struct KeptGrant {
    grant: Grant,
    held_until: Option<Timestamp>,
}

impl MemoryStore {
    /// An empty store that goes by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            epochs: CredentialEpochs::new(),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step below can panic half-way, so a poisoned state is a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stir(&self) {
        self.changed.send_replace(());
    }

    /// Waits until `look` finds what it looks for; it says until when to sleep if it does not.
    async fn wait_for<T>(
        &self,
        mut look: impl FnMut(&State, Timestamp) -> std::result::Result<T, Timestamp> + Send,
    ) -> T {
        loop {
            // Listens before it looks, so that no change falls in between.
            let mut changed = self.changed.subscribe();
            let until = match look(&self.state(), self.clock.now()) {
                Ok(found) => return found,
                Err(until) => until,
            };
            tokio::select! {
                _ = changed.changed() => {}
                () = self.clock.sleep_until(until) => {}
            }
        }
    }
}

impl State {
    fn tenant_is_there(&self, tenant: TenantId) -> Result<()> {
        match self.tenants.contains_key(&tenant) {
            true => Ok(()),
            false => Err(StoreError::Conflict { field: "tenant" }),
        }
    }

    fn depart(&mut self, tenant: TenantId, user: &UserId, subject: Uuid) {
        let of_user = self.departed.entry((tenant, user.clone())).or_default();
        of_user.insert(subject);
    }

    fn tell(&mut self, events: &[Event]) {
        for event in events {
            self.deliveries.tell(event);
            self.events
                .entry((event.tenant, subject_id(event.subject)))
                .or_default()
                .insert(event.id, event.clone());
        }
    }
}

const fn subject_id(subject: Subject) -> Uuid {
    match subject {
        Subject::Tenant(id) => id.as_uuid(),
        Subject::Connection(id) => id.as_uuid(),
        Subject::Post(id) => id.as_uuid(),
    }
}

/// Cuts a page out of what comes newest first.
fn page<'a, T: Clone + 'a>(
    newest_first: impl Iterator<Item = &'a T>,
    request: PageRequest,
    id: impl Fn(&T) -> Uuid,
) -> Page<T> {
    let items = newest_first
        .filter(|item| request.after.is_none_or(|after| id(item) < after))
        .take(request.limit.saturating_add(1))
        .cloned()
        .collect();
    Page::cut(items, request.limit, id)
}
