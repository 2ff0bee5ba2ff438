//! Events in SQLite.

use shareville_core::{
    event::{Event, Subject},
    id::TenantId,
    store::{Page, PageRequest, Result},
};
use sqlx::{SqliteConnection, query};
use uuid::Uuid;

use super::SqliteStore;
use crate::{
    error::{conflict, failed},
    row::{below, hex, json, limit, page, subject},
};

/// What happened to a subject.
pub(super) const HISTORY: &str =
    "SELECT record FROM shareville_events WHERE tenant = ?1 AND subject = ?2 AND id < ?3
     ORDER BY id DESC LIMIT ?4";

/// Writes events, in order, in one statement.
pub(super) async fn tell<'a>(
    connection: &mut SqliteConnection,
    events: impl IntoIterator<Item = &'a Event>,
) -> Result<()> {
    let events: Vec<_> = events.into_iter().collect();
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            let subject = subject(event.subject).unwrap_or(Uuid::nil());
            let tenant = hex(event.tenant.as_uuid());
            let public = u8::from(event.kind.is_public());
            (hex(event.id.as_uuid()), tenant, hex(subject), public)
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    query(
        "INSERT INTO shareville_events (id, tenant, subject, record, public)
         SELECT unhex(value ->> 0), unhex(value ->> 1), unhex(value ->> 2), ?2 -> key, value ->> 3 FROM json_each(?1)",
    )
    .bind(json(&rows)?)
    .bind(json(&events)?)
    .execute(connection)
    .await
    .map_err(conflict("tenant"))?;
    Ok(())
}

impl SqliteStore {
    pub(super) async fn history(
        &self,
        tenant: TenantId,
        about: Subject,
        request: PageRequest,
    ) -> Result<Page<Event>> {
        let Some(about) = subject(about) else {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        };
        let rows = query(HISTORY)
            .bind(tenant.as_uuid())
            .bind(about)
            .bind(below(request))
            .bind(limit(request))
            .fetch_all(&self.reads)
            .await
            .map_err(failed)?;
        page(&rows, request, |event: &Event| event.id.as_uuid())
    }
}
