//! Instagram Login, with each tenant's own Instagram app: no Page, and no account at Facebook.

mod config;
mod profile;
mod refusal;
mod token;

use async_trait::async_trait;
use oauth2::{AuthUrl, ClientId, CsrfToken, RedirectUrl, basic::BasicClient};
use secrecy::{ExposeSecret as _, SecretString};
use shareville_core::{
    connector::{Authorize, Connector, Granted, Inspected, Refreshed},
    failure::{Failure, FailureClass},
    id::Provider,
    tenant::App,
};
use url::Url;

pub use self::config::{FacebookButton, INSTAGRAM_LOGIN_SCOPES, InstagramLoginConfig};
use self::profile::{Permissions, Publishing};
use crate::{
    error::GraphError,
    graph::{Graph, Host},
};

/// Instagram Login: people with a professional account let a tenant's app publish to it.
///
/// The app's id and secret are those of its Instagram product, not the Meta app's own. A grant's `person` is the
/// professional account's id (`user_id`), which is the account's platform id as well.
///
/// Source: graph-api.md 4 (D-IGLOG).
#[derive(Debug, Clone)]
pub struct InstagramLogin {
    graph: Graph,
    config: InstagramLoginConfig,
}

impl InstagramLogin {
    /// A login over a Graph client.
    #[must_use]
    pub const fn new(graph: Graph, config: InstagramLoginConfig) -> Self {
        Self { graph, config }
    }

    /// What a token opens.
    async fn granted(
        &self,
        app: &App,
        token: &SecretString,
        known: Known,
    ) -> Result<Granted, Failure> {
        let profile = profile::read(&self.graph, app, token)
            .await
            .map_err(|error| self.failure(&error))?;
        let Some(id) = profile.account_id().map(str::to_owned) else {
            return Err(Failure::new(
                FailureClass::Unknown,
                "Instagram did not say whose account it is. Try again.",
            ));
        };
        let permissions = match known {
            Known::Told(permissions) => permissions,
            Known::ByAsking => match profile::publishing(&self.graph, app, token, &id).await {
                Publishing::Refused => Permissions::without_publishing(),
                // Whoever compares must take the right to publish neither for gained nor for lost.
                Publishing::Unknown(error) if profile.is_professional() => {
                    return Err(self.failure(&error));
                }
                Publishing::Granted | Publishing::Unknown(_) => Permissions::default(),
            },
        };
        Ok(profile.into_granted(id, token.clone(), permissions))
    }

    fn failure(&self, error: &GraphError) -> Failure {
        refusal::failure(&self.graph, error)
    }
}

/// How it is known what was granted.
#[derive(Debug)]
enum Known {
    /// The exchange told it.
    Told(Permissions),
    /// What is needed for publishing shows by a call that needs it.
    ByAsking,
}

#[async_trait]
impl Connector for InstagramLogin {
    fn provider(&self) -> Provider {
        Provider::instagram()
    }

    fn authorize_url(&self, app: &App, authorize: &Authorize<'_>) -> Url {
        let endpoint = &self.graph.config().endpoint;
        let dialog = endpoint.url(Host::WwwInstagram, &["oauth", "authorize"]);
        let client = BasicClient::new(ClientId::new(app.id.clone()))
            .set_auth_uri(AuthUrl::from_url(dialog))
            .set_redirect_uri(RedirectUrl::from_url(authorize.redirect_uri.clone()));
        let state = || CsrfToken::new(authorize.state.expose_secret().to_owned());
        let facebook = match self.config.facebook_button {
            FacebookButton::Shown => "1",
            FacebookButton::Hidden => "0",
        };
        let request = client
            .authorize_url(state)
            // Instagram separates them by commas, where OAuth has spaces.
            .add_extra_param("scope", self.config.scopes.join(","))
            .add_extra_param("enable_fb_login", facebook);
        // Whoever is logged in is sent through without a question, unless it is told to ask.
        let request = match authorize.ask_again {
            true => request.add_extra_param("force_reauth", "true"),
            false => request,
        };
        request.url().0
    }

    async fn exchange(
        &self,
        app: &App,
        code: &SecretString,
        redirect_uri: &Url,
    ) -> Result<Granted, Failure> {
        let graph = &self.graph;
        let failure = |error: Box<GraphError>| self.failure(&error);
        let short = token::exchange_code(graph, app, code, redirect_uri)
            .await
            .map_err(failure)?;
        let long = token::prolong(graph, app, &short.access_token)
            .await
            .map_err(failure)?;
        // Where it is not told, what is missing shows by its own failures: nobody is sent away for it.
        let granted = short
            .permissions
            .unwrap_or_else(|| self.config.scopes.clone());
        let permissions = Known::Told(Permissions::of(granted, &self.config.scopes));
        let expires_at = long.expires_at(graph.now());
        let mut granted = self.granted(app, &long.access_token, permissions).await?;
        // Meta's notices name the person by this id.
        let told = short.user_id.filter(|id| !granted.person_ids.contains(id));
        granted.person_ids.extend(told);
        Ok(Granted {
            expires_at: Some(expires_at),
            ..granted
        })
    }

    /// Instagram tells nobody what a token was granted, nor when it ends.
    fn inspects(&self) -> Inspected {
        Inspected::AccountsOnly
    }

    async fn inspect(&self, app: &App, token: &SecretString) -> Result<Granted, Failure> {
        self.granted(app, token, Known::ByAsking).await
    }

    async fn refresh(
        &self,
        _app: &App,
        token: &SecretString,
    ) -> Result<Option<Refreshed>, Failure> {
        let long = token::renew(&self.graph, token)
            .await
            .map_err(|error| self.failure(&error))?;
        Ok(Some(Refreshed {
            expires_at: Some(long.expires_at(self.graph.now())),
            token: long.access_token,
        }))
    }

    /// Instagram has no call for it. A token that is dead counts as withdrawn; for one that lives this fails and says
    /// what the person can do. Core erases the token all the same, and only notes the failure.
    async fn revoke(&self, app: &App, token: &SecretString) -> Result<(), Failure> {
        match profile::read(&self.graph, app, token).await {
            Ok(_) => Err(refusal::cannot_be_withdrawn()),
            Err(error) => match self.failure(&error) {
                failure if failure.class == FailureClass::Reauthorize => Ok(()),
                failure => Err(failure),
            },
        }
    }
}
