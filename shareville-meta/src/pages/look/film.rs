//! A video or a Reel.
//!
//! Source: graph-api.md 5.6, 5.7 (D-VID, D-REEL; SDK `VideoStatus*.json`; field postiz#1740).

use std::time::Duration;

use shareville_core::{
    clock::{Timestamp, later},
    failure::{Failure, FailureClass},
    post::Evidence,
    publisher::Job,
};

use super::{
    super::{
        FacebookPages,
        comment::plain,
        prepare::caption,
        progress::Foretold,
        status::{Publishing, Video},
    },
    listed::Item,
    live, looked_in_vain,
};

/// How far the platform's clock may be behind the store's.
const SKEW: Duration = Duration::from_secs(120);

/// The kind of a post that shows a film.
const ADDED_VIDEO: &str = "added_video";

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
        let error = match self.read_video(job, film).await {
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

    /// The list may prove that it is live: by the post that shows this film; or, where the list does not tell what posts
    /// show, by exactly one post of a film with the same text, not older than the commit. (That no other post of ours
    /// holds it, the engine asks.) A film without text proves nothing then.
    ///
    /// What `attachments` has inside is from memory: graph-api.md 5.5 names the field only.
    async fn find_listed_film(
        &self,
        job: &Job,
        film: &str,
        since: Timestamp,
        failure: Failure,
    ) -> Result<Evidence, Failure> {
        let fields = "id,message,status_type,permalink_url,created_time,attachments{target}";
        let recent = self.published_since(job, since, fields, None).await?;
        let shows_it = |item: &Item| item.target().as_deref() == Some(film);
        let found = recent.items.iter().find(|item| shows_it(item));
        let found = found.or_else(|| {
            let text = caption(job)?;
            let mut like = recent
                .items
                .iter()
                .filter(|item| item.target().is_none() && item.is_film_of(text, since));
            match (like.next(), like.next(), recent.whole) {
                (Some(only), None, true) => Some(only),
                _ => None,
            }
        });
        Ok(match found {
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

impl Item {
    fn is_film_of(&self, text: &str, since: Timestamp) -> bool {
        let same = self.message.as_deref().map(plain) == Some(plain(text));
        let is_new = self
            .created()
            .is_some_and(|created| later(created, SKEW) >= since);
        same && is_new && self.status_type.as_deref() == Some(ADDED_VIDEO)
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
