//! Finding out what became of a commit, and whether what was prepared is still invisible.
//!
//! Source: graph-api.md 6.4, 6.5 (D-IGC; field trypost#281, postiz#1562).

use std::time::Duration;

use shareville_core::{
    clock::{Timestamp, later},
    failure::{Failure, FailureClass},
    post::{Evidence, Progress, Published},
    publisher::Job,
};

use super::{
    InstagramAccounts,
    container::{State, is_missing},
};
use crate::{graph::Need, look::looked_in_vain};

/// When to look again at a container that Instagram still processes.
const WORKING_FOR: Duration = Duration::from_secs(30);

impl InstagramAccounts {
    /// `GET /{container}`: only the container decides, as long as it can be read. If it cannot, the list of what is
    /// published may prove that it is live, never that it is not.
    pub(super) async fn find_out(
        &self,
        job: &Job,
        progress: &Progress,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let Some(container) = progress.object.as_deref() else {
            return Ok(Evidence::Unclear(None));
        };
        match self.read_container(job, container, Need::Commit).await {
            // It is live; which one it is, the list may tell, and if it does not it is live all the same.
            Ok(State::Published) => {
                let listed = self.find_listed(job, since).await.ok().flatten();
                Ok(listed.map_or_else(
                    || Evidence::Live(Published::default()),
                    |guess| Evidence::Visible { guess },
                ))
            }
            Ok(State::Finished) => Ok(Evidence::Absent),
            Ok(State::InProgress) => Ok(Evidence::Pending {
                until: later(self.graph.now(), WORKING_FOR),
            }),
            Ok(State::Dead(failure)) => Ok(Evidence::Dead(failure)),
            Ok(State::Unknown) => self.by_list(job, since, None).await,
            Err(error) => {
                let failure = looked_in_vain(self.failure(&error))?;
                match is_out_of_sight(&failure) {
                    true => self.by_list(job, since, Some(failure)).await,
                    false => Ok(Evidence::Unclear(Some(failure))),
                }
            }
        }
    }

    async fn by_list(
        &self,
        job: &Job,
        since: Timestamp,
        failure: Option<Failure>,
    ) -> Result<Evidence, Failure> {
        let found = self.find_listed(job, since).await?;
        Ok(found.map_or(Evidence::Unclear(failure), Evidence::Live))
    }

    /// Makes sure that what was prepared is not visible. A container cannot be deleted: what nobody publishes vanishes
    /// within a day (graph-api.md 6.7). One that turns out to be published must not get a second one.
    pub(super) async fn is_invisible(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        let Some(container) = progress.object.as_deref() else {
            return Ok(());
        };
        match self.read_container(job, container, Need::Ordinary).await {
            Ok(State::InProgress | State::Finished | State::Dead(_)) => Ok(()),
            Ok(State::Published) => Err(still_visible()),
            Ok(State::Unknown) => Err(Failure::new(
                FailureClass::Transient,
                "Instagram does not say whether the post is published. It is asked again by itself.",
            )),
            Err(error) => {
                let failure = self.failure(&error);
                Err(match is_out_of_sight(&failure) {
                    true => Failure {
                        class: FailureClass::NotFound,
                        code: FailureClass::NotFound.code().to_owned(),
                        ..failure
                    },
                    false => failure,
                })
            }
        }
    }
}

/// Whether Instagram says that it knows no such container, or shows none: both have been the answer for weeks where
/// there was one (graph-api.md 6.4).
fn is_out_of_sight(failure: &Failure) -> bool {
    matches!(
        failure.class,
        FailureClass::NotFound | FailureClass::Permission
    ) || is_missing(failure)
}

/// What was thought to be gone is there.
pub(super) fn still_visible() -> Failure {
    Failure::new(
        FailureClass::Unknown,
        "Instagram says that this post is published: look at the account, and delete it there if it is not wanted.",
    )
    .with_code("still_visible")
}

/// What is live, as the list names it.
pub(super) const fn listed(id: String, permalink: Option<String>) -> Published {
    Published {
        platform_id: Some(id),
        permalink,
    }
}
