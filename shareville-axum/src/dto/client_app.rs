//! Client apps.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::{Number, Value};
use shareville_core::{
    id::TenantId,
    tenancy::{Patch, SavedTenant, TenantInput},
    tenant::{DEFAULT_GIVE_UP_AFTER, SealedApp, Tenant},
};
use url::Url;
use utoipa::ToSchema;

use super::{Time, seconds};
use crate::body::{self, At, Fields};

/// A client app as its owner sees it: its secrets are write-only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientApp<'a> {
    #[schema(value_type = Uuid)]
    id: TenantId,
    name: &'a str,
    domain: Option<&'a str>,
    /// Where pages may be from that call with user tokens.
    allowed_origins: &'a [String],
    /// Where end users may be sent after connecting.
    redirect_uris: &'a [String],
    facebook_app_id: Option<&'a str>,
    facebook_app_secret_set: bool,
    instagram_app_id: Option<&'a str>,
    instagram_app_secret_set: bool,
    webhook_url: Option<&'a str>,
    /// Shown once, by the answer that tells of the first `webhookUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_secret: Option<&'a str>,
    /// In seconds: how late a post may go out at most.
    #[schema(value_type = f64)]
    give_up_after: Option<Number>,
    active: bool,
    /// What to enter at Meta as the verify token of the app's webhook.
    meta_verify_token: &'a str,
    created_at: Time,
    updated_at: Time,
}

impl<'a> From<&'a Tenant> for ClientApp<'a> {
    fn from(tenant: &'a Tenant) -> Self {
        let id = |app: &'a Option<SealedApp>| app.as_ref().map(|app| app.id.as_str());
        let is_set = |app: &Option<SealedApp>| app.as_ref().is_some_and(|it| it.secret.is_some());
        Self {
            id: tenant.id,
            name: &tenant.name,
            domain: tenant.domain.as_deref(),
            allowed_origins: &tenant.allowed_origins,
            redirect_uris: &tenant.redirect_uris,
            facebook_app_id: id(&tenant.facebook),
            facebook_app_secret_set: is_set(&tenant.facebook),
            instagram_app_id: id(&tenant.instagram),
            instagram_app_secret_set: is_set(&tenant.instagram),
            webhook_url: tenant.webhook_url.as_ref().map(Url::as_str),
            webhook_secret: None,
            give_up_after: seconds(tenant.give_up_after),
            active: tenant.active,
            meta_verify_token: &tenant.meta_verify_token,
            created_at: Time(tenant.created_at),
            updated_at: Time(tenant.updated_at),
        }
    }
}

impl<'a> From<&'a SavedTenant> for ClientApp<'a> {
    fn from(saved: &'a SavedTenant) -> Self {
        let secret = saved.webhook_secret.as_ref();
        Self {
            webhook_secret: secret.map(ExposeSecret::expose_secret),
            ..Self::from(&saved.tenant)
        }
    }
}

fn secret(value: Value, at: &mut At<'_>) -> Option<SecretString> {
    body::text(value, at).map(SecretString::from)
}

/// `null` is the value a new one begins with.
fn or<T>(patch: Patch<T>, initial: T) -> Option<T> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(initial),
        Patch::Set(value) => Some(value),
    }
}

/// Reads what an owner says about a client app.
pub(crate) fn read(fields: &mut Fields<'_>) -> TenantInput {
    TenantInput {
        name: fields.not_null("name", body::text),
        domain: fields.patch("domain", body::text),
        allowed_origins: or(fields.patch("allowedOrigins", body::texts), Vec::new()),
        redirect_uris: or(fields.patch("redirectUris", body::texts), Vec::new()),
        facebook_app_id: fields.patch("facebookAppId", body::text),
        facebook_app_secret: fields.patch("facebookAppSecret", secret),
        instagram_app_id: fields.patch("instagramAppId", body::text),
        instagram_app_secret: fields.patch("instagramAppSecret", secret),
        webhook_url: fields.patch("webhookUrl", body::text),
        give_up_after: or(
            fields.patch("giveUpAfter", body::seconds),
            DEFAULT_GIVE_UP_AFTER,
        ),
        active: fields.not_null("active", body::flag),
    }
}
