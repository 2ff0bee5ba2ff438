//! Media: what was published, and the acts that change it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{ContainerRole, MediaFile, MediaKind, NewContainer};
use crate::world::World;

/// A story is shown so long.
const STORY_LIFE: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub(crate) id: String,
    pub(crate) kind: MediaKind,
    pub(crate) made: NewContainer,
    pub(crate) published: DateTime<Utc>,
    /// Newest last.
    pub(crate) comments: Vec<MediaComment>,
    /// Kept when deleted: the quota still counts it.
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct MediaComment {
    pub(crate) id: String,
    /// Id and `@name` of whoever wrote it.
    pub(crate) from: (String, String),
    pub(crate) text: String,
    pub(crate) created: DateTime<Utc>,
}

impl Media {
    /// The short name in the permalink: the id in Instagram's alphabet.
    pub(crate) fn shortcode(&self) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let number: u64 = self.id.parse().unwrap_or_default();
        (0..10)
            .rev()
            .map(|place| {
                let digit = usize::try_from((number >> (6 * place)) & 63).unwrap_or_default();
                char::from(ALPHABET[digit])
            })
            .collect()
    }
}

impl World {
    /// The media, unless it was deleted or is a story whose day is over.
    pub(crate) fn media(&self, id: &str) -> Option<&Media> {
        let media = self.instagram.media.get(id)?;
        let over = media.kind == MediaKind::Story && media.published + STORY_LIFE <= self.now();
        (!media.deleted && !over).then_some(media)
    }

    /// An account's media that can be seen, newest first.
    pub(crate) fn media_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Media> {
        // Ids grow with time.
        self.instagram
            .media
            .keys()
            .rev()
            .filter_map(|id| self.media(id))
            .filter(move |media| media.made.account == account)
    }

    pub(crate) fn media_permalink(&self, media: &Media) -> String {
        let short = media.shortcode();
        let base = &self.base_url;
        match media.kind {
            MediaKind::Image | MediaKind::Carousel => {
                format!("{base}/www.instagram.com/p/{short}/")
            }
            MediaKind::Reel => format!("{base}/www.instagram.com/reel/{short}/"),
            MediaKind::Story => {
                let account = self.instagram_account(&media.made.account);
                let username = account.map_or("", |account| account.username.as_str());
                format!("{base}/www.instagram.com/stories/{username}/{}", media.id)
            }
        }
    }

    /// How much this account published since then, repetitions and deleted media included.
    pub(crate) fn published_since(&self, account: &str, since: DateTime<Utc>) -> usize {
        let media = self.instagram.media.values();
        media
            .filter(|media| media.made.account == account && media.published > since)
            .count()
    }

    /// Makes a container visible as one more media. Whether it may is judged before.
    pub(crate) fn publish_container(&mut self, container: &str) -> Option<String> {
        let found = self.instagram.containers.get(container)?;
        let ContainerRole::Whole(kind) = found.made.role else {
            return None;
        };
        let made = found.made.clone();
        let id = self.ids.instagram();
        let media = Media {
            id: id.clone(),
            kind,
            made,
            published: self.now(),
            comments: Vec::new(),
            deleted: false,
        };
        self.instagram.media.insert(id.clone(), media);
        if let Some(container) = self.instagram.containers.get_mut(container) {
            container.media.get_or_insert_with(|| id.clone());
        }
        Some(id)
    }

    /// Deletes a media; `false` if it cannot be seen.
    pub(crate) fn delete_media(&mut self, id: &str) -> bool {
        let seen = self.media(id).is_some();
        if let Some(media) = self.instagram.media.get_mut(id) {
            media.deleted = true;
        }
        seen
    }

    pub(crate) fn comment_on_media(
        &mut self,
        media: &str,
        from: (String, String),
        text: String,
    ) -> Option<String> {
        let id = self.ids.instagram();
        let created = self.now();
        let media = self.instagram.media.get_mut(media)?;
        media.comments.push(MediaComment {
            id: id.clone(),
            from,
            text,
            created,
        });
        Some(id)
    }

    /// The files of a container, a carousel's being those of its parts.
    pub(crate) fn files_of(&self, containers: &[String]) -> Vec<MediaFile> {
        let containers = containers
            .iter()
            .filter_map(|id| self.instagram.containers.get(id));
        containers
            .flat_map(|container| container.made.files.clone())
            .collect()
    }
}
