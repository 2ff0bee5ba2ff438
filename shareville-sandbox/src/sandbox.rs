//! The handle: start a sandbox, drive it, look into it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::approve::Consent;
use crate::call::CallRecord;
use crate::dialog::{self, Ask};
use crate::error::Error;
use crate::fault::{Fault, FaultId, FaultReport};
use crate::serve::{Line, Lines, Shared, router};
use crate::switches::Switches;
use crate::world::{
    AppSeed, Death, NewPage, NewPerson, PostRecord, Role, VisiblePost, World, demo,
};

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

/// What a sandbox starts with.
#[derive(Debug, Clone)]
pub struct Builder {
    address: SocketAddr,
    public_url: Option<String>,
    switches: Switches,
    demo: bool,
    any_app: bool,
    apps: Vec<AppSeed>,
    people: Vec<NewPerson>,
    pages: Vec<NewPage>,
}

impl Builder {
    /// Listens here instead of on a free loopback port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Links begin with this instead of `http://{address}`: for a sandbox behind another name or port.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into().trim_end_matches('/').to_owned());
        self
    }

    /// Starts with these assumptions about Meta.
    #[must_use]
    pub fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// Leaves Ada and her Pages out.
    #[must_use]
    pub fn empty(mut self) -> Self {
        self.demo = false;
        self
    }

    /// Refuses apps that were not added by [`app`](Self::app); otherwise any app is known from its first call.
    #[must_use]
    pub fn only_registered_apps(mut self) -> Self {
        self.any_app = false;
        self
    }

    /// Adds an app with its secret.
    #[must_use]
    pub fn app(mut self, app: AppSeed) -> Self {
        self.apps.push(app);
        self
    }

    /// Adds a person.
    #[must_use]
    pub fn person(mut self, person: NewPerson) -> Self {
        self.people.push(person);
        self
    }

    /// Adds a Page.
    #[must_use]
    pub fn page(mut self, page: NewPage) -> Self {
        self.pages.push(page);
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address cannot be had; [`Error::Missing`] if a Page names a person who is not there.
    pub async fn start(self) -> Result<Sandbox, Error> {
        let failed = |source| Error::Listen {
            address: self.address,
            source,
        };
        let listener = TcpListener::bind(self.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut world = World::new(self.switches, self.any_app);
        if self.demo {
            demo::furnish(&mut world)?;
        }
        for app in self.apps {
            world.add_app(app);
        }
        for person in self.people {
            world.add_person(person);
        }
        for page in self.pages {
            world.add_page(page)?;
        }
        let base_url = self
            .public_url
            .unwrap_or_else(|| format!("http://{address}"));
        let shared = Arc::new(Shared::new(world, base_url));
        let service = router(Arc::clone(&shared)).into_make_service_with_connect_info::<Line>();
        let closing = shared.closing.clone();
        let server = tokio::spawn(async move {
            let serving = axum::serve(Lines(listener), service)
                .with_graceful_shutdown(closing.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::warn!(%error, "the sandbox stopped serving");
            }
        });
        Ok(Sandbox {
            running: Arc::new(Running {
                shared,
                server: Mutex::new(Some(server)),
                address,
            }),
        })
    }
}

impl Sandbox {
    /// Starts on a free loopback port, with Ada and her Pages (see [`demo`]).
    ///
    /// # Errors
    /// [`Error::Listen`] if there is no free port.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// A sandbox of other makings.
    #[must_use]
    pub fn builder() -> Builder {
        Builder {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            switches: Switches::default(),
            demo: true,
            any_app: true,
            apps: Vec::new(),
            people: Vec::new(),
            pages: Vec::new(),
        }
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

    pub(crate) fn over(shared: &Arc<Shared>) -> Hands {
        Hands(Arc::clone(shared))
    }

    fn hands(&self) -> Hands {
        Self::over(&self.running.shared)
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

    /// All posts of this Page, unpublished and deleted ones too, newest first.
    #[must_use]
    pub fn posts(&self, page: &str) -> Vec<PostRecord> {
        self.running
            .shared
            .world()
            .posts_of(page)
            .map(PostRecord::from)
            .collect()
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

    /// Deletes a post behind the app's back, as somebody with a browser can.
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

    /// Turns the platform's clock forward: codes, tokens and unused photos grow old.
    pub fn advance(&self, by: Duration) {
        self.hands().advance(by);
    }
}

/// The deeds that both the Rust handle and the control routes do.
#[derive(Debug, Clone)]
pub(crate) struct Hands(Arc<Shared>);

impl Hands {
    pub(crate) fn approve(&self, authorize_url: &str, consent: &Consent) -> Result<String, Error> {
        let query = authorize_url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let mut world = self.0.world();
        let url =
            Ask::read(&mut world, query).and_then(|ask| dialog::answer(&mut world, &ask, consent));
        url.map(String::from)
            .map_err(|reason| Error::Dialog { reason })
    }

    pub(crate) async fn held(&self, fault: FaultId) -> Result<HeldCall, Error> {
        let gate = self.0.faults().gate(fault)?;
        let call = gate.arrival().await.ok_or(Error::NoFault(fault))?;
        Ok(HeldCall { fault, call })
    }

    pub(crate) async fn quiet(&self) {
        let mut flying = self.0.flying.subscribe();
        // The sender lives as long as we do, so the wait cannot fail.
        let _ = flying.wait_for(|count| *count == 0).await;
    }

    pub(crate) fn revoke(&self, person: &str, death: Death) -> usize {
        let mut world = self.0.world();
        if death == Death::AppRemoved {
            world.grants.retain(|(_, granter), _| granter != person);
        }
        world.kill_tokens(person, None, death)
    }

    pub(crate) fn revoke_token(&self, token: &str, death: Death) -> Result<(), Error> {
        let mut world = self.0.world();
        // The token itself is a secret even here: the error does not repeat it.
        let found = world
            .tokens
            .get_mut(token)
            .ok_or_else(|| Error::missing("token", "…"))?;
        found.dead = Some(death);
        Ok(())
    }

    pub(crate) fn comment(
        &self,
        post: &str,
        visitor: &str,
        message: &str,
    ) -> Result<String, Error> {
        let mut world = self.0.world();
        if world.post(post).is_none() {
            return Err(Error::missing("post", post));
        }
        let from = (world.ids.node(), visitor.to_owned());
        Ok(world.add_comment(post, None, from, message.to_owned()))
    }

    pub(crate) fn delete_post(&self, post: &str) -> Result<(), Error> {
        let mut world = self.0.world();
        if world.post(post).is_none() {
            return Err(Error::missing("post", post));
        }
        world.delete_post(post);
        Ok(())
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut world = self.0.world();
        let by = chrono::TimeDelta::from_std(by).unwrap_or_default();
        world.ahead += by;
    }
}
