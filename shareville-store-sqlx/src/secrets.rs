//! Everything sealed, as it stands in rows.

use serde::de::DeserializeOwned;
use shareville_core::{
    connection::{Account, Connection, Grant, Login, LoginOutcome},
    credential::TokenHash,
    id::{AccountId, ConnectionId, TenantId},
    secret::{Belongs, Sealed},
    store::{Holder, Result, SealedPage, SealedSecret},
    tenant::Tenant,
};
use uuid::Uuid;

use crate::{error::broken_text, row::record};

/// How many kinds of records hold secrets.
pub(crate) const KINDS: usize = 5;

/// A record's kind, as a place in a store's lists of statements, in the order of [`Holder`], and its id.
pub(crate) fn row_of(holder: &Holder) -> Result<(usize, Vec<u8>)> {
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

/// A record that may hold secrets: its id, itself, and a login's answer.
pub(crate) type Row = (Vec<u8>, String, Option<Vec<u8>>);

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

/// A page of secrets that is being read.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The kind that is up, and the id after which to go on in it.
    kind: usize,
    after: Vec<u8>,
    limit: usize,
    page: SealedPage,
    full: bool,
}

impl Walk {
    pub(crate) fn new(after: Option<&Holder>, limit: usize) -> Result<Self> {
        let (kind, after) = after.map_or(Ok((0, Vec::new())), row_of)?;
        Ok(Self {
            kind,
            after,
            limit: limit.max(1),
            page: SealedPage::default(),
            full: false,
        })
    }

    /// What to read next: a kind, after which id, and how many rows. One more than wanted tells whether there is another
    /// page.
    pub(crate) fn up(&self) -> Option<(usize, &[u8], usize)> {
        let wanted = self.limit.saturating_sub(self.page.holders);
        let goes_on = !self.full && self.kind < KINDS;
        goes_on.then_some((self.kind, &self.after, wanted.saturating_add(1)))
    }

    /// Takes what was read.
    pub(crate) fn take(&mut self, rows: Vec<Row>) -> Result<()> {
        for row in rows {
            if self.page.holders == self.limit {
                self.full = true;
                return Ok(());
            }
            let (holder, secrets) = read(self.kind, &row)?;
            let stands = |(place, sealed)| SealedSecret {
                holder,
                place,
                sealed,
            };
            self.page.secrets.extend(secrets.into_iter().map(stands));
            self.page.holders += 1;
            self.page.next = Some(holder);
        }
        self.kind += 1;
        self.after.clear();
        Ok(())
    }

    pub(crate) fn page(mut self) -> SealedPage {
        if !self.full {
            self.page.next = None;
        }
        self.page
    }
}
