//! A store seen through something that stops, forgets, or loses answers: for tests that kill an engine at a write, or
//! that must catch one which is broken on purpose.

mod passed_on;

use std::{
    result::Result as StdResult,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::Timestamp,
    connection::{Account, Connection, Grant, Login},
    credential::{ApiKey, TokenHash, UserToken},
    event::{Event, EventKind, Subject},
    id::{AccountId, ApiKeyId, ConnectionId, OwnerId, PostId, Provider, TenantId, UserId},
    idempotency::{Answered, Created, Idempotency, KeyHash},
    lane::{ClaimRef, Lane, Pause, PauseReason},
    post::{Applied, Change, Post},
    secret::Sealed,
    store::{
        ClaimRequest, Claimed, ConnectionChange, ConnectionStore, CredentialEpoch, CredentialStore,
        Known, LaneStore, LoginFound, LoginStore, NewPost, Page, PageRequest, PauseScope,
        PostFilter, PostStore, Result, Stale, Store, StoreError, TenantStore,
    },
    tenant::Tenant,
};
use async_trait::async_trait;
use tokio::sync::watch;

/// When a write is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before it is written.
    Before,
    /// After it is written, before anybody is told.
    After,
    /// It is written, and the answer is lost.
    Lost,
    /// It is not written, and the answer is lost.
    Never,
}

/// A store seen through something that goes wrong at writes that tell of a certain kind of event.
#[derive(Debug)]
pub struct Wrapped {
    inner: Arc<dyn Store>,
    stops: Option<(At, EventKind)>,
    forgets: bool,
    away: AtomicBool,
    credentials_read: AtomicUsize,
    most_unsettled: AtomicUsize,
    stopped: watch::Sender<usize>,
    released: watch::Sender<bool>,
}

impl Wrapped {
    /// Goes wrong at each write that tells of this.
    pub fn stopping(inner: Arc<dyn Store>, at: At, kind: EventKind) -> Self {
        Self {
            inner,
            stops: Some((at, kind)),
            forgets: false,
            away: AtomicBool::new(false),
            credentials_read: AtomicUsize::new(0),
            most_unsettled: AtomicUsize::new(0),
            stopped: watch::Sender::new(0),
            released: watch::Sender::new(false),
        }
    }

    /// Leaves mark and progress out of each commit that begins: an engine on it is broken on purpose.
    pub fn forgetful(inner: Arc<dyn Store>) -> Self {
        Self {
            stops: None,
            forgets: true,
            ..Self::stopping(inner, At::Before, EventKind::PostCommit)
        }
    }

    /// Goes wrong only while it is away.
    pub fn leaving(inner: Arc<dyn Store>) -> Self {
        Self {
            stops: None,
            ..Self::stopping(inner, At::Before, EventKind::PostCommit)
        }
    }

    /// Lets the store go away, so that every call fails as unavailable, or come back.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn inner(&self) -> Result<&Arc<dyn Store>> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("nobody listens there".into())),
            false => Ok(&self.inner),
        }
    }

    /// How often a credential was looked up in the store.
    pub fn credentials_read(&self) -> usize {
        self.credentials_read.load(Ordering::SeqCst)
    }

    /// The most unsettled posts of a connection that were asked for at once.
    pub fn most_unsettled(&self) -> usize {
        self.most_unsettled.load(Ordering::SeqCst)
    }

    /// Waits until a write has come that goes wrong.
    pub async fn until_stopped(&self) {
        let mut stopped = self.stopped.subscribe();
        stopped.wait_for(|times| *times > 0).await.unwrap();
    }

    /// Lets what was stopped go on.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    async fn stop(&self) {
        let mut released = self.released.subscribe();
        self.stopped.send_modify(|times| *times += 1);
        released.wait_for(|released| *released).await.unwrap();
    }

    async fn write(&self, changes: &[Change]) -> Result<Vec<StdResult<Applied, Stale>>> {
        let mut changes = changes.to_vec();
        let tells = |change: &Change, kind| change.events.iter().any(|it| it.kind == kind);
        if self.forgets {
            for change in &mut changes {
                if tells(change, EventKind::PostCommit)
                    && let Some(next) = &mut change.next
                {
                    next.work.mark = None;
                    next.work.progress = None;
                }
            }
        }
        let stops = self.stops;
        let stops = stops.filter(|(_, kind)| changes.iter().any(|it| tells(it, *kind)));
        self.around(stops.map(|(at, _)| at), self.inner()?.apply(&changes))
            .await
    }

    async fn around<T>(
        &self,
        stops: Option<At>,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        match stops {
            None => write.await,
            Some(At::Before) => {
                self.stop().await;
                write.await
            }
            Some(At::After) => {
                let answer = write.await;
                self.stop().await;
                answer
            }
            Some(at) => {
                if at == At::Lost {
                    write.await?;
                }
                self.stopped.send_modify(|times| *times += 1);
                Err(StoreError::Lost("the connection is gone".into()))
            }
        }
    }
}

#[async_trait]
impl TenantStore for Wrapped {
    async fn create_tenant(&self, tenant: &Tenant, events: &[Event]) -> Result<()> {
        self.inner()?.create_tenant(tenant, events).await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>> {
        self.inner()?.tenant(id).await
    }

    async fn tenants(&self, owner: &OwnerId, page: PageRequest) -> Result<Page<Tenant>> {
        self.inner()?.tenants(owner, page).await
    }

    async fn update_tenant(
        &self,
        tenant: &Tenant,
        revision: u64,
        events: &[Event],
    ) -> Result<StdResult<(), Stale>> {
        self.inner()?.update_tenant(tenant, revision, events).await
    }

    async fn delete_tenant(&self, id: TenantId) -> Result<bool> {
        self.inner()?.delete_tenant(id).await
    }
}

#[async_trait]
impl CredentialStore for Wrapped {
    async fn create_api_key(&self, key: &ApiKey, events: &[Event]) -> Result<()> {
        let stops = self.stops;
        let stops = stops.filter(|(_, kind)| events.iter().any(|it| it.kind == *kind));
        let created = self.inner()?.create_api_key(key, events);
        self.around(stops.map(|(at, _)| at), created).await
    }

    fn credential_epoch(&self, tenant: TenantId) -> Option<CredentialEpoch> {
        self.inner.credential_epoch(tenant)
    }

    async fn api_key(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Known<ApiKey>>> {
        self.credentials_read.fetch_add(1, Ordering::SeqCst);
        self.inner()?.api_key(tenant, hash).await
    }

    async fn api_keys(&self, tenant: TenantId, page: PageRequest) -> Result<Page<ApiKey>> {
        self.inner()?.api_keys(tenant, page).await
    }

    async fn revoke_api_key(
        &self,
        tenant: TenantId,
        id: ApiKeyId,
        events: &[Event],
    ) -> Result<bool> {
        self.inner()?.revoke_api_key(tenant, id, events).await
    }

    async fn create_user_token(&self, token: &UserToken) -> Result<()> {
        self.inner()?.create_user_token(token).await
    }

    async fn user_token(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
    ) -> Result<Option<Known<UserToken>>> {
        self.credentials_read.fetch_add(1, Ordering::SeqCst);
        self.inner()?.user_token(tenant, hash).await
    }
}

#[async_trait]
impl LoginStore for Wrapped {
    async fn begin_login(&self, login: &Login) -> Result<()> {
        self.inner()?.begin_login(login).await
    }

    async fn login(&self, tenant: TenantId, state: &TokenHash) -> Result<Option<Login>> {
        self.inner()?.login(tenant, state).await
    }

    async fn take_login(
        &self,
        tenant: TenantId,
        state: &TokenHash,
        code: &TokenHash,
    ) -> Result<LoginFound> {
        self.inner()?.take_login(tenant, state, code).await
    }

    async fn finish_login(
        &self,
        tenant: TenantId,
        state: &TokenHash,
        answer: &Sealed,
    ) -> Result<()> {
        self.inner()?.finish_login(tenant, state, answer).await
    }

    async fn create_grant(&self, grant: &Grant) -> Result<()> {
        // It tells of nothing; it goes wrong as the connection does that it is to become.
        let stops = self.stops;
        let stops = stops.filter(|(_, kind)| *kind == EventKind::ConnectionCreated);
        let created = self.inner()?.create_grant(grant);
        self.around(stops.map(|(at, _)| at), created).await
    }

    async fn take_grant(
        &self,
        tenant: TenantId,
        code: &TokenHash,
        hold_until: Timestamp,
    ) -> Result<Option<Grant>> {
        self.inner()?.take_grant(tenant, code, hold_until).await
    }

    async fn finish_grant(&self, tenant: TenantId, code: &TokenHash) -> Result<bool> {
        self.inner()?.finish_grant(tenant, code).await
    }

    async fn sweep(&self, hold_until: Timestamp) -> Result<Vec<Grant>> {
        self.inner()?.sweep(hold_until).await
    }
}

#[async_trait]
impl ConnectionStore for Wrapped {
    async fn save_connection(&self, change: &ConnectionChange) -> Result<StdResult<(), Stale>> {
        let stops = self.stops;
        let stops = stops.filter(|(_, kind)| change.events.iter().any(|it| it.kind == *kind));
        let saved = self.inner()?.save_connection(change);
        self.around(stops.map(|(at, _)| at), saved).await
    }

    async fn connection(&self, tenant: TenantId, id: ConnectionId) -> Result<Option<Connection>> {
        self.inner()?.connection(tenant, id).await
    }

    async fn connection_of(
        &self,
        tenant: TenantId,
        user: &UserId,
        provider: &Provider,
        person: &str,
    ) -> Result<Option<Connection>> {
        self.inner()?
            .connection_of(tenant, user, provider, person)
            .await
    }

    async fn connections(
        &self,
        tenant: TenantId,
        user: Option<&UserId>,
        page: PageRequest,
    ) -> Result<Page<Connection>> {
        self.inner()?.connections(tenant, user, page).await
    }

    async fn connections_of_person(
        &self,
        tenant: TenantId,
        provider: &Provider,
        person: &str,
    ) -> Result<Vec<Connection>> {
        self.inner()?
            .connections_of_person(tenant, provider, person)
            .await
    }

    async fn remove_connection(
        &self,
        tenant: TenantId,
        id: ConnectionId,
        events: &[Event],
    ) -> Result<bool> {
        self.inner()?.remove_connection(tenant, id, events).await
    }

    async fn account(&self, tenant: TenantId, id: AccountId) -> Result<Option<Account>> {
        self.inner()?.account(tenant, id).await
    }

    async fn accounts_by_id(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>> {
        self.inner()?.accounts_by_id(tenant, ids).await
    }

    async fn accounts(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        page: PageRequest,
    ) -> Result<Page<Account>> {
        self.inner()?.accounts(tenant, connection, page).await
    }

    async fn is_shared(&self, lane: &Lane, except: ConnectionId) -> Result<bool> {
        self.inner()?.is_shared(lane, except).await
    }
}

#[async_trait]
impl PostStore for Wrapped {
    async fn create(
        &self,
        posts: &[NewPost],
        idempotency: Option<&Idempotency>,
    ) -> Result<Created> {
        let stops = self
            .stops
            .filter(|(_, kind)| *kind == EventKind::PostCreated);
        self.around(
            stops.map(|(at, _)| at),
            self.inner()?.create(posts, idempotency),
        )
        .await
    }

    async fn answered(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>> {
        self.inner()?.answered(tenant, key).await
    }

    async fn post(&self, tenant: TenantId, id: PostId) -> Result<Option<Post>> {
        self.inner()?.post(tenant, id).await
    }

    async fn posts(
        &self,
        tenant: TenantId,
        filter: &PostFilter,
        page: PageRequest,
    ) -> Result<Page<Post>> {
        self.inner()?.posts(tenant, filter, page).await
    }

    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>> {
        self.most_unsettled.fetch_max(limit, Ordering::SeqCst);
        self.inner()?.unsettled(tenant, connection, limit).await
    }

    async fn stranded(&self, after: Option<PostId>, limit: usize) -> Result<Vec<Post>> {
        self.inner()?.stranded(after, limit).await
    }

    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>> {
        self.inner()?.due_within(lane, from, to, limit).await
    }

    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool> {
        self.inner()?.is_held(lane, platform_id, except).await
    }

    async fn known_as(&self, lane: &Lane, platform_id: &str) -> Result<Option<Post>> {
        self.inner()?.known_as(lane, platform_id).await
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<StdResult<Applied, Stale>>> {
        self.write(changes).await
    }

    async fn events(
        &self,
        tenant: TenantId,
        subject: Subject,
        page: PageRequest,
    ) -> Result<Page<Event>> {
        self.inner()?.events(tenant, subject, page).await
    }

    async fn watch(
        &self,
        tenant: TenantId,
        id: PostId,
        revision: u64,
        until: Timestamp,
    ) -> Result<Option<Post>> {
        self.inner()?.watch(tenant, id, revision, until).await
    }
}

#[async_trait]
impl LaneStore for Wrapped {
    async fn claim(&self, request: ClaimRequest) -> Result<Claimed> {
        self.inner()?.claim(request).await
    }

    async fn renew(&self, claims: &[ClaimRef], lease: Duration) -> Result<Vec<bool>> {
        self.inner()?.renew(claims, lease).await
    }

    async fn release(&self, claims: &[ClaimRef]) -> Result<()> {
        self.inner()?.release(claims).await
    }

    async fn pause(&self, tenant: TenantId, scope: &PauseScope, pause: Pause) -> Result<()> {
        self.inner()?.pause(tenant, scope, pause).await
    }

    async fn resume(&self, tenant: TenantId, reason: PauseReason) -> Result<()> {
        self.inner()?.resume(tenant, reason).await
    }

    async fn pauses(&self, lanes: &[Lane]) -> Result<Vec<Option<Pause>>> {
        self.inner()?.pauses(lanes).await
    }

    async fn wake(&self, until: Timestamp) -> Result<()> {
        self.inner()?.wake(until).await
    }

    async fn ready(&self) -> Result<()> {
        self.inner()?.ready().await
    }
}
