//! Everything sealed, in SQLite.

use async_trait::async_trait;
use shareville_core::{
    secret::Sealed,
    store::{Holder, Result, SealedPage, SecretStore, Swap},
};
use sqlx::{SqliteConnection, SqlitePool, query, query_as, query_scalar};

use super::SqliteStore;
use crate::{
    error::failed,
    row::{count, json},
    secrets::{self, Row, Walk, row_of},
};

/// The kinds of records that hold secrets, in the order of [`Holder`]: how each is read after a given id.
pub(super) const KINDS: [&str; secrets::KINDS] = [
    "SELECT id, record, NULL FROM shareville_tenants WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT id, record, NULL FROM shareville_connections WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT id, record, NULL FROM shareville_accounts WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT hash, record, answer FROM shareville_logins WHERE hash > ?1 ORDER BY hash LIMIT ?2",
    "SELECT hash, record, NULL FROM shareville_grants WHERE hash > ?1 ORDER BY hash LIMIT ?2",
];

/// How a secret is exchanged, by the kind of its record. A ciphertext has a nonce of its own, so in a record's JSON it
/// stands for itself: what a newer version may have added to the record stays as it is.
pub(super) const SWAPS: [&str; secrets::KINDS] = [
    "UPDATE shareville_tenants SET record = replace(record, ?3, ?4)
     WHERE id = ?1 AND id = ?2 AND instr(record, ?3) > 0",
    "UPDATE shareville_connections SET record = replace(record, ?3, ?4)
     WHERE id = ?1 AND tenant = ?2 AND instr(record, ?3) > 0",
    "UPDATE shareville_accounts SET record = replace(record, ?3, ?4)
     WHERE id = ?1 AND tenant = ?2 AND instr(record, ?3) > 0",
    "UPDATE shareville_logins SET answer = ?4 WHERE hash = ?1 AND tenant = ?2 AND answer = ?3",
    "UPDATE shareville_grants SET record = replace(record, ?3, ?4)
     WHERE hash = ?1 AND tenant = ?2 AND instr(record, ?3) > 0",
];

/// Reads rows of a kind, after an id.
async fn rows(pool: &SqlitePool, kind: usize, after: &[u8], limit: usize) -> Result<Vec<Row>> {
    query_as(KINDS[kind])
        .bind(after)
        .bind(count(limit))
        .fetch_all(pool)
        .await
        .map_err(failed)
}

async fn swap(on: &mut SqliteConnection, Swap { old, new }: &Swap) -> Result<bool> {
    let (kind, id) = row_of(&old.holder)?;
    let swapped = query(SWAPS[kind]).bind(id).bind(old.place.tenant.as_uuid());
    let swapped = match old.holder {
        Holder::Login(_) => swapped.bind(old.sealed.as_bytes()).bind(new.as_bytes()),
        // With the quotes of JSON, so that it is the whole text and not a part of another.
        _ => swapped.bind(json(&old.sealed)?).bind(json(new)?),
    };
    let swapped = swapped.execute(on).await.map_err(failed)?;
    Ok(swapped.rows_affected() > 0)
}

#[async_trait]
impl SecretStore for SqliteStore {
    async fn holders(&self) -> Result<u64> {
        let holders: i64 = query_scalar(
            "SELECT (SELECT count(*) FROM shareville_tenants) + (SELECT count(*) FROM shareville_connections)
                  + (SELECT count(*) FROM shareville_accounts) + (SELECT count(*) FROM shareville_logins)
                  + (SELECT count(*) FROM shareville_grants)",
        )
        .fetch_one(&self.reads)
        .await
        .map_err(failed)?;
        Ok(holders.cast_unsigned())
    }

    async fn sealed(&self, after: Option<&Holder>, limit: usize) -> Result<SealedPage> {
        let mut walk = Walk::new(after, limit)?;
        while let Some((kind, after, limit)) = walk.up() {
            let rows = rows(&self.reads, kind, after, limit).await?;
            walk.take(rows)?;
        }
        Ok(walk.page())
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<Vec<bool>> {
        let mut write = self.write().await?;
        let mut swapped = Vec::with_capacity(swaps.len());
        for one in swaps {
            swapped.push(swap(write.on(), one).await?);
        }
        write.commit().await?;
        Ok(swapped)
    }

    async fn probes(&self) -> Result<Vec<Sealed>> {
        let probes: Vec<Vec<u8>> = query_scalar("SELECT probe FROM shareville_keys ORDER BY id")
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        Ok(probes.into_iter().map(Sealed::from_bytes).collect())
    }

    async fn keep_probe(&self, key: &str, probe: &Sealed) -> Result<()> {
        let mut write = self.write().await?;
        query(
            "INSERT INTO shareville_keys (id, probe) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
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
        query("DELETE FROM shareville_keys WHERE id IN (SELECT value FROM json_each(?1))")
            .bind(json(keys)?)
            .execute(write.on())
            .await
            .map_err(failed)?;
        write.commit().await
    }
}
