//! Notices that were claimed to be looked into, as they stand in rows.

use shareville_core::store::NoticeClaim;
use uuid::Uuid;

use crate::row::record;

/// Reads what was claimed. What cannot be read stands in nobody's way: it comes up again when its lease ends.
pub(crate) fn claim(nonce: Uuid, json: &str) -> Option<NoticeClaim> {
    match record(json) {
        Ok(notice) => Some(NoticeClaim { nonce, notice }),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a notice cannot be read"
            );
            None
        }
    }
}
