//! Posts, photos and comments as the platform stores them.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Story, StoryMedia, World};

/// What visitors see a post as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostKind {
    /// A text, a link or photos.
    #[default]
    Post,
    /// A video.
    Video,
    /// A Reel.
    Reel,
    /// A story of a photo or a video, seen for a day.
    Story,
}

#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// `{page}_{number}`
    pub(crate) id: String,
    pub(crate) page: String,
    pub(crate) app: String,
    pub(crate) kind: PostKind,
    pub(crate) message: Option<String>,
    pub(crate) link: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) photos: Vec<String>,
    pub(crate) video: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
    /// When it went live; `None` while it is hidden from visitors.
    pub(crate) published: Option<DateTime<Utc>>,
    /// Kept when deleted, so that late calls on it are still told from calls on nothing.
    pub(crate) deleted: bool,
}

impl Post {
    pub(crate) fn is_visible(&self) -> bool {
        self.published.is_some() && !self.deleted
    }
}

/// A post as the platform keeps it, whether or not visitors see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PostRecord {
    /// `{page}_{number}`; a story's has digits only.
    pub id: String,
    /// The Page it belongs to.
    pub page: String,
    /// The app that made it.
    pub app: String,
    /// What visitors see it as.
    pub kind: PostKind,
    /// The text.
    pub message: Option<String>,
    /// The link.
    pub link: Option<String>,
    /// The id of the place's Page.
    pub place: Option<String>,
    /// The ids of its photos, in order.
    pub photos: Vec<String>,
    /// The id of its video.
    pub video: Option<String>,
    /// When it was created.
    pub created_time: DateTime<Utc>,
    /// When it went live; `None` if it never did.
    pub published_time: Option<DateTime<Utc>>,
    /// Whether it was deleted since.
    pub deleted: bool,
}

impl From<&Post> for PostRecord {
    fn from(post: &Post) -> Self {
        Self {
            id: post.id.clone(),
            page: post.page.clone(),
            app: post.app.clone(),
            kind: post.kind,
            message: post.message.clone(),
            link: post.link.clone(),
            place: post.place.clone(),
            photos: post.photos.clone(),
            video: post.video.clone(),
            created_time: post.created,
            published_time: post.published,
            deleted: post.deleted,
        }
    }
}

impl From<&Story> for PostRecord {
    fn from(story: &Story) -> Self {
        let (photos, video) = match &story.media {
            StoryMedia::Photo(photo) => (vec![photo.clone()], None),
            StoryMedia::Video(video) => (Vec::new(), Some(video.clone())),
        };
        Self {
            id: story.id.clone(),
            page: story.page.clone(),
            app: story.app.clone(),
            kind: PostKind::Story,
            message: None,
            link: None,
            place: None,
            photos,
            video,
            created_time: story.created,
            published_time: Some(story.created),
            deleted: story.deleted,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum PhotoSource {
    /// An address; never fetched, a visitor's browser may.
    Url(String),
    /// The bytes that were uploaded, with their media type.
    Bytes(Bytes, &'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Photo {
    pub(crate) id: String,
    pub(crate) page: String,
    pub(crate) source: PhotoSource,
    pub(crate) alt_text: Option<String>,
    pub(crate) caption: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) published: bool,
    /// The posts that show it.
    pub(crate) used_by: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    /// `{post number}_{number}`
    pub(crate) id: String,
    pub(crate) post: String,
    /// The comment it replies to.
    pub(crate) parent: Option<String>,
    /// Id and name of whoever wrote it.
    pub(crate) from: (String, String),
    pub(crate) message: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) hidden: bool,
    pub(crate) deleted: bool,
}

impl World {
    /// The post, unless it was deleted.
    pub(crate) fn post(&self, id: &str) -> Option<&Post> {
        self.posts.get(id).filter(|post| !post.deleted)
    }

    /// The comment, unless it or its post was deleted.
    pub(crate) fn comment(&self, id: &str) -> Option<&Comment> {
        self.comments
            .get(id)
            .filter(|comment| !comment.deleted && self.post(&comment.post).is_some())
    }

    /// The photo, unless it was never used and its time is over.
    pub(crate) fn photo(&self, id: &str) -> Option<&Photo> {
        let life = TimeDelta::hours(i64::from(
            self.switches.unpublished_photos_expire_after_hours,
        ));
        self.photos.get(id).filter(|photo| {
            photo.published
                || !photo.used_by.is_empty()
                || life.is_zero()
                || photo.created + life > self.now()
        })
    }

    pub(crate) fn photo_url(&self, photo: &Photo) -> String {
        match &photo.source {
            PhotoSource::Url(url) => url.clone(),
            PhotoSource::Bytes(..) => format!("{}/_sandbox/photos/{}", self.base_url, photo.id),
        }
    }

    /// A Page's posts, newest first.
    pub(crate) fn posts_of<'a>(&'a self, page: &'a str) -> impl Iterator<Item = &'a Post> {
        // Ids of one Page share a prefix and grow with time.
        let from = format!("{page}_");
        let to = format!("{page}`");
        self.posts.range(from..to).rev().map(|(_, post)| post)
    }

    /// Everything a Page ever posted, stories too, newest first.
    pub(crate) fn records_of(&self, page: &str) -> Vec<PostRecord> {
        let posts = self.posts_of(page).map(PostRecord::from);
        let stories = self.stories_of(page).map(PostRecord::from);
        let mut records: Vec<_> = posts.chain(stories).collect();
        records.sort_by_key(|record| std::cmp::Reverse(record.created_time));
        records
    }

    /// What hangs directly under a post or a comment, oldest first.
    pub(crate) fn comments_under<'a>(
        &'a self,
        post: &'a str,
        parent: Option<&'a str>,
    ) -> Vec<&'a Comment> {
        // A comment's id begins with its post's number.
        let number = post.rsplit('_').next().unwrap_or(post);
        let mut found: Vec<_> = self
            .comments
            .range(format!("{number}_")..format!("{number}`"))
            .map(|(_, comment)| comment)
            .filter(|comment| {
                comment.post == post && comment.parent.as_deref() == parent && !comment.deleted
            })
            .collect();
        found.sort_by(|one, other| {
            one.created
                .cmp(&other.created)
                .then_with(|| one.id.cmp(&other.id))
        });
        found
    }
}
