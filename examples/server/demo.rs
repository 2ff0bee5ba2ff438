//! A website to click through: what a tenant of one's own would have, in one page.
//!
//! Its back end (this file) holds the API key and makes user tokens for whoever is signed in there; its page (below)
//! does the rest from the browser with such a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shareville::{
    NewApiKey, OwnerId, PageRequest, Patch, Shareville, Tenant, TenantInput, UserId, axum::Problem,
};
use url::Url;

/// What the demo's back end knows.
#[derive(Debug, Clone)]
pub(crate) struct Demo {
    shareville: Shareville,
    api_key: Arc<SecretString>,
    page: Arc<str>,
}

const NAME: &str = "Pixel Pond (demo)";
const VISITOR: &str = "visitor-1";

impl Demo {
    /// Sets up the demo's website as a tenant, once, and an API key for this run of the server.
    pub(crate) async fn open(
        shareville: Shareville,
        owner: &OwnerId,
        public_url: &Url,
        sandbox: &str,
    ) -> Result<Self, shareville::Error> {
        let tenancy = shareville.tenancy(owner);
        let known = tenancy.list(PageRequest::first(100)).await?;
        let known: Option<Tenant> = known.items.into_iter().find(|tenant| tenant.name == NAME);
        let input = TenantInput {
            name: Some(NAME.to_owned()),
            allowed_origins: Some(vec![public_url.origin().ascii_serialization()]),
            redirect_uris: Some(vec![public_url.to_string()]),
            facebook_app_id: Patch::Set("100000000000001".to_owned()),
            facebook_app_secret: Patch::Set("sandbox-demo-secret".into()),
            instagram_app_id: Patch::Set("100000000000009".to_owned()),
            instagram_app_secret: Patch::Set("sandbox-instagram-secret".into()),
            ..TenantInput::default()
        };
        let saved = match known {
            Some(tenant) => tenancy.update(tenant.id, input).await?,
            None => tenancy.create(input).await?,
        };
        let tenant = saved.tenant;
        // The last run's key is of no use any more: nobody has its text.
        for key in tenancy
            .api_keys(tenant.id, PageRequest::first(100))
            .await?
            .items
        {
            tenancy.revoke_api_key(tenant.id, key.id).await?;
        }
        let (_, api_key) = tenancy
            .create_api_key(tenant.id, NewApiKey::default())
            .await?;
        let page = include_str!("page.html")
            .replace("{{sandbox}}", sandbox)
            .replace("{{redirectUri}}", public_url.as_str());
        Ok(Self {
            shareville,
            api_key: Arc::new(api_key),
            page: page.into(),
        })
    }

    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/", get(page))
            .route("/demo/token", post(token))
            .with_state(self)
    }
}

async fn page(State(demo): State<Demo>) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(demo.page.to_string())).into_response()
}

/// What a website's own back end does for a visitor who is signed in there.
async fn token(State(demo): State<Demo>) -> Result<Response, Problem> {
    let caller = demo
        .shareville
        .authenticate(demo.api_key.expose_secret())
        .await?;
    let minted = demo
        .shareville
        .mint_user_token(&caller, UserId::new(VISITOR), None)
        .await?;
    let (token, text) = minted;
    let body = json!({
        "token": text.expose_secret(),
        "userId": token.user,
        "expiresAt": token.expires_at,
    });
    Ok((
        StatusCode::CREATED,
        [(header::CACHE_CONTROL, "no-store")],
        Json(body),
    )
        .into_response())
}
