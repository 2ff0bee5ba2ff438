//! What a person has allowed.
//!
//! Source: graph-api.md 3.6 (D-LOGIN).

use secrecy::SecretString;
use serde::Deserialize;
use shareville_core::tenant::App;

use super::{config::BUSINESS, page::Picture, token::CheckedToken};
use crate::{
    error::GraphError,
    graph::{Auth, Graph, Listed, Nested, id_text},
};

/// Who logged in.
#[derive(Debug, Deserialize)]
pub(super) struct Person {
    #[serde(deserialize_with = "id_text")]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) picture: Option<Nested<Picture>>,
}

#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
    status: String,
}

/// What was granted, and what was asked for and not granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scopes {
    pub(super) granted: Vec<String>,
    pub(super) missing: Vec<String>,
}

/// `GET /me`.
pub(super) async fn person(
    graph: &Graph,
    app: &App,
    token: &SecretString,
) -> Result<Person, Box<GraphError>> {
    graph
        .get(&["me"], Auth::Token(token, app))
        .with("fields", "id,name,picture{url}")
        .send()
        .await
}

/// `GET /me/permissions`; where it cannot be read, what the token itself says does instead.
pub(super) async fn scopes(
    graph: &Graph,
    app: &App,
    token: &SecretString,
    asked: &[String],
    checked: &CheckedToken,
) -> Result<Scopes, Box<GraphError>> {
    let listed = graph
        .get(&["me", "permissions"], Auth::Token(token, app))
        .with("limit", "100")
        .send::<Listed<Permission>>()
        .await;
    match listed {
        Ok(listed) => Ok(compare(asked, &listed.data)),
        Err(error) if !checked.scopes.is_empty() => {
            tracing::info!(%error, "the permissions cannot be read: taking those of the token");
            let told = checked.scopes.iter().map(|scope| Permission {
                permission: scope.clone(),
                status: GRANTED.to_owned(),
            });
            Ok(compare(asked, &told.collect::<Vec<_>>()))
        }
        Err(error) => Err(error),
    }
}

const GRANTED: &str = "granted";

/// `business_management` counts as missing only if it was declined in so many words: an app may not have it, and
/// business-owned Pages are found by their ids as well.
fn compare(asked: &[String], permissions: &[Permission]) -> Scopes {
    let status = |scope: &str| {
        let permission = permissions
            .iter()
            .find(|permission| permission.permission == scope);
        permission.map(|permission| permission.status.as_str())
    };
    Scopes {
        granted: permissions
            .iter()
            .filter(|permission| permission.status == GRANTED)
            .map(|permission| permission.permission.clone())
            .collect(),
        missing: asked
            .iter()
            .filter(|scope| match status(scope) {
                Some(status) => status != GRANTED,
                None => scope.as_str() != BUSINESS,
            })
            .cloned()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn business_management_should_be_missing_only_if_declined() {
        let asked = ["pages_show_list", BUSINESS].map(str::to_owned);
        let permission = |name: &str, status: &str| Permission {
            permission: name.to_owned(),
            status: status.to_owned(),
        };
        let list = permission("pages_show_list", GRANTED);
        assert!(compare(&asked, &[list]).missing.is_empty());
        for status in ["declined", "expired"] {
            let scopes = compare(&asked, &[permission(BUSINESS, status)]);
            assert_eq!(scopes.missing, asked);
            assert!(scopes.granted.is_empty());
        }
    }
}
