//! Everything sealed, in SQLite.

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use shareville_core::{
    connection::{Account, Connection, Grant, Login, LoginOutcome},
    credential::TokenHash,
    id::{AccountId, ConnectionId, TenantId},
    secret::{Belongs, Sealed},
    store::{Holder, Result, SealedPage, SealedSecret, SecretStore, Swap},
    tenant::Tenant,
};
use sqlx::{SqliteConnection, SqlitePool, query, query_as, query_scalar};
use uuid::Uuid;

use super::SqliteStore;
use crate::{
    error::{broken_text, failed},
    row::{count, json, record},
};

/// The kinds of records that hold secrets, in the order of [`Holder`]: how each is read after a given id.
pub(super) const KINDS: [&str; 5] = [
    "SELECT id, record, NULL FROM shareville_tenants WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT id, record, NULL FROM shareville_connections WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT id, record, NULL FROM shareville_accounts WHERE id > ?1 ORDER BY id LIMIT ?2",
    "SELECT hash, record, answer FROM shareville_logins WHERE hash > ?1 ORDER BY hash LIMIT ?2",
    "SELECT hash, record, NULL FROM shareville_grants WHERE hash > ?1 ORDER BY hash LIMIT ?2",
];

/// How a secret is exchanged, by the kind of its record. A ciphertext has a nonce of its own, so in a record's JSON it
/// stands for itself: what a newer version may have added to the record stays as it is.
pub(super) const SWAPS: [&str; 5] = [
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

/// A record's kind, as a place in the lists above, and its id.
fn row_of(holder: &Holder) -> Result<(usize, Vec<u8>)> {
    let id = |id: Uuid| id.as_bytes().to_vec();
    Ok(match holder {
        Holder::Tenant(it) => (0, id(it.as_uuid())),
        Holder::Connection(it) => (1, id(it.as_uuid())),
        Holder::Account(it) => (2, id(it.as_uuid())),
        Holder::Login(hash) => (3, hash.as_bytes().to_vec()),
        Holder::Grant(hash) => (4, hash.as_bytes().to_vec()),
        _ => {
            return Err(broken_text(
                "a kind of record that this store does not know",
            ));
        }
    })
}

type Row = (Vec<u8>, String, Option<Vec<u8>>);

/// What a row holds.
fn read(kind: usize, row: &Row) -> Result<(Holder, Vec<(Belongs, Sealed)>)> {
    let (id, json, answer) = row;
    let uuid = || Uuid::from_slice(id).map_err(|_| broken_text("an id that is no UUID"));
    let hash = || {
        let bytes = id.as_slice().try_into();
        let bytes = bytes.map_err(|_| broken_text("a hash that has not 32 bytes"))?;
        Result::Ok(TokenHash::from_bytes(bytes))
    };
    Ok(match kind {
        0 => {
            let holder = Holder::Tenant(TenantId::from_uuid(uuid()?));
            (holder, secrets(json, Tenant::sealed_mut)?)
        }
        1 => {
            let holder = Holder::Connection(ConnectionId::from_uuid(uuid()?));
            (holder, secrets(json, Connection::sealed_mut)?)
        }
        2 => {
            let holder = Holder::Account(AccountId::from_uuid(uuid()?));
            (holder, secrets(json, Account::sealed_mut)?)
        }
        3 => {
            let mut login: Login = record(json)?;
            login.outcome = answer.as_ref().map(|answer| LoginOutcome {
                code: login.hash,
                answer: Some(Sealed::from_bytes(answer.clone())),
            });
            (Holder::Login(hash()?), cloned(login.sealed_mut()))
        }
        _ => (Holder::Grant(hash()?), secrets(json, Grant::sealed_mut)?),
    })
}

fn secrets<T: DeserializeOwned>(
    json: &str,
    sealed: impl FnOnce(&mut T) -> Vec<(Belongs, &mut Sealed)>,
) -> Result<Vec<(Belongs, Sealed)>> {
    let mut held: T = record(json)?;
    Ok(cloned(sealed(&mut held)))
}

fn cloned(sealed: Vec<(Belongs, &mut Sealed)>) -> Vec<(Belongs, Sealed)> {
    let sealed = sealed.into_iter();
    sealed.map(|(place, it)| (place, it.clone())).collect()
}

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
        let limit = limit.max(1);
        let (first, mut after) = after.map_or(Ok((0, Vec::new())), row_of)?;
        let mut page = SealedPage::default();
        for kind in first..KINDS.len() {
            // One more than wanted tells whether there is another page.
            let wanted = limit.saturating_sub(page.holders).saturating_add(1);
            for row in rows(&self.reads, kind, &after, wanted).await? {
                if page.holders == limit {
                    return Ok(page);
                }
                let (holder, secrets) = read(kind, &row)?;
                let stands = |(place, sealed)| SealedSecret {
                    holder,
                    place,
                    sealed,
                };
                page.secrets.extend(secrets.into_iter().map(stands));
                page.holders += 1;
                page.next = Some(holder);
            }
            after.clear();
        }
        page.next = None;
        Ok(page)
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
