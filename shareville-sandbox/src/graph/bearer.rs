//! Who is calling: the token, its proof, and what it may touch.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::error::GraphError;
use super::request::Request;
use crate::world::{Holder, World};

/// Whoever a valid token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bearer {
    App {
        app: String,
    },
    User {
        app: String,
        person: String,
    },
    Page {
        app: String,
        person: String,
        page: String,
    },
}

/// The holder of the call's token, if it is alive and its proof fits.
pub(crate) fn bearer(world: &mut World, request: &Request) -> Result<Bearer, GraphError> {
    let token = request
        .token
        .as_deref()
        .filter(|token| !token.is_empty())
        .ok_or_else(GraphError::no_token)?;
    let bearer = holder(world, token)?;
    check_proof(world, request, token, bearer.app())?;
    Ok(bearer)
}

fn holder(world: &mut World, token: &str) -> Result<Bearer, GraphError> {
    if let Some((app, secret)) = token.split_once('|') {
        return if world.secret_fits(app, secret) {
            Ok(Bearer::App {
                app: app.to_owned(),
            })
        } else {
            Err(GraphError::new(
                190,
                "Invalid OAuth access token signature.",
            ))
        };
    }
    let found = world
        .tokens
        .get(token)
        .filter(|token| token.holder != Holder::Instagram)
        .ok_or_else(GraphError::bad_token)?;
    if let Some(death) = world.death(found) {
        return Err(GraphError::dead_token(death, &found.app));
    }
    let (app, person) = (found.app.clone(), found.person.clone());
    match &found.holder {
        Holder::User => Ok(Bearer::User { app, person }),
        Holder::Page(page) => Ok(Bearer::Page {
            app,
            person,
            page: page.clone(),
        }),
        // Instagram's tokens are no tokens here.
        Holder::Instagram => Err(GraphError::bad_token()),
    }
}

/// Whether the call's `appsecret_proof` fits, or is not asked for.
pub(super) fn check_proof(
    world: &World,
    request: &Request,
    token: &str,
    app: &str,
) -> Result<(), GraphError> {
    let wrong = |message: &str| Err(GraphError::new(100, message).of_kind("GraphMethodException"));
    let Some(app) = world.apps.get(app) else {
        return Ok(());
    };
    let Some(given) = request.text("appsecret_proof") else {
        // The proof belongs to the Graph API; rupload has no parameters.
        return if app.require_proof && !request.host.takes_files() {
            wrong("API calls from the server require an appsecret_proof argument")
        } else {
            Ok(())
        };
    };
    let message = match request.text("appsecret_time") {
        None => token.to_owned(),
        Some(time) => {
            let fresh = time
                .parse::<i64>()
                .is_ok_and(|time| (world.now().timestamp() - time).abs() <= 300);
            if !fresh {
                return wrong("Invalid appsecret_time provided in the API argument");
            }
            format!("{token}|{time}")
        }
    };
    // An app nobody has told a secret of yet cannot be checked.
    let Some(secret) = &app.secret else {
        return Ok(());
    };
    if bool::from(proof(secret, &message).as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        wrong("Invalid appsecret_proof provided in the API argument")
    }
}

/// Lowercase hex of the HMAC.
fn proof(secret: &str, message: &str) -> String {
    // HMAC takes keys of any length; were that to change, an empty proof would fit nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(message.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Bearer {
    pub(crate) fn app(&self) -> &str {
        match self {
            Self::App { app } | Self::User { app, .. } | Self::Page { app, .. } => app,
        }
    }

    /// The person, if this is a user token.
    pub(crate) fn user(&self) -> Result<(&str, &str), GraphError> {
        match self {
            Self::User { app, person } => Ok((app, person)),
            Self::App { .. } | Self::Page { .. } => Err(GraphError::user_token_needed()),
        }
    }

    /// Lets only this Page's own token through.
    pub(crate) fn as_page(
        &self,
        world: &World,
        method: &str,
        page: &str,
    ) -> Result<(&str, &str), GraphError> {
        if !world.pages.contains_key(page) {
            return Err(GraphError::no_object(method, page));
        }
        match self {
            Self::Page {
                app,
                person,
                page: own,
            } if own == page => Ok((app, person)),
            Self::Page { .. } => Err(GraphError::scope_to_publish()),
            Self::User { .. } | Self::App { .. } => Err(GraphError::page_token_needed()),
        }
    }

    /// Lets the Page's token through if the person granted publishing, and may publish.
    pub(crate) fn publishing(
        &self,
        world: &World,
        method: &str,
        page: &str,
    ) -> Result<String, GraphError> {
        let (app, person) = self.as_page(world, method, page)?;
        let granted = ["pages_manage_posts", "pages_read_engagement"]
            .iter()
            .all(|scope| world.granted_for(app, person, scope, page));
        let may = world
            .pages
            .get(page)
            .is_some_and(|page| page.may_publish(person));
        if granted && may {
            Ok(app.to_owned())
        } else {
            Err(GraphError::scope_to_publish())
        }
    }

    /// Lets the Page's token through if the person granted this permission to read.
    pub(crate) fn reading(
        &self,
        world: &World,
        method: &str,
        page: &str,
        scope: &str,
    ) -> Result<(), GraphError> {
        match self.holds(world, method, page, scope)? {
            true => Ok(()),
            false => Err(GraphError::scope_to_read(scope)),
        }
    }

    /// Lets the Page's token through if the person granted this permission to manage.
    pub(crate) fn managing(
        &self,
        world: &World,
        method: &str,
        page: &str,
        scope: &str,
    ) -> Result<(), GraphError> {
        match self.holds(world, method, page, scope)? {
            true => Ok(()),
            false => Err(GraphError::scope_to_manage(scope)),
        }
    }

    fn holds(
        &self,
        world: &World,
        method: &str,
        page: &str,
        scope: &str,
    ) -> Result<bool, GraphError> {
        let (app, person) = self.as_page(world, method, page)?;
        Ok(world.granted_for(app, person, scope, page))
    }
}

#[cfg(test)]
mod tests {
    use super::proof;

    #[test]
    fn proof_is_metas() {
        assert_eq!(
            proof("foo_secret", "foo_token"),
            "df4256903ba4e23636cc142117aa632133d75c642bd2a68955be1443bd14deb9"
        );
    }
}
