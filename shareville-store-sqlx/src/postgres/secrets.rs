//! Everything sealed, in PostgreSQL.

use async_trait::async_trait;
use shareville_core::{
    secret::Sealed,
    store::{Holder, Result, SealedPage, SecretStore, Swap},
};
use sqlx::{PgConnection, query, query_as, query_scalar};

use super::PostgresStore;
use crate::{
    error::{failed, written},
    row::{count, json},
    secrets::{self, Row, Walk, row_of},
};

/// Reads records that are known by an id.
macro_rules! by_id {
    ($table:literal) => {
        concat!(
            "SELECT uuid_send(id), record, NULL::bytea FROM ",
            $table,
            " WHERE id > encode($1, 'hex')::uuid ORDER BY id LIMIT $2"
        )
    };
}

/// The kinds of records that hold secrets, in the order of [`Holder`]: how each is read after a given id.
pub(super) const KINDS: [&str; secrets::KINDS] = [
    by_id!("shareville_tenants"),
    by_id!("shareville_connections"),
    by_id!("shareville_accounts"),
    "SELECT hash, record, answer FROM shareville_logins WHERE hash > $1 ORDER BY hash LIMIT $2",
    "SELECT hash, record, NULL::bytea FROM shareville_grants WHERE hash > $1 ORDER BY hash LIMIT $2",
];

/// How a secret is exchanged, by the kind of its record. A ciphertext has a nonce of its own, so in a record's JSON it
/// stands for itself: what a newer version may have added to the record stays as it is.
macro_rules! swap {
    ($table:literal, $tenant:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET record = replace(record, $3, $4)
             WHERE id = encode($1, 'hex')::uuid AND ",
            $tenant,
            " = $2 AND strpos(record, $3) > 0"
        )
    };
}

pub(super) const SWAPS: [&str; secrets::KINDS] = [
    swap!("shareville_tenants", "id"),
    swap!("shareville_connections", "tenant"),
    swap!("shareville_accounts", "tenant"),
    "UPDATE shareville_logins SET answer = $4 WHERE hash = $1 AND tenant = $2 AND answer = $3",
    "UPDATE shareville_grants SET record = replace(record, $3, $4)
     WHERE hash = $1 AND tenant = $2 AND strpos(record, $3) > 0",
];

/// Before the first id of a kind; with a hash nothing is.
const FIRST: [&[u8]; secrets::KINDS] = [&[0; 16], &[0; 16], &[0; 16], &[], &[]];

async fn swap(on: &mut PgConnection, Swap { old, new }: &Swap) -> Result<bool> {
    let (kind, id) = row_of(&old.holder)?;
    let swapped = query(SWAPS[kind]).bind(id).bind(old.place.tenant.as_uuid());
    let swapped = match old.holder {
        Holder::Login(_) => swapped.bind(old.sealed.as_bytes()).bind(new.as_bytes()),
        // With the quotes of JSON, so that it is the whole text and not a part of another.
        _ => swapped.bind(json(&old.sealed)?).bind(json(new)?),
    };
    let swapped = swapped.execute(on).await.map_err(written)?;
    Ok(swapped.rows_affected() > 0)
}

#[async_trait]
impl SecretStore for PostgresStore {
    async fn holders(&self) -> Result<u64> {
        let mut on = self.lend().await?;
        let holders: i64 = query_scalar(
            "SELECT (SELECT count(*) FROM shareville_tenants) + (SELECT count(*) FROM shareville_connections)
                  + (SELECT count(*) FROM shareville_accounts) + (SELECT count(*) FROM shareville_logins)
                  + (SELECT count(*) FROM shareville_grants)",
        )
        .fetch_one(on.on())
        .await
        .map_err(failed)?;
        on.keep();
        Ok(holders.cast_unsigned())
    }

    async fn sealed(&self, after: Option<&Holder>, limit: usize) -> Result<SealedPage> {
        let mut walk = Walk::new(after, limit)?;
        while let Some((kind, after, limit)) = walk.up() {
            let mut on = self.lend().await?;
            let rows: Vec<Row> = query_as(KINDS[kind])
                .bind(if after.is_empty() { FIRST[kind] } else { after })
                .bind(count(limit))
                .fetch_all(on.on())
                .await
                .map_err(failed)?;
            on.keep();
            walk.take(rows)?;
        }
        Ok(walk.page())
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<Vec<bool>> {
        // Each by itself: together they would lock records in another order than those who change connections.
        let mut swapped = Vec::with_capacity(swaps.len());
        for one in swaps {
            let mut on = self.lend().await?;
            swapped.push(swap(on.on(), one).await?);
            on.keep();
        }
        Ok(swapped)
    }

    async fn probes(&self) -> Result<Vec<Sealed>> {
        let mut on = self.lend().await?;
        let probes: Vec<Vec<u8>> = query_scalar("SELECT probe FROM shareville_keys ORDER BY id")
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        Ok(probes.into_iter().map(Sealed::from_bytes).collect())
    }

    async fn keep_probe(&self, key: &str, probe: &Sealed) -> Result<()> {
        let mut write = self.write().await?;
        query(
            "INSERT INTO shareville_keys (id, probe) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(key)
        .bind(probe.as_bytes())
        .execute(write.on())
        .await
        .map_err(failed)?;
        write.commit().await
    }

    async fn forget_probes(&self, keys: &[String]) -> Result<()> {
        let mut write = self.write().await?;
        query("DELETE FROM shareville_keys WHERE id = ANY ($1)")
            .bind(keys)
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await
    }
}
