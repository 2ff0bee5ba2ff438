//! Notices in memory.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::{
    clock::{Timestamp, later},
    id::{NoticeId, TenantId},
    notice::{DeletionCode, Notice},
    store::{ClaimedNotices, NoticeChange, NoticeClaim, NoticeStore, Result, Stale},
};

#[derive(Debug)]
struct Record {
    notice: Notice,
    lease: Option<(Uuid, Timestamp)>,
}

impl Record {
    /// When it can be claimed.
    fn ready_at(&self) -> Option<Timestamp> {
        let due = self.notice.due_at?;
        Some(self.lease.map_or(due, |(_, end)| end))
    }
}

/// What platforms have told.
#[derive(Debug, Default)]
pub(super) struct Notices(BTreeMap<NoticeId, Record>);

impl Notices {
    pub(super) fn forget(&mut self, tenant: TenantId) {
        self.0.retain(|_, it| it.notice.tenant != tenant);
    }

    fn keep(&mut self, notice: &Notice) -> Option<Notice> {
        let same =
            |it: &&Record| it.notice.tenant == notice.tenant && it.notice.digest == notice.digest;
        if let Some(known) = self.0.values().find(same) {
            return Some(known.notice.clone());
        }
        let record = Record {
            notice: notice.clone(),
            lease: None,
        };
        self.0.insert(notice.id, record);
        None
    }

    fn claim(&mut self, limit: usize, now: Timestamp, end: Timestamp) -> Vec<NoticeClaim> {
        let ready = self.0.values_mut().filter_map(|record| {
            let ready_at = record.ready_at().filter(|at| *at <= now)?;
            Some((ready_at, record))
        });
        let mut ready: Vec<_> = ready.collect();
        ready.sort_by_key(|(ready_at, record)| (*ready_at, record.notice.id));
        let claims = ready.into_iter().take(limit).map(|(_, record)| {
            let nonce = Uuid::now_v7();
            record.lease = Some((nonce, end));
            NoticeClaim {
                nonce,
                notice: record.notice.clone(),
            }
        });
        claims.collect()
    }

    fn apply(&mut self, change: &NoticeChange, now: Timestamp) -> std::result::Result<(), Stale> {
        let record = self.0.get_mut(&change.notice.id).ok_or(Stale)?;
        let held = match change.claim {
            Some(nonce) => record.lease.is_some_and(|(held, _)| held == nonce),
            None => record.lease.is_none_or(|(_, end)| end <= now),
        };
        let same = record.notice.tenant == change.notice.tenant
            && record.notice.revision == change.revision;
        if !held || !same {
            return Err(Stale);
        }
        record.notice = change.notice.clone();
        record.lease = None;
        Ok(())
    }
}

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn keep_notices(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>> {
        let mut state = self.state();
        for notice in notices {
            state.tenant_is_there(notice.tenant)?;
        }
        Ok(notices.iter().map(|it| state.notices.keep(it)).collect())
    }

    async fn claim_notices(&self, limit: usize, lease: Duration) -> Result<ClaimedNotices> {
        let now = self.clock.now();
        let mut state = self.state();
        let claims = state.notices.claim(limit, now, later(now, lease));
        let records = state.notices.0.values();
        Ok(ClaimedNotices {
            claims,
            now,
            next_ready: records.filter_map(Record::ready_at).min(),
        })
    }

    async fn apply_notices(
        &self,
        changes: &[NoticeChange],
    ) -> Result<Vec<std::result::Result<(), Stale>>> {
        let now = self.clock.now();
        let mut state = self.state();
        let applied = changes.iter().map(|it| state.notices.apply(it, now));
        Ok(applied.collect())
    }

    async fn deletion(&self, tenant: TenantId, code: &DeletionCode) -> Result<Option<Notice>> {
        let state = self.state();
        let mut notices = state.notices.0.values().map(|it| &it.notice);
        let found = notices.find(|it| it.tenant == tenant && it.code() == Some(code));
        Ok(found.cloned())
    }

    async fn sweep_notices(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut state = self.state();
        let before = state.notices.0.len();
        let kept = |it: &Notice| it.kept_until().is_none_or(|until| until > now);
        state.notices.0.retain(|_, it| kept(&it.notice));
        Ok((before - state.notices.0.len()) as u64)
    }
}
