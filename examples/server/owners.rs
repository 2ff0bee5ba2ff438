//! Where owners and their sessions are kept: in tables of their own, in the store's database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sqlx::{PgPool, SqlitePool};

/// Who can sign in.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub(crate) struct Owner {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) password: String,
}

/// The tables of owners and sessions.
#[derive(Debug, Clone)]
pub(crate) enum Owners {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs the same on either database.
macro_rules! on {
    ($owners:expr, $pool:ident => $run:expr) => {
        match $owners {
            Owners::Sqlite($pool) => $run,
            Owners::Postgres($pool) => $run,
        }
    };
}

const ON_SQLITE: &str = "
    CREATE TABLE IF NOT EXISTS server_owners (
        id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password TEXT NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS server_sessions (
        hash BLOB PRIMARY KEY, owner TEXT NOT NULL REFERENCES server_owners (id), expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS server_sessions_over ON server_sessions (expires_at)";

/// Of several that start at once, one makes the tables. (Statements that are sent together are one transaction.)
const ON_POSTGRES: &str = "
    SELECT pg_advisory_xact_lock(8319385996);
    CREATE TABLE IF NOT EXISTS server_owners (
        id text PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL, password text NOT NULL
    );
    CREATE TABLE IF NOT EXISTS server_sessions (
        hash bytea PRIMARY KEY, owner text NOT NULL REFERENCES server_owners (id), expires_at bigint NOT NULL
    );
    CREATE INDEX IF NOT EXISTS server_sessions_over ON server_sessions (expires_at)";

/// Seconds since 1970.
fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs().cast_signed())
}

impl Owners {
    /// Makes the tables that are not there.
    pub(crate) async fn make_tables(&self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(pool) => sqlx::raw_sql(ON_SQLITE).execute(pool).await.map(drop),
            Self::Postgres(pool) => sqlx::raw_sql(ON_POSTGRES).execute(pool).await.map(drop),
        }
    }

    /// Adds an owner; false if the e-mail address is taken.
    pub(crate) async fn add(&self, owner: &Owner) -> sqlx::Result<bool> {
        const SQL: &str =
            "INSERT INTO server_owners (id, email, name, password) VALUES ($1, $2, $3, $4)
             ON CONFLICT (email) DO NOTHING";
        let added = on!(self, pool => {
            let added = sqlx::query(SQL)
                .bind(&owner.id)
                .bind(&owner.email)
                .bind(&owner.name)
                .bind(&owner.password);
            added.execute(pool).await?.rows_affected()
        });
        Ok(added > 0)
    }

    pub(crate) async fn by_email(&self, email: &str) -> sqlx::Result<Option<Owner>> {
        const SQL: &str = "SELECT id, email, name, password FROM server_owners WHERE email = $1";
        on!(self, pool => sqlx::query_as(SQL).bind(email).fetch_optional(pool).await)
    }

    /// Begins a session, known by the hash of its token; the sessions that are over go.
    pub(crate) async fn begin_session(
        &self,
        hash: &[u8],
        owner: &Owner,
        length: Duration,
    ) -> sqlx::Result<()> {
        const SQL: &str =
            "INSERT INTO server_sessions (hash, owner, expires_at) VALUES ($1, $2, $3)";
        const OVER: &str = "DELETE FROM server_sessions WHERE expires_at <= $1";
        let begins = now();
        let end = begins.saturating_add_unsigned(length.as_secs());
        on!(self, pool => {
            sqlx::query(OVER).bind(begins).execute(pool).await?;
            let begun = sqlx::query(SQL).bind(hash).bind(&owner.id).bind(end);
            begun.execute(pool).await.map(drop)
        })
    }

    pub(crate) async fn end_session(&self, hash: &[u8]) -> sqlx::Result<()> {
        const SQL: &str = "DELETE FROM server_sessions WHERE hash = $1";
        on!(self, pool => sqlx::query(SQL).bind(hash).execute(pool).await.map(drop))
    }

    /// Whose session it is, if it is not over.
    pub(crate) async fn of_session(&self, hash: &[u8]) -> sqlx::Result<Option<String>> {
        const SQL: &str = "SELECT owner FROM server_sessions WHERE hash = $1 AND expires_at > $2";
        on!(self, pool => sqlx::query_scalar(SQL).bind(hash).bind(now()).fetch_optional(pool).await)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

    use super::*;

    #[tokio::test]
    async fn sessions_that_are_over_should_go() {
        let options = SqliteConnectOptions::new().in_memory(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await.unwrap();
        let owners = Owners::Sqlite(pool.clone());
        owners.make_tables().await.unwrap();
        let owner = Owner {
            id: "1".to_owned(),
            email: "ada@example.org".to_owned(),
            name: "Ada".to_owned(),
            password: String::new(),
        };
        assert!(owners.add(&owner).await.unwrap());
        let hour = Duration::from_secs(3600);
        for (hash, length) in [(b"over", Duration::ZERO), (b"good", hour), (b"more", hour)] {
            owners.begin_session(hash, &owner, length).await.unwrap();
        }
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM server_sessions")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(left, 2);
        assert_eq!(owners.of_session(b"over").await.unwrap(), None);
        let good = owners.of_session(b"good").await.unwrap();
        assert_eq!(good.as_deref(), Some("1"));
    }
}
