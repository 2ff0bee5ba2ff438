//! Events: history, audit and outbox in one append-only table.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    id::{ApiKeyId, ConnectionId, EventId, OwnerId, PostId, RequestId, TenantId, UserId},
};

/// Who brought something about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// The tenant's owner.
    Owner(OwnerId),
    /// The tenant, by an API key.
    ApiKey(ApiKeyId),
    /// The host itself, in its own process.
    Host,
    /// An end user.
    User(UserId),
    /// A worker.
    Worker,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// The tenant itself.
    Tenant(TenantId),
    /// A connection.
    Connection(ConnectionId),
    /// A post.
    Post(PostId),
}

/// What happened. The tenant's webhooks tell of those that [`is_public`](Self::is_public) names; the rest is history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[allow(missing_docs)] // their names say it
pub enum EventKind {
    #[serde(rename = "connection.created")]
    ConnectionCreated,
    #[serde(rename = "connection.updated")]
    ConnectionUpdated,
    #[serde(rename = "connection.expiring")]
    ConnectionExpiring,
    #[serde(rename = "connection.reauthorization_required")]
    ConnectionReauthorizationRequired,
    #[serde(rename = "connection.revoked")]
    ConnectionRevoked,
    #[serde(rename = "post.created")]
    PostCreated,
    #[serde(rename = "post.scheduled")]
    PostScheduled,
    #[serde(rename = "post.updated")]
    PostUpdated,
    #[serde(rename = "post.step")]
    PostStep,
    #[serde(rename = "post.waiting")]
    PostWaiting,
    #[serde(rename = "post.commit")]
    PostCommit,
    #[serde(rename = "post.uncertain")]
    PostUncertain,
    #[serde(rename = "post.looked")]
    PostLooked,
    #[serde(rename = "post.retrying")]
    PostRetrying,
    #[serde(rename = "post.published")]
    PostPublished,
    #[serde(rename = "post.comment")]
    PostComment,
    #[serde(rename = "post.failed")]
    PostFailed,
    #[serde(rename = "post.canceled")]
    PostCanceled,
    #[serde(rename = "post.deleted")]
    PostDeleted,
    #[serde(rename = "post.removal_reported")]
    PostRemovalReported,
    #[serde(rename = "client_app.created")]
    TenantCreated,
    #[serde(rename = "client_app.updated")]
    TenantUpdated,
    #[serde(rename = "api_key.created")]
    ApiKeyCreated,
    #[serde(rename = "api_key.revoked")]
    ApiKeyRevoked,
    #[serde(rename = "user.erased")]
    UserErased,
}

impl EventKind {
    /// Whether the tenant's webhooks tell of it.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(
            self,
            Self::ConnectionCreated
                | Self::ConnectionExpiring
                | Self::ConnectionReauthorizationRequired
                | Self::ConnectionRevoked
                | Self::PostScheduled
                | Self::PostUpdated
                | Self::PostRetrying
                | Self::PostPublished
                | Self::PostFailed
                | Self::PostCanceled
                | Self::PostDeleted
        )
    }
}

/// Something that happened; written with the change it tells of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id: later events sort later.
    pub id: EventId,
    /// The tenant.
    pub tenant: TenantId,
    /// What happened.
    pub kind: EventKind,
    /// What it is about.
    pub subject: Subject,
    /// The subject's revision after it.
    pub revision: u64,
    /// Who brought it about.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Particulars: for a post's step what was done, for a failure what failed.
    pub data: Value,
}

impl Event {
    /// The same, with the id of the request that brought it about among its particulars.
    #[must_use]
    pub fn asked_by(mut self, request: Option<&RequestId>) -> Self {
        if let (Some(request), Value::Object(data)) = (request, &mut self.data) {
            data.insert("requestId".to_owned(), request.as_str().into());
        }
        self
    }
}
