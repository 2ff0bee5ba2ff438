//! What a person allowed an app: permissions, and for which Pages.

use std::collections::{BTreeMap, BTreeSet};

use super::World;

/// The permissions the dialog knows; it shows an error page for any other.
pub(crate) const KNOWN_SCOPES: [(&str, &str); 17] = [
    ("public_profile", "your name and profile picture"),
    ("email", "your email address"),
    ("pages_show_list", "see the list of your Pages"),
    (
        "pages_read_engagement",
        "read posts and followers of your Pages",
    ),
    (
        "pages_read_user_content",
        "read what others write on your Pages",
    ),
    (
        "pages_manage_posts",
        "create and manage posts on your Pages",
    ),
    (
        "pages_manage_engagement",
        "comment as your Pages and moderate comments",
    ),
    (
        "pages_manage_metadata",
        "manage settings and notices of your Pages",
    ),
    ("pages_messaging", "send messages as your Pages"),
    ("publish_video", "publish videos on your Pages"),
    ("business_management", "manage your business"),
    ("read_insights", "read the statistics of your Pages"),
    (
        "instagram_basic",
        "read the Instagram accounts of your Pages",
    ),
    (
        "instagram_content_publish",
        "publish to the Instagram accounts of your Pages",
    ),
    (
        "instagram_manage_comments",
        "manage comments of your Instagram accounts",
    ),
    (
        "instagram_manage_contents",
        "delete what is on your Instagram accounts",
    ),
    (
        "instagram_manage_insights",
        "read the statistics of your Instagram accounts",
    ),
];

/// The permissions that Instagram's own dialog knows (graph-api 4.1, D-IGLOG).
pub(crate) const INSTAGRAM_SCOPES: [(&str, &str); 5] = [
    (
        "instagram_business_basic",
        "see your profile and your media",
    ),
    (
        "instagram_business_content_publish",
        "publish to your account",
    ),
    (
        "instagram_business_manage_comments",
        "manage comments on your media",
    ),
    (
        "instagram_business_manage_messages",
        "read and answer your messages",
    ),
    (
        "instagram_business_manage_insights",
        "read the statistics of your account",
    ),
];

/// Whether a permission is given Page by Page; an Instagram account goes with the Page it is linked to.
fn is_page_scope(scope: &str) -> bool {
    scope.starts_with("pages_")
        || scope.starts_with("instagram_")
        || scope == "publish_video"
        || scope == "read_insights"
}

/// Which Pages a permission holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Targets {
    /// All Pages, those of tomorrow too.
    All,
    /// Only these.
    Only(BTreeSet<String>),
}

impl Targets {
    pub(crate) fn covers(&self, page: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(pages) => pages.contains(page),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Grant {
    /// Granted permissions with their Pages (`None`: the permission is not about Pages).
    pub(crate) granted: BTreeMap<String, Option<Targets>>,
    pub(crate) declined: BTreeSet<String>,
}

impl Grant {
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.granted.contains_key(scope)
    }

    pub(crate) fn covers(&self, scope: &str, page: &str) -> bool {
        match self.granted.get(scope) {
            Some(Some(targets)) => targets.covers(page),
            Some(None) => true,
            None => false,
        }
    }

    pub(crate) fn allow(&mut self, scope: &str, pages: &Targets, accumulate: bool) {
        self.declined.remove(scope);
        if !is_page_scope(scope) {
            self.granted.insert(scope.to_owned(), None);
            return;
        }
        let before = self.granted.remove(scope).flatten().filter(|_| accumulate);
        let targets = match (before, pages) {
            (Some(Targets::All), _) | (_, Targets::All) => Targets::All,
            (Some(Targets::Only(old)), Targets::Only(new)) => {
                Targets::Only(old.union(new).cloned().collect())
            }
            (None, Targets::Only(new)) => Targets::Only(new.clone()),
        };
        self.granted.insert(scope.to_owned(), Some(targets));
    }

    pub(crate) fn decline(&mut self, scope: &str) {
        self.granted.remove(scope);
        self.declined.insert(scope.to_owned());
    }
}

impl World {
    pub(crate) fn grant(&self, app: &str, person: &str) -> Option<&Grant> {
        self.grants.get(&(app.to_owned(), person.to_owned()))
    }

    pub(crate) fn granted(&self, app: &str, person: &str, scope: &str) -> bool {
        self.grant(app, person)
            .is_some_and(|grant| grant.has(scope))
    }

    pub(crate) fn granted_for(&self, app: &str, person: &str, scope: &str, page: &str) -> bool {
        self.grant(app, person)
            .is_some_and(|grant| grant.covers(scope, page))
    }
}
