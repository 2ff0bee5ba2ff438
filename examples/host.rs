//! A web application of one's own that mounts Shareville, with its own sign-in.
//!
//! `cargo run --example host`, then: `curl -H 'x-admin: me' http://localhost:4000/share/client-apps`

use std::sync::Arc;

use async_trait::async_trait;
use axum::{Router, http::request::Parts, routing::get};
use shareville::{
    Engine, Keyring, Shareville, Store,
    axum::{PublicShapes, SignIn, SignInError, SignedIn},
    media::{MediaLibrary, MediaOptions, Objects},
    meta::{
        FacebookLogin, FacebookPages, Graph, GraphConfig, InstagramAccounts, InstagramLogin,
        InstagramLoginConfig, LoginConfig, MetaCallbacks,
    },
    outbound::{Addresses, GuardedClient, HttpCourier, HttpFetcher},
    sqlite::{SqliteOptions, SqliteStore},
};
use tokio_util::sync::CancellationToken;

/// Here a host asks its own sessions who is signed in.
#[derive(Debug)]
struct Admins;

#[async_trait]
impl SignIn for Admins {
    async fn owner(&self, request: &Parts) -> Result<Option<SignedIn>, SignInError> {
        let admin = request
            .headers
            .get("x-admin")
            .and_then(|name| name.to_str().ok());
        Ok(admin.map(SignedIn::by_bearer))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::in_memory(SqliteOptions::new()).await?);
    let api_url: url::Url = "http://localhost:4000/share".parse()?;
    let graph = Graph::new(GraphConfig::new())?;
    // Whatever addresses others name are called by this client alone.
    let outbound = GuardedClient::new(Addresses::Public)?;
    let uploads = MediaLibrary::new(
        Arc::clone(&store),
        Objects::in_memory(),
        HttpFetcher::new(outbound.clone()),
        api_url.clone(),
        MediaOptions::new(),
    );
    let shareville = Shareville::builder(store, Keyring::ephemeral(), api_url)
        .publisher(FacebookPages::new(graph.clone()))
        .publisher(InstagramAccounts::new(graph.clone()))
        .connector(FacebookLogin::new(graph.clone(), LoginConfig::new()))
        .connector(InstagramLogin::new(graph, InstagramLoginConfig::new()))
        .media(uploads.clone())
        .uploads(uploads)
        .webhooks(HttpCourier::new(outbound), PublicShapes)
        .callbacks(MetaCallbacks::new())
        .build()?;

    let app = Router::new()
        .route("/", get(|| async { "the host's own pages" }))
        .nest(
            "/share",
            shareville::axum::router(shareville.clone(), Admins),
        );
    tokio::spawn(Engine::new(shareville).run(CancellationToken::new()));
    axum::serve(tokio::net::TcpListener::bind("127.0.0.1:4000").await?, app).await?;
    Ok(())
}
