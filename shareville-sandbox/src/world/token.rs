//! Tokens and login codes: what they are worth, and how they die.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{World, random_text};

/// How long Meta's codes live.
const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// How long Instagram's codes live (graph-api 4.1, D-IGLOG).
const INSTAGRAM_CODE_LIFE: TimeDelta = TimeDelta::hours(1);
/// A fresh token of the login dialog.
const SHORT_LIFE: TimeDelta = TimeDelta::seconds(5_400);
/// A fresh token of Instagram's dialog.
const INSTAGRAM_SHORT_LIFE: TimeDelta = TimeDelta::hours(1);
/// The sixty days, less what Meta takes off.
const LONG_LIFE: TimeDelta = TimeDelta::seconds(5_183_944);

/// Why a token died: the subcode that comes with error 190.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Death {
    /// 458: the person removed the app.
    AppRemoved,
    /// 459: the person must pass a checkpoint on facebook.com.
    Checkpoint,
    /// 460: the password was changed, or Meta ended the session for security.
    PasswordChanged,
    /// 463: the token's time is over.
    Expired,
    /// 467: the session was ended.
    LoggedOut,
    /// 492: the person lost the role on the Page.
    RoleLost,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holder {
    User,
    Page(String),
    /// An Instagram account that signed in by itself; it is the token's `person` too.
    Instagram,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) app: String,
    /// Who allowed it: a person, or an Instagram account.
    pub(crate) person: String,
    pub(crate) holder: Holder,
    pub(crate) long: bool,
    pub(crate) issued: DateTime<Utc>,
    /// `None`: it lives for ever.
    pub(crate) expires: Option<DateTime<Utc>>,
    pub(crate) dead: Option<Death>,
}

#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) app: String,
    pub(crate) person: String,
    pub(crate) redirect_uri: String,
    pub(crate) expires: DateTime<Utc>,
    pub(crate) used: bool,
}

impl World {
    pub(crate) fn issue_code(&mut self, app: &str, person: &str, redirect_uri: &str) -> String {
        self.keep_code(app, person, redirect_uri, CODE_LIFE)
    }

    pub(crate) fn issue_instagram_code(
        &mut self,
        app: &str,
        account: &str,
        redirect_uri: &str,
    ) -> String {
        self.keep_code(app, account, redirect_uri, INSTAGRAM_CODE_LIFE)
    }

    fn keep_code(
        &mut self,
        app: &str,
        person: &str,
        redirect_uri: &str,
        life: TimeDelta,
    ) -> String {
        let code = format!("AQ{}", random_text(120));
        let entry = Code {
            app: app.to_owned(),
            person: person.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            expires: self.now() + life,
            used: false,
        };
        self.codes.insert(code.clone(), entry);
        code
    }

    pub(crate) fn issue_user_token(&mut self, app: &str, person: &str, long: bool) -> String {
        let now = self.now();
        let token = Token {
            app: app.to_owned(),
            person: person.to_owned(),
            holder: Holder::User,
            long,
            issued: now,
            expires: Some(now + if long { LONG_LIFE } else { SHORT_LIFE }),
            dead: None,
        };
        self.keep(token)
    }

    pub(crate) fn issue_instagram_token(&mut self, app: &str, account: &str, long: bool) -> String {
        let now = self.now();
        let life = if long {
            LONG_LIFE
        } else {
            INSTAGRAM_SHORT_LIFE
        };
        let token = Token {
            app: app.to_owned(),
            person: account.to_owned(),
            holder: Holder::Instagram,
            long,
            issued: now,
            expires: Some(now + life),
            dead: None,
        };
        let text = format!("IGAA{}", random_text(160));
        self.tokens.insert(text.clone(), token);
        text
    }

    /// The Page token that belongs to a user token: the same each time, and without an end if that one is long-lived.
    pub(crate) fn page_token(&mut self, user_token: &str, page: &str) -> Option<String> {
        let key = (user_token.to_owned(), page.to_owned());
        if let Some(known) = self.page_tokens.get(&key) {
            return Some(known.clone());
        }
        let user = self.tokens.get(user_token)?.clone();
        let token = Token {
            holder: Holder::Page(page.to_owned()),
            issued: self.now(),
            expires: if user.long { None } else { user.expires },
            ..user
        };
        let text = self.keep(token);
        self.page_tokens.insert(key, text.clone());
        Some(text)
    }

    fn keep(&mut self, token: Token) -> String {
        let text = format!("EAA{}", random_text(160));
        self.tokens.insert(text.clone(), token);
        text
    }

    /// How a token is dead, if it is.
    pub(crate) fn death(&self, token: &Token) -> Option<Death> {
        if token.dead.is_some() {
            return token.dead;
        }
        if token.expires.is_some_and(|end| end <= self.now()) {
            return Some(Death::Expired);
        }
        match &token.holder {
            Holder::Page(page)
                if !self
                    .pages
                    .get(page)
                    .is_some_and(|page| page.roles.contains_key(&token.person)) =>
            {
                Some(Death::RoleLost)
            }
            Holder::Page(_) | Holder::User | Holder::Instagram => None,
        }
    }

    /// Ends every living token of this person (with this app, if one is named). Returns how many.
    pub(crate) fn kill_tokens(&mut self, person: &str, app: Option<&str>, death: Death) -> usize {
        let mut killed = 0;
        for token in self.tokens.values_mut() {
            let meant = token.person == person && app.is_none_or(|app| token.app == app);
            if meant && token.dead.is_none() {
                token.dead = Some(death);
                killed += 1;
            }
        }
        killed
    }

    /// The person takes the app off their account.
    pub(crate) fn remove_app(&mut self, app: &str, person: &str) {
        self.grants.remove(&(app.to_owned(), person.to_owned()));
        self.kill_tokens(person, Some(app), Death::AppRemoved);
    }
}
