//! A video or a Reel.
//!
//! Source: graph-api.md 5.6, 5.7 (D-VID, D-REEL; SDK `VideoStatus*.json`; field postiz#1740).

use shareville_core::{
    clock::Timestamp,
    failure::{Failure, FailureClass},
    post::Evidence,
    publisher::Job,
};

use super::{
    super::{
        FacebookPages,
        progress::Foretold,
        status::{Publishing, Video},
    },
    listed::Item,
    live,
};
use crate::{graph::Need, look::looked_in_vain};

/// As what a film was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Shown {
    AsVideo,
    AsReel(Foretold),
}

impl FacebookPages {
    /// `GET /{video}`: the film itself, or else the one post that can be its own.
    pub(in super::super) async fn look_at_film(
        &self,
        job: &Job,
        film: &str,
        shown: Shown,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let error = match self.read_video(job, film, Need::Commit).await {
            Ok(video) => return Ok(self.evidence(job, film, shown, &video, since)),
            Err(error) => error,
        };
        let failure = looked_in_vain(self.graph.failure(&error))?;
        match failure.class {
            FailureClass::NotFound | FailureClass::Permission => {
                self.find_listed_film(job, film, since, failure).await
            }
            _ => Ok(Evidence::Unclear(Some(failure))),
        }
    }

    fn evidence(
        &self,
        job: &Job,
        film: &str,
        shown: Shown,
        video: &Video,
        since: Timestamp,
    ) -> Evidence {
        let foretold = match shown {
            Shown::AsVideo => Foretold::default(),
            Shown::AsReel(foretold) => foretold,
        };
        match (video.publishing(self.graph.now(), foretold), shown) {
            (Publishing::Live, _) => {
                let link = video.permalink_url.as_deref();
                let permalink =
                    link.map_or_else(|| self.film_address(film, shown), |link| self.seen_at(link));
                match &video.post_id {
                    Some(post) => live(&post_of(job, post), Some(permalink)),
                    // The post's id comes later; the film's does for all that is done with a post.
                    None => live(film, Some(permalink)),
                }
            }
            (Publishing::Underway, _) => self.pending(since),
            (Publishing::Draft, Shown::AsVideo) => Evidence::Dead(draft()),
            (Publishing::NotStarted, _) | (Publishing::Draft, Shown::AsReel(_)) => Evidence::Absent,
            (Publishing::Dead(failure), _) => Evidence::Dead(failure),
            (Publishing::Unclear, _) => Evidence::Unclear(None),
        }
    }

    /// The list may prove that it is live: by the post that shows this film. A text proves nothing: another post may have
    /// the same, and be of the same minute.
    ///
    /// What `attachments` has inside is from memory: graph-api.md 5.5 names the field only.
    async fn find_listed_film(
        &self,
        job: &Job,
        film: &str,
        since: Timestamp,
        failure: Failure,
    ) -> Result<Evidence, Failure> {
        let fields = "id,permalink_url,created_time,attachments{target}";
        let recent = self.published_since(job, since, fields, None).await?;
        let shows_it = |item: &&Item| item.target().as_deref() == Some(film);
        Ok(match recent.iter().find(shows_it) {
            Some(item) => {
                let link = item.permalink_url.as_deref();
                live(&item.id, link.map(|link| self.seen_at(link)))
            }
            None => Evidence::Unclear(Some(failure)),
        })
    }

    /// The address that every film has (graph-api.md 5.5).
    pub(in super::super) fn film_address(&self, film: &str, shown: Shown) -> String {
        match shown {
            Shown::AsReel(_) => self.graph.address(&["reel", film]).into(),
            Shown::AsVideo => self.graph.address(&[film]).into(),
        }
    }
}

/// A post's whole id: films name it without its Page.
fn post_of(job: &Job, post: &str) -> String {
    match post.contains('_') {
        true => post.to_owned(),
        false => format!("{}_{post}", job.account.platform_id),
    }
}

fn draft() -> Failure {
    Failure::new(
        FailureClass::Content { retryable: false },
        "Facebook took the video for a Reel and kept it as a draft: share it in the Page's own tools, or publish it with \
         the placement `reel`.",
    )
    .with_code("kept_as_draft")
}
