//! Containers: what is prepared, and how far it is.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::MediaKind;
use crate::world::World;

/// A container lives so long (graph-api 6.7, D-IGC).
pub(crate) const CONTAINER_LIFE: TimeDelta = TimeDelta::hours(24);

/// What a media file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Medium {
    /// A photo.
    Image,
    /// A video.
    Video,
}

/// A person tagged in a photo or video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct UserTag {
    /// The `@name`.
    pub username: String,
    /// How far from the left, 0 to 1; photos only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// How far from the top, 0 to 1; photos only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
}

/// One photo or video of a container.
#[derive(Debug, Clone)]
pub(crate) struct MediaFile {
    /// The id it has as a carousel's child.
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) medium: Medium,
    pub(crate) alt_text: Option<String>,
    pub(crate) user_tags: Vec<UserTag>,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContainerRole {
    /// It can be published, as this.
    Whole(MediaKind),
    /// It is a part of a carousel.
    CarouselItem,
}

/// Why a container came to nothing, as its `status` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ContainerFailure {
    /// A seven-digit code: 2207026, 2207076 … (graph-api 8.4); 2207052 is told in words, as Meta does.
    Code(u32),
    /// A sentence of its own: "You cannot access the app till you log in to instagram.com".
    Text(String),
}

impl ContainerFailure {
    fn sentence(&self) -> String {
        match self {
            Self::Code(2_207_052) => {
                "Error: Media download has failed. The media URI doesn't meet our requirements."
                    .to_owned()
            }
            Self::Code(code) => format!("Error: Media upload has failed with error code {code}"),
            Self::Text(text) => text.clone(),
        }
    }
}

/// How far a container is: its `status_code` (graph-api 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ContainerStatus {
    /// It is being processed.
    InProgress,
    /// It can be published.
    Finished,
    /// It was published.
    Published,
    /// It came to nothing.
    Error,
    /// Its 24 hours are over.
    Expired,
}

/// A container to be made; all checks are done.
#[derive(Debug, Clone)]
pub(crate) struct NewContainer {
    pub(crate) account: String,
    pub(crate) app: String,
    pub(crate) role: ContainerRole,
    pub(crate) files: Vec<MediaFile>,
    pub(crate) caption: Option<String>,
    pub(crate) collaborators: Vec<String>,
    pub(crate) location: Option<String>,
    pub(crate) cover_url: Option<String>,
    /// Milliseconds.
    pub(crate) thumb_offset: Option<u64>,
    pub(crate) share_to_feed: Option<bool>,
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) made: NewContainer,
    pub(crate) created: DateTime<Utc>,
    /// How many reads still find it in progress.
    polls: u32,
    /// How many bytes have arrived by a resumable upload.
    pub(crate) received: usize,
    pub(crate) failure: Option<ContainerFailure>,
    /// The media it became.
    pub(crate) media: Option<String>,
}

/// A container as the platform keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContainerRecord {
    /// Its id.
    pub id: String,
    /// The account it belongs to.
    pub account: String,
    /// The app that made it.
    pub app: String,
    /// What it is to become; a carousel's part has none.
    pub kind: Option<MediaKind>,
    /// How far it is.
    pub status_code: ContainerStatus,
    /// The text.
    pub caption: Option<String>,
    /// When it was made.
    pub created_time: DateTime<Utc>,
    /// The media it became.
    pub media: Option<String>,
}

impl Container {
    /// Whether its video has still to be uploaded.
    pub(crate) fn awaits_bytes(&self) -> bool {
        self.made.files.iter().any(|file| file.url.is_empty())
    }

    pub(crate) fn status(&self, now: DateTime<Utc>) -> ContainerStatus {
        if self.media.is_some() {
            ContainerStatus::Published
        } else if self.created + CONTAINER_LIFE <= now {
            ContainerStatus::Expired
        } else if self.polls > 0 || self.awaits_bytes() {
            ContainerStatus::InProgress
        } else if self.failure.is_some() {
            ContainerStatus::Error
        } else {
            ContainerStatus::Finished
        }
    }

    /// The sentence that goes with the status code.
    pub(crate) fn sentence(&self, status: ContainerStatus) -> String {
        let fixed = match status {
            ContainerStatus::InProgress => "In Progress: Media is still being processed.",
            ContainerStatus::Finished => {
                "Finished: Media has been uploaded and it is ready to be published."
            }
            ContainerStatus::Published => "Published: Media has been successfully published.",
            ContainerStatus::Expired => "Expired: Media container has expired.",
            ContainerStatus::Error => {
                return self
                    .failure
                    .as_ref()
                    .map_or_else(String::new, ContainerFailure::sentence);
            }
        };
        fixed.to_owned()
    }

    fn record(&self, now: DateTime<Utc>) -> ContainerRecord {
        ContainerRecord {
            id: self.id.clone(),
            account: self.made.account.clone(),
            app: self.made.app.clone(),
            kind: match self.made.role {
                ContainerRole::Whole(kind) => Some(kind),
                ContainerRole::CarouselItem => None,
            },
            status_code: self.status(now),
            caption: self.made.caption.clone(),
            created_time: self.created,
            media: self.media.clone(),
        }
    }
}

impl World {
    pub(crate) fn create_container(&mut self, made: NewContainer) -> String {
        let id = self.ids.instagram();
        let container = Container {
            id: id.clone(),
            created: self.now(),
            polls: self.switches.container_polls,
            received: 0,
            failure: self.instagram.doomed.remove(&made.account),
            media: None,
            made,
        };
        self.instagram.containers.insert(id.clone(), container);
        id
    }

    /// Looks at a container, which brings its processing one step on.
    pub(crate) fn poll_container(&mut self, id: &str) -> Option<(ContainerStatus, String)> {
        let now = self.now();
        let container = self.instagram.containers.get_mut(id)?;
        let status = container.status(now);
        let sentence = container.sentence(status);
        container.polls = container.polls.saturating_sub(1);
        Some((status, sentence))
    }

    /// Ends a container that was not published, at once.
    pub(crate) fn fail_container(&mut self, id: &str, failure: ContainerFailure) -> bool {
        match self.instagram.containers.get_mut(id) {
            Some(container) if container.media.is_none() => {
                container.failure = Some(failure);
                container.polls = 0;
                true
            }
            _ => false,
        }
    }

    /// How many containers this account made in the last 24 hours.
    pub(crate) fn recent_containers(&self, account: &str) -> usize {
        let since = self.now() - CONTAINER_LIFE;
        let containers = self.instagram.containers.values();
        containers
            .filter(|container| container.made.account == account && container.created > since)
            .count()
    }

    /// An account's containers, newest first.
    pub(crate) fn containers_of(&self, account: &str) -> Vec<ContainerRecord> {
        let now = self.now();
        let containers = self.instagram.containers.values().rev();
        containers
            .filter(|container| container.made.account == account)
            .map(|container| container.record(now))
            .collect()
    }
}
