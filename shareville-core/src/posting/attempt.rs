//! Requests that may come again: each finds out whether it is the first with its key.
//!
//! Of requests with one key in one process the others wait here for the first. Between processes it is the database that
//! lets them wait, for the key is written together with the posts.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;

use super::Posting;
use crate::{
    clock::later,
    credential::Scope,
    error::Error,
    id::{TenantId, UserId},
    idempotency::{Answered, Fingerprint, Idempotency, IdempotencyKey, KEPT_FOR, KeyHash},
    shareville::Shareville,
};

/// How long a request waits for an earlier one with its key.
const PATIENCE: Duration = Duration::from_secs(10);

type Place = (TenantId, KeyHash);

/// Where requests with a key go in one by one.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<HashMap<Place, Arc<tokio::sync::Mutex<()>>>>);

impl Gate {
    fn places(&self) -> MutexGuard<'_, HashMap<Place, Arc<tokio::sync::Mutex<()>>>> {
        // No step under this lock can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place at the gate; whoever drops it lets the next one in.
struct Pass {
    gate: Shareville,
    place: Place,
    inside: Option<OwnedMutexGuard<()>>,
}

impl Pass {
    /// Waits to be let in; `None` if that takes too long.
    async fn obtain(shareville: &Shareville, place: Place) -> Option<Self> {
        let door = Arc::clone(shareville.gate().places().entry(place).or_default());
        let mut pass = Self {
            gate: shareville.clone(),
            place,
            inside: None,
        };
        let clock = shareville.clock();
        tokio::select! {
            biased;
            inside = door.lock_owned() => pass.inside = Some(inside),
            () = clock.sleep_until(later(clock.now(), PATIENCE)) => return None,
        }
        Some(pass)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut places = self.gate.gate().places();
        self.inside = None;
        // Others who wait here hold the door too.
        if places
            .get(&self.place)
            .is_some_and(|door| Arc::strong_count(door) == 1)
        {
            places.remove(&self.place);
        }
    }
}

/// The first request with its key: whatever it creates is stored together with its answer.
///
/// Others with the same key wait until it is dropped.
pub struct Attempt {
    tenant: TenantId,
    key: KeyHash,
    request: Fingerprint,
    _pass: Pass,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}

/// What has become of a request that may have come before.
#[derive(Debug)]
pub enum Begun {
    /// It is the first: create what it asks for.
    First(Attempt),
    /// It came before: this was answered.
    Before(Vec<u8>),
}

impl Posting<'_> {
    /// Begins a request that may have come before, with a key and a body; waits for an earlier one that is still running,
    /// for ten seconds.
    ///
    /// # Errors
    /// [`Error::KeyReused`] if it came with another body or to another route; [`Error::Conflict`] with
    /// `idempotency_in_progress`; [`Error::Forbidden`], [`Error::Store`].
    pub async fn begin(&self, key: &IdempotencyKey, request: Fingerprint) -> Result<Begun, Error> {
        self.caller.require(Scope::PostsWrite)?;
        let tenant = self.caller.tenant().id;
        let key = key.hash(self.caller.user());
        let pass = Pass::obtain(self.shareville, (tenant, key)).await;
        let attempt = Attempt {
            tenant,
            key,
            request,
            _pass: pass.ok_or_else(in_progress)?,
        };
        Ok(match self.before(&attempt).await? {
            Some(answer) => Begun::Before(answer),
            None => Begun::First(attempt),
        })
    }

    /// What was answered to an earlier request with the same key.
    pub(super) async fn before(&self, attempt: &Attempt) -> Result<Option<Vec<u8>>, Error> {
        let store = self.shareville.store();
        let found = store.answered(attempt.tenant, &attempt.key).await?;
        found.map(|found| attempt.repeated(found)).transpose()
    }
}

impl Attempt {
    /// The earlier answer, if the earlier request was the same.
    pub(super) fn repeated(&self, found: Answered) -> Result<Vec<u8>, Error> {
        match found.request == self.request {
            true => Ok(found.answer),
            false => Err(Error::KeyReused),
        }
    }

    /// What is stored with the posts.
    pub(super) fn kept(
        &self,
        answer: Vec<u8>,
        users: Vec<UserId>,
        shareville: &Shareville,
    ) -> Idempotency {
        Idempotency {
            tenant: self.tenant,
            key: self.key,
            request: self.request,
            answer,
            users,
            expires_at: later(shareville.clock().now(), KEPT_FOR),
        }
    }
}

pub(super) fn in_progress() -> Error {
    Error::Conflict {
        code: "idempotency_in_progress",
        message: "a request with the same `Idempotency-Key` is still running: send this one again in a while".to_owned(),
    }
}
