//! Whose account a login opens.
//!
//! Source: graph-api.md 4.4 (D-IGLOG; SDK).

use secrecy::SecretString;
use serde::{Deserialize, de::IgnoredAny};
use shareville_core::{
    connector::{FoundAccount, Granted},
    failure::FailureClass,
    id::Provider,
    tenant::App,
};

use super::config::PUBLISH;
use crate::{
    error::GraphError,
    graph::{Auth, Graph, Host, optional_id_text},
};

/// An account as Instagram describes it; what is missing is omitted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Profile {
    /// The professional account's own id, as webhooks and paths name it.
    #[serde(deserialize_with = "optional_id_text")]
    user_id: Option<String>,
    /// App-scoped: another app knows another.
    #[serde(deserialize_with = "optional_id_text")]
    id: Option<String>,
    username: Option<String>,
    name: Option<String>,
    /// `BUSINESS`, `MEDIA_CREATOR` or, in old words, `CREATOR`; others cannot be published to.
    account_type: Option<String>,
    profile_picture_url: Option<String>,
}

/// `GET graph.instagram.com/me`.
pub(super) async fn read(
    graph: &Graph,
    app: &App,
    token: &SecretString,
) -> Result<Profile, Box<GraphError>> {
    graph
        .get(&["me"], Auth::Token(token, app))
        .at(Host::GraphInstagram)
        .with(
            "fields",
            "id,user_id,username,name,account_type,profile_picture_url",
        )
        .send()
        .await
}

/// Whether a token may publish, as far as a call tells that needs it.
#[derive(Debug)]
pub(super) enum Publishing {
    Granted,
    Refused,
    /// The call failed for another reason.
    Unknown(Box<GraphError>),
}

/// `GET graph.instagram.com/{account}/content_publishing_limit`, which only those may read who may publish: all that can
/// be learned anew of what was granted.
pub(super) async fn publishing(
    graph: &Graph,
    app: &App,
    token: &SecretString,
    account_id: &str,
) -> Publishing {
    let asked = graph
        .get(
            &[account_id, "content_publishing_limit"],
            Auth::Token(token, app),
        )
        .at(Host::GraphInstagram)
        .send::<IgnoredAny>()
        .await;
    match asked {
        Ok(_) => Publishing::Granted,
        Err(error) if error.class(graph.now()) == FailureClass::Permission => Publishing::Refused,
        Err(error) => Publishing::Unknown(error),
    }
}

/// What a login was granted, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    /// What was granted.
    pub(super) granted: Vec<String>,
    /// What was asked for and not granted.
    pub(super) missing: Vec<String>,
}

impl Permissions {
    /// Of a token that may not publish; nothing else is known of it.
    pub(super) fn without_publishing() -> Self {
        Self {
            granted: Vec::new(),
            missing: vec![PUBLISH.to_owned()],
        }
    }

    /// What is missing of what was `asked`.
    pub(super) fn of(granted: Vec<String>, asked: &[String]) -> Self {
        let missing = asked.iter().filter(|scope| !granted.contains(scope));
        Self {
            missing: missing.cloned().collect(),
            granted,
        }
    }
}

impl Profile {
    /// The id of the account, if it is told. The app's own id for the person opens nothing.
    pub(super) fn account_id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    /// Whether it can be published to, as far as its kind tells.
    pub(super) fn is_professional(&self) -> bool {
        self.account_type.as_deref().is_none_or(|kind| {
            ["BUSINESS", "MEDIA_CREATOR", "CREATOR"]
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known))
        })
    }

    /// What a token opens: the one account of whoever logged in. It is published to with the person's own token.
    pub(super) fn into_granted(
        self,
        account_id: String,
        token: SecretString,
        permissions: Permissions,
    ) -> Granted {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let name = named(&self.name).or_else(|| named(&self.username));
        let account = FoundAccount {
            provider: Provider::instagram(),
            platform_id: account_id.clone(),
            name: name.clone().unwrap_or_else(|| account_id.clone()),
            username: self.username.clone(),
            category: None,
            picture: self.profile_picture_url.clone(),
            token: None,
            problems: self.problems(&permissions.missing),
        };
        Granted {
            // Meta's notices name the person by the id that is the app's own.
            person_ids: self.id.into_iter().collect(),
            person: account_id,
            name,
            picture: self.profile_picture_url,
            token,
            expires_at: None,
            scopes: permissions.granted,
            missing_scopes: permissions.missing,
            accounts: vec![account],
        }
    }

    fn problems(&self, missing: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.is_professional() {
            problems.push(
                "Instagram lets apps publish to professional accounts only: switch to one in the Instagram app \
                 (Settings, Account type), then connect again."
                    .to_owned(),
            );
        }
        if missing.iter().any(|scope| scope == PUBLISH) {
            problems.push(format!(
                "The permission {PUBLISH} is missing: connect again and allow publishing."
            ));
        }
        problems
    }
}
