//! Rotating encryption keys: sealing everything anew while servers run, and noticing a key that is missing or wrong.
//!
//! To change keys, put the new one first in the list of every process and keep the old one behind it, call
//! [`Shareville::reseal`], then drop the old one. Nothing stands still meanwhile: a secret is exchanged only where the
//! old ciphertext still stands, and a record changes in nothing else. A key that is lost is given up.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::{
    error::Error,
    id::TenantId,
    secret::{Belongs, Keyring, OpenError, Sealed},
    shareville::Shareville,
    store::{Holder, SealedPage, SealedSecret, Swap},
};

/// How many records are read, and at most written, in one step: a store's other writers wait no longer than that.
const BATCH: usize = 200;

/// How often the records are walked through. The first walk does the work, and the next finds what came back from
/// somebody who had read it before; more are needed only if another process still seals with another key.
const WALKS: usize = 5;

/// How far re-sealing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResealProgress {
    /// The records looked into.
    pub done: u64,
    /// All records that may hold secrets, as far as is known: it grows with them.
    pub total: u64,
    /// The secrets sealed anew.
    pub resealed: u64,
}

/// A sealed secret that does not open, by its place: what it holds is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// Whose it is.
    pub tenant: TenantId,
    /// The record it stands in; the tenant's own id for a login or a grant.
    pub record: Uuid,
    /// The record's field.
    pub field: &'static str,
    /// Why it does not open.
    pub error: OpenError,
}

impl Unreadable {
    const fn new(place: Belongs, error: OpenError) -> Self {
        Self {
            tenant: place.tenant,
            record: place.record,
            field: place.field,
            error,
        }
    }
}

/// How many secrets are named of those that do not open: a key that is missing has sealed all of them.
const NAMED: usize = 100;

/// Secrets that do not open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadables {
    /// How many.
    pub count: u64,
    /// The first hundred of them.
    pub first: Vec<Unreadable>,
}

impl Unreadables {
    fn push(&mut self, secret: Unreadable) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(secret);
        }
    }
}

/// How re-sealing ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resealed {
    /// Secrets sealed anew.
    pub resealed: u64,
    /// Secrets that the first key had sealed already.
    pub already: u64,
    /// Secrets that do not open with any key of the list: they stay as they are.
    pub unreadable: Unreadables,
    /// Whether the last walk found nothing left to do. If not, another process still seals with another key: put the
    /// same key first everywhere, and call again.
    pub settled: bool,
}

impl Resealed {
    /// Whether every secret is under the first key now: the others may be dropped.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.settled && self.unreadable.count == 0
    }
}

/// What one key has sealed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyUse {
    /// Secrets that open.
    pub readable: u64,
    /// Secrets that do not.
    pub unreadable: u64,
}

/// Which keys are in use in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySurvey {
    /// What each key has sealed, by its id.
    pub keys: BTreeMap<String, KeyUse>,
    /// Secrets that do not open.
    pub unreadable: Unreadables,
}

impl KeySurvey {
    fn count(&mut self, keyring: &Keyring, secret: &SealedSecret) {
        let key = secret.sealed.key_id().map(str::to_owned);
        let opened = keyring.open(secret.place, &secret.sealed);
        if let Some(key) = key {
            let key = self.keys.entry(key).or_default();
            match &opened {
                Ok(_) => key.readable += 1,
                Err(_) => key.unreadable += 1,
            }
        }
        if let Err(error) = opened {
            self.unreadable.push(Unreadable::new(secret.place, error));
        }
    }

    /// The first of the suspected keys that has sealed secrets of which none opens: it is missing, or another has taken
    /// its id.
    fn lacking(
        &self,
        keyring: &Keyring,
        is_suspected: impl Fn(&str) -> bool,
    ) -> Result<(), OpenError> {
        let lacking = self.keys.iter().find(|(id, used)| {
            used.readable == 0 && used.unreadable > 0 && is_suspected(id.as_str())
        });
        let Some((id, _)) = lacking else {
            return Ok(());
        };
        let id = id.clone();
        Err(match keyring.knows(&id) {
            true => OpenError::OtherKey { id },
            false => OpenError::UnknownKey { id },
        })
    }
}

/// A walk through all records, page by page.
#[derive(Debug)]
struct Course {
    done: u64,
    total: u64,
    after: Option<Holder>,
    over: bool,
}

impl Course {
    async fn begin(shareville: &Shareville) -> Result<Self, Error> {
        Ok(Self {
            done: 0,
            total: shareville.store().holders().await?,
            after: None,
            over: false,
        })
    }

    async fn next(&mut self, shareville: &Shareville) -> Result<Option<SealedPage>, Error> {
        if self.over {
            return Ok(None);
        }
        let store = shareville.store();
        let page = store.sealed(self.after.as_ref(), BATCH).await?;
        self.done += page.holders as u64;
        self.total = self.total.max(self.done);
        self.after = page.next;
        self.over = page.next.is_none();
        Ok(Some(page))
    }

    const fn at(&self, resealed: u64) -> ResealProgress {
        ResealProgress {
            done: self.done,
            total: self.total,
            resealed,
        }
    }
}

/// What one walk did.
#[derive(Debug, Default)]
struct Walk {
    resealed: u64,
    already: u64,
    lost: u64,
    unreadable: Unreadables,
}

impl Shareville {
    /// Seals everything anew with the keyring's first key, in batches, while other processes go on working. It may be
    /// stopped at any time and called again.
    ///
    /// `progress` is called after each batch. A secret that does not open is left as it is and listed.
    ///
    /// # Errors
    /// [`Error::Store`]: what was sealed anew until then stays so.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use shareville_core::{clock::SystemClock, secret::Keyring, store::MemoryStore, Error, Shareville};
    /// # async fn rotate(shareville: Shareville) -> Result<(), Error> {
    /// let done = shareville.reseal(|at| println!("{} of {} records", at.done, at.total)).await?;
    /// assert!(done.is_complete(), "keep the old key: {done:?}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reseal(
        &self,
        mut progress: impl FnMut(ResealProgress) + Send,
    ) -> Result<Resealed, Error> {
        let mut done = Resealed::default();
        for walk in 0..WALKS {
            let found = self.walk(done.resealed, &mut progress).await?;
            if walk == 0 {
                done.already = found.already;
            }
            done.resealed += found.resealed;
            done.unreadable = found.unreadable;
            done.settled = found.resealed == 0 && found.lost == 0;
            if done.settled {
                break;
            }
        }
        Ok(done)
    }

    async fn walk(
        &self,
        before: u64,
        progress: &mut (impl FnMut(ResealProgress) + Send),
    ) -> Result<Walk, Error> {
        let mut walk = Walk::default();
        let mut course = Course::begin(self).await?;
        while let Some(page) = course.next(self).await? {
            self.seal_page(&page, &mut walk).await?;
            progress(course.at(before + walk.resealed));
        }
        Ok(walk)
    }

    async fn seal_page(&self, page: &SealedPage, walk: &mut Walk) -> Result<(), Error> {
        let mut swaps = Vec::new();
        for old in &page.secrets {
            match self.keyring().reseal(old.place, &old.sealed) {
                Ok(None) => walk.already += 1,
                Ok(Some(new)) => swaps.push(Swap {
                    old: old.clone(),
                    new,
                }),
                Err(error) => walk.unreadable.push(Unreadable::new(old.place, error)),
            }
        }
        if swaps.is_empty() {
            return Ok(());
        }
        for swapped in self.store().swap(&swaps).await? {
            match swapped {
                true => walk.resealed += 1,
                // It has changed since it was read, or is gone: the next walk sees.
                false => walk.lost += 1,
            }
        }
        Ok(())
    }

    /// Looks which keys are in use in the store, and what of it opens. It reads every record, and writes nothing.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn survey_keys(
        &self,
        mut progress: impl FnMut(ResealProgress) + Send,
    ) -> Result<KeySurvey, Error> {
        let mut survey = KeySurvey::default();
        let mut course = Course::begin(self).await?;
        while let Some(page) = course.next(self).await? {
            for secret in &page.secrets {
                survey.count(self.keyring(), secret);
            }
            progress(course.at(0));
        }
        Ok(survey)
    }

    /// Makes sure that the keyring opens what is sealed in the store: call it when a process starts.
    ///
    /// It costs one small read: a *probe*, a sealed text, is kept in the store for each key that has been used. Only
    /// where a probe does not open, or there is none yet, all secrets are looked through, since nothing may be sealed
    /// with that key.
    ///
    /// # Errors
    /// [`Error::Sealed`] names the key that is missing, or that is another than the one secrets were sealed with: put it
    /// back, or, if it is lost, [`give_up_key`](Self::give_up_key). [`Error::Store`].
    pub async fn check_keys(&self) -> Result<(), Error> {
        let probes = self.store().probes().await?;
        let stale: Vec<String> = probes
            .iter()
            .filter(|probe| !self.opens(probe))
            .map(|probe| probe.key_id().unwrap_or_default().to_owned())
            .collect();
        let is_stale = |id: &str| stale.iter().any(|it| it == id);
        if probes.is_empty() || !stale.is_empty() {
            let survey = self.survey_keys(|_| {}).await?;
            // Where there are probes, one that was given up has none.
            survey.lacking(self.keyring(), |id| probes.is_empty() || is_stale(id))?;
            self.store().forget_probes(&stale).await?;
        }
        let id = self.keyring().sealing_id();
        match of_key(&probes, id).is_some() && !is_stale(id) {
            true => Ok(()),
            false => self.keep_probe().await,
        }
    }

    /// Gives up a key that is lost, so that processes start without it; says what it has sealed.
    ///
    /// What it has sealed stays as it is and does not open: posts that need it wait with `secret_unreadable`, until those
    /// accounts are connected again and those app secrets entered again.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the keyring has the key: then it is not lost. [`Error::NotFound`] if it has sealed nothing.
    /// [`Error::Sealed`] and [`Error::Store`] as [`check_keys`](Self::check_keys).
    pub async fn give_up_key(
        &self,
        id: &str,
        progress: impl FnMut(ResealProgress) + Send,
    ) -> Result<KeyUse, Error> {
        let probes = self.store().probes().await?;
        let probe = of_key(&probes, id);
        let survey = self.survey_keys(progress).await?;
        let used = survey.keys.get(id).copied().unwrap_or_default();
        if used.readable > 0 || probe.is_some_and(|probe| self.opens(probe)) {
            return Err(Error::Conflict {
                code: "key_in_use",
                message: format!(
                    "key `{id}` is among the encryption keys and opens what it has sealed: only one that is lost can be \
                     given up"
                ),
            });
        }
        if probe.is_none() && used.unreadable == 0 {
            return Err(Error::NotFound("key"));
        }
        self.store()
            .forget_probes(std::slice::from_ref(&id.to_owned()))
            .await?;
        // So that there is one, and the next start does not look through everything.
        self.keep_probe().await?;
        Ok(used)
    }

    /// Keeps the probe of the key that seals here, if somebody who does not know that key has forgotten it since.
    pub(crate) async fn keep_forgotten_probe(&self) -> Result<(), Error> {
        let probes = self.store().probes().await?;
        match of_key(&probes, self.keyring().sealing_id()) {
            Some(_) => Ok(()),
            None => self.keep_probe().await,
        }
    }

    /// Keeps a probe of the key that seals here, unless there is one.
    async fn keep_probe(&self) -> Result<(), Error> {
        let id = self.keyring().sealing_id();
        let probe = self.keyring().seal(PROBE, &"probe".into());
        self.store().keep_probe(id, &probe).await?;
        // Of two processes that start at once with different keys under one id, one was first.
        let kept = self.store().probes().await?;
        match of_key(&kept, id).is_some_and(|probe| !self.opens(probe)) {
            true => Err(OpenError::OtherKey { id: id.to_owned() }.into()),
            false => Ok(()),
        }
    }

    fn opens(&self, probe: &Sealed) -> bool {
        self.keyring().open(PROBE, probe).is_ok()
    }
}

/// The probe of a key.
fn of_key<'a>(probes: &'a [Sealed], id: &str) -> Option<&'a Sealed> {
    probes.iter().find(|probe| probe.key_id() == Some(id))
}

/// A probe belongs to the store as a whole.
const PROBE: Belongs = Belongs {
    tenant: TenantId::from_uuid(Uuid::nil()),
    record: Uuid::nil(),
    field: "probe",
};
