//! Accounts with their connections, in PostgreSQL: whoever creates a post reads them, so several are read together.

use std::{collections::BTreeSet, sync::Arc};

use shareville_core::{
    connection::{Account, Connection},
    id::{AccountId, TenantId},
    store::Result,
};
use sqlx::{PgConnection, PgPool, Row as _, postgres::PgRow, query};
use uuid::Uuid;

use super::{
    PostgresStore,
    gathering::{Gathering, failed_for},
    lend::AtHand,
};
use crate::{error::failed, row::Holds as _};

/// Accounts with their connections, and who asked for each. They are looked up one by one: for a join, a plan that was made
/// while there were few reads all that there are.
pub(super) const ACCOUNTS_BY_ID: &str = "SELECT b.asker, a.record, c.record
     FROM unnest($1::integer[], $2::uuid[], $3::uuid[]) AS b (asker, id, tenant)
     CROSS JOIN LATERAL (
         SELECT record, connection FROM shareville_accounts WHERE id = b.id AND tenant = b.tenant LIMIT 1) a
     CROSS JOIN LATERAL (SELECT record FROM shareville_connections WHERE id = a.connection LIMIT 1) c";

/// Who asks for more accounts than these reads them alone.
const FEW: usize = 8;

/// A tenant and the accounts that are asked for.
pub(super) type Asked = (Uuid, BTreeSet<Uuid>);

/// Reads accounts for several askers together.
pub(super) type Reading = Gathering<Asked, Result<Vec<PgRow>>>;

pub(super) fn start(pool: PgPool, at_hand: Arc<AtHand>) -> Reading {
    Gathering::start(move |asked: Vec<Asked>| {
        let (pool, at_hand) = (pool.clone(), Arc::clone(&at_hand));
        async move {
            match read(&pool, &at_hand, &asked).await {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(error) => failed_for(error, asked.len()),
            }
        }
    })
}

/// Reads accounts for each of several askers.
async fn read(pool: &PgPool, at_hand: &Arc<AtHand>, asked: &[Asked]) -> Result<Vec<Vec<PgRow>>> {
    let mut on = at_hand.lend(pool).await?;
    let found = find(on.on(), asked).await?;
    on.keep();
    Ok(found)
}

async fn find(on: &mut PgConnection, asked: &[Asked]) -> Result<Vec<Vec<PgRow>>> {
    let (mut askers, mut ids, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
    for (asker, (tenant, wanted)) in (0_i32..).zip(asked) {
        for id in wanted {
            askers.push(asker);
            ids.push(*id);
            tenants.push(*tenant);
        }
    }
    let rows = query(ACCOUNTS_BY_ID)
        .bind(askers)
        .bind(ids)
        .bind(tenants)
        .fetch_all(on)
        .await
        .map_err(failed)?;
    let mut found = Vec::new();
    found.resize_with(asked.len(), Vec::new);
    for row in rows {
        let asker: i32 = row.try_get(0).map_err(failed)?;
        let asker = usize::try_from(asker).ok();
        if let Some(found) = asker.and_then(|asker| found.get_mut(asker)) {
            found.push(row);
        }
    }
    Ok(found)
}

impl PostgresStore {
    /// Accounts of a tenant with their connections; those there are not are left out.
    pub(super) async fn find_accounts(
        &self,
        tenant: TenantId,
        ids: &[AccountId],
    ) -> Result<Vec<(Account, Connection)>> {
        let wanted: BTreeSet<Uuid> = ids.iter().map(AccountId::as_uuid).collect();
        let asked = (tenant.as_uuid(), wanted);
        let together = match asked.1.len() <= FEW {
            true => self.reading.ask(asked.clone()).await.ok(),
            false => None,
        };
        let rows = match together {
            Some(rows) => rows?,
            None => {
                let found = read(&self.pool, &self.at_hand, &[asked]).await?;
                found.into_iter().flatten().collect()
            }
        };
        // Each reads what it asked for itself, beside the others.
        let read = rows.iter().map(|row| Ok((row.record(1)?, row.record(2)?)));
        read.collect()
    }
}
