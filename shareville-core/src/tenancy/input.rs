//! What an owner says about a client app, and whether it is right.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::MAX_NAME_CHARS;
use crate::{
    deliver::Courier,
    error::Error,
    id::Provider,
    secret::Keyring,
    tenant::{SealedApp, Tenant, app_secret_place},
    violation::Violation,
};

/// The longest time after which a post may still go out.
const MAX_GIVE_UP_AFTER: Duration = Duration::from_secs(30 * 86_400);

/// The most origins, and the most redirect URIs.
const MAX_ENTRIES: usize = 50;

/// What becomes of a value that may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Applies it to a value.
    pub fn apply_to(self, value: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *value = None,
            Self::Set(new) => *value = Some(new),
        }
    }
}

/// What an owner says about a client app; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct TenantInput {
    /// What people call it; needed for a new one.
    pub name: Option<String>,
    /// Its own domain.
    pub domain: Patch<String>,
    /// The web origins whose pages may use user tokens.
    pub allowed_origins: Option<Vec<String>>,
    /// Where an end user may be sent after connecting.
    pub redirect_uris: Option<Vec<String>>,
    /// The Facebook app's id.
    pub facebook_app_id: Patch<String>,
    /// The Facebook app's secret.
    pub facebook_app_secret: Patch<SecretString>,
    /// The Instagram app's id.
    pub instagram_app_id: Patch<String>,
    /// The Instagram app's secret.
    pub instagram_app_secret: Patch<SecretString>,
    /// Where its webhooks go.
    pub webhook_url: Patch<String>,
    /// How long after its time a post may still go out.
    pub give_up_after: Option<Duration>,
    /// Whether it may use the API.
    pub active: Option<bool>,
}

impl TenantInput {
    /// Checks everything, then writes it into `tenant`.
    pub(super) fn apply_to(
        self,
        tenant: &mut Tenant,
        keyring: &Keyring,
        courier: Option<&dyn Courier>,
    ) -> Result<(), Error> {
        let mut violations = self.check(tenant);
        violations.extend(self.check_webhook_url(courier));
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        if let Some(name) = self.name {
            name.trim().clone_into(&mut tenant.name);
        }
        self.domain.apply_to(&mut tenant.domain);
        if let Some(origins) = self.allowed_origins {
            tenant.allowed_origins = origins.iter().filter_map(|text| origin(text)).collect();
        }
        if let Some(uris) = self.redirect_uris {
            tenant.redirect_uris = uris;
        }
        let webhook_url = match self.webhook_url {
            Patch::Set(text) => Url::parse(&text).map_or(Patch::Keep, Patch::Set),
            Patch::Clear => Patch::Clear,
            Patch::Keep => Patch::Keep,
        };
        webhook_url.apply_to(&mut tenant.webhook_url);
        if let Some(give_up_after) = self.give_up_after {
            tenant.give_up_after = give_up_after;
        }
        if let Some(active) = self.active {
            tenant.active = active;
        }
        for (provider, id, secret) in [
            (
                Provider::facebook(),
                self.facebook_app_id,
                self.facebook_app_secret,
            ),
            (
                Provider::instagram(),
                self.instagram_app_id,
                self.instagram_app_secret,
            ),
        ] {
            let place = app_secret_place(tenant.id, &provider);
            let app = match provider.as_str() {
                "instagram" => &mut tenant.instagram,
                _ => &mut tenant.facebook,
            };
            match id {
                Patch::Keep => {}
                Patch::Clear => *app = None,
                // Another app has another secret.
                Patch::Set(id) => match app {
                    Some(app) if app.id == id => {}
                    _ => *app = Some(SealedApp { id, secret: None }),
                },
            }
            if let Some(app) = app {
                match secret {
                    Patch::Keep => {}
                    Patch::Clear => app.secret = None,
                    Patch::Set(secret) => app.secret = Some(keyring.seal(place, &secret)),
                }
            }
        }
        Ok(())
    }

    fn check(&self, tenant: &Tenant) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let mut say = |pointer: &str, code: &str, message: String| {
            wrong.push(Violation::new(pointer, code, message));
        };
        match self.name.as_deref().map(str::trim) {
            None if tenant.name.is_empty() => {
                say("/name", "required", "give the client app a name".to_owned());
            }
            Some("") => say("/name", "required", "must not be empty".to_owned()),
            Some(name) if name.chars().count() > MAX_NAME_CHARS => {
                say(
                    "/name",
                    "too_long",
                    format!("must have at most {MAX_NAME_CHARS} characters"),
                );
            }
            _ => {}
        }
        if let Patch::Set(domain) = &self.domain {
            let host = url::Host::parse(domain);
            if host.is_err() || domain.contains(['/', ':']) {
                say(
                    "/domain",
                    "malformed",
                    "must be a host name alone, such as `example.org`".to_owned(),
                );
            }
        }
        for (index, text) in self.allowed_origins.iter().flatten().enumerate() {
            if origin(text).is_none() {
                say(
                    &format!("/allowedOrigins/{index}"),
                    "malformed",
                    "must be a web origin without a path, such as `https://example.org`".to_owned(),
                );
            }
        }
        for (index, text) in self.redirect_uris.iter().flatten().enumerate() {
            if let Some(problem) = web_url_problem(text) {
                say(
                    &format!("/redirectUris/{index}"),
                    "malformed",
                    problem.to_owned(),
                );
            }
        }
        for (pointer, entries) in [
            ("/allowedOrigins", &self.allowed_origins),
            ("/redirectUris", &self.redirect_uris),
        ] {
            if entries
                .as_ref()
                .is_some_and(|entries| entries.len() > MAX_ENTRIES)
            {
                say(
                    pointer,
                    "too_many",
                    format!("must have at most {MAX_ENTRIES} entries"),
                );
            }
        }
        if self
            .give_up_after
            .is_some_and(|after| after.is_zero() || after > MAX_GIVE_UP_AFTER)
        {
            say("/giveUpAfter", "out_of_range", give_up_after_rule());
        }
        wrong.extend(self.check_apps(tenant));
        wrong
    }

    /// Whether webhooks can be sent there, as far as the address tells by itself.
    fn check_webhook_url(&self, courier: Option<&dyn Courier>) -> Option<Violation> {
        const POINTER: &str = "/webhookUrl";
        let Patch::Set(text) = &self.webhook_url else {
            return None;
        };
        if let Some(problem) = web_url_problem(text) {
            return Some(Violation::new(POINTER, "malformed", problem));
        }
        let url = Url::parse(text).ok()?;
        let refused = courier?.refuses(&url)?;
        Some(Violation::new(POINTER, "address_refused", refused))
    }

    fn check_apps(&self, tenant: &Tenant) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for (name, id, secret, app) in [
            (
                "facebook",
                &self.facebook_app_id,
                &self.facebook_app_secret,
                &tenant.facebook,
            ),
            (
                "instagram",
                &self.instagram_app_id,
                &self.instagram_app_secret,
                &tenant.instagram,
            ),
        ] {
            if let Patch::Set(id) = id
                && (id.is_empty() || id.len() > 64 || !id.bytes().all(|b| b.is_ascii_graphic()))
            {
                wrong.push(Violation::new(
                    format!("/{name}AppId"),
                    "malformed",
                    "must be the app's id from Meta's dashboard: digits, without spaces",
                ));
            }
            let Patch::Set(secret) = secret else { continue };
            let pointer = format!("/{name}AppSecret");
            if secret.expose_secret().trim().is_empty() {
                wrong.push(Violation::new(&pointer, "required", "must not be empty"));
            }
            let has_id = match id {
                Patch::Keep => app.is_some(),
                Patch::Clear => false,
                Patch::Set(_) => true,
            };
            if !has_id {
                wrong.push(Violation::new(
                    &pointer,
                    "without_id",
                    format!("give `{name}AppId` too: a secret belongs to an app"),
                ));
            }
        }
        wrong
    }
}

/// What `giveUpAfter` may be, in words.
pub(crate) fn give_up_after_rule() -> String {
    format!("must be 1 to {} seconds", MAX_GIVE_UP_AFTER.as_secs())
}

/// Whether a post may give up after this time.
pub(crate) fn is_give_up_after(after: Duration) -> bool {
    !after.is_zero() && after <= MAX_GIVE_UP_AFTER
}

/// A web origin in its normal form (RFC 6454), or `None` if it is none.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let plain = matches!(url.scheme(), "http" | "https")
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    plain.then(|| url.origin().ascii_serialization())
}

fn web_url_problem(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else {
        return Some("must be an absolute URL such as `https://example.org/connected`");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        Some("must begin with `https://` or `http://`")
    } else if url.fragment().is_some() {
        Some("must not have a fragment (`#…`)")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("must not contain a user name or password")
    } else {
        None
    }
}
