//! How large a TIFF picture is shown: its first directory tells, wherever that stands.
//!
//! Source: TIFF 6.0, section 2 (structure) and 8 (fields).

use shareville_core::media::{Fetched, MediaError};

use super::{Parts, film::part};

/// How many bytes a field has in a directory.
const FIELD: usize = 12;

/// What the fields are called.
const WIDTH: u16 = 256;
const LENGTH: u16 = 257;
const ORIENTATION: u16 = 274;

/// In which order a number's bytes stand.
#[derive(Debug, Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn short(self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn long(self, bytes: &[u8]) -> Option<u32> {
        let bytes = *bytes.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }

    /// The value of a field that is one number of 16 or 32 bits.
    fn value(self, field: &[u8]) -> Option<u32> {
        let value = field.get(8..)?;
        match self.short(field.get(2..)?)? {
            3 => self.short(value).map(u32::from),
            4 => self.long(value),
            _ => None,
        }
    }
}

/// How wide and how high it is shown.
pub(super) async fn shown(file: &dyn Parts, head: &Fetched) -> Result<(u32, u32), MediaError> {
    let (order, at) = begin(&head.bytes).ok_or_else(broken)?;
    let count = part(file, head, at..at + 2).await?;
    let count = order.short(&count).ok_or_else(broken)?;
    let fields = at + 2..at + 2 + u64::from(count) * FIELD as u64;
    let fields = part(file, head, fields).await?;
    let find = |tag: u16| {
        let mut fields = fields.chunks_exact(FIELD);
        let field = fields.find(|field| order.short(field) == Some(tag))?;
        order.value(field)
    };
    let size = find(WIDTH).zip(find(LENGTH));
    let (width, height) = size
        .filter(|size| size.0 > 0 && size.1 > 0)
        .ok_or_else(broken)?;
    Ok(match find(ORIENTATION) {
        Some(5..=8) => (height, width),
        _ => (width, height),
    })
}

/// The order of its bytes, and where its first directory stands.
fn begin(head: &[u8]) -> Option<(Order, u64)> {
    let order = match head.first_chunk()? {
        b"II" => Order::Little,
        b"MM" => Order::Big,
        _ => return None,
    };
    Some((order, order.long(head.get(4..)?)?.into()))
}

fn broken() -> MediaError {
    MediaError::NotUnderstood("its size cannot be read (the directory of a TIFF file)".to_owned())
}
