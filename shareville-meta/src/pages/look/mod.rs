//! Finding out what became of a commit.
//!
//! While what was committed can be read by its id, only that decides. Where it cannot, a list may prove that it is live,
//! and never that it is not: reading a new thing by its id has been at fault for weeks (graph-api.md 0.3, fact 10).

mod film;
mod listed;
mod post;
mod story;

use std::time::Duration;

use shareville_core::{
    clock::{Timestamp, later},
    failure::Failure,
    post::{Evidence, Progress, Published},
    publisher::Job,
};

pub(super) use self::film::Shown;
use super::{FacebookPages, progress::Kept};

/// The shortest and the longest time between two looks at what Facebook works on.
const PENDING_GAPS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

impl FacebookPages {
    pub(super) async fn find_out(
        &self,
        job: &Job,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let (Some(object), Some(kept)) = (&progress.object, Kept::committed(job, progress)) else {
            return Ok(Evidence::Unclear(None));
        };
        match kept {
            Kept::Post(_) => self.look_at(job, object, since).await,
            Kept::Video(_) => self.look_at_film(job, object, Shown::AsVideo, since).await,
            Kept::Reel(session) => {
                let shown = Shown::AsReel(session.foretold);
                self.look_at_film(job, object, shown, since).await
            }
            Kept::PhotoStory(_) => self.look_at_photo_story(job, object, since).await,
            Kept::VideoStory(session) => {
                self.look_at_video_story(job, object, session.foretold, since)
                    .await
            }
        }
    }

    /// Facebook works on it: soon again at first, and then less and less often.
    fn pending(&self, since: Timestamp) -> Evidence {
        let now = self.graph.now();
        let (shortest, longest) = PENDING_GAPS;
        let passed = (now - since).to_std().unwrap_or_default();
        Evidence::Pending {
            until: later(now, passed.clamp(shortest, longest)),
        }
    }

    /// Where people see something, by the address that Facebook gives: a path only, for films.
    pub(super) fn seen_at(&self, link: &str) -> String {
        match link.strip_prefix('/') {
            Some(path) => {
                let segments: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
                self.graph.address(&segments).into()
            }
            None => link.to_owned(),
        }
    }
}

fn live(id: &str, permalink: Option<String>) -> Evidence {
    Evidence::Live(Published {
        platform_id: Some(id.to_owned()),
        permalink,
    })
}
