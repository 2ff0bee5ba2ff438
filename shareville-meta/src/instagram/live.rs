//! What is published: where it can be seen, deleting it. Its caption cannot be changed.
//!
//! Source: graph-api.md 6.6 (D-IGCH; field postiz#1568).

use serde::Deserialize;
use shareville_core::{
    clock::Deadline,
    failure::{Action, Failure, FailureClass},
    post::{Placement, Published},
    publisher::Job,
};

use super::{InstagramAccounts, Login, auth, host, login, look::still_visible};
use crate::{graph::Acknowledged, login::INSTAGRAM_DELETION};

/// What Instagram cannot do.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

#[derive(Debug, Deserialize)]
struct Seen {
    permalink: String,
}

impl InstagramAccounts {
    /// `GET /{media}?fields=permalink`, if there is time. Where the id is not known, the list may tell.
    pub(super) async fn read_permalink(
        &self,
        job: &Job,
        published: &Published,
        deadline: Deadline,
    ) -> Option<String> {
        let Some(media) = published.platform_id.as_deref() else {
            let since = job.post.work.mark.as_ref().map(|mark| mark.since);
            let since = since.or(job.post.published_at)?;
            let listed = deadline.guard(self.find_listed(job, since)).await;
            return listed.ok()?.ok()??.permalink;
        };
        let call = self
            .graph
            .get(&[media], auth(job))
            .at(host(job))
            .with("fields", "permalink")
            .send::<Seen>();
        let seen = deadline.guard(call).await.ok()?.ok()?;
        Some(seen.permalink)
    }

    /// `DELETE /{media}`, where the account came by Facebook's login: for Instagram's own, Meta has no such call.
    ///
    /// "Does not exist" is no proof (graph-api.md 0.3, fact 10): then the media itself and the list of what is published
    /// are asked, and only if neither knows it, it is gone.
    pub(super) async fn remove(&self, job: &Job) -> Result<(), Failure> {
        if login(job) == Login::Instagram {
            return Err(cannot(
                "Meta lets nobody delete a post of an account that was connected by Instagram's own login: delete it in \
                 the Instagram app.",
            ));
        }
        let media = job.post.published.platform_id.as_deref().ok_or_else(|| {
            Failure::new(
                FailureClass::Unknown,
                "The post's id at Instagram is not known: delete it in the Instagram app.",
            )
        })?;
        let removed = self
            .graph
            .delete(&[media], auth(job))
            .at(host(job))
            .send::<Acknowledged>()
            .await;
        match removed.map_err(|error| self.failure(&error)) {
            Ok(_) => Ok(()),
            Err(failure) if failure.class == FailureClass::NotFound => {
                self.is_gone(job, media, failure).await
            }
            Err(failure) if is_at_fault(&failure) => Err(not_deleted()),
            Err(failure) if failure.class == FailureClass::Permission => Err(not_allowed(failure)),
            Err(failure) => Err(failure),
        }
    }

    async fn is_gone(&self, job: &Job, media: &str, failure: Failure) -> Result<(), Failure> {
        let call = self
            .graph
            .get(&[media], auth(job))
            .at(host(job))
            .with("fields", "permalink")
            .send::<Seen>();
        match call.await.map_err(|error| self.failure(&error)) {
            // It is there, and is said not to be: so Meta answers whoever may read it and not delete it.
            Ok(_) => return Err(not_allowed(failure)),
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(_) => return Err(not_deleted()),
        }
        let edge = match job.post.content.placement {
            Placement::Story => "stories",
            Placement::Feed | Placement::Reel => "media",
        };
        match self.lists(job, edge, media, job.post.created_at).await {
            Ok(Some(false)) => Ok(()),
            Ok(Some(true)) => Err(still_visible()),
            Ok(None) | Err(_) => Err(not_deleted()),
        }
    }
}

fn not_allowed(refused: Failure) -> Failure {
    let message = format!(
        "Instagram does not let the app delete the post: that needs the permission {INSTAGRAM_DELETION}. \
         Connect the account again and allow it, if the app asks for it; else delete the post in the Instagram app."
    );
    Failure {
        platform: refused.platform,
        ..Failure::new(FailureClass::Permission, message).with_code("deletion_not_allowed")
    }
}

/// Instagram has no call that changes a caption.
pub(super) fn cannot_edit() -> Failure {
    cannot(
        "Meta lets nobody change the caption of an Instagram post: change it in the Instagram app.",
    )
}

fn cannot(message: &str) -> Failure {
    Failure::new(FailureClass::Content { retryable: false }, message)
        .with_code(NOT_SUPPORTED)
        .with_action(Action::CheckAccount)
}

/// Deleting has failed for weeks by Meta's own fault (graph-api.md 6.6, 8.4: "Fatal", 2207085).
fn is_at_fault(failure: &Failure) -> bool {
    failure
        .platform
        .as_ref()
        .is_some_and(|it| it.subcode == Some(2_207_085))
}

fn not_deleted() -> Failure {
    Failure::new(
        FailureClass::Transient,
        "Instagram did not delete the post. It can be tried again.",
    )
}
