//! Pages: the accounts one can post to.

use serde::Serialize;
use shareville_core::{
    connection::Account,
    id::{AccountId, ConnectionId, Provider},
};
use utoipa::ToSchema;

use super::Time;

/// A page: an account one can post to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<'a> {
    /// What posts name as `socialPageId`.
    #[schema(value_type = Uuid)]
    id: AccountId,
    #[schema(value_type = Uuid)]
    connection_id: ConnectionId,
    /// `facebook`, `instagram`, or another network that the host publishes to.
    #[schema(value_type = String)]
    provider: &'a Provider,
    /// The platform's own id.
    page_id: &'a str,
    name: &'a str,
    username: Option<&'a str>,
    category: Option<&'a str>,
    picture: Option<&'a str>,
    can_publish: bool,
    /// What keeps it from publishing, in words for people.
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
