//! Ids that look like Meta's, and random texts for tokens and codes.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};

/// Hands out ids. They grow with time, so a restarted sandbox does not give an old id to a new thing.
#[derive(Debug)]
pub(crate) struct Ids {
    base: u64,
    count: u64,
}

impl Ids {
    pub(crate) fn new(now: DateTime<Utc>) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        Self {
            base: (millis % 1_000_000_000_000) * 1_000,
            count: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.base + self.count
    }

    /// Eighteen digits, as posts and photos have.
    pub(crate) fn long(&mut self) -> String {
        (122_000_000_000_000_000 + self.next()).to_string()
    }

    /// Sixteen digits, as comments have.
    pub(crate) fn comment(&mut self) -> String {
        (1_000_000_000_000_000 + self.next()).to_string()
    }

    /// Seventeen digits, as Instagram's containers, media and comments have.
    pub(crate) fn instagram(&mut self) -> String {
        (17_000_000_000_000_000 + self.next()).to_string()
    }

    /// Seventeen digits, as Instagram's professional accounts have.
    pub(crate) fn instagram_account(&mut self) -> String {
        format!("17841{:012}", self.next() % 1_000_000_000_000)
    }

    /// Seventeen digits, as people, Pages and businesses get here.
    pub(crate) fn node(&mut self) -> String {
        (61_000_000_000_000_000 + self.next()).to_string()
    }
}

/// Letters and digits nobody can guess by chance.
pub(crate) fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = vec![0_u8; length];
    if getrandom::fill(&mut bytes).is_err() {
        // No random source: an emulation may go on with texts that are merely distinct.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::try_from((count >> (6 * (place % 10))) & 63).unwrap_or_default();
        }
    }
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}
