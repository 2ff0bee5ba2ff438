//! The Pages that a login opens.
//!
//! Source: graph-api.md 3.7 (D-PGS; field PROBE).

use secrecy::SecretString;
use serde::Deserialize;
use shareville_core::{
    connector::FoundAccount,
    failure::{Failure, FailureClass},
    id::Provider,
    tenant::App,
};

use super::{
    config::{LIST, PUBLISH},
    token::CheckedToken,
};
use crate::graph::{Auth, Graph, Listed, Nested, id_text};

/// The most pages of a list that are read: 5,000 Pages. More is an error, not a list cut short.
const MAX_LIST_PAGES: usize = 50;

/// The tasks, one of which one needs to publish.
const PUBLISHING_TASKS: [&str; 5] = [
    "CREATE_CONTENT",
    "MANAGE",
    "PROFILE_PLUS_CREATE_CONTENT",
    "PROFILE_PLUS_MANAGE",
    "PROFILE_PLUS_FULL_CONTROL",
];

/// A Page as the platform describes it; what is missing is omitted.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(deserialize_with = "id_text")]
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    picture: Option<Nested<Picture>>,
    #[serde(default)]
    access_token: Option<SecretString>,
    /// Not a field of a Page that is read by its id.
    #[serde(default)]
    tasks: Option<Vec<String>>,
    /// The same in old shapes.
    #[serde(default)]
    perms: Option<Vec<String>>,
}

/// Where a picture is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Picture {
    /// Its address.
    pub(super) url: Option<String>,
}

/// What to do about a Page that cannot be read just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Leave it out: somebody waits for their login.
    Skip,
    /// Fail: whoever compares must not take it for gone.
    Fail,
}

/// All Pages of the person: those listed, and those that were granted and not listed because a business owns them.
pub(super) async fn all(
    graph: &Graph,
    app: &App,
    token: &SecretString,
    checked: &CheckedToken,
    unreadable: Unreadable,
) -> Result<Vec<Page>, Failure> {
    let mut pages = listed(graph, app, token).await?;
    for id in unlisted(checked, &pages) {
        match read(graph, app, token, &id).await {
            Ok(page) => pages.push(page),
            Err(failure) if is_out_of_reach(&failure) || unreadable == Unreadable::Skip => {
                tracing::info!(page = id, %failure, "a Page that was granted cannot be read: left out");
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(pages)
}

/// `GET /me/accounts`, to its end.
async fn listed(graph: &Graph, app: &App, token: &SecretString) -> Result<Vec<Page>, Failure> {
    let mut pages: Vec<Page> = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MAX_LIST_PAGES {
        let list: Listed<Page> = graph
            .get(&["me", "accounts"], Auth::Token(token, app))
            .with(
                "fields",
                "id,name,username,category,access_token,tasks,picture{url}",
            )
            .with("limit", "100")
            .with_some("after", after.as_deref())
            .send()
            .await
            .map_err(|error| graph.failure(&error))?;
        after = list.after().map(str::to_owned);
        let cut_off = list.is_cut_off();
        for page in list.data {
            if pages.iter().all(|known| known.id != page.id) {
                pages.push(page);
            }
        }
        match (&after, cut_off) {
            (None, false) => return Ok(pages),
            (None, true) => break,
            (Some(_), _) => {}
        }
    }
    Err(Failure::new(
        FailureClass::Unknown,
        "Facebook's list of Pages does not end. Try again.",
    ))
}

/// `GET /{page}` with the user's token.
async fn read(graph: &Graph, app: &App, token: &SecretString, id: &str) -> Result<Page, Failure> {
    graph
        .get(&[id], Auth::Token(token, app))
        .with(
            "fields",
            "id,name,username,category,access_token,picture{url}",
        )
        .send()
        .await
        .map_err(|error| graph.failure(&error))
}

/// The Pages that were chosen in the dialog and are not among those listed. Stale ids stay in the grant.
fn unlisted(checked: &CheckedToken, listed: &[Page]) -> Vec<String> {
    let mut ids = Vec::new();
    for id in [LIST, PUBLISH]
        .iter()
        .filter_map(|scope| checked.targets(scope))
        .flatten()
    {
        if listed.iter().all(|page| page.id != id) && !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// Gone, or not for this person: nothing that trying again would change.
const fn is_out_of_reach(failure: &Failure) -> bool {
    matches!(
        failure.class,
        FailureClass::NotFound | FailureClass::Permission | FailureClass::Content { .. }
    )
}

impl Page {
    /// The account it makes, with what stands in the way of publishing to it.
    pub(super) fn into_account(self, granted: &[String], checked: &CheckedToken) -> FoundAccount {
        let problems = self.problems(granted, checked);
        FoundAccount {
            provider: Provider::facebook(),
            name: self.name.unwrap_or_else(|| self.id.clone()),
            platform_id: self.id,
            username: self.username,
            category: self.category,
            picture: self.picture.and_then(|picture| picture.data.url),
            token: self.access_token,
            problems,
        }
    }

    fn problems(&self, granted: &[String], checked: &CheckedToken) -> Vec<String> {
        let mut problems = Vec::new();
        if self.access_token.is_none() {
            problems.push(
                "Facebook gave no access token for this Page: ask who administers it for access to it, then connect again."
                    .to_owned(),
            );
        }
        let tasks = self.tasks.as_ref().or(self.perms.as_ref());
        let may_create = tasks.is_none_or(|tasks| {
            tasks
                .iter()
                .any(|task| PUBLISHING_TASKS.contains(&task.as_str()))
        });
        if !may_create {
            problems.push(
                "You may not create content on this Page: ask who administers it for access to content, then connect again."
                    .to_owned(),
            );
        }
        let chosen = checked
            .targets(PUBLISH)
            .is_none_or(|ids| ids.contains(&self.id));
        if !granted.iter().any(|scope| scope == PUBLISH) || !chosen {
            problems.push(
                "Publishing to this Page was not allowed when connecting: connect again and allow it.".to_owned(),
            );
        }
        problems
    }
}
