//! How records, times and ids stand in rows.

use chrono::DateTime;
use serde::{Serialize, de::DeserializeOwned};
use shareville_core::{
    clock::Timestamp,
    event::Subject,
    post::Post,
    store::{Known, Page, PageRequest, PostFilter, Result},
};
use sqlx::{ColumnIndex, Decode, Row, Type};
use uuid::Uuid;

use crate::error::{broken, failed};

/// A record as JSON, or a batch of rows for `json_each`.
pub(crate) fn json<T: Serialize + ?Sized>(record: &T) -> Result<String> {
    serde_json::to_string(record).map_err(broken)
}

/// A record out of JSON.
pub(crate) fn record<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(broken)
}

/// A row with records in it.
pub(crate) trait Holds {
    /// The record in a column, read where its text stands: a copy of the text would cost as much again.
    fn record<T: DeserializeOwned>(&self, column: usize) -> Result<T>;
}

impl<R> Holds for R
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    fn record<T: DeserializeOwned>(&self, column: usize) -> Result<T> {
        record(self.try_get(column).map_err(failed)?)
    }
}

/// The record in a row's first column, if there is a row.
pub(crate) fn found<T: DeserializeOwned>(row: Option<&impl Holds>) -> Result<Option<T>> {
    row.map(|row| row.record(0)).transpose()
}

/// A credential and its tenant, if there is one.
pub(crate) fn known<C: DeserializeOwned>(row: Option<&impl Holds>) -> Result<Option<Known<C>>> {
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Known {
        credential: row.record(0)?,
        tenant: row.record(1)?,
    }))
}

/// The records in the first column of rows.
pub(crate) fn held<T: DeserializeOwned>(rows: &[impl Holds]) -> Result<Vec<T>> {
    rows.iter().map(|row| row.record(0)).collect()
}

/// Those records that can be read: one that cannot keeps nobody from the others.
pub(crate) fn readable<T: DeserializeOwned>(json: &[String]) -> Vec<T> {
    let read = json.iter().filter_map(|json| match record(json) {
        Ok(record) => Some(record),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a record cannot be read"
            );
            None
        }
    });
    read.collect()
}

/// Records out of JSON.
pub(crate) fn records<T: DeserializeOwned>(json: &[String]) -> Result<Vec<T>> {
    json.iter().map(|json| record(json)).collect()
}

/// A page out of up to `limit + 1` rows, with a record in the first column of each.
pub(crate) fn page<T: DeserializeOwned>(
    rows: &[impl Holds],
    request: PageRequest,
    id: impl Fn(&T) -> Uuid,
) -> Result<Page<T>> {
    Ok(Page::cut(held(rows)?, request.limit, id))
}

/// How many rows to read for a page: one more, to know whether there is another page.
pub(crate) fn limit(request: PageRequest) -> i64 {
    count(request.limit.saturating_add(1))
}

/// A number of things, for `LIMIT`.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Ids below this one are on the page: a blob greater than every id, if it is the first.
pub(crate) fn below(request: PageRequest) -> Vec<u8> {
    match request.after {
        Some(after) => after.as_bytes().to_vec(),
        None => vec![0xff; 17],
    }
}

/// The same as an id that no id of ours reaches, if it is the first.
#[cfg(feature = "postgres")]
pub(crate) fn before(request: PageRequest) -> Uuid {
    request.after.unwrap_or(Uuid::max())
}

/// The span of time that a filter asks for, to the ends of time where it names none.
pub(crate) fn span(filter: &PostFilter) -> (i64, i64) {
    let from = filter.from.map_or(i64::MIN, micros);
    (from, filter.to.map_or(i64::MAX, micros))
}

/// A time, as it is stored.
pub(crate) const fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// A time, as it was stored.
pub(crate) fn time(micros: i64) -> Timestamp {
    // Only the end of time lies beyond.
    DateTime::from_timestamp_micros(micros).unwrap_or(Timestamp::MAX_UTC)
}

/// An id within a batch of rows.
pub(crate) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

/// A revision, as it is stored.
pub(crate) const fn revision(revision: u64) -> i64 {
    revision.cast_signed()
}

/// The id of what an event is about.
pub(crate) const fn subject(subject: Subject) -> Option<Uuid> {
    match subject {
        Subject::Tenant(id) => Some(id.as_uuid()),
        Subject::Connection(id) => Some(id.as_uuid()),
        Subject::Post(id) => Some(id.as_uuid()),
        _ => None,
    }
}

/// How a post that is not settled yet is marked.
pub(crate) fn open(post: &Post) -> Option<i64> {
    post.is_unsettled().then_some(1)
}
