//! The ids by which providers may name connections' people, in SQLite.

use shareville_core::{connection::Connection, store::Result};
use sqlx::{SqliteConnection, query};

use crate::{error::failed, row::json};

/// Active connections of a person, by any of their ids, newest first.
pub(super) const OF_PERSON: &str = "SELECT c.record FROM shareville_people p
     CROSS JOIN shareville_connections c ON c.id = p.connection
     WHERE p.tenant = ?1 AND p.provider = ?2 AND p.person = ?3 AND c.active = 1 ORDER BY p.connection DESC";

pub(super) const FORGET: &str = "DELETE FROM shareville_people
     WHERE connection = ?1 AND person NOT IN (SELECT value FROM json_each(?2))";

pub(super) const NAME: &str = "INSERT INTO shareville_people (tenant, provider, person, connection)
     SELECT ?1, ?2, value, ?3 FROM json_each(?4) WHERE true ON CONFLICT DO NOTHING";

/// Writes down by which ids a connection's person may be named.
pub(super) async fn name(on: &mut SqliteConnection, connection: &Connection) -> Result<()> {
    let people: Vec<_> = connection.people().collect();
    let people = json(&people)?;
    query(FORGET)
        .bind(connection.id.as_uuid())
        .bind(&people)
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    query(NAME)
        .bind(connection.tenant.as_uuid())
        .bind(connection.provider.as_str())
        .bind(connection.id.as_uuid())
        .bind(&people)
        .execute(on)
        .await
        .map_err(failed)?;
    Ok(())
}
