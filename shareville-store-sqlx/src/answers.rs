//! What was answered to requests that can be sent again, as it stands in rows.

use shareville_core::{
    idempotency::{Answered, Fingerprint},
    store::{Result, StoreError},
};

/// The request's fingerprint, and the answer.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// An answer out of its row.
pub(crate) fn answer((request, answer): Row) -> Result<Answered> {
    let request = request
        .try_into()
        .map_err(|_| StoreError::Broken("a fingerprint does not have 32 bytes".into()))?;
    Ok(Answered {
        request: Fingerprint::from_bytes(request),
        answer,
    })
}
