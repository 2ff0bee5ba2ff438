//! Logging in at Bluesky with an app password: how the account to publish to gets into our books.
//!
//! The page at `sign_in` is the host's own. It asks for handle and app password and hands both, with the `state` from
//! its address, to [`Shareville::finish_login`](shareville::Shareville::finish_login) as the code; so they stand in no
//! address. A service for the public would rather implement Bluesky's OAuth here (<https://atproto.com/specs/oauth>):
//! behind the same trait, and without a change to the publisher.
//!
//! Source: `lexicons/com/atproto/server/{create,refresh,delete}Session.json`.

use async_trait::async_trait;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shareville::{
    App, Authorize, Connector, Failure, FailureClass, FoundAccount, Granted, Provider, Refreshed,
};
use url::Url;

use crate::bluesky::{Bluesky, Trouble};

/// Logs in with app passwords.
#[derive(Debug, Clone)]
pub(crate) struct AppPasswords {
    bluesky: Bluesky,
    sign_in: Url,
}

impl AppPasswords {
    /// Asks for them on the page at `sign_in`.
    pub(crate) const fn new(bluesky: Bluesky, sign_in: Url) -> Self {
        Self { bluesky, sign_in }
    }

    /// A session has two tokens: one that publishes and lives for two hours, which is the account's, and one that only
    /// makes the next two, which is the connection's.
    async fn renew(&self, refresh: &SecretString) -> Result<Value, Failure> {
        let call = self
            .bluesky
            .call(Method::POST, "com.atproto.server.refreshSession");
        let session = self.bluesky.send(call, Some(refresh)).await;
        session.map_err(|trouble| trouble.failure())
    }
}

#[async_trait]
impl Connector for AppPasswords {
    fn provider(&self) -> Provider {
        Bluesky::name()
    }

    /// Nobody registers an app for app passwords, so tenants have none.
    fn shared_app(&self) -> Option<App> {
        Some(App {
            id: String::new(),
            secret: SecretString::default(),
        })
    }

    fn authorize_url(&self, _app: &App, authorize: &Authorize<'_>) -> Url {
        let mut url = self.sign_in.clone();
        url.query_pairs_mut()
            .append_pair("state", authorize.state.expose_secret());
        url
    }

    async fn exchange(
        &self,
        _app: &App,
        code: &SecretString,
        _redirect_uri: &Url,
    ) -> Result<Granted, Failure> {
        let typed = code.expose_secret().split_once(' ');
        let (identifier, password) = typed.ok_or_else(|| {
            let message = "Type your handle and an app password of Bluesky.";
            Failure::new(FailureClass::Reauthorize, message)
        })?;
        let call = self
            .bluesky
            .call(Method::POST, "com.atproto.server.createSession")
            .json(&json!({ "identifier": identifier, "password": password }));
        let session = self.bluesky.send(call, None).await;
        granted(&session.map_err(|trouble| trouble.failure())?)
    }

    async fn inspect(&self, _app: &App, token: &SecretString) -> Result<Granted, Failure> {
        granted(&self.renew(token).await?)
    }

    async fn refresh(
        &self,
        _app: &App,
        _token: &SecretString,
    ) -> Result<Option<Refreshed>, Failure> {
        // Both tokens change at once, and only `inspect` can hand back the account's.
        Ok(None)
    }

    async fn revoke(&self, _app: &App, token: &SecretString) -> Result<(), Failure> {
        let call = self
            .bluesky
            .call(Method::POST, "com.atproto.server.deleteSession");
        match self.bluesky.send(call, Some(token)).await {
            Ok(_) => Ok(()),
            Err(trouble) => match trouble.failure() {
                // It is dead already.
                failure if failure.class == FailureClass::Reauthorize => Ok(()),
                failure => Err(failure),
            },
        }
    }
}

/// What a session opens: one account, the person's own.
fn granted(session: &Value) -> Result<Granted, Failure> {
    let field = |name: &str| {
        let value = session[name].as_str().map(str::to_owned);
        value.ok_or_else(|| Trouble::Unanswered.failure())
    };
    let (did, handle) = (field("did")?, field("handle")?);
    Ok(Granted {
        person: did.clone(),
        person_ids: Vec::new(),
        name: Some(handle.clone()),
        picture: None,
        token: field("refreshJwt")?.into(),
        expires_at: None,
        scopes: Vec::new(),
        missing_scopes: Vec::new(),
        accounts: vec![FoundAccount {
            provider: Bluesky::name(),
            platform_id: did,
            name: handle.clone(),
            username: Some(handle),
            category: None,
            picture: None,
            token: Some(field("accessJwt")?.into()),
            problems: Vec::new(),
        }],
    })
}
