//! Publishing to Facebook Pages: text, a link, photos, videos, Reels and stories.

mod check;
mod comment;
mod commit;
mod film;
mod limits;
mod live;
mod look;
mod photos;
mod prepare;
mod progress;
mod route;
mod session;
mod status;
mod upload;

use std::time::Duration;

use async_trait::async_trait;
use shareville_core::{
    clock::{Deadline, Timestamp},
    failure::Failure,
    id::Provider,
    media::MediaFacts,
    post::{Content, Evidence, Progress, Published, Repeat},
    publisher::{Capabilities, CommentEvidence, Commented, Committed, Job, Prepared, Publisher},
    violation::Violation,
};

use self::route::Route;
use crate::{
    address::MediaHosts,
    graph::{Auth, Graph},
};

/// Facebook Pages: what is published exists there unseen first, and one call makes it visible.
///
/// Posts of text, a link or photos are created unpublished; films are uploaded, and finished; the photo of a story is
/// uploaded unpublished.
///
/// Source: graph-api.md 5 (D-POSTS, D-FEED, D-VID, D-REEL, D-STORY; field PROBE).
#[derive(Debug, Clone)]
pub struct FacebookPages {
    graph: Graph,
    capabilities: Capabilities,
    media_hosts: MediaHosts,
    repeat: Repeat,
}

impl FacebookPages {
    /// A publisher over a Graph client.
    #[must_use]
    pub fn new(graph: Graph) -> Self {
        Self {
            graph,
            capabilities: limits::capabilities(),
            media_hosts: MediaHosts::Public,
            repeat: Repeat::Assumed,
        }
    }

    /// Says which hosts media may be fetched from. Default [`MediaHosts::Public`].
    #[must_use]
    pub const fn with_media_hosts(mut self, hosts: MediaHosts) -> Self {
        self.media_hosts = hosts;
        self
    }

    /// Says whether a commit of which no document says that repeating it is harmless may be made again, on the same object.
    /// Default [`Repeat::Assumed`]: after two looks, a grace apart, that found it unpublished. [`Repeat::Never`] for whoever
    /// has seen it make a second post: what then cannot be found out ends as `outcome_unknown`.
    #[must_use]
    pub const fn with_repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// In the Page's name.
    #[expect(clippy::unused_self, reason = "reads better where it is used")]
    const fn auth<'a>(&self, job: &'a Job) -> Auth<'a> {
        Auth::Token(&job.access.token, &job.access.app)
    }
}

#[async_trait]
impl Publisher for FacebookPages {
    fn provider(&self) -> Provider {
        Provider::facebook()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn check(&self, content: &Content) -> Vec<Violation> {
        let mut found = check::check(content);
        if self.media_hosts == MediaHosts::Any {
            found.retain(|violation| violation.code != check::NOT_PUBLIC);
        }
        found
    }

    fn check_media(&self, content: &Content, facts: &[Option<MediaFacts>]) -> Vec<Violation> {
        check::check_media(content, facts)
    }

    fn lead(&self, content: &Content) -> Duration {
        match Route::of(content) {
            Route::Post if content.media.is_empty() => Duration::ZERO,
            Route::Post | Route::PhotoStory => limits::PHOTO_LEAD,
            Route::Film | Route::Reel | Route::VideoStory => limits::VIDEO_LEAD,
        }
    }

    /// `is_published=true` answers success again and makes nothing new (graph-api.md 5.4, PROBE); that finishing a film
    /// twice and using a photo for a story twice do no harm either is assumed.
    fn repeat(&self, content: &Content) -> Repeat {
        match Route::of(content) {
            Route::Post => Repeat::Proven,
            Route::Film | Route::Reel | Route::PhotoStory | Route::VideoStory => self.repeat,
        }
    }

    async fn prepare(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        self.next_step(job, progress).await
    }

    async fn commit(&self, job: &Job, progress: &Progress, deadline: Deadline) -> Committed {
        self.publish(job, progress, deadline).await
    }

    async fn look(
        &self,
        job: &Job,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        self.find_out(job, progress, since).await
    }

    async fn discard(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        self.discard_prepared(job, progress).await
    }

    async fn permalink(
        &self,
        job: &Job,
        published: &Published,
        deadline: Deadline,
    ) -> Option<String> {
        self.read_permalink(job, published, deadline).await
    }

    async fn comment(&self, job: &Job, deadline: Deadline) -> Commented {
        self.send_comment(job, deadline).await
    }

    async fn look_for_comment(
        &self,
        job: &Job,
        since: Timestamp,
    ) -> Result<CommentEvidence, Failure> {
        self.find_comment(job, since).await
    }

    async fn edit(&self, job: &Job, caption: Option<&str>) -> Result<(), Failure> {
        self.change_text(job, caption).await
    }

    async fn delete(&self, job: &Job) -> Result<(), Failure> {
        self.delete_published(job).await
    }
}
