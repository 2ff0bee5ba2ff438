//! Connections.

use serde::Serialize;
use shareville_core::{
    connect::BegunLogin,
    connection::{self, ConnectionStatus},
    id::{ConnectionId, Provider, TenantId, UserId},
};
use utoipa::ToSchema;

use super::Time;
use crate::openapi::words;

/// A connection: an end user's login at a provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<'a> {
    #[schema(value_type = Uuid)]
    id: ConnectionId,
    #[schema(value_type = Uuid)]
    client_app_id: TenantId,
    /// The end user, as the website calls them.
    #[schema(value_type = String)]
    user_id: &'a UserId,
    /// The login it came by: `facebook`, `instagram`, or another that the host has.
    #[schema(value_type = String)]
    provider: &'a Provider,
    /// Who it is, at the provider.
    provider_account_id: &'a str,
    name: Option<&'a str>,
    picture: Option<&'a str>,
    #[schema(value_type = words::ConnectionStatus)]
    status: ConnectionStatus,
    /// What the end user has granted.
    scopes: &'a [String],
    /// What they have declined, and publishing needs.
    missing_scopes: &'a [String],
    expires_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl<'a> From<&'a connection::Connection> for Connection<'a> {
    fn from(connection: &'a connection::Connection) -> Self {
        Self {
            id: connection.id,
            client_app_id: connection.tenant,
            user_id: &connection.user,
            provider: &connection.provider,
            provider_account_id: &connection.person,
            name: connection.name.as_deref(),
            picture: connection.picture.as_deref(),
            status: connection.status,
            scopes: &connection.scopes,
            missing_scopes: &connection.missing_scopes,
            expires_at: connection.expires_at.map(Time),
            created_at: Time(connection.created_at),
            updated_at: Time(connection.updated_at),
        }
    }
}

/// A login that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login<'a> {
    /// Where to send the end user.
    url: &'a str,
    /// Until when they can come back.
    expires_at: Time,
}

impl<'a> From<&'a BegunLogin> for Login<'a> {
    fn from(begun: &'a BegunLogin) -> Self {
        Self {
            url: begun.url.as_str(),
            expires_at: Time(begun.expires_at),
        }
    }
}
