//! What is kept between the steps towards something that one call makes visible.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shareville_core::{
    clock::{Timestamp, later},
    post::Progress,
    publisher::Job,
};

use super::{photos::Preparation, route::Route};

/// The version of what is kept: 2 says for which placement it is.
const VERSION: u16 = 2;

/// The version that knew posts of text, a link and photos only.
const POSTS_ONLY: u16 = 1;

/// How long what was uploaded and not used is relied upon: Facebook drops photos after about 24 hours, and says nothing
/// of films.
///
/// Source: graph-api.md 5.2.
const UPLOADS_LAST: Duration = Duration::from_secs(12 * 60 * 60);

/// What is kept, for each way to the Page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Kept {
    /// Towards an unpublished post.
    Post(Preparation),
    /// Towards a film of which Facebook has every byte.
    Video(Chunks),
    /// Towards a Reel of which Facebook has the film.
    Reel(Session),
    /// Towards a story of which Facebook has the film.
    VideoStory(Session),
    /// A photo for a story, seen by nobody.
    PhotoStory(Unused),
}

/// A film that is sent in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chunks {
    /// The film's id.
    pub(super) video: String,
    /// What names the upload.
    pub(super) session: String,
    /// How many bytes were announced.
    pub(super) size: u64,
    /// Where the next chunk begins.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// How often Facebook has said from where to go on.
    #[serde(default)]
    pub(super) resumed: u8,
    /// When it was begun.
    pub(super) since: Timestamp,
}

/// A film that goes to an address that Facebook has named for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Session {
    /// The film's id.
    pub(super) video: String,
    /// Where Facebook wants it, or to be told where it is.
    pub(super) address: String,
    /// When it was begun.
    pub(super) since: Timestamp,
    /// From where bytes were sent last, where they are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    /// When Facebook was told where the film is, or got its last byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sent_at: Option<Timestamp>,
    /// How often Facebook was asked whether it has the film.
    #[serde(default)]
    pub(super) polls: u32,
    /// Whether it was foretold that it will be published before it was finished.
    #[serde(default)]
    pub(super) foretold: Foretold,
}

/// Whether the word that a film is to be published stood there before anybody had asked for that. If it did, it proves
/// nothing later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Foretold {
    /// It did not, as far as is known.
    #[default]
    ByCommit,
    /// It did.
    Before,
}

/// Something that was uploaded and that nobody has used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unused {
    /// When it was uploaded.
    pub(super) since: Timestamp,
}

impl Kept {
    /// What an earlier step has kept for this content; nothing, if it is of an unknown version or for other content.
    pub(super) fn resume(job: &Job, progress: Option<&Progress>) -> Option<Self> {
        progress
            .filter(|progress| progress.content_revision == job.post.content_revision)
            .and_then(Self::read)
    }

    /// What was prepared for a commit; also where a version that is not known here has prepared it, if the content can
    /// go one way only.
    pub(super) fn committed(job: &Job, progress: &Progress) -> Option<Self> {
        Self::read(progress).or_else(|| match Route::of(&job.post.content) {
            Route::Post => Some(Self::Post(Preparation::default())),
            _ => None,
        })
    }

    fn read(progress: &Progress) -> Option<Self> {
        match progress.version {
            VERSION => serde_json::from_value(progress.data.clone()).ok(),
            POSTS_ONLY => {
                let kept = serde_json::from_value(progress.data.clone());
                Some(Self::Post(kept.unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// What is to be kept of it.
    pub(super) fn keep(&self, job: &Job, object: Option<String>) -> Progress {
        Progress {
            version: VERSION,
            content_revision: job.post.content_revision,
            object,
            // A struct of texts and numbers always has a JSON form.
            data: serde_json::to_value(self).unwrap_or_default(),
        }
    }

    /// Whether Facebook may have dropped what was uploaded by now.
    pub(super) fn is_outdated(&self, now: Timestamp) -> bool {
        match self {
            // Once it exists, a post does not vanish by itself.
            Self::Post(_) => false,
            Self::Video(Chunks { since, .. })
            | Self::Reel(Session { since, .. })
            | Self::VideoStory(Session { since, .. })
            | Self::PhotoStory(Unused { since }) => is_outdated(*since, now),
        }
    }
}

/// Whether Facebook may have dropped by now what was uploaded at a time.
pub(super) fn is_outdated(since: Timestamp, now: Timestamp) -> bool {
    later(since, UPLOADS_LAST) <= now
}
