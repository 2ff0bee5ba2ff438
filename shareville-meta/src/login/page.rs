//! The Pages that a login opens, and the Instagram accounts linked to them.
//!
//! Source: graph-api.md 3.7, 4.5 (D-PGS; field PROBE).

use secrecy::SecretString;
use serde::Deserialize;
use shareville_core::{
    connector::FoundAccount,
    failure::{Failure, FailureClass},
    id::Provider,
    tenant::App,
};

use super::{
    config::{INSTAGRAM_READ, Instagram, LIST, PUBLISH},
    instagram::{self, Linked},
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
    /// Omitted where there is none, and where the person has not allowed to see it.
    #[serde(default)]
    instagram_business_account: Option<Linked>,
}

/// Where a picture is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Picture {
    /// Its address.
    pub(super) url: Option<String>,
}

/// What to do about a Page, or the Instagram accounts of Pages, that cannot be read just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Leave it out: somebody waits for their login.
    Skip,
    /// Fail: whoever compares must not take it for gone.
    Fail,
}

/// What is asked of a Page, besides its tasks.
const FIELDS: &str = "id,name,username,category,access_token,picture{url}";

/// Reads Pages with a person's token.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    graph: &'a Graph,
    app: &'a App,
    token: &'a SecretString,
    instagram: Instagram,
    granted: &'a [String],
    unreadable: Unreadable,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(
        graph: &'a Graph,
        app: &'a App,
        token: &'a SecretString,
        instagram: Instagram,
        granted: &'a [String],
        unreadable: Unreadable,
    ) -> Self {
        Self {
            graph,
            app,
            token,
            instagram,
            granted,
            unreadable,
        }
    }

    /// All Pages of the person: those listed, and those that were granted and not listed because a business owns them.
    pub(super) async fn all(mut self, checked: &CheckedToken) -> Result<Vec<Page>, Failure> {
        let mut pages = self.listed().await?;
        for id in unlisted(checked, &pages) {
            match self.read(&id).await {
                Ok(Some(page)) => pages.push(page),
                Ok(None) => tracing::info!(
                    page = id,
                    "a Page that was granted is out of reach: left out"
                ),
                Err(failure) if self.unreadable == Unreadable::Skip => {
                    tracing::info!(page = id, %failure, "a Page that was granted cannot be read: left out");
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(pages)
    }

    /// `GET /me/accounts`, to its end.
    async fn listed(&mut self) -> Result<Vec<Page>, Failure> {
        let mut pages: Vec<Page> = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = self.list(after.as_deref()).await?;
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

    /// One page of the list. Where the Instagram accounts are refused, the Pages are asked for without them: one field
    /// that is refused fails the whole call (graph-api.md 2.2).
    async fn list(&mut self, after: Option<&str>) -> Result<Listed<Page>, Failure> {
        match self.list_once(after).await {
            Err(failure) if self.may_be_instagrams(&failure) && !self.counts_on_instagram() => {
                tracing::info!(%failure, "the Instagram accounts of Pages cannot be read: left out");
                self.instagram = Instagram::LeftOut;
                self.list_once(after).await
            }
            listed => listed,
        }
    }

    async fn list_once(&self, after: Option<&str>) -> Result<Listed<Page>, Failure> {
        self.graph
            .get(&["me", "accounts"], Auth::Token(self.token, self.app))
            .with("fields", format!("{},tasks", fields(self.instagram)))
            .with("limit", "100")
            .with_some("after", after)
            .send()
            .await
            .map_err(|error| self.graph.login_failure(&error))
    }

    /// `GET /{page}` with the person's token; where that is refused, without its Instagram account. `None` if the Page is
    /// out of reach.
    async fn read(&self, id: &str) -> Result<Option<Page>, Failure> {
        let refused = match self.read_once(id, self.instagram).await {
            Err(failure) if self.may_be_instagrams(&failure) => failure,
            read => return reached(read),
        };
        match self.read_once(id, Instagram::LeftOut).await {
            // It was only for the account, which nobody may take for gone.
            Ok(_) if self.counts_on_instagram() => Err(refused),
            read => reached(read),
        }
    }

    /// `tasks` is no field of it.
    async fn read_once(&self, id: &str, instagram: Instagram) -> Result<Page, Failure> {
        self.graph
            .get(&[id], Auth::Token(self.token, self.app))
            .with("fields", fields(instagram))
            .send()
            .await
            .map_err(|error| self.graph.login_failure(&error))
    }

    /// Whether a call may have failed because it asks for Instagram accounts.
    fn may_be_instagrams(&self, failure: &Failure) -> bool {
        let refused = is_out_of_reach(failure) || failure.class == FailureClass::Config;
        self.instagram == Instagram::Wanted && refused
    }

    /// Whether an answer without Instagram accounts would make those that are there look gone.
    fn counts_on_instagram(&self) -> bool {
        let is_allowed = self.granted.iter().any(|scope| scope == INSTAGRAM_READ);
        is_allowed && self.unreadable == Unreadable::Fail
    }
}

fn fields(instagram: Instagram) -> String {
    match instagram {
        Instagram::Wanted => format!("{FIELDS},{}", instagram::FIELD),
        Instagram::LeftOut => FIELDS.to_owned(),
    }
}

/// The accounts that Pages make: each Page, and the Instagram account linked to it.
pub(super) fn accounts(
    pages: Vec<Page>,
    granted: &[String],
    checked: &CheckedToken,
) -> Vec<FoundAccount> {
    let mut accounts: Vec<FoundAccount> = Vec::new();
    for page in pages {
        let linked = page.instagram(granted, checked);
        accounts.push(page.into_account(granted, checked));
        let Some(linked) = linked else { continue };
        // Of an account that two Pages lead to, the way that works.
        let same = |account: &&mut FoundAccount| {
            account.provider == linked.provider && account.platform_id == linked.platform_id
        };
        match accounts.iter_mut().find(same) {
            None => accounts.push(linked),
            Some(known) if linked.problems.len() < known.problems.len() => *known = linked,
            Some(_) => {}
        }
    }
    accounts
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

/// A Page that was read; `None` if it is out of reach.
fn reached(read: Result<Page, Failure>) -> Result<Option<Page>, Failure> {
    match read {
        Ok(page) => Ok(Some(page)),
        Err(failure) if is_out_of_reach(&failure) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Gone, or not for this person: nothing that trying again would change.
const fn is_out_of_reach(failure: &Failure) -> bool {
    matches!(
        failure.class,
        FailureClass::NotFound | FailureClass::Permission | FailureClass::Content { .. }
    )
}

impl Page {
    /// The Instagram account linked to it, with what stands in the way of publishing to that.
    fn instagram(&self, granted: &[String], checked: &CheckedToken) -> Option<FoundAccount> {
        let linked = self.instagram_business_account.clone()?;
        let mut problems = Vec::new();
        if self.access_token.is_none() {
            problems.push(format!(
                "Facebook gave no access token for {}, the Page it is linked to: ask who administers that Page for \
                 access to it, then connect again.",
                self.called()
            ));
        }
        if !self.may_create() {
            problems.push(format!(
                "You may not create content on {}, the Page it is linked to: ask who administers that Page for access \
                 to content, then connect again.",
                self.called()
            ));
        }
        problems.extend(linked.problems(granted, checked));
        Some(linked.into_account(self.access_token.clone(), problems))
    }

    /// What people call it.
    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// Whether the person has a task that lets them publish. (Not told of a Page that is read by its id.)
    fn may_create(&self) -> bool {
        let tasks = self.tasks.as_ref().or(self.perms.as_ref());
        tasks.is_none_or(|tasks| {
            tasks
                .iter()
                .any(|task| PUBLISHING_TASKS.contains(&task.as_str()))
        })
    }

    /// The account it makes, with what stands in the way of publishing to it.
    fn into_account(self, granted: &[String], checked: &CheckedToken) -> FoundAccount {
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
        if !self.may_create() {
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
