//! What is durable before the platform is asked: progress, and the mark "committing object X since T, deadline D".

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Pace;
use crate::{
    clock::{Timestamp, later},
    failure::Failure,
};

/// What a publisher has prepared at the platform. Only the publisher reads `data`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The version of `data`, the publisher's own.
    pub version: u16,
    /// Which content it was made for.
    pub content_revision: u32,
    /// The object at the platform that a commit would make visible, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Whatever the publisher needs to go on.
    pub data: Value,
}

/// Whether the same commit call on the same object may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// Proven harmless: repeated after one look that found the object unpublished.
    Proven,
    /// Assumed harmless: repeated only after two such looks, a grace apart and both past the deadline.
    Assumed,
    /// Never.
    Never,
}

/// The mark of an open commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The object the commit makes visible.
    pub object: String,
    /// Whether the call may be made again.
    pub repeat: Repeat,
    /// When the object was first committed, by the store's clock.
    pub since: Timestamp,
    /// Until when the latest commit may have been sent and answered, by the store's clock.
    pub deadline: Timestamp,
    /// How often the call was made.
    pub commits: u32,
    /// Whether any of those calls has an unknown outcome.
    pub uncertain: bool,
    /// With which error the platform itself answered the latest call, which is over then; `None` where nobody answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Failure>,
    /// Whether nobody answered a call before the latest one: it may act at any time.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub unanswered: bool,
    /// Until when looking decides; `None` until somebody could look, and while nobody can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_by: Option<Timestamp>,
    /// Until when looking goes on after the post has failed as `outcome_unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_until: Option<Timestamp>,
    /// Since when the platform has said that it works on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_since: Option<Timestamp>,
    /// How often was looked.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub looks: u32,
    /// How many looks in a row, past the deadline and a grace apart, found it unpublished.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub absent: u32,
    /// How many looks in a row found it dead.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub dead: u32,
    /// When the last of those counted looks was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
}

impl Mark {
    /// When its outcome can first be judged: its deadline and a grace.
    #[must_use]
    pub fn judged_from(&self, pace: &Pace) -> Timestamp {
        later(self.deadline, pace.grace())
    }

    /// Whether what was found licenses the same call on the same object.
    #[must_use]
    pub const fn licenses_repeat(&self) -> bool {
        !matches!(self.repeat, Repeat::Never) && self.is_found_absent()
    }

    /// Whether enough looks found the object unpublished. It closes nothing: a late call may still publish it.
    #[must_use]
    pub const fn is_found_absent(&self) -> bool {
        match self.repeat {
            Repeat::Proven => self.absent >= 1,
            Repeat::Assumed | Repeat::Never => self.absent >= 2,
        }
    }

    /// Whether a look at `now` counts.
    pub(super) fn counts(&self, now: Timestamp, pace: &Pace) -> bool {
        counts(self.judged_from(pace), self.counted_at, now, pace)
    }
}

/// The mark of an open first comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentMark {
    /// When it was first sent, by the store's clock.
    pub since: Timestamp,
    /// Until when the latest call may have been sent and answered, by the store's clock.
    pub deadline: Timestamp,
    /// How often it was sent.
    pub sends: u32,
    /// How often was looked.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub looks: u32,
    /// How many looks in a row, past the deadline and a grace apart, did not find it.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub absent: u32,
    /// When the last of those counted looks was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
    /// Whether the platform itself answered the latest call, with an error: then that call is over. One that nobody
    /// answered may act at any time, so it is never repeated: a comment cannot be made invisibly first.
    pub answered: bool,
}

impl CommentMark {
    /// When its outcome can first be judged: its deadline and a grace.
    #[must_use]
    pub fn judged_from(&self, pace: &Pace) -> Timestamp {
        later(self.deadline, pace.grace())
    }

    /// Whether a look at `now` counts.
    pub(super) fn counts(&self, now: Timestamp, pace: &Pace) -> bool {
        counts(self.judged_from(pace), self.counted_at, now, pace)
    }

    /// Whether the call is over, and two looks a grace apart, both past the deadline, did not find the comment.
    #[must_use]
    pub const fn licenses_repeat(&self) -> bool {
        self.answered && self.absent >= 2
    }
}

/// Past deadline and grace, and a grace after the last look that counted.
fn counts(
    judged_from: Timestamp,
    counted_at: Option<Timestamp>,
    now: Timestamp,
    pace: &Pace,
) -> bool {
    now >= judged_from && counted_at.is_none_or(|last| now >= later(last, pace.grace()))
}
