//! What can go wrong in the sandbox's own API (Meta's errors are answers, not these).

use crate::fault::FaultId;

/// What can go wrong when a test drives the sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address is taken or not allowed: choose another, or port 0 for a free one.
    #[error("the sandbox cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The login dialog shows an error page for this address, where Meta would not redirect either.
    #[error("the login dialog refuses this address: {reason}")]
    Dialog {
        /// What the page says.
        reason: String,
    },
    /// No such thing in this sandbox: the text says which.
    #[error("the sandbox has no {kind} {id:?}")]
    Missing {
        /// What kind of thing was looked for.
        kind: &'static str,
        /// The id that was given.
        id: String,
    },
    /// A server that Meta was to call gave no answer: look at its address, and whether it runs.
    #[error("{url} gave no answer")]
    Unreachable {
        /// Where it was called.
        url: String,
        /// What the HTTP client said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No such fault, or it was cleared meanwhile.
    #[error("the sandbox has no fault {0}")]
    NoFault(FaultId),
    /// The call does not fit what is there; the text says why.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn missing(kind: &'static str, id: &str) -> Self {
        Self::Missing {
            kind,
            id: id.to_owned(),
        }
    }
}
