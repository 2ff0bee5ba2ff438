//! Instagram Login's tokens: code exchange, long-lived exchange, refresh (graph-api 4.2, 4.3).

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::error::GraphError;
use super::super::request::Request;
use super::actor::instagram_token;
use super::required;
use crate::world::{AppKind, World};

const CODE_PARAMETERS: [&str; 5] = [
    "client_id",
    "client_secret",
    "grant_type",
    "redirect_uri",
    "code",
];
/// The youngest token that can be refreshed.
const REFRESH_AGE: TimeDelta = TimeDelta::hours(24);

/// `POST api.instagram.com/oauth/access_token`
pub(super) fn exchange_code(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let refused = |message: &str| GraphError::new(400, message).flat();
    if request.method.as_str() != "POST" {
        return Err(refused("Unsupported request"));
    }
    request
        .only(&CODE_PARAMETERS, world.switches.refuse_unknown_parameters)
        .map_err(GraphError::flat)?;
    let value = |name: &str| {
        request
            .text(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| refused(&format!("Missing required field {name}")))
    };
    let (app, secret) = (value("client_id")?, value("client_secret")?);
    let (redirect_uri, code) = (value("redirect_uri")?, value("code")?);
    if value("grant_type")? != "authorization_code" {
        return Err(refused("Invalid grant_type"));
    }
    if world.meet_app_of(AppKind::Instagram, &app).is_none() {
        return Err(refused("Invalid platform app"));
    }
    // The code's own mark, left on.
    if code.ends_with("#_") {
        return Err(refused("Invalid authorization code"));
    }
    let now = world.now();
    let secret_fits = world.secret_fits_of(AppKind::Instagram, &app, &secret);
    let entry = world
        .codes
        .get_mut(&code)
        .filter(|entry| entry.app == app && !entry.used && entry.expires > now)
        .ok_or_else(|| refused("Matching code was not found or was already used"))?;
    // A wrong secret is told in the same words.
    if entry.redirect_uri != redirect_uri || !secret_fits {
        return Err(refused(
            "Error validating verification code. Please make sure your redirect_uri is identical to the one you used \
             in the OAuth dialog request",
        ));
    }
    entry.used = true;
    let account = entry.person.clone();
    let token = world.issue_instagram_token(&app, &account, false);
    let scoped = World::app_scoped(&app, &account);
    let permissions = permissions(world, &app, &account);
    if world.switches.instagram_code_answer_is_wrapped {
        return Ok(json!({ "data": [
            { "access_token": token, "user_id": scoped, "permissions": permissions.join(",") },
        ] }));
    }
    Ok(json!({
        "access_token": token,
        // A number that no floating point holds.
        "user_id": scoped.parse::<u64>().unwrap_or_default(),
        "permissions": permissions,
    }))
}

/// `GET graph.instagram.com/access_token`
pub(super) fn exchange_long(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let known = ["grant_type", "client_secret"];
    request.only(&known, world.switches.refuse_unknown_parameters)?;
    grant_type(request, "ig_exchange_token")?;
    let secret = required(request, "client_secret")?;
    let (app, account) = instagram_token(world, request)?;
    if !world.secret_fits_of(AppKind::Instagram, &app, &secret) {
        return Err(GraphError::new(1, "Error validating client secret."));
    }
    if is_long(world, request) {
        return Err(GraphError::new(
            100,
            "The access token is not a short-lived token",
        ));
    }
    let long = world.issue_instagram_token(&app, &account, true);
    Ok(answer(world, &long))
}

/// `GET graph.instagram.com/refresh_access_token`
pub(super) fn refresh(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    request.only(&["grant_type"], world.switches.refuse_unknown_parameters)?;
    grant_type(request, "ig_refresh_token")?;
    let (app, account) = instagram_token(world, request)?;
    if !world.granted(&app, &account, "instagram_business_basic") {
        return Err(GraphError::new(
            10,
            "Application does not have permission for this action",
        ));
    }
    let issued = request
        .token
        .as_deref()
        .and_then(|token| world.tokens.get(token))
        .map(|token| token.issued);
    let ripe = issued.is_some_and(|issued| issued + REFRESH_AGE <= world.now());
    if !is_long(world, request) || !ripe {
        return Err(GraphError::new(
            100,
            "Only long-lived access tokens that are at least 24 hours old can be refreshed",
        ));
    }
    let fresh = world.issue_instagram_token(&app, &account, true);
    let mut answer = answer(world, &fresh);
    answer["permissions"] = permissions(world, &app, &account).join(",").into();
    Ok(answer)
}

fn grant_type(request: &Request, wanted: &str) -> Result<(), GraphError> {
    if required(request, "grant_type")? == wanted {
        Ok(())
    } else {
        Err(GraphError::new(100, "Invalid grant_type"))
    }
}

fn is_long(world: &World, request: &Request) -> bool {
    let token = request
        .token
        .as_deref()
        .and_then(|token| world.tokens.get(token));
    token.is_some_and(|token| token.long)
}

fn permissions(world: &World, app: &str, account: &str) -> Vec<String> {
    world
        .grant(app, account)
        .map(|grant| grant.granted.keys().cloned().collect())
        .unwrap_or_default()
}

fn answer(world: &World, token: &str) -> Value {
    let life = world
        .tokens
        .get(token)
        .and_then(|token| Some((token.expires? - token.issued).num_seconds()));
    json!({ "access_token": token, "token_type": "bearer", "expires_in": life })
}
