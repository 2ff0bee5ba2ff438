//! Pages: the accounts one can post to.

use serde::Serialize;
use shareville_core::{
    connection::Account,
    id::{AccountId, ConnectionId, Provider},
};

use super::Time;

/// A page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<'a> {
    id: AccountId,
    connection_id: ConnectionId,
    provider: &'a Provider,
    page_id: &'a str,
    name: &'a str,
    username: Option<&'a str>,
    category: Option<&'a str>,
    picture: Option<&'a str>,
    can_publish: bool,
    problems: &'a [String],
    created_at: Time,
    updated_at: Time,
}

impl<'a> From<&'a Account> for Page<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id,
            connection_id: account.connection,
            provider: &account.provider,
            page_id: &account.platform_id,
            name: &account.name,
            username: account.username.as_deref(),
            category: account.category.as_deref(),
            picture: account.picture.as_deref(),
            can_publish: account.can_publish,
            problems: &account.problems,
            created_at: Time(account.created_at),
            updated_at: Time(account.updated_at),
        }
    }
}
