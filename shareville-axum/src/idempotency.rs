//! `Idempotency-Key`, and the answers that are given again.

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use serde::{Deserialize, Serialize};
use shareville_core::{idempotency::IdempotencyKey, posting::Answer};

use crate::problem::Problem;

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The key a request came with, if it came with one.
#[derive(Debug)]
pub(crate) struct Idempotent(pub(crate) Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for Idempotent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(KEY).iter();
        let bad = || {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad_idempotency_key",
                "`Idempotency-Key` must be given once, and be 1 to 255 visible ASCII characters, such as a UUID",
            )
        };
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().and_then(|text| text.parse().ok());
        match (key, values.next()) {
            (Some(key), None) => Ok(Self(Some(key))),
            _ => Err(bad()),
        }
    }
}

/// An answer that tells of something new, as it is kept: given again it is the same to the last byte.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    location: Option<String>,
    etag: Option<String>,
    body: String,
}

impl Kept {
    pub(crate) fn new(body: &impl Serialize) -> Self {
        Self {
            location: None,
            etag: None,
            // Our own documents always are JSON.
            body: serde_json::to_string(body).unwrap_or_default(),
        }
    }

    /// The same with the headers of one new thing.
    pub(crate) fn found_at(mut self, location: String, etag: &HeaderValue) -> Self {
        self.location = Some(location);
        self.etag = etag.to_str().ok().map(str::to_owned);
        self
    }

    /// The answer itself.
    pub(crate) fn answer(self) -> Result<Response, Problem> {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let mut response = (StatusCode::CREATED, json, self.body).into_response();
        let headers = response.headers_mut();
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            if let Some(value) = value {
                let value = HeaderValue::try_from(value).map_err(|error| unreadable(&error))?;
                headers.insert(name, value);
            }
        }
        Ok(response)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::error!(error, "a kept answer does not read");
    Problem::internal()
}

/// Answers with what was made, now or before.
pub(crate) fn answer(answer: &Answer) -> Result<Response, Problem> {
    let kept: Kept = serde_json::from_slice(&answer.made).map_err(|error| unreadable(&error))?;
    let mut response = kept.answer()?;
    if answer.replayed {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
