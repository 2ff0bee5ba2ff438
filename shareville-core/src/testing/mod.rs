//! What every adapter must do, as published tests: run them against a store of one's own.
//!
//! Assertions are what these functions are for, so they panic where a behaviour is missing.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used
)]

pub mod store;
