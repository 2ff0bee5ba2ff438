//! The port to a provider where end users log in and let a tenant publish for them.

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::{clock::Timestamp, failure::Failure, id::Provider, tenant::App};

/// A login to begin.
#[derive(Debug, Clone)]
pub struct Authorize<'a> {
    /// Where the provider sends the end user back to: our callback.
    pub redirect_uri: &'a Url,
    /// What comes back with them.
    pub state: &'a SecretString,
    /// Whether the end user has been here before and declined something: ask again for all of it.
    pub ask_again: bool,
}

/// What a login brought.
#[derive(Debug, Clone)]
pub struct Granted {
    /// The person's id at the provider.
    pub person: String,
    /// Other ids by which the provider may name the same person, in its notices for example; most have none.
    pub person_ids: Vec<String>,
    /// The person's name.
    pub name: Option<String>,
    /// The person's picture.
    pub picture: Option<String>,
    /// The long-lived access token.
    pub token: SecretString,
    /// When the token ends; `None` if it does not.
    pub expires_at: Option<Timestamp>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What was asked for and not granted.
    pub missing_scopes: Vec<String>,
    /// The accounts that came with it.
    pub accounts: Vec<FoundAccount>,
}

/// An account that a login opens.
#[derive(Debug, Clone)]
pub struct FoundAccount {
    /// The network it is on.
    pub provider: Provider,
    /// Its id at the platform.
    pub platform_id: String,
    /// Its name.
    pub name: String,
    /// Its user name.
    pub username: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// Its picture.
    pub picture: Option<String>,
    /// Its own access token, where it has one.
    pub token: Option<SecretString>,
    /// What stands in the way of publishing to it, for people to read; empty if nothing does.
    pub problems: Vec<String>,
}

/// What asking a token anew can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inspected {
    /// All that a login brings.
    All,
    /// The person and the accounts, but neither what was granted nor when the token ends: what was known of both stays.
    AccountsOnly,
}

/// A token that was renewed.
#[derive(Debug, Clone)]
pub struct Refreshed {
    /// The new token.
    pub token: SecretString,
    /// When it ends; `None` if it does not.
    pub expires_at: Option<Timestamp>,
}

/// A provider where end users log in.
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// The provider.
    fn provider(&self) -> Provider;

    /// The app that all tenants share at this provider, where they cannot or need not have one of their own: it is
    /// handed to every call instead of the tenant's. `None`, unless it is said otherwise.
    fn shared_app(&self) -> Option<App> {
        None
    }

    /// Where to send an end user to log in and grant.
    fn authorize_url(&self, app: &App, authorize: &Authorize<'_>) -> Url;

    /// Exchanges the code an end user came back with for a long-lived token, and finds out what was granted and which
    /// accounts came with it.
    ///
    /// # Errors
    /// A [`Failure`] that says whether the end user, or the tenant, must act.
    async fn exchange(
        &self,
        app: &App,
        code: &SecretString,
        redirect_uri: &Url,
    ) -> Result<Granted, Failure>;

    /// What [`inspect`](Self::inspect) can tell: all, unless it is said otherwise.
    fn inspects(&self) -> Inspected {
        Inspected::All
    }

    /// Asks anew what a token grants and opens.
    ///
    /// # Errors
    /// [`Reauthorize`](crate::failure::FailureClass::Reauthorize) if the token is dead, else as the provider gave it.
    async fn inspect(&self, app: &App, token: &SecretString) -> Result<Granted, Failure>;

    /// Renews a token; `None` if this provider's tokens are renewed by logging in only.
    ///
    /// # Errors
    /// [`Reauthorize`](crate::failure::FailureClass::Reauthorize) if the token is dead, else as the provider gave it.
    async fn refresh(&self, app: &App, token: &SecretString) -> Result<Option<Refreshed>, Failure>;

    /// Withdraws all that was granted. A token that is dead already counts as withdrawn.
    ///
    /// # Errors
    /// A [`Failure`] as the provider gave it.
    async fn revoke(&self, app: &App, token: &SecretString) -> Result<(), Failure>;
}
