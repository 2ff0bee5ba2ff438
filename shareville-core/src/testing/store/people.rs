//! Connections by the people they are.

use super::{Bench, new_connection};
use crate::{
    connection::{Connection, ConnectionStatus},
    id::Provider,
    store::ConnectionChange,
};

/// The active connections of one person are found, whoever of the tenant's users has them.
pub async fn should_find_the_active_connections_of_a_person(bench: &Bench) {
    let tenant = bench.tenant().await;
    let active = new_connection(&tenant, "anna", "person");
    let also = new_connection(&tenant, "bert", "person");
    let broken = Connection {
        status: ConnectionStatus::ReauthorizationRequired,
        ..new_connection(&tenant, "carl", "person")
    };
    let other = new_connection(&tenant, "anna", "somebody");
    for connection in [&active, &also, &broken, &other] {
        bench.connect(connection, &[]).await;
    }
    let facebook = Provider::facebook();
    let found = bench
        .store
        .connections_of_person(tenant.id, &facebook, "person");
    let mut found: Vec<_> = found.await.unwrap().into_iter().map(|it| it.id).collect();
    found.sort();
    assert_eq!(found, vec![active.id, also.id]);
}

/// A person is found by whichever of their ids the provider uses, as long as the connection names it.
pub async fn should_find_connections_by_any_id_of_their_person(bench: &Bench) {
    let tenant = bench.tenant().await;
    let named = Connection {
        person_ids: vec!["other-id".to_owned(), "third-id".to_owned()],
        ..new_connection(&tenant, "anna", "person")
    };
    bench.connect(&named, &[]).await;
    let namesake = Connection {
        provider: Provider::instagram(),
        ..new_connection(&tenant, "bert", "other-id")
    };
    bench.connect(&namesake, &[]).await;
    let elsewhere = bench.tenant().await;
    bench
        .connect(&new_connection(&elsewhere, "anna", "other-id"), &[])
        .await;
    let of = async |person: &str| {
        let facebook = Provider::facebook();
        let found = bench
            .store
            .connections_of_person(tenant.id, &facebook, person);
        found.await.unwrap()
    };
    for person in ["person", "other-id", "third-id"] {
        assert_eq!(of(person).await, vec![named.clone()], "{person}");
    }
    assert_eq!(of("fourth-id").await, vec![]);
    let renamed = Connection {
        revision: 2,
        person_ids: vec!["third-id".to_owned(), "fourth-id".to_owned()],
        ..named
    };
    let change = ConnectionChange {
        connection: renamed.clone(),
        revision: Some(1),
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    };
    let saved = bench.store.save_connection(&change).await;
    assert_eq!(saved.unwrap(), Ok(()));
    assert_eq!(of("other-id").await, vec![]);
    for person in ["person", "third-id", "fourth-id"] {
        assert_eq!(of(person).await, vec![renamed.clone()], "{person}");
    }
}
