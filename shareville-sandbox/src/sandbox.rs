//! The handle: start a sandbox, drive it, look into it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::approve::Consent;
use crate::builder::Builder;
use crate::call::CallRecord;
use crate::error::Error;
use crate::fault::{Fault, FaultId, FaultReport};
use crate::hands::Hands;
use crate::serve::Shared;
use crate::switches::Switches;
use crate::usage::Usage;
use crate::world::{AppSeed, Death, NewPage, NewPerson, PostRecord, Role, VisiblePost};

/// How long calls under way may take to end when the sandbox is shut down.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Meta emulated over HTTP, running in this process.
///
/// Clones are handles to the same sandbox. The server ends with the last of them, or by [`shutdown`](Self::shutdown).
#[derive(Debug, Clone)]
pub struct Sandbox {
    running: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    server: Mutex<Option<JoinHandle<()>>>,
    address: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.closing.cancel();
    }
}

/// A call that stands still in a [`Hold`](crate::Effect::Hold).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeldCall {
    /// The fault that holds it.
    pub fault: FaultId,
    /// The call's number in [`Sandbox::calls`].
    pub call: u64,
}

impl Sandbox {
    /// Starts on a free loopback port, with Ada and her Pages (see [`demo`](crate::demo)).
    ///
    /// # Errors
    /// [`Error::Listen`] if there is no free port.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// A sandbox of other makings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// Where it is: each of Meta's hosts is the first path segment after this.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.running.shared.base_url
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Stops serving; held and delayed calls end without an answer and late ones do not act any more.
    pub async fn shutdown(self) {
        self.running.shared.closing.cancel();
        let server = self
            .running
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut server) = server
            && tokio::time::timeout(LAST_WAIT, &mut server).await.is_err()
        {
            server.abort();
        }
    }

    pub(crate) fn running(
        shared: Arc<Shared>,
        server: JoinHandle<()>,
        address: SocketAddr,
    ) -> Self {
        Self {
            running: Arc::new(Running {
                shared,
                server: Mutex::new(Some(server)),
                address,
            }),
        }
    }

    pub(crate) fn hands(&self) -> Hands {
        Hands(Arc::clone(&self.running.shared))
    }

    /// Does what a person's click in the login dialog does, and returns where the browser is sent.
    ///
    /// # Errors
    /// [`Error::Dialog`] where the dialog shows an error page instead.
    pub fn approve(&self, authorize_url: &str, consent: &Consent) -> Result<String, Error> {
        self.hands().approve(authorize_url, consent)
    }

    /// What a visitor of this Page sees, newest first: the truth that exactly-once is judged by.
    #[must_use]
    pub fn visible_posts(&self, page: &str) -> Vec<VisiblePost> {
        self.running.shared.world().visible_posts(page)
    }

    /// All posts and stories of this Page, unpublished, deleted and old ones too, newest first.
    #[must_use]
    pub fn posts(&self, page: &str) -> Vec<PostRecord> {
        self.running.shared.world().records_of(page)
    }

    /// The calls that reached the Graph API, oldest first (the last 50,000).
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.running.shared.log().all()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.running.shared.log().clear();
    }

    /// Arms a fault.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn arm(&self, fault: Fault) -> FaultId {
        self.running.shared.faults().arm(fault)
    }

    /// The armed faults, and how often they struck.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultReport> {
        self.running.shared.faults().reports()
    }

    /// How often this fault struck; 0 if it was cleared.
    #[must_use]
    pub fn struck(&self, fault: FaultId) -> u32 {
        self.faults()
            .iter()
            .find(|report| report.id == fault)
            .map_or(0, |report| report.struck)
    }

    /// Disarms one fault and lets go the calls it holds.
    ///
    /// # Errors
    /// [`Error::NoFault`]
    pub fn clear_fault(&self, fault: FaultId) -> Result<(), Error> {
        self.running.shared.faults().clear(fault)
    }

    /// Disarms all faults and lets go the calls they hold.
    pub fn clear_faults(&self) {
        self.running.shared.faults().clear_all();
    }

    /// Waits, by signal, until a call stands still in this [`Hold`](crate::Effect::Hold).
    ///
    /// # Errors
    /// [`Error::NoFault`]
    pub async fn held(&self, fault: FaultId) -> Result<HeldCall, Error> {
        self.hands().held(fault).await
    }

    /// Lets go the calls that this [`Hold`](crate::Effect::Hold) holds.
    ///
    /// # Errors
    /// [`Error::NoFault`]
    pub fn release(&self, fault: FaultId) -> Result<(), Error> {
        self.running.shared.faults().release(fault)
    }

    /// Waits until no call is under way and none has still to act, held ones included.
    pub async fn quiet(&self) {
        self.hands().quiet().await;
    }

    /// Adds an app, or changes the one of this id.
    pub fn add_app(&self, app: AppSeed) {
        self.running.shared.world().add_app(app);
    }

    /// Adds a person and returns the id.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn add_person(&self, person: NewPerson) -> String {
        self.running.shared.world().add_person(person)
    }

    /// Adds a Page and returns the id.
    ///
    /// # Errors
    /// [`Error::Missing`] if a role names a person who is not there.
    pub fn add_page(&self, page: NewPage) -> Result<String, Error> {
        self.running.shared.world().add_page(page)
    }

    /// Gives a person this role on a Page; without tasks it is taken away, and Page tokens die with 190/492.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such Page.
    pub fn set_role(&self, page: &str, role: Role) -> Result<(), Error> {
        self.running.shared.world().set_role(page, role)
    }

    /// Ends all tokens of a person, and returns how many lived. [`Death::AppRemoved`] also takes back every grant.
    #[expect(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn revoke(&self, person: &str, death: Death) -> usize {
        self.hands().revoke(person, death)
    }

    /// Ends one token, user or Page.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such token.
    pub fn revoke_token(&self, token: &str, death: Death) -> Result<(), Error> {
        self.hands().revoke_token(token, death)
    }

    /// Writes a comment as a visitor of this name, and returns its id.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such post.
    pub fn comment(&self, post: &str, visitor: &str, message: &str) -> Result<String, Error> {
        self.hands().comment(post, visitor, message)
    }

    /// Deletes a post or story behind the app's back, as somebody with a browser can.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such post.
    pub fn delete_post(&self, post: &str) -> Result<(), Error> {
        self.hands().delete_post(post)
    }

    /// The assumptions in force.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.running.shared.world().switches.clone()
    }

    /// Changes the assumptions, at once.
    pub fn set_switches(&self, switches: Switches) {
        self.running.shared.world().switches = switches;
    }

    /// From now on answers tell of this usage in their headers.
    pub fn set_usage(&self, usage: Usage) {
        self.running.shared.world().usages.set(usage);
    }

    /// Turns the platform's clock forward: codes, tokens, stories and unused photos grow old.
    pub fn advance(&self, by: Duration) {
        self.hands().advance(by);
    }
}
