//! What a credential is and may do.

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use shareville_core::CallerKind;

use crate::{Api, credential::AnyAuth, dto::Time, problem::Problem, query::Query, sign_in::By};

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/me", get(me))
}

async fn me(auth: AnyAuth, query: Query) -> Result<Json<Value>, Problem> {
    query.none()?;
    let auth = match auth {
        AnyAuth::Caller(auth) => auth,
        AnyAuth::Owner(signed_in) => {
            return Ok(Json(json!({
                "kind": "owner",
                "ownerId": signed_in.owner,
                "by": match signed_in.by {
                    By::Bearer => "bearer",
                    By::Cookie => "cookie",
                },
            })));
        }
    };
    let tenant = auth.caller.tenant();
    let mut shown = json!({
        "clientAppId": tenant.id,
        "clientAppName": tenant.name,
        "scopes": auth.caller.scopes(),
    });
    let own = match auth.caller.kind() {
        CallerKind::ApiKey(key) => json!({
            "kind": "apiKey",
            "apiKeyId": key.id,
            "name": key.name,
            "createdAt": Time(key.created_at),
            "expiresAt": key.expires_at.map(Time),
        }),
        CallerKind::User(token) => json!({
            "kind": "userToken",
            "userId": token.user,
            "apiKeyId": token.key,
            "expiresAt": Time(token.expires_at),
        }),
        _ => json!({"kind": "host"}),
    };
    if let (Some(shown), Value::Object(own)) = (shown.as_object_mut(), own) {
        shown.extend(own);
    }
    Ok(Json(shown))
}
