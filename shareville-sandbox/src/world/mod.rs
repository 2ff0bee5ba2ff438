//! The emulated platform's state: who and what exists, and what is visible.

mod content;
pub mod demo;
mod grant;
mod ids;
mod instagram;
mod people;
mod publish;
mod shape;
mod story;
mod token;
mod video;
mod visible;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

pub(crate) use content::{Comment, Photo, PhotoSource, Post};
pub use content::{PostKind, PostRecord};
pub(crate) use grant::{Grant, INSTAGRAM_SCOPES, KNOWN_SCOPES, Targets};
pub(crate) use ids::{Ids, random_text};
pub use instagram::{
    AccountType, ContainerFailure, ContainerRecord, ContainerStatus, MediaKind, Medium,
    NewInstagramAccount, UserTag, VisibleMedia, VisibleMediaFile,
};
pub(crate) use instagram::{
    Container, ContainerRole, Instagram, InstagramAccount, Media, MediaComment, MediaFile,
    NewContainer, SignIn,
};
pub(crate) use people::{App, Business, Page, Person};
pub use people::{AppKind, AppSeed, NewPage, NewPerson, Role};
pub(crate) use publish::NewPost;
pub(crate) use shape::Shape;
pub(crate) use story::{Story, StoryMedia};
pub use token::Death;
pub(crate) use token::{Code, Holder, Token};
pub(crate) use video::{Intent, Upload, Video, VideoEdge, VideoState, Words};
pub use visible::{VisibleComment, VisiblePhoto, VisiblePost, VisibleVideo};

use crate::switches::Switches;
use crate::usage::Usages;

/// Everything the emulated platform knows. Always behind one lock, so each call is atomic.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) apps: BTreeMap<String, App>,
    /// Whether an app nobody registered is accepted on first use.
    pub(crate) any_app: bool,
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) businesses: BTreeMap<String, Business>,
    pub(crate) pages: BTreeMap<String, Page>,
    pub(crate) posts: BTreeMap<String, Post>,
    pub(crate) photos: BTreeMap<String, Photo>,
    pub(crate) comments: BTreeMap<String, Comment>,
    pub(crate) videos: BTreeMap<String, Video>,
    /// The videos that chunked uploads are about, by `upload_session_id`.
    pub(crate) upload_sessions: BTreeMap<String, String>,
    /// Videos that wait for their time.
    pub(crate) scheduled: BTreeSet<(DateTime<Utc>, String)>,
    pub(crate) stories: BTreeMap<String, Story>,
    pub(crate) instagram: Instagram,
    /// What was allowed: by app and by who allowed it, a person or an Instagram account.
    pub(crate) grants: BTreeMap<(String, String), Grant>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) page_tokens: HashMap<(String, String), String>,
    pub(crate) codes: HashMap<String, Code>,
    /// The error that the video ends with which the call under way finishes.
    pub(crate) spoilt_by: Option<u32>,
    /// How often each fresh object was read while the read lag is on.
    pub(crate) reads: HashMap<String, u32>,
    /// The usage that answers tell of.
    pub(crate) usages: Usages,
    pub(crate) switches: Switches,
    pub(crate) ids: Ids,
    /// How far a test has turned the clock forward.
    pub(crate) ahead: TimeDelta,
    /// Where the sandbox is reached: all links begin with it.
    pub(crate) base_url: String,
}

impl World {
    pub(crate) fn new(switches: Switches, any_app: bool) -> Self {
        Self {
            apps: BTreeMap::new(),
            any_app,
            people: BTreeMap::new(),
            businesses: BTreeMap::new(),
            pages: BTreeMap::new(),
            posts: BTreeMap::new(),
            photos: BTreeMap::new(),
            comments: BTreeMap::new(),
            videos: BTreeMap::new(),
            upload_sessions: BTreeMap::new(),
            scheduled: BTreeSet::new(),
            stories: BTreeMap::new(),
            instagram: Instagram::default(),
            grants: BTreeMap::new(),
            tokens: HashMap::new(),
            page_tokens: HashMap::new(),
            codes: HashMap::new(),
            spoilt_by: None,
            reads: HashMap::new(),
            usages: Usages::default(),
            switches,
            ids: Ids::new(Utc::now()),
            ahead: TimeDelta::zero(),
            base_url: String::new(),
        }
    }

    /// The platform's time: the real one, plus what a test has added.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.ahead
    }

    pub(crate) fn permalink(&self, post: &Post) -> String {
        if let Some(video) = post.video.as_ref().and_then(|id| self.videos.get(id)) {
            return self.video_permalink(video);
        }
        let number = post.id.rsplit('_').next().unwrap_or(&post.id);
        format!(
            "{}/www.facebook.com/{}/posts/{number}",
            self.base_url, post.page
        )
    }

    /// Where a video is shown: a story's by the id of the story.
    pub(crate) fn video_permalink(&self, video: &Video) -> String {
        let base = &self.base_url;
        match (video.kind(), &video.post) {
            (PostKind::Story, Some(story)) => self.story_url(story),
            (PostKind::Reel, _) => format!("{base}/www.facebook.com/reel/{}", video.id),
            (PostKind::Post | PostKind::Video | PostKind::Story, _) => {
                format!("{base}/www.facebook.com/{}/videos/{}", video.page, video.id)
            }
        }
    }
}

/// A time as the Graph API writes it: the offset has no colon.
pub(crate) fn graph_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
