//! How uploads stand in rows.

use shareville_core::{
    id::{MediaId, TenantId},
    media::{BegunUpload, MediaPlace, Upload},
    store::Result,
};
use uuid::Uuid;

use crate::row::{record, time};

/// An upload's record, and until when it is kept.
pub(crate) type UploadRow = (String, i64);

/// An upload as it was stored.
pub(crate) fn upload((json, expires_at): &UploadRow) -> Result<Upload> {
    let upload: Upload = record(json)?;
    Ok(Upload {
        expires_at: time(*expires_at),
        ..upload
    })
}

/// Uploads as they were stored.
pub(crate) fn uploads(rows: &[UploadRow]) -> Result<Vec<Upload>> {
    rows.iter().map(upload).collect()
}

/// The places of some uploads.
pub(crate) fn places(rows: &[(Uuid, Uuid)]) -> Vec<MediaPlace> {
    let places = rows.iter().map(|(tenant, id)| MediaPlace {
        tenant: TenantId::from_uuid(*tenant),
        id: MediaId::from_uuid(*id),
    });
    places.collect()
}

/// The id that posts name for an upload.
pub(crate) fn named(begun: &BegunUpload) -> Uuid {
    let original = begun.made_from.as_ref().map(|made| made.original);
    original.unwrap_or(begun.id).as_uuid()
}

/// The form of a rendition.
pub(crate) fn form(begun: &BegunUpload) -> Option<&str> {
    begun.made_from.as_ref().map(|made| made.form.as_str())
}

/// A number of bytes, as it is stored.
pub(crate) fn bytes(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
