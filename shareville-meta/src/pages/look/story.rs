//! A story: only the id of what it shows tells it from others.
//!
//! Source: graph-api.md 5.8 (D-STORY; field openpost#227).

use std::time::Duration;

use serde::Deserialize;
use shareville_core::{
    clock::{Timestamp, later},
    failure::Failure,
    post::{Evidence, Published},
    publisher::Job,
};

use super::super::{FacebookPages, progress::Foretold, status::Publishing};
use crate::{
    graph::{Created, Listed, Need, optional_id_text},
    look::looked_in_vain,
};

/// The most pages of the list of stories that are read: 500 stories.
const MAX_LIST_PAGES: usize = 5;

/// How long the list surely shows a story. It is seen for a day, and then is missing as one is that never was.
const SURELY_LISTED: Duration = Duration::from_secs(23 * 60 * 60);

#[derive(Debug, Deserialize)]
struct Story {
    #[serde(default, deserialize_with = "optional_id_text")]
    post_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id_text")]
    media_id: Option<String>,
    #[serde(default)]
    url: Option<String>,
}

/// What the list of stories says of one.
enum Found {
    Listed(Published),
    /// The whole list was read.
    NotListed,
    Unknown(Option<Failure>),
}

impl FacebookPages {
    /// The list of stories; and while the photo can be read, a whole list without it says that nobody has used it.
    pub(super) async fn look_at_photo_story(
        &self,
        job: &Job,
        photo: &str,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        match self.find_story(job, photo).await? {
            Found::Listed(published) => return Ok(Evidence::Live(published)),
            Found::Unknown(failure) => return Ok(Evidence::Unclear(failure)),
            Found::NotListed => {}
        }
        if later(since, SURELY_LISTED) <= self.graph.now() {
            return Ok(Evidence::Unclear(None));
        }
        Ok(match self.read_photo(job, photo).await {
            Ok(()) => Evidence::Absent,
            Err(failure) => Evidence::Unclear(Some(looked_in_vain(failure)?)),
        })
    }

    /// The list of stories, and else the film itself. That nobody has used it, only both together say.
    pub(super) async fn look_at_video_story(
        &self,
        job: &Job,
        film: &str,
        foretold: Foretold,
        since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let is_young = self.graph.now() < later(since, SURELY_LISTED);
        let (is_unlisted, unknown) = match self.find_story(job, film).await? {
            Found::Listed(published) => return Ok(Evidence::Live(published)),
            Found::Unknown(failure) => (false, failure),
            Found::NotListed => (is_young, None),
        };
        let video = match self.read_video(job, film, Need::Commit).await {
            Ok(video) => video,
            Err(error) => {
                let failure = looked_in_vain(self.graph.failure(&error))?;
                return Ok(Evidence::Unclear(Some(failure)));
            }
        };
        Ok(match video.publishing(self.graph.now(), foretold) {
            Publishing::Live => {
                let link = video.permalink_url.as_deref();
                Evidence::Live(self.story(video.post_id.clone(), link))
            }
            Publishing::Underway => self.pending(since),
            Publishing::NotStarted | Publishing::Draft if is_unlisted => Evidence::Absent,
            Publishing::Dead(failure) => Evidence::Dead(failure),
            Publishing::NotStarted | Publishing::Draft | Publishing::Unclear => {
                Evidence::Unclear(unknown)
            }
        })
    }

    /// `GET /{page}/stories`: the one that shows exactly this.
    async fn find_story(&self, job: &Job, media: &str) -> Result<Found, Failure> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_LIST_PAGES {
            let list = self
                .graph
                .get(&[&job.account.platform_id, "stories"], self.auth(job))
                .needed(Need::Commit)
                .with("fields", "post_id,media_id,status,url")
                .with("limit", "100")
                .with_some("after", after.as_deref())
                .send::<Listed<Story>>()
                .await;
            let list = match list {
                Ok(list) => list,
                Err(error) => {
                    let failure = looked_in_vain(self.graph.failure(&error))?;
                    return Ok(Found::Unknown(Some(failure)));
                }
            };
            after = list.after().map(str::to_owned);
            let is_cut_off = list.is_cut_off();
            let found = list
                .data
                .into_iter()
                .find(|story| story.media_id.as_deref() == Some(media));
            match (found, &after) {
                (Some(story), _) => {
                    let published = self.story(story.post_id, story.url.as_deref());
                    return Ok(Found::Listed(published));
                }
                (None, None) if is_cut_off => return Ok(Found::Unknown(None)),
                (None, None) => return Ok(Found::NotListed),
                (None, Some(_)) => {}
            }
        }
        Ok(Found::Unknown(None))
    }

    /// A story that is live; where it is seen is known from its id (graph-api.md 5.5).
    pub(in super::super) fn story(&self, post: Option<String>, link: Option<&str>) -> Published {
        let permalink = link.map(|link| self.seen_at(link)).or_else(|| {
            let post = post.as_deref()?;
            Some(self.graph.address(&["stories", post]).into())
        });
        Published {
            platform_id: post,
            permalink,
        }
    }

    /// `GET /{photo}`: whether Facebook knows a photo.
    ///
    /// # Errors
    /// The failure of the read.
    pub(in super::super) async fn read_photo(&self, job: &Job, photo: &str) -> Result<(), Failure> {
        self.graph
            .get(&[photo], self.auth(job))
            .needed(Need::Commit)
            .with("fields", "id")
            .send::<Created>()
            .await
            .map(drop)
            .map_err(|error| self.graph.failure(&error))
    }
}
