//! The dialog as a person sees it.

use maud::{Markup, html};
use url::form_urlencoded::{Serializer, parse};

use super::Ask;
use crate::style;
use crate::world::{KNOWN_SCOPES, Person, World};

pub(super) fn dialog(world: &World, ask: &Ask, query: &str) -> Markup {
    let chosen = ask
        .person
        .as_ref()
        .and_then(|id| world.people.get(id))
        .or_else(|| world.people.values().next());
    let Some(person) = chosen else {
        return refusal("There are no people in this sandbox.");
    };
    let app = world
        .apps
        .get(&ask.app)
        .map_or(ask.app.as_str(), |app| app.name.as_str());
    style::page(
        "Log in with the sandbox",
        &html! {
            main.card {
                p.banner { "Emulation. This is not Facebook: no account is touched and nothing leaves this machine." }
                h1 { (app) " asks for access" }
                p { "You are " strong { (person.name) } "." (others(world, person, query)) }
                form method="post" {
                    input type="hidden" name="person" value=(person.id);
                    (pages(world, person))
                    (scopes(world, ask, person))
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

/// Links to answer as somebody else.
fn others(world: &World, person: &Person, query: &str) -> Markup {
    let others: Vec<_> = world
        .people
        .values()
        .filter(|other| other.id != person.id)
        .collect();
    html! {
        @if !others.is_empty() {
            " Be somebody else: "
            @for (place, other) in others.iter().enumerate() {
                @if place > 0 { ", " }
                a href=(as_person(query, &other.id)) { (other.name) }
            }
        }
    }
}

fn as_person(query: &str, person: &str) -> String {
    let mut changed = Serializer::new(String::new());
    changed.extend_pairs(parse(query.as_bytes()).filter(|(name, _)| name != "sandbox_person"));
    changed.append_pair("sandbox_person", person);
    format!("?{}", changed.finish())
}

fn pages(world: &World, person: &Person) -> Markup {
    html! {
        fieldset {
            legend { "Which Pages?" }
            @for page in world.pages.values().filter(|page| page.roles.contains_key(&person.id)) {
                label {
                    input type="checkbox" name="page" value=(page.id) checked;
                    span {
                        (page.name)
                        span.small {
                            " " (page.category)
                            @if !page.may_publish(&person.id) { " · you may not publish here" }
                            @if page.business.is_some() { " · owned by a business" }
                        }
                    }
                }
            }
            label.apart {
                input type="checkbox" name="later_pages" value="1";
                span { "All Pages, and those I get later" }
            }
        }
    }
}

fn scopes(world: &World, ask: &Ask, person: &Person) -> Markup {
    html! {
        fieldset {
            legend { "What may it do?" }
            @for (scope, meaning) in KNOWN_SCOPES.iter().filter(|(scope, _)| ask.scopes.iter().any(|asked| asked == scope)) {
                @let asks = ask.asks(world, &person.id, scope);
                label {
                    @if *scope == "public_profile" {
                        input type="checkbox" checked disabled;
                        input type="hidden" name="scope" value=(scope);
                    } @else {
                        input type="checkbox" name="scope" value=(scope) checked[asks] disabled[!asks];
                    }
                    span {
                        (meaning) " " code { (scope) }
                        @if !asks { span.small { " declined before; asked again only with auth_type=rerequest" } }
                    }
                }
            }
        }
    }
}

/// Where Meta shows an error of its own and does not redirect.
pub(super) fn refusal(reason: &str) -> Markup {
    style::page(
        "Login error",
        &html! {
            main.card {
                p.banner { "Emulation. This is not Facebook." }
                h1 { "This login does not work" }
                p { (reason) }
                p.small { "As on the live platform there is no way back to the app from here." }
            }
        },
        None,
    )
}
