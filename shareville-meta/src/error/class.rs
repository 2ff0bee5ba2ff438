//! From an error to its class, by subcode, code, `is_transient` and HTTP status, in this order; words decide only at
//! the forks named here.
//!
//! Source: graph-api.md 8.2.

use shareville_core::{
    clock::{Timestamp, later},
    failure::{FailureClass, LimitScope},
};

use super::{
    ErrorKind, GraphError,
    table::{self, Kind},
};

impl GraphError {
    /// What kind of failure it is. Knows nothing of the call it is the answer to: whether that may have acted is
    /// another question, for [`effect`](super::effect).
    ///
    /// `now` is the time of the answer: a rate limit's end is counted from it.
    ///
    /// Source: graph-api.md 8.2–8.4.
    #[must_use]
    pub fn class(&self, now: Timestamp) -> FailureClass {
        match self.decide() {
            None => FailureClass::Unknown,
            Some(Kind::Transient) => FailureClass::Transient,
            Some(Kind::RateLimited) => FailureClass::RateLimited {
                until: self.regain_after.map(|wait| later(now, wait)),
                scope: match (self.used_up, self.code) {
                    (Some(scope), _) => scope,
                    (None, Some(4 | 341)) => LimitScope::App,
                    (None, _) => LimitScope::Account,
                },
            },
            Some(Kind::Reauthorize) => FailureClass::Reauthorize,
            Some(Kind::Permission) => FailureClass::Permission,
            Some(Kind::Content) => FailureClass::Content { retryable: false },
            Some(Kind::Refetch) => FailureClass::Content { retryable: true },
            Some(Kind::Duplicate) => FailureClass::Duplicate,
            Some(Kind::Blocked) => FailureClass::Blocked,
            Some(Kind::Config) => FailureClass::Config,
            Some(Kind::NotFound) => FailureClass::NotFound,
        }
    }

    fn decide(&self) -> Option<Kind> {
        match self.kind {
            Some(ErrorKind::Withheld) => return Some(Kind::RateLimited),
            Some(ErrorKind::Connect | ErrorKind::Lost) => return Some(Kind::Transient),
            Some(ErrorKind::NotJson) => return Some(self.by_challenge()),
            _ => {}
        }
        self.by_subcode()
            .or_else(|| self.by_code())
            .or_else(|| self.by_words())
            .or_else(|| self.by_status())
    }

    fn by_subcode(&self) -> Option<Kind> {
        Some(table::of_subcode(self.code, self.subcode?)?.kind)
    }

    fn by_code(&self) -> Option<Kind> {
        let text = self.text();
        let has = |words: &str| text.contains(words);
        Some(match (self.code?, table::of_code(self.code?)?.kind) {
            (190, _) if has("must be called with a page access token") => Kind::Config,
            (200, _) if has("api access blocked") => Kind::Config,
            (368, _) if has("already posted") => Kind::Duplicate,
            (2500, _) if has("access token") => Kind::Reauthorize,
            (-2..=2, _) if has("reduce the amount of data") => Kind::Content,
            (-2..=2, _) if self.is_said_to_people_for_good() => Kind::Content,
            (100, _) => invalid_parameter(&text),
            (_, kind) => kind,
        })
    }

    /// Codes 1 and 2 with a text for people and `is_transient: false` are refusals of the content in disguise.
    fn is_said_to_people_for_good(&self) -> bool {
        self.is_transient == Some(false)
            && (self.user_title.is_some() || self.user_message.is_some())
    }

    /// Errors without a code.
    fn by_words(&self) -> Option<Kind> {
        if self.code.is_some() {
            return None;
        }
        let text = self.text();
        let any = |words: &[&str]| words.iter().any(|words| text.contains(words));
        match self.error_type.as_deref() {
            // The login dialog, where the person said no (a person without a role on the app gets no reason).
            Some("access_denied") if !text.contains("developer role") => {
                return Some(Kind::Permission);
            }
            Some("ParameterValidationError") => return Some(Kind::Config),
            Some("container EXPIRED") => return Some(Kind::Transient),
            Some("container ERROR") if text.contains("log in to instagram.com") => {
                return Some(Kind::Reauthorize);
            }
            Some("container ERROR") if text.contains("media uri") => return Some(Kind::Refetch),
            Some("video error") => return Some(Kind::Content),
            _ => {}
        }
        if any(&[
            "client secret",
            "redirect_uri",
            "redirect uri",
            "page access token is required",
            "developer role",
            "invalid platform app",
            "invalid scope",
        ]) {
            Some(Kind::Config)
        } else if any(&[
            "access token",
            "matching code was not found",
            "authorization code",
        ]) {
            Some(Kind::Reauthorize)
        } else {
            None
        }
    }

    fn by_status(&self) -> Option<Kind> {
        let server_error = self.status.is_some_and(|status| status.is_server_error());
        (self.is_transient == Some(true) || server_error).then_some(Kind::Transient)
    }

    /// An answer that is no JSON comes from something between us and the platform, unless it is challenged for a token.
    fn by_challenge(&self) -> Kind {
        match self.error_type.as_deref() {
            Some("invalid_token") => Kind::Reauthorize,
            _ => Kind::Transient,
        }
    }

    fn text(&self) -> String {
        self.message.as_deref().unwrap_or_default().to_lowercase()
    }
}

/// Code 100 is everything at once; the order matters.
fn invalid_parameter(text: &str) -> Kind {
    let any = |words: &[&str]| words.iter().any(|words| text.contains(words));
    if any(&["duplicate"]) {
        Kind::Duplicate
    } else if any(&[
        "unsupported get request",
        "unsupported post request",
        "unsupported delete request",
    ]) {
        Kind::NotFound
    } else if any(&[
        "method type",
        "appsecret_proof",
        "secret proof",
        "no node specified",
        "nonexisting field",
        "unknown path",
    ]) {
        Kind::Config
    } else if any(&["permission"]) {
        Kind::Permission
    } else if any(&["verification code", "authorization code"]) {
        match any(&["redirect_uri"]) {
            true => Kind::Config,
            false => Kind::Reauthorize,
        }
    } else {
        Kind::Content
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};
    use shareville_core::clock::{Clock as _, SystemClock};

    use super::*;

    fn error(status: u16, body: &str) -> GraphError {
        let status = StatusCode::from_u16(status).unwrap();
        GraphError::from_response(status, &HeaderMap::new(), body.as_bytes())
    }

    fn class(status: u16, body: &str) -> FailureClass {
        error(status, body).class(SystemClock.now())
    }

    #[test]
    fn a_rate_limit_should_last_as_long_as_the_platform_says() {
        let now = SystemClock.now();
        let mut error = error(400, r#"{"error":{"code":32}}"#);
        error.regain_after = Some(Duration::from_secs(600));
        let until = Some(later(now, Duration::from_secs(600)));
        let scope = LimitScope::Account;
        assert_eq!(error.class(now), FailureClass::RateLimited { until, scope });
    }

    #[test]
    fn limits_of_the_app_should_reach_the_whole_app() {
        for (code, expected) in [
            (4, LimitScope::App),
            (341, LimitScope::App),
            (17, LimitScope::Account),
            (613, LimitScope::Account),
            (80_001, LimitScope::Account),
        ] {
            let class = class(400, &format!(r#"{{"error":{{"code":{code}}}}}"#));
            let FailureClass::RateLimited { scope, .. } = class else {
                panic!("{code}: {class:?}");
            };
            assert_eq!(scope, expected, "{code}");
        }
    }

    #[test]
    fn an_outage_page_should_be_transient_and_a_challenge_should_not() {
        for (status, body) in [(200, ""), (502, "<html>"), (400, "<html>"), (503, "{}")] {
            assert_eq!(
                class(status, body),
                FailureClass::Transient,
                "{status} {body}"
            );
        }
        let mut headers = HeaderMap::new();
        let challenge = r#"OAuth "Facebook Platform" "invalid_token" "Malformed access token""#;
        headers.insert("www-authenticate", challenge.parse().unwrap());
        let error = GraphError::from_response(StatusCode::BAD_REQUEST, &headers, b"");
        assert_eq!(error.class(SystemClock.now()), FailureClass::Reauthorize);
    }

    #[test]
    fn what_nobody_knows_should_be_unknown_and_not_reconnect_anybody() {
        assert_eq!(
            class(400, r#"{"error":{"code":987654}}"#),
            FailureClass::Unknown
        );
        assert_eq!(class(400, r#"{"error":{}}"#), FailureClass::Unknown);
        assert_eq!(
            class(
                400,
                r#"{"error":{"code":190,"message":"This must be called with a Page Access Token"}}"#
            ),
            FailureClass::Config
        );
    }
}
