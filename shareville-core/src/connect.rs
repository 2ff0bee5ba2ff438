//! Connecting: an end user logs in at a provider and lets the tenant publish for them.
//!
//! The one who finishes is the one who began: with `confirm`, what the login brought stays sealed and inactive until
//! the same end user confirms it.

mod callback;
mod erase;
mod grant;
mod inspect;
mod keep;
mod known;
mod record;
mod remove;
mod save;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use self::callback::{Callback, Landing, LandingStatus};
use self::known::Known;
pub(crate) use self::{inspect::timed_out, keep::Renewal, save::Basis};
use crate::{
    caller::Caller,
    clock::{Timestamp, later},
    connection::{Account, Connection, Grant, Login},
    connector::{Authorize, Connector, Granted},
    credential::{Minted, Purpose, Scope, mint},
    error::Error,
    event::{Actor, Event, EventKind, Subject},
    failure::FailureClass,
    id::{AccountId, ConnectionId, EventId, Provider, UserId},
    shareville::{Shareville, no_app},
    store::{Page, PageRequest, StoreError},
    tenancy::check_user,
    tenant::{App, Tenant},
    violation::Violation,
};

/// How long a login, and a grant after it, may take.
const LOGIN_LIFE: Duration = Duration::from_secs(600);

/// A login to begin.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// Where to log in.
    pub provider: Provider,
    /// Who logs in; may be left out with a user token.
    pub user: Option<UserId>,
    /// Where to send them afterwards: one of the tenant's registered URIs, exactly.
    pub redirect_uri: Option<String>,
    /// Whether they must confirm it afterwards.
    pub confirm: bool,
}

/// A login that has begun.
#[derive(Debug, Clone)]
pub struct BegunLogin {
    /// Where to send the end user.
    pub url: Url,
    /// Until when they can come back.
    pub expires_at: Timestamp,
}

/// A caller at work on connections.
#[derive(Debug, Clone, Copy)]
pub struct Connecting<'a> {
    shareville: &'a Shareville,
    caller: &'a Caller,
}

impl Shareville {
    /// What a caller can do with connections.
    #[must_use]
    pub const fn connections<'a>(&'a self, caller: &'a Caller) -> Connecting<'a> {
        Connecting {
            shareville: self,
            caller,
        }
    }

    pub(crate) fn connector_and_app(
        &self,
        tenant: &Tenant,
        provider: &Provider,
    ) -> Result<(&dyn Connector, App), Error> {
        let connector = self
            .connector(provider)
            .ok_or(Error::NotFound("provider"))?;
        let app = self.app(tenant, provider)?;
        let app = app.ok_or_else(|| no_app(provider))?;
        Ok((connector.as_ref(), app))
    }
}

/// The error of a write, or `gone`, if it is that the client app is not there any more.
fn unless_tenant_is_gone(error: Error, gone: Error) -> Error {
    match error {
        Error::Store(StoreError::Conflict { field: "tenant" }) => gone,
        error => error,
    }
}

/// An event about a connection.
fn told(connection: &Connection, kind: EventKind, actor: Actor, at: Timestamp) -> Event {
    let mut shown = serde_json::to_value(connection).unwrap_or_default();
    if let Some(fields) = shown.as_object_mut() {
        // Sealed or not, no token leaves its row.
        fields.remove("token");
        // It is nobody's news.
        fields.remove("upkeep");
    }
    Event {
        id: EventId::generate(),
        tenant: connection.tenant,
        kind,
        subject: Subject::Connection(connection.id),
        revision: connection.revision,
        actor,
        at,
        data: serde_json::json!({ "connection": shown }),
    }
}

impl Connecting<'_> {
    /// Begins a login.
    ///
    /// # Errors
    /// [`Error::Invalid`] if no user is named or the `redirectUri` is not registered; [`Error::Platform`] if the
    /// tenant's app is not set up; [`Error::NotFound`] for a provider nobody has added; [`Error::Forbidden`],
    /// [`Error::Store`].
    pub async fn begin(&self, new: NewLogin) -> Result<BegunLogin, Error> {
        self.caller.require(Scope::ConnectionsWrite)?;
        let tenant = self.caller.tenant();
        let mut violations = Vec::new();
        let user = self.caller.about(new.user.as_ref())?;
        match &user {
            None => violations.push(Violation::new(
                "/userId",
                "required",
                "name the end user who connects, as your website calls them",
            )),
            Some(user) => violations.extend(check_user(user)),
        }
        let redirect_uri = match &new.redirect_uri {
            Some(uri) if !tenant.redirect_uris.contains(uri) => {
                violations.push(Violation::new(
                    "/redirectUri",
                    "not_registered",
                    "is not among the client app's `redirectUris`: it must equal one of them exactly",
                ));
                None
            }
            // Registered URIs have been checked to be URLs.
            Some(uri) => Url::parse(uri).ok(),
            None => None,
        };
        let Some(user) = user.filter(|_| violations.is_empty()) else {
            return Err(Error::Invalid(violations));
        };
        let (connector, app) = self.shareville.connector_and_app(tenant, &new.provider)?;
        let store = self.shareville.store();
        let known = store
            .connections(tenant.id, Some(&user), PageRequest::first(100))
            .await?;
        let ask_again = known.items.iter().any(|connection| {
            connection.provider == new.provider && !connection.missing_scopes.is_empty()
        });
        let Minted { text: state, hash } = mint(Purpose::LoginState, tenant.id);
        let expires_at = later(self.shareville.clock().now(), LOGIN_LIFE);
        let callback = self.shareville.callback_url(&new.provider);
        let url = connector.authorize_url(
            &app,
            &Authorize {
                redirect_uri: &callback,
                state: &state,
                ask_again,
            },
        );
        store
            .begin_login(&Login {
                hash,
                tenant: tenant.id,
                user,
                provider: new.provider,
                redirect_uri,
                confirm: new.confirm,
                expires_at,
                outcome: None,
            })
            .await?;
        Ok(BegunLogin { url, expires_at })
    }

    /// Confirms, as the end user who began it, what a login brought.
    ///
    /// # Errors
    /// [`Error::Forbidden`] with `other_user` if somebody else began it: then it is revoked and erased;
    /// [`Error::NotFound`] if the grant is unknown, used or over; [`Error::Invalid`], [`Error::Platform`],
    /// [`Error::Store`].
    pub async fn confirm(
        &self,
        code: &SecretString,
        user: Option<&UserId>,
    ) -> Result<Connection, Error> {
        self.caller.require(Scope::ConnectionsWrite)?;
        let tenant = self.caller.tenant();
        let user = match self.caller.about(user) {
            Ok(Some(user)) => user,
            Ok(None) => {
                return Err(Error::invalid(
                    "/userId",
                    "required",
                    "say as which end user you confirm: the one who is signed in at your website",
                ));
            }
            Err(refused) => {
                // Whoever says that they are somebody else is not the one who began.
                match self.take(code).await {
                    Ok(grant) => self.shareville.end_grant(tenant, &grant).await?,
                    Err(Error::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
                return Err(refused);
            }
        };
        let grant = self.take(code).await?;
        if grant.user != user {
            self.shareville.end_grant(tenant, &grant).await?;
            return Err(Error::Forbidden {
                code: "other_user",
                message: "somebody else began this login: what it brought was revoked and erased"
                    .to_owned(),
            });
        }
        // If anything fails from here on the grant stays taken, and is revoked when nobody holds it any more.
        let granted = self.shareville.open_grant(&grant)?;
        let granted = self.still_granted(&grant.provider, granted).await?;
        let connection = self
            .shareville
            .save_granted(
                tenant,
                &grant.user,
                &grant.provider,
                granted,
                (Basis::Login, self.caller.actor()),
            )
            .await
            .map_err(|error| unless_tenant_is_gone(error, Error::NotFound("grant")))?;
        let store = self.shareville.store();
        if store.finish_grant(tenant.id, &grant.hash).await? {
            return Ok(connection);
        }
        // Whoever is erased takes their grants along, also while the provider was asked; nobody else ends one that is held.
        self.shareville
            .end_connection(tenant, &connection, self.caller.actor())
            .await?;
        Err(Error::NotFound("grant"))
    }

    /// Takes what a login brought, by its code: nobody can take it twice, and its time is not over while it is used.
    async fn take(&self, code: &SecretString) -> Result<Grant, Error> {
        let tenant = self.caller.tenant().id;
        let code = crate::credential::read(Purpose::Grant, code.expose_secret());
        let own = code.filter(|(owner, _)| *owner == tenant);
        let (_, hash) = own.ok_or(Error::NotFound("grant"))?;
        let hold_until = later(self.shareville.clock().now(), LOGIN_LIFE);
        let store = self.shareville.store();
        let grant = store.take_grant(tenant, &hash, hold_until).await?;
        grant.ok_or(Error::NotFound("grant"))
    }

    /// What was granted minutes ago may have been withdrawn since.
    async fn still_granted(&self, provider: &Provider, granted: Granted) -> Result<Granted, Error> {
        let (connector, app) = self
            .shareville
            .connector_and_app(self.caller.tenant(), provider)?;
        match connector.inspect(&app, &granted.token).await {
            Ok(now) => Ok(Known::from(&granted).complete(connector.inspects(), now)),
            Err(failure) if failure.class == FailureClass::Reauthorize => Err(failure.into()),
            // It was good when it was granted; whatever is in the way now is none of the user's business.
            Err(_) => Ok(granted),
        }
    }

    /// Lists connections: all, or one end user's.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn list(
        &self,
        user: Option<&UserId>,
        page: PageRequest,
    ) -> Result<Page<Connection>, Error> {
        self.caller.require(Scope::ConnectionsRead)?;
        let user = self.caller.about(user)?;
        let store = self.shareville.store();
        Ok(store
            .connections(self.caller.tenant().id, user.as_ref(), page)
            .await?)
    }

    async fn find(&self, id: ConnectionId) -> Result<Connection, Error> {
        let store = self.shareville.store();
        let connection = store.connection(self.caller.tenant().id, id).await?;
        connection
            .filter(|connection| self.caller.may_see(&connection.user))
            .ok_or(Error::NotFound("connection"))
    }

    /// Reads a connection.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn get(&self, id: ConnectionId) -> Result<Connection, Error> {
        self.caller.require(Scope::ConnectionsRead)?;
        self.find(id).await
    }

    /// Lists the accounts that came with a connection.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn accounts(
        &self,
        id: ConnectionId,
        page: PageRequest,
    ) -> Result<Page<Account>, Error> {
        self.caller.require(Scope::ConnectionsRead)?;
        let connection = self.find(id).await?;
        let store = self.shareville.store();
        Ok(store
            .accounts(connection.tenant, connection.id, page)
            .await?)
    }

    /// Reads an account.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        self.caller.require(Scope::ConnectionsRead)?;
        let store = self.shareville.store();
        let account = store.account(self.caller.tenant().id, id).await?;
        account
            .filter(|account| self.caller.may_see(&account.user))
            .ok_or(Error::NotFound("page"))
    }

    /// Asks the provider anew which accounts a connection opens, and what stands in their way.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Platform`] as the provider gave it, [`Error::Store`].
    pub async fn refresh_accounts(&self, id: ConnectionId) -> Result<Connection, Error> {
        self.caller.require(Scope::ConnectionsWrite)?;
        let connection = self.find(id).await?;
        let (tenant, actor) = (self.caller.tenant(), self.caller.actor());
        self.shareville
            .inspect_connection(tenant, &connection, actor)
            .await
    }
}
