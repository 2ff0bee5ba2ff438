//! What is wrong with an input, and what would be right.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that is wrong: where, what, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Where: a JSON pointer into the body (RFC 6901), such as `/media/0/url`.
    pub pointer: String,
    /// A stable word for programs.
    pub code: String,
    /// For a person: what is wrong, and what would be right.
    pub message: String,
}

impl Violation {
    /// Says what is wrong at a place.
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            message: message.into(),
        }
    }

    /// The same, seen from one level further up: `under("/posts/3")` makes `/link` into `/posts/3/link`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}
