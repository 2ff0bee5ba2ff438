//! Lanes: what workers claim. A lane is one platform account of one tenant, and one commit at a time runs in it.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{PostId, Provider, TenantId},
};

/// One platform account of one tenant, however many connections lead to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    /// The tenant.
    pub tenant: TenantId,
    /// The network.
    pub provider: Provider,
    /// The account's id at the platform.
    pub platform_id: String,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.provider, self.platform_id)
    }
}

/// Why a lane stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PauseReason {
    /// The platform asked for it.
    RateLimited,
    /// The platform blocked the account.
    Blocked,
    /// The connection is broken: until the end user connects again.
    ConnectionBroken,
    /// The tenant is not active.
    TenantInactive,
}

impl PauseReason {
    /// The reason's stable name, as stores keep it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::Blocked => "blocked",
            Self::ConnectionBroken => "connection_broken",
            Self::TenantInactive => "tenant_inactive",
        }
    }
}

/// A pause: until when, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Until when; [`Timestamp::MAX_UTC`] means until it is lifted.
    pub until: Timestamp,
    /// Why.
    pub reason: PauseReason,
}

/// An open commit holds its lane: until then, no other post may commit in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The post with the open commit.
    pub post: PostId,
    /// Until when: the commit's deadline and a grace.
    pub until: Timestamp,
}

/// A worker's claim on a lane. Whoever no longer has the nonce can write nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClaimRef {
    /// The claimed lane.
    pub lane: Lane,
    /// Made anew by each claim.
    pub nonce: Uuid,
}

/// What a store knows about a lane when it decides when the lane can be claimed, and for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneState {
    /// The earliest `due_at` of its posts.
    pub next_due: Option<Timestamp>,
    /// The earliest `expires_at` of its posts.
    pub next_expiry: Option<Timestamp>,
    /// Until when it is claimed.
    pub leased_until: Option<Timestamp>,
    /// Until when it stands still.
    pub paused_until: Option<Timestamp>,
    /// Until when a commit holds it.
    pub held_until: Option<Timestamp>,
    /// When the post that holds it is due itself.
    pub holder_due: Option<Timestamp>,
}

/// Which of a lane's posts is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first by `due_at`, if it is due.
    Due,
    /// The first by `expires_at`, if it has expired: the lane is paused, and no post waits for ever.
    Expired,
    /// Only the post that holds the lane, if it is due.
    Holder,
}

impl LaneState {
    /// When the lane can next be claimed; `None` if there is nothing to do in it.
    #[must_use]
    pub fn ready_at(&self) -> Option<Timestamp> {
        let mut ready = self.next_due;
        if let (Some(due), Some(held)) = (ready, self.held_until) {
            let others = due.max(held);
            ready = Some(self.holder_due.map_or(others, |holder| holder.min(others)));
        }
        if let Some(paused) = self.paused_until {
            ready = ready.map(|ready| ready.max(paused));
        }
        // An expired post can always be ended, whatever holds or pauses the others.
        let ready = match (ready, self.next_expiry) {
            (Some(ready), Some(expiry)) => Some(ready.min(expiry)),
            (ready, expiry) => ready.or(expiry),
        };
        match (ready, self.leased_until) {
            (Some(ready), Some(leased)) => Some(ready.max(leased)),
            (ready, _) => ready,
        }
    }

    /// Which post a claim at `now` should take.
    #[must_use]
    pub fn turn(&self, now: Timestamp) -> Turn {
        let waits = |until: Option<Timestamp>| until.is_some_and(|until| until > now);
        if self.next_expiry.is_some_and(|expiry| expiry <= now) || waits(self.paused_until) {
            Turn::Expired
        } else if waits(self.held_until) {
            Turn::Holder
        } else {
            Turn::Due
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::clock::{Clock, SystemClock};

    #[test]
    fn a_pause_should_hold_back_all_but_the_expired() {
        let now = SystemClock.now();
        let at = |seconds| Some(now + TimeDelta::seconds(seconds));
        let lane = LaneState {
            next_due: at(-10),
            next_expiry: at(60),
            paused_until: at(600),
            ..LaneState::default()
        };
        assert_eq!(lane.ready_at(), at(60));
        assert_eq!(lane.turn(now), Turn::Expired);
        let lane = LaneState {
            next_expiry: at(900),
            ..lane
        };
        assert_eq!(lane.ready_at(), at(600));
        assert_eq!(lane.turn(now + TimeDelta::seconds(600)), Turn::Due);
    }

    #[test]
    fn a_hold_should_let_only_its_own_post_through() {
        let now = SystemClock.now();
        let at = |seconds| Some(now + TimeDelta::seconds(seconds));
        let lane = LaneState {
            next_due: at(-10),
            held_until: at(65),
            holder_due: at(5),
            ..LaneState::default()
        };
        assert_eq!(lane.ready_at(), at(5));
        assert_eq!(lane.turn(now + TimeDelta::seconds(5)), Turn::Holder);
        assert_eq!(lane.turn(now + TimeDelta::seconds(65)), Turn::Due);
    }

    #[test]
    fn a_lease_should_keep_others_out_until_it_ends() {
        let now = SystemClock.now();
        let at = |seconds| Some(now + TimeDelta::seconds(seconds));
        let lane = LaneState {
            next_due: at(-10),
            leased_until: at(60),
            ..LaneState::default()
        };
        assert_eq!(lane.ready_at(), at(60));
        assert_eq!(LaneState::default().ready_at(), None);
    }
}
