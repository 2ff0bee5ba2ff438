//! Events in PostgreSQL.

use shareville_core::{
    event::{Event, Subject},
    id::TenantId,
    store::{Page, PageRequest, Result},
};
use sqlx::{PgConnection, query};
use uuid::Uuid;

use super::PostgresStore;
use crate::{
    error::{conflict, failed},
    row::{before, json, limit, page, subject},
};

/// What happened to a subject.
pub(super) const HISTORY: &str =
    "SELECT record FROM shareville_events WHERE tenant = $1 AND subject = $2 AND id < $3
     ORDER BY id DESC LIMIT $4";

/// Writes events, in order, in one statement.
pub(super) const TELL: &str = "INSERT INTO shareville_events (id, tenant, subject, record, public)
     SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::boolean[])";

/// Events, column by column.
#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) ids: Vec<Uuid>,
    pub(super) tenants: Vec<Uuid>,
    pub(super) subjects: Vec<Uuid>,
    pub(super) records: Vec<String>,
    pub(super) public: Vec<bool>,
}

impl Events {
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self> {
        let mut columns = Self::default();
        for event in events {
            columns.ids.push(event.id.as_uuid());
            columns.tenants.push(event.tenant.as_uuid());
            columns
                .subjects
                .push(subject(event.subject).unwrap_or(Uuid::nil()));
            columns.records.push(json(event)?);
            columns.public.push(event.kind.is_public());
        }
        Ok(columns)
    }
}

/// Writes events in a transaction that is under way.
pub(super) async fn tell<'a>(
    on: &mut PgConnection,
    events: impl IntoIterator<Item = &'a Event>,
) -> Result<()> {
    let events = Events::of(events)?;
    if events.ids.is_empty() {
        return Ok(());
    }
    query(TELL)
        .bind(events.ids)
        .bind(events.tenants)
        .bind(events.subjects)
        .bind(events.records)
        .bind(events.public)
        .execute(on)
        .await
        .map_err(conflict("tenant"))?;
    Ok(())
}

impl PostgresStore {
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
        let mut on = self.lend().await?;
        let rows = query(HISTORY)
            .bind(tenant.as_uuid())
            .bind(about)
            .bind(before(request))
            .bind(limit(request))
            .fetch_all(on.on())
            .await
            .map_err(failed)?;
        on.keep();
        page(&rows, request, |event: &Event| event.id.as_uuid())
    }
}
