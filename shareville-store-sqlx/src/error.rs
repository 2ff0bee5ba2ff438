//! What a database's errors mean to the library.

use shareville_core::store::StoreError;
use sqlx::error::ErrorKind;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is not there, may not be written, or is no database.
    #[error("cannot open the database `{url}`: {source}")]
    Connect { url: String, source: sqlx::Error },
    /// Its tables could not be brought up to date.
    #[error("cannot bring the tables of Shareville up to date: {0}")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It is an address of something else.
    #[error("`{0}` is not the address of an SQLite database: expected `sqlite://path` or a path")]
    Scheme(String),
    /// A host's pool is set up so that data could be lost.
    #[error("the pool's connections have `PRAGMA {0}`: this store needs it {1}")]
    Setting(&'static str, &'static str),
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match &error {
            OpenError::Connect { source, .. } if is_passing(source) => {
                Self::Unavailable(Box::new(error))
            }
            _ => Self::Broken(Box::new(error)),
        }
    }
}

/// Whether it may work again by itself.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            // The lowest byte of SQLite's extended code: busy, locked, out of memory, I/O error, disk full.
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            matches!(code.map(|code| code & 0xff), Some(5 | 6 | 7 | 10 | 13))
        }
        _ => false,
    }
}

/// Whether somebody else was writing: nothing was written.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xff), Some(5 | 6))
}

/// An error of a read, or of a write that was not committed.
pub(crate) fn failed(error: sqlx::Error) -> StoreError {
    match is_passing(&error) {
        true => StoreError::Unavailable(Box::new(error)),
        false => StoreError::Broken(Box::new(error)),
    }
}

/// An error of the commit itself: unless somebody was in the way, nobody can tell how far it got.
pub(crate) fn lost(error: sqlx::Error) -> StoreError {
    match is_busy(&error) {
        true => StoreError::Unavailable(Box::new(error)),
        false => StoreError::Lost(Box::new(error)),
    }
}

/// An error of a write that another record, known by `field`, may stand in the way of.
pub(crate) fn conflict(field: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let kind = error.as_database_error().map(|error| error.kind());
        match kind {
            Some(ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation) => {
                StoreError::Conflict { field }
            }
            _ => failed(error),
        }
    }
}

/// Something stored does not read.
pub(crate) fn broken(error: serde_json::Error) -> StoreError {
    StoreError::Broken(Box::new(error))
}

/// Something stored, or asked for, is not what it should be.
pub(crate) fn broken_text(what: &'static str) -> StoreError {
    StoreError::Broken(what.into())
}
