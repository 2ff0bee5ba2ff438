//! Erasing an end user: all that is theirs goes, nobody else's does, and a crash in the middle can be mended.

use std::sync::Arc;

use shareville_core::{
    Error, Shareville,
    credential::Scope,
    event::{EventKind, Subject},
    id::{Provider, UserId},
    post::PostStatus,
    store::{PageRequest, PostFilter, Store},
    tenancy::NewApiKey,
    testing::network::{Call, Fault, granted},
};

use crate::stage::{Stage, input, kinds};

async fn key(stage: &Stage, scopes: Option<Vec<Scope>>) -> String {
    use secrecy::ExposeSecret;

    let owner = &stage.owner;
    let new = NewApiKey {
        scopes,
        ..NewApiKey::default()
    };
    let tenancy = stage.shareville.tenancy(owner);
    let (_, text) = tenancy.create_api_key(stage.tenant, new).await.unwrap();
    text.expose_secret().to_owned()
}

async fn erase_on(shareville: &Shareville, key: &str, user: &str) -> Result<(), Error> {
    let caller = shareville.authenticate(key).await?;
    shareville.erase_user(&caller, &UserId::new(user)).await
}

async fn erase(stage: &Stage, user: &str) -> Result<(), Error> {
    let key = key(stage, None).await;
    erase_on(&stage.shareville, &key, user).await
}

/// How many posts and connections a user has.
async fn left(stage: &Stage, user: &str) -> (usize, usize) {
    let (user, page) = (UserId::new(user), PageRequest::first(100));
    let filter = PostFilter {
        user: Some(user.clone()),
        ..PostFilter::default()
    };
    let posts = stage.store.posts(stage.tenant, &filter, page);
    let connections = stage.store.connections(stage.tenant, Some(&user), page);
    (
        posts.await.unwrap().items.len(),
        connections.await.unwrap().items.len(),
    )
}

async fn erasures(stage: &Stage) -> usize {
    let told = kinds(&stage.told_of(Subject::Tenant(stage.tenant)).await);
    let erased = told.iter().filter(|kind| **kind == EventKind::UserErased);
    erased.count()
}

#[tokio::test]
async fn all_that_is_a_users_should_go_and_nobody_elses() {
    let stage = Stage::new().await;
    let (connection, own) = stage.connect("maria", "token", &["page-1"]).await;
    let (_, others) = stage.connect("jose", "token of jose", &["page-2"]).await;
    let draft = stage.create(input(&own[0], None)).await;
    let published = stage.post(&own[0]).await;
    stage.drive_one(published.id).await;
    let later = stage.post_at(&own[0], stage.at(3600)).await;
    let kept = stage.post_at(&others[0], stage.at(3600)).await;
    let brings = granted(&Provider::facebook(), "second", "waiting", &["page-3"]);
    stage.log_in("maria", true, brings).await;

    erase(&stage, "maria").await.unwrap();
    assert_eq!(left(&stage, "maria").await, (0, 0));
    for id in [draft.id, published.id, later.id] {
        assert!(stage.told(id).await.is_empty());
    }
    let told = stage.told_of(Subject::Connection(connection.id)).await;
    assert!(told.is_empty());
    let mut revoked = stage.connector.revoked();
    revoked.sort();
    assert_eq!(revoked, ["token", "waiting"]);
    let audit = stage.told_of(Subject::Tenant(stage.tenant)).await;
    let audit = serde_json::to_string(&audit).unwrap();
    assert!(!audit.contains("maria"), "{audit}");

    assert_eq!(left(&stage, "jose").await, (1, 1));
    stage.pass(3600);
    assert_eq!(stage.drive_one(kept.id).await.status, PostStatus::Published);
    assert_eq!(stage.network.visible_of(later.id), 0);
    assert_eq!(
        stage.network.visible_of(published.id),
        1,
        "what is live stays"
    );
}

#[tokio::test]
async fn somebody_unknown_should_be_erased_already() {
    let stage = Stage::new().await;
    erase(&stage, "nobody").await.unwrap();
    assert_eq!(erasures(&stage).await, 0);
    stage.connect("maria", "token", &["page-1"]).await;
    for _ in 0..2 {
        erase(&stage, "maria").await.unwrap();
    }
    assert_eq!(erasures(&stage).await, 1, "told once");
}

#[tokio::test]
async fn an_open_commit_should_be_looked_at_once_and_erased() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    stage.network.on(Call::Commit, 1, Fault::LoseRequest);
    let post = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    assert!(stage.read(post.id).await.has_open_commit());
    erase(&stage, "maria").await.unwrap();
    assert_eq!(stage.network.count(Call::Look), 1);
    assert_eq!(left(&stage, "maria").await, (0, 0));
    stage.pass(7200);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 0);
}

#[tokio::test]
async fn an_erasure_that_broke_off_should_be_repeated_to_its_end() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    stage.connect("maria", "token", &["page-1"]).await;
    let post = stage.post_at(&accounts[0], stage.at(3600)).await;
    let key = key(&stage, None).await;
    // The user is shut out, and nothing more.
    let store: &Arc<dyn Store> = stage.shareville.store();
    let user = UserId::new("maria");
    let begun = store.shut_out(stage.tenant, &user, &[]).await.unwrap();
    assert!(begun.is_some());
    assert_eq!(left(&stage, "maria").await, (1, 1));
    erase_on(&stage.shareville, &key, "maria").await.unwrap();
    assert_eq!(left(&stage, "maria").await, (0, 0));
    assert!(stage.told(post.id).await.is_empty());
}

#[tokio::test]
async fn it_should_take_a_key_that_may_speak_for_users() {
    let stage = Stage::new().await;
    stage.connect("maria", "token", &["page-1"]).await;
    let others = vec![Scope::ConnectionsWrite, Scope::PostsWrite];
    let weak = key(&stage, Some(others)).await;
    let refused = erase_on(&stage.shareville, &weak, "maria").await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
    let enough = key(&stage, Some(vec![Scope::TokensWrite])).await;
    let caller = stage.shareville.authenticate(&enough).await.unwrap();
    let minted = stage
        .shareville
        .mint_user_token(&caller, UserId::new("maria"), None);
    let (_, token) = minted.await.unwrap();
    let token = secrecy::ExposeSecret::expose_secret(&token);
    stage.shareville.authenticate(token).await.unwrap();
    let own = erase_on(&stage.shareville, token, "maria").await;
    assert!(matches!(own, Err(Error::Forbidden { .. })));
    let nameless = erase_on(&stage.shareville, &enough, "").await;
    assert!(matches!(nameless, Err(Error::Invalid(_))));

    erase_on(&stage.shareville, &enough, "maria").await.unwrap();
    let gone = stage.shareville.authenticate(token).await;
    assert!(matches!(gone, Err(Error::Credential(_))), "tokens first");
}
