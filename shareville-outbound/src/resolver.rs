//! Names to addresses, each checked before anything connects to it.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{address::Addresses, client::Refused};

/// Looks up the addresses of a host name.
#[async_trait]
pub trait Lookup: fmt::Debug + Send + Sync + 'static {
    /// All addresses of a name; the ports do not matter.
    ///
    /// # Errors
    /// The resolver's, where the name has none.
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

/// Stands between the client and the lookup: what it lets through is what is connected to, so that a name which
/// answers differently each time gains nothing.
#[derive(Debug, Clone)]
pub(crate) struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    addresses: Addresses,
}

impl GuardedResolver {
    pub(crate) fn new(lookup: impl Lookup, addresses: Addresses) -> Self {
        Self {
            lookup: Arc::new(lookup),
            addresses,
        }
    }

    /// The addresses of a name that may be connected to.
    pub(crate) async fn addresses_of(&self, name: &str) -> Result<Vec<SocketAddr>, Refused> {
        let found = self.lookup.lookup(name).await;
        let found = found.map_err(|error| {
            tracing::debug!(name, %error, "a name could not be looked up");
            Refused::NameUnknown
        })?;
        if found.is_empty() {
            return Err(Refused::NameUnknown);
        }
        let allowed: Vec<_> = found
            .into_iter()
            .filter(|address| self.addresses.allow(address.ip()))
            .collect();
        match allowed.is_empty() {
            true => Err(Refused::PrivateAddress),
            false => Ok(allowed),
        }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.addresses_of(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
