//! Who calls: looked up once while the store vouches for it, and never after it was revoked.

use std::sync::Arc;

use secrecy::ExposeSecret;
use shareville_core::{
    CredentialError, Error, Shareville,
    clock::Timestamp,
    credential::ApiKey,
    event::EventKind,
    id::UserId,
    tenancy::{NewApiKey, TenantInput},
    testing::wrapped::{At, Wrapped},
};

use crate::stage::{Stage, within};

/// A server in front of a store that counts how often credentials are looked up.
fn counted(stage: &Stage) -> (Arc<Wrapped>, Shareville) {
    let store = stage.stopping(At::Before, EventKind::UserErased);
    let shareville = stage.on(Arc::<Wrapped>::clone(&store));
    (store, shareville)
}

async fn key(stage: &Stage, expires_at: Option<Timestamp>) -> (ApiKey, String) {
    let owner = &stage.owner;
    let new = NewApiKey {
        expires_at,
        ..NewApiKey::default()
    };
    let tenancy = stage.shareville.tenancy(owner);
    let (key, text) = tenancy.create_api_key(stage.tenant, new).await.unwrap();
    (key, text.expose_secret().to_owned())
}

async fn token(shareville: &Shareville, key: &str, user: &str) -> String {
    let caller = shareville.authenticate(key).await.unwrap();
    let minted = shareville.mint_user_token(&caller, UserId::new(user), None);
    minted.await.unwrap().1.expose_secret().to_owned()
}

fn refused(answer: Result<shareville_core::Caller, Error>) -> CredentialError {
    match answer {
        Err(Error::Credential(error)) => error,
        other => panic!("it is let in, or fails otherwise: {other:?}"),
    }
}

#[tokio::test]
async fn a_key_for_a_client_app_that_goes_meanwhile_should_not_be_found_a_home() {
    let stage = Stage::new().await;
    let stopping = stage.stopping(At::Before, EventKind::ApiKeyCreated);
    let slow = stage.on(Arc::<Wrapped>::clone(&stopping));
    let (owner, tenant) = (stage.owner.clone(), stage.tenant);
    let creating = tokio::spawn(async move {
        let tenancy = slow.tenancy(&owner);
        let created = tenancy.create_api_key(tenant, NewApiKey::default()).await;
        created.map(|(key, _)| key.id)
    });
    within(stopping.until_stopped()).await;
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.delete(tenant).await.unwrap();
    stopping.release();
    let created = within(creating).await.unwrap();
    assert!(
        matches!(created, Err(Error::NotFound("client app"))),
        "{created:?}"
    );
}

#[tokio::test]
async fn a_credential_should_be_looked_up_once_in_a_while() {
    let stage = Stage::new().await;
    let (store, shareville) = counted(&stage);
    let (_, key) = key(&stage, None).await;
    for _ in 0..5 {
        shareville.authenticate(&key).await.unwrap();
    }
    assert_eq!(store.credentials_read(), 1);
    stage.pass(30);
    shareville.authenticate(&key).await.unwrap();
    assert_eq!(store.credentials_read(), 2, "not for ever");
    let mut forged = key.clone();
    forged.replace_range(forged.len() - 4.., "AAAA");
    for _ in 0..2 {
        refused(shareville.authenticate(&forged).await);
    }
    assert_eq!(store.credentials_read(), 4, "guesses are not remembered");
}

#[tokio::test]
async fn a_revoked_key_should_end_at_once_with_its_tokens_and_no_other() {
    let stage = Stage::new().await;
    let (_, elsewhere) = counted(&stage);
    let (old, old_text) = key(&stage, None).await;
    let (_, new_text) = key(&stage, None).await;
    let old_token = token(&elsewhere, &old_text, "maria").await;
    let new_token = token(&elsewhere, &new_text, "maria").await;
    let all = [&old_text, &new_text, &old_token, &new_token];
    for credential in all {
        elsewhere.authenticate(credential).await.unwrap();
    }
    let owner = &stage.owner;
    let tenancy = stage.shareville.tenancy(owner);
    tenancy.revoke_api_key(stage.tenant, old.id).await.unwrap();
    for gone in [&old_text, &old_token] {
        let told = refused(elsewhere.authenticate(gone).await);
        assert!(matches!(told, CredentialError::Unknown(_)));
    }
    for good in [&new_text, &new_token] {
        elsewhere.authenticate(good).await.unwrap();
    }
}

#[tokio::test]
async fn a_remembered_credential_should_expire_on_time() {
    let stage = Stage::new().await;
    let (store, shareville) = counted(&stage);
    let (_, key) = key(&stage, Some(stage.at(10))).await;
    shareville.authenticate(&key).await.unwrap();
    stage.pass(9);
    shareville.authenticate(&key).await.unwrap();
    stage.pass(1);
    let told = refused(shareville.authenticate(&key).await);
    assert!(matches!(told, CredentialError::Expired(_)));
    assert_eq!(store.credentials_read(), 1);
}

#[tokio::test]
async fn a_tenant_should_be_inactive_and_changed_at_once() {
    let stage = Stage::new().await;
    let (_, shareville) = counted(&stage);
    let (_, key) = key(&stage, None).await;
    let token = token(&shareville, &key, "maria").await;
    let origin = "https://new.example";
    let is_allowed = || shareville.is_allowed_origin(&token, origin.as_bytes());
    shareville.authenticate(&key).await.unwrap();
    assert!(!is_allowed().await.unwrap());
    let change = |input| {
        let stage = &stage;
        async move {
            let owner = &stage.owner;
            let tenancy = stage.shareville.tenancy(owner);
            tenancy.update(stage.tenant, input).await.unwrap();
        }
    };
    let origins = TenantInput {
        allowed_origins: Some(vec![origin.to_owned()]),
        ..TenantInput::default()
    };
    change(origins).await;
    assert!(is_allowed().await.unwrap());
    for active in [false, true] {
        let input = TenantInput {
            active: Some(active),
            ..TenantInput::default()
        };
        change(input).await;
        for credential in [&key, &token] {
            let answer = shareville.authenticate(credential).await;
            let inactive = matches!(
                answer,
                Err(Error::Forbidden {
                    code: "client_app_inactive",
                    ..
                })
            );
            assert_eq!(inactive, !active);
        }
    }
}
