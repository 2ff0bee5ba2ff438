//! Another network, Bluesky, added to Shareville: the publisher is one file, `bluesky.rs`.
//!
//! `cargo run --example another_network` needs no account and no network: it starts a server that emulates Bluesky's,
//! connects an account, and publishes twice. The second time, the answer to the publishing call is lost on its way; look
//! what comes of that.
//!
//! `cargo test --example another_network` holds the publisher to the contract that all publishers are held to.

mod bluesky;
#[cfg(test)]
mod contract;
mod login;
mod pds;

use std::{error::Error, sync::Arc, time::Duration};

use shareville::{
    AccountId, Callback, Caller, Content, Engine, Keyring, LandingStatus, MemoryStore, NewLogin,
    OwnerId, PageRequest, Post, PostInput, Settings, Shareville, SystemClock, TenantInput, UserId,
};
use tokio_util::sync::CancellationToken;

use crate::{bluesky::Bluesky, login::AppPasswords, pds::Pds};

const HANDLE: &str = "ada.example.com";
const PASSWORD: &str = "abcd-efgh-ijkl-mnop";

/// How long a post may take to settle here.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::main]
#[allow(clippy::print_stdout)] // it is what the person who runs it reads
async fn main() -> Result<(), Box<dyn Error>> {
    let pds = Pds::start().await?;
    let did = pds.open_account(HANDLE, PASSWORD);
    let shareville = build(&pds)?;
    let shutdown = CancellationToken::new();
    let engine = tokio::spawn(Engine::new(shareville.clone()).run(shutdown.clone()));

    let website = TenantInput {
        name: Some("Pixel Pond".to_owned()),
        ..TenantInput::default()
    };
    let owner = OwnerId::new("owner");
    let tenant = shareville.tenancy(&owner).create(website).await?.tenant;
    let caller = shareville.on_behalf_of(tenant.id).await?;
    let account = connect(&shareville, &caller).await?;
    println!("Connected: {HANDLE}, which is {did}.\n");

    let text = Content::text("Good morning from Pixel Pond");
    let post = publish(&shareville, &caller, account, text).await?;
    println!("Post 1, all well:            {}", told(&post));

    pds.lose_the_next_answer();
    let link = Content {
        link: Some("https://pixelpond.example/frogs".to_owned()),
        ..Content::text("Our frogs are back")
    };
    let post = publish(&shareville, &caller, account, link).await?;
    println!("Post 2, its answer was lost: {}", told(&post));

    println!("\nWhat everybody sees on the account, as the server has it:");
    let visible = pds.visible(&did);
    for (key, record) in &visible {
        println!("  {key}  {}", record["text"]);
    }
    println!(
        "{} posts, by {} calls of putRecord.",
        visible.len(),
        pds.puts()
    );

    shutdown.cancel();
    engine.await?;
    Ok(())
}

/// Shareville with Bluesky as its only network; any number of others stand beside it in the same way.
fn build(pds: &Pds) -> Result<Shareville, Box<dyn Error>> {
    let bluesky = Bluesky::at(pds.url())?;
    let sign_in = "http://localhost:3000/bluesky/sign-in".parse()?;
    // Short, so that nobody has to wait here for a look after the lost answer.
    let mut settings = Settings::default();
    settings.commit = Duration::from_secs(1);
    settings.retry_base = Duration::from_millis(100);
    let store = MemoryStore::new(Arc::new(SystemClock));
    let shareville = Shareville::builder(
        Arc::new(store),
        Keyring::ephemeral(),
        "http://localhost:3000/share".parse()?,
    )
    .publisher(bluesky.clone())
    .connector(AppPasswords::new(bluesky, sign_in))
    .settings(settings)
    .build()?;
    Ok(shareville)
}

/// Ada logs in: she is sent to the sign-in page, and comes back from it.
async fn connect(shareville: &Shareville, caller: &Caller) -> Result<AccountId, Box<dyn Error>> {
    let connections = shareville.connections(caller);
    let begun = connections
        .begin(NewLogin {
            provider: Bluesky::name(),
            user: Some(UserId::new("ada")),
            redirect_uri: None,
            confirm: false,
        })
        .await?;
    let state = begun.url.query_pairs().find(|(name, _)| name == "state");
    let callback = Callback {
        state: state.map(|(_, state)| state.into_owned()),
        code: Some(format!("{HANDLE} {PASSWORD}").into()),
        ..Callback::default()
    };
    let landing = shareville.finish_login(&Bluesky::name(), callback).await?;
    let LandingStatus::Connected { connection } = landing.status else {
        return Err(format!("not connected: {:?}", landing.status).into());
    };
    let accounts = connections
        .accounts(connection, PageRequest::first(1))
        .await?;
    let account = accounts.items.first().ok_or("no account came with it")?;
    Ok(account.id)
}

/// Creates a post, lets it go out, and waits until it has settled.
async fn publish(
    shareville: &Shareville,
    caller: &Caller,
    account: AccountId,
    content: Content,
) -> Result<Post, Box<dyn Error>> {
    let posts = shareville.posts(caller);
    let input = PostInput {
        account: account.to_string(),
        content,
        ..PostInput::default()
    };
    let post = posts.create(input).await?;
    posts.publish(post.id.into(), false).await?;
    let (post, _) = posts.settled(post.id, PATIENCE).await?;
    Ok(post)
}

fn told(post: &Post) -> String {
    let permalink = post.published.permalink.as_deref().unwrap_or_default();
    match &post.failure {
        Some(failure) => format!("{}, {failure}", post.status.name()),
        None => format!("{} at {permalink}", post.status.name()),
    }
}
