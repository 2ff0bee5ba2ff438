//! API keys.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde_json::Value;
use shareville_core::{
    credential::{self, Scope},
    id::{ApiKeyId, UserId},
    tenancy::NewApiKey,
};
use utoipa::ToSchema;

use super::Time;
use crate::{
    body::{self, At, Fields},
    openapi::words,
};

/// An API key, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiKey<'a> {
    #[schema(value_type = Uuid)]
    api_key_id: ApiKeyId,
    name: Option<&'a str>,
    #[schema(value_type = Vec<words::Scope>)]
    scopes: &'a [Scope],
    created_at: Time,
    expires_at: Option<Time>,
}

impl<'a> From<&'a credential::ApiKey> for ApiKey<'a> {
    fn from(key: &'a credential::ApiKey) -> Self {
        Self {
            api_key_id: key.id,
            name: key.name.as_deref(),
            scopes: &key.scopes,
            created_at: Time(key.created_at),
            expires_at: key.expires_at.map(Time),
        }
    }
}

/// An API key with its text, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MintedApiKey<'a> {
    /// Its text, to be sent as `X-API-KEY`.
    api_key: &'a str,
    #[serde(flatten)]
    key: ApiKey<'a>,
}

impl<'a> MintedApiKey<'a> {
    pub(crate) fn new(key: &'a credential::ApiKey, text: &'a SecretString) -> Self {
        Self {
            api_key: text.expose_secret(),
            key: key.into(),
        }
    }
}

/// A user token with its text, shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserToken<'a> {
    /// Its text, to be sent as `Authorization: Bearer`.
    token: &'a str,
    /// Whom it speaks for, as the website calls them.
    #[schema(value_type = String)]
    user_id: &'a UserId,
    expires_at: Time,
}

impl<'a> UserToken<'a> {
    pub(crate) const fn new(token: &'a credential::UserToken, text: &'a str) -> Self {
        Self {
            token: text,
            user_id: &token.user,
            expires_at: Time(token.expires_at),
        }
    }
}

fn scope(value: Value, at: &mut At<'_>) -> Option<Scope> {
    body::one_of(value, at, &Scope::ALL.map(|scope| (scope.name(), scope)))
}

/// Reads what a new API key is to be.
pub(crate) fn read(fields: &mut Fields<'_>) -> NewApiKey {
    NewApiKey {
        name: fields.optional("name", body::text),
        scopes: fields.optional("scopes", |value, at| body::list(value, at, scope)),
        expires_at: fields.optional("expiresAt", body::time),
    }
}
