//! How the Graph API is to be called.

use std::time::Duration;

use super::Endpoint;

/// The Graph API version that this crate is written and tested for.
///
/// Source: graph-api.md 1.2 (D-26): it lives until about 2028-07-29.
pub const DEFAULT_VERSION: &str = "v25.0";

/// How the Graph API is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphConfig {
    /// Where Meta is; its own hosts unless said otherwise.
    pub endpoint: Endpoint,
    /// The version, such as `v25.0`, which is the default ([`DEFAULT_VERSION`]).
    pub version: String,
    /// Whether each call proves that it knows the app's secret (`appsecret_proof`); on by default.
    pub appsecret_proof: bool,
    /// The same for `graph.instagram.com`, with the secret of the Instagram app; on by default. (That this is the secret
    /// which counts there is not documented: graph-api.md 2.4.)
    pub instagram_appsecret_proof: bool,
    /// How long connecting may take; 10 seconds by default.
    pub connect_timeout: Duration,
    /// How long a call may take, answer included; 90 seconds by default, because Meta is slow where it fetches media.
    pub timeout: Duration,
}

impl GraphConfig {
    /// Meta's own hosts, and the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            endpoint: Endpoint::live(),
            version: DEFAULT_VERSION.to_owned(),
            appsecret_proof: true,
            instagram_appsecret_proof: true,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(90),
        }
    }

    /// The same, with Meta elsewhere.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// The same with another version, such as `v26.0`.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// The same with or without `appsecret_proof`.
    #[must_use]
    pub const fn with_appsecret_proof(mut self, on: bool) -> Self {
        self.appsecret_proof = on;
        self
    }

    /// The same with or without `appsecret_proof` at `graph.instagram.com`.
    #[must_use]
    pub const fn with_instagram_appsecret_proof(mut self, on: bool) -> Self {
        self.instagram_appsecret_proof = on;
        self
    }

    /// The same with another limit for connecting.
    #[must_use]
    pub const fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The same with another limit for a whole call.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for GraphConfig {
    fn default() -> Self {
        Self::new()
    }
}
