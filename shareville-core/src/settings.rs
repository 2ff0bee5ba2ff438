//! How the engine goes about its work.

use std::time::Duration;

use crate::{
    delivery::DeliveryPace,
    media::{MediaPreflight, UploadLimits},
    post::Pace,
};

/// How the engine goes about its work. Every field has a default that suits most.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Settings {
    /// How many publish steps are under way at once in this process. Default 64.
    pub concurrency: usize,
    /// How many lanes of one tenant are worked on at once, by all workers together. Default 32.
    pub per_tenant: usize,
    /// How long a dead worker's lanes stay claimed; renewed every third. Default 60 seconds.
    pub lease: Duration,
    /// How long a commit call may take. Default 60 seconds.
    pub commit: Duration,
    /// How long to look for an uncertain post before it fails as `outcome_unknown`. Default 1 hour.
    pub uncertain: Duration,
    /// The first back-off, and the grace before the first look after an uncertain commit. Default 5 seconds.
    pub retry_base: Duration,
    /// How many webhooks are on their way at once in this process. Default 64.
    pub deliveries: usize,
    /// How many webhooks to one tenant are on their way at once, by all workers together: so a slow endpoint keeps no
    /// other waiting. Default 8.
    pub deliveries_per_tenant: usize,
    /// How long an endpoint may take to answer. Default 15 seconds.
    pub delivery: Duration,
    /// How long before its end a token is told of that could not be renewed. Default 7 days.
    pub expiring_within: Duration,
    /// Whether posts' media are looked at before they are published. Default: what is found is told, and stops nothing.
    pub media_preflight: MediaPreflight,
    /// How much may be uploaded, and how long it stays.
    pub uploads: UploadLimits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrency: 64,
            per_tenant: 32,
            lease: Duration::from_secs(60),
            commit: Duration::from_secs(60),
            uncertain: Duration::from_secs(3600),
            retry_base: Duration::from_secs(5),
            deliveries: 64,
            deliveries_per_tenant: 8,
            delivery: Duration::from_secs(15),
            expiring_within: Duration::from_secs(7 * 24 * 3600),
            media_preflight: MediaPreflight::default(),
            uploads: UploadLimits::default(),
        }
    }
}

impl Settings {
    /// A pace, with a fresh jitter for its back-offs.
    pub(crate) fn pace(&self) -> Pace {
        Pace {
            base: self.retry_base,
            uncertain: self.uncertain,
            jitter: jitter(),
        }
    }

    /// The same for deliveries.
    pub(crate) fn delivery_pace(&self) -> DeliveryPace {
        DeliveryPace {
            base: self.retry_base,
            jitter: jitter(),
        }
    }
}

fn jitter() -> f64 {
    let mut random = [0_u8; 2];
    // Without randomness the whole back-off is waited: later than it need be, never wrong.
    getrandom::fill(&mut random).map_or(1.0, |()| {
        f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX)
    })
}
