//! What was read of credentials before, for as long as the store vouches for it.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{Timestamp, later},
    store::CredentialEpoch,
};

/// How many are remembered at most: twice half of it.
const HALF: usize = 5_000;

/// How long something is remembered, even if the store goes on vouching for it.
const MAX_AGE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
struct Entry<V> {
    value: V,
    epoch: CredentialEpoch,
    read_at: Timestamp,
}

/// Remembers by two halves: when the newer is full it becomes the older, and what was not asked for since is forgotten.
struct Halves<K, V> {
    newer: HashMap<K, Entry<V>>,
    older: HashMap<K, Entry<V>>,
}

/// Remembers what was read, not that something was not there: guesses fill no memory, and what is new counts at once.
pub(crate) struct Recall<K, V>(Mutex<Halves<K, V>>);

impl<K, V> Default for Recall<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Halves {
            newer: HashMap::new(),
            older: HashMap::new(),
        }))
    }
}

impl<K, V> fmt::Debug for Recall<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, V: Clone> Recall<K, V> {
    fn halves(&self) -> MutexGuard<'_, Halves<K, V>> {
        // Nothing below panics half-way, so poisoned halves are whole ones.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was read under this epoch, not too long ago.
    pub(crate) fn get(&self, key: &K, epoch: CredentialEpoch, now: Timestamp) -> Option<V> {
        let is_good = |entry: &Entry<V>| {
            // A clock that was put back vouches for nothing.
            entry.epoch == epoch && entry.read_at <= now && now < later(entry.read_at, MAX_AGE)
        };
        let mut halves = self.halves();
        if let Some(entry) = halves.newer.get(key) {
            return is_good(entry).then(|| entry.value.clone());
        }
        let (key, entry) = halves.older.remove_entry(key)?;
        let value = is_good(&entry).then(|| entry.value.clone())?;
        halves.put(key, entry);
        Some(value)
    }

    /// Remembers what was read after the epoch was.
    pub(crate) fn put(&self, key: K, value: V, epoch: CredentialEpoch, read_at: Timestamp) {
        let entry = Entry {
            value,
            epoch,
            read_at,
        };
        self.halves().put(key, entry);
    }
}

impl<K: Eq + Hash, V> Halves<K, V> {
    fn put(&mut self, key: K, entry: Entry<V>) {
        if self.newer.len() >= HALF && !self.newer.contains_key(&key) {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::TenantId, store::CredentialEpochs};

    fn at(seconds: i64) -> Timestamp {
        chrono::DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn it_should_recall_only_in_the_same_epoch_and_for_a_while() {
        let (epochs, tenant) = (CredentialEpochs::new(), TenantId::generate());
        let (recall, epoch) = (Recall::default(), epochs.of(tenant));
        recall.put("key", 1, epoch, at(100));
        assert_eq!(recall.get(&"key", epoch, at(100)), Some(1));
        assert_eq!(recall.get(&"key", epoch, at(129)), Some(1));
        assert_eq!(recall.get(&"key", epoch, at(130)), None, "too old");
        assert_eq!(
            recall.get(&"key", epoch, at(99)),
            None,
            "the clock went back"
        );
        assert_eq!(recall.get(&"other", epoch, at(100)), None);
        epochs.raise(tenant);
        assert_eq!(recall.get(&"key", epochs.of(tenant), at(100)), None);
    }

    #[test]
    fn it_should_forget_what_is_not_asked_for_when_it_is_full() {
        let epoch = CredentialEpochs::new().of(TenantId::generate());
        let recall = Recall::default();
        for number in 0..10 * HALF {
            recall.put(number, number, epoch, at(0));
            assert_eq!(recall.get(&0, epoch, at(0)), Some(0), "it is in use");
            let halves = recall.halves();
            assert!(halves.newer.len() + halves.older.len() <= 2 * HALF);
        }
        assert_eq!(recall.get(&1, epoch, at(0)), None);
        assert_eq!(
            recall.get(&(10 * HALF - 1), epoch, at(0)),
            Some(10 * HALF - 1)
        );
    }
}
