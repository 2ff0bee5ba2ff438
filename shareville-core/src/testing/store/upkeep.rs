//! Connections whose tokens are to be looked after.

use std::sync::Arc;

use super::{Bench, LEASE, new_connection};
use crate::{
    clock::Timestamp,
    connection::{Connection, ConnectionStatus},
    id::ConnectionId,
    store::ConnectionChange,
    tenant::Tenant,
};

/// A stored connection to be looked after at a time.
async fn due_at(bench: &Bench, tenant: &Tenant, at: Option<Timestamp>) -> Connection {
    let mut connection = new_connection(tenant, "user", "");
    connection.person = connection.id.to_string();
    connection.upkeep.next_at = at;
    bench.connect(&connection, &[]).await;
    connection
}

async fn claim(bench: &Bench, limit: usize) -> Vec<ConnectionId> {
    let claimed = bench.store.claim_upkeep(limit, LEASE).await.unwrap();
    claimed
        .into_iter()
        .map(|connection| connection.id)
        .collect()
}

/// Writes a connection again, to be looked after at another time.
async fn write(bench: &Bench, connection: &Connection, at: Timestamp) -> Connection {
    let mut next = connection.clone();
    next.revision += 1;
    next.upkeep.next_at = Some(at);
    let change = ConnectionChange {
        connection: next.clone(),
        revision: Some(connection.revision),
        accounts: Vec::new(),
        events: Vec::new(),
        pause: Vec::new(),
        resume: Vec::new(),
    };
    let saved = bench.store.save_connection(&change).await.unwrap();
    assert_eq!(saved, Ok(()));
    next
}

/// Those come first that have been due longest, whoever's they are; a broken one, and one whose time is to come, not at
/// all.
pub async fn should_hand_out_connections_that_are_due(bench: &Bench) {
    let (tenant, other) = (bench.tenant().await, bench.tenant().await);
    let second = due_at(bench, &tenant, Some(bench.at(-5))).await;
    let first = due_at(bench, &other, Some(bench.at(-10))).await;
    let third = due_at(bench, &tenant, Some(bench.now())).await;
    let at_once = due_at(bench, &tenant, None).await;
    let later = due_at(bench, &tenant, Some(bench.at(1))).await;
    let mut broken = new_connection(&tenant, "user", "broken");
    broken.status = ConnectionStatus::ReauthorizationRequired;
    bench.connect(&broken, &[]).await;
    let claimed = bench.store.claim_upkeep(2, LEASE).await.unwrap();
    assert_eq!(claimed, vec![at_once, first]);
    assert_eq!(claim(bench, 10).await, vec![second.id, third.id]);
    bench.pass(1);
    assert_eq!(claim(bench, 10).await, vec![later.id]);
}

/// One that is claimed is not claimed again before its lease is over, whatever is written of it meanwhile.
pub async fn should_hand_out_a_connection_once_at_a_time(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = due_at(bench, &tenant, Some(bench.now())).await;
    assert_eq!(claim(bench, 10).await, vec![connection.id]);
    assert_eq!(claim(bench, 10).await, vec![]);
    write(bench, &connection, bench.at(-60)).await;
    assert_eq!(claim(bench, 10).await, vec![], "somebody is at it");
    bench.clock.advance(LEASE);
    assert_eq!(claim(bench, 10).await, vec![connection.id]);
}

/// Many workers in two processes never get the same connection.
pub async fn should_hand_out_a_connection_exactly_once_under_many_workers(bench: &Bench) {
    let tenant = bench.tenant().await;
    let mut expected = Vec::new();
    for _ in 0..40 {
        expected.push(due_at(bench, &tenant, Some(bench.now())).await.id);
    }
    let workers = (0..8).map(|number| {
        let store = match number % 2 {
            0 => Arc::clone(&bench.store),
            _ => Arc::clone(bench.other()),
        };
        tokio::spawn(async move {
            let mut claimed = Vec::new();
            for _ in 0..20 {
                let some = store.claim_upkeep(3, LEASE).await.unwrap();
                claimed.extend(some.into_iter().map(|connection| connection.id));
            }
            claimed
        })
    });
    let mut claimed = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        claimed.extend(worker.await.unwrap());
    }
    claimed.sort();
    expected.sort();
    assert_eq!(claimed, expected);
}

/// When one is looked after next is written with it.
pub async fn should_not_hand_out_a_connection_that_was_looked_after(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = due_at(bench, &tenant, Some(bench.now())).await;
    let after = write(bench, &connection, bench.at(3600)).await;
    assert_eq!(claim(bench, 10).await, vec![]);
    let sooner = write(bench, &after, bench.at(60)).await;
    bench.pass(60);
    assert_eq!(claim(bench, 10).await, vec![sooner.id]);
}

/// One that is gone is not looked after.
pub async fn should_not_hand_out_a_removed_connection(bench: &Bench) {
    let tenant = bench.tenant().await;
    let connection = due_at(bench, &tenant, Some(bench.now())).await;
    let removed = bench.store.remove_connection(tenant.id, connection.id, &[]);
    assert!(removed.await.unwrap());
    assert_eq!(claim(bench, 10).await, vec![]);
}
