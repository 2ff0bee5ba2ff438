//! What a credential is and may do.

use serde::Serialize;
use shareville_core::{
    Caller, CallerKind,
    credential::Scope,
    id::{ApiKeyId, OwnerId, TenantId, UserId},
};
use utoipa::ToSchema;

use super::Time;
use crate::{
    openapi::words,
    sign_in::{By, SignedIn},
};

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum Me<'a> {
    /// The owner of client apps.
    #[serde(rename_all = "camelCase")]
    Owner {
        #[schema(value_type = String)]
        owner_id: &'a OwnerId,
        /// How the request shows it: `bearer` or `cookie`.
        by: &'static str,
    },
    /// A website, by one of its API keys.
    #[serde(rename_all = "camelCase")]
    ApiKey {
        #[schema(value_type = Uuid)]
        client_app_id: TenantId,
        client_app_name: &'a str,
        #[schema(value_type = Vec<words::Scope>)]
        scopes: &'a [Scope],
        #[schema(value_type = Uuid)]
        api_key_id: ApiKeyId,
        name: Option<&'a str>,
        created_at: Time,
        expires_at: Option<Time>,
    },
    /// An end user of a website.
    #[serde(rename_all = "camelCase")]
    UserToken {
        #[schema(value_type = Uuid)]
        client_app_id: TenantId,
        client_app_name: &'a str,
        #[schema(value_type = Vec<words::Scope>)]
        scopes: &'a [Scope],
        /// As the website calls them.
        #[schema(value_type = String)]
        user_id: &'a UserId,
        /// The key that the token was minted with, and dies with.
        #[schema(value_type = Uuid)]
        api_key_id: ApiKeyId,
        expires_at: Time,
    },
    /// The host itself, on behalf of a website.
    #[serde(rename_all = "camelCase")]
    Host {
        #[schema(value_type = Uuid)]
        client_app_id: TenantId,
        client_app_name: &'a str,
        #[schema(value_type = Vec<words::Scope>)]
        scopes: &'a [Scope],
    },
}

impl<'a> From<&'a SignedIn> for Me<'a> {
    fn from(signed_in: &'a SignedIn) -> Self {
        Self::Owner {
            owner_id: &signed_in.owner,
            by: match signed_in.by {
                By::Bearer => "bearer",
                By::Cookie => "cookie",
            },
        }
    }
}

impl<'a> From<&'a Caller> for Me<'a> {
    fn from(caller: &'a Caller) -> Self {
        let tenant = caller.tenant();
        let (client_app_id, client_app_name) = (tenant.id, tenant.name.as_str());
        let scopes = caller.scopes();
        match caller.kind() {
            CallerKind::ApiKey(key) => Self::ApiKey {
                client_app_id,
                client_app_name,
                scopes,
                api_key_id: key.id,
                name: key.name.as_deref(),
                created_at: Time(key.created_at),
                expires_at: key.expires_at.map(Time),
            },
            CallerKind::User(token) => Self::UserToken {
                client_app_id,
                client_app_name,
                scopes,
                user_id: &token.user,
                api_key_id: token.key,
                expires_at: Time(token.expires_at),
            },
            _ => Self::Host {
                client_app_id,
                client_app_name,
                scopes,
            },
        }
    }
}
