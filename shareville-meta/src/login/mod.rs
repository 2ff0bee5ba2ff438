//! Facebook Login, with each tenant's own app.

mod config;
mod grant;
mod instagram;
mod page;
mod token;

use async_trait::async_trait;
use oauth2::{AuthUrl, ClientId, CsrfToken, RedirectUrl, Scope, basic::BasicClient};
use secrecy::{ExposeSecret as _, SecretString};
use shareville_core::{
    clock::Timestamp,
    connector::{Authorize, Connector, Granted, Refreshed},
    failure::{Failure, FailureClass},
    id::Provider,
    tenant::App,
};
use url::Url;

pub(crate) use self::config::INSTAGRAM_DELETION;
pub use self::config::{INSTAGRAM_SCOPES, LoginConfig, SCOPES};
use self::{page::Unreadable, token::CheckedToken};
use crate::graph::{Acknowledged, Auth, Graph, Host};

/// Facebook Login: people let a tenant's app publish to their Pages, and to the Instagram accounts linked to them.
///
/// Source: graph-api.md 3, 4.5 (D-LOGIN, D-SEC, D-LLT).
#[derive(Debug, Clone)]
pub struct FacebookLogin {
    graph: Graph,
    config: LoginConfig,
}

impl FacebookLogin {
    /// A login over a Graph client.
    #[must_use]
    pub const fn new(graph: Graph, config: LoginConfig) -> Self {
        Self { graph, config }
    }

    /// What a long-lived token grants and opens.
    async fn granted(
        &self,
        app: &App,
        token: SecretString,
        checked: CheckedToken,
        expires_at: Option<Timestamp>,
        unreadable: Unreadable,
    ) -> Result<Granted, Failure> {
        let graph = &self.graph;
        let person = match (grant::person(graph, app, &token).await, &checked.user_id) {
            (Ok(person), _) => person,
            // Name and picture are for show; the id is all that counts.
            (Err(_), Some(id)) => grant::Person {
                id: id.clone(),
                name: None,
                picture: None,
            },
            (Err(error), None) => return Err(graph.login_failure(&error)),
        };
        let scopes = grant::scopes(graph, app, &token, &self.config.scopes, &checked)
            .await
            .map_err(|error| graph.login_failure(&error))?;
        let instagram = self.config.instagram();
        let reader = page::Reader::new(graph, app, &token, instagram, &scopes.granted, unreadable);
        let pages = reader.all(&checked).await?;
        let accounts = page::accounts(pages, &scopes.granted, &checked);
        Ok(Granted {
            person: person.id,
            person_ids: Vec::new(),
            name: person.name,
            picture: person.picture.and_then(|picture| picture.data.url),
            token,
            expires_at,
            scopes: scopes.granted,
            missing_scopes: scopes.missing,
            accounts,
        })
    }
}

#[async_trait]
impl Connector for FacebookLogin {
    fn provider(&self) -> Provider {
        Provider::facebook()
    }

    fn authorize_url(&self, app: &App, authorize: &Authorize<'_>) -> Url {
        let config = self.graph.config();
        let dialog = config
            .endpoint
            .url(Host::Www, &[&config.version, "dialog", "oauth"]);
        let client = BasicClient::new(ClientId::new(app.id.clone()))
            .set_auth_uri(AuthUrl::from_url(dialog))
            .set_redirect_uri(RedirectUrl::from_url(authorize.redirect_uri.clone()));
        let state = || CsrfToken::new(authorize.state.expose_secret().to_owned());
        let request = client
            .authorize_url(state)
            .add_scopes(self.config.scopes.iter().cloned().map(Scope::new));
        // The dialog does not ask again for what was declined before, unless it is told to.
        let request = match authorize.ask_again {
            true => request.add_extra_param("auth_type", "rerequest"),
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
        let failure = |error: Box<crate::error::GraphError>| graph.login_failure(&error);
        let short = token::exchange_code(graph, app, code, redirect_uri)
            .await
            .map_err(failure)?;
        let long = token::prolong(graph, app, &short.access_token)
            .await
            .map_err(failure)?;
        let checked = token::check(graph, app, &long.access_token).await?;
        let expires_at = checked
            .expires_at()
            .or_else(|| long.expires_at(graph.now()));
        self.granted(
            app,
            long.access_token,
            checked,
            expires_at,
            Unreadable::Skip,
        )
        .await
    }

    async fn inspect(&self, app: &App, token: &SecretString) -> Result<Granted, Failure> {
        let checked = token::check(&self.graph, app, token).await?;
        let expires_at = checked.expires_at();
        self.granted(app, token.clone(), checked, expires_at, Unreadable::Fail)
            .await
    }

    async fn refresh(&self, app: &App, token: &SecretString) -> Result<Option<Refreshed>, Failure> {
        let graph = &self.graph;
        let long = token::prolong(graph, app, token)
            .await
            .map_err(|error| graph.login_failure(&error))?;
        let expires_at = match long.expires_at(graph.now()) {
            Some(expires_at) => Some(expires_at),
            // Not said: it need not mean that it never ends.
            None => token::check(graph, app, &long.access_token)
                .await?
                .expires_at(),
        };
        Ok(Some(Refreshed {
            token: long.access_token,
            expires_at,
        }))
    }

    async fn revoke(&self, app: &App, token: &SecretString) -> Result<(), Failure> {
        let revoked = self
            .graph
            .delete(&["me", "permissions"], Auth::Token(token, app))
            .send::<Acknowledged>()
            .await;
        match revoked.map_err(|error| self.graph.login_failure(&error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == FailureClass::Reauthorize => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
