//! The reference server's own units. They are a target of their own since Cargo builds an example that is tested as a test
//! only, and the end-to-end tests need its program.
#![allow(
    dead_code,
    reason = "only the parts that have tests are here, without who calls them"
)]

#[path = "../examples/server/accounts.rs"]
mod accounts;
#[path = "../examples/server/owners.rs"]
mod owners;
#[path = "../examples/server/paths.rs"]
mod paths;
#[path = "../examples/server/throttle.rs"]
mod throttle;
