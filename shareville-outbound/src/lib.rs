//! Calls that Shareville makes to addresses which others name: tenants' webhook endpoints, and media.
//!
//! [`GuardedClient`] is the one way out: it checks every address that is connected to, follows no redirect, uses no
//! proxy and repeats nothing. [`HttpCourier`] delivers webhooks with it, [`HttpFetcher`] reads parts
//! of media.
//!
//! ```
//! use shareville_outbound::{Addresses, GuardedClient, HttpCourier};
//!
//! let courier = HttpCourier::new(GuardedClient::new(Addresses::Public)?);
//! # let _ = courier;
//! # Ok::<(), shareville_outbound::ClientError>(())
//! ```

mod address;
mod client;
mod courier;
mod fetcher;
mod resolver;

pub use self::{
    address::{Addresses, is_public},
    client::{ClientError, GuardedClient, Refused},
    courier::HttpCourier,
    fetcher::HttpFetcher,
    resolver::{Lookup, SystemLookup},
};
