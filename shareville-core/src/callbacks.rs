//! The port that reads what a platform sends to a tenant's app: it holds the signature to the app's own secrets first.

use std::fmt;

use secrecy::SecretString;

use crate::{
    id::Provider,
    notice::{NoticeDigest, NoticeKind},
};

/// A secret that a platform may sign with: that of one of the tenant's own apps. It is never empty.
#[derive(Debug, Clone)]
pub struct SigningSecret {
    /// Whose app it is.
    pub provider: Provider,
    /// The app's secret.
    pub secret: SecretString,
}

/// What was signed with one of the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    /// The app with whose secret it was signed. It tells nothing of where it happened: platforms are not at one about which
    /// they sign with.
    pub by: Provider,
    /// What is said.
    pub said: T,
}

/// One thing that a webhook tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticed {
    /// What happened.
    pub kind: NoticeKind,
    /// By what it is recognised when it is told again.
    pub digest: NoticeDigest,
}

/// The person that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPerson {
    /// Their id at the platform; `None` where it names nobody.
    pub person: Option<String>,
    /// By what the request is recognised when it comes again.
    pub digest: NoticeDigest,
}

/// Why a platform's call was refused. It never tells what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// The tenant has no app secret, so nobody's signature can be held to anything.
    #[error(
        "this client app has no app secret yet, so no signature can be checked: its owner must set one first"
    )]
    NoSecret,
    /// A webhook without a signature by one of the tenant's apps.
    #[error(
        "the webhook is not signed with a secret of this client app: the signature must be over the body as it was sent"
    )]
    NotSigned,
    /// A signed request that is not one, or is not signed by one of the tenant's apps.
    #[error("`signed_request` is missing, broken, or not signed with a secret of this client app")]
    BadRequest,
    /// It is signed, and cannot be read.
    #[error(
        "it is signed, and yet cannot be read: something else than the platform's JSON is in it"
    )]
    Unreadable,
}

impl CallbackError {
    /// The error's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSecret => "no_app_secret",
            Self::NotSigned => "bad_signature",
            Self::BadRequest => "bad_signed_request",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Reads what a platform sends. Signatures are verified over the bytes as they came, in constant time, before anything in
/// them is read.
pub trait Callbacks: fmt::Debug + Send + Sync + 'static {
    /// Reads a webhook: what of it matters here. What is not known is passed over.
    ///
    /// # Errors
    /// [`CallbackError::NoSecret`], [`CallbackError::NotSigned`], [`CallbackError::Unreadable`].
    fn read_webhook(
        &self,
        secrets: &[SigningSecret],
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Signed<Vec<Noticed>>, CallbackError>;

    /// Reads a request about a person, out of the form that it is sent as.
    ///
    /// # Errors
    /// [`CallbackError::NoSecret`], [`CallbackError::BadRequest`], [`CallbackError::Unreadable`].
    fn read_signed_request(
        &self,
        secrets: &[SigningSecret],
        form: &[u8],
    ) -> Result<Signed<SignedPerson>, CallbackError>;
}
