//! A shop whose order and announcement are stored together or not at all: one transaction of the shop's own.
//!
//! `cargo run --example transaction`. It needs nothing: SQLite is embedded, and Meta is emulated. On PostgreSQL,
//! with `PostgresStore`, begin by `pool.begin()`, and leave out `wake_all`: there the commit itself wakes the workers.
#![allow(clippy::print_stdout)] // it is what whoever tries it reads

use std::{error::Error, sync::Arc, time::Duration};

use shareville::{
    Account, Callback, Caller, Content, Engine, Keyring, LandingStatus, NewLogin, OwnerId,
    PageRequest, Patch, Plan, PostId, PostInput, PostStatus, Provider, Shareville, SystemClock,
    TenantInput, UserId,
    core::clock::Clock as _,
    meta::{Endpoint, FacebookLogin, FacebookPages, Graph, GraphConfig, LoginConfig},
    sandbox::{Consent, Sandbox},
    sqlite::{SqliteOptions, SqliteStore},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use tokio_util::sync::CancellationToken;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    // The shop has a database of its own, and Shareville shares it.
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("shop.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().connect_with(options).await?;
    sqlx::query("CREATE TABLE orders (item TEXT NOT NULL, announced_by BLOB NOT NULL) STRICT")
        .execute(&pool)
        .await?;
    let store = SqliteStore::from_pool(pool.clone(), SqliteOptions::new()).await?;

    let sandbox = Sandbox::start().await?;
    let endpoint = Endpoint::at(sandbox.base_url().parse()?)?;
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint))?;
    let url = "http://localhost:4000/share".parse()?;
    let shareville = Shareville::builder(Arc::new(store.clone()), Keyring::ephemeral(), url)
        .publisher(FacebookPages::new(graph.clone()))
        .connector(FacebookLogin::new(graph, LoginConfig::new()))
        .build()?;
    let ended = CancellationToken::new();
    let engine = tokio::spawn(Engine::new(shareville.clone()).run(ended.clone()));

    let caller = website(&shareville).await?;
    let page = connect(&shareville, &caller, &sandbox).await?;
    let posts = shareville.posts(&caller);
    let announcement = |text: &str| PostInput {
        account: page.id.to_string(),
        content: Content::text(text),
        scheduled_at: Some(SystemClock.now()),
        ..PostInput::default()
    };

    // An order that fails takes its announcement with it.
    let plan = posts.plan_create(announcement("Sold: a teapot")).await?;
    let never = planned(&plan)?;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    order(&mut transaction, "teapot", never).await?;
    store.execute_in(&mut transaction, &plan).await??;
    transaction.rollback().await?;
    assert_eq!(
        (orders(&pool).await?, posts.get(never).await.ok()),
        (0, None)
    );
    println!("rolled back: no order, no post");

    // Both are there once the shop's transaction is committed, and the post goes out.
    let plan = posts.plan_create(announcement("Sold: a kettle")).await?;
    let post = planned(&plan)?;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    order(&mut transaction, "kettle", post).await?;
    store.execute_in(&mut transaction, &plan).await??;
    transaction.commit().await?;
    // SQLite tells nobody of a commit: without this, the worker looks by itself within half a second.
    store.wake_all();
    let (post, _) = posts.settled(post, Duration::from_secs(30)).await?;
    assert_eq!(
        (orders(&pool).await?, post.status),
        (1, PostStatus::Published)
    );
    println!("committed: one order, and its post is published");

    // What is due later can be called off together with its order.
    let mut later = announcement("Sold tomorrow: a pan");
    later.scheduled_at = Some(SystemClock.now() + chrono::TimeDelta::days(1));
    let later = posts.create(later).await?;
    let plan = posts.plan_cancel(later.id.into()).await?;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("DELETE FROM orders WHERE item = 'kettle'")
        .execute(&mut *transaction)
        .await?;
    store.execute_in(&mut transaction, &plan).await??;
    transaction.commit().await?;
    let canceled = posts.get(later.id).await?;
    assert_eq!(
        (orders(&pool).await?, canceled.status),
        (0, PostStatus::Canceled)
    );
    println!("committed: the order is gone, and its post is called off");

    ended.cancel();
    engine.await?;
    let visible = sandbox.visible_posts(&page.platform_id);
    let seen: Vec<_> = visible.iter().map(|post| post.message.as_deref()).collect();
    assert_eq!(seen, [Some("Sold: a kettle")]);
    println!("a visitor of the Page sees one post");
    sandbox.shutdown().await;
    Ok(())
}

/// The shop's own row: it remembers by which post it was announced.
async fn order(on: &mut sqlx::SqliteConnection, item: &str, post: PostId) -> Result<()> {
    sqlx::query("INSERT INTO orders (item, announced_by) VALUES (?1, ?2)")
        .bind(item)
        .bind(post.as_uuid())
        .execute(on)
        .await?;
    Ok(())
}

async fn orders(pool: &SqlitePool) -> Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM orders");
    Ok(count.fetch_one(pool).await?)
}

/// The id that the one post of a plan will have.
fn planned(plan: &Plan) -> Result<PostId> {
    let post = plan.posts().first().ok_or("the plan has no post")?;
    Ok(post.id)
}

/// The shop as a tenant, called by its own process.
async fn website(shareville: &Shareville) -> Result<Caller> {
    let owner = OwnerId::new("the shop");
    let input = TenantInput {
        name: Some("The shop".to_owned()),
        redirect_uris: Some(vec!["https://shop.example/connected".to_owned()]),
        facebook_app_id: Patch::Set("100000000000001".to_owned()),
        facebook_app_secret: Patch::Set("an app secret".into()),
        ..TenantInput::default()
    };
    let saved = shareville.tenancy(&owner).create(input).await?;
    Ok(shareville.on_behalf_of(saved.tenant.id).await?)
}

/// Connects a Page; the sandbox clicks through the login.
async fn connect(shareville: &Shareville, caller: &Caller, sandbox: &Sandbox) -> Result<Account> {
    let connections = shareville.connections(caller);
    let begun = connections
        .begin(NewLogin {
            provider: Provider::facebook(),
            user: Some(UserId::new("ada")),
            redirect_uri: None,
            confirm: false,
        })
        .await?;
    let back: url::Url = sandbox
        .approve(begun.url.as_str(), &Consent::all())?
        .parse()?;
    let of = |name: &str| {
        let mut pairs = back.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let callback = Callback {
        state: of("state"),
        code: of("code").map(Into::into),
        error: None,
    };
    let landing = shareville
        .finish_login(&Provider::facebook(), callback)
        .await?;
    let LandingStatus::Connected { connection } = landing.status else {
        return Err("the login did not connect".into());
    };
    let accounts = connections
        .accounts(connection, PageRequest::first(100))
        .await?;
    let usable = accounts.items.into_iter().find(|page| page.can_publish);
    usable.ok_or_else(|| "no Page can be posted to".into())
}
