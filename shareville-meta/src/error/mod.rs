//! What went wrong in a call to the Graph API, with types: what it says, what kind of failure it is, and whether the
//! call may have acted all the same.

mod class;
mod effect;
mod envelope;
mod failure;
mod table;
mod words;

use std::{error::Error, fmt, time::Duration};

use http::{HeaderMap, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use shareville_core::failure::LimitScope;

pub use self::effect::{Effect, Step, effect};
use self::envelope::Reported;
pub(crate) use self::{envelope::is_failure, failure::too_late};
use crate::graph::Usage;

/// Whose answer it is, as people know it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Network {
    #[default]
    Facebook,
    Instagram,
}

/// How far a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call was not sent, because the calls of the app or the account are (nearly) used up.
    Withheld,
    /// No connection was made (DNS, connect, TLS): nothing was sent.
    Connect,
    /// The call was, or may have been, sent, and its answer did not come (whole).
    Lost,
    /// An answer came that is no JSON: an outage page, a proxy's, a redirect, nothing at all.
    NotJson,
    /// The platform answered with an error in one of its envelopes.
    Graph,
    /// The platform answered without an error, but not with what was asked for.
    Unexpected,
}

/// An error of a call to the Graph API.
///
/// Its texts come from the platform, in the language of the platform's choice; what looks like a token in them is
/// blotted out. Neither `Debug` nor `Display` shows a URL or a token.
///
/// Source: graph-api.md 8.1 (D-VER error handling; envelopes seen in the field).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct GraphError {
    /// How far the call came; `None` in a `GraphError::default()` only.
    pub kind: Option<ErrorKind>,
    /// The HTTP status, where an answer came.
    pub status: Option<StatusCode>,
    /// The error code.
    pub code: Option<i64>,
    /// The finer code; `None` for 0, which means none.
    pub subcode: Option<i64>,
    /// `OAuthException` (which need not be about authorization), `GraphMethodException`, `IGApiException`, …
    pub error_type: Option<String>,
    /// The message for developers.
    pub message: Option<String>,
    /// The title for people.
    pub user_title: Option<String>,
    /// The message for people.
    pub user_message: Option<String>,
    /// Whether the platform thinks that it goes away by itself. It errs both ways.
    pub is_transient: Option<bool>,
    /// What to quote to the platform's support.
    pub fbtrace_id: Option<String>,
    /// From which byte an upload goes on.
    pub start_offset: Option<u64>,
    /// Up to which byte an upload goes on.
    pub end_offset: Option<u64>,
    /// How long the platform wants to be left alone, by its usage headers.
    pub regain_after: Option<Duration>,
    /// Whose calls are used up, where the call was withheld for it.
    pub(crate) used_up: Option<LimitScope>,
    /// Whose answer it is.
    pub(crate) network: Network,
    /// Whether it came in the Graph API's own `error` object, with a code of its own: what can be relied upon.
    pub(crate) well_formed: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl GraphError {
    /// Reads an answer that is a failure, whatever its envelope: Graph's own, Instagram's flat one, the upload host's,
    /// a status inside HTTP 200, the login dialog's query (as an object), HTML, or nothing.
    #[must_use]
    pub fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut error = match serde_json::from_slice(body) {
            Ok(json) => match Reported::read(&json) {
                Some(reported) => Self::reported(reported),
                None => Self::of_kind(ErrorKind::Unexpected),
            },
            Err(_) => {
                let mut error = Self::of_kind(ErrorKind::NotJson);
                envelope::read_challenge(headers, &mut error);
                error
            }
        };
        error.status = Some(status);
        error.regain_after = Usage::from_headers(headers).regain_after();
        if error.fbtrace_id.is_none() {
            error.fbtrace_id = header(headers, "x-fb-trace-id");
        }
        error
    }

    /// A call that was not sent, because calls are (nearly) used up.
    pub(crate) fn withheld(rest: Duration, scope: LimitScope) -> Box<Self> {
        Box::new(Self {
            regain_after: Some(rest),
            used_up: Some(scope),
            ..Self::of_kind(ErrorKind::Withheld)
        })
    }

    /// A call that came to nothing before there was an answer.
    pub(crate) fn transport(error: reqwest::Error) -> Box<Self> {
        let kind = match error.is_builder() || error.is_connect() || error.is_dns() {
            true => ErrorKind::Connect,
            false => ErrorKind::Lost,
        };
        Box::new(Self {
            // The URL names ids, and for `debug_token` a token: it goes nowhere.
            source: Some(Box::new(error.without_url())),
            ..Self::of_kind(kind)
        })
    }

    /// An answer without an error that is not what was asked for.
    pub(crate) fn unexpected(status: StatusCode, why: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            status: Some(status),
            message: Some(why.into()),
            ..Self::of_kind(ErrorKind::Unexpected)
        })
    }

    /// An answer that broke off: what the call did, it does not say.
    pub(crate) fn broke_off(status: StatusCode, error: reqwest::Error) -> Box<Self> {
        Box::new(Self {
            status: Some(status),
            source: Some(Box::new(error.without_url())),
            ..Self::of_kind(ErrorKind::Lost)
        })
    }

    /// An answer that is longer than it may be.
    pub(crate) fn lost(status: StatusCode, why: &str) -> Box<Self> {
        Box::new(Self {
            status: Some(status),
            message: Some(why.to_owned()),
            ..Self::of_kind(ErrorKind::Lost)
        })
    }

    /// A call that was cut off by its own time limit.
    pub(crate) fn cut_off() -> Box<Self> {
        Box::new(Self {
            message: Some("no answer came in time".to_owned()),
            ..Self::of_kind(ErrorKind::Lost)
        })
    }

    fn of_kind(kind: ErrorKind) -> Self {
        Self {
            kind: Some(kind),
            ..Self::default()
        }
    }

    fn reported(reported: Reported) -> Self {
        Self {
            code: reported.code,
            subcode: reported.subcode,
            error_type: reported.error_type,
            message: reported.message.map(|text| words::blot(&text)),
            user_title: reported.user_title.map(|text| words::blot(&text)),
            user_message: reported.user_message.map(|text| words::blot(&text)),
            is_transient: reported.is_transient,
            fbtrace_id: reported.fbtrace_id,
            start_offset: reported.start_offset,
            end_offset: reported.end_offset,
            well_formed: reported.well_formed,
            ..Self::of_kind(ErrorKind::Graph)
        }
    }

    /// The same, as an answer of this network.
    pub(crate) fn at(mut self: Box<Self>, network: Network) -> Box<Self> {
        self.network = network;
        self
    }

    /// Blots out secrets that the platform may have repeated in its texts.
    pub(crate) fn without(mut self: Box<Self>, secrets: &[&SecretString]) -> Box<Self> {
        for text in [
            &mut self.message,
            &mut self.user_title,
            &mut self.user_message,
        ]
        .into_iter()
        .flatten()
        {
            for secret in secrets.iter().map(|secret| secret.expose_secret()) {
                if !secret.is_empty() && text.contains(secret) {
                    *text = text.replace(secret, words::BLOT);
                }
            }
        }
        self
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Some(ErrorKind::Withheld) => "the call was not sent: calls are used up",
            Some(ErrorKind::Connect) => "no connection to the Graph API",
            Some(ErrorKind::Lost) => "the Graph API's answer did not come",
            Some(ErrorKind::NotJson) => "the Graph API's answer is no JSON",
            Some(ErrorKind::Unexpected) => "the Graph API's answer is not as expected",
            Some(ErrorKind::Graph) | None => "the Graph API refused",
        })?;
        if let Some(status) = self.status {
            write!(f, ", HTTP {}", status.as_u16())?;
        }
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(subcode) = self.subcode {
            write!(f, "/{subcode}")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.fbtrace_id {
            write!(f, " (fbtrace_id {id})")?;
        }
        Ok(())
    }
}

impl Error for GraphError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
