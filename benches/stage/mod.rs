//! What the benches stand on: websites whose end user has Pages, put into a store without a login, and a Graph API that
//! answers at once.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)] // each bench takes what it needs

use std::sync::Arc;

use axum::{Json, Router, extract::Path, routing::post};
use secrecy::SecretString;
use serde_json::{Value, json};
use shareville::{
    Caller, Content, Keyring, NewApiKey, OwnerId, Patch, PostInput, Provider, Shareville, Store,
    TenantInput,
    core::{
        clock::Timestamp,
        connection::{Account, Connection},
        id::AccountId,
        post::{Command, Draft, Moment, Pace, apply, draft},
        store::{ConnectionChange, NewPost},
        testing::store::new_connection,
    },
    meta::{Endpoint, FacebookPages, Graph, GraphConfig},
    postgres::{PostgresOptions, PostgresStore},
    sqlite::{SqliteOptions, SqliteStore},
};
use tempfile::TempDir;
use uuid::Uuid;

/// A caption of ordinary length.
pub const CAPTION: &str = "a caption of ordinary length, a caption of ordinary length, \
                           a caption of ordinary length, a caption of ordinary length, ";

/// A website with an API key, and Pages of one end user.
#[derive(Debug)]
pub struct Website {
    pub caller: Caller,
    pub key: SecretString,
    pub accounts: Vec<Account>,
}

/// Shareville over a store, with Meta at `meta`.
pub fn shareville(store: Arc<dyn Store>, keyring: &Keyring, meta: &str) -> Shareville {
    let endpoint = Endpoint::at(meta.parse().unwrap()).unwrap();
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint)).unwrap();
    let api_url = "http://localhost/api".parse().unwrap();
    Shareville::builder(store, keyring.clone(), api_url)
        .publisher(FacebookPages::new(graph))
        .build()
        .unwrap()
}

/// Makes the website of a number, with so many Pages. Its owner has no other, so that another bench may have made one of
/// this number, and thus of this app, in the same database.
pub async fn website(
    shareville: &Shareville,
    keyring: &Keyring,
    number: usize,
    pages: usize,
) -> Website {
    let owner = OwnerId::new(Uuid::now_v7().to_string());
    let input = TenantInput {
        name: Some(format!("Website {number}")),
        facebook_app_id: Patch::Set(format!("{}", 400_000_000_000_000 + number)),
        facebook_app_secret: Patch::Set("an app secret".into()),
        ..TenantInput::default()
    };
    let tenancy = shareville.tenancy(&owner);
    let tenant = tenancy.create(input).await.unwrap().tenant;
    let (_, key) = tenancy
        .create_api_key(tenant.id, NewApiKey::default())
        .await
        .unwrap();
    let person = format!("{number}");
    let mut connection = new_connection(&tenant, "ada", &person);
    let token = SecretString::from(format!("user-token-{number}"));
    connection.token = keyring.seal(Connection::token_place(tenant.id, connection.id), &token);
    let accounts: Vec<_> = (0..pages)
        .map(|page| account(&connection, keyring, number * pages + page))
        .collect();
    let change = ConnectionChange {
        connection,
        revision: None,
        accounts: accounts.clone(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    };
    shareville
        .store()
        .save_connection(&change)
        .await
        .unwrap()
        .unwrap();
    let caller = shareville.on_behalf_of(tenant.id).await.unwrap();
    Website {
        caller,
        key,
        accounts,
    }
}

fn account(connection: &Connection, keyring: &Keyring, number: usize) -> Account {
    let id = AccountId::generate();
    let token = SecretString::from(format!("page-token-{number}"));
    Account {
        id,
        tenant: connection.tenant,
        connection: connection.id,
        user: connection.user.clone(),
        provider: Provider::facebook(),
        platform_id: format!("{}", 100_000_000_000_000 + number),
        name: format!("Page {number}"),
        username: None,
        category: None,
        picture: None,
        can_publish: true,
        problems: Vec::new(),
        token: Some(keyring.seal(Account::token_place(connection.tenant, id), &token)),
        created_at: connection.created_at,
        updated_at: connection.created_at,
    }
}

/// What a caller says to make a post.
pub fn input(account: &Account, scheduled_at: Option<Timestamp>) -> PostInput {
    PostInput {
        account: account.id.to_string(),
        content: Content::text(CAPTION),
        scheduled_at,
        ..PostInput::default()
    }
}

/// A post that goes out at a time, not stored yet.
pub fn scheduled(account: &Account, now: Timestamp, at: Timestamp) -> NewPost {
    let moment = Moment {
        now,
        actor: shareville::Actor::Host,
        pace: Pace::default(),
    };
    let wanted = Draft {
        account,
        group: None,
        content: Content::text(CAPTION),
        metadata: serde_json::Map::new(),
        give_up_after: std::time::Duration::from_secs(86_400),
    };
    let (draft, created) = draft(wanted, &moment);
    let schedule = Command::Schedule {
        at,
        timezone: None,
        lead: std::time::Duration::ZERO,
    };
    let change = apply(&draft, schedule, &moment).unwrap();
    NewPost {
        post: change.next.unwrap(),
        events: std::iter::once(created).chain(change.events).collect(),
    }
}

/// Starts a Graph API that answers at once and remembers nothing; gives its address.
pub async fn bare_graph() -> String {
    async fn made(Path((_, page)): Path<(String, String)>) -> Json<Value> {
        Json(json!({ "id": format!("{page}_{}", Uuid::now_v7().simple()) }))
    }
    async fn published() -> Json<Value> {
        Json(json!({ "success": true }))
    }
    async fn read(Path((_, post)): Path<(String, String)>) -> Json<Value> {
        let permalink = format!("https://www.facebook.com/{post}");
        Json(json!({ "id": post, "is_published": true, "permalink_url": permalink }))
    }
    let app = Router::new()
        .route("/graph.facebook.com/{version}/{page}/feed", post(made))
        .route(
            "/graph.facebook.com/{version}/{post}",
            post(published).get(read),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// Stores posts as they are.
pub async fn store(shareville: &Shareville, posts: &[NewPost]) {
    shareville.store().create(posts, None).await.unwrap();
}

/// Opens the store at an address.
pub async fn open(url: &str) -> Arc<dyn Store> {
    match url.starts_with("postgres") {
        true => Arc::new(
            PostgresStore::open(url, PostgresOptions::new())
                .await
                .unwrap(),
        ),
        false => Arc::new(SqliteStore::open(url, SqliteOptions::new()).await.unwrap()),
    }
}

/// The databases to measure.
#[derive(Debug)]
pub struct Databases {
    pub stores: Vec<(&'static str, Arc<dyn Store>)>,
    /// Where the file is; removed when this is dropped.
    folder: TempDir,
}

/// SQLite in a new file, and PostgreSQL where the environment names a database.
pub async fn databases() -> Databases {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}/bench.db", folder.path().display());
    let mut stores = vec![("sqlite", open(&sqlite).await)];
    if let Ok(postgres) = std::env::var("SHAREVILLE_BENCH_POSTGRES") {
        stores.push(("postgres", open(&postgres).await));
    }
    Databases { stores, folder }
}
