//! The host's own sign-in: who owns the client apps.

use std::{error::Error as StdError, fmt, sync::Arc};

use async_trait::async_trait;
use http::{StatusCode, request::Parts};
use serde_json::Value;
use shareville_core::id::OwnerId;

use crate::problem::Problem;

/// How a request shows who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By something a program puts into each request on purpose, such as `Authorization: Bearer`.
    Bearer,
    /// By a cookie, which a browser sends along even where another site has made it send the request. So whatever
    /// changes something must come from the same origin and, if it has a body, as JSON.
    Cookie,
}

/// An owner who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who it is: any text that names them for good.
    pub owner: OwnerId,
    /// How the request shows it.
    pub by: By,
}

impl SignedIn {
    /// An owner named by a header that programs set on purpose.
    pub fn by_bearer(owner: impl Into<String>) -> Self {
        Self {
            owner: OwnerId::new(owner),
            by: By::Bearer,
        }
    }

    /// An owner named by a cookie.
    pub fn by_cookie(owner: impl Into<String>) -> Self {
        Self {
            owner: OwnerId::new(owner),
            by: By::Cookie,
        }
    }
}

/// Why the host cannot say who the owner is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The sign-in is no longer good: 401 with these words, which the caller reads.
    #[error("{0}")]
    Rejected(String),
    /// It cannot be found out right now: 503, and the cause is logged.
    #[error("the sign-in cannot be checked right now: try again")]
    Unavailable(#[source] Box<dyn StdError + Send + Sync>),
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match &error {
            SignInError::Rejected(words) => {
                Self::new(StatusCode::UNAUTHORIZED, "sign_in_rejected", words.clone())
            }
            SignInError::Unavailable(source) => {
                tracing::warn!(%source, "the host's sign-in failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "sign_in_unavailable",
                    error.to_string(),
                )
                .retry_after(std::time::Duration::from_secs(1))
            }
        }
    }
}

/// Says which owner a request comes from. The host implements it over its own accounts and sessions.
///
/// ```
/// use axum::http::{header::AUTHORIZATION, request::Parts};
/// use shareville_axum::{SignIn, SignInError, SignedIn, async_trait};
///
/// #[derive(Debug)]
/// struct OneAdmin;
///
/// #[async_trait]
/// impl SignIn for OneAdmin {
///     async fn owner(&self, parts: &Parts) -> Result<Option<SignedIn>, SignInError> {
///         let sent = parts.headers.get(AUTHORIZATION).map(|value| value.as_bytes());
///         Ok((sent == Some(b"Bearer of-my-own")).then(|| SignedIn::by_bearer("admin")))
///     }
/// }
/// ```
#[async_trait]
pub trait SignIn: fmt::Debug + Send + Sync + 'static {
    /// The owner a request comes from; `None` if nobody is signed in.
    ///
    /// # Errors
    /// [`SignInError`] if a sign-in is no longer good, or cannot be checked.
    async fn owner(&self, parts: &Parts) -> Result<Option<SignedIn>, SignInError>;

    /// What the OpenAPI document is to tell of routes that the host mounts beside the router, for signing in above all:
    /// an object of path items by their paths, below the router's own address. Nothing, unless it is said otherwise.
    ///
    /// Source: OpenAPI 3.1, 4.8.8 (Paths Object).
    fn paths(&self) -> Value {
        Value::Null
    }
}

#[async_trait]
impl<T: SignIn + ?Sized> SignIn for Arc<T> {
    async fn owner(&self, parts: &Parts) -> Result<Option<SignedIn>, SignInError> {
        (**self).owner(parts).await
    }

    fn paths(&self) -> Value {
        (**self).paths()
    }
}

/// Nobody signs in: for hosts that manage their client apps in their own process, through
/// [`Shareville::tenancy`](shareville_core::Shareville::tenancy).
#[derive(Debug, Clone, Copy, Default)]
pub struct NoOwners;

#[async_trait]
impl SignIn for NoOwners {
    async fn owner(&self, _: &Parts) -> Result<Option<SignedIn>, SignInError> {
        Ok(None)
    }
}
