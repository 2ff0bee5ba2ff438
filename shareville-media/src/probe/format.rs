//! Which format a file has, by its first bytes.

use shareville_core::media::MediaFormat;

/// Brands of ISO files that hold a picture.
///
/// Source: ISO/IEC 23008-12 (HEIF), AV1 Image File Format 1.1.
const PICTURE_BRANDS: [&[u8; 4]; 9] = [
    b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis",
];

/// What a `QuickTime` file from before brands begins with.
const BRANDLESS: [&[u8; 4]; 6] = [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];

/// Which format a file has, by its first bytes (16 are enough); `None` if it is none that is known.
///
/// ```
/// use shareville_core::media::MediaFormat;
/// use shareville_media::sniff;
///
/// assert_eq!(sniff(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some(MediaFormat::Png));
/// assert_eq!(sniff(b"<html>"), None);
/// ```
#[must_use]
pub fn sniff(head: &[u8]) -> Option<MediaFormat> {
    Some(match head {
        [0xff, 0xd8, 0xff, ..] => MediaFormat::Jpeg,
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => MediaFormat::Png,
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => MediaFormat::Gif,
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => MediaFormat::Webp,
        [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => MediaFormat::Bmp,
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => MediaFormat::Tiff,
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => of_brand(brand),
        [_, _, _, _, kind @ ..] => {
            let kind: &[u8; 4] = kind.first_chunk()?;
            return BRANDLESS.contains(&kind).then_some(MediaFormat::Mov);
        }
        _ => return None,
    })
}

fn of_brand(brand: &[u8]) -> MediaFormat {
    match brand.first_chunk::<4>() {
        Some(b"qt  ") => MediaFormat::Mov,
        Some(brand) if PICTURE_BRANDS.contains(&brand) => MediaFormat::Heif,
        _ => MediaFormat::Mp4,
    }
}
