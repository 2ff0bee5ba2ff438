//! `GET /{page}`, and a Page as others list it.

use serde_json::{Value, json};

use super::bearer::{Bearer, bearer};
use super::error::GraphError;
use super::fields::Node;
use super::instagram;
use super::me::{object, picture};
use super::request::Request;
use crate::world::{Page, World};

/// `GET /{page}`
pub(super) fn read(world: &mut World, request: &Request, page: &str) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let found = world
        .pages
        .get(page)
        .cloned()
        .ok_or_else(|| GraphError::no_object("GET", page))?;
    let own_token = match &bearer {
        Bearer::App { .. } => {
            return Err(GraphError::parameter(
                "Page Public Metadata Access requires either app secret proof or an app token",
            ));
        }
        Bearer::Page { page: own, .. } if own == page => request.token.clone(),
        Bearer::Page { .. } => return Err(not_covered()),
        Bearer::User { app, person } => {
            let covered = [
                "pages_show_list",
                "pages_read_engagement",
                "pages_manage_posts",
            ]
            .iter()
            .any(|scope| world.granted_for(app, person, scope, page));
            if !covered || !found.roles.contains_key(person) {
                return Err(not_covered());
            }
            page_token(world, request, page)
        }
    };
    let mut node = node(world, &found, own_token.as_deref());
    if let (Bearer::User { person, .. }, true) = (&bearer, world.switches.page_node_has_tasks) {
        node.values
            .insert("tasks".to_owned(), json!(found.roles.get(person)));
    }
    instagram::link(world, request, page, &mut node);
    node.pick(request.fields().as_deref())
}

/// The Page's token for this caller, made only if it was asked for.
pub(super) fn page_token(world: &mut World, request: &Request, page: &str) -> Option<String> {
    let user_token = request.token.as_deref()?;
    world.page_token(user_token, page)
}

/// All that can be asked of a Page by its id.
pub(super) fn node(world: &World, page: &Page, token: Option<&str>) -> Node {
    let business = page
        .business
        .as_ref()
        .and_then(|id| world.businesses.get(id));
    let category_id = page
        .category
        .bytes()
        .fold(1_000_u32, |sum, byte| sum + u32::from(byte))
        .to_string();
    let values = json!({
        "id": page.id,
        "name": page.name,
        "username": page.username,
        "about": null,
        "category": page.category,
        "category_list": [{ "id": category_id, "name": page.category }],
        "link": format!("{}/www.facebook.com/{}", world.base_url, page.id),
        "picture": picture(world, &page.id),
        "fan_count": 128,
        "followers_count": 128,
        "is_published": true,
        "has_transitioned_to_new_page_experience": true,
        "business": business.map(|business| json!({ "id": business.id, "name": business.name })),
        "instagram_business_account": null,
        "connected_instagram_account": null,
        "access_token": token,
    });
    Node {
        kind: "Page",
        values: object(values),
        default: &["name", "id"],
    }
}

fn not_covered() -> GraphError {
    GraphError::parameter(
        "Object does not exist, cannot be loaded due to missing permission or reviewable feature, or does not support \
         this operation. This endpoint requires the 'pages_read_engagement' permission or the 'Page Public Content \
         Access' feature or the 'Page Public Metadata Access' feature.",
    )
}
