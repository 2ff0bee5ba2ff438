//! Tokens: a code for a short-lived one, that for a long-lived one, and renewing it.
//!
//! Source: graph-api.md 4.2, 4.3 (D-IGLOG; SDK).

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shareville_core::{
    clock::{Timestamp, later},
    tenant::App,
};
use url::Url;

use crate::{
    error::{GraphError, Step},
    graph::{Auth, Graph, Host, optional_id_text},
};

/// What a code is exchanged for: a token that lives for about an hour, and what was granted.
#[derive(Debug, Deserialize)]
pub(super) struct ShortToken {
    pub(super) access_token: SecretString,
    /// The app's own id for the person, where it is told.
    #[serde(default, deserialize_with = "optional_id_text")]
    pub(super) user_id: Option<String>,
    /// `None` where it is not told.
    #[serde(default, deserialize_with = "permissions")]
    pub(super) permissions: Option<Vec<String>>,
}

/// The answer to a code: flat, or wrapped in a list of one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Exchanged {
    Wrapped { data: [ShortToken; 1] },
    Flat(ShortToken),
}

/// A token that lives for about 60 days.
#[derive(Debug, Deserialize)]
pub(super) struct LongToken {
    pub(super) access_token: SecretString,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// How long a token lives where the answer does not say it.
const USUAL_LIFE: Duration = Duration::from_secs(60 * 24 * 60 * 60);

impl LongToken {
    /// When it ends. All tokens of Instagram do.
    pub(super) fn expires_at(&self, now: Timestamp) -> Timestamp {
        let left = self.expires_in.filter(|seconds| *seconds > 0);
        later(now, left.map_or(USUAL_LIFE, Duration::from_secs))
    }
}

/// `POST api.instagram.com/oauth/access_token`. Sent once: a code works once.
pub(super) async fn exchange_code(
    graph: &Graph,
    app: &App,
    code: &SecretString,
    redirect_uri: &Url,
) -> Result<ShortToken, Box<GraphError>> {
    let code = without_fragment(code);
    let exchanged = graph
        .post(Step::Login, &["oauth", "access_token"], Auth::Form)
        .at(Host::ApiInstagram)
        .unversioned()
        .with("client_id", &*app.id)
        .with_secret("client_secret", &app.secret)
        .with("grant_type", "authorization_code")
        .with("redirect_uri", redirect_uri.as_str())
        .with_secret("code", &code)
        .send()
        .await?;
    Ok(match exchanged {
        Exchanged::Wrapped { data: [token] } | Exchanged::Flat(token) => token,
    })
}

/// `GET graph.instagram.com/access_token`: a short-lived token for one of about 60 days. Meta takes token and secret in
/// the URL only, which is never logged.
pub(super) async fn prolong(
    graph: &Graph,
    app: &App,
    token: &SecretString,
) -> Result<LongToken, Box<GraphError>> {
    graph
        .get(&["access_token"], Auth::Form)
        .at(Host::GraphInstagram)
        .unversioned()
        .with("grant_type", "ig_exchange_token")
        .with_secret("client_secret", &app.secret)
        .with_secret("access_token", token)
        .send()
        .await
}

/// `GET graph.instagram.com/refresh_access_token`: about 60 days more, and perhaps another text. The token must be at
/// least a day old and not over. Meta takes it in the URL only, which is never logged.
pub(super) async fn renew(
    graph: &Graph,
    token: &SecretString,
) -> Result<LongToken, Box<GraphError>> {
    graph
        .get(&["refresh_access_token"], Auth::Form)
        .at(Host::GraphInstagram)
        .unversioned()
        .with("grant_type", "ig_refresh_token")
        .with_secret("access_token", token)
        .send()
        .await
}

/// The code without the fragment that Instagram puts behind it and a proxy may have kept.
fn without_fragment(code: &SecretString) -> SecretString {
    let code = code.expose_secret();
    let clean = code
        .strip_suffix("#_")
        .or_else(|| code.strip_suffix("%23_"))
        .unwrap_or(code);
    clean.into()
}

/// Permissions as a list, or as a text with commas.
fn permissions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<String>>, D::Error> {
    let names = |text: &str| {
        let names = text.split([',', ' ']).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(names(&text)),
        Value::Array(list) => Some(
            list.iter()
                .filter_map(Value::as_str)
                .flat_map(names)
                .collect(),
        ),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn permissions_should_be_read_as_list_and_as_text() {
        for (told, expected) in [
            (json!({ "permissions": ["a", "b"] }), Some(2)),
            (json!({ "permissions": "a,b" }), Some(2)),
            (json!({ "permissions": "a, b" }), Some(2)),
            (json!({ "permissions": [] }), Some(0)),
            (json!({ "permissions": null }), None),
            (json!({}), None),
        ] {
            let mut answer = told.clone();
            answer["access_token"] = json!("t");
            let token: ShortToken = serde_json::from_value(answer).unwrap();
            let count = token.permissions.map(|permissions| permissions.len());
            assert_eq!(count, expected, "{told}");
        }
    }

    #[test]
    fn only_a_fragment_should_be_cut_off_a_code() {
        for (code, expected) in [
            ("AQB#_", "AQB"),
            ("AQB%23_", "AQB"),
            ("AQB_", "AQB_"),
            ("AQ#_B", "AQ#_B"),
        ] {
            let clean = without_fragment(&code.into());
            assert_eq!(clean.expose_secret(), expected);
        }
    }
}
