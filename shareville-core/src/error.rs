//! What can go wrong for a caller, sorted by what the caller can do about it.

use crate::{
    callbacks::CallbackError,
    failure::Failure,
    media::MediaError,
    post::{Post, Refusal},
    secret::OpenError,
    store::StoreError,
    upload::UploadError,
    violation::Violation,
};

/// Why a call on [`Shareville`](crate::Shareville) did not do what was asked. Nothing was half-written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is wrong: all that is wrong with it, at once. Mend it and call again.
    #[error("{}", listed(.0))]
    Invalid(Vec<Violation>),
    /// The credential is missing, wrong, expired or revoked: use the right one.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The credential is good, and may not do this.
    #[error("{message}")]
    Forbidden {
        /// A stable word for programs.
        code: &'static str,
        /// Why, and what would be right.
        message: String,
    },
    /// There is no such thing, or it is another tenant's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The post does not do this in the state it is in.
    #[error("{refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// The post as it is.
        post: Box<Post>,
    },
    /// The idempotency key was used with another request: use a new one.
    #[error(
        "this `Idempotency-Key` came with another request within the last day: send that one again as it was, or use a \
         new key"
    )]
    KeyReused,
    /// Something else stands in the way.
    #[error("{message}")]
    Conflict {
        /// A stable word for programs.
        code: &'static str,
        /// Why, and what would be right.
        message: String,
    },
    /// The caller has seen an older revision than there is: read it again.
    #[error("it has changed since you read it: read it again; its revision is {current}")]
    Stale {
        /// The revision it has.
        current: u64,
    },
    /// The login's `state` is forged, used, or over.
    #[error(
        "this login link is unknown, was used with another code, or is older than ten minutes: begin again from the \
         website"
    )]
    BadState,
    /// What a platform has sent is refused.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The platform said no.
    #[error(transparent)]
    Platform(#[from] Failure),
    /// An upload was not taken.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The bytes of uploads cannot be kept or read: [`MediaError::Unavailable`] is worth trying again.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The store failed: [`StoreError::Unavailable`] is worth trying again.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed secret does not open: the keyring lacks a key.
    #[error(transparent)]
    Sealed(#[from] OpenError),
}

/// Why a credential was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It is not a credential of ours, or not whole.
    #[error("this is neither an API key (`svk_…`) nor a user token (`svu_…`)")]
    Malformed,
    /// It was never issued, or was revoked.
    #[error("this {0} is unknown or was revoked")]
    Unknown(&'static str),
    /// Its time is over.
    #[error("this {0} has expired")]
    Expired(&'static str),
}

impl Error {
    /// One thing that is wrong.
    pub fn invalid(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation::new(pointer, code, message)])
    }
}

fn listed(violations: &[Violation]) -> String {
    let listed: Vec<String> = violations.iter().map(ToString::to_string).collect();
    listed.join("; ")
}
