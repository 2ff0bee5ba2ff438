//! What a login brought, sealed until it is confirmed.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::LOGIN_LIFE;
use crate::{
    clock::later,
    connection::{Grant, Login},
    connector::{FoundAccount, Granted},
    credential::{Minted, Purpose, mint},
    error::Error,
    failure::{Failure, FailureClass},
    id::Provider,
    shareville::Shareville,
    tenant::Tenant,
};

/// The plain form of [`Granted`]; it exists only between opening and sealing.
#[derive(Serialize, Deserialize)]
struct Plain {
    person: String,
    #[serde(default)]
    person_ids: Vec<String>,
    name: Option<String>,
    picture: Option<String>,
    token: String,
    expires_at: Option<DateTime<Utc>>,
    scopes: Vec<String>,
    missing_scopes: Vec<String>,
    accounts: Vec<PlainAccount>,
}

#[derive(Serialize, Deserialize)]
struct PlainAccount {
    provider: Provider,
    platform_id: String,
    name: String,
    username: Option<String>,
    category: Option<String>,
    picture: Option<String>,
    token: Option<String>,
    problems: Vec<String>,
}

fn expose(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

impl From<&Granted> for Plain {
    fn from(granted: &Granted) -> Self {
        let accounts = granted.accounts.iter().map(|account| PlainAccount {
            provider: account.provider.clone(),
            platform_id: account.platform_id.clone(),
            name: account.name.clone(),
            username: account.username.clone(),
            category: account.category.clone(),
            picture: account.picture.clone(),
            token: account.token.as_ref().map(expose),
            problems: account.problems.clone(),
        });
        Self {
            person: granted.person.clone(),
            person_ids: granted.person_ids.clone(),
            name: granted.name.clone(),
            picture: granted.picture.clone(),
            token: expose(&granted.token),
            expires_at: granted.expires_at,
            scopes: granted.scopes.clone(),
            missing_scopes: granted.missing_scopes.clone(),
            accounts: accounts.collect(),
        }
    }
}

impl From<Plain> for Granted {
    fn from(plain: Plain) -> Self {
        let accounts = plain.accounts.into_iter().map(|account| FoundAccount {
            provider: account.provider,
            platform_id: account.platform_id,
            name: account.name,
            username: account.username,
            category: account.category,
            picture: account.picture,
            token: account.token.map(SecretString::from),
            problems: account.problems,
        });
        Self {
            person: plain.person,
            person_ids: plain.person_ids,
            name: plain.name,
            picture: plain.picture,
            token: plain.token.into(),
            expires_at: plain.expires_at,
            scopes: plain.scopes,
            missing_scopes: plain.missing_scopes,
            accounts: accounts.collect(),
        }
    }
}

fn unreadable() -> Failure {
    Failure::new(
        FailureClass::Unknown,
        "What the login brought could not be kept. Connect again.",
    )
    .with_code("grant_unreadable")
}

impl Shareville {
    /// Keeps what a login brought, sealed and inactive, and gives the code that confirms it, and what is kept.
    pub(super) async fn keep_grant(
        &self,
        login: &Login,
        granted: &Granted,
    ) -> Result<(SecretString, Grant), Error> {
        let plain = serde_json::to_string(&Plain::from(granted)).map_err(|_| unreadable())?;
        let Minted { text, hash } = mint(Purpose::Grant, login.tenant);
        let grant = Grant {
            hash,
            tenant: login.tenant,
            user: login.user.clone(),
            provider: login.provider.clone(),
            sealed: self
                .keyring()
                .seal(Grant::place(login.tenant), &plain.into()),
            expires_at: later(self.clock().now(), LOGIN_LIFE),
        };
        self.store().create_grant(&grant).await?;
        Ok((text, grant))
    }

    pub(super) fn open_grant(&self, grant: &Grant) -> Result<Granted, Error> {
        let plain = self
            .keyring()
            .open(Grant::place(grant.tenant), &grant.sealed)?;
        let plain: Plain = serde_json::from_str(plain.expose_secret()).map_err(|_| unreadable())?;
        Ok(plain.into())
    }

    /// Revokes what a login brought, unless the same person is connected to this tenant in another way: the provider
    /// would withdraw that too.
    pub(super) async fn throw_away(&self, tenant: &Tenant, provider: &Provider, granted: &Granted) {
        let ids = granted.person_ids.iter().map(String::as_str);
        let ids = std::iter::once(granted.person.as_str()).chain(ids);
        let others = self.same_person(tenant.id, provider, ids).await;
        let revoked = match (others, self.connector_and_app(tenant, provider)) {
            (Ok(others), Ok((connector, app))) if others.is_empty() => connector
                .revoke(&app, &granted.token)
                .await
                .map_err(Error::from),
            (Ok(_), Ok(_)) => Ok(()),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        if let Err(error) = revoked {
            // It is erased here, so nobody can use it any more; the person can remove the app at the provider.
            tracing::warn!(%error, tenant = %tenant.id, %provider, "a grant could not be revoked at the provider");
        }
    }

    /// Revoked first and erased then, so that a crash in between leaves it to be found again.
    pub(super) async fn end_grant(&self, tenant: &Tenant, grant: &Grant) -> Result<(), Error> {
        self.revoke_grant(tenant, grant).await;
        // Somebody else may have been quicker.
        self.store().finish_grant(tenant.id, &grant.hash).await?;
        Ok(())
    }

    async fn revoke_grant(&self, tenant: &Tenant, grant: &Grant) {
        match self.open_grant(grant) {
            Ok(granted) => self.throw_away(tenant, &grant.provider, &granted).await,
            Err(error) => {
                tracing::warn!(%error, tenant = %tenant.id, "an unconfirmed grant does not open");
            }
        }
    }

    /// Erases what is over: logins, user tokens, and grants that nobody confirmed, which are revoked too. Ends posts that
    /// were still to go on when their connection was removed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sweep(&self) -> Result<(), Error> {
        let hold_until = later(self.clock().now(), LOGIN_LIFE);
        let mut swept = Ok(());
        for grant in self.store().sweep(hold_until).await? {
            // One that cannot be ended now keeps no other from it, and is swept again.
            if let Err(error) = self.end_over(&grant).await {
                swept = Err(error);
            }
        }
        self.end_stranded().await.and(swept)
    }

    /// Ends a grant that nobody confirmed. Those of a tenant that is gone have gone with it.
    async fn end_over(&self, grant: &Grant) -> Result<(), Error> {
        match self.store().tenant(grant.tenant).await? {
            Some(tenant) => self.end_grant(&tenant, grant).await,
            None => Ok(()),
        }
    }
}
