//! The client for the Graph API: one call, sent once.

mod answer;
mod budget;
mod call;
mod config;
mod endpoint;
mod proof;
mod usage;

use std::sync::Arc;

use url::Url;

use shareville_core::{
    clock::{Clock, SystemClock, Timestamp},
    failure::Failure,
};

use self::budget::Budget;
pub(crate) use self::{
    answer::{Acknowledged, Created, Listed, Nested, id_text, optional_id_text, parse_time},
    budget::Need,
    call::{Auth, Call},
    endpoint::{Host, UploadAddress},
};
pub use self::{
    config::{DEFAULT_VERSION, GraphConfig},
    endpoint::{Endpoint, InvalidBase},
    usage::{BusinessGauge, Gauge, Usage},
};
use crate::error::{GraphError, Network};

/// A client for the Graph API, for all tenants: the token is an argument of each call. Cheap to clone.
///
/// It re-sends nothing and follows no redirect: whether a call is made again is for the engine alone to decide.
///
/// All clones heed together what the platform says of how many calls are left, for each app and each account: optional
/// calls stop at 75 %, all but those that make a post visible or find out whether it is at 90 %, everything at 100 % and while the platform wants to
/// be left alone. A call that is withheld is not sent, and fails as a rate limit.
#[derive(Debug, Clone)]
pub struct Graph {
    client: reqwest::Client,
    config: Arc<GraphConfig>,
    clock: Arc<dyn Clock>,
    budget: Arc<Budget>,
}

impl Graph {
    /// A client of its own: no proxy, no redirects, no retries.
    ///
    /// # Errors
    /// The TLS backend's, where it cannot be set up.
    pub fn new(config: GraphConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("shareville-meta/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(config.connect_timeout)
            .build()?;
        Ok(Self::with_client(client, config))
    }

    /// A client that the host has made, with TLS of its choice. It **must** be built with
    /// `.redirect(Policy::none())` (else a token may travel to another host),
    /// `.retry(reqwest::retry::never())` and without middleware that retries (else a post may appear twice), and
    /// `.no_proxy()` unless the proxy is trusted to send each call once. The config's time limit for a call holds;
    /// the one for connecting is the client's own.
    #[must_use]
    pub fn with_client(client: reqwest::Client, config: GraphConfig) -> Self {
        Self {
            client,
            config: Arc::new(config),
            clock: Arc::new(SystemClock),
            budget: Arc::default(),
        }
    }

    /// The same with another clock, by which the ends of rate limits and tokens are counted.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How it calls.
    #[must_use]
    pub fn config(&self) -> &GraphConfig {
        &self.config
    }

    /// Where people see something.
    pub(crate) fn address(&self, segments: &[&str]) -> Url {
        self.config.endpoint.url(Host::Www, segments)
    }

    /// The address that the platform has named for a file, if a token may go there.
    pub(crate) fn upload_address(&self, named: &str) -> Option<UploadAddress> {
        self.config.endpoint.upload_address(named)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An error of a call just made, for people.
    pub(crate) fn failure(&self, error: &GraphError) -> Failure {
        error.failure(self.now())
    }

    /// The same for a login, which nobody tries again but the person.
    pub(crate) fn login_failure(&self, error: &GraphError) -> Failure {
        error.login_failure(self.now())
    }

    /// The same, where it is another network that people know.
    pub(crate) fn failure_at(&self, network: Network, error: &GraphError) -> Failure {
        error.failure_at(network, self.now())
    }
}
