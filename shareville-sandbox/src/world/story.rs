//! Stories of a Page: photos and videos that are seen for a day.

use chrono::{DateTime, TimeDelta, Utc};

use super::World;

/// How long a story is seen.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// What a story shows: an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoryMedia {
    Photo(String),
    Video(String),
}

impl StoryMedia {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Photo(id) | Self::Video(id) => id,
        }
    }
}

/// A story to be shown; all checks are done.
#[derive(Debug, Clone)]
pub(crate) struct NewStory {
    id: String,
    page: String,
    app: String,
    media: StoryMedia,
}

impl NewStory {
    pub(crate) fn of_video(id: String, page: String, app: String, video: &str) -> Self {
        let media = StoryMedia::Video(video.to_owned());
        Self {
            id,
            page,
            app,
            media,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Story {
    /// Digits only: a story's post id does not name its Page.
    pub(crate) id: String,
    pub(crate) page: String,
    pub(crate) app: String,
    pub(crate) media: StoryMedia,
    pub(crate) created: DateTime<Utc>,
    pub(crate) deleted: bool,
}

impl Story {
    /// Whether visitors see it at this time.
    pub(crate) fn is_visible(&self, now: DateTime<Utc>) -> bool {
        !self.deleted && self.created + LIFE > now
    }
}

impl World {
    /// A Page's stories, newest first, old and deleted ones too.
    pub(crate) fn stories_of<'a>(&'a self, page: &'a str) -> impl Iterator<Item = &'a Story> {
        // Ids grow with time.
        self.stories
            .values()
            .rev()
            .filter(move |story| story.page == page)
    }

    pub(crate) fn story_url(&self, id: &str) -> String {
        format!("{}/www.facebook.com/stories/{id}", self.base_url)
    }

    pub(crate) fn publish_story(&mut self, new: NewStory) {
        let story = Story {
            id: new.id.clone(),
            page: new.page,
            app: new.app,
            media: new.media,
            created: self.now(),
            deleted: false,
        };
        self.stories.insert(new.id, story);
    }

    /// Shows a photo as a story, and answers the story's id. What a repetition does is a switch.
    pub(crate) fn publish_photo_story(&mut self, page: &str, app: &str, photo: &str) -> String {
        let media = StoryMedia::Photo(photo.to_owned());
        let shown = self.stories_of(page).find(|story| story.media == media);
        if let Some(shown) = shown
            && self.switches.photo_story_twice_is_harmless
        {
            return shown.id.clone();
        }
        let id = self.ids.long();
        if let Some(photo) = self.photos.get_mut(photo) {
            photo.used_by.push(id.clone());
        }
        self.publish_story(NewStory {
            id: id.clone(),
            page: page.to_owned(),
            app: app.to_owned(),
            media,
        });
        id
    }
}
