//! Publishing a container.
//!
//! Source: graph-api.md 6.5 (D-IGPUB; field DUP, LOG, postiz#1681).

use shareville_core::{
    clock::{Deadline, TooLate},
    failure::{Failure, FailureClass},
    post::{Progress, Published},
    publisher::{Committed, Job},
};

use super::{InstagramAccounts, auth, host};
use crate::{
    error::{Effect, Network, Step, effect, too_late},
    graph::Created,
};

impl InstagramAccounts {
    /// `POST /{account}/media_publish`, once.
    pub(super) async fn publish(
        &self,
        job: &Job,
        progress: &Progress,
        deadline: Deadline,
    ) -> Committed {
        let Some(container) = progress.object.as_deref() else {
            return Committed::Refused(Failure::new(
                FailureClass::Unknown,
                "There is nothing prepared to publish. Publish it again.",
            ));
        };
        let call = self
            .graph
            .post(
                Step::Commit,
                &[&job.account.platform_id, "media_publish"],
                auth(job),
            )
            .at(host(job))
            .with("creation_id", container)
            .send::<Created>();
        let committed = match deadline.guard(call).await {
            Ok(Ok(media)) => Committed::Live(Published {
                platform_id: Some(media.id),
                permalink: None,
            }),
            Ok(Err(error)) => {
                let failure = self.failure(&error);
                match effect(Step::Commit, &error) {
                    Effect::DidNothing => Committed::Refused(failure),
                    Effect::MayHaveActed => Committed::Uncertain(failure),
                }
            }
            Err(late @ TooLate::NotStarted) => {
                Committed::Refused(too_late(Network::Instagram, late))
            }
            Err(late @ TooLate::Unfinished) => {
                Committed::Uncertain(too_late(Network::Instagram, late))
            }
        };
        if matches!(committed, Committed::Live(_) | Committed::Uncertain(_)) {
            self.quotas.count(job);
        }
        committed
    }
}
