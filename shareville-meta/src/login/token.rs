//! Tokens: exchanging, prolonging, checking.
//!
//! Source: graph-api.md 3.3–3.5 (D-LOGIN, D-LLT).

use std::time::Duration;

use chrono::DateTime;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shareville_core::{
    clock::{Timestamp, later},
    failure::{Failure, FailureClass},
    tenant::App,
};
use url::Url;

use crate::{
    error::{GraphError, Step},
    graph::{Auth, Graph, Nested, optional_id_text},
};

/// A token as an exchange brings it. `token_type` and `expires_in` may be missing.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<u64>,
}

impl Token {
    /// When it ends, if the exchange says so.
    pub(super) fn expires_at(&self, now: Timestamp) -> Option<Timestamp> {
        let left = self.expires_in.filter(|seconds| *seconds > 0)?;
        Some(later(now, Duration::from_secs(left)))
    }
}

/// What a token is, opens and was granted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CheckedToken {
    #[serde(deserialize_with = "optional_id_text")]
    pub(super) app_id: Option<String>,
    #[serde(deserialize_with = "optional_id_text")]
    pub(super) user_id: Option<String>,
    /// Unix seconds; 0 is never.
    expires_at: Option<i64>,
    pub(super) scopes: Vec<String>,
    granular_scopes: Vec<GranularScope>,
}

#[derive(Debug, Clone, Deserialize)]
struct GranularScope {
    scope: String,
    /// Missing: all there are. Empty: none.
    #[serde(default)]
    target_ids: Option<Vec<Value>>,
}

impl CheckedToken {
    /// When it ends; `None` if never.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let seconds = self.expires_at.filter(|seconds| *seconds > 0)?;
        DateTime::from_timestamp(seconds, 0)
    }

    /// The ids that a scope was granted for; `None` if it was granted for all, or not at all.
    pub(super) fn targets(&self, scope: &str) -> Option<Vec<String>> {
        let granular = self
            .granular_scopes
            .iter()
            .find(|granular| granular.scope == scope)?;
        let ids = granular.target_ids.as_ref()?.iter();
        Some(
            ids.filter_map(|id| match id {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            })
            .collect(),
        )
    }
}

/// `POST /oauth/access_token`: a code for a token that lives for an hour or two. Sent once: a code works once.
pub(super) async fn exchange_code(
    graph: &Graph,
    app: &App,
    code: &SecretString,
    redirect_uri: &Url,
) -> Result<Token, Box<GraphError>> {
    graph
        .post(Step::Login, &["oauth", "access_token"], Auth::Form)
        .with("client_id", &*app.id)
        .with("redirect_uri", redirect_uri.as_str())
        .with_secret("client_secret", &app.secret)
        .with_secret("code", code)
        .send()
        .await
}

/// `POST /oauth/access_token` with `fb_exchange_token`: a user's token for one that lives for about 60 days.
pub(super) async fn prolong(
    graph: &Graph,
    app: &App,
    token: &SecretString,
) -> Result<Token, Box<GraphError>> {
    graph
        .post(Step::Login, &["oauth", "access_token"], Auth::Form)
        .with("grant_type", "fb_exchange_token")
        .with("client_id", &*app.id)
        .with_secret("client_secret", &app.secret)
        .with_secret("fb_exchange_token", token)
        .send()
        .await
}

/// `GET /debug_token`: what a token is. The one call with a token in its URL, because Meta takes it nowhere else.
///
/// # Errors
/// A [`Failure`], [`Reauthorize`](FailureClass::Reauthorize) for a token that is not valid (any more) or is another
/// app's, [`Config`](FailureClass::Config) where Facebook does not accept the app.
pub(super) async fn check(
    graph: &Graph,
    app: &App,
    token: &SecretString,
) -> Result<CheckedToken, Failure> {
    let Nested { data } = graph
        .get(&["debug_token"], Auth::App(app))
        .with_secret("input_token", token)
        .send::<Nested<Value>>()
        .await
        .map_err(|error| of_the_app(graph.login_failure(&error)))?;
    // HTTP 200 for a dead token too.
    if data.get("is_valid") == Some(&Value::Bool(false)) || data.get("error").is_some() {
        return Err(dead(graph, &data));
    }
    let checked: CheckedToken = serde_json::from_value(data).map_err(|_| {
        // Without the source: it may repeat values.
        Failure::new(
            FailureClass::Unknown,
            "Facebook answered something else than what is known of its tokens. Try again.",
        )
    })?;
    if checked.app_id.as_ref().is_some_and(|id| *id != app.id) {
        return Err(Failure::new(
            FailureClass::Reauthorize,
            "The access belongs to another app at Facebook. Connect the account again.",
        ));
    }
    Ok(checked)
}

/// The call is made in the app's name: access that is refused is the app's own, and tells nothing of the person's.
fn of_the_app(failure: Failure) -> Failure {
    match failure.class {
        FailureClass::Reauthorize => Failure {
            platform: failure.platform,
            ..Failure::new(
                FailureClass::Config,
                "Facebook does not accept the app: its secret may have been changed. Set the app's id and secret as they \
                 are at developers.facebook.com.",
            )
        },
        _ => failure,
    }
}

fn dead(graph: &Graph, data: &Value) -> Failure {
    let body = serde_json::json!({ "data": data }).to_string();
    let error = GraphError::from_response(
        http::StatusCode::OK,
        &http::HeaderMap::new(),
        body.as_bytes(),
    );
    let failure = graph.login_failure(&error);
    match failure.class {
        FailureClass::Reauthorize => failure,
        // Whatever the reason is: it said that the token is not valid.
        _ => Failure::new(
            FailureClass::Reauthorize,
            "Facebook no longer accepts the access it was given. Connect the account again.",
        ),
    }
}

/// Seconds as number or text, or nothing.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(seconds) => seconds.as_u64(),
        Value::String(seconds) => seconds.parse().ok(),
        _ => None,
    })
}
