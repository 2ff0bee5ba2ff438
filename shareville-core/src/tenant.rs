//! Tenants: the websites whose end users publish ("client apps" in the API).

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    clock::{Timestamp, later},
    id::{OwnerId, Provider, TenantId},
    secret::{Belongs, Keyring, OpenError, Sealed},
};

/// How long after its time a post may still go out, unless the tenant says otherwise.
pub const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(86_400);

/// How long a webhook secret stays in force once another has taken its place.
pub const FORMER_SECRET_LIFE: Duration = Duration::from_secs(86_400);

/// The most webhook secrets that are in force at once.
pub const MAX_WEBHOOK_SECRETS: usize = 10;

/// A secret that signs what is sent to a tenant's endpoint, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// The secret.
    pub secret: Sealed,
    /// Until when it signs; `None` for the newest.
    pub until: Option<Timestamp>,
}

/// A tenant's app at a provider, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedApp {
    /// The app's id at the provider.
    pub id: String,
    /// The app's secret, once the tenant has given it.
    pub secret: Option<Sealed>,
}

/// A tenant's app at a provider, opened for use.
#[derive(Debug, Clone)]
pub struct App {
    /// The app's id at the provider.
    pub id: String,
    /// The app's secret.
    pub secret: SecretString,
}

/// A website with its own app credentials, API keys and end users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Who may change it.
    pub owner: OwnerId,
    /// Raised by each change.
    pub revision: u64,
    /// What people call it; the end user sees it when connecting.
    pub name: String,
    /// Its own domain, for people to recognise.
    pub domain: Option<String>,
    /// The web origins whose pages may use user tokens.
    pub allowed_origins: Vec<String>,
    /// Where an end user may be sent after connecting: exact matches only.
    pub redirect_uris: Vec<String>,
    /// Its Facebook app.
    pub facebook: Option<SealedApp>,
    /// Its Instagram app.
    pub instagram: Option<SealedApp>,
    /// Where its webhooks go.
    pub webhook_url: Option<Url>,
    /// What its webhooks are signed with, the newest first.
    #[serde(default)]
    pub webhook_secrets: Vec<WebhookSecret>,
    /// How long after its time a post may still go out, unless the post says otherwise.
    pub give_up_after: Duration,
    /// Whether it may use the API, and its posts may go out.
    pub active: bool,
    /// What Meta must say when it subscribes to this tenant's webhook. It is no secret that is worth sealing: its owner
    /// can read it at any time, and all it opens is the echo of a challenge. What Meta then sends is signed.
    pub meta_verify_token: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Tenant {
    /// Whether pages of a web origin, as a browser's `Origin` names it, may use user tokens.
    #[must_use]
    pub fn allows_origin(&self, origin: &[u8]) -> bool {
        let mut allowed = self.allowed_origins.iter();
        allowed.any(|known| known.as_bytes() == origin)
    }

    /// The app this tenant has at a provider.
    #[must_use]
    pub fn sealed_app(&self, provider: &Provider) -> Option<&SealedApp> {
        match provider.as_str() {
            "facebook" => self.facebook.as_ref(),
            "instagram" => self.instagram.as_ref(),
            _ => None,
        }
    }

    /// Every secret in this record, with its place: what is not listed here is not re-sealed.
    pub fn sealed_mut(&mut self) -> Vec<(Belongs, &mut Sealed)> {
        let mut sealed = Vec::new();
        for (provider, app) in [
            (Provider::facebook(), &mut self.facebook),
            (Provider::instagram(), &mut self.instagram),
        ] {
            let secret = app.as_mut().and_then(|app| app.secret.as_mut());
            sealed.extend(secret.map(|it| (app_secret_place(self.id, &provider), it)));
        }
        let place = webhook_secret_place(self.id);
        let webhooks = self.webhook_secrets.iter_mut();
        sealed.extend(webhooks.map(|it| (place, &mut it.secret)));
        sealed
    }

    /// Opens the app this tenant has at a provider; `None` if id or secret is missing.
    ///
    /// # Errors
    /// [`OpenError`] if the secret does not open with this keyring.
    pub fn app(&self, provider: &Provider, keyring: &Keyring) -> Result<Option<App>, OpenError> {
        let Some(app) = self.sealed_app(provider) else {
            return Ok(None);
        };
        let Some(sealed) = &app.secret else {
            return Ok(None);
        };
        let secret = keyring.open(app_secret_place(self.id, provider), sealed)?;
        Ok(Some(App {
            id: app.id.clone(),
            secret,
        }))
    }
}

impl Tenant {
    /// The secrets in force, the newest first: each signs.
    pub fn live_webhook_secrets(&self, now: Timestamp) -> impl Iterator<Item = &Sealed> {
        let live = move |it: &&WebhookSecret| it.until.is_none_or(|until| now < until);
        self.webhook_secrets
            .iter()
            .filter(live)
            .map(|it| &it.secret)
    }

    /// Takes a new secret; the one before stays in force for [`FORMER_SECRET_LIFE`], and what is over goes.
    pub fn add_webhook_secret(&mut self, secret: Sealed, now: Timestamp) {
        let over = later(now, FORMER_SECRET_LIFE);
        for former in &mut self.webhook_secrets {
            former.until.get_or_insert(over);
        }
        self.webhook_secrets
            .retain(|former| former.until.is_some_and(|until| now < until));
        let newest = WebhookSecret {
            secret,
            until: None,
        };
        self.webhook_secrets.insert(0, newest);
    }
}

/// Where a tenant's webhook secrets stand, for sealing.
#[must_use]
pub const fn webhook_secret_place(tenant: TenantId) -> Belongs {
    Belongs {
        tenant,
        record: tenant.as_uuid(),
        field: "webhook_secret",
    }
}

/// Where a tenant's app secret stands, for sealing.
#[must_use]
pub fn app_secret_place(tenant: TenantId, provider: &Provider) -> Belongs {
    Belongs {
        tenant,
        record: tenant.as_uuid(),
        field: match provider.as_str() {
            "instagram" => "instagram_app_secret",
            _ => "facebook_app_secret",
        },
    }
}
