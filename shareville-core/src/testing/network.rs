//! A network in memory: it makes visible exactly what it is told to, counts it, and fails as it is told to.
//!
//! [`FakeNetwork::visible`] is the truth that tests compare with: never what our own tables say.
//!
//! ```
//! use std::sync::Arc;
//! use shareville_core::{
//!     clock::SystemClock,
//!     testing::network::{Call, FakeNetwork, Fault},
//! };
//!
//! let network = FakeNetwork::new(Arc::new(SystemClock));
//! network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
//! assert!(network.visible().is_empty());
//! ```

mod connector;
mod fault;
mod publish;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use self::fault::{Rule, Strikes};
pub use self::{
    connector::{FakeConnector, found, granted},
    fault::{Call, Fault},
};
use crate::{
    clock::{Clock, Timestamp},
    failure::Failure,
    id::{PostId, Provider},
    post::{Evidence, Placement, Repeat},
    publisher::{Capabilities, PlacementLimits},
};

/// The longest caption this network takes, in characters.
pub const MAX_CAPTION_CHARS: usize = 500;

/// The widest picture this network takes, in pixels.
pub const MAX_WIDTH: u32 = 1000;

/// How the network behaves when nothing fails.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// How many steps preparing takes before the object is made.
    pub steps: u32,
    /// How long the network works on a new object before it can be committed.
    pub processing: Duration,
    /// How long after a commit the object becomes visible; the commit is `Accepted` then.
    pub publishing: Duration,
    /// What the publisher says about repeating a commit.
    pub repeat: Repeat,
    /// How long before its time preparing starts.
    pub lead: Duration,
    /// Whether a commit of what is visible already makes a second visible post.
    pub repeat_makes_copies: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            steps: 0,
            processing: Duration::ZERO,
            publishing: Duration::ZERO,
            repeat: Repeat::Assumed,
            lead: Duration::ZERO,
            repeat_makes_copies: false,
        }
    }
}

/// A post that everybody can see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisiblePost {
    /// What the network calls it.
    pub platform_id: String,
    /// The account it is on, by the network's id.
    pub account: String,
    /// The post of ours that it came from.
    pub post: PostId,
    /// What it says.
    pub caption: Option<String>,
    /// Since when it is visible.
    pub since: Timestamp,
}

/// A call the network has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What was called.
    pub call: Call,
    /// For which post.
    pub post: PostId,
    /// When.
    pub at: Timestamp,
}

/// An in-memory network with a script of faults. Clones are the same network.
#[derive(Clone)]
pub struct FakeNetwork(Arc<Inner>);

struct Inner {
    provider: Provider,
    clock: Arc<dyn Clock>,
    manners: Manners,
    capabilities: Capabilities,
    state: Mutex<State>,
    /// How many calls hang right now.
    hanging: watch::Sender<usize>,
    /// Raised by each release.
    released: watch::Sender<u64>,
}

impl fmt::Debug for FakeNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeNetwork")
            .field("provider", &self.0.provider)
            .field("manners", &self.0.manners)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    made: u64,
    counts: HashMap<Call, u32>,
    rules: Vec<Rule>,
    strikes: Option<Strikes>,
    found: Option<Evidence>,
    struck: usize,
    taken: Vec<Taken>,
    late: Vec<Late>,
    /// Whether it takes no captions any more.
    refuses_captions: bool,
}

/// An object at the network: visible or not.
struct Object {
    account: String,
    post: PostId,
    caption: Option<String>,
    ready_at: Timestamp,
    /// Since when it is, or will be, visible; once for each copy.
    shown: Vec<Timestamp>,
    dead: Option<Failure>,
    gone: bool,
    comments: Vec<String>,
}

/// An effect that comes late.
struct Late {
    /// When; `None` when the test says so.
    at: Option<Timestamp>,
    call: Call,
    object: String,
    text: Option<String>,
}

impl FakeNetwork {
    /// A network that behaves well.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with(clock, Manners::default())
    }

    /// A network with other manners.
    #[must_use]
    pub fn with(clock: Arc<dyn Clock>, manners: Manners) -> Self {
        Self::named(Provider::facebook(), clock, manners)
    }

    /// A network by another name.
    #[must_use]
    pub fn named(provider: Provider, clock: Arc<dyn Clock>, manners: Manners) -> Self {
        let feed = PlacementLimits {
            max_caption_chars: MAX_CAPTION_CHARS,
            max_images: 10,
            max_videos: 1,
            max_alt_text_chars: 100,
            links: true,
            text_alone: true,
            first_comment: true,
            ..PlacementLimits::of(Placement::Feed)
        };
        let capabilities = Capabilities {
            placements: vec![feed],
            edits_published: true,
            deletes_published: true,
        };
        Self(Arc::new(Inner {
            provider,
            clock,
            manners,
            capabilities,
            state: Mutex::default(),
            hanging: watch::Sender::new(0),
            released: watch::Sender::new(0),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (due, later) = std::mem::take(&mut state.late)
            .into_iter()
            .partition(|late| late.at.is_some_and(|at| at <= now));
        state.late = later;
        self.take_effect(&mut state, due, now);
        state
    }

    fn take_effect(&self, state: &mut State, due: Vec<Late>, now: Timestamp) {
        for late in due {
            let manners = &self.0.manners;
            let Some(object) = state.objects.get_mut(&late.object) else {
                continue;
            };
            match late.call {
                Call::Comment => object.comments.extend(late.text),
                _ => object.show(manners, late.at.unwrap_or(now)),
            }
        }
    }

    /// Lets what was put off until further notice take effect now.
    pub fn act_late(&self) {
        let now = self.0.clock.now();
        let mut state = self.state();
        let (due, later) = std::mem::take(&mut state.late)
            .into_iter()
            .partition(|late| late.at.is_none());
        state.late = later;
        self.take_effect(&mut state, due, now);
    }

    /// All posts that are visible now, copies counted apart: the truth.
    #[must_use]
    pub fn visible(&self) -> Vec<VisiblePost> {
        let now = self.0.clock.now();
        let state = self.state();
        let here = state.objects.iter().filter(|(_, object)| !object.gone);
        here.flat_map(|(id, object)| {
            let shown = object.shown.iter().filter(|since| **since <= now);
            shown.map(|since| VisiblePost {
                platform_id: platform_id(object, id),
                account: object.account.clone(),
                post: object.post,
                caption: object.caption.clone(),
                since: *since,
            })
        })
        .collect()
    }

    /// How many visible posts came from one of ours.
    #[must_use]
    pub fn visible_of(&self, post: PostId) -> usize {
        let mut visible = self.visible();
        visible.retain(|it| it.post == post);
        visible.len()
    }

    /// All comments below the visible posts that came from one of ours.
    #[must_use]
    pub fn comments_of(&self, post: PostId) -> Vec<String> {
        let state = self.state();
        let own = state.objects.values().filter(|it| it.post == post);
        own.flat_map(|it| it.comments.clone()).collect()
    }

    /// How many objects were made for a post, and are still there, visible or not.
    #[must_use]
    pub fn objects_of(&self, post: PostId) -> usize {
        let state = self.state();
        let own = state.objects.values();
        own.filter(|it| it.post == post && !it.gone).count()
    }

    /// Lets every object that was made for a post, and is not visible, die.
    pub fn kill_objects_of(&self, post: PostId, failure: &Failure) {
        let mut state = self.state();
        for object in state.objects.values_mut() {
            if object.post == post && object.shown.is_empty() {
                object.dead = Some(failure.clone());
            }
        }
    }

    /// All calls so far.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.state().taken.clone()
    }

    /// How many calls of a kind there were so far.
    #[must_use]
    pub fn count(&self, call: Call) -> usize {
        let taken = self.taken();
        taken.iter().filter(|taken| taken.call == call).count()
    }

    /// Lets the `nth` call of a kind, from 1, fail.
    pub fn on(&self, call: Call, nth: u32, fault: Fault) {
        self.state().rules.push(Rule { call, nth, fault });
    }

    /// Asks for every call that no [`on`](Self::on) names whether it fails.
    pub fn strike(&self, choose: impl FnMut(Call, u32) -> Option<Fault> + Send + 'static) {
        self.state().strikes = Some(Box::new(choose));
    }

    /// From now on nothing fails any more.
    pub fn heal(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.strikes = None;
    }

    /// From now on each look that is answered finds this, as if a listing showed it.
    pub fn finds(&self, evidence: Evidence) {
        self.state().found = Some(evidence);
    }

    /// From now on it takes no content with a caption: limits change.
    pub fn refuse_captions(&self) {
        self.state().refuses_captions = true;
    }

    /// How many faults have struck so far.
    #[must_use]
    pub fn struck(&self) -> usize {
        self.state().struck
    }

    /// Waits until so many calls hang.
    pub async fn until_hanging(&self, calls: usize) {
        let mut hanging = self.0.hanging.subscribe();
        // An error would mean that the sender is gone, but `self` holds it.
        let _ = hanging.wait_for(|now| *now >= calls).await;
    }

    /// Lets all calls go on that hang.
    pub fn release(&self) {
        self.0.released.send_modify(|times| *times += 1);
    }
}

impl Object {
    fn show(&mut self, manners: &Manners, now: Timestamp) {
        if self.shown.is_empty() || manners.repeat_makes_copies {
            self.shown
                .push(crate::clock::later(now, manners.publishing));
        }
    }
}

fn platform_id(object: &Object, id: &str) -> String {
    format!("{}_{id}", object.account)
}
