//! Typed ids: no connection id can be passed where a post id is wanted.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is no UUID where an id was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected a UUID such as 019312f0-7d5a-7c3e-8f11-2b6a0e0f9a44")]
pub struct InvalidId;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id (UUID version 7: ids made later sort later).
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id behind a UUID that was stored before.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID, for a store's columns.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

id! {
    /// A tenant: a website with its own app credentials ("client app" in the API).
    TenantId;
    /// An API key of a tenant.
    ApiKeyId;
    /// A connection: one end user's login at one provider.
    ConnectionId;
    /// An account one can post to ("page" in the API).
    AccountId;
    /// A post.
    PostId;
    /// Posts that were created together in one batch.
    GroupId;
    /// An uploaded medium.
    MediaId;
    /// An event.
    EventId;
    /// A delivery of an event to a tenant's endpoint.
    DeliveryId;
    /// A notice that a platform has sent.
    NoticeId;
}

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Names it by the text the host or tenant chose.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    )+};
}

text! {
    /// Whoever owns tenants, as the host's own sign-in names them.
    OwnerId;
    /// An end user of a tenant, as the tenant names them: at most 255 bytes.
    UserId;
    /// A network's name in lower case: `facebook`, `instagram`.
    Provider;
}

/// The id of a request: it stands in the logs from the request's answer to the calls at the platform that it led to,
/// however much later a worker makes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

/// A text that cannot stand in a log without harm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: 1 to 128 letters, digits, and characters of `-_.:/+=` are expected")]
pub struct InvalidRequestId;

impl RequestId {
    /// How long it may be, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// A new id, a UUID of version 7.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7().to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let sane = (1..=Self::MAX_BYTES).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte));
        match sane {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidRequestId),
        }
    }
}

impl UserId {
    /// How long a tenant's name for an end user may be, in bytes.
    pub const MAX_BYTES: usize = 255;
}

impl Provider {
    /// Facebook: Pages, and the Facebook Login.
    #[must_use]
    pub fn facebook() -> Self {
        Self::new("facebook")
    }

    /// Instagram: professional accounts, and the Instagram Login.
    #[must_use]
    pub fn instagram() -> Self {
        Self::new("instagram")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_should_survive_text_and_name_themselves_in_debug() {
        let id = PostId::generate();
        assert_eq!(id.to_string().parse::<PostId>(), Ok(id));
        assert!(format!("{id:?}").starts_with("PostId("));
        assert_eq!("17".parse::<PostId>(), Err(InvalidId));
    }

    #[test]
    fn a_request_id_should_be_one_that_can_stand_in_a_log() {
        let longest = "x".repeat(RequestId::MAX_BYTES);
        for good in ["abc", "A-1_b.c:d/e+f=", &longest] {
            assert_eq!(good.parse::<RequestId>().unwrap().as_str(), good);
        }
        let too_long = format!("{longest}x");
        for bad in ["", "a b", "a\nb", "é", "\"", &too_long] {
            assert_eq!(bad.parse::<RequestId>(), Err(InvalidRequestId), "{bad}");
        }
        let made = RequestId::generate();
        assert_eq!(made.to_string().parse(), Ok(made));
    }
}
