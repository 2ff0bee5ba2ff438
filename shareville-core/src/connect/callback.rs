//! The end user comes back from the provider.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{save::Basis, unless_tenant_is_gone};
use crate::{
    connection::{ConnectionStatus, Login},
    credential::{Purpose, fingerprint, read},
    error::Error,
    event::Actor,
    failure::Failure,
    id::{ConnectionId, Provider},
    lane::PauseReason,
    shareville::Shareville,
    store::LoginFound,
    tenant::Tenant,
};

/// How long somebody who comes back twice at once waits for their first coming to end.
const TWIN_PATIENCE: Duration = Duration::from_secs(10);

/// What the provider sent along.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    /// The `state` of the login.
    pub state: Option<String>,
    /// The authorization code.
    pub code: Option<SecretString>,
    /// Why there is no code: `access_denied` if the end user canceled.
    pub error: Option<String>,
}

/// How the login ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LandingStatus {
    /// The accounts are connected.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// Who began it must confirm it with this code.
    Confirm {
        /// The code.
        grant: String,
    },
    /// It did not work.
    Error {
        /// A stable word for programs.
        code: String,
        /// For a person.
        message: String,
    },
}

/// Where the end user lands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// How the login ended.
    pub status: LandingStatus,
    /// Where to send them; `None` for a small page of our own.
    pub redirect: Option<Url>,
    /// The website's name, for that page.
    pub website: String,
    /// The origins whose windows that page may speak to.
    pub allowed_origins: Vec<String>,
}

impl Landing {
    fn of(status: LandingStatus, login: &Login, tenant: &Tenant) -> Self {
        // It may have been struck off the list since the login began.
        let registered = |uri: &Url| {
            let mut known = tenant.redirect_uris.iter();
            known.any(|known| Url::parse(known).is_ok_and(|known| known == *uri))
        };
        let redirect = login
            .redirect_uri
            .clone()
            .filter(registered)
            .map(|mut url| {
                let mut query = url.query_pairs_mut();
                match &status {
                    LandingStatus::Connected { connection } => query
                        .append_pair("status", "connected")
                        .append_pair("connectionId", &connection.to_string()),
                    LandingStatus::Confirm { grant } => query
                        .append_pair("status", "confirm")
                        .append_pair("grant", grant),
                    LandingStatus::Error { code, .. } => query
                        .append_pair("status", "error")
                        .append_pair("error", code),
                };
                drop(query);
                url
            });
        Self {
            status,
            redirect,
            website: tenant.name.clone(),
            allowed_origins: tenant.allowed_origins.clone(),
        }
    }
}

impl Shareville {
    /// Finishes a login: exchanges the code, and connects or asks for confirmation.
    ///
    /// The same state and code again, within the login's time, give the same answer and exchange nothing.
    ///
    /// # Errors
    /// [`Error::BadState`] if the state is forged, used with another code, or over; [`Error::Store`],
    /// [`Error::Sealed`]. What goes wrong at the provider is told in the [`Landing`].
    pub async fn finish_login(
        &self,
        provider: &Provider,
        callback: Callback,
    ) -> Result<Landing, Error> {
        let state = callback.state.as_deref().ok_or(Error::BadState)?;
        let (tenant, hash) = read(Purpose::LoginState, state).ok_or(Error::BadState)?;
        let tenant = self.store().tenant(tenant).await?.ok_or(Error::BadState)?;
        // A refusal has no code; it takes the login all the same.
        let spent = callback.code.clone().unwrap_or_else(|| "refused".into());
        let code = fingerprint(&spent);
        let patience = tokio::time::Instant::now() + TWIN_PATIENCE;
        loop {
            let found = match self.store().login(tenant.id, &hash).await? {
                Some(login) if login.provider == *provider => {
                    self.store().take_login(tenant.id, &hash, &code).await?
                }
                _ => LoginFound::Unknown,
            };
            match found {
                LoginFound::First(login) => {
                    let status = self.exchange(&tenant, &login, callback).await?;
                    let place = Login::answer_place(tenant.id);
                    let plain = serde_json::to_string(&status).map_err(|_| Error::BadState)?;
                    let sealed = self.keyring().seal(place, &plain.into());
                    self.store().finish_login(tenant.id, &hash, &sealed).await?;
                    return Ok(Landing::of(status, &login, &tenant));
                }
                LoginFound::Answered(login) => {
                    let answer = login
                        .outcome
                        .as_ref()
                        .and_then(|outcome| outcome.answer.as_ref());
                    let answer = answer.ok_or(Error::BadState)?;
                    let plain = self
                        .keyring()
                        .open(Login::answer_place(tenant.id), answer)?;
                    let status =
                        serde_json::from_str(plain.expose_secret()).map_err(|_| Error::BadState)?;
                    return Ok(Landing::of(status, &login, &tenant));
                }
                LoginFound::UnderWay if tokio::time::Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                LoginFound::Unknown | LoginFound::UnderWay | LoginFound::OtherCode => {
                    return Err(Error::BadState);
                }
            }
        }
    }

    async fn exchange(
        &self,
        tenant: &Tenant,
        login: &Login,
        callback: Callback,
    ) -> Result<LandingStatus, Error> {
        let Some(code) = callback.code else {
            return Ok(refused(callback.error));
        };
        if !tenant.active {
            let until = login.expires_at;
            return Ok(failed(&Failure::paused(PauseReason::TenantInactive, until)));
        }
        let exchanged = match self.connector_and_app(tenant, &login.provider) {
            Ok((connector, app)) => {
                let redirect_uri = self.callback_url(&login.provider);
                connector.exchange(&app, &code, &redirect_uri).await
            }
            Err(Error::Platform(failure)) => Err(failure),
            Err(error) => return Err(error),
        };
        let granted = match exchanged {
            Ok(granted) => granted,
            Err(failure) => return Ok(failed(&failure)),
        };
        // Whoever is erased takes their logins along, also while the provider was asked.
        if self.store().login(tenant.id, &login.hash).await?.is_none() {
            self.throw_away(tenant, &login.provider, &granted).await;
            return Err(Error::BadState);
        }
        if login.confirm {
            let kept = self.keep_grant(login, &granted).await;
            let (code, grant) =
                kept.map_err(|error| unless_tenant_is_gone(error, Error::BadState))?;
            // Again, for an erasure that began before this was written down may not have seen it.
            if self.store().login(tenant.id, &login.hash).await?.is_none() {
                self.end_grant(tenant, &grant).await?;
                return Err(Error::BadState);
            }
            return Ok(LandingStatus::Confirm {
                grant: code.expose_secret().to_owned(),
            });
        }
        let actor = Actor::User(login.user.clone());
        let connection = self
            .save_granted(
                tenant,
                &login.user,
                &login.provider,
                granted,
                (Basis::Login, actor.clone()),
            )
            .await
            .map_err(|error| unless_tenant_is_gone(error, Error::BadState))?;
        // Again, for an erasure that began before this was written down may not have seen it. That the login's time is
        // over by now tells nothing: the connection may be one that has long been there.
        if self.store().login(tenant.id, &login.hash).await?.is_none()
            && self.clock().now() < login.expires_at
        {
            self.end_connection(tenant, &connection, actor).await?;
            return Err(Error::BadState);
        }
        debug_assert_eq!(connection.status, ConnectionStatus::Active);
        Ok(LandingStatus::Connected {
            connection: connection.id,
        })
    }
}

fn failed(failure: &Failure) -> LandingStatus {
    LandingStatus::Error {
        code: failure.code.clone(),
        message: failure.message.clone(),
    }
}

fn refused(error: Option<String>) -> LandingStatus {
    // Only a short plain word is handed on; anything else could be somebody's text in the website's address bar.
    let code = error
        .filter(|code| {
            (1..=64).contains(&code.len())
                && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
        .unwrap_or_else(|| "no_code".to_owned());
    let message = match code.as_str() {
        "access_denied" => "The login was canceled: nothing was connected.".to_owned(),
        _ => "The provider did not let you log in: connect again, or tell the website.".to_owned(),
    };
    LandingStatus::Error { code, message }
}
