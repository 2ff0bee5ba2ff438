//! The ids by which providers may name connections' people, in PostgreSQL.

use shareville_core::{connection::Connection, store::Result};
use sqlx::{PgConnection, query};

use crate::error::failed;

/// Active connections of a person, by any of their ids, newest first.
pub(super) const OF_PERSON: &str = "SELECT c.record FROM shareville_people p
     JOIN shareville_connections c ON c.id = p.connection
     WHERE p.tenant = $1 AND p.provider = $2 AND p.person = $3 AND c.active ORDER BY p.connection DESC";

pub(super) const FORGET: &str =
    "DELETE FROM shareville_people WHERE connection = $1 AND person <> ALL ($2::text[])";

pub(super) const NAME: &str = "INSERT INTO shareville_people (tenant, provider, person, connection)
     SELECT $1, $2, person, $3 FROM unnest($4::text[]) AS b (person) ON CONFLICT DO NOTHING";

/// Writes down by which ids a connection's person may be named.
pub(super) async fn name(on: &mut PgConnection, connection: &Connection) -> Result<()> {
    let people: Vec<_> = connection.people().map(str::to_owned).collect();
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
