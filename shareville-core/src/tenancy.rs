//! What an owner does: client apps and their API keys.

mod input;
mod webhooks;

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;

pub use self::input::{Patch, TenantInput};
pub(crate) use self::input::{give_up_after_rule, is_give_up_after};
use self::webhooks::first_secret;
use crate::{
    caller::Caller,
    clock::{Timestamp, later},
    credential::{ApiKey, Minted, Purpose, Scope, UserToken, mint, random_text},
    error::Error,
    event::{Actor, Event, EventKind, Subject},
    id::{ApiKeyId, EventId, OwnerId, TenantId, UserId},
    shareville::Shareville,
    store::{Page, PageRequest, StoreError},
    tenant::{DEFAULT_GIVE_UP_AFTER, Tenant},
    violation::Violation,
};

/// How long a user token lives, unless told otherwise.
pub const DEFAULT_USER_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// How long a user token may live.
pub const MAX_USER_TOKEN_LIFE: Duration = Duration::from_secs(86_400);

/// The most characters a name may have.
const MAX_NAME_CHARS: usize = 200;

/// An API key to be made.
#[derive(Debug, Clone, Default)]
pub struct NewApiKey {
    /// What people call it.
    pub name: Option<String>,
    /// What it may do; `None` is everything.
    pub scopes: Option<Vec<Scope>>,
    /// When it stops working; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A client app as it was written, with what is shown this once.
#[derive(Debug, Clone)]
pub struct SavedTenant {
    /// The client app.
    pub tenant: Tenant,
    /// The webhook secret that was made with its first `webhookUrl`.
    pub webhook_secret: Option<SecretString>,
}

/// An owner at work on their client apps.
#[derive(Debug, Clone, Copy)]
pub struct Tenancy<'a> {
    shareville: &'a Shareville,
    owner: &'a OwnerId,
}

impl Shareville {
    /// What an owner can do. The host has made sure that it is them.
    #[must_use]
    pub const fn tenancy<'a>(&'a self, owner: &'a OwnerId) -> Tenancy<'a> {
        Tenancy {
            shareville: self,
            owner,
        }
    }

    /// Makes a token for one end user, which dies with the key that made it.
    ///
    /// # Errors
    /// [`Error::Forbidden`] unless called with an API key that has `tokens:write`; [`Error::Invalid`] for a wrong user
    /// id or life; [`Error::Store`].
    pub async fn mint_user_token(
        &self,
        caller: &Caller,
        user: UserId,
        life: Option<Duration>,
    ) -> Result<(UserToken, SecretString), Error> {
        caller.require(Scope::TokensWrite)?;
        let crate::caller::CallerKind::ApiKey(key) = caller.kind() else {
            return Err(Error::Forbidden {
                code: "api_key_needed",
                message: "a user token dies with the API key that made it, so it takes an API key to make one".to_owned(),
            });
        };
        let mut violations = Vec::from_iter(check_user(&user));
        let life = life.unwrap_or(DEFAULT_USER_TOKEN_LIFE);
        if life.is_zero() || life > MAX_USER_TOKEN_LIFE {
            violations.push(Violation::new(
                "/expiresIn",
                "out_of_range",
                format!("must be 1 to {} seconds", MAX_USER_TOKEN_LIFE.as_secs()),
            ));
        }
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        let end = later(self.clock().now(), life);
        let Minted { text, hash } = mint(Purpose::UserToken, key.tenant);
        let token = UserToken {
            tenant: key.tenant,
            user,
            key: key.id,
            hash,
            // It dies with its key, whichever way that ends.
            expires_at: key.expires_at.map_or(end, |key_end| key_end.min(end)),
        };
        match self.store().create_user_token(&token).await {
            Ok(()) => Ok((token, text)),
            Err(StoreError::Conflict { .. }) => {
                Err(crate::error::CredentialError::Unknown("API key").into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What is wrong with a tenant's name for an end user.
pub(crate) fn check_user(user: &UserId) -> Option<Violation> {
    let length = user.as_str().len();
    (length == 0 || length > UserId::MAX_BYTES).then(|| {
        Violation::new(
            "/userId",
            "out_of_range",
            format!("must have 1 to {} bytes, not {length}", UserId::MAX_BYTES),
        )
    })
}

impl Tenancy<'_> {
    fn event(&self, tenant: &Tenant, kind: EventKind, data: serde_json::Value) -> Event {
        Event {
            id: EventId::generate(),
            tenant: tenant.id,
            kind,
            subject: Subject::Tenant(tenant.id),
            revision: tenant.revision,
            actor: Actor::Owner(self.owner.clone()),
            at: self.shareville.clock().now(),
            data,
        }
    }

    /// Makes a client app.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Conflict`] if the owner has another one with the same app id, [`Error::Store`].
    pub async fn create(&self, input: TenantInput) -> Result<SavedTenant, Error> {
        let now = self.shareville.clock().now();
        let id = TenantId::generate();
        let mut tenant = Tenant {
            id,
            owner: self.owner.clone(),
            revision: 1,
            name: String::new(),
            domain: None,
            allowed_origins: Vec::new(),
            redirect_uris: Vec::new(),
            facebook: None,
            instagram: None,
            webhook_url: None,
            webhook_secrets: Vec::new(),
            give_up_after: DEFAULT_GIVE_UP_AFTER,
            active: true,
            meta_verify_token: random_text(),
            created_at: now,
            updated_at: now,
        };
        let webhook_secret = self.enter(input, &mut tenant)?;
        let events = [self.event(&tenant, EventKind::TenantCreated, json!({}))];
        let created = self
            .shareville
            .store()
            .create_tenant(&tenant, &events)
            .await;
        created.map_err(same_app)?;
        Ok(SavedTenant {
            tenant,
            webhook_secret,
        })
    }

    /// Enters what the owner says; gives the webhook secret, if it takes the first one.
    fn enter(
        &self,
        input: TenantInput,
        tenant: &mut Tenant,
    ) -> Result<Option<SecretString>, Error> {
        let keyring = self.shareville.keyring();
        let webhooks = self.shareville.webhooks();
        let courier = webhooks.map(|webhooks| webhooks.courier.as_ref());
        input.apply_to(tenant, keyring, courier)?;
        let now = self.shareville.clock().now();
        Ok(first_secret(tenant, keyring, now))
    }

    /// Reads a client app of this owner.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn get(&self, id: TenantId) -> Result<Tenant, Error> {
        let tenant = self.shareville.store().tenant(id).await?;
        tenant
            .filter(|tenant| tenant.owner == *self.owner)
            .ok_or(Error::NotFound("client app"))
    }

    /// Lists this owner's client apps.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn list(&self, page: PageRequest) -> Result<Page<Tenant>, Error> {
        Ok(self.shareville.store().tenants(self.owner, page).await?)
    }

    /// Changes a client app.
    ///
    /// # Errors
    /// As [`create`](Self::create), and [`Error::NotFound`].
    pub async fn update(&self, id: TenantId, input: TenantInput) -> Result<SavedTenant, Error> {
        loop {
            let before = self.get(id).await?;
            let mut tenant = before.clone();
            let webhook_secret = self.enter(input.clone(), &mut tenant)?;
            if tenant == before || self.write(&before, &mut tenant, json!({})).await? {
                return Ok(SavedTenant {
                    tenant,
                    webhook_secret,
                });
            }
        }
    }

    /// Deletes a client app with all that is its own.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn delete(&self, id: TenantId) -> Result<(), Error> {
        self.get(id).await?;
        match self.shareville.store().delete_tenant(id).await? {
            true => Ok(()),
            false => Err(Error::NotFound("client app")),
        }
    }

    /// Makes an API key; its text is shown this once.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Store`].
    pub async fn create_api_key(
        &self,
        tenant: TenantId,
        new: NewApiKey,
    ) -> Result<(ApiKey, SecretString), Error> {
        let tenant = self.get(tenant).await?;
        let now = self.shareville.clock().now();
        let mut violations = Vec::new();
        if new
            .name
            .as_ref()
            .is_some_and(|name| name.chars().count() > MAX_NAME_CHARS)
        {
            violations.push(Violation::new(
                "/name",
                "too_long",
                format!("must have at most {MAX_NAME_CHARS} characters"),
            ));
        }
        if new.scopes.as_ref().is_some_and(Vec::is_empty) {
            let message = "must name at least one scope, or be left out for all of them";
            violations.push(Violation::new("/scopes", "empty", message));
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            let message = "must lie in the future, or be left out for a key that does not expire";
            violations.push(Violation::new("/expiresAt", "in_past", message));
        }
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        let mut scopes = new.scopes.unwrap_or_else(|| Scope::ALL.to_vec());
        scopes.sort_unstable();
        scopes.dedup();
        let Minted { text, hash } = mint(Purpose::ApiKey, tenant.id);
        let key = ApiKey {
            id: ApiKeyId::generate(),
            tenant: tenant.id,
            name: new.name,
            scopes,
            hash,
            created_at: now,
            expires_at: new.expires_at,
        };
        let data = json!({"apiKeyId": key.id, "name": key.name, "scopes": key.scopes});
        let events = [self.event(&tenant, EventKind::ApiKeyCreated, data)];
        match self.shareville.store().create_api_key(&key, &events).await {
            Ok(()) => Ok((key, text)),
            // Its client app was deleted meanwhile.
            Err(StoreError::Conflict { .. }) => Err(Error::NotFound("client app")),
            Err(error) => Err(error.into()),
        }
    }

    /// Lists a client app's API keys.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn api_keys(
        &self,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, Error> {
        self.get(tenant).await?;
        Ok(self.shareville.store().api_keys(tenant, page).await?)
    }

    /// Revokes an API key, and the user tokens it made, at once.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn revoke_api_key(&self, tenant: TenantId, key: ApiKeyId) -> Result<(), Error> {
        let tenant = self.get(tenant).await?;
        let events = [self.event(&tenant, EventKind::ApiKeyRevoked, json!({"apiKeyId": key}))];
        let store = self.shareville.store();
        match store.revoke_api_key(tenant.id, key, &events).await? {
            true => Ok(()),
            false => Err(Error::NotFound("API key")),
        }
    }

    /// Lists what happened to a client app: its audit.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn events(&self, tenant: TenantId, page: PageRequest) -> Result<Page<Event>, Error> {
        self.get(tenant).await?;
        let store = self.shareville.store();
        Ok(store.events(tenant, Subject::Tenant(tenant), page).await?)
    }
}

fn same_app(error: StoreError) -> Error {
    match error {
        StoreError::Conflict { field } => Error::Conflict {
            code: "app_id_taken",
            message: format!(
                "another of your client apps has the same `{field}`: Meta knows one callback for each app, so use \
                 that client app"
            ),
        },
        other => other.into(),
    }
}
