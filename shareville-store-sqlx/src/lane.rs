//! A lane's row, and what changes do to it.

use shareville_core::{
    id::{Provider, TenantId},
    lane::{ClaimRef, Hold, Lane, LaneState, Pause, PauseReason},
    post::{Change, HoldChange},
    store::Result,
};
use sqlx::FromRow;
use uuid::Uuid;

use crate::row::{micros, record, time};

/// One lane's row.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct LaneRow {
    pub(crate) id: i64,
    pub(crate) tenant: Uuid,
    pub(crate) provider: String,
    pub(crate) platform_id: String,
    pub(crate) nonce: Option<Uuid>,
    pub(crate) leased_until: Option<i64>,
    pub(crate) paused_until: Option<i64>,
    pub(crate) pause_reason: Option<String>,
    pub(crate) held_until: Option<i64>,
    pub(crate) held_by: Option<Uuid>,
    pub(crate) next_due: Option<i64>,
    pub(crate) next_expiry: Option<i64>,
    pub(crate) holder_due: Option<i64>,
}

impl LaneRow {
    pub(crate) fn lane(&self) -> Lane {
        Lane {
            tenant: TenantId::from_uuid(self.tenant),
            provider: Provider::new(self.provider.as_str()),
            platform_id: self.platform_id.clone(),
        }
    }

    pub(crate) fn state(&self) -> LaneState {
        LaneState {
            next_due: self.next_due.map(time),
            next_expiry: self.next_expiry.map(time),
            leased_until: self.leased_until.map(time),
            paused_until: self.paused_until.map(time),
            held_until: self.held_until.map(time),
            holder_due: self.holder_due.map(time),
        }
    }

    pub(crate) fn ready_at(&self) -> Option<i64> {
        self.state().ready_at().map(micros)
    }

    /// Whether a claim still holds: nobody has claimed the lane since, even if the lease ran out.
    pub(crate) fn is_held_under(&self, claim: &ClaimRef) -> bool {
        self.nonce == Some(claim.nonce)
            && self.tenant == claim.lane.tenant.as_uuid()
            && self.provider == claim.lane.provider.as_str()
            && self.platform_id == claim.lane.platform_id
    }

    /// The longer pause stays; says whether that is this one.
    pub(crate) fn pause(&mut self, pause: &Pause) -> bool {
        let until = micros(pause.until);
        let is_longer = self.paused_until.is_none_or(|there| there < until);
        if is_longer {
            self.paused_until = Some(until);
            self.pause_reason = Some(pause.reason.code().to_owned());
        }
        is_longer
    }

    pub(crate) fn paused(&self) -> Result<Option<Pause>> {
        let (Some(until), Some(reason)) = (self.paused_until, &self.pause_reason) else {
            return Ok(None);
        };
        let until = time(until);
        // Stored by its code, which is its JSON form.
        let reason = record(&format!("\"{reason}\""))?;
        Ok(Some(Pause { until, reason }))
    }

    /// Ends a pause for this reason; says whether there was one.
    pub(crate) fn resume(&mut self, reason: PauseReason) -> bool {
        let is_meant = self.pause_reason.as_deref() == Some(reason.code());
        if is_meant {
            self.paused_until = None;
            self.pause_reason = None;
        }
        is_meant
    }

    const fn hold(&mut self, hold: Option<Hold>) {
        match hold {
            Some(hold) => {
                self.held_until = Some(micros(hold.until));
                self.held_by = Some(hold.post.as_uuid());
            }
            None => {
                self.held_until = None;
                self.held_by = None;
            }
        }
    }

    pub(crate) const fn release(&mut self) {
        self.nonce = None;
        self.leased_until = None;
    }

    /// What a change to one of its posts does to the lane itself.
    pub(crate) fn follow(&mut self, change: &Change) {
        match change.hold {
            HoldChange::Set(hold) => self.hold(Some(hold)),
            HoldChange::Lift(post) if self.held_by == Some(post.as_uuid()) => self.hold(None),
            HoldChange::Keep | HoldChange::Lift(_) => {}
        }
        if let Some(pause) = &change.pause {
            self.pause(pause);
        }
        if change.release && change.claim.is_some() {
            self.release();
        }
    }
}
