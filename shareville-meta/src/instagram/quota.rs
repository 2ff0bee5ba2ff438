//! How many posts an account may still publish within a day.
//!
//! Source: graph-api.md 6.7 (D-IGLIM, D-IGP): Meta's pages disagree on the number, so the account's own is read.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Deserialize;
use shareville_core::{
    clock::{Timestamp, later},
    failure::{Failure, FailureClass, LimitScope},
    id::TenantId,
    publisher::Job,
};

use super::{InstagramAccounts, auth, host};
use crate::graph::Listed;

/// How long what was read is relied upon, with what was published since counted on top.
const FRESH: Duration = Duration::from_secs(5 * 60);

/// How long an account that has used up its posts is left alone. The day moves along, and nobody tells when the oldest
/// of its posts falls out of it.
const LEFT_ALONE: Duration = Duration::from_secs(60 * 60);

/// How many accounts are remembered at most.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Known {
    total: u64,
    used: u64,
    read_at: Timestamp,
}

impl Known {
    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock that was put back vouches for nothing.
        self.read_at <= now && now < later(self.read_at, FRESH)
    }
}

/// What was read lately. It only saves calls: nothing is lost with it, and the platform has the last word.
#[derive(Debug, Default)]
pub(super) struct Quotas(Mutex<HashMap<(TenantId, String), Known>>);

#[derive(Debug, Deserialize)]
struct Limit {
    #[serde(default)]
    config: Option<Config>,
    #[serde(default)]
    quota_usage: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Config {
    #[serde(default)]
    quota_total: Option<u64>,
}

impl Quotas {
    fn known(&self) -> MutexGuard<'_, HashMap<(TenantId, String), Known>> {
        // Nothing below panics half-way, so a poisoned map is a whole one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what was, or may have been, published just now.
    pub(super) fn count(&self, job: &Job) {
        if let Some(known) = self.known().get_mut(&of(job)) {
            known.used = known.used.saturating_add(1);
        }
    }

    fn fresh(&self, job: &Job, now: Timestamp) -> Option<Known> {
        let known = self.known().get(&of(job)).copied()?;
        known.is_fresh(now).then_some(known)
    }

    fn remember(&self, job: &Job, known: Known) {
        let mut all = self.known();
        if all.len() >= MAX_REMEMBERED {
            all.retain(|_, known_before| known_before.is_fresh(known.read_at));
        }
        if all.len() < MAX_REMEMBERED {
            all.insert(of(job), known);
        }
    }
}

fn of(job: &Job) -> (TenantId, String) {
    (job.post.tenant, job.account.platform_id.clone())
}

impl InstagramAccounts {
    /// Whether the account has published all that it may for now; `None` too if nobody can tell.
    pub(super) async fn used_up(&self, job: &Job) -> Option<Failure> {
        let now = self.graph.now();
        let known = match self.quotas.fresh(job, now) {
            Some(known) => known,
            None => self.read_quota(job, now).await?,
        };
        (known.used >= known.total).then(|| {
            Failure::new(
                left_alone(now),
                format!(
                    "The account has published {} posts within a day, and Instagram allows {}. It goes on by itself \
                     when there is room again.",
                    known.used, known.total
                ),
            )
        })
    }

    /// `GET /{account}/content_publishing_limit`.
    async fn read_quota(&self, job: &Job, now: Timestamp) -> Option<Known> {
        let limits = self
            .graph
            .get(
                &[&job.account.platform_id, "content_publishing_limit"],
                auth(job),
            )
            .at(host(job))
            .with("fields", "config,quota_usage")
            .send::<Listed<Limit>>()
            .await;
        // The client has logged why it could not be read; publishing will say whether there is room.
        let limit = limits.ok()?.data.into_iter().next()?;
        let known = Known {
            total: limit.config?.quota_total?,
            used: limit.quota_usage?,
            read_at: now,
        };
        self.quotas.remember(job, known);
        Some(known)
    }
}

/// The class of an account that has used up its posts.
pub(super) fn left_alone(now: Timestamp) -> FailureClass {
    FailureClass::RateLimited {
        until: Some(later(now, LEFT_ALONE)),
        scope: LimitScope::Account,
    }
}
