//! Videos, Reels and video stories: their bytes, what becomes of them, and when they are seen.

use chrono::{DateTime, Utc};

use super::story::NewStory;
use super::{NewPost, PostKind, Shape, World};

/// The edge of a Page on which a video was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VideoEdge {
    /// `/{page}/videos`
    Videos,
    /// `/{page}/video_reels`
    Reels,
    /// `/{page}/video_stories`
    Stories,
}

/// What there is of a video's file.
#[derive(Debug, Clone)]
pub(crate) enum Upload {
    /// Nothing yet.
    Missing,
    /// So much of the size that was declared.
    Bytes { size: u64, received: Vec<u8> },
    /// An address; never fetched, a visitor's browser may.
    Hosted(String),
    /// More bytes came than were declared: this session leads nowhere.
    Failed,
}

impl Upload {
    /// How many bytes there are; a hosted file counts as a whole.
    pub(crate) fn received(&self) -> u64 {
        match self {
            Self::Bytes { received, .. } => u64::try_from(received.len()).unwrap_or(u64::MAX),
            Self::Missing | Self::Hosted(_) | Self::Failed => 0,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Bytes { size, .. } => self.received() == *size,
            Self::Hosted(_) => true,
            Self::Missing | Self::Failed => false,
        }
    }
}

/// What a finish asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Publish,
    Draft,
    Schedule(DateTime<Utc>),
}

/// How far a video has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VideoState {
    /// Nobody has finished it.
    Open,
    /// To be published after so many more reads, or to end with an error.
    Processing {
        reads: u32,
        error: Option<u32>,
    },
    /// Processing ended with this error: nobody will see it.
    Spoilt {
        error: u32,
    },
    Draft,
    Scheduled(DateTime<Utc>),
    Published(DateTime<Utc>),
}

/// What a caller says of a video.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) place: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Video {
    pub(crate) id: String,
    pub(crate) page: String,
    pub(crate) app: String,
    pub(crate) edge: VideoEdge,
    pub(crate) upload: Upload,
    pub(crate) shape: Shape,
    pub(crate) words: Words,
    pub(crate) created: DateTime<Utc>,
    /// When it was finished.
    pub(crate) finished: Option<DateTime<Utc>>,
    pub(crate) state: VideoState,
    /// The post or story that shows it; a story's is known from the finish on.
    pub(crate) post: Option<String>,
    /// Kept when deleted, so that late calls on it are still told from calls on nothing.
    pub(crate) deleted: bool,
}

impl Video {
    /// What visitors see it as: a vertical video is a Reel, whatever the edge.
    pub(crate) fn kind(&self) -> PostKind {
        match self.edge {
            VideoEdge::Videos if self.shape.is_vertical() => PostKind::Reel,
            VideoEdge::Videos => PostKind::Video,
            VideoEdge::Reels => PostKind::Reel,
            VideoEdge::Stories => PostKind::Story,
        }
    }

    pub(crate) fn is_published(&self) -> bool {
        matches!(self.state, VideoState::Published(_))
    }
}

impl World {
    /// The video, unless it was deleted.
    pub(crate) fn video(&self, id: &str) -> Option<&Video> {
        self.videos.get(id).filter(|video| !video.deleted)
    }

    /// Where a browser finds the file, as far as it has one.
    pub(crate) fn video_url(&self, video: &Video) -> Option<String> {
        match &video.upload {
            Upload::Hosted(url) => Some(url.clone()),
            Upload::Bytes { .. } => Some(format!("{}/_sandbox/videos/{}", self.base_url, video.id)),
            Upload::Missing | Upload::Failed => None,
        }
    }

    pub(crate) fn begin_video(
        &mut self,
        page: &str,
        app: &str,
        edge: VideoEdge,
        upload: Upload,
    ) -> String {
        let id = self.ids.long();
        let video = Video {
            id: id.clone(),
            page: page.to_owned(),
            app: app.to_owned(),
            edge,
            upload,
            shape: Shape::default(),
            words: Words::default(),
            created: self.now(),
            finished: None,
            state: VideoState::Open,
            post: None,
            deleted: false,
        };
        self.videos.insert(id.clone(), video);
        id
    }

    /// Adds bytes behind those that are there. Whether they fit was checked; the last ones tell the shape.
    pub(crate) fn receive(&mut self, id: &str, size: u64, bytes: &[u8]) {
        let Some(video) = self.videos.get_mut(id) else {
            return;
        };
        if let Upload::Missing = video.upload {
            let received = Vec::new();
            video.upload = Upload::Bytes { size, received };
        }
        if let Upload::Bytes { received, .. } = &mut video.upload {
            received.extend_from_slice(bytes);
        }
        if let Upload::Bytes { received, size } = &video.upload
            && u64::try_from(received.len()).is_ok_and(|count| count == *size)
        {
            video.shape = Shape::of_bytes(received);
        }
    }

    /// Takes a hosted file.
    pub(crate) fn host(&mut self, id: &str, url: String, shape: Shape) {
        if let Some(video) = self.videos.get_mut(id) {
            video.upload = Upload::Hosted(url);
            video.shape = shape;
        }
    }

    pub(crate) fn fail_upload(&mut self, id: &str) {
        if let Some(video) = self.videos.get_mut(id) {
            video.upload = Upload::Failed;
        }
    }

    /// Finishes a video whose file is complete. What a repetition does is a switch.
    pub(crate) fn finish_video(&mut self, id: &str, words: Words, intent: Intent) {
        let harmless = self.switches.finish_twice_is_harmless;
        let reads = self.switches.video_processing_polls;
        let error = self.spoilt_by;
        let story = self.ids.long();
        let now = self.now();
        let Some(video) = self.videos.get_mut(id) else {
            return;
        };
        match video.state {
            VideoState::Open | VideoState::Draft => {}
            VideoState::Spoilt { .. } => return,
            VideoState::Processing { .. } | VideoState::Scheduled(_) | VideoState::Published(_) => {
                if !harmless && intent == Intent::Publish {
                    self.publish_twin(id);
                }
                return;
            }
        }
        video.words = words;
        video.finished = Some(now);
        if video.edge == VideoEdge::Stories {
            video.post = Some(story);
        }
        // A vertical film that was sent to `/videos` only waits for its owner, and nobody is told.
        let waits = video.edge == VideoEdge::Videos && video.kind() == PostKind::Reel;
        video.state = match intent {
            Intent::Draft => VideoState::Draft,
            Intent::Publish | Intent::Schedule(_) if waits => VideoState::Draft,
            Intent::Publish => VideoState::Processing { reads, error },
            Intent::Schedule(time) => VideoState::Scheduled(time),
        };
        match video.state {
            VideoState::Processing { reads: 0, .. } => self.end_processing(id),
            VideoState::Scheduled(time) => {
                self.scheduled.insert((time, id.to_owned()));
            }
            VideoState::Open
            | VideoState::Processing { .. }
            | VideoState::Spoilt { .. }
            | VideoState::Draft
            | VideoState::Published(_) => {}
        }
    }

    /// One more visible thing of the same file.
    fn publish_twin(&mut self, id: &str) {
        let twin = self.ids.long();
        let story = self.ids.long();
        let Some(mut video) = self.videos.get(id).cloned() else {
            return;
        };
        video.id.clone_from(&twin);
        video.post = (video.edge == VideoEdge::Stories).then_some(story);
        self.videos.insert(twin.clone(), video);
        self.publish_video(&twin);
    }

    /// Shows a video to visitors.
    fn publish_video(&mut self, id: &str) {
        let now = self.now();
        let Some(video) = self.videos.get_mut(id) else {
            return;
        };
        video.state = VideoState::Published(now);
        let kind = video.kind();
        let (page, app) = (video.page.clone(), video.app.clone());
        if kind == PostKind::Story {
            let story = video.post.clone().unwrap_or_default();
            self.publish_story(NewStory::of_video(story, page, app, id));
            return;
        }
        let post = NewPost {
            page,
            app,
            kind,
            message: video.words.description.clone(),
            place: video.words.place.clone(),
            video: Some(id.to_owned()),
            published: true,
            ..NewPost::default()
        };
        let post = self.create_post(post);
        if let Some(video) = self.videos.get_mut(id) {
            video.post = Some(post);
        }
    }

    /// A read of this video has gone by: processing is over after a chosen number of them.
    pub(crate) fn pass_read(&mut self, id: &str) {
        let Some(video) = self.videos.get_mut(id).filter(|video| !video.deleted) else {
            return;
        };
        if let VideoState::Processing { reads, .. } = &mut video.state {
            *reads = reads.saturating_sub(1);
            if *reads == 0 {
                self.end_processing(id);
            }
        }
    }

    fn end_processing(&mut self, id: &str) {
        let Some(video) = self.videos.get_mut(id) else {
            return;
        };
        match video.state {
            VideoState::Processing {
                error: Some(error), ..
            } => video.state = VideoState::Spoilt { error },
            _ => self.publish_video(id),
        }
    }

    /// A list of what this Page shows was read: that counts as a read of each video that is being processed.
    pub(crate) fn pass_listing(&mut self, page: &str) {
        let processing: Vec<String> = self
            .videos
            .values()
            .filter(|video| video.page == page)
            .filter(|video| matches!(video.state, VideoState::Processing { .. }))
            .map(|video| video.id.clone())
            .collect();
        for id in processing {
            self.pass_read(&id);
        }
    }

    /// Publishes what was scheduled for a time that is over.
    pub(crate) fn pass_time(&mut self) {
        let now = self.now();
        while let Some((time, _)) = self.scheduled.first()
            && *time <= now
        {
            if let Some((_, id)) = self.scheduled.pop_first()
                && self.video(&id).is_some()
            {
                self.publish_video(&id);
            }
        }
    }

    /// Takes a video away, and what shows it.
    pub(crate) fn delete_video(&mut self, id: &str) {
        let Some(video) = self.videos.get_mut(id) else {
            return;
        };
        video.deleted = true;
        let Some(post) = video.post.clone() else {
            return;
        };
        if let Some(post) = self.posts.get_mut(&post) {
            post.deleted = true;
        }
        if let Some(story) = self.stories.get_mut(&post) {
            story.deleted = true;
        }
    }
}
