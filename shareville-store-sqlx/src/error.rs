//! What a database's errors mean to the library.

use shareville_core::store::StoreError;
use sqlx::error::{DatabaseError, ErrorKind};

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
    #[error("`{url}` is not the address of {expected}")]
    Scheme { url: String, expected: &'static str },
    /// A host's pool is set up so that data could be lost.
    #[error("the pool's connections have `{0}`: this store needs it {1}")]
    Setting(&'static str, &'static str),
    /// It is too old.
    #[cfg(feature = "postgres")]
    #[error("the server is PostgreSQL {0}: this store needs 14 or later")]
    Version(String),
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
        // A protocol error is an answer that broke off, as where a proxy's other side is gone.
        sqlx::Error::Io(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => match meaning(error.as_ref()) {
            Meaning::Busy | Meaning::Passing | Meaning::Gone => true,
            Meaning::Other => false,
        },
        _ => false,
    }
}

/// Whether somebody else was in the way: nothing was written.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| meaning(error) == Meaning::Busy)
}

/// Whether it has waited for somebody else's lock for as long as it may: nothing was written.
#[cfg(feature = "postgres")]
pub(crate) fn is_locked_out(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // lock_not_available
    code.as_deref() == Some("55P03")
}

/// What a database says by an error's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Somebody else is in the way.
    Busy,
    /// It lacks something, and may have it again.
    Passing,
    /// It ends the connection.
    Gone,
    /// It will not work by itself.
    Other,
}

fn meaning(error: &dyn DatabaseError) -> Meaning {
    let code = error.code().unwrap_or_default();
    #[cfg(feature = "postgres")]
    if error
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_some()
    {
        return of_postgres(&code);
    }
    // The lowest byte of SQLite's extended code: busy, locked; out of memory, I/O error, disk full.
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => Meaning::Busy,
        Ok(7 | 10 | 13) => Meaning::Passing,
        _ => Meaning::Other,
    }
}

/// By PostgreSQL's SQLSTATE (appendix A of its manual).
#[cfg(feature = "postgres")]
fn of_postgres(code: &str) -> Meaning {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Meaning::Busy,
        // admin_shutdown, crash_shutdown, cannot_connect_now, idle_session_timeout,
        // idle_in_transaction_session_timeout, transaction_timeout
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => Meaning::Gone,
        // query_canceled (a time-out), read_only_sql_transaction (a standby takes over), io_error
        "57014" | "25006" | "58030" => Meaning::Passing,
        _ if code.starts_with("08") => Meaning::Gone,
        // insufficient_resources: disk full, out of memory, too many connections
        _ if code.starts_with("53") => Meaning::Passing,
        _ => Meaning::Other,
    }
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

/// An error of a single statement that commits by itself: if the connection broke, nobody can tell how far it got.
#[cfg(feature = "postgres")]
pub(crate) fn written(error: sqlx::Error) -> StoreError {
    let gone = match &error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => meaning(error.as_ref()) == Meaning::Gone,
        _ => false,
    };
    match gone {
        true => StoreError::Lost(Box::new(error)),
        false => failed(error),
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

/// The same of a single statement that commits by itself.
#[cfg(feature = "postgres")]
pub(crate) fn conflict_written(field: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let kind = error.as_database_error().map(|error| error.kind());
        match kind {
            Some(ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation) => {
                StoreError::Conflict { field }
            }
            _ => written(error),
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
