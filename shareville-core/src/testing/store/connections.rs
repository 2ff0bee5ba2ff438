//! Connections and accounts.

use super::{Bench, new_connection};
use crate::{
    connection::{Account, Connection, ConnectionStatus},
    event::{Actor, Event, EventKind, Subject},
    id::{AccountId, ConnectionId, EventId, Provider, UserId},
    lane::{Pause, PauseReason},
    store::{ConnectionChange, PageRequest, Stale, StoreError},
};

fn event(connection: &Connection, kind: EventKind) -> Event {
    Event {
        id: EventId::generate(),
        tenant: connection.tenant,
        kind,
        subject: Subject::Connection(connection.id),
        revision: connection.revision,
        actor: Actor::User(connection.user.clone()),
        at: connection.updated_at,
        data: serde_json::json!({}),
    }
}

fn saving(connection: Connection, revision: Option<u64>) -> ConnectionChange {
    ConnectionChange {
        connection,
        revision,
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    }
}

/// A connection and its accounts read as they were written.
pub async fn should_keep_a_connection_and_its_accounts(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1", "page-2"]).await;
    let (id, store) = (tenant.id, &bench.store);
    let read = store.connection(id, connection.id).await.unwrap();
    assert_eq!(read, Some(connection.clone()));
    let read = store.account(id, accounts[0].id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&accounts[0]));
    let page = PageRequest::first(10);
    let listed = store.accounts(id, connection.id, page).await.unwrap();
    let newest_first: Vec<_> = accounts.into_iter().rev().collect();
    assert_eq!(listed.items, newest_first);
    let facebook = Provider::facebook();
    let user = UserId::new("user");
    let found = store.connection_of(id, &user, &facebook, "person").await;
    assert_eq!(found.unwrap(), Some(connection));
    let found = store.connection_of(id, &user, &facebook, "other").await;
    assert_eq!(found.unwrap(), None);
}

/// An end user has one connection to a person; another end user may have their own.
pub async fn should_refuse_a_second_connection_to_the_same_person(bench: &Bench) {
    let tenant = bench.tenant().await;
    let first = new_connection(&tenant, "user", "person");
    bench.connect(&first, &[]).await;
    let twin = new_connection(&tenant, "user", "person");
    let refused = bench.store.save_connection(&saving(twin, None)).await;
    assert!(matches!(
        refused,
        Err(StoreError::Conflict { field: "person" })
    ));
    bench
        .connect(&new_connection(&tenant, "other", "person"), &[])
        .await;
    let elsewhere = bench.tenant().await;
    bench
        .connect(&new_connection(&elsewhere, "user", "person"), &[])
        .await;
}

/// A change needs the revision it was made for, and otherwise writes nothing of it.
pub async fn should_refuse_a_stale_connection_change(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1"]).await;
    let second = Connection {
        revision: 2,
        name: Some("Second".to_owned()),
        ..connection.clone()
    };
    let saved = bench
        .store
        .save_connection(&saving(second.clone(), Some(1)))
        .await;
    assert_eq!(saved.unwrap(), Ok(()));
    let late = Connection {
        revision: 2,
        name: Some("Late".to_owned()),
        ..connection.clone()
    };
    let renamed = Account {
        name: "Late".to_owned(),
        ..accounts[0].clone()
    };
    for revision in [Some(1), None] {
        let change = ConnectionChange {
            accounts: vec![renamed.clone()],
            events: vec![event(&late, EventKind::ConnectionUpdated)],
            ..saving(late.clone(), revision)
        };
        let refused = bench.store.save_connection(&change).await.unwrap();
        assert_eq!(refused, Err(Stale));
    }
    let read = bench.store.connection(tenant.id, connection.id).await;
    assert_eq!(read.unwrap(), Some(second));
    let read = bench.store.account(tenant.id, accounts[0].id).await;
    assert_eq!(read.unwrap().as_ref(), Some(&accounts[0]));
    let subject = Subject::Connection(connection.id);
    let page = PageRequest::first(10);
    let history = bench.store.events(tenant.id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![]);
    let unknown = new_connection(&tenant, "user", "somebody");
    let change = saving(unknown, Some(1));
    let refused = bench.store.save_connection(&change).await;
    assert_eq!(refused.unwrap(), Err(Stale));
}

/// Accounts are written by id: known ones change, new ones join, the rest stay.
pub async fn should_write_accounts_by_their_id(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1", "page-2"]).await;
    let renamed = Account {
        name: "Renamed".to_owned(),
        ..accounts[0].clone()
    };
    let joining = Account {
        id: AccountId::generate(),
        platform_id: "page-3".to_owned(),
        ..accounts[0].clone()
    };
    let told = event(&connection, EventKind::ConnectionUpdated);
    let second = Connection {
        revision: 2,
        ..connection.clone()
    };
    let change = ConnectionChange {
        accounts: vec![renamed.clone(), joining.clone()],
        events: vec![told.clone()],
        ..saving(second.clone(), Some(1))
    };
    let saved = bench.store.save_connection(&change).await.unwrap();
    assert_eq!(saved, Ok(()));
    let page = PageRequest::first(10);
    let listed = bench.store.accounts(tenant.id, connection.id, page);
    let expected = vec![joining.clone(), accounts[1].clone(), renamed];
    assert_eq!(listed.await.unwrap().items, expected);
    let subject = Subject::Connection(connection.id);
    let history = bench.store.events(tenant.id, subject, page).await.unwrap();
    assert_eq!(history.items, vec![told]);
    let twin = Account {
        id: AccountId::generate(),
        ..joining
    };
    let third = Connection {
        revision: 3,
        ..second
    };
    let change = ConnectionChange {
        accounts: vec![twin],
        ..saving(third, Some(2))
    };
    let refused = bench.store.save_connection(&change).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })));
}

/// Connections are listed newest first, all of the tenant or one end user's.
pub async fn should_list_connections_of_a_user(bench: &Bench) {
    let tenant = bench.tenant().await;
    let first = new_connection(&tenant, "anna", "person-1");
    let second = new_connection(&tenant, "bert", "person-2");
    let third = new_connection(&tenant, "anna", "person-3");
    for connection in [&first, &second, &third] {
        bench.connect(connection, &[]).await;
    }
    let page = PageRequest::first(10);
    let all = bench.store.connections(tenant.id, None, page).await;
    assert_eq!(
        all.unwrap().items,
        vec![third.clone(), second, first.clone()]
    );
    let anna = UserId::new("anna");
    let one = PageRequest::first(1);
    let own = bench.store.connections(tenant.id, Some(&anna), one).await;
    let own = own.unwrap();
    assert_eq!(
        (own.items, own.next),
        (vec![third.clone()], Some(third.id.as_uuid()))
    );
    let rest = PageRequest {
        limit: 1,
        after: own.next,
    };
    let rest = bench.store.connections(tenant.id, Some(&anna), rest).await;
    let rest = rest.unwrap();
    assert_eq!((rest.items, rest.next), (vec![first], None));
}

/// One login may bring accounts of several networks, and two of them may have the same id there: each has a lane of its own.
pub async fn should_keep_accounts_of_several_networks(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let page = bench.connect(&connection, &["17841"]).await.remove(0);
    let instagram = Account {
        id: AccountId::generate(),
        provider: Provider::instagram(),
        ..page.clone()
    };
    let second = Connection {
        revision: 2,
        ..connection.clone()
    };
    let change = ConnectionChange {
        accounts: vec![instagram.clone()],
        ..saving(second.clone(), Some(1))
    };
    let saved = bench.store.save_connection(&change).await.unwrap();
    assert_eq!(saved, Ok(()));
    let other = Connection {
        provider: Provider::instagram(),
        ..new_connection(&tenant, "user", "person")
    };
    bench.connect(&other, &["17841"]).await;
    let shared = async |account: &Account| {
        let lane = account.lane();
        bench.store.is_shared(&lane, connection.id).await.unwrap()
    };
    assert!(!shared(&page).await);
    assert!(shared(&instagram).await);

    let pause = Pause {
        until: bench.at(3600),
        reason: PauseReason::ConnectionBroken,
    };
    let third = Connection {
        revision: 3,
        ..second
    };
    let change = ConnectionChange {
        pause: vec![(page.lane(), pause)],
        ..saving(third, Some(2))
    };
    assert_eq!(bench.store.save_connection(&change).await.unwrap(), Ok(()));
    let lanes = [page.lane(), instagram.lane()];
    let pauses = bench.store.pauses(&lanes).await.unwrap();
    assert_eq!(pauses, vec![Some(pause), None]);
}

/// A connection goes with its accounts, once, and its end is told.
pub async fn should_remove_a_connection_with_its_accounts(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1"]).await;
    let kept = bench.account(&tenant).await;
    let told = event(&connection, EventKind::ConnectionRevoked);
    let events = std::slice::from_ref(&told);
    let (id, store) = (tenant.id, &bench.store);
    let removed = store.remove_connection(id, connection.id, events).await;
    assert!(removed.unwrap());
    let again = store.remove_connection(id, connection.id, events).await;
    assert!(!again.unwrap());
    assert_eq!(store.connection(id, connection.id).await.unwrap(), None);
    assert_eq!(store.account(id, accounts[0].id).await.unwrap(), None);
    assert_eq!(store.account(id, kept.id).await.unwrap(), Some(kept));
    let subject = Subject::Connection(connection.id);
    let history = store.events(id, subject, PageRequest::first(10)).await;
    assert_eq!(history.unwrap().items, vec![told]);
}

/// A lane is shared if another active connection leads to it.
pub async fn should_tell_whether_a_lane_is_shared(bench: &Bench) {
    let tenant = bench.tenant().await;
    let anna = new_connection(&tenant, "anna", "person-1");
    let lane = bench.connect(&anna, &["page-1"]).await[0].lane();
    let shared = |except: ConnectionId| {
        let lane = lane.clone();
        async move { bench.store.is_shared(&lane, except).await.unwrap() }
    };
    assert!(!shared(anna.id).await);
    let broken = Connection {
        status: ConnectionStatus::Revoked,
        ..new_connection(&tenant, "carl", "person-3")
    };
    bench.connect(&broken, &["page-1"]).await;
    let elsewhere = bench.tenant().await;
    let foreign = new_connection(&elsewhere, "anna", "person-1");
    bench.connect(&foreign, &["page-1"]).await;
    assert!(!shared(anna.id).await);
    let bert = new_connection(&tenant, "bert", "person-2");
    bench.connect(&bert, &["page-1"]).await;
    assert!(shared(anna.id).await);
}

/// No tenant reads, changes or removes another's connections.
pub async fn should_keep_connections_from_other_tenants(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let connection = new_connection(&tenant, "user", "person");
    let accounts = bench.connect(&connection, &["page-1"]).await;
    let (id, store) = (other.id, &bench.store);
    assert_eq!(store.connection(id, connection.id).await.unwrap(), None);
    assert_eq!(store.account(id, accounts[0].id).await.unwrap(), None);
    let page = PageRequest::first(10);
    let listed = store.accounts(id, connection.id, page).await.unwrap();
    assert_eq!(listed.items, vec![]);
    let listed = store.connections(id, None, page).await.unwrap();
    assert_eq!(listed.items, vec![]);
    let (user, facebook) = (UserId::new("user"), Provider::facebook());
    let found = store.connection_of(id, &user, &facebook, "person").await;
    assert_eq!(found.unwrap(), None);
    let found = store.connections_of_person(id, &facebook, "person").await;
    assert_eq!(found.unwrap(), vec![]);
    let removed = store.remove_connection(id, connection.id, &[]).await;
    assert!(!removed.unwrap());
    let stolen = Connection {
        tenant: id,
        revision: 2,
        ..connection.clone()
    };
    let refused = store.save_connection(&saving(stolen, Some(1))).await;
    assert_eq!(refused.unwrap(), Err(Stale));
    let read = store.connection(tenant.id, connection.id).await.unwrap();
    assert_eq!(read, Some(connection));
}

/// Accounts are read with their connections, whatever else is asked for, and only the tenant's own.
pub async fn should_read_accounts_by_their_ids(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let anna = new_connection(&tenant, "anna", "person-1");
    let annas = bench.connect(&anna, &["page-1", "page-2", "page-3"]).await;
    let bert = new_connection(&tenant, "bert", "person-2");
    let berts = bench.connect(&bert, &["page-1"]).await;
    let foreign = bench.account(&other).await;
    let asked = [
        berts[0].id,
        annas[2].id,
        AccountId::generate(),
        annas[0].id,
        foreign.id,
        annas[2].id,
    ];
    let found = bench.store.accounts_by_id(tenant.id, &asked).await;
    let mut found = found.unwrap();
    found.sort_by_key(|(account, _)| account.id);
    let expected = vec![
        (annas[0].clone(), anna.clone()),
        (annas[2].clone(), anna),
        (berts[0].clone(), bert),
    ];
    assert_eq!(found, expected);
    let none = bench.store.accounts_by_id(tenant.id, &[]).await;
    assert_eq!(none.unwrap(), vec![]);
}
