//! Towards a Reel, or a film for a story: an upload is begun, the film gets there, and Facebook is asked whether it has
//! it.
//!
//! Source: graph-api.md 5.7, 5.8 (D-REEL, D-STORY; field trypost#32, #361).

use std::time::Duration;

use serde::Deserialize;
use shareville_core::{
    clock::later,
    failure::{Failure, FailureClass},
    publisher::{Job, Prepared},
};

use super::{
    FacebookPages,
    prepare::{about_medium, failed_anew},
    progress::{Foretold, Kept, Session},
    status::{Uploading, Video},
};
use crate::{
    error::{GraphError, Step},
    graph::{Need, id_text},
};

/// How long to wait between two questions whether Facebook has the film.
const GAPS: [Duration; 6] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

/// How long Facebook may take to get a film. Ours: no document says how long that may take.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Where a film of this kind is begun and finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Reels.
    Reels,
    /// Stories.
    Stories,
}

impl Edge {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Reels => "video_reels",
            Self::Stories => "video_stories",
        }
    }

    pub(super) const fn kept(self, session: Session) -> Kept {
        match self {
            Self::Reels => Kept::Reel(session),
            Self::Stories => Kept::VideoStory(session),
        }
    }
}

/// The answer to `upload_phase=start`.
#[derive(Debug, Deserialize)]
struct Started {
    #[serde(deserialize_with = "id_text")]
    video_id: String,
    upload_url: String,
}

impl FacebookPages {
    /// `upload_phase=start`. One that nobody knows of, because its answer was lost, is never finished.
    pub(super) async fn begin_session(&self, job: &Job, edge: Edge) -> Prepared {
        let started = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, edge.name()],
                self.auth(job),
            )
            .with("upload_phase", "start")
            .send::<Started>()
            .await;
        match started {
            Ok(started) => {
                let session = Session {
                    video: started.video_id,
                    address: started.upload_url,
                    since: self.graph.now(),
                    sent_at: None,
                    offset: None,
                    polls: 0,
                    foretold: Foretold::default(),
                };
                Prepared::Continue(edge.kept(session).keep(job, None))
            }
            Err(error) => failed_anew(self.graph.failure(&error)),
        }
    }

    pub(super) async fn next_of_session(
        &self,
        job: &Job,
        edge: Edge,
        session: Session,
    ) -> Prepared {
        match session.sent_at {
            None => self.send_film(job, edge, session).await,
            Some(_) => self.ask_for_upload(job, edge, session).await,
        }
    }

    /// `GET /{video}?fields=status`: whether Facebook has the film.
    async fn ask_for_upload(&self, job: &Job, edge: Edge, mut session: Session) -> Prepared {
        let content = &job.post.content;
        let video = match self.read_video(job, &session.video, Need::Ordinary).await {
            Ok(video) => video,
            Err(error) => {
                let failure = self.graph.failure(&error);
                return match failure.class {
                    // The read itself has been at fault for weeks: what was uploaded is not given up for that.
                    FailureClass::NotFound => self.ask_again(job, edge, session),
                    _ => Prepared::Failed {
                        failure: about_medium(failure, content, 0),
                        progress: Some(edge.kept(session).keep(job, None)),
                    },
                };
            }
        };
        match video.uploading(self.graph.now()) {
            Uploading::Complete => {
                let object = Some(session.video.clone());
                session.polls = 0;
                session.foretold = video.foretold();
                Prepared::Ready(edge.kept(session).keep(job, object))
            }
            Uploading::Failed(failure) => failed_anew(about_medium(failure, content, 0)),
            Uploading::Underway => self.ask_again(job, edge, session),
        }
    }

    pub(super) fn ask_again(&self, job: &Job, edge: Edge, mut session: Session) -> Prepared {
        let now = self.graph.now();
        let sent_at = session.sent_at.unwrap_or(session.since);
        if later(sent_at, PATIENCE) <= now {
            let why = "Facebook did not get the video within an hour. It is tried again by itself.";
            let failure = Failure::new(FailureClass::Transient, why);
            return failed_anew(about_medium(failure, &job.post.content, 0));
        }
        let polled = usize::try_from(session.polls).unwrap_or(usize::MAX);
        let gap = GAPS.get(polled).or(GAPS.last()).copied();
        session.polls = session.polls.saturating_add(1);
        Prepared::Wait {
            progress: edge.kept(session).keep(job, None),
            until: later(now, gap.unwrap_or_default()),
        }
    }

    /// `GET /{video}`.
    pub(super) async fn read_video(
        &self,
        job: &Job,
        video: &str,
        need: Need,
    ) -> Result<Video, Box<GraphError>> {
        self.graph
            .get(&[video], self.auth(job))
            .needed(need)
            .with("fields", "status,published,post_id,permalink_url")
            .send::<Video>()
            .await
    }
}
