//! Logins under way, and grants.

use std::sync::Arc;

use futures::future::join_all;

use super::{Bench, START};
use crate::{
    connection::{Grant, Login},
    credential::{ApiKey, Purpose, TokenHash, UserToken, mint},
    id::{ApiKeyId, Provider, TenantId, UserId},
    secret::Sealed,
    store::LoginFound,
    tenant::Tenant,
};

pub(super) async fn login(bench: &Bench, tenant: &Tenant) -> Login {
    let login = Login {
        hash: mint(Purpose::LoginState, tenant.id).hash,
        tenant: tenant.id,
        user: UserId::new("user"),
        provider: Provider::facebook(),
        redirect_uri: "https://bakery.example/back".parse().ok(),
        confirm: true,
        expires_at: bench.at(600),
        outcome: None,
    };
    bench.store.begin_login(&login).await.unwrap();
    login
}

pub(super) async fn grant(bench: &Bench, tenant: &Tenant) -> Grant {
    let grant = Grant {
        hash: mint(Purpose::Grant, tenant.id).hash,
        tenant: tenant.id,
        user: UserId::new("user"),
        provider: Provider::instagram(),
        sealed: Sealed::from_bytes(vec![9, 9]),
        expires_at: bench.at(600),
    };
    bench.store.create_grant(&grant).await.unwrap();
    grant
}

fn code(tenant: TenantId) -> TokenHash {
    mint(Purpose::Grant, tenant).hash
}

/// A login can be read by its own tenant until its time is over.
pub async fn should_keep_a_login_until_its_time_is_over(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let begun = login(bench, &tenant).await;
    let read =
        |tenant: TenantId| async move { bench.store.login(tenant, &begun.hash).await.unwrap() };
    assert!(read(tenant.id).await.is_some());
    assert_eq!(read(other.id).await, None);
    bench.pass(600);
    assert_eq!(read(tenant.id).await, None);
}

/// The same code gets the same answer; another code gets none.
pub async fn should_take_a_login_for_one_code_only(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let begun = login(bench, &tenant).await;
    let (own, stolen) = (code(tenant.id), code(tenant.id));
    let take = |tenant: TenantId, code: TokenHash| async move {
        let taken = bench.store.take_login(tenant, &begun.hash, &code);
        taken.await.unwrap()
    };
    assert_eq!(take(other.id, own).await, LoginFound::Unknown);
    assert!(matches!(take(tenant.id, own).await, LoginFound::First(it) if it.user == begun.user));
    assert_eq!(take(tenant.id, own).await, LoginFound::UnderWay);
    assert_eq!(take(tenant.id, stolen).await, LoginFound::OtherCode);
    let answer = Sealed::from_bytes(vec![4, 2]);
    let finished = bench.store.finish_login(tenant.id, &begun.hash, &answer);
    finished.await.unwrap();
    let LoginFound::Answered(answered) = take(tenant.id, own).await else {
        panic!("the same code gets the same answer");
    };
    assert_eq!(answered.outcome.and_then(|it| it.answer), Some(answer));
    assert_eq!(take(tenant.id, stolen).await, LoginFound::OtherCode);
}

/// Of many who come back with the same login at once, one is the first.
pub async fn should_let_one_of_many_callbacks_be_the_first(bench: &Bench) {
    let tenant = bench.tenant().await;
    let begun = login(bench, &tenant).await;
    let code = code(tenant.id);
    let callbacks = (0..16).map(|_| {
        let store = Arc::clone(&bench.store);
        tokio::spawn(async move { store.take_login(tenant.id, &begun.hash, &code).await })
    });
    let found: Vec<_> = join_all(callbacks.collect::<Vec<_>>()).await;
    let is_first = |found: &LoginFound| matches!(found, LoginFound::First(_));
    let found = found.into_iter().map(|it| it.unwrap().unwrap());
    assert_eq!(found.filter(is_first).count(), 1);
}

/// A login whose time is over is unknown.
pub async fn should_not_take_a_login_that_is_over(bench: &Bench) {
    let tenant = bench.tenant().await;
    let begun = login(bench, &tenant).await;
    bench.pass(600);
    let code = code(tenant.id);
    let found = bench.store.take_login(tenant.id, &begun.hash, &code);
    assert_eq!(found.await.unwrap(), LoginFound::Unknown);
}

/// Of many who ask for a grant at once, one gets it, and nobody after that.
pub async fn should_give_a_grant_to_one_taker_only(bench: &Bench) {
    let tenant = bench.tenant().await;
    let grant = grant(bench, &tenant).await;
    let takers = (0..16).map(|_| {
        let store = Arc::clone(&bench.store);
        tokio::spawn(async move { store.take_grant(tenant.id, &grant.hash, START).await })
    });
    let taken: Vec<_> = join_all(takers.collect::<Vec<_>>()).await;
    let taken = taken.into_iter().filter_map(|it| it.unwrap().unwrap());
    assert_eq!(taken.collect::<Vec<_>>(), vec![grant.clone()]);
    let again = bench.store.take_grant(tenant.id, &grant.hash, START).await;
    assert_eq!(again.unwrap(), None);
}

/// A grant is not given to another tenant, nor after its time.
pub async fn should_not_give_a_grant_to_others_or_late(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let grant = grant(bench, &tenant).await;
    let take = |tenant: TenantId| bench.store.take_grant(tenant, &grant.hash, bench.at(600));
    assert_eq!(take(other.id).await.unwrap(), None);
    bench.pass(600);
    assert_eq!(take(tenant.id).await.unwrap(), None);
}

/// A grant that was taken stays until it is finished, once, by its own tenant; one that was not taken can be ended, too.
pub async fn should_keep_a_taken_grant_until_it_is_finished(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let store = &bench.store;
    let taken = grant(bench, &tenant).await;
    let free = grant(bench, &tenant).await;
    let took = store.take_grant(tenant.id, &taken.hash, START).await;
    assert_eq!(took.unwrap().as_ref(), Some(&taken));
    for grant in [&taken, &free] {
        let foreign = store.finish_grant(other.id, &grant.hash).await.unwrap();
        assert!(!foreign);
        assert!(store.finish_grant(tenant.id, &grant.hash).await.unwrap());
        assert!(!store.finish_grant(tenant.id, &grant.hash).await.unwrap());
        let gone = store.take_grant(tenant.id, &grant.hash, START).await;
        assert_eq!(gone.unwrap(), None);
    }
    let late = grant(bench, &tenant).await;
    bench.pass(600);
    assert!(store.finish_grant(tenant.id, &late.hash).await.unwrap());
    assert_eq!(sweep(bench).await, vec![]);
}

/// Whoever took a grant may have died: when its time is over, and it is held no more, it is given to be revoked, like
/// those nobody took.
pub async fn should_sweep_a_taken_grant(bench: &Bench) {
    let tenant = bench.tenant().await;
    // One is held beyond its own time, and one not as long as that.
    for (taken_after, held_for, swept_after) in [(599, 600, 600), (0, 1, 600)] {
        let grant = grant(bench, &tenant).await;
        bench.pass(taken_after);
        let hold_until = bench.at(held_for);
        let taken = bench.store.take_grant(tenant.id, &grant.hash, hold_until);
        assert_eq!(taken.await.unwrap().as_ref(), Some(&grant));
        bench.pass(swept_after - 1);
        assert_eq!(sweep(bench).await, vec![]);
        bench.pass(1);
        assert_eq!(sweep(bench).await, vec![grant.clone()]);
        let taken = bench.store.take_grant(tenant.id, &grant.hash, hold_until);
        assert_eq!(taken.await.unwrap(), None, "its time is over");
        // Whoever swept it may have come to an end before it was revoked.
        bench.pass(59);
        assert_eq!(sweep(bench).await, vec![]);
        bench.pass(1);
        assert_eq!(sweep(bench).await, vec![grant.clone()]);
        let finished = bench.store.finish_grant(tenant.id, &grant.hash).await;
        assert!(finished.unwrap());
        bench.pass(60);
        assert_eq!(sweep(bench).await, vec![]);
    }
}

/// What is swept, and held for a minute.
async fn sweep(bench: &Bench) -> Vec<Grant> {
    bench.store.sweep(bench.at(60)).await.unwrap()
}

/// Sweeping erases what is over, gives the grants among it, and keeps the rest.
pub async fn should_sweep_what_is_over(bench: &Bench) {
    let tenant = bench.tenant().await;
    let key = ApiKey {
        id: ApiKeyId::generate(),
        tenant: tenant.id,
        name: None,
        scopes: Vec::new(),
        hash: mint(Purpose::ApiKey, tenant.id).hash,
        created_at: bench.now(),
        expires_at: None,
    };
    bench.store.create_api_key(&key, &[]).await.unwrap();
    let token = UserToken {
        tenant: tenant.id,
        user: UserId::new("user"),
        key: key.id,
        hash: mint(Purpose::UserToken, tenant.id).hash,
        expires_at: bench.at(600),
    };
    bench.store.create_user_token(&token).await.unwrap();
    let old = grant(bench, &tenant).await;
    let old_login = login(bench, &tenant).await;
    bench.pass(599);
    assert_eq!(sweep(bench).await, vec![]);
    let young = grant(bench, &tenant).await;
    let young_login = login(bench, &tenant).await;
    bench.pass(1);
    assert_eq!(sweep(bench).await, vec![old]);
    assert_eq!(sweep(bench).await, vec![]);
    let swept = bench
        .store
        .user_token(tenant.id, &token.hash)
        .await
        .unwrap();
    assert_eq!(swept, None);
    let swept = bench.store.login(tenant.id, &old_login.hash).await.unwrap();
    assert_eq!(swept, None);
    let kept = bench.store.login(tenant.id, &young_login.hash).await;
    assert_eq!(kept.unwrap(), Some(young_login));
    let kept = bench.store.take_grant(tenant.id, &young.hash, START).await;
    assert_eq!(kept.unwrap(), Some(young));
}
