//! Bringing pictures into the form that a platform takes.

mod colour;

use std::io::Cursor;

use bytes::Bytes;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder as _, ImageFormat, ImageReader,
    Limits, RgbImage,
    codecs::jpeg::JpegEncoder,
    imageops::{self, FilterType},
    metadata::Orientation,
};
use shareville_core::media::{JpegLimits, MediaError, MediaFormat};

use self::colour::Colours;

/// How well a JPEG is kept, from the best: the first that is small enough is taken.
const QUALITIES: [u8; 7] = [92, 86, 80, 72, 64, 54, 42];

/// How high a JPEG can be (ITU-T T.81, B.2.2).
const MAX_HEIGHT: u32 = 65_535;

/// The most bytes of a decoded pixel: four channels of 16 bits. What has wider ones may have fewer pixels.
const PER_PIXEL: u64 = 8;

/// A JPEG that was made.
#[derive(Debug)]
pub(crate) struct Jpeg {
    pub(crate) bytes: Bytes,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// What was done, for a person.
    pub(crate) changed: String,
}

/// What came of bringing a picture into a form.
#[derive(Debug)]
pub(crate) enum Brought {
    /// It has that form.
    AsItIs,
    /// Another was made of it.
    Made(Jpeg),
}

fn not_convertible(why: impl Into<String>) -> MediaError {
    MediaError::NotConvertible(why.into())
}

/// Brings a picture into the form of a JPEG within limits, upright and in sRGB.
///
/// # Errors
/// [`MediaError::NotConvertible`].
pub(crate) fn bring(
    format: MediaFormat,
    bytes: &[u8],
    limits: JpegLimits,
    max_pixels: u64,
) -> Result<Brought, MediaError> {
    let name = format.name();
    let readable = readable(format).ok_or_else(|| {
        not_convertible(format!(
            "{name} files are not converted: upload a JPEG or PNG picture"
        ))
    })?;
    let broken = |error| not_convertible(format!("it cannot be read as {name}: {error}"));
    let mut reader = ImageReader::with_format(Cursor::new(bytes), readable);
    let max_decoded = max_pixels.saturating_mul(PER_PIXEL);
    let mut most = Limits::no_limits();
    // A decoder may have as much again beside what it gives.
    most.max_alloc = Some(max_decoded.saturating_mul(2));
    reader.limits(most);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(not_convertible(format!(
            "it has {width}×{height} pixels, and at most {max_pixels} are converted: upload a smaller one"
        )));
    }
    let decoded = decoder.total_bytes();
    if decoded > max_decoded {
        return Err(not_convertible(format!(
            "it has {decoded} bytes when it is decoded, and at most {max_decoded} are: upload one of fewer pixels, or of \
             8 bits a channel"
        )));
    }
    // What does not read is not there.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let colours = profile.map_or(Colours::Srgb, |profile| Colours::of(&profile));
    let (width, height) = match is_turned(orientation) {
        true => (height, width),
        false => (width, height),
    };
    let is_as_wanted = format == MediaFormat::Jpeg
        && bytes.len() as u64 <= limits.max_bytes
        && (limits.min_width..=limits.max_width).contains(&width)
        && orientation == Orientation::NoTransforms
        && matches!(colours, Colours::Srgb)
        && !is_of_ink(bytes);
    if is_as_wanted {
        return Ok(Brought::AsItIs);
    }
    let (new_width, new_height) = fitted((width, height), limits, max_pixels)?;
    let decoded = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let mut upright = DynamicImage::ImageRgb8(on_white(decoded));
    upright.apply_orientation(orientation);
    let mut picture = upright.into_rgb8();
    if picture.dimensions() != (new_width, new_height) {
        picture = imageops::resize(&picture, new_width, new_height, FilterType::Lanczos3);
    }
    colours.bring_to_srgb(&mut picture);
    let bytes = encoded(&picture, limits.max_bytes)?;
    Ok(Brought::Made(Jpeg {
        bytes: bytes.into(),
        width: new_width,
        height: new_height,
        changed: format!("{name} {width}×{height} became JPEG {new_width}×{new_height}"),
    }))
}

/// How `image` calls a format; `None` for one that it does not read.
const fn readable(format: MediaFormat) -> Option<ImageFormat> {
    match format {
        MediaFormat::Jpeg => Some(ImageFormat::Jpeg),
        MediaFormat::Png => Some(ImageFormat::Png),
        MediaFormat::Gif => Some(ImageFormat::Gif),
        MediaFormat::Webp => Some(ImageFormat::WebP),
        MediaFormat::Bmp => Some(ImageFormat::Bmp),
        MediaFormat::Tiff => Some(ImageFormat::Tiff),
        _ => None,
    }
}

/// Whether an orientation makes the width the height.
const fn is_turned(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Whether pictures of a format can be read here.
pub(crate) const fn is_readable(format: MediaFormat) -> bool {
    readable(format).is_some()
}

/// Begins to read a picture, as far as it says how large it is.
///
/// # Errors
/// [`MediaError::NotUnderstood`] if it is broken there already.
pub(crate) fn begin(format: MediaFormat, bytes: &[u8]) -> Result<(), MediaError> {
    let Some(readable) = readable(format) else {
        return Ok(());
    };
    let begun = ImageReader::with_format(Cursor::new(bytes), readable).into_decoder();
    begun.map(drop).map_err(|error| {
        MediaError::NotUnderstood(format!("it cannot be read as {}: {error}", format.name()))
    })
}

/// The size within limits, of the same shape.
fn fitted(
    (width, height): (u32, u32),
    limits: JpegLimits,
    max_pixels: u64,
) -> Result<(u32, u32), MediaError> {
    if width == 0 || height == 0 {
        return Err(not_convertible("it has no pixels"));
    }
    let new_width = width.min(limits.max_width).max(limits.min_width);
    let (width, height, new) = (u64::from(width), u64::from(height), u64::from(new_width));
    let new_height = ((height * new + width / 2) / width).max(1);
    let fits = new_height <= u64::from(MAX_HEIGHT) && new * new_height <= max_pixels;
    match u32::try_from(new_height) {
        Ok(new_height) if fits => Ok((new_width, new_height)),
        _ => Err(not_convertible(format!(
            "it is {width}×{height} pixels, and would have to be {new}×{new_height}: give it another shape"
        ))),
    }
}

/// Where it is transparent, white shines through.
fn on_white(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let mut flat = RgbImage::new(picture.width(), picture.height());
    for (flat, pixel) in flat.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = pixel.0.map(u32::from);
        let shown = |colour: u32| {
            let shown = (colour * alpha + 255 * (255 - alpha) + 127) / 255;
            u8::try_from(shown).unwrap_or(u8::MAX)
        };
        flat.0 = [shown(red), shown(green), shown(blue)];
    }
    flat
}

fn encoded(picture: &RgbImage, max_bytes: u64) -> Result<Vec<u8>, MediaError> {
    for quality in QUALITIES {
        let mut bytes = Vec::new();
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .write_image(
                picture.as_raw(),
                picture.width(),
                picture.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| not_convertible(format!("it cannot be written as JPEG: {error}")))?;
        if bytes.len() as u64 <= max_bytes {
            return Ok(bytes);
        }
    }
    let (width, height) = picture.dimensions();
    Err(not_convertible(format!(
        "as a JPEG of {width}×{height} pixels it has more than {max_bytes} bytes, however coarse"
    )))
}

/// Whether a JPEG is of the colours of print, which has four components in its frame header (ITU-T T.81, B.2.2).
fn is_of_ink(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4) {
        // A frame of any kind, not a table of Huffman codes or arithmetic conditions.
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return jpeg.get(at + 9) == Some(&4);
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    false
}

#[cfg(test)]
mod tests;
