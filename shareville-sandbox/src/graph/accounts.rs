//! The Pages of a person: `/me/accounts`, `/me/businesses`, a business's Pages.

use serde_json::{Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::request::Request;
use super::{instagram, page, paging};
use crate::world::{Page, World};

/// `GET /me/accounts`
pub(super) fn list(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    let (app, person) = (app.to_owned(), person.to_owned());
    let has_business = world.granted(&app, &person, "business_management");
    let hides_business = world.switches.accounts_list_omits_business_pages && !has_business;
    let listed = |page: &&Page| {
        page.roles.contains_key(&person)
            && world.granted_for(&app, &person, "pages_show_list", &page.id)
            && !(hides_business && page.business.is_some())
    };
    let ids: Vec<String> = if world.switches.accounts_list_is_empty {
        Vec::new()
    } else {
        world
            .pages
            .values()
            .filter(listed)
            .map(|page| page.id.clone())
            .collect()
    };
    answer(world, request, &person, &ids)
}

/// `GET /me/businesses`
pub(super) fn businesses(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    if !world.granted(app, person, "business_management") {
        return Err(no_business_management());
    }
    let entries = world.businesses.values().filter(|business| {
        let owned = |page: &Page| {
            page.business.as_ref() == Some(&business.id) && page.roles.contains_key(person)
        };
        world.pages.values().any(owned)
    });
    let data: Vec<Value> = entries
        .map(|business| json!({ "id": business.id, "name": business.name }))
        .collect();
    Ok(paging::answer(&data, None))
}

/// `GET /{business}/owned_pages` and `client_pages` (nobody here has clients).
pub(super) fn business_pages(
    world: &mut World,
    request: &Request,
    business: &str,
) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    let person = person.to_owned();
    if !world.granted(app, &person, "business_management") {
        return Err(no_business_management());
    }
    let owned = request
        .path
        .get(1)
        .is_some_and(|edge| edge == "owned_pages");
    let listed = |page: &&Page| {
        owned && page.business.as_deref() == Some(business) && page.roles.contains_key(&person)
    };
    let ids: Vec<String> = world
        .pages
        .values()
        .filter(listed)
        .map(|page| page.id.clone())
        .collect();
    answer(world, request, &person, &ids)
}

fn answer(
    world: &mut World,
    request: &Request,
    person: &str,
    ids: &[String],
) -> Result<Value, GraphError> {
    let (shown, paging) = paging::cut(world, request, ids)?;
    let fields = request.fields();
    let mut data = Vec::new();
    for id in shown {
        let token = page::page_token(world, request, &id);
        if let Some(page) = world.pages.get(&id) {
            let mut item = item(world, page, person, token.as_deref());
            instagram::link(world, request, &id, &mut item);
            data.push(item.pick(fields.as_deref())?);
        }
    }
    Ok(paging::answer(&data, paging))
}

/// A Page in a list: the Page itself, and the person's tasks.
fn item(world: &World, page: &Page, person: &str, token: Option<&str>) -> Node {
    let mut node = page::node(world, page, token);
    node.values
        .insert("tasks".to_owned(), json!(page.roles.get(person)));
    let business = node.values.get("business").cloned().unwrap_or_default();
    node.values.insert("owner_business".to_owned(), business);
    node.default = &[
        "access_token",
        "category",
        "category_list",
        "name",
        "id",
        "tasks",
    ];
    node
}

fn no_business_management() -> GraphError {
    GraphError::new(
        200,
        "(#200) Requires business_management permission to manage the object",
    )
}
