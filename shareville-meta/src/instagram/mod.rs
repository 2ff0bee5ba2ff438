//! Publishing to Instagram professional accounts: pictures, Reels, carousels and stories.

mod check;
mod comment;
mod commit;
mod container;
mod create;
mod limits;
mod listing;
mod live;
mod look;
mod prepare;
mod progress;
mod quota;
mod shape;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use shareville_core::{
    clock::{Deadline, Timestamp},
    failure::{Failure, FailureClass},
    id::Provider,
    media::{MediaFacts, MediaKind},
    post::{Content, Evidence, Progress, Published, Repeat},
    publisher::{Capabilities, CommentEvidence, Commented, Committed, Job, Prepared, Publisher},
    violation::Violation,
};

use self::quota::Quotas;
use crate::{
    address::MediaHosts,
    error::{GraphError, Network},
    graph::{Auth, Graph, Host},
};

/// Instagram professional accounts: containers are made invisibly, and one call publishes them.
///
/// It serves accounts that came by Facebook's login and those that came by Instagram's own, each at its own host. What
/// it remembers is only how many posts an account may still publish; with Instagram's own login nothing that is
/// published can be deleted, and deleting says so.
///
/// Source: graph-api.md 6 (D-IGM, D-IGP, D-IGPUB; field trypost#281, postiz#1562).
#[derive(Debug, Clone)]
pub struct InstagramAccounts {
    graph: Graph,
    capabilities: Capabilities,
    media_hosts: MediaHosts,
    repeat: Repeat,
    quotas: Arc<Quotas>,
}

impl InstagramAccounts {
    /// A publisher over a Graph client.
    #[must_use]
    pub fn new(graph: Graph) -> Self {
        Self {
            graph,
            capabilities: limits::capabilities(),
            media_hosts: MediaHosts::Public,
            repeat: Repeat::Assumed,
            quotas: Arc::default(),
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

    /// An error of a call just made, for people. A day's posts that are used up have no end that Meta tells.
    fn failure(&self, error: &GraphError) -> Failure {
        let failure = self.graph.failure_at(Network::Instagram, error);
        let used_up = error.subcode == Some(2_207_042);
        match failure.class {
            FailureClass::RateLimited { until: None, .. } if used_up => Failure {
                class: quota::left_alone(self.graph.now()),
                ..failure
            },
            _ => failure,
        }
    }
}

/// By which login an account came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Facebook,
    Instagram,
}

fn login(job: &Job) -> Login {
    match job.access.login == Provider::instagram() {
        true => Login::Instagram,
        false => Login::Facebook,
    }
}

/// Each login has a host of its own: a token on the other's is refused (graph-api.md 1.1, 4.4).
fn host(job: &Job) -> Host {
    match login(job) {
        Login::Facebook => Host::Graph,
        Login::Instagram => Host::GraphInstagram,
    }
}

/// In the account's name.
fn auth(job: &Job) -> Auth<'_> {
    Auth::Token(&job.access.token, &job.access.app)
}

#[async_trait]
impl Publisher for InstagramAccounts {
    fn provider(&self) -> Provider {
        Provider::instagram()
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
        let films = content.media.iter();
        match films.into_iter().any(|it| it.kind == MediaKind::Video) {
            true => limits::FILM_LEAD,
            false => limits::PICTURE_LEAD,
        }
    }

    /// A container can be published once, and publishing it twice is not documented (graph-api.md 6.5).
    fn repeat(&self, _content: &Content) -> Repeat {
        self.repeat
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
        self.is_invisible(job, progress).await
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

    async fn edit(&self, _job: &Job, _caption: Option<&str>) -> Result<(), Failure> {
        Err(live::cannot_edit())
    }

    async fn delete(&self, job: &Job) -> Result<(), Failure> {
        self.remove(job).await
    }
}
