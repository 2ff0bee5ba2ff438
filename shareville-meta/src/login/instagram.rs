//! The Instagram account that is linked to a Page.
//!
//! Source: graph-api.md 4.5, 11 (D-IGP, D-PGS).

use secrecy::SecretString;
use serde::Deserialize;
use shareville_core::{connector::FoundAccount, id::Provider};

use super::{
    config::{ENGAGEMENT, INSTAGRAM_PUBLISH, INSTAGRAM_READ},
    token::CheckedToken,
};
use crate::graph::id_text;

/// What is asked of a Page to learn of it.
pub(super) const FIELD: &str = "instagram_business_account{id,username,name,profile_picture_url}";

/// What publishing needs, and what it is for, as the dialog may put it.
const NEEDED: [(&str, &str); 3] = [
    (INSTAGRAM_READ, "seeing the Instagram account"),
    (INSTAGRAM_PUBLISH, "publishing to the Instagram account"),
    (
        ENGAGEMENT,
        "reading what the Page it is linked to publishes",
    ),
];

/// A professional account as its Page describes it. A Page that was read without the right may know its id alone.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Linked {
    #[serde(deserialize_with = "id_text")]
    id: String,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    profile_picture_url: Option<String>,
}

impl Linked {
    /// Which permissions are missing for it.
    pub(super) fn problems(&self, granted: &[String], checked: &CheckedToken) -> Vec<String> {
        let mut problems = Vec::new();
        for (scope, what) in NEEDED {
            if !granted.iter().any(|known| known == scope) {
                problems.push(format!(
                    "The permission {scope} is missing ({what}): connect again and allow it."
                ));
            }
        }
        let is_left_out = |scope: &&str| {
            let targets = checked.targets(scope);
            targets.is_some_and(|ids| !ids.contains(&self.id))
        };
        if problems.is_empty() && [INSTAGRAM_READ, INSTAGRAM_PUBLISH].iter().any(is_left_out) {
            problems.push(
                "This Instagram account was not chosen when connecting: connect again and choose it."
                    .to_owned(),
            );
        }
        problems
    }

    /// The account it makes. It is published to with its Page's token.
    pub(super) fn into_account(
        self,
        token: Option<SecretString>,
        problems: Vec<String>,
    ) -> FoundAccount {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        FoundAccount {
            provider: Provider::instagram(),
            name: named(&self.name)
                .or_else(|| named(&self.username))
                .unwrap_or_else(|| self.id.clone()),
            platform_id: self.id,
            username: self.username,
            category: None,
            picture: self.profile_picture_url,
            token,
            problems,
        }
    }
}
