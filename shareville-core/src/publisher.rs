//! The port to a network one publishes to.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::{
    clock::{Deadline, Timestamp},
    connection::Account,
    failure::Failure,
    id::Provider,
    media::{MediaFacts, MediaKind, MediaReader},
    post::{Content, Evidence, Placement, Post, Progress, Published, Repeat},
    tenant::App,
    violation::Violation,
};

/// What a network takes in one placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlacementLimits {
    /// Where.
    pub placement: Placement,
    /// The longest caption, in characters; 0 if there is no room for one.
    pub max_caption_chars: usize,
    /// The most pictures.
    pub max_images: usize,
    /// The most films.
    pub max_videos: usize,
    /// The longest alternative text of a picture, in characters; 0 if there is no room for one.
    pub max_alt_text_chars: usize,
    /// Whether a link has room.
    pub links: bool,
    /// Whether text alone will do.
    pub text_alone: bool,
    /// Whether a first comment has room.
    pub first_comment: bool,
}

impl PlacementLimits {
    /// A placement that takes nothing yet: set what it does take.
    #[must_use]
    pub const fn of(placement: Placement) -> Self {
        Self {
            placement,
            max_caption_chars: 0,
            max_images: 0,
            max_videos: 0,
            max_alt_text_chars: 0,
            links: false,
            text_alone: false,
            first_comment: false,
        }
    }

    /// The most media of a kind.
    #[must_use]
    pub const fn max_media(&self, kind: MediaKind) -> usize {
        match kind {
            MediaKind::Image => self.max_images,
            MediaKind::Video => self.max_videos,
        }
    }
}

/// What a network can do, as data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// What it takes, for each placement it has.
    pub placements: Vec<PlacementLimits>,
    /// Whether the text of a published post can be changed.
    pub edits_published: bool,
    /// Whether a published post can be deleted.
    pub deletes_published: bool,
}

/// What opens the account: never stored, never shown.
#[derive(Debug, Clone)]
pub struct Access {
    /// The access token to publish with.
    pub token: SecretString,
    /// The tenant's app.
    pub app: App,
    /// The provider where its person logged in. A network may have other hosts for each: Instagram accounts come by
    /// Facebook's login too.
    pub login: Provider,
}

/// One post to be published, with all a publisher needs for it.
#[derive(Debug, Clone)]
pub struct Job {
    /// The post.
    pub post: Arc<Post>,
    /// The account it goes to.
    pub account: Arc<Account>,
    /// What opens the account.
    pub access: Access,
    /// Reads the post's media.
    pub media: Arc<dyn MediaReader>,
    /// Whether this is the first step since the post was claimed: an earlier worker may have died in the middle.
    pub resumed: bool,
}

/// What preparing came to. It leaves nothing visible, and may be done again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Prepared {
    /// A step is done: keep it, and go on.
    Continue(Progress),
    /// A step is done, of which the post's history is to tell more than that: keep it, and go on.
    Noted {
        /// What is done.
        progress: Progress,
        /// What was done, for a person.
        note: String,
    },
    /// The platform needs time: keep it, and come back.
    Wait {
        /// What is done.
        progress: Progress,
        /// When to come back.
        until: Timestamp,
    },
    /// All that is left is the commit.
    Ready(Progress),
    /// It did not work.
    Failed {
        /// Why.
        failure: Failure,
        /// What is left to build on.
        progress: Option<Progress>,
    },
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Committed {
    /// It is visible.
    Live(Published),
    /// It will be visible after processing.
    Accepted {
        /// When to look.
        until: Timestamp,
    },
    /// This call certainly did nothing.
    Refused(Failure),
    /// Nobody knows what this call did.
    Uncertain(Failure),
}

/// What became of a first comment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Commented {
    /// It is there.
    Live,
    /// This call certainly did nothing.
    Refused(Failure),
    /// Nobody knows what this call did.
    Uncertain(Failure),
}

/// What a look for a first comment found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommentEvidence {
    /// It is there.
    Live,
    /// All comments could be read, and it is not among them.
    Absent,
    /// Nothing can be told.
    Unclear,
}

/// A network one publishes to: prepare → commit → settle.
///
/// This is the contract between a network's adapter and the engine. The engine keeps what `prepare` returns, makes the
/// mark durable before it calls `commit`, and calls `look` for every commit whose outcome it does not know. So an
/// adapter holds no state, re-sends no write, and says [`Committed::Uncertain`] wherever it cannot prove that a call
/// did nothing. The suite in the feature `testing` checks an adapter against this contract; `examples/another_network`
/// is an adapter to begin from.
#[async_trait]
pub trait Publisher: fmt::Debug + Send + Sync + 'static {
    /// The network.
    fn provider(&self) -> Provider;

    /// What the network can do.
    fn capabilities(&self) -> &Capabilities;

    /// All that is wrong with a content, each with where, what, and how to mend it. Pure.
    fn check(&self, content: &Content) -> Vec<Violation>;

    /// All that is wrong with a content's media by what their heads tell, in their order; `None` where that is not known.
    /// Pure. Nothing, unless it is said otherwise.
    fn check_media(&self, content: &Content, facts: &[Option<MediaFacts>]) -> Vec<Violation> {
        let _ = (content, facts);
        Vec::new()
    }

    /// How long before its time preparing a content starts.
    fn lead(&self, content: &Content) -> Duration;

    /// Whether a commit may be repeated on the same object.
    fn repeat(&self, content: &Content) -> Repeat;

    /// Does the next step towards an object that one commit call makes visible.
    async fn prepare(&self, job: &Job, progress: Option<&Progress>) -> Prepared;

    /// Makes the prepared object visible: one call, sent and awaited under the deadline.
    async fn commit(&self, job: &Job, progress: &Progress, deadline: Deadline) -> Committed;

    /// Finds out what became of a commit made since `since`.
    ///
    /// # Errors
    /// A [`Failure`] where looking itself was refused, so that the engine pauses or reconnects.
    async fn look(
        &self,
        job: &Job,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<Evidence, Failure>;

    /// Deletes what was prepared and never became visible.
    ///
    /// # Errors
    /// A [`Failure`] unless the platform has confirmed that it is gone. Where the platform only says that it knows of
    /// no such thing, [`NotFound`](crate::failure::FailureClass::NotFound): the engine believes that when it hears it
    /// twice, a while apart.
    async fn discard(&self, job: &Job, progress: &Progress) -> Result<(), Failure>;

    /// Where a published post can be seen, if the platform says so within `deadline`.
    async fn permalink(
        &self,
        job: &Job,
        published: &Published,
        deadline: Deadline,
    ) -> Option<String>;

    /// Sends the first comment: one call.
    async fn comment(&self, job: &Job, deadline: Deadline) -> Commented;

    /// Looks for the first comment, sent since `since`.
    ///
    /// # Errors
    /// A [`Failure`] where looking itself was refused.
    async fn look_for_comment(
        &self,
        job: &Job,
        since: Timestamp,
    ) -> Result<CommentEvidence, Failure>;

    /// Changes the text of a published post to that of `caption`.
    ///
    /// # Errors
    /// A [`Failure`] as the platform gave it.
    async fn edit(&self, job: &Job, caption: Option<&str>) -> Result<(), Failure>;

    /// Deletes a published post. One that is gone already is deleted.
    ///
    /// # Errors
    /// A [`Failure`] as the platform gave it.
    async fn delete(&self, job: &Job) -> Result<(), Failure>;
}
