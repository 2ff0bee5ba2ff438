//! Starting a sandbox of other makings.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::error::Error;
use crate::sandbox::Sandbox;
use crate::serve::{Shared, router};
use crate::switches::Switches;
use crate::wire::{Line, Lines};
use crate::world::{AppSeed, NewInstagramAccount, NewPage, NewPerson, World, demo};

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
    instagram: Vec<NewInstagramAccount>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            switches: Switches::default(),
            demo: true,
            any_app: true,
            apps: Vec::new(),
            people: Vec::new(),
            pages: Vec::new(),
            instagram: Vec::new(),
        }
    }

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

    /// Adds an Instagram account.
    #[must_use]
    pub fn instagram(mut self, account: NewInstagramAccount) -> Self {
        self.instagram.push(account);
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    /// [`Error::Listen`] if the address cannot be had; [`Error::Missing`] if a Page or an Instagram account names
    /// somebody or something that is not there.
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
        for account in self.instagram {
            world.add_instagram(account)?;
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
        Ok(Sandbox::running(shared, server, address))
    }
}
