//! The one client for addresses that others name.

use std::{error::Error as StdError, net::IpAddr, time::Duration};

use reqwest::{Client, Method, RequestBuilder, redirect};
use url::{Host, Url};

use crate::{
    address::Addresses,
    resolver::{GuardedResolver, Lookup, SystemLookup},
};

/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next call to the same host, and how many of them.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_PER_HOST: usize = 4;

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It does not begin with `https://` (nor, where that is allowed, `http://`).
    #[error("must begin with `https://`")]
    Scheme,
    /// There is a user name or password in it.
    #[error("must not contain a user name or password")]
    Credentials,
    /// It is, or leads to, an address that is not on the public internet.
    #[error("must not be, or lead to, a private address")]
    PrivateAddress,
    /// Its host has no address.
    #[error("its host name has no address")]
    NameUnknown,
}

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for outbound calls could not be set up")]
pub struct ClientError(#[source] reqwest::Error);

/// A client for addresses that others name: it checks every address it connects to, follows no redirect, uses no proxy
/// and repeats nothing. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GuardedClient {
    client: Client,
    addresses: Addresses,
}

impl GuardedClient {
    /// A client that asks the operating system for the addresses of names.
    ///
    /// # Errors
    /// [`ClientError`] if TLS cannot be set up.
    pub fn new(addresses: Addresses) -> Result<Self, ClientError> {
        Self::with_lookup(addresses, SystemLookup)
    }

    /// A client that looks names up in another way; what it finds is checked all the same.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_lookup(addresses: Addresses, lookup: impl Lookup) -> Result<Self, ClientError> {
        let client = Client::builder()
            .user_agent(concat!("Shareville/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(GuardedResolver::new(lookup, addresses))
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .https_only(addresses == Addresses::Public)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .build()
            .map_err(ClientError)?;
        Ok(Self { client, addresses })
    }

    /// Whether a URL may be called, as far as it tells by itself: its name is looked up only when it is called.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let known = match self.addresses {
            Addresses::Public => url.scheme() == "https",
            Addresses::Any => matches!(url.scheme(), "https" | "http"),
        };
        if !known {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        // Such an address is connected to as it stands: no resolver is asked.
        let literal: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(Refused::NameUnknown),
        };
        match literal.is_some_and(|address| !self.addresses.allow(address)) {
            true => Err(Refused::PrivateAddress),
            false => Ok(()),
        }
    }

    /// Begins a request to a URL that may be called. It needs a time limit of its own.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Refused> {
        self.check(url)?;
        Ok(self.client.request(method, url.clone()))
    }
}

impl Refused {
    /// Whether a failed call failed because of this guard, somewhere down its causes.
    #[must_use]
    pub fn behind(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref() {
                return Some(*refused);
            }
            cause = error.source();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_should_be_refused_for_what_it_says_by_itself() {
        let public = GuardedClient::new(Addresses::Public).unwrap();
        for (url, expected) in [
            ("https://hooks.example/a?b=c", Ok(())),
            ("https://hooks.example:8443/a", Ok(())),
            ("https://8.8.8.8/", Ok(())),
            ("http://hooks.example/", Err(Refused::Scheme)),
            ("ftp://hooks.example/", Err(Refused::Scheme)),
            ("data:text/plain,x", Err(Refused::Scheme)),
            ("https://me:x@hooks.example/", Err(Refused::Credentials)),
            ("https://127.0.0.1/", Err(Refused::PrivateAddress)),
            ("https://127.1/", Err(Refused::PrivateAddress)),
            ("https://2130706433/", Err(Refused::PrivateAddress)),
            ("https://0x7f.0.0.1/", Err(Refused::PrivateAddress)),
            ("https://0177.0.0.1/", Err(Refused::PrivateAddress)),
            ("https://[::1]/", Err(Refused::PrivateAddress)),
            ("https://[::ffff:10.0.0.1]/", Err(Refused::PrivateAddress)),
            ("https://[64:ff9b::a00:1]/", Err(Refused::PrivateAddress)),
            ("https://169.254.169.254/", Err(Refused::PrivateAddress)),
        ] {
            let url: Url = url.parse().unwrap();
            assert_eq!(public.check(&url), expected, "{url}");
            assert_eq!(
                public.request(Method::POST, &url).map(|_| ()),
                expected,
                "{url}"
            );
        }
        let any = GuardedClient::new(Addresses::Any).unwrap();
        assert_eq!(
            any.check(&"http://127.0.0.1:8080/".parse().unwrap()),
            Ok(())
        );
    }
}
