//! API keys and user tokens.

use super::Bench;
use crate::{
    credential::{ApiKey, Purpose, Scope, UserToken, mint},
    id::{ApiKeyId, UserId},
    store::{PageRequest, StoreError},
    tenant::Tenant,
};

async fn api_key(bench: &Bench, tenant: &Tenant) -> ApiKey {
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

fn user_token(bench: &Bench, key: &ApiKey) -> UserToken {
    UserToken {
        tenant: key.tenant,
        user: UserId::new("user-7"),
        key: key.id,
        hash: mint(Purpose::UserToken, key.tenant).hash,
        expires_at: bench.at(600),
    }
}

/// An API key is found by its hash, by its own tenant only.
pub async fn should_find_an_api_key_by_its_hash(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let found = bench.store.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(found, Some(key.clone()));
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
    let (token, kept) = (user_token(bench, &key), user_token(bench, &kept_key));
    bench.store.create_user_token(&token).await.unwrap();
    bench.store.create_user_token(&kept).await.unwrap();
    let find = |token: &UserToken| {
        let hash = token.hash;
        async move { bench.store.user_token(tenant.id, &hash).await.unwrap() }
    };
    assert_eq!(find(&token).await, Some(token.clone()));

    let revoked = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(revoked.await.unwrap());
    let again = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(!again.await.unwrap());
    assert_eq!(find(&token).await, None);
    assert_eq!(find(&kept).await, Some(kept.clone()));
    let missing = bench.store.api_key(tenant.id, &key.hash).await.unwrap();
    assert_eq!(missing, None);
}

/// A key that is gone mints no token, and neither does another tenant's.
pub async fn should_refuse_a_user_token_of_a_key_that_is_gone(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let foreign = UserToken {
        tenant: other.id,
        ..user_token(bench, &key)
    };
    let refused = bench.store.create_user_token(&foreign).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let revoked = bench.store.revoke_api_key(tenant.id, key.id, &[]);
    assert!(revoked.await.unwrap());
    let late = user_token(bench, &key);
    let refused = bench.store.create_user_token(&late).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let missing = bench.store.user_token(tenant.id, &late.hash).await.unwrap();
    assert_eq!(missing, None);
}

/// No tenant finds or revokes another's credentials.
pub async fn should_keep_credentials_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let key = api_key(bench, &tenant).await;
    let token = user_token(bench, &key);
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
    assert_eq!(own, Some(token));
}
