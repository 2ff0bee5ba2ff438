//! How large a picture is shown.

use std::io::Cursor;

use exif::{In, Reader, Tag};
use shareville_core::media::{Fetched, MediaError, MediaFacts, MediaFormat};

use super::{Parts, tiff};

/// How much is read of a picture whose size does not stand at its beginning: pictures of cameras carry a preview first.
const LONG_HEAD: u64 = 1024 * 1024;

pub(super) async fn read(
    file: &dyn Parts,
    head: &Fetched,
    facts: &mut MediaFacts,
) -> Result<(), MediaError> {
    if facts.format == MediaFormat::Tiff {
        // What it is may stand anywhere in it, and often does so at its end.
        let shown = tiff::shown(file, head).await?;
        (facts.width, facts.height) = (Some(shown.0), Some(shown.1));
        return Ok(());
    }
    if measure(&head.bytes, facts).is_ok() {
        return Ok(());
    }
    let longer = file.part(0..LONG_HEAD).await?;
    measure(&longer.bytes, facts)
        .map_err(|error| MediaError::NotUnderstood(format!("its size cannot be read ({error})")))
}

fn measure(head: &[u8], facts: &mut MediaFacts) -> Result<(), imagesize::ImageError> {
    let size = imagesize::blob_size(head)?;
    let (mut width, mut height) = (size.width, size.height);
    if lies_on_its_side(head, facts.format) {
        std::mem::swap(&mut width, &mut height);
    }
    facts.width = u32::try_from(width).ok();
    facts.height = u32::try_from(height).ok();
    Ok(())
}

/// Whether it is to be turned by a quarter before it is shown.
///
/// Source: Exif 2.32, 4.6.4 (Orientation).
fn lies_on_its_side(head: &[u8], format: MediaFormat) -> bool {
    if !matches!(
        format,
        MediaFormat::Jpeg | MediaFormat::Png | MediaFormat::Webp
    ) {
        return false;
    }
    // A picture without Exif, or with one that is broken, is shown as it lies.
    let exif = Reader::new()
        .read_from_container(&mut Cursor::new(head))
        .ok();
    let orientation = exif.and_then(|exif| {
        let field = exif.get_field(Tag::Orientation, In::PRIMARY)?;
        field.value.get_uint(0)
    });
    matches!(orientation, Some(5..=8))
}
