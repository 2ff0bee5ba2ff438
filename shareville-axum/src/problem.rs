//! Problem documents (RFC 9457): how every answer that is not a success looks.

use std::{borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use shareville_core::{
    CredentialError, Error,
    callbacks::CallbackError,
    clock::{Timestamp, until},
    failure::{Failure, FailureClass},
    media::MediaError,
    post::{Post, Refusal},
    store::StoreError,
    upload::UploadError,
    violation::Violation,
};

use crate::dto;

/// What the `type` of a problem begins with; its `code` follows.
const TYPE_BASE: &str = "https://shareville.dev/problems/";

/// How long to wait before a store that cannot be reached is tried again.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// How long to wait before a platform that failed is tried again.
const PLATFORM_RETRY: Duration = Duration::from_secs(30);

/// How long a platform's limit is taken to last where it does not say.
const LIMIT_RETRY: Duration = Duration::from_secs(60);

/// A problem document: `type`, `title`, `status`, `detail`, `code`, and for a 422 `errors`.
///
/// A host may answer with it from routes of its own, so that its clients meet one form of error only.
///
/// ```
/// use axum::{http::StatusCode, response::IntoResponse};
/// use shareville_axum::Problem;
///
/// let problem = Problem::new(StatusCode::CONFLICT, "email_taken", "this address has an account already");
/// assert_eq!(problem.into_response().status(), StatusCode::CONFLICT);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<Violation>,
    more: Map<String, Value>,
    retry_after: Option<Duration>,
}

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [Violation],
    #[serde(flatten)]
    more: &'a Map<String, Value>,
}

impl Problem {
    /// A problem with a stable word for programs, and a sentence for people: what is wrong, and what would be right.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Parts {
            status,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            more: Map::new(),
            retry_after: None,
        }))
    }

    /// A body that is JSON, and says something wrong: all of it, at once. 422.
    pub fn invalid(errors: Vec<Violation>) -> Self {
        let detail = match errors.as_slice() {
            [only] => only.to_string().trim_start_matches(": ").to_owned(),
            more => format!("{} things are wrong: see `errors`", more.len()),
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail);
        problem.0.errors = errors;
        problem
    }

    /// One thing that is wrong with the whole. 422.
    fn unprocessable(code: &'static str, detail: String) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail.clone());
        problem.0.errors = vec![Violation::new("", code, detail)];
        problem
    }

    /// The same with one more member.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// The same, telling when it is worth trying again; in whole seconds, rounded up.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The status it is sent with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Its stable word for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    fn shown(&self) -> Document<'_> {
        let Parts {
            status,
            code,
            detail,
            errors,
            more,
            ..
        } = &*self.0;
        Document {
            r#type: format!("{TYPE_BASE}{code}"),
            title: title(code),
            status: status.as_u16(),
            detail,
            code,
            errors,
            more,
        }
    }

    /// The document as it would be sent, to show what one looks like.
    pub(crate) fn document(&self) -> Value {
        json(&self.shown())
    }

    pub(crate) fn not_found(noun: &str) -> Self {
        let detail = format!("there is no such {noun}");
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Something is broken on our side. What it is stands in the log only.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something is broken on the server: its operator finds the cause in the log, by this answer's \
             `x-request-id`",
        )
    }

    /// A failure of the platform. What only somebody else can mend is a conflict, never the caller's bad input.
    fn platform(failure: &Failure, now: Timestamp) -> Self {
        let (status, retry) = match failure.class {
            FailureClass::RateLimited { until: end, .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                Some(end.map_or(LIMIT_RETRY, |end| until(now, end))),
            ),
            FailureClass::Content { .. } | FailureClass::Duplicate => {
                (StatusCode::UNPROCESSABLE_ENTITY, None)
            }
            FailureClass::Reauthorize
            | FailureClass::Permission
            | FailureClass::Blocked
            | FailureClass::Config
            | FailureClass::NotFound => (StatusCode::CONFLICT, None),
            FailureClass::Transient => (StatusCode::BAD_GATEWAY, Some(PLATFORM_RETRY)),
            // Whether repeating helps is unknown, so nobody is told to.
            _ => (StatusCode::BAD_GATEWAY, None),
        };
        let detail = match failure.class {
            // Nothing goes on by itself after a call that somebody asked for.
            FailureClass::Transient => {
                "the platform did not answer as it should, so whether it has acted is not known: ask again".to_owned()
            }
            _ => failure.message.clone(),
        };
        let mut problem = Self::new(status, failure.code.clone(), detail);
        if status == StatusCode::UNPROCESSABLE_ENTITY {
            problem.0.errors = vec![Violation::new("", &failure.code, &failure.message)];
        }
        problem.0.retry_after = retry;
        problem.with("error", json(&dto::Failure::from(failure)))
    }

    fn refused(refusal: &Refusal, post: &Post) -> Self {
        Self::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string())
            .with("post", json(&dto::Post::from(post)))
    }
}

/// Our own documents always are JSON; if one were not, the problem would still be told without it.
fn json(document: &impl Serialize) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        let (code, remedy) = match &error {
            CredentialError::Malformed => ("credential_malformed", "copy it whole"),
            CredentialError::Expired("user token") => {
                ("credential_expired", "fetch a new one from the website")
            }
            CredentialError::Expired(_) => (
                "credential_expired",
                "the client app's owner can make a new one",
            ),
            _ => ("credential_unknown", "use one that is in force"),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, format!("{error}: {remedy}"))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let unavailable = |code, detail| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(STORE_RETRY)
        };
        match &error {
            StoreError::Unavailable(source) => {
                tracing::warn!(%source, "the store cannot be reached");
                unavailable("store_unavailable", error.to_string())
            }
            StoreError::Lost(source) => {
                tracing::warn!(%source, "the store's answer to a write was lost");
                let detail = format!(
                    "{error}. Read before you repeat it; what was sent with an `Idempotency-Key` may be repeated with it"
                );
                unavailable("store_answer_lost", detail)
            }
            StoreError::Conflict { .. } => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
            }
            _ => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the store is broken"
                );
                Self::internal()
            }
        }
    }
}

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        let (status, code) = match error {
            UploadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "media_too_large"),
            UploadError::NotMedia { .. } | UploadError::Mismatch { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            UploadError::Gone => (StatusCode::CONFLICT, "upload_gone"),
            UploadError::OverQuota(_) => return Self::unprocessable("media_quota", detail),
            UploadError::Empty => return Self::unprocessable("media_empty", detail),
            _ => return Self::unprocessable("media_unreadable", detail),
        };
        Self::new(status, code, detail)
    }
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        let detail = error.to_string();
        match &error {
            MediaError::Unavailable(source) => {
                tracing::warn!(%source, "where uploads are kept cannot be reached");
                let status = StatusCode::SERVICE_UNAVAILABLE;
                Self::new(status, "media_unavailable", detail).retry_after(STORE_RETRY)
            }
            MediaError::Unknown => Self::not_found("upload"),
            MediaError::NotSupported(_) => Self::unprocessable("media_not_supported", detail),
            _ => Self::unprocessable("media_unreadable", detail),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(violations) => Self::invalid(violations),
            Error::Credential(error) => error.into(),
            Error::Forbidden { code, message } => Self::new(StatusCode::FORBIDDEN, code, message),
            Error::NotFound(noun) => Self::not_found(noun),
            Error::Refused { refusal, post } => Self::refused(&refusal, &post),
            Error::KeyReused => Self::unprocessable("idempotency_key_reused", error.to_string()),
            Error::Conflict { code, message } => Self::new(StatusCode::CONFLICT, code, message),
            Error::Stale { current } => {
                Self::new(StatusCode::PRECONDITION_FAILED, "stale", format!("{error}"))
                    .with("revision", current)
            }
            Error::Callback(error) => {
                let status = match error {
                    CallbackError::NoSecret | CallbackError::NotSigned => StatusCode::FORBIDDEN,
                    _ => StatusCode::BAD_REQUEST,
                };
                Self::new(status, error.code(), error.to_string())
            }
            Error::BadState => Self::new(StatusCode::BAD_REQUEST, "bad_state", error.to_string()),
            // The adapters' times are the machine's.
            Error::Platform(failure) => Self::platform(&failure, chrono::Utc::now()),
            Error::Upload(error) => error.into(),
            Error::Media(error) => error.into(),
            Error::Store(error) => error.into(),
            error => {
                tracing::error!(error = &error as &dyn std::error::Error, "a call failed");
                Self::internal()
            }
        }
    }
}

/// `commit_in_progress` → `Commit in progress`: the same for every occurrence, as the RFC wants it.
fn title(code: &str) -> String {
    let mut title = code.replace(['_', '.'], " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts {
            status,
            retry_after,
            ..
        } = &*self.0;
        let mut response = (*status, axum::Json(self.shown())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(after) = retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        if *status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"shareville\""),
            );
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails_should_be_told_without_its_words() {
        let cause = || "postgres://user:password@host".into();
        for (error, status, retry) in [
            (StoreError::Unavailable(cause()), 503, Some("1")),
            (StoreError::Lost(cause()), 503, Some("1")),
            (StoreError::Broken(cause()), 500, None),
        ] {
            let problem = Problem::from(Error::Store(error));
            assert!(!format!("{problem:?}").contains("password"));
            let response = problem.into_response();
            assert_eq!(response.status(), status);
            let header = response.headers().get(header::RETRY_AFTER);
            assert_eq!(header.map(|value| value.to_str().unwrap()), retry);
        }
    }

    #[test]
    fn a_title_should_be_made_of_its_code() {
        assert_eq!(title("commit_in_progress"), "Commit in progress");
        assert_eq!(title(""), "");
    }
}
