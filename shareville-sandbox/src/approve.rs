//! What a person answers in the login dialog.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Which Pages a person ticks in the dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PageChoice {
    /// Every Page the person has a role on; `debug_token` then lists their ids.
    #[default]
    All,
    /// "All current and future Pages": `debug_token` then lists no ids, which means all.
    AllAndLater,
    /// Only these.
    Only(BTreeSet<String>),
}

/// What a person answers in the login dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Consent {
    /// Who is asked; the first person there is, if absent.
    pub person: Option<String>,
    /// Which Instagram account signs in, in Instagram's dialog; if absent, the one that `person` signs in with, else
    /// the first without a Page. Facebook's dialog does not ask.
    pub account: Option<String>,
    /// Which Pages are ticked.
    pub pages: PageChoice,
    /// Which permissions are unticked.
    pub declined: BTreeSet<String>,
    /// Whether the person leaves by "Cancel".
    pub cancel: bool,
}

impl Consent {
    /// The first person allows everything for all Pages.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// The person leaves by "Cancel".
    #[must_use]
    pub fn cancelled() -> Self {
        Self {
            cancel: true,
            ..Self::default()
        }
    }

    /// This person answers.
    #[must_use]
    pub fn by(mut self, person: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self
    }

    /// This account signs in, in Instagram's dialog.
    #[must_use]
    pub fn as_instagram(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only these Pages are ticked.
    #[must_use]
    pub fn with_pages<T: Into<String>>(mut self, pages: impl IntoIterator<Item = T>) -> Self {
        self.pages = PageChoice::Only(pages.into_iter().map(Into::into).collect());
        self
    }

    /// "All current and future Pages" is ticked.
    #[must_use]
    pub fn with_later_pages(mut self) -> Self {
        self.pages = PageChoice::AllAndLater;
        self
    }

    /// These permissions are unticked.
    #[must_use]
    pub fn without<T: Into<String>>(mut self, scopes: impl IntoIterator<Item = T>) -> Self {
        self.declined.extend(scopes.into_iter().map(Into::into));
        self
    }
}
