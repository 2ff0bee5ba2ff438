#![doc = include_str!("../README.md")]

mod error;
mod row;
mod signal;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use self::sqlite::{SqliteOptions, SqliteStore};
