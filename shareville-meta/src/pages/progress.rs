//! What is kept between the steps towards an unpublished post.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shareville_core::{
    clock::{Timestamp, later},
    post::Progress,
    publisher::Job,
};

/// The version of what is kept.
const VERSION: u16 = 1;

/// How often photos may be forgotten because an unpublished post that nobody knows of may own them.
pub(super) const MAX_FORGOTTEN: u8 = 2;

/// How long uploaded photos are relied upon: Facebook drops unused ones after about 24 hours.
///
/// Source: graph-api.md 5.2.
const PHOTOS_LAST: Duration = Duration::from_secs(12 * 60 * 60);

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preparation {
    /// The ids of the photos uploaded so far, in order.
    pub(super) photos: Vec<String>,
    /// When the first of them was uploaded.
    since: Option<Timestamp>,
    /// Whether the next call creates the post. Whoever finds this, and no post, must assume that the call was made.
    pub(super) create_next: bool,
    /// How often photos were forgotten.
    pub(super) forgotten: u8,
}

impl Preparation {
    /// What an earlier step has kept for this content; nothing, if it is of another version or for other content.
    pub(super) fn resume(job: &Job, progress: Option<&Progress>) -> Self {
        progress
            .filter(|progress| progress.version == VERSION)
            .filter(|progress| progress.content_revision == job.post.content_revision)
            .and_then(|progress| serde_json::from_value(progress.data.clone()).ok())
            .unwrap_or_default()
    }

    /// What is to be kept of it.
    pub(super) fn keep(&self, job: &Job, object: Option<String>) -> Progress {
        Progress {
            version: VERSION,
            content_revision: job.post.content_revision,
            object,
            // A struct of texts and numbers always has a JSON form.
            data: serde_json::to_value(self).unwrap_or_default(),
        }
    }

    /// Keeps a photo.
    pub(super) fn add(&mut self, photo: String, now: Timestamp) {
        self.since.get_or_insert(now);
        self.photos.push(photo);
    }

    /// Forgets the photos, because a post that nobody knows of may own them. `false` if that has happened too often.
    pub(super) fn forget(&mut self) -> bool {
        *self = Self {
            forgotten: self.forgotten.saturating_add(1),
            ..Self::default()
        };
        self.forgotten <= MAX_FORGOTTEN
    }

    /// Forgets photos that Facebook may have dropped by now.
    pub(super) fn drop_outdated(&mut self, now: Timestamp) {
        if self
            .since
            .is_some_and(|since| later(since, PHOTOS_LAST) <= now)
        {
            *self = Self {
                forgotten: self.forgotten,
                ..Self::default()
            };
        }
    }
}
