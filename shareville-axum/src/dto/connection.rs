//! Connections.

use serde::Serialize;
use shareville_core::{
    connection::{self, ConnectionStatus},
    id::{ConnectionId, Provider, TenantId, UserId},
};

use super::Time;

/// A connection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<'a> {
    id: ConnectionId,
    client_app_id: TenantId,
    user_id: &'a UserId,
    provider: &'a Provider,
    provider_account_id: &'a str,
    name: Option<&'a str>,
    picture: Option<&'a str>,
    status: ConnectionStatus,
    scopes: &'a [String],
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
