//! Who speaks for an Instagram account, and what that may do.

use super::super::bearer::{Bearer, bearer, check_proof};
use super::super::error::GraphError;
use super::super::request::{Host, Request};
use crate::world::{AccountType, Holder, World};

/// The way by which the account was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// The Page's token, or that of a person with a role on it.
    FacebookLogin { person: String, page: String },
    /// The account's own token.
    InstagramLogin,
}

/// Whoever speaks for an Instagram account with a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) app: String,
    pub(super) account: String,
    way: Way,
}

/// App and account of an Instagram Login token that is alive.
pub(super) fn instagram_token(
    world: &World,
    request: &Request,
) -> Result<(String, String), GraphError> {
    let text = request
        .token
        .as_deref()
        .filter(|token| !token.is_empty())
        .ok_or_else(GraphError::no_token)?;
    let token = world
        .tokens
        .get(text)
        .filter(|token| token.holder == Holder::Instagram)
        .ok_or_else(GraphError::bad_token)?;
    if let Some(death) = world.death(token) {
        return Err(GraphError::dead_token(death, &token.app));
    }
    check_proof(world, request, text, &token.app)?;
    Ok((token.app.clone(), token.person.clone()))
}

/// Whoever calls, if the token reaches this account; `named` is the id that the error tells.
pub(super) fn actor(
    world: &mut World,
    request: &Request,
    account: Option<String>,
    named: &str,
) -> Result<Actor, GraphError> {
    let stranger = || GraphError::no_object(request.method.as_str(), named);
    let through_facebook = matches!(request.host, Host::Graph | Host::InstagramUpload);
    let actor = if through_facebook {
        through_page(world, request, account, stranger)?
    } else {
        let (app, own) = instagram_token(world, request)?;
        if account.as_ref() != Some(&own) {
            return Err(stranger());
        }
        Actor {
            app,
            account: own,
            way: Way::InstagramLogin,
        }
    };
    let kind = world
        .instagram_account(&actor.account)
        .map(|account| account.account_type);
    if kind == Some(AccountType::Personal) {
        return Err(GraphError::new(
            10,
            "(#10) The user is not an Instagram Business",
        ));
    }
    Ok(actor)
}

fn through_page(
    world: &mut World,
    request: &Request,
    account: Option<String>,
    stranger: impl Fn() -> GraphError,
) -> Result<Actor, GraphError> {
    let bearer = bearer(world, request)?;
    let account = account.ok_or_else(&stranger)?;
    let page = world
        .instagram_account(&account)
        .and_then(|account| account.page.clone())
        .ok_or_else(&stranger)?;
    let (app, person) = match bearer {
        Bearer::Page {
            app,
            person,
            page: own,
        } if own == page => (app, person),
        Bearer::User { app, person }
            if world
                .pages
                .get(&page)
                .is_some_and(|page| page.roles.contains_key(&person)) =>
        {
            (app, person)
        }
        Bearer::Page { .. } | Bearer::User { .. } | Bearer::App { .. } => return Err(stranger()),
    };
    Ok(Actor {
        app,
        account,
        way: Way::FacebookLogin { person, page },
    })
}

impl Actor {
    /// Lets through who may read the account and its media (graph-api 11).
    pub(super) fn reading(&self, world: &World) -> Result<(), GraphError> {
        let lists = self.has(world, "pages_show_list") || self.has(world, "pages_read_engagement");
        let allowed = match &self.way {
            Way::FacebookLogin { .. } => self.has(world, "instagram_basic") && lists,
            Way::InstagramLogin => self.has(world, "instagram_business_basic"),
        };
        allowed.then_some(()).ok_or_else(not_allowed)
    }

    /// Lets through who may publish.
    pub(super) fn publishing(&self, world: &World) -> Result<(), GraphError> {
        let needed: &[&str] = match &self.way {
            Way::FacebookLogin { .. } => &[
                "instagram_basic",
                "instagram_content_publish",
                "pages_read_engagement",
            ],
            Way::InstagramLogin => &[
                "instagram_business_basic",
                "instagram_business_content_publish",
            ],
        };
        let may = match &self.way {
            Way::FacebookLogin { person, page } => world
                .pages
                .get(page)
                .is_some_and(|page| page.may_publish(person)),
            Way::InstagramLogin => true,
        };
        self.all(world, needed)?;
        may.then_some(()).ok_or_else(not_allowed)
    }

    /// Lets through who may write and read comments.
    pub(super) fn commenting(&self, world: &World) -> Result<(), GraphError> {
        let needed: &[&str] = match &self.way {
            Way::FacebookLogin { .. } => &["instagram_basic", "instagram_manage_comments"],
            Way::InstagramLogin => &[
                "instagram_business_basic",
                "instagram_business_manage_comments",
            ],
        };
        self.all(world, needed)
    }

    /// Whether this may delete media: through Facebook Login only (graph-api 6.6).
    pub(super) fn may_delete(&self, world: &World) -> bool {
        match &self.way {
            Way::FacebookLogin { .. } => {
                self.has(world, "instagram_basic") && self.has(world, "instagram_manage_contents")
            }
            Way::InstagramLogin => false,
        }
    }

    fn all(&self, world: &World, scopes: &[&str]) -> Result<(), GraphError> {
        let all = scopes.iter().all(|scope| self.has(world, scope));
        all.then_some(()).ok_or_else(not_allowed)
    }

    fn has(&self, world: &World, scope: &str) -> bool {
        match &self.way {
            Way::FacebookLogin { person, page } => {
                world.granted_for(&self.app, person, scope, page)
            }
            Way::InstagramLogin => world.granted(&self.app, &self.account, scope),
        }
    }
}

fn not_allowed() -> GraphError {
    GraphError::new(10, "Application does not have permission for this action")
}
