//! The person behind a user token: `/me` and `/me/permissions`.

use serde_json::{Map, Value, json};

use super::bearer::bearer;
use super::error::GraphError;
use super::fields::Node;
use super::request::Request;
use super::success;
use crate::world::World;

/// `GET /me`
pub(super) fn read(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    let found = world
        .people
        .get(person)
        .ok_or_else(|| GraphError::no_object("GET", person))?;
    let email = world
        .granted(app, person, "email")
        .then(|| format!("{}@sandbox.invalid", found.id));
    let first = found.name.split(' ').next().unwrap_or(&found.name);
    let values = json!({
        "id": found.id,
        "name": found.name,
        "first_name": first,
        "email": email,
        "picture": picture(world, &found.id),
    });
    Node {
        kind: "User",
        values: object(values),
        default: &["name", "id"],
    }
    .pick(request.fields().as_deref())
}

/// `GET /me/permissions`
pub(super) fn permissions(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    let mut entries = Vec::new();
    if let Some(grant) = world.grant(app, person) {
        entries.extend(
            grant
                .granted
                .keys()
                .map(|scope| json!({ "permission": scope, "status": "granted" })),
        );
        entries.extend(
            grant
                .declined
                .iter()
                .map(|scope| json!({ "permission": scope, "status": "declined" })),
        );
    }
    Ok(json!({ "data": entries }))
}

/// `DELETE /me/permissions` takes the app off the account, `/me/permissions/{name}` one permission from the app.
pub(super) fn revoke(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    request.only(&["permission"], world.switches.refuse_unknown_parameters)?;
    let bearer = bearer(world, request)?;
    let (app, person) = bearer.user()?;
    let named = request
        .path
        .get(2)
        .cloned()
        .or_else(|| request.text("permission"));
    match named {
        None => world.remove_app(app, person),
        Some(scope) => {
            let grant = world.grants.get_mut(&(app.to_owned(), person.to_owned()));
            match grant.filter(|grant| grant.has(&scope)) {
                Some(grant) => grant.decline(&scope),
                None => {
                    return Err(GraphError::parameter(format_args!(
                        "Permission {scope} is not granted"
                    )));
                }
            }
        }
    }
    Ok(success())
}

/// `{"data":{…}}` as nested pictures are.
pub(super) fn picture(world: &World, id: &str) -> Value {
    let url = format!("{}/_sandbox/pictures/{id}", world.base_url);
    json!({ "data": { "url": url, "height": 50, "width": 50, "is_silhouette": false } })
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
