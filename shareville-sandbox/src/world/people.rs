//! Apps, people, businesses and Pages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use crate::error::Error;

/// What a person may do on a Page, in Meta's words.
pub(crate) const ALL_TASKS: [&str; 6] = [
    "MANAGE",
    "CREATE_CONTENT",
    "MODERATE",
    "MESSAGING",
    "ADVERTISE",
    "ANALYZE",
];

/// Which login an app id belongs to: one app has an id and a secret for each (graph-api 4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AppKind {
    /// Facebook Login: the Meta app's id.
    #[default]
    Facebook,
    /// Instagram Login: the Instagram app's id.
    Instagram,
}

#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) kind: AppKind,
    pub(crate) name: String,
    /// Unknown until the first call that carries it; from then on it must match.
    pub(crate) secret: Option<String>,
    pub(crate) require_proof: bool,
    /// Where the dialog may redirect to; empty means anywhere.
    pub(crate) redirects: Vec<String>,
}

/// An app that is known from the start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AppSeed {
    /// The app id (`client_id`).
    pub id: String,
    /// Which login it belongs to.
    #[serde(default)]
    pub kind: AppKind,
    /// The app secret; without one the first secret that comes along is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// "Require App Secret": every call needs `appsecret_proof`.
    #[serde(default)]
    pub require_app_secret: bool,
    /// The redirect addresses the dialog accepts, compared exactly; empty accepts any.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

impl AppSeed {
    /// An app with this id and secret, without further demands.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: AppKind::Facebook,
            secret: Some(secret.into()),
            require_app_secret: false,
            redirect_uris: Vec::new(),
        }
    }

    /// An app of Instagram Login with this id and secret, without further demands.
    pub fn instagram(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            kind: AppKind::Instagram,
            ..Self::new(id, secret)
        }
    }

    /// Turns "Require App Secret" on: calls without `appsecret_proof` are refused.
    #[must_use]
    pub fn requiring_proof(mut self) -> Self {
        self.require_app_secret = true;
        self
    }

    /// Allows this redirect address, and no other than those allowed so.
    #[must_use]
    pub fn redirecting_to(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uris.push(uri.into());
        self
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A person to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPerson {
    /// The name shown in the dialog and by `/me`.
    pub name: String,
    /// The id; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl NewPerson {
    /// A person with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: None,
        }
    }

    /// With this id instead of a made-up one.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Business {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) username: Option<String>,
    pub(crate) category: String,
    pub(crate) business: Option<String>,
    /// Tasks by person.
    pub(crate) roles: BTreeMap<String, Vec<String>>,
}

impl Page {
    pub(crate) fn may_publish(&self, person: &str) -> bool {
        const PUBLISHING: [&str; 4] = [
            "CREATE_CONTENT",
            "MANAGE",
            "PROFILE_PLUS_CREATE_CONTENT",
            "PROFILE_PLUS_FULL_CONTROL",
        ];
        self.roles
            .get(person)
            .is_some_and(|tasks| tasks.iter().any(|task| PUBLISHING.contains(&task.as_str())))
    }
}

/// A person's role on a Page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Role {
    /// Whose role it is.
    pub person: String,
    /// Meta's task names; absent means all of them.
    #[serde(default = "all_tasks")]
    pub tasks: Vec<String>,
}

fn all_tasks() -> Vec<String> {
    ALL_TASKS.map(str::to_owned).to_vec()
}

/// A Page to add.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewPage {
    /// The Page's name.
    pub name: String,
    /// The id; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `@name`; many Pages have none, and then the field is missing from answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The category shown; "Brand" when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The name of the business that owns the Page, made when it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business: Option<String>,
    /// Who has a role; when empty, every person there is has all tasks.
    #[serde(default)]
    pub roles: Vec<Role>,
}

impl NewPage {
    /// A Page with this name, managed by everybody.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: None,
            username: None,
            category: None,
            business: None,
            roles: Vec::new(),
        }
    }

    /// With this id instead of a made-up one.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With this `@name`.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// With this category.
    #[must_use]
    pub fn with_category(mut self, category: impl Into<String>) -> Self {
        self.category = Some(category.into());
        self
    }

    /// Owned by the business of this name.
    #[must_use]
    pub fn owned_by(mut self, business: impl Into<String>) -> Self {
        self.business = Some(business.into());
        self
    }

    /// Managed by this person with all tasks.
    #[must_use]
    pub fn managed_by(mut self, person: impl Into<String>) -> Self {
        self.roles.push(Role {
            person: person.into(),
            tasks: all_tasks(),
        });
        self
    }

    /// With a role of these tasks for this person.
    #[must_use]
    pub fn with_role<T: Into<String>>(
        mut self,
        person: impl Into<String>,
        tasks: impl IntoIterator<Item = T>,
    ) -> Self {
        self.roles.push(Role {
            person: person.into(),
            tasks: tasks.into_iter().map(Into::into).collect(),
        });
        self
    }
}

impl World {
    pub(crate) fn add_app(&mut self, seed: AppSeed) {
        let name = format!("App {}", seed.id);
        let app = App {
            kind: seed.kind,
            name,
            secret: seed.secret,
            require_proof: seed.require_app_secret,
            redirects: seed.redirect_uris,
        };
        self.apps.insert(seed.id, app);
    }

    /// The Facebook Login app of this id; an unknown one becomes known here unless only registered apps are let in.
    pub(crate) fn meet_app(&mut self, id: &str) -> Option<&mut App> {
        self.meet_app_of(AppKind::Facebook, id)
    }

    /// The app of this id and kind; an unknown one is believed to be of the kind it is first met as.
    pub(crate) fn meet_app_of(&mut self, kind: AppKind, id: &str) -> Option<&mut App> {
        if self.any_app && !id.is_empty() && !self.apps.contains_key(id) {
            self.add_app(AppSeed {
                id: id.to_owned(),
                kind,
                secret: None,
                require_app_secret: false,
                redirect_uris: Vec::new(),
            });
        }
        self.apps.get_mut(id).filter(|app| app.kind == kind)
    }

    /// Whether this is the app's secret. The first one an unregistered app brings is believed.
    pub(crate) fn secret_fits(&mut self, id: &str, secret: &str) -> bool {
        self.secret_fits_of(AppKind::Facebook, id, secret)
    }

    pub(crate) fn secret_fits_of(&mut self, kind: AppKind, id: &str, secret: &str) -> bool {
        if secret.is_empty() {
            return false;
        }
        self.meet_app_of(kind, id)
            .is_some_and(|app| app.secret.get_or_insert_with(|| secret.to_owned()) == secret)
    }

    pub(crate) fn add_person(&mut self, person: NewPerson) -> String {
        let id = person.id.unwrap_or_else(|| self.ids.node());
        self.people.insert(
            id.clone(),
            Person {
                id: id.clone(),
                name: person.name,
            },
        );
        id
    }

    pub(crate) fn add_page(&mut self, new: NewPage) -> Result<String, Error> {
        if let Some(stranger) = new
            .roles
            .iter()
            .find(|role| !self.people.contains_key(&role.person))
        {
            return Err(Error::missing("person", &stranger.person));
        }
        let roles = if new.roles.is_empty() {
            self.people
                .keys()
                .map(|person| (person.clone(), all_tasks()))
                .collect()
        } else {
            new.roles
                .into_iter()
                .map(|role| (role.person, role.tasks))
                .collect()
        };
        let business = new.business.map(|name| self.business_named(name));
        let id = new.id.unwrap_or_else(|| self.ids.node());
        let page = Page {
            id: id.clone(),
            name: new.name,
            username: new.username,
            category: new.category.unwrap_or_else(|| "Brand".to_owned()),
            business,
            roles,
        };
        self.pages.insert(id.clone(), page);
        Ok(id)
    }

    fn business_named(&mut self, name: String) -> String {
        if let Some(known) = self
            .businesses
            .values()
            .find(|business| business.name == name)
        {
            return known.id.clone();
        }
        let id = self.ids.node();
        self.businesses.insert(
            id.clone(),
            Business {
                id: id.clone(),
                name,
            },
        );
        id
    }

    pub(crate) fn set_role(&mut self, page: &str, role: Role) -> Result<(), Error> {
        let found = self
            .pages
            .get_mut(page)
            .ok_or_else(|| Error::missing("page", page))?;
        if role.tasks.is_empty() {
            found.roles.remove(&role.person);
        } else {
            found.roles.insert(role.person, role.tasks);
        }
        Ok(())
    }
}
