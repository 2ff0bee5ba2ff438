//! Instagram professional accounts, and who may speak for them.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::world::World;

/// The kind of an Instagram account (graph-api 4.4, D-IGLOG).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountType {
    /// `BUSINESS`.
    #[default]
    Business,
    /// `MEDIA_CREATOR`.
    MediaCreator,
    /// A personal account: every call on it is refused with code 10.
    Personal,
}

impl AccountType {
    /// As Meta writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Business => "BUSINESS",
            Self::MediaCreator => "MEDIA_CREATOR",
            Self::Personal => "PERSONAL",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct InstagramAccount {
    /// The professional account's id: `user_id` of Instagram Login, `id` of Facebook Login.
    pub(crate) id: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) account_type: AccountType,
    /// The Page it is linked to.
    pub(crate) page: Option<String>,
    /// Who signs in with it in Instagram's dialog.
    pub(crate) person: Option<String>,
}

/// An Instagram account to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewInstagramAccount {
    /// The `@name`.
    pub username: String,
    /// The id, 17841…; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name shown; the `@name` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of account.
    #[serde(default)]
    pub account_type: AccountType,
    /// The Page it is linked to: without one, only Instagram Login reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Who signs in with it in Instagram's dialog, so that a consent can name the person instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl NewInstagramAccount {
    /// A business account with this `@name` and no Page.
    pub fn new(username: impl Into<String>) -> Self {
        Self {
            username: username.into(),
            id: None,
            name: None,
            account_type: AccountType::default(),
            page: None,
            person: None,
        }
    }

    /// With this id instead of a made-up one.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With this name beside the `@name`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Of this kind.
    #[must_use]
    pub fn of_type(mut self, account_type: AccountType) -> Self {
        self.account_type = account_type;
        self
    }

    /// Linked to this Page.
    #[must_use]
    pub fn linked_to(mut self, page: impl Into<String>) -> Self {
        self.page = Some(page.into());
        self
    }

    /// This person signs in with it.
    #[must_use]
    pub fn used_by(mut self, person: impl Into<String>) -> Self {
        self.person = Some(person.into());
        self
    }
}

/// Who answers in Instagram's dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn<'a> {
    /// This account.
    Account(&'a str),
    /// The account this person signs in with.
    Person(&'a str),
    /// Whoever comes first.
    Anybody,
}

impl World {
    pub(crate) fn add_instagram(&mut self, new: NewInstagramAccount) -> Result<String, Error> {
        if let Some(page) = new
            .page
            .as_ref()
            .filter(|page| !self.pages.contains_key(*page))
        {
            return Err(Error::missing("page", page));
        }
        if let Some(person) = new
            .person
            .as_ref()
            .filter(|person| !self.people.contains_key(*person))
        {
            return Err(Error::missing("person", person));
        }
        let id = new.id.unwrap_or_else(|| self.ids.instagram_account());
        // A Page is linked to one account: the newest takes the place.
        for account in self.instagram.accounts.values_mut() {
            if new.page.is_some() && account.page == new.page {
                account.page = None;
            }
        }
        let account = InstagramAccount {
            id: id.clone(),
            name: new.name.unwrap_or_else(|| new.username.clone()),
            username: new.username,
            account_type: new.account_type,
            page: new.page,
            person: new.person,
        };
        self.instagram.accounts.insert(id.clone(), account);
        Ok(id)
    }

    pub(crate) fn instagram_account(&self, id: &str) -> Option<&InstagramAccount> {
        self.instagram.accounts.get(id)
    }

    /// The account that is linked to this Page.
    pub(crate) fn instagram_of(&self, page: &str) -> Option<&InstagramAccount> {
        let mut accounts = self.instagram.accounts.values();
        accounts.find(|account| account.page.as_deref() == Some(page))
    }

    /// The account that signs in; those without a Page come first, as nothing else reaches them.
    pub(crate) fn signing_in(&self, who: SignIn<'_>) -> Option<&InstagramAccount> {
        let accounts = || self.instagram.accounts.values();
        match who {
            SignIn::Account(id) => self.instagram.accounts.get(id),
            SignIn::Person(person) => {
                let own = |account: &&InstagramAccount| account.person.as_deref() == Some(person);
                accounts().find(own)
            }
            SignIn::Anybody => accounts()
                .find(|account| account.page.is_none())
                .or_else(|| accounts().next()),
        }
    }

    /// What Instagram Login calls the account's `id`: another number for each app, and never the account's own.
    pub(crate) fn app_scoped(app: &str, account: &str) -> String {
        let mixed = app
            .bytes()
            .chain([b'|'])
            .chain(account.bytes())
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        (20_000_000_000_000_000 + mixed % 9_000_000_000_000_000).to_string()
    }
}
