//! Making what was prepared visible: one call, whichever way the content goes.
//!
//! Source: graph-api.md 5.4, 5.6–5.8 (D-POSTS, D-VID, D-REEL, D-STORY; field PROBE).

use std::time::Duration;

use serde::Deserialize;
use shareville_core::{
    clock::{Deadline, TooLate, later},
    failure::{Failure, FailureClass},
    post::{Progress, Published},
    publisher::{Committed, Job},
};

use super::{
    FacebookPages,
    prepare::{caption, place},
    progress::Kept,
    session::Edge,
};
use crate::{
    error::{Effect, Network, Step, effect, too_late},
    graph::{Acknowledged, Call, Host, optional_id_text},
};

/// When to look first whether a film has been processed.
const FIRST_LOOK: Duration = Duration::from_secs(2);

/// `{"success":true}`, and perhaps the post's id.
#[derive(Debug, Deserialize)]
struct Done {
    #[serde(flatten)]
    _acknowledged: Acknowledged,
    #[serde(default, deserialize_with = "optional_id_text")]
    post_id: Option<String>,
}

impl FacebookPages {
    /// The call that makes it visible, once.
    pub(super) async fn publish(
        &self,
        job: &Job,
        progress: &Progress,
        deadline: Deadline,
    ) -> Committed {
        let (Some(object), Some(kept)) = (&progress.object, Kept::committed(job, progress)) else {
            return Committed::Refused(Failure::new(
                FailureClass::Unknown,
                "There is nothing prepared to publish. Publish the post again.",
            ));
        };
        let call = self.commit_call(job, object, &kept).send::<Done>();
        match deadline.guard(call).await {
            Ok(Ok(done)) => self.done(object, &kept, done),
            Ok(Err(error)) => {
                let failure = self.graph.failure(&error);
                match effect(Step::Commit, &error) {
                    Effect::DidNothing => Committed::Refused(failure),
                    Effect::MayHaveActed => Committed::Uncertain(failure),
                }
            }
            Err(late @ TooLate::NotStarted) => {
                Committed::Refused(too_late(Network::Facebook, late))
            }
            Err(late @ TooLate::Unfinished) => {
                Committed::Uncertain(too_late(Network::Facebook, late))
            }
        }
    }

    fn commit_call<'a>(&'a self, job: &'a Job, object: &'a str, kept: &Kept) -> Call<'a> {
        let page = job.account.platform_id.as_str();
        let post = |path: &[&'a str]| self.graph.post(Step::Commit, path, self.auth(job));
        match kept {
            Kept::Post(_) => post(&[object]).with("is_published", "true"),
            Kept::Video(chunks) => post(&[page, "videos"])
                .at(Host::GraphVideo)
                .with("upload_phase", "finish")
                .with("upload_session_id", &chunks.session)
                .with_some("description", caption(job)),
            Kept::Reel(_) => post(&[page, Edge::Reels.name()])
                .with("upload_phase", "finish")
                .with("video_id", object)
                .with("video_state", "PUBLISHED")
                .with_some("description", caption(job))
                .with_some("place", place(job)),
            Kept::VideoStory(_) => post(&[page, Edge::Stories.name()])
                .with("upload_phase", "finish")
                .with("video_id", object),
            Kept::PhotoStory(_) => post(&[page, "photo_stories"]).with("photo_id", object),
        }
    }

    fn done(&self, object: &str, kept: &Kept, done: Done) -> Committed {
        match kept {
            Kept::Post(_) => Committed::Live(Published {
                platform_id: Some(object.to_owned()),
                permalink: None,
            }),
            Kept::PhotoStory(_) => Committed::Live(self.story(done.post_id, None)),
            // Everybody sees it once it is processed.
            Kept::Video(_) | Kept::Reel(_) | Kept::VideoStory(_) => Committed::Accepted {
                until: later(self.graph.now(), FIRST_LOOK),
            },
        }
    }
}
