#![doc = include_str!("../README.md")]
// Each database uses the shared rooms; without any there is nothing to share.
#![cfg_attr(not(feature = "sqlite"), allow(dead_code))]

mod error;
mod row;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteOptions, SqliteStore};
