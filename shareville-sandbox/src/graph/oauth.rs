//! Tokens: code exchange, long-lived exchange, `debug_token`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bearer::{Bearer, bearer};
use super::error::GraphError;
use super::request::Request;
use crate::world::{Grant, Holder, Targets, Token, World};

/// `GET|POST /oauth/access_token` with a code.
pub(super) fn exchange_code(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let known = [
        "client_id",
        "client_secret",
        "redirect_uri",
        "code",
        "grant_type",
        "code_verifier",
    ];
    request.only(&known, world.switches.refuse_unknown_parameters)?;
    let app = client(world, request)?;
    let redirect_uri = request.required("redirect_uri")?;
    let code = request.required("code")?;
    let now = world.now();
    let refused = |subcode, message: &str| Err(GraphError::new(100, message).sub(subcode));
    let Some(entry) = world.codes.get_mut(&code).filter(|entry| entry.app == app) else {
        return Err(GraphError::new(100, "Invalid verification code format."));
    };
    if entry.used {
        return refused(36_009, "This authorization code has been used.");
    }
    if entry.expires <= now {
        return refused(36_007, "This authorization code has expired.");
    }
    if entry.redirect_uri != redirect_uri {
        return refused(
            36_008,
            "Error validating verification code. Please make sure your redirect_uri is identical to the one you used \
             in the OAuth dialog request",
        );
    }
    entry.used = true;
    let person = entry.person.clone();
    let long = world.switches.code_exchange_is_long_lived;
    let token = world.issue_user_token(&app, &person, long);
    Ok(token_answer(world, &token))
}

/// `GET|POST /oauth/access_token?grant_type=fb_exchange_token`
pub(super) fn exchange_long(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    let known = [
        "client_id",
        "client_secret",
        "grant_type",
        "fb_exchange_token",
    ];
    request.only(&known, world.switches.refuse_unknown_parameters)?;
    let app = client(world, request)?;
    let short = request.required("fb_exchange_token")?;
    let token = world
        .tokens
        .get(&short)
        .filter(|token| token.holder != Holder::Instagram)
        .ok_or_else(GraphError::bad_token)?;
    if let Some(death) = world.death(token) {
        return Err(GraphError::dead_token(death, &app));
    }
    if token.app != app {
        return Err(GraphError::new(
            1,
            "The access token does not belong to application",
        ));
    }
    if token.holder != Holder::User {
        return Err(GraphError::new(
            190,
            "The access token is not a user access token",
        ));
    }
    let person = token.person.clone();
    let long = world.issue_user_token(&app, &person, true);
    Ok(token_answer(world, &long))
}

/// The app of a token call, its secret checked.
fn client(world: &mut World, request: &Request) -> Result<String, GraphError> {
    let app = request.text("client_id").filter(|id| !id.is_empty());
    let app = app.ok_or_else(|| GraphError::new(101, "Missing client_id parameter."))?;
    let secret = request.text("client_secret").unwrap_or_default();
    if world.meet_app(&app).is_none() {
        return Err(GraphError::new(
            101,
            "Error validating application. Cannot get application info due to a system error.",
        ));
    }
    if secret.is_empty() {
        return Err(GraphError::new(1, "Missing client_secret parameter."));
    }
    if world.secret_fits(&app, &secret) {
        Ok(app)
    } else {
        Err(GraphError::new(1, "Error validating client secret."))
    }
}

fn token_answer(world: &World, text: &str) -> Value {
    let mut answer = json!({ "access_token": text, "token_type": "bearer" });
    if let Some(Token {
        expires: Some(end),
        issued,
        ..
    }) = world.tokens.get(text)
    {
        answer["expires_in"] = (*end - *issued).num_seconds().into();
    }
    answer
}

/// `GET /debug_token`: an invalid token is no error but a finding.
pub(super) fn debug_token(world: &mut World, request: &Request) -> Result<Value, GraphError> {
    request.only(&["input_token"], world.switches.refuse_unknown_parameters)?;
    let viewer = bearer(world, request)?;
    let input = request.required("input_token")?;
    if matches!(viewer, Bearer::Page { .. }) {
        return Err(GraphError::parameter(
            "You must provide an app access token, or a user access token that is an owner or developer of the app",
        ));
    }
    let known = world.tokens.get(&input);
    let Some(token) = known.filter(|token| token.holder != Holder::Instagram) else {
        return Ok(json!({ "data": {
            "error": { "code": 190, "message": "Invalid OAuth access token - Cannot parse access token" },
            "is_valid": false,
            "scopes": [],
        } }));
    };
    if token.app != viewer.app() {
        return Err(GraphError::parameter(
            "The App_id in the input_token did not match the Viewing App",
        ));
    }
    Ok(json!({ "data": finding(world, token) }))
}

fn finding(world: &World, token: &Token) -> Value {
    let death = world.death(token);
    let data_access = token.issued + chrono::TimeDelta::days(90);
    let mut data = json!({
        "app_id": token.app,
        "type": match token.holder { Holder::User => "USER", Holder::Page(_) => "PAGE", Holder::Instagram => "IG_USER" },
        "application": world.apps.get(&token.app).map(|app| app.name.as_str()),
        "data_access_expires_at": data_access.timestamp(),
        "expires_at": token.expires.map_or(0, |end| end.timestamp()),
        "is_valid": death.is_none(),
        "issued_at": token.issued.timestamp(),
        "scopes": [],
        "granular_scopes": [],
        "user_id": token.person,
    });
    if let Holder::Page(page) = &token.holder {
        data["profile_id"] = page.as_str().into();
    }
    if let Some(grant) = world.grant(&token.app, &token.person) {
        data["scopes"] = grant.granted.keys().map(String::as_str).collect();
        data["granular_scopes"] = granular(world, grant);
    }
    if let Some(death) = death {
        let error = GraphError::dead_token(death, &token.app);
        data["error"] =
            json!({ "code": error.code, "message": error.message, "subcode": error.subcode });
    }
    data
}

/// Scopes with their Pages, or the Instagram accounts of these; no `target_ids` means all of them.
fn granular(world: &World, grant: &Grant) -> Value {
    let ids = |scope: &str, pages: &BTreeSet<String>| -> Value {
        if scope.starts_with("instagram_") {
            let accounts = pages.iter().filter_map(|page| world.instagram_of(page));
            accounts.map(|account| account.id.as_str()).collect()
        } else {
            json!(pages)
        }
    };
    let entries = grant
        .granted
        .iter()
        .filter_map(|(scope, targets)| match targets {
            Some(Targets::Only(pages)) => {
                Some(json!({ "scope": scope, "target_ids": ids(scope, pages) }))
            }
            Some(Targets::All) => Some(json!({ "scope": scope })),
            None if scope == "business_management" => Some(json!({ "scope": scope })),
            None => None,
        });
    entries.collect()
}
