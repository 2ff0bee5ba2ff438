//! The port that forgets end users.

use std::fmt;

use async_trait::async_trait;

use super::Result;
use crate::{
    connection::Grant,
    event::Event,
    id::{TenantId, UserId},
};

/// Forgets end users. Their connections are removed one by one, by
/// [`ConnectionStore::remove_connection`](super::ConnectionStore::remove_connection).
#[async_trait]
pub trait UserStore: fmt::Debug + Send + Sync + 'static {
    /// Takes every way in from an end user, and tells of it: their tokens and the logins they have begun go. Gives what
    /// such logins have brought and nobody has confirmed, taken or not; it stays until it is
    /// [finished](super::LoginStore::finish_grant).
    ///
    /// `None` if nothing at all is known of the user; then nothing is told.
    ///
    /// # Errors
    /// As any method.
    async fn shut_out(
        &self,
        tenant: TenantId,
        user: &UserId,
        events: &[Event],
    ) -> Result<Option<Vec<Grant>>>;

    /// Erases up to `limit` posts of an end user, whatever their state, with their history, and as much history of
    /// what the user once had: posts that were deleted, connections that were removed. True if there may be more; if
    /// not, the answers kept for requests that come again which tell of the user's posts are erased too.
    ///
    /// A lane that is held for an erased post stays held until its time: the call for it may be under way.
    ///
    /// # Errors
    /// As any method.
    async fn erase_posts(&self, tenant: TenantId, user: &UserId, limit: usize) -> Result<bool>;
}
