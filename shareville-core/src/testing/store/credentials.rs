//! API keys and user tokens.

use super::Bench;
use crate::{
    credential::{ApiKey, Purpose, Scope, UserToken, mint},
    id::{ApiKeyId, UserId},
    store::{Known, PageRequest, StoreError},
    tenant::Tenant,
};

pub(super) async fn api_key(bench: &Bench, tenant: &Tenant) -> ApiKey {
    let key = ApiKey {
        id: ApiKeyId::generate(),
        tenant: tenant.id,
        name: Some("Server".to_owned()),
        scopes: vec![Scope::PostsRead, Scope::PostsWrite],
        hash: mint(Purpose::ApiKey, tenant.id).hash,
        created_at: bench.now(),
        expires_at: Some(bench.at(3600)),
    };
    bench.store.create_api_key(&key, &[]).await.unwrap();
    key
}

pub(super) fn user_token(bench: &Bench, key: &ApiKey, user: &str) -> UserToken {
    UserToken {
        tenant: key.tenant,
        user: UserId::new(user),
        key: key.id,
        hash: mint(Purpose::UserToken, key.tenant).hash,
        expires_at: bench.at(600),
    }
}

fn known<C>(credential: C, tenant: &Tenant) -> Option<Known<C>> {
    let tenant = tenant.clone();
    Some(Known { credential, tenant })
}

/// An API key is found by its hash, with its tenant, by its own tenant only.
pub async fn should_find_an_api_key_by_its_hash(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let found = bench.store.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(found, known(key.clone(), &tenant));
    let foreign = bench.store.api_key(other.id, &key.hash).await.unwrap();
    assert_eq!(foreign, None);
    let unknown = mint(Purpose::ApiKey, tenant.id).hash;
    let missing = bench.store.api_key(tenant.id, &unknown).await.unwrap();
    assert_eq!(missing, None);
}

/// API keys are listed newest first, each tenant's own.
pub async fn should_list_api_keys_newest_first(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let older = api_key(bench, &tenant).await;
    api_key(bench, &other).await;
    let newer = api_key(bench, &tenant).await;
    let page = bench.store.api_keys(tenant.id, PageRequest::first(10));
    assert_eq!(page.await.unwrap().items, vec![newer, older]);
}

/// A user token lives as long as the key that minted it, and no longer.
pub async fn should_let_user_tokens_die_with_their_key(bench: &Bench) {
    let tenant = bench.tenant().await;
    let (key, kept_key) = (api_key(bench, &tenant).await, api_key(bench, &tenant).await);
    let (token, kept) = (
        user_token(bench, &key, "user-7"),
        user_token(bench, &kept_key, "user-7"),
    );
    bench.store.create_user_token(&token).await.unwrap();
    bench.store.create_user_token(&kept).await.unwrap();
    let find = |token: &UserToken| {
        let (hash, tenant) = (token.hash, &tenant);
        async move { bench.store.user_token(tenant.id, &hash).await.unwrap() }
    };
    assert_eq!(find(&token).await, known(token.clone(), &tenant));

    let revoked = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(revoked.await.unwrap());
    let again = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(!again.await.unwrap());
    assert_eq!(find(&token).await, None);
    assert_eq!(find(&kept).await, known(kept.clone(), &tenant));
    let missing = bench.store.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(missing, None);
}

/// A key that is gone mints no token, and neither does another tenant's.
pub async fn should_refuse_a_user_token_of_a_key_that_is_gone(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let foreign = UserToken {
        tenant: other.id,
        ..user_token(bench, &key, "user-7")
    };
    let refused = bench.store.create_user_token(&foreign).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let revoked = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(revoked.await.unwrap());
    let late = user_token(bench, &key, "user-7");
    let refused = bench.store.create_user_token(&late).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let missing = bench.store.user_token(tenant.id, &late.hash).await.unwrap();
    assert_eq!(missing, None);
}

/// No tenant finds or revokes another's credentials.
pub async fn should_keep_credentials_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let token = user_token(bench, &key, "user-7");
    bench.store.create_user_token(&token).await.unwrap();
    let foreign = bench.store.user_token(other.id, &token.hash).await.unwrap();
    assert_eq!(foreign, None);
    let revoked = bench.store.revoke_api_key(other.id, key.id, &[]);
    assert!(!revoked.await.unwrap());
    let own = bench
        .store
        .user_token(tenant.id, &token.hash)
        .await
        .unwrap();
    assert_eq!(own, known(token, &tenant));
}

/// An epoch lasts until what was read may have become wrong, and no longer.
pub async fn should_vouch_for_credentials_until_they_change(bench: &Bench) {
    let store = &bench.store;
    let tenant = bench.tenant().await;
    let epoch = || store.credential_epoch(tenant.id);
    let key = api_key(bench, &tenant).await;
    let first = epoch();
    let token = user_token(bench, &key, "user-7");
    store.create_user_token(&token).await.unwrap();
    let other = api_key(bench, &tenant).await;
    store.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(epoch(), first, "what is added makes nothing wrong");
    let ended = |before, what| {
        let now = epoch();
        assert!(now.is_none() || now != before, "{what} ends the epoch");
        now
    };
    let revoked = store.revoke_api_key(tenant.id, other.id, &[]);
    assert!(revoked.await.unwrap());
    let second = ended(first, "a revoked key");
    let paused = Tenant {
        active: false,
        revision: 2,
        ..tenant.clone()
    };
    let updated = store.update_tenant(&paused, 1, &[]).await.unwrap();
    assert_eq!(updated, Ok(()));
    let third = ended(second, "a change of the tenant");
    let user = UserId::new("user-7");
    let shut_out = store.shut_out(tenant.id, &user, &[]).await.unwrap();
    assert!(shut_out.is_some());
    let fourth = ended(third, "a user shut out");
    assert!(store.delete_tenant(tenant.id).await.unwrap());
    ended(fourth, "the tenant's end");
}

/// Another handle on the same database hears soon of what makes wrong what it has read.
pub async fn should_end_epochs_in_every_process(bench: &Bench) {
    let tenant = bench.tenant().await;
    let key = api_key(bench, &tenant).await;
    let other = bench.other();
    let found = other.api_key(tenant.id, &key.hash).await.unwrap();
    assert!(found.is_some());
    let before = other.credential_epoch(tenant.id);
    let revoked = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(revoked.await.unwrap());
    let heard = async {
        while before.is_some() && other.credential_epoch(tenant.id) == before {
            tokio::task::yield_now().await;
        }
    };
    bench.soon(heard).await;
    let missing = other.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(missing, None);
}
