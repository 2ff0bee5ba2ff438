//! The whole of core from outside: engine, connecting and posting on the store and the network in memory.
//!
//! Truth is the network's list of what is visible, never our own table. Time is a clock that the tests move; nothing
//! sleeps.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    unused_crate_dependencies,
    reason = "tests say what is missing by panicking"
)]

mod asking_again;
mod confirming;
mod connect;
mod creating;
mod credentials;
mod deliveries;
mod endings;
mod engine_faults;
mod engine_kills;
mod engine_lanes;
mod engine_many;
mod engine_pauses;
mod engine_races;
mod erasing;
mod heeding;
mod networks;
mod posting;
mod preflight;
mod reseal;
mod shared_app;
mod stage;
mod unknown_outcomes;
mod upkeep;
