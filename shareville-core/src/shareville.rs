//! [`Shareville`]: what a host builds once and calls.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    callbacks::Callbacks,
    caller::Callers,
    clock::{Clock, SystemClock},
    connection::{Account, Connection},
    connector::Connector,
    deliver::{Courier, Shapes, Webhooks},
    error::Error,
    event::Actor,
    failure::{Failure, FailureClass},
    id::Provider,
    media::{MediaKeeper, MediaReader, PublicMedia},
    post::Moment,
    posting::Gate,
    publisher::{Access, Publisher},
    secret::{Keyring, OpenError},
    settings::Settings,
    store::Store,
    tenant::{App, Tenant},
};

/// A lease must outlast the round trip that renews it.
const SHORTEST_LEASE: Duration = Duration::from_millis(10);

/// What is still wrong with a [`Builder`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting cannot be worked with.
    #[error("{name}: {message}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What would be right.
        message: &'static str,
    },
}

/// The front door: built once from a store, a keyring and networks, then cloned to wherever it is needed.
#[derive(Clone)]
pub struct Shareville(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    publishers: HashMap<Provider, Arc<dyn Publisher>>,
    connectors: HashMap<Provider, Arc<dyn Connector>>,
    api_url: Url,
    settings: Settings,
    gate: Gate,
    callers: Callers,
    media: Arc<dyn MediaReader>,
    keeper: Option<Arc<dyn MediaKeeper>>,
    webhooks: Option<Webhooks>,
    callbacks: Option<Arc<dyn Callbacks>>,
    closing: CancellationToken,
}

impl fmt::Debug for Shareville {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shareville")
            .field("store", &self.0.store)
            .field("api_url", &self.0.api_url.as_str())
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Shareville`].
#[derive(Debug)]
pub struct Builder {
    store: Arc<dyn Store>,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    publishers: HashMap<Provider, Arc<dyn Publisher>>,
    connectors: HashMap<Provider, Arc<dyn Connector>>,
    api_url: Url,
    settings: Settings,
    media: Arc<dyn MediaReader>,
    keeper: Option<Arc<dyn MediaKeeper>>,
    webhooks: Option<Webhooks>,
    callbacks: Option<Arc<dyn Callbacks>>,
}

impl Builder {
    /// Adds a network to publish to; a second one for the same network takes its place.
    #[must_use]
    pub fn publisher(mut self, publisher: impl Publisher) -> Self {
        let provider = publisher.provider();
        self.publishers.insert(provider, Arc::new(publisher));
        self
    }

    /// Adds a provider where end users log in; a second one for the same provider takes its place.
    #[must_use]
    pub fn connector(mut self, connector: impl Connector) -> Self {
        let provider = connector.provider();
        self.connectors.insert(provider, Arc::new(connector));
        self
    }

    /// Sends webhooks to tenants' endpoints: `courier` sends them, `shapes` gives what they tell of its public form.
    /// Without it nothing is sent, and what is told meanwhile is owed.
    #[must_use]
    pub fn webhooks(mut self, courier: impl Courier, shapes: impl Shapes) -> Self {
        self.webhooks = Some(Webhooks {
            courier: Arc::new(courier),
            shapes: Arc::new(shapes),
        });
        self
    }

    /// Reads by `callbacks` what platforms send to tenants' apps. Without it nothing of the kind is taken.
    #[must_use]
    pub fn callbacks(mut self, callbacks: impl Callbacks) -> Self {
        self.callbacks = Some(Arc::new(callbacks));
        self
    }

    /// Reads posts' media by `reader`. Without it only media at public addresses can be published, and nothing is known of
    /// them beforehand.
    #[must_use]
    pub fn media(mut self, reader: impl MediaReader) -> Self {
        self.media = Arc::new(reader);
        self
    }

    /// Keeps uploads by `keeper`. Without it nothing can be uploaded; what is there already is not swept.
    #[must_use]
    pub fn uploads(mut self, keeper: impl MediaKeeper) -> Self {
        self.keeper = Some(Arc::new(keeper));
        self
    }

    /// Takes the time from another clock: for tests.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How the engine goes about its work.
    #[must_use]
    pub const fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// [`BuildError::Setting`] names a setting that cannot be worked with.
    pub fn build(self) -> Result<Shareville, BuildError> {
        let settings = &self.settings;
        for (name, wrong, message) in [
            (
                "concurrency",
                settings.concurrency == 0,
                "must be at least 1",
            ),
            ("per_tenant", settings.per_tenant == 0, "must be at least 1"),
            (
                "lease",
                settings.lease < SHORTEST_LEASE,
                "must be at least 10 milliseconds",
            ),
            ("commit", settings.commit.is_zero(), "must be more than 0"),
            (
                "retry_base",
                settings.retry_base.is_zero(),
                "must be more than 0",
            ),
            ("deliveries", settings.deliveries == 0, "must be at least 1"),
            (
                "deliveries_per_tenant",
                settings.deliveries_per_tenant == 0,
                "must be at least 1",
            ),
            (
                "delivery",
                settings.delivery.is_zero(),
                "must be more than 0",
            ),
            (
                "uncertain",
                settings.uncertain < settings.retry_base,
                "must be at least `retry_base`",
            ),
            (
                "uploads.life",
                settings.uploads.life.is_zero(),
                "must be more than 0",
            ),
            (
                "api_url",
                self.api_url.cannot_be_a_base(),
                "must be an http or https URL",
            ),
        ] {
            if wrong {
                return Err(BuildError::Setting { name, message });
            }
        }
        Ok(Shareville(Arc::new(Inner {
            store: self.store,
            keyring: self.keyring,
            clock: self.clock,
            publishers: self.publishers,
            connectors: self.connectors,
            api_url: self.api_url,
            settings: self.settings,
            gate: Gate::default(),
            callers: Callers::default(),
            media: self.media,
            keeper: self.keeper,
            webhooks: self.webhooks,
            callbacks: self.callbacks,
            closing: CancellationToken::new(),
        })))
    }
}

impl Shareville {
    /// Begins to build one. `api_url` is where the router is reachable from outside, such as
    /// `https://example.org/api`: logins come back to it.
    #[must_use]
    pub fn builder(store: Arc<dyn Store>, keyring: Keyring, api_url: Url) -> Builder {
        Builder {
            store,
            keyring,
            clock: Arc::new(SystemClock),
            publishers: HashMap::new(),
            connectors: HashMap::new(),
            api_url,
            settings: Settings::default(),
            media: Arc::new(PublicMedia),
            keeper: None,
            webhooks: None,
            callbacks: None,
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// How the engine goes about its work.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Ends every waiting for a post to settle, now and from now on: call it when the process is to end, so that no
    /// request holds it up.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    /// Whether [`close`](Self::close) was called: the process is about to end, and takes its leave of who asks.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.closing.is_cancelled()
    }

    pub(crate) fn callers(&self) -> &Callers {
        &self.0.callers
    }

    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Where requests that may come again go in one by one.
    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(crate) fn media(&self) -> &Arc<dyn MediaReader> {
        &self.0.media
    }

    pub(crate) fn keeper(&self) -> Option<&Arc<dyn MediaKeeper>> {
        self.0.keeper.as_ref()
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    pub(crate) fn webhooks(&self) -> Option<&Webhooks> {
        self.0.webhooks.as_ref()
    }

    pub(crate) fn reads_callbacks(&self) -> Option<&Arc<dyn Callbacks>> {
        self.0.callbacks.as_ref()
    }

    /// Where end users may log in.
    pub(crate) fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.0.connectors.keys()
    }

    /// The networks that can be published to.
    pub(crate) fn publishing(&self) -> impl Iterator<Item = &Provider> {
        self.0.publishers.keys()
    }

    /// The network an account is on.
    pub(crate) fn publisher(&self, provider: &Provider) -> Option<&Arc<dyn Publisher>> {
        self.0.publishers.get(provider)
    }

    pub(crate) fn connector(&self, provider: &Provider) -> Option<&Arc<dyn Connector>> {
        self.0.connectors.get(provider)
    }

    /// Where the router is reachable from outside.
    #[must_use]
    pub fn api_url(&self) -> &Url {
        &self.0.api_url
    }

    /// Where logins at a provider come back to.
    #[must_use]
    pub fn callback_url(&self, provider: &Provider) -> Url {
        let mut url = self.0.api_url.clone();
        // A URL that can be a base always has path segments; `build` refuses others.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend(["social", "providers", provider.as_str(), "callback"]);
        }
        url
    }

    pub(crate) fn moment(&self, actor: Actor) -> Moment {
        Moment {
            now: self.clock().now(),
            actor,
            pace: self.settings().pace(),
        }
    }

    /// The app that calls at a provider are made by: the one all tenants share there, or else the tenant's own.
    pub(crate) fn app(
        &self,
        tenant: &Tenant,
        provider: &Provider,
    ) -> Result<Option<App>, OpenError> {
        let shared = self.connector(provider).and_then(|it| it.shared_app());
        match shared {
            Some(app) => Ok(Some(app)),
            None => tenant.app(provider, self.keyring()),
        }
    }

    /// Opens what a publisher needs to act for an account.
    pub(crate) fn access(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        account: &Account,
    ) -> Result<Access, Failure> {
        let unsealed = |error| {
            tracing::error!(%error, tenant = %tenant.id, "a sealed secret does not open");
            Failure::new(
                FailureClass::Config,
                "A stored secret could not be opened: the server's operator must add the encryption key it was \
                 sealed with.",
            )
            .with_code("secret_unreadable")
        };
        let app = self
            .app(tenant, &connection.provider)
            .map_err(unsealed)?
            .ok_or_else(|| no_app(&connection.provider))?;
        if account.token.is_none() && !account.can_publish {
            // The person's own token is not the account's.
            let message =
                "The last login did not include this account: connect again and choose it.";
            return Err(
                Failure::new(FailureClass::Permission, message).with_code("account_not_granted")
            );
        }
        let (place, sealed) = match &account.token {
            Some(token) => (Account::token_place(tenant.id, account.id), token),
            None => (
                Connection::token_place(tenant.id, connection.id),
                &connection.token,
            ),
        };
        let token = self.keyring().open(place, sealed).map_err(unsealed)?;
        Ok(Access {
            token,
            app,
            login: connection.provider.clone(),
        })
    }
}

/// The tenant has not set up its app at a provider.
pub(crate) fn no_app(provider: &Provider) -> Failure {
    Failure::new(
        FailureClass::Config,
        format!("The website has not set up its {provider} app: id and secret are needed."),
    )
    .with_code("app_not_configured")
}

impl From<Error> for Failure {
    /// A failure of our own while working for a post: it may go away.
    fn from(error: Error) -> Self {
        match error {
            Error::Platform(failure) => failure,
            other => Self::new(FailureClass::Transient, other.to_string()).with_code("internal"),
        }
    }
}
