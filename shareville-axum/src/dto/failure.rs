//! Failures: what went wrong, who must act, and how.

use serde::Serialize;
use shareville_core::failure::{self, Action, PlatformError};
use utoipa::ToSchema;

use crate::openapi::words;

/// A failure, as a post's `error` shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failure<'a> {
    /// A stable word for programs.
    code: &'a str,
    /// For a person: what happened, and what to do.
    message: &'a str,
    #[schema(value_type = words::Action)]
    action: Action,
    /// Whether it may go well another time as it is.
    retryable: bool,
    #[schema(value_type = Option<PlatformFailure>)]
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

/// What the platform itself said.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)] // only its shape is used
pub(crate) struct PlatformFailure {
    /// The platform's error code.
    code: Option<i64>,
    /// The platform's finer code.
    subcode: Option<i64>,
    /// What to quote to the platform's support.
    fbtrace_id: Option<String>,
    /// Which medium it is about, from 0.
    media_index: Option<u32>,
}
