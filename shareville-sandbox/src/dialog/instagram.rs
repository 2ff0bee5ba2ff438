//! Instagram's login dialog (graph-api 4.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use url::Url;
use url::form_urlencoded::parse;

use super::view;
use crate::approve::Consent;
use crate::serve::Shared;
use crate::style;
use crate::world::{AppKind, INSTAGRAM_SCOPES, InstagramAccount, SignIn, Targets, World};

/// The permission that cannot be unticked.
const BASIC: &str = "instagram_business_basic";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/www.instagram.com/oauth/authorize", get(show).post(submit))
}

/// What an app asks for in Instagram's dialog.
#[derive(Debug)]
struct Ask {
    app: String,
    redirect_uri: Url,
    /// The same as it was written: the exchange must repeat it to the letter.
    redirect_text: String,
    state: Option<String>,
    scopes: Vec<String>,
}

impl Ask {
    /// Reads the dialog's query; the error is what the page says instead.
    fn read(world: &mut World, query: &str) -> Result<Self, String> {
        let value = |wanted: &str| {
            let found = parse(query.as_bytes()).find(|(name, _)| name == wanted);
            found
                .map(|(_, value)| value.into_owned())
                .filter(|value| !value.is_empty())
        };
        let app = value("client_id").ok_or("Invalid Request: Missing client_id parameter")?;
        let redirect =
            value("redirect_uri").ok_or("Invalid Request: Missing redirect_uri parameter")?;
        let redirect_uri = Url::parse(&redirect)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("Invalid Request: Invalid redirect_uri")?;
        let known = world
            .meet_app_of(AppKind::Instagram, &app)
            .ok_or("Invalid Request: Request parameters are invalid: Invalid platform app")?;
        if !known.redirects.is_empty() && !known.redirects.contains(&redirect) {
            return Err(
                "Invalid Request: Request parameters are invalid: Redirect URI does not match registered redirect URI"
                    .to_owned(),
            );
        }
        if value("response_type").as_deref() != Some("code") {
            return Err("Invalid Request: response_type must be code".to_owned());
        }
        let asked = value("scope").unwrap_or_default();
        let mut scopes: Vec<String> = Vec::new();
        for scope in asked.split([',', ' ']).filter(|scope| !scope.is_empty()) {
            if !INSTAGRAM_SCOPES.iter().any(|(known, _)| *known == scope) {
                return Err(format!("Invalid Request: Invalid scope field(s): {scope}"));
            }
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        if !scopes.iter().any(|scope| scope == BASIC) {
            return Err(format!("Invalid Request: {BASIC} must be asked for"));
        }
        Ok(Self {
            app,
            redirect_uri,
            redirect_text: redirect,
            state: value("state"),
            scopes,
        })
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
        // Instagram's own mark; browsers keep it to themselves.
        url.set_fragment(Some("_"));
        url
    }
}

/// Reads the dialog's query, carries out what was answered, and tells where the browser goes.
pub(crate) fn approve(world: &mut World, query: &str, consent: &Consent) -> Result<Url, String> {
    let ask = Ask::read(world, query)?;
    answer(world, &ask, consent)
}

fn answer(world: &mut World, ask: &Ask, consent: &Consent) -> Result<Url, String> {
    if consent.cancel {
        return Ok(ask.back(&[
            ("error", "access_denied"),
            ("error_reason", "user_denied"),
            ("error_description", "The user denied your request"),
        ]));
    }
    let who = match (&consent.account, &consent.person) {
        (Some(account), _) => SignIn::Account(account),
        (None, Some(person)) => SignIn::Person(person),
        (None, None) => SignIn::Anybody,
    };
    let account = world
        .signing_in(who)
        .ok_or("Nobody in this sandbox signs in so.")?
        .id
        .clone();
    let grant = world
        .grants
        .entry((ask.app.clone(), account.clone()))
        .or_default();
    for scope in &ask.scopes {
        if consent.declined.contains(scope) && scope != BASIC {
            grant.decline(scope);
        } else {
            grant.allow(scope, &Targets::All, true);
        }
    }
    let code = world.issue_instagram_code(&ask.app, &account, &ask.redirect_text);
    Ok(ask.back(&[("code", &code)]))
}

async fn show(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Response {
    let mut world = shared.world();
    match Ask::read(&mut world, &query.unwrap_or_default()) {
        Ok(ask) => dialog(&world, &ask).into_response(),
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

/// The form: `account`, `scope` (several, the ticked ones), `decision`.
fn from_form(ask: &Ask, body: &str) -> Consent {
    let values = |wanted: &str| -> BTreeSet<String> {
        let found = parse(body.as_bytes()).filter(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).collect()
    };
    let ticked = values("scope");
    let unticked = ask.scopes.iter().filter(|scope| !ticked.contains(*scope));
    let mut consent = Consent::all().without(unticked.cloned());
    consent.account = values("account").into_iter().next();
    consent.cancel = !values("decision").contains("continue");
    consent
}

fn dialog(world: &World, ask: &Ask) -> Markup {
    let Some(first) = world.signing_in(SignIn::Anybody) else {
        return view::refusal("There are no Instagram accounts in this sandbox.");
    };
    let app = world
        .apps
        .get(&ask.app)
        .map_or(ask.app.as_str(), |app| app.name.as_str());
    style::page(
        "Log in with the sandbox",
        &html! {
            main.card {
                p.banner { "Emulation. This is not Instagram: no account is touched and nothing leaves this machine." }
                h1 { (app) " asks for access" }
                form method="post" {
                    fieldset {
                        legend { "Which account are you?" }
                        @for account in world.instagram.accounts.values() { (choice(account, first)) }
                    }
                    (scopes(ask))
                    div.buttons {
                        button.main type="submit" name="decision" value="continue" { "Continue" }
                        button type="submit" name="decision" value="cancel" { "Cancel" }
                    }
                }
                p.small { "You will be sent to " code { (ask.redirect_uri.origin().ascii_serialization()) (ask.redirect_uri.path()) } }
            }
        },
        None,
    )
}

fn choice(account: &InstagramAccount, first: &InstagramAccount) -> Markup {
    html! {
        label {
            input type="radio" name="account" value=(account.id) checked[account.id == first.id];
            span {
                "@" (account.username)
                span.small { " " (account.name) @if account.page.is_some() { " · linked to a Page" } }
            }
        }
    }
}

fn scopes(ask: &Ask) -> Markup {
    let asked = |scope: &str| ask.scopes.iter().any(|asked| asked == scope);
    html! {
        fieldset {
            legend { "What may it do?" }
            @for (scope, meaning) in INSTAGRAM_SCOPES.iter().filter(|(scope, _)| asked(scope)) {
                label {
                    @if *scope == BASIC {
                        input type="checkbox" checked disabled;
                        input type="hidden" name="scope" value=(scope);
                    } @else {
                        input type="checkbox" name="scope" value=(scope) checked;
                    }
                    span { (meaning) " " code { (scope) } }
                }
            }
        }
    }
}
