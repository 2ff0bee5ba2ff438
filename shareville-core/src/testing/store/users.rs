//! End users who are erased.

use super::{
    Bench, START,
    answers::{create, keyed},
    credentials::{api_key, user_token},
    logins::{grant, login},
    new_connection,
};
use crate::{
    event::{Actor, Event, EventKind, Subject},
    id::{EventId, UserId},
    idempotency::Idempotency,
    post::{Command, Post},
    store::PageRequest,
    tenant::Tenant,
};

/// All that a test's user may have is few enough for one step.
const ALL: usize = 100;

fn user() -> UserId {
    UserId::new("user")
}

fn told(bench: &Bench, tenant: &Tenant, subject: Subject) -> Event {
    Event {
        id: EventId::generate(),
        tenant: tenant.id,
        kind: EventKind::UserErased,
        subject,
        revision: 1,
        actor: Actor::Host,
        at: bench.now(),
        data: serde_json::json!({}),
    }
}

async fn history(bench: &Bench, tenant: &Tenant, subject: Subject) -> usize {
    let page = PageRequest::first(ALL);
    let events = bench.store.events(tenant.id, subject, page).await.unwrap();
    events.items.len()
}

/// A user who is shut out has no token and no login any more; what a login has brought is handed out, to be revoked.
pub async fn should_shut_a_user_out(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let store = &bench.store;
    let (key, others_key) = (api_key(bench, &tenant).await, api_key(bench, &other).await);
    let own = user_token(bench, &key, "user");
    let kept = [
        user_token(bench, &key, "user-2"),
        user_token(bench, &others_key, "user"),
    ];
    for token in kept.iter().chain([&own]) {
        store.create_user_token(token).await.unwrap();
    }
    let begun = login(bench, &tenant).await;
    let others_login = login(bench, &other).await;
    let brought = grant(bench, &tenant).await;
    grant(bench, &other).await;

    let event = told(bench, &tenant, Subject::Tenant(tenant.id));
    let shut_out = store.shut_out(tenant.id, &user(), &[event]).await.unwrap();
    assert_eq!(shut_out, Some(vec![brought.clone()]));
    assert_eq!(history(bench, &tenant, Subject::Tenant(tenant.id)).await, 1);
    let missing = store.user_token(tenant.id, &own.hash).await.unwrap();
    assert_eq!(missing, None);
    for token in &kept {
        let found = store.user_token(token.tenant, &token.hash).await.unwrap();
        assert_eq!(found.map(|known| known.credential).as_ref(), Some(token));
    }
    let missing = store.login(tenant.id, &begun.hash).await.unwrap();
    assert_eq!(missing, None);
    let found = store.login(other.id, &others_login.hash).await.unwrap();
    assert!(found.is_some());
    let taken = store.take_grant(tenant.id, &brought.hash, START).await;
    let taken = taken.unwrap();
    assert_eq!(taken, Some(brought), "it stays until it is finished");
}

/// Somebody may be about to confirm what a user who is shut out has brought: it is handed out until it is finished.
pub async fn should_hand_out_a_taken_grant_of_who_is_shut_out(bench: &Bench) {
    let tenant = bench.tenant().await;
    let store = &bench.store;
    let brought = grant(bench, &tenant).await;
    let taken = store.take_grant(tenant.id, &brought.hash, START).await;
    assert!(taken.unwrap().is_some());
    for _ in 0..2 {
        let shut_out = store.shut_out(tenant.id, &user(), &[]).await.unwrap();
        assert_eq!(shut_out, Some(vec![brought.clone()]));
    }
    assert!(store.finish_grant(tenant.id, &brought.hash).await.unwrap());
    let known = store.shut_out(tenant.id, &user(), &[]).await.unwrap();
    assert_eq!(known, None);
}

/// Of somebody who never was, nothing is told.
pub async fn should_know_nothing_of_a_stranger(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    bench.account(&other).await;
    let event = told(bench, &tenant, Subject::Tenant(tenant.id));
    let nobody = bench.store.shut_out(tenant.id, &user(), &[event]).await;
    assert_eq!(nobody.unwrap(), None);
    assert_eq!(history(bench, &tenant, Subject::Tenant(tenant.id)).await, 0);
    let more = bench.store.erase_posts(tenant.id, &user(), ALL).await;
    assert!(!more.unwrap());
}

/// A user's posts go with all that is told of them, some at a time; nobody else's do.
pub async fn should_erase_posts_with_their_history(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let account = bench.account(&tenant).await;
    let mut own: Vec<Post> = Vec::new();
    for second in 0..3 {
        own.push(bench.post(&account, bench.at(second)).await);
    }
    let stranger = new_connection(&tenant, "user-2", "stranger");
    let strangers = bench
        .connect(&stranger, &["strangers page"])
        .await
        .remove(0);
    let kept = [
        bench.post(&strangers, bench.now()).await,
        bench.post(&bench.account(&other).await, bench.now()).await,
    ];
    let erase = |limit| bench.store.erase_posts(tenant.id, &account.user, limit);
    assert!(erase(2).await.unwrap(), "there is one more");
    assert!(!erase(2).await.unwrap());
    assert!(!erase(2).await.unwrap(), "it can be repeated");
    for post in &own {
        let missing = bench.store.post(tenant.id, post.id).await.unwrap();
        assert_eq!(missing, None);
        assert_eq!(history(bench, &tenant, Subject::Post(post.id)).await, 0);
    }
    let history = history(bench, &tenant, Subject::Post(kept[0].id)).await;
    assert!(history > 0);
    let claims = bench.claim(10).await;
    let mut claimed: Vec<_> = claims.into_iter().map(|claim| claim.post.id).collect();
    claimed.sort();
    assert_eq!(claimed, kept.map(|post| post.id), "no other lane comes up");
}

/// What is told of a deleted post and of a removed connection stays until their user is erased.
pub async fn should_erase_the_history_of_what_was_removed(bench: &Bench) {
    let tenant = bench.tenant().await;
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.at(60)).await;
    bench
        .apply(&bench.change(&post, Command::Delete))
        .await
        .unwrap();
    let connection = Subject::Connection(account.connection);
    let event = told(bench, &tenant, connection);
    let removed = bench
        .store
        .remove_connection(tenant.id, account.connection, &[event])
        .await;
    assert!(removed.unwrap());
    let subjects = [Subject::Post(post.id), connection];
    for subject in subjects {
        assert!(history(bench, &tenant, subject).await > 0);
    }
    let known = bench.store.shut_out(tenant.id, &user(), &[]).await;
    assert_eq!(known.unwrap(), Some(vec![]), "their history is known");
    let erase = |limit| bench.store.erase_posts(tenant.id, &account.user, limit);
    assert!(erase(1).await.unwrap());
    erase(ALL).await.unwrap();
    for subject in subjects {
        assert_eq!(history(bench, &tenant, subject).await, 0);
    }
    let known = bench.store.shut_out(tenant.id, &user(), &[]).await;
    assert_eq!(known.unwrap(), None);
}

/// The call for an erased post may be under way, so its lane stays held until that call's time is over.
pub async fn should_keep_the_hold_of_an_erased_post(bench: &Bench) {
    let tenant = bench.tenant().await;
    let own = new_connection(&tenant, "user", "one");
    let shared = new_connection(&tenant, "user-2", "other");
    let account = bench.connect(&own, &["page"]).await.remove(0);
    let others = bench.connect(&shared, &["page"]).await.remove(0);
    let post = bench.post(&account, bench.at(-2)).await;
    let waits = bench.post(&others, bench.at(-1)).await;
    bench.apply(&bench.committing(&post)).await.unwrap();
    let more = bench.store.erase_posts(tenant.id, &user(), ALL).await;
    assert!(!more.unwrap());
    assert_eq!(bench.claim(10).await, vec![]);
    bench.pass(65);
    assert_eq!(bench.claim_one().await.post, waits);
}

/// What was answered to requests that come again tells of the user's posts, so it goes with them; others' answers stay.
pub async fn should_erase_the_answers_that_tell_of_a_user(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let kept = |tenant: &Tenant, key: &str, users: &[&str]| Idempotency {
        users: users.iter().copied().map(UserId::new).collect(),
        ..keyed(bench, tenant, key, "what was answered")
    };
    let own = [
        kept(&tenant, "one", &["user"]),
        kept(&tenant, "batch", &["user-2", "user"]),
    ];
    let others = [
        kept(&tenant, "other", &["user-2"]),
        kept(&other, "one", &["user"]),
    ];
    for (owner, answers) in [
        (&tenant, &own[..]),
        (&tenant, &others[..1]),
        (&other, &others[1..]),
    ] {
        let account = bench.account(owner).await;
        for answer in answers {
            create(bench, &account, answer).await;
        }
    }
    while bench
        .store
        .erase_posts(tenant.id, &user(), 1)
        .await
        .unwrap()
    {}
    let there = async |kept: &Idempotency| {
        let found = bench.store.answered(kept.tenant, &kept.key).await;
        found.unwrap().is_some()
    };
    for answer in &own {
        assert!(!there(answer).await);
    }
    for answer in &others {
        assert!(there(answer).await);
    }
}
