//! The domain and the engine of Shareville: tenants, connections, posts, lanes, and publishing exactly once.
//!
//! This crate knows no HTTP client, no SQL, no Meta and no web framework: those join through its ports,
//! [`publisher`], [`connector`], [`callbacks`], [`store`] and [`clock`].

pub mod callbacks;
mod caller;
pub mod clock;
pub mod connect;
pub mod connection;
pub mod connector;
pub mod credential;
pub mod deliver;
pub mod delivery;
pub mod engine;
mod error;
pub mod event;
pub mod failure;
pub mod heed;
pub mod id;
pub mod idempotency;
pub mod lane;
pub mod local_time;
pub mod media;
pub mod meter;
pub mod notice;
pub mod post;
pub mod posting;
pub mod publisher;
mod recall;
pub mod reseal;
pub mod secret;
mod settings;
mod shareville;
pub mod store;
pub mod tenancy;
pub mod tenant;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod upkeep;
pub mod upload;
pub mod violation;

pub use crate::{
    caller::{Caller, CallerKind},
    error::{CredentialError, Error},
    settings::Settings,
    shareville::{BuildError, Builder, Shareville},
};
