//! What first comments on either network have in common.

use std::time::Duration;

use shareville_core::{clock::Timestamp, publisher::Job};

use crate::look::{Likeness, plain};

/// How far the platform's clock may be behind the store's.
const SKEW: Duration = Duration::from_secs(120);

/// Who has written a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Author {
    /// The account itself.
    Own,
    /// Somebody else.
    Another,
    /// It is not told.
    Untold,
}

/// A comment as a platform lists it.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) author: Author,
    pub(crate) created: Option<Timestamp>,
}

impl Listed<'_> {
    /// Whether it is the one with this text that was sent at `since` or later.
    pub(crate) fn likeness(&self, message: &str, since: Timestamp) -> Likeness {
        let same = self.text.is_some_and(|text| plain(text) == plain(message));
        let too_old = self.created.is_some_and(|created| created + SKEW < since);
        match (same && !too_old, self.author, self.created) {
            (false, ..) | (true, Author::Another, _) => Likeness::Another,
            (true, Author::Own, Some(_)) => Likeness::Ours,
            (true, Author::Own | Author::Untold, _) => Likeness::Perhaps,
        }
    }
}

/// The id of what is to be commented on.
pub(crate) fn published_id(job: &Job) -> Option<&str> {
    job.post.published.platform_id.as_deref()
}

/// What is to be written there.
pub(crate) fn first_comment(job: &Job) -> Option<&str> {
    job.post.content.first_comment.as_deref()
}
