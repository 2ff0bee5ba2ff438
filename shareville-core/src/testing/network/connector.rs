//! A provider in memory, where end users log in with codes that the test hands out.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    connector::{Authorize, Connector, FoundAccount, Granted, Inspected, Refreshed},
    failure::{Failure, FailureClass},
    id::Provider,
    tenant::App,
};

/// A provider in memory. Clones are the same provider.
#[derive(Debug, Clone)]
pub struct FakeConnector {
    provider: Provider,
    shared_app: Option<App>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    codes: HashMap<String, Granted>,
    tokens: HashMap<String, Granted>,
    exchanged: Vec<String>,
    inspected: Vec<String>,
    /// What renewing each token brings, one time after the other.
    renewals: HashMap<String, VecDeque<Renewal>>,
    renewed: Vec<String>,
    out_of_order: Option<Failure>,
    /// The token at which whoever asks panics.
    broken_at: Option<String>,
    /// The token about which nobody is ever answered.
    silent_at: Option<String>,
    revoked: Vec<String>,
    /// All, unless it was said otherwise.
    tells: Option<Inspected>,
}

type Renewal = Result<Option<Refreshed>, Failure>;

/// What a login of a person brings: a token, and accounts of these ids at the provider.
#[must_use]
pub fn granted(provider: &Provider, person: &str, token: &str, platform_ids: &[&str]) -> Granted {
    Granted {
        person: person.to_owned(),
        person_ids: Vec::new(),
        name: Some(format!("Person {person}")),
        picture: None,
        token: token.into(),
        expires_at: None,
        scopes: vec!["publish".to_owned()],
        missing_scopes: Vec::new(),
        accounts: platform_ids.iter().map(|id| found(provider, id)).collect(),
    }
}

/// An account one can publish to.
#[must_use]
pub fn found(provider: &Provider, platform_id: &str) -> FoundAccount {
    FoundAccount {
        provider: provider.clone(),
        platform_id: platform_id.to_owned(),
        name: format!("Account {platform_id}"),
        username: None,
        category: None,
        picture: None,
        token: Some(format!("token of {platform_id}").into()),
        problems: Vec::new(),
    }
}

impl FakeConnector {
    /// A provider where nobody has logged in yet.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        Self {
            provider,
            shared_app: None,
            state: Arc::default(),
        }
    }

    /// The same, where all tenants share this app.
    #[must_use]
    pub fn with_shared_app(mut self, app: App) -> Self {
        self.shared_app = Some(app);
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a code bring something.
    pub fn grant(&self, code: &str, granted: Granted) {
        self.state().codes.insert(code.to_owned(), granted);
    }

    /// Changes what a token grants from now on; `None` lets it die.
    pub fn change(&self, token: &str, granted: Option<Granted>) {
        let mut state = self.state();
        match granted {
            Some(granted) => state.tokens.insert(token.to_owned(), granted),
            None => state.tokens.remove(token),
        };
    }

    /// From now on asking a token anew tells the accounts only.
    pub fn tell_accounts_only(&self) {
        self.state().tells = Some(Inspected::AccountsOnly);
    }

    /// The codes that were exchanged so far.
    #[must_use]
    pub fn exchanged(&self) -> Vec<String> {
        self.state().exchanged.clone()
    }

    /// The tokens that were inspected so far.
    #[must_use]
    pub fn inspected(&self) -> Vec<String> {
        self.state().inspected.clone()
    }

    /// Lets renewing a token bring this: the first time what is said first, and nothing once it is used up.
    pub fn renew(&self, token: &str, brings: Result<Option<Refreshed>, Failure>) {
        let mut state = self.state();
        let renewals = state.renewals.entry(token.to_owned()).or_default();
        renewals.push_back(brings);
    }

    /// The tokens that were to be renewed so far.
    #[must_use]
    pub fn renewed(&self) -> Vec<String> {
        self.state().renewed.clone()
    }

    /// Lets every inspection fail from now on; or go well again, with `None`.
    pub fn fail_inspections(&self, failure: Option<Failure>) {
        self.state().out_of_order = failure;
    }

    /// Lets whoever asks about a token panic from now on, as a connector would that is broken; or about none, with `None`.
    pub fn break_at(&self, token: Option<&str>) {
        self.state().broken_at = token.map(str::to_owned);
    }

    /// Lets nobody who asks about a token be answered from now on.
    pub fn fall_silent_at(&self, token: &str) {
        self.state().silent_at = Some(token.to_owned());
    }

    fn is_silent_at(&self, token: &str) -> bool {
        self.state().silent_at.as_deref() == Some(token)
    }

    /// The tokens that were revoked so far.
    #[must_use]
    pub fn revoked(&self) -> Vec<String> {
        self.state().revoked.clone()
    }
}

#[async_trait]
impl Connector for FakeConnector {
    fn provider(&self) -> Provider {
        self.provider.clone()
    }

    fn shared_app(&self) -> Option<App> {
        self.shared_app.clone()
    }

    fn authorize_url(&self, app: &App, authorize: &Authorize<'_>) -> Url {
        let mut url: Url = "https://login.example/authorize".parse().unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", &app.id)
            .append_pair("redirect_uri", authorize.redirect_uri.as_str())
            .append_pair("state", authorize.state.expose_secret())
            .append_pair("ask_again", &authorize.ask_again.to_string());
        url
    }

    async fn exchange(
        &self,
        _app: &App,
        code: &SecretString,
        _redirect_uri: &Url,
    ) -> Result<Granted, Failure> {
        let code = code.expose_secret().to_owned();
        let mut state = self.state();
        state.exchanged.push(code.clone());
        let wrong = || Failure::new(FailureClass::Config, "The code is wrong or was used.");
        let granted = state.codes.remove(&code).ok_or_else(wrong)?;
        let token = granted.token.expose_secret().to_owned();
        state.tokens.insert(token, granted.clone());
        Ok(granted)
    }

    fn inspects(&self) -> Inspected {
        self.state().tells.unwrap_or(Inspected::All)
    }

    async fn inspect(&self, _app: &App, token: &SecretString) -> Result<Granted, Failure> {
        let token = token.expose_secret().to_owned();
        if self.is_silent_at(&token) {
            std::future::pending::<()>().await;
        }
        let mut state = self.state();
        state.inspected.push(token.clone());
        assert_ne!(state.broken_at.as_ref(), Some(&token), "it is broken");
        if let Some(failure) = &state.out_of_order {
            return Err(failure.clone());
        }
        let dead = || Failure::new(FailureClass::Reauthorize, "The token is dead.");
        let granted = state.tokens.get(&token).cloned().ok_or_else(dead)?;
        Ok(match state.tells {
            None | Some(Inspected::All) => granted,
            Some(Inspected::AccountsOnly) => Granted {
                scopes: Vec::new(),
                missing_scopes: Vec::new(),
                expires_at: None,
                ..granted
            },
        })
    }

    async fn refresh(
        &self,
        _app: &App,
        token: &SecretString,
    ) -> Result<Option<Refreshed>, Failure> {
        let token = token.expose_secret().to_owned();
        let mut state = self.state();
        state.renewed.push(token.clone());
        let renewals = state.renewals.get_mut(&token);
        let Some(renewed) = renewals.and_then(VecDeque::pop_front) else {
            return Ok(None);
        };
        let renewed = renewed?;
        let opens = state.tokens.get(&token).cloned();
        if let (Some(renewed), Some(opens)) = (&renewed, opens) {
            let granted = Granted {
                token: renewed.token.clone(),
                expires_at: renewed.expires_at,
                ..opens
            };
            let token = renewed.token.expose_secret().to_owned();
            state.tokens.insert(token, granted);
        }
        Ok(renewed)
    }

    async fn revoke(&self, _app: &App, token: &SecretString) -> Result<(), Failure> {
        let token = token.expose_secret().to_owned();
        let mut state = self.state();
        state.tokens.remove(&token);
        state.revoked.push(token);
        Ok(())
    }
}
