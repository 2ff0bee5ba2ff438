//! Tenants.

use super::{Bench, new_connection, new_tenant};
use crate::{
    credential::{ApiKey, Purpose, mint},
    event::{Actor, Event, EventKind, Subject},
    id::{ApiKeyId, EventId, OwnerId, TenantId, UserId},
    secret::Sealed,
    store::{PageRequest, PostFilter, Stale, StoreError},
    tenant::{SealedApp, Tenant},
};

fn event(tenant: &Tenant, kind: EventKind) -> Event {
    Event {
        id: EventId::generate(),
        tenant: tenant.id,
        kind,
        subject: Subject::Tenant(tenant.id),
        revision: tenant.revision,
        actor: Actor::Host,
        at: tenant.updated_at,
        data: serde_json::json!({"name": tenant.name}),
    }
}

fn app(id: &str) -> Option<SealedApp> {
    Some(SealedApp {
        id: id.to_owned(),
        secret: Some(Sealed::from_bytes(vec![7; 40])),
    })
}

/// A tenant reads as it was written, and what was told of it is there.
pub async fn should_keep_a_tenant_as_it_was_written(bench: &Bench) {
    let tenant = Tenant {
        facebook: app("fb-1"),
        webhook_url: "https://bakery.example/hook".parse().ok(),
        ..new_tenant("anna", bench.now())
    };
    let told = event(&tenant, EventKind::TenantCreated);
    let events = std::slice::from_ref(&told);
    bench.store.create_tenant(&tenant, events).await.unwrap();
    let read = bench.store.tenant(tenant.id).await.unwrap();
    assert_eq!(read, Some(tenant.clone()));
    let nobody = bench.store.tenant(TenantId::generate()).await.unwrap();
    assert_eq!(nobody, None);
    let subject = Subject::Tenant(tenant.id);
    let page = PageRequest::first(10);
    let history = bench.store.events(tenant.id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![told]);
}

/// An owner's tenants come newest first, page by page, and nobody else's among them.
pub async fn should_list_an_owners_tenants_newest_first(bench: &Bench) {
    let mut own = Vec::new();
    for _ in 0..3 {
        let tenant = new_tenant("anna", bench.now());
        bench.store.create_tenant(&tenant, &[]).await.unwrap();
        own.insert(0, tenant.id);
        let other = new_tenant("bert", bench.now());
        bench.store.create_tenant(&other, &[]).await.unwrap();
    }
    let anna = OwnerId::new("anna");
    let first = bench.store.tenants(&anna, PageRequest::first(2));
    let first = first.await.unwrap();
    assert_eq!(first.next, Some(own[1].as_uuid()));
    let rest = PageRequest {
        limit: 2,
        after: first.next,
    };
    let rest = bench.store.tenants(&anna, rest).await.unwrap();
    assert_eq!(rest.next, None);
    let listed = first.items.iter().chain(&rest.items).map(|it| it.id);
    assert_eq!(listed.collect::<Vec<_>>(), own);
}

/// An owner cannot enter the same app twice, neither at once nor by an update; another owner can.
pub async fn should_keep_one_tenant_for_each_app_of_an_owner(bench: &Bench) {
    let (facebook, instagram) = (app("fb-1"), app("ig-1"));
    let first = Tenant {
        facebook: facebook.clone(),
        instagram: instagram.clone(),
        ..new_tenant("anna", bench.now())
    };
    bench.store.create_tenant(&first, &[]).await.unwrap();
    let twin = Tenant {
        facebook: facebook.clone(),
        ..new_tenant("anna", bench.now())
    };
    let refused = bench.store.create_tenant(&twin, &[]).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict {
            field: "facebookAppId"
        })
    ));
    assert_eq!(bench.store.tenant(twin.id).await.unwrap(), None);
    let other = Tenant {
        instagram: app("ig-2"),
        ..new_tenant("anna", bench.now())
    };
    bench.store.create_tenant(&other, &[]).await.unwrap();
    let changed = Tenant {
        instagram,
        revision: 2,
        ..other.clone()
    };
    let refused = bench.store.update_tenant(&changed, 1, &[]).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict {
            field: "instagramAppId"
        })
    ));
    assert_eq!(bench.store.tenant(other.id).await.unwrap(), Some(other));
    let of_another = Tenant {
        facebook,
        ..new_tenant("bert", bench.now())
    };
    bench.store.create_tenant(&of_another, &[]).await.unwrap();
}

/// An update needs the revision it was made for, and otherwise writes nothing.
pub async fn should_refuse_a_stale_tenant_update(bench: &Bench) {
    let tenant = bench.tenant().await;
    let named = |name: &str, revision| Tenant {
        name: name.to_owned(),
        revision,
        ..tenant.clone()
    };
    let second = named("Second", 2);
    let done = bench.store.update_tenant(&second, 1, &[]).await.unwrap();
    assert_eq!(done, Ok(()));
    let late = named("Late", 2);
    let events = [event(&late, EventKind::TenantUpdated)];
    let refused = bench.store.update_tenant(&late, 1, &events).await.unwrap();
    assert_eq!(refused, Err(Stale));
    assert_eq!(bench.store.tenant(tenant.id).await.unwrap(), Some(second));
    let subject = Subject::Tenant(tenant.id);
    let page = PageRequest::first(10);
    let history = bench.store.events(tenant.id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![]);
    let unknown = new_tenant("anna", bench.now());
    let refused = bench.store.update_tenant(&unknown, 1, &[]).await.unwrap();
    assert_eq!(refused, Err(Stale));
}

/// A tenant goes with all that is its own, and nobody else's things go with it.
pub async fn should_delete_a_tenant_with_all_that_is_its_own(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
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
    let account = bench.account(&tenant).await;
    let post = bench.post(&account, bench.now()).await;
    let others_account = bench.account(&other).await;
    let others_post = bench.post(&others_account, bench.now()).await;

    assert!(bench.store.delete_tenant(tenant.id).await.unwrap());
    assert!(!bench.store.delete_tenant(tenant.id).await.unwrap());
    let (id, store) = (tenant.id, &bench.store);
    assert_eq!(store.tenant(id).await.unwrap(), None);
    assert_eq!(store.api_key(id, &key.hash).await.unwrap(), None);
    assert_eq!(store.account(id, account.id).await.unwrap(), None);
    assert_eq!(
        store.connection(id, account.connection).await.unwrap(),
        None
    );
    assert_eq!(store.post(id, post.id).await.unwrap(), None);
    let page = PageRequest::first(10);
    let posts = store.posts(id, &PostFilter::default(), page).await.unwrap();
    assert_eq!(posts.items, vec![]);
    let subject = Subject::Post(post.id);
    let history = store.events(id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![]);
    assert_eq!(bench.claim_one().await.post, others_post);
}

/// Nothing can be stored for a tenant that is not there.
pub async fn should_refuse_what_belongs_to_no_tenant(bench: &Bench) {
    let nobody = new_tenant("anna", bench.now());
    let connection = new_connection(&nobody, "user", "person");
    let change = crate::store::ConnectionChange {
        connection,
        revision: None,
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    };
    let refused = bench.store.save_connection(&change).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
    let grant = crate::connection::Grant {
        hash: mint(Purpose::Grant, nobody.id).hash,
        tenant: nobody.id,
        user: UserId::new("user"),
        provider: crate::id::Provider::facebook(),
        sealed: Sealed::from_bytes(vec![1]),
        expires_at: bench.at(600),
    };
    let refused = bench.store.create_grant(&grant).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
}
