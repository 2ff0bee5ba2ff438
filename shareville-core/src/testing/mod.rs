//! What every adapter must do, as published tests: run them against a store or a publisher of one's own; and a network
//! in memory, to test against without any platform.
//!
//! Assertions are what these functions are for, so they panic where a behaviour is missing.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod network;
pub mod publisher;
pub mod store;
pub mod wrapped;
