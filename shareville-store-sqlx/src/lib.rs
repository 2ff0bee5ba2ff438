#![doc = include_str!("../README.md")]
// Each database uses the shared rooms; without any there is nothing to share.
#![cfg_attr(not(all(feature = "sqlite", feature = "postgres")), allow(dead_code))]

mod answers;
mod batch;
mod deliveries;
mod error;
mod lane;
mod notices;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod secrets;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tenants;
mod upkeep;
mod uploads;

#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteOptions, SqliteStore};
