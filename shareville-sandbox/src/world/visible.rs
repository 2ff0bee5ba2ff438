//! What a visitor sees: the truth that publishing is judged by.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Post, PostKind, Story, StoryMedia, World};

/// A post, video, Reel or story as a visitor of the Page sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisiblePost {
    /// `{page}_{number}`; a story's has digits only.
    pub id: String,
    /// The Page it stands on.
    pub page: String,
    /// What it is seen as.
    pub kind: PostKind,
    /// The text.
    pub message: Option<String>,
    /// The link.
    pub link: Option<String>,
    /// The id of the place's Page.
    pub place: Option<String>,
    /// The photos in their order.
    pub photos: Vec<VisiblePhoto>,
    /// The video.
    pub video: Option<VisibleVideo>,
    /// The comments that are not hidden, oldest first, replies after what they reply to.
    pub comments: Vec<VisibleComment>,
    /// When it went live.
    pub created_time: DateTime<Utc>,
    /// Where it is shown in this sandbox.
    pub permalink_url: String,
}

/// A photo in a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisiblePhoto {
    /// The photo's id.
    pub id: String,
    /// Where its bytes are.
    pub url: String,
    /// What a screen reader says.
    pub alt_text: Option<String>,
    /// Its own caption.
    pub caption: Option<String>,
}

/// A video in a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisibleVideo {
    /// The video's id.
    pub id: String,
    /// Where its bytes are.
    pub url: Option<String>,
    /// Its title.
    pub title: Option<String>,
}

/// A comment under a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VisibleComment {
    /// `{post number}_{number}`.
    pub id: String,
    /// The comment it replies to.
    pub parent: Option<String>,
    /// Who wrote it: an id.
    pub from_id: String,
    /// Who wrote it: a name.
    pub from_name: String,
    /// The text.
    pub message: String,
    /// When it was written.
    pub created_time: DateTime<Utc>,
}

impl World {
    /// What a visitor of this Page sees, newest first.
    pub(crate) fn visible_posts(&self, page: &str) -> Vec<VisiblePost> {
        let mut seen: Vec<_> = self
            .posts_of(page)
            .filter(|post| post.is_visible())
            .map(|post| self.visible_post(post))
            .chain(self.visible_stories(page))
            .collect();
        seen.sort_by(|one, other| {
            other
                .created_time
                .cmp(&one.created_time)
                .then_with(|| other.id.cmp(&one.id))
        });
        seen
    }

    pub(crate) fn visible_post(&self, post: &Post) -> VisiblePost {
        VisiblePost {
            id: post.id.clone(),
            page: post.page.clone(),
            kind: post.kind,
            message: post.message.clone(),
            link: post.link.clone(),
            place: post.place.clone(),
            photos: post
                .photos
                .iter()
                .filter_map(|id| self.visible_photo(id))
                .collect(),
            video: post.video.as_ref().and_then(|id| self.visible_video(id)),
            comments: self.visible_comments(&post.id, None),
            created_time: post.published.unwrap_or(post.created),
            permalink_url: self.permalink(post),
        }
    }

    fn visible_photo(&self, id: &str) -> Option<VisiblePhoto> {
        let photo = self.photos.get(id)?;
        Some(VisiblePhoto {
            id: photo.id.clone(),
            url: self.photo_url(photo),
            alt_text: photo.alt_text.clone(),
            caption: photo.caption.clone(),
        })
    }

    fn visible_video(&self, id: &str) -> Option<VisibleVideo> {
        let video = self.videos.get(id)?;
        Some(VisibleVideo {
            id: video.id.clone(),
            url: self.video_url(video),
            title: video.words.title.clone(),
        })
    }

    fn visible_stories<'a>(&'a self, page: &'a str) -> impl Iterator<Item = VisiblePost> + 'a {
        let now = self.now();
        self.stories_of(page)
            .filter(move |story| story.is_visible(now))
            .map(move |story| self.visible_story(story))
    }

    pub(crate) fn visible_story(&self, story: &Story) -> VisiblePost {
        let (photo, video) = match &story.media {
            StoryMedia::Photo(photo) => (self.visible_photo(photo), None),
            StoryMedia::Video(video) => (None, self.visible_video(video)),
        };
        VisiblePost {
            id: story.id.clone(),
            page: story.page.clone(),
            kind: PostKind::Story,
            message: None,
            link: None,
            place: None,
            photos: photo.into_iter().collect(),
            video,
            comments: Vec::new(),
            created_time: story.created,
            permalink_url: self.story_url(&story.id),
        }
    }

    fn visible_comments(&self, post: &str, parent: Option<&str>) -> Vec<VisibleComment> {
        let mut seen = Vec::new();
        for comment in self
            .comments_under(post, parent)
            .into_iter()
            .filter(|comment| !comment.hidden)
        {
            seen.push(VisibleComment {
                id: comment.id.clone(),
                parent: comment.parent.clone(),
                from_id: comment.from.0.clone(),
                from_name: comment.from.1.clone(),
                message: comment.message.clone(),
                created_time: comment.created,
            });
            seen.extend(self.visible_comments(post, Some(&comment.id)));
        }
        seen
    }
}
