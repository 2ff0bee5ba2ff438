//! The next step towards something that one call makes visible, whichever way the content goes.

use shareville_core::{
    failure::{Failure, FailureClass},
    media::MediaKind,
    post::{Content, Progress},
    publisher::{Job, Prepared},
};

use super::{
    FacebookPages,
    photos::Preparation,
    progress::{Kept, Unused},
    route::{Route, only_medium},
    session::Edge,
};

impl FacebookPages {
    pub(super) async fn next_step(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        let kept = Kept::resume(job, progress);
        let outdated = kept
            .as_ref()
            .is_some_and(|kept| kept.is_outdated(self.graph.now()));
        if let Some(ready) = prepared_before(job, progress).filter(|_| !outdated) {
            return ready;
        }
        match kept.filter(|_| !outdated) {
            Some(Kept::Post(preparation)) => self.next_of_post(job, preparation).await,
            Some(Kept::Video(chunks)) => self.send_chunk(job, chunks).await,
            Some(Kept::Reel(session)) => self.next_of_session(job, Edge::Reels, session).await,
            Some(Kept::VideoStory(session)) => {
                self.next_of_session(job, Edge::Stories, session).await
            }
            Some(Kept::PhotoStory(_)) | None => self.begin(job).await,
        }
    }

    async fn begin(&self, job: &Job) -> Prepared {
        match Route::of(&job.post.content) {
            Route::Post => self.next_of_post(job, Preparation::default()).await,
            Route::Film => self.begin_film(job).await,
            Route::Reel => self.begin_session(job, Edge::Reels).await,
            Route::VideoStory => self.begin_session(job, Edge::Stories).await,
            Route::PhotoStory => self.upload_story_photo(job).await,
        }
    }

    /// The photo itself is what the commit names; one that is lost and that nobody uses vanishes by itself.
    async fn upload_story_photo(&self, job: &Job) -> Prepared {
        let uploaded = match only_medium(&job.post.content) {
            Ok(media) => self.upload_photo(job, media).await,
            Err(failure) => Err(failure),
        };
        let photo = match uploaded {
            Ok(photo) => photo,
            Err(failure) => return failed_anew(about_medium(failure, &job.post.content, 0)),
        };
        let since = self.graph.now();
        let progress = Kept::PhotoStory(Unused { since }).keep(job, Some(photo.id));
        match photo.changed {
            Some(note) => Prepared::Noted { progress, note },
            None => Prepared::Ready(progress),
        }
    }
}

/// What was prepared exists already; whichever version wrote its id down, if it can be committed by this one.
fn prepared_before(job: &Job, progress: Option<&Progress>) -> Option<Prepared> {
    let progress = progress
        .filter(|progress| progress.content_revision == job.post.content_revision)
        .filter(|progress| progress.object.is_some())
        .filter(|progress| Kept::committed(job, progress).is_some())?;
    Some(Prepared::Ready(progress.clone()))
}

/// A failure after which whoever tries again begins anew: what is left at Facebook is seen by nobody.
pub(super) const fn failed_anew(failure: Failure) -> Prepared {
    Prepared::Failed {
        failure,
        progress: None,
    }
}

/// The text, if there is one.
pub(super) fn caption(job: &Job) -> Option<&str> {
    let caption = job.post.content.caption.as_deref();
    caption.filter(|caption| !caption.is_empty())
}

/// The place, if there is one.
pub(super) fn place(job: &Job) -> Option<&str> {
    let options = job.post.content.options.facebook.as_ref()?;
    options.place_id.as_deref()
}

/// The same failure, with which medium it is about.
pub(super) fn about_medium(mut failure: Failure, content: &Content, index: usize) -> Failure {
    let mut platform = failure.platform.take().unwrap_or_default();
    platform.media_index = index.try_into().ok();
    let kind = match content.media.get(index).map(|media| media.kind) {
        Some(MediaKind::Video) => "Video",
        Some(MediaKind::Image) | None => "Photo",
    };
    failure.message = format!("{kind} {}: {}", index + 1, failure.message);
    failure.with_platform(platform)
}

pub(super) fn unknown_medium() -> Failure {
    Failure::new(
        FailureClass::Unknown,
        "There is no such medium in the post. Publish it again.",
    )
}
