//! What looks at either network have in common.

use shareville_core::failure::{Failure, FailureClass};

/// Whether something that is listed is what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
    /// It is.
    Ours,
    /// It might be.
    Perhaps,
    /// It is not.
    Another,
}

/// A look that was refused for want of a token, or for a limit, is an error: the lane has to stop. All others tell
/// nothing.
pub(crate) fn looked_in_vain(failure: Failure) -> Result<Failure, Failure> {
    match failure.class {
        FailureClass::Reauthorize | FailureClass::RateLimited { .. } => Err(failure),
        _ => Ok(failure),
    }
}

/// A text as a platform may give it back: line ends and outer white space are its own business.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .trim()
        .to_owned()
}
