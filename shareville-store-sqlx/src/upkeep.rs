//! Connections that were claimed to be looked after, as they stand in rows.

use shareville_core::connection::Connection;

use crate::row::record;

/// Reads what was claimed, those first that have been due longest. What cannot be read stands in nobody's way: it comes up
/// again when its lease ends.
pub(crate) fn read(mut rows: Vec<(i64, String)>) -> Vec<Connection> {
    rows.sort_by_key(|(due_at, _)| *due_at);
    let read = rows.iter().filter_map(|(_, json)| match record(json) {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a connection cannot be read"
            );
            None
        }
    });
    read.collect()
}
