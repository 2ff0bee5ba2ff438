//! The login dialogs, Facebook's and Instagram's: what is asked, what the person answers, where it leads.

pub(crate) mod instagram;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use url::Url;
use url::form_urlencoded::parse;

use crate::approve::{Consent, PageChoice};
use crate::serve::Shared;
use crate::world::{KNOWN_SCOPES, Targets, World};

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let dialog = get(show).post(submit);
    Router::new()
        .route("/www.facebook.com/dialog/oauth", dialog.clone())
        .route("/www.facebook.com/{first}/dialog/oauth", dialog)
        .merge(instagram::routes())
}

/// What an app asks for in the dialog.
#[derive(Debug)]
pub(crate) struct Ask {
    app: String,
    redirect_uri: Url,
    /// The same as it was written: the exchange must repeat it to the letter.
    redirect_text: String,
    state: Option<String>,
    scopes: Vec<String>,
    /// Permissions declined earlier are asked again.
    again: bool,
    /// Who was chosen on the page.
    person: Option<String>,
}

impl Ask {
    /// Reads the dialog's query; the error is what the page says instead.
    pub(crate) fn read(world: &mut World, query: &str) -> Result<Self, String> {
        let value = |wanted: &str| {
            let found = parse(query.as_bytes()).find(|(name, _)| name == wanted);
            found
                .map(|(_, value)| value.into_owned())
                .filter(|value| !value.is_empty())
        };
        let app = value("client_id").ok_or("The parameter client_id is required.")?;
        let redirect = value("redirect_uri").ok_or("The parameter redirect_uri is required.")?;
        let redirect_uri = Url::parse(&redirect)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("The redirect_uri URL must be absolute.")?;
        let known = world
            .meet_app(&app)
            .ok_or("Invalid App ID: the provided app ID does not look like a valid app ID.")?;
        if !known.redirects.is_empty() && !known.redirects.contains(&redirect) {
            return Err("URL blocked: this redirect failed because the redirect URI is not whitelisted in the app's \
                        client OAuth settings. (code 191)"
                .to_owned());
        }
        if value("response_type").is_some_and(|kind| kind != "code") {
            return Err("This sandbox emulates response_type=code only.".to_owned());
        }
        let asked = value("scope").unwrap_or_default();
        let mut scopes = vec!["public_profile".to_owned()];
        for scope in asked.split([',', ' ']).filter(|scope| !scope.is_empty()) {
            if !KNOWN_SCOPES.iter().any(|(known, _)| *known == scope) {
                return Err(format!(
                    "Invalid Scopes: {scope}. This message is only shown to developers."
                ));
            }
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        let again =
            value("auth_type").is_some_and(|kind| kind.split(',').any(|kind| kind == "rerequest"));
        Ok(Self {
            app,
            redirect_uri,
            redirect_text: redirect,
            state: value("state"),
            scopes,
            again,
            person: value("sandbox_person"),
        })
    }

    /// Whether the dialog asks for this permission: once declined, only `auth_type=rerequest` asks again.
    fn asks(&self, world: &World, person: &str, scope: &str) -> bool {
        self.again
            || !world
                .grant(&self.app, person)
                .is_some_and(|grant| grant.declined.contains(scope))
    }

    fn back(&self, pairs: &[(&str, &str)]) -> Url {
        let mut url = self.redirect_uri.clone();
        {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(pairs);
            if let Some(state) = &self.state {
                query.append_pair("state", state);
            }
        }
        // Meta's own mark; browsers keep it to themselves.
        url.set_fragment(Some("_=_"));
        url
    }
}

/// Carries out what the person answered, and tells where the browser goes.
pub(crate) fn answer(world: &mut World, ask: &Ask, consent: &Consent) -> Result<Url, String> {
    if consent.cancel {
        return Ok(ask.back(&[
            ("error", "access_denied"),
            ("error_code", "200"),
            ("error_description", "Permissions error"),
            ("error_reason", "user_denied"),
        ]));
    }
    let person = match &consent.person {
        Some(person) => world
            .people
            .get(person)
            .ok_or_else(|| format!("There is no person {person}."))?,
        None => world
            .people
            .values()
            .next()
            .ok_or("There are no people in this sandbox.")?,
    };
    let person = person.id.clone();
    let targets = targets(world, &person, &consent.pages)?;
    let accumulate = world.switches.page_grants_accumulate;
    let asked: Vec<_> = ask
        .scopes
        .iter()
        .filter(|scope| ask.asks(world, &person, scope))
        .collect();
    let grant = world
        .grants
        .entry((ask.app.clone(), person.clone()))
        .or_default();
    for scope in asked {
        // The public profile cannot be unticked.
        if consent.declined.contains(scope) && scope != "public_profile" {
            grant.decline(scope);
        } else {
            grant.allow(scope, &targets, accumulate);
        }
    }
    let code = world.issue_code(&ask.app, &person, &ask.redirect_text);
    Ok(ask.back(&[("code", &code)]))
}

fn targets(world: &World, person: &str, choice: &PageChoice) -> Result<Targets, String> {
    let managed: BTreeSet<String> = world
        .pages
        .values()
        .filter(|page| page.roles.contains_key(person))
        .map(|page| page.id.clone())
        .collect();
    match choice {
        PageChoice::AllAndLater => Ok(Targets::All),
        PageChoice::All => Ok(Targets::Only(managed)),
        PageChoice::Only(pages) => match pages.iter().find(|page| !managed.contains(*page)) {
            Some(stranger) => Err(format!("This person has no role on a Page {stranger}.")),
            None => Ok(Targets::Only(pages.clone())),
        },
    }
}

async fn show(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let mut world = shared.world();
    match Ask::read(&mut world, &query) {
        Ok(ask) => view::dialog(&world, &ask, &query).into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, view::refusal(&reason)).into_response(),
    }
}

/// The form goes to the dialog's own address, so what was asked is still in the query.
async fn submit(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
    body: String,
) -> Response {
    let mut world = shared.world();
    let url = Ask::read(&mut world, &query.unwrap_or_default()).and_then(|ask| {
        let consent = from_form(&ask, &body);
        answer(&mut world, &ask, &consent)
    });
    match url {
        Ok(url) => (StatusCode::FOUND, [(header::LOCATION, String::from(url))]).into_response(),
        Err(reason) => (StatusCode::BAD_REQUEST, view::refusal(&reason)).into_response(),
    }
}

/// The form: `person`, `page` (several), `later_pages`, `scope` (several, the ticked ones), `decision`.
fn from_form(ask: &Ask, body: &str) -> Consent {
    let values = |wanted: &str| -> BTreeSet<String> {
        let found = parse(body.as_bytes()).filter(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).collect()
    };
    let ticked = values("scope");
    let pages = if values("later_pages").is_empty() {
        PageChoice::Only(values("page"))
    } else {
        PageChoice::AllAndLater
    };
    Consent {
        person: values("person").into_iter().next(),
        pages,
        declined: ask
            .scopes
            .iter()
            .filter(|scope| !ticked.contains(*scope))
            .cloned()
            .collect(),
        cancel: !values("decision").contains("continue"),
        ..Consent::default()
    }
}
