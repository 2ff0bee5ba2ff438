//! What is kept between the steps towards a container that can be published.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shareville_core::{
    clock::{Timestamp, later, until},
    post::Progress,
    publisher::Job,
};

/// The version of what is kept.
const VERSION: u16 = 1;

/// How often items may be forgotten because a carousel that nobody knows of may own them.
const MAX_FORGOTTEN: u8 = 2;

/// How long a container is relied upon without asking again: it lives for 24 hours.
///
/// Source: graph-api.md 6.7 (D-IGLIM, D-IGP).
const CONTAINERS_LAST: Duration = Duration::from_secs(23 * 60 * 60);

/// How long to wait before each question whether a container is done: seldom after a while.
///
/// Source: graph-api.md 6.4.
const POLLS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// After how many questions they become seldom: a quarter of an hour, about.
const MANY_POLLS: usize = 20;

/// How far apart they are then.
const SELDOM: Duration = Duration::from_secs(5 * 60);

/// How far Instagram is with a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    /// It fetches and processes.
    Working,
    /// It is done, or must be by now where that cannot be read.
    Finished,
    /// It is published, though nobody knows by whom: it must not be published again.
    Published,
}

/// A container at Instagram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Container {
    pub(super) id: String,
    /// When it was made.
    pub(super) made: Timestamp,
    pub(super) stage: Stage,
}

impl Container {
    /// One just made.
    pub(super) const fn new(id: String, now: Timestamp) -> Self {
        Self {
            id,
            made: now,
            stage: Stage::Working,
        }
    }

    /// How old it is.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        until(self.made, now)
    }

    /// Whether it may have expired since it was found finished.
    pub(super) fn is_outdated(&self, now: Timestamp) -> bool {
        self.age(now) >= CONTAINERS_LAST
    }
}

/// What is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preparation {
    /// The containers of a carousel's items, in their places.
    #[serde(default)]
    pub(super) items: Vec<Option<Container>>,
    /// The container that a commit publishes.
    #[serde(default)]
    pub(super) top: Option<Container>,
    /// How often was asked whether they are done, since the last one was made.
    #[serde(default)]
    polls: usize,
    /// Whether the next call creates the carousel. Whoever finds this, and no carousel, must assume that the call was
    /// made.
    #[serde(default)]
    pub(super) carousel_next: bool,
    /// How often items were forgotten.
    #[serde(default)]
    forgotten: u8,
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

    /// What is to be kept of it; once it is finished, or published, its container is what a commit publishes.
    pub(super) fn keep(&self, job: &Job) -> Progress {
        let finished = self.top.as_ref().filter(|top| top.stage != Stage::Working);
        Progress {
            version: VERSION,
            content_revision: job.post.content_revision,
            object: finished.map(|top| top.id.clone()),
            // A struct of texts and numbers always has a JSON form.
            data: serde_json::to_value(self).unwrap_or_default(),
        }
    }

    /// Whether no container was made for it yet.
    pub(super) fn is_new(&self) -> bool {
        self.top.is_none() && self.items.iter().all(Option::is_none)
    }

    /// Keeps the container that a commit is to publish.
    pub(super) fn keep_top(&mut self, container: Container) {
        self.top = Some(container);
        self.carousel_next = false;
        self.polls = 0;
    }

    /// Keeps the container of an item.
    pub(super) fn keep_item(&mut self, index: usize, container: Container) {
        if let Some(place) = self.items.get_mut(index) {
            *place = Some(container);
        }
        self.polls = 0;
    }

    /// A carousel's items have places; those that may have expired are made anew.
    pub(super) fn make_places(&mut self, count: usize, now: Timestamp) {
        self.items.resize(count, None);
        for place in &mut self.items {
            if place.as_ref().is_some_and(|item| item.is_outdated(now)) {
                *place = None;
            }
        }
    }

    /// When to ask next, counting this wait.
    pub(super) fn next_poll(&mut self, now: Timestamp) -> Timestamp {
        let wait = match POLLS.get(self.polls) {
            Some(wait) => *wait,
            None if self.polls < MANY_POLLS => POLLS[POLLS.len() - 1],
            None => SELDOM,
        };
        self.polls = self.polls.saturating_add(1);
        later(now, wait)
    }

    /// Forgets the container that a commit was to publish, and what it was made of: it is dead.
    pub(super) fn drop_all(&mut self) {
        *self = Self {
            forgotten: self.forgotten,
            ..Self::default()
        };
    }

    /// Forgets a carousel's items, because a carousel that nobody knows of may own them. `false` if that has happened
    /// too often.
    pub(super) fn forget(&mut self) -> bool {
        self.forgotten = self.forgotten.saturating_add(1);
        self.drop_all();
        self.forgotten <= MAX_FORGOTTEN
    }
}

#[cfg(test)]
mod tests {
    use shareville_core::clock::{Clock as _, SystemClock};

    use super::*;

    #[test]
    fn questions_should_become_seldom() {
        let now = SystemClock.now();
        let mut preparation = Preparation::default();
        let mut waits = (0..25).map(|_| until(now, preparation.next_poll(now)).as_secs());
        let first: Vec<_> = waits.by_ref().take(8).collect();
        assert_eq!(first, [2, 5, 10, 20, 30, 60, 60, 60]);
        assert_eq!(waits.last(), Some(300));
        // A container that was just made is asked for soon again.
        preparation.keep_top(Container::new("1".into(), now));
        assert_eq!(until(now, preparation.next_poll(now)).as_secs(), 2);
    }
}
