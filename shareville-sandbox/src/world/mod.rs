//! The emulated platform's state: who and what exists, and what is visible.

mod content;
pub mod demo;
mod grant;
mod ids;
mod instagram;
mod people;
mod publish;
mod token;
mod visible;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

pub use content::PostRecord;
pub(crate) use content::{Comment, Photo, PhotoSource, Post};
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
pub use token::Death;
pub(crate) use token::{Code, Holder, Token};
pub use visible::{VisibleComment, VisiblePhoto, VisiblePost};

use crate::switches::Switches;

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
    pub(crate) instagram: Instagram,
    /// What was allowed: by app and by who allowed it, a person or an Instagram account.
    pub(crate) grants: BTreeMap<(String, String), Grant>,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) page_tokens: HashMap<(String, String), String>,
    pub(crate) codes: HashMap<String, Code>,
    /// How often each fresh object was read while the read lag is on.
    pub(crate) reads: HashMap<String, u32>,
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
            instagram: Instagram::default(),
            grants: BTreeMap::new(),
            tokens: HashMap::new(),
            page_tokens: HashMap::new(),
            codes: HashMap::new(),
            reads: HashMap::new(),
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
        let number = post.id.rsplit('_').next().unwrap_or(&post.id);
        format!(
            "{}/www.facebook.com/{}/posts/{number}",
            self.base_url, post.page
        )
    }
}

/// A time as the Graph API writes it: the offset has no colon.
pub(crate) fn graph_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
