//! Failures: what went wrong, who must act, and how.

use serde::Serialize;
use shareville_core::failure::{self, Action, PlatformError};

/// A failure, as a post's `error` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Failure<'a> {
    code: &'a str,
    message: &'a str,
    action: Action,
    retryable: bool,
    platform: Option<&'a PlatformError>,
}

impl<'a> From<&'a failure::Failure> for Failure<'a> {
    fn from(failure: &'a failure::Failure) -> Self {
        Self {
            code: &failure.code,
            message: &failure.message,
            action: failure.action,
            retryable: failure.class.is_retryable(),
            platform: failure.platform.as_ref(),
        }
    }
}
