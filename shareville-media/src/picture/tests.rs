use image::{GenericImageView as _, Rgb, Rgba, RgbaImage};
use moxcms::ColorProfile;

use super::*;

const LIMITS: JpegLimits = JpegLimits {
    max_bytes: 8 * 1024 * 1024,
    min_width: 320,
    max_width: 1440,
};
const PIXELS: u64 = 50_000_000;

fn written(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn jpeg(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, _| match x < width / 2 {
        true => Rgb([200, 30, 30]),
        false => Rgb([30, 30, 200]),
    })
}

fn made(format: MediaFormat, bytes: &[u8]) -> (Jpeg, RgbImage) {
    match bring(format, bytes, LIMITS, PIXELS).unwrap() {
        Brought::Made(jpeg) => {
            let read = image::load_from_memory_with_format(&jpeg.bytes, ImageFormat::Jpeg);
            let read = read.unwrap();
            assert_eq!(read.dimensions(), (jpeg.width, jpeg.height));
            (jpeg, read.into_rgb8())
        }
        Brought::AsItIs => panic!("it has not that form yet"),
    }
}

fn near(pixel: Rgb<u8>, expected: [u8; 3]) -> bool {
    let pairs = pixel.0.iter().zip(expected);
    pairs
        .into_iter()
        .all(|(is, wanted)| is.abs_diff(wanted) < 12)
}

/// A JPEG with a segment right behind its beginning.
fn with_segment(marker: u8, content: &[u8], jpeg: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    [start, &[0xff, marker], &length, content, rest].concat()
}

fn with_orientation(orientation: u8, jpeg: &[u8]) -> Vec<u8> {
    // One tag, 0x0112, of one SHORT.
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    with_segment(0xe1, &exif, jpeg)
}

fn with_profile(profile: &ColorProfile, jpeg: &[u8]) -> Vec<u8> {
    let mut content = b"ICC_PROFILE\0\x01\x01".to_vec();
    content.extend(profile.encode().unwrap());
    with_segment(0xe2, &content, jpeg)
}

#[test]
fn a_large_png_should_become_a_jpeg_of_the_greatest_width() {
    let png = written(jpeg(3000, 2000), ImageFormat::Png);
    let (made, _) = made(MediaFormat::Png, &png);
    assert_eq!((made.width, made.height), (1440, 960));
    assert_eq!(made.changed, "PNG 3000×2000 became JPEG 1440×960");
}

#[test]
fn what_is_transparent_should_stand_on_white() {
    let picture = RgbaImage::from_fn(400, 400, |x, _| match x < 200 {
        true => Rgba([0, 0, 0, 0]),
        false => Rgba([0, 0, 0, 128]),
    });
    let (_, read) = made(MediaFormat::Png, &written(picture, ImageFormat::Png));
    assert!(near(*read.get_pixel(50, 200), [255, 255, 255]));
    assert!(near(*read.get_pixel(350, 200), [127, 127, 127]));
}

#[test]
fn a_small_picture_should_be_scaled_up_to_the_least_width() {
    let gif = written(RgbaImage::new(32, 16), ImageFormat::Gif);
    let (made, _) = made(MediaFormat::Gif, &gif);
    assert_eq!((made.width, made.height), (320, 160));
}

#[test]
fn a_jpeg_as_it_is_wanted_should_be_left_alone() {
    for width in [320, 1440] {
        let picture = written(jpeg(width, 400), ImageFormat::Jpeg);
        let brought = bring(MediaFormat::Jpeg, &picture, LIMITS, PIXELS).unwrap();
        assert!(matches!(brought, Brought::AsItIs));
        let marked = with_profile(&ColorProfile::new_srgb(), &picture);
        let brought = bring(MediaFormat::Jpeg, &marked, LIMITS, PIXELS).unwrap();
        assert!(matches!(brought, Brought::AsItIs), "it says sRGB itself");
    }
    for width in [319, 1441] {
        let picture = written(jpeg(width, 400), ImageFormat::Jpeg);
        made(MediaFormat::Jpeg, &picture);
    }
}

#[test]
fn a_jpeg_should_be_turned_upright() {
    let lying = with_orientation(6, &written(jpeg(600, 400), ImageFormat::Jpeg));
    let (made, read) = made(MediaFormat::Jpeg, &lying);
    assert_eq!((made.width, made.height), (400, 600));
    assert_eq!(made.changed, "JPEG 400×600 became JPEG 400×600");
    // Clockwise: what was left is up.
    assert!(near(*read.get_pixel(200, 50), [200, 30, 30]));
    assert!(near(*read.get_pixel(200, 550), [30, 30, 200]));
}

#[test]
fn other_colours_should_be_brought_to_srgb() {
    let green = RgbImage::from_pixel(400, 400, Rgb([60, 200, 60]));
    let plain = written(green, ImageFormat::Jpeg);
    let wide = with_profile(&ColorProfile::new_display_p3(), &plain);
    let (_, read) = made(MediaFormat::Jpeg, &wide);
    let Rgb([red, green, _]) = *read.get_pixel(200, 200);
    // The same number means a stronger green there.
    assert!(red < 50 && green > 195, "{red} {green}");
}

#[test]
fn quality_should_be_lowered_until_it_is_small_enough() {
    let mut seed = 1_u32;
    let noise = RgbImage::from_fn(800, 800, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = seed.to_be_bytes();
        Rgb([a, b, c])
    });
    let png = written(noise, ImageFormat::Png);
    let (best, _) = made(MediaFormat::Png, &png);
    let most = best.bytes.len() as u64 - 1;
    let limits = JpegLimits {
        max_bytes: most,
        ..LIMITS
    };
    let Ok(Brought::Made(coarser)) = bring(MediaFormat::Png, &png, limits, PIXELS) else {
        panic!("a coarser one is small enough");
    };
    assert!(coarser.bytes.len() as u64 <= most);
    let limits = JpegLimits {
        max_bytes: 1000,
        ..LIMITS
    };
    let refused = bring(MediaFormat::Png, &png, limits, PIXELS).unwrap_err();
    assert!(refused.to_string().contains("1000 bytes"), "{refused}");
}

#[test]
fn a_bomb_should_not_be_decoded() {
    let png = written(RgbImage::new(1000, 1000), ImageFormat::Png);
    let refused = bring(MediaFormat::Png, &png, LIMITS, 999_999).unwrap_err();
    assert!(refused.to_string().contains("1000×1000"), "{refused}");
    // Narrow and high, it would grow beyond that.
    let png = written(RgbImage::new(1, 900), ImageFormat::Png);
    let refused = bring(MediaFormat::Png, &png, LIMITS, PIXELS).unwrap_err();
    assert!(refused.to_string().contains("320×288000"), "{refused}");
}

#[test]
fn what_cannot_be_read_should_say_so() {
    for (format, bytes) in [
        (MediaFormat::Heif, &b"\0\0\0\x18ftypheic"[..]),
        (MediaFormat::Mp4, b"\0\0\0\x18ftypmp42"),
        (MediaFormat::Png, b"\x89PNG\r\n\x1a\n"),
    ] {
        let refused = bring(format, bytes, LIMITS, PIXELS).unwrap_err();
        assert!(refused.to_string().contains(format.name()), "{refused}");
    }
}

#[test]
fn wide_channels_should_count_for_the_memory_they_take() {
    let wide = DynamicImage::from(jpeg(400, 400)).into_rgb32f();
    let wide = written(DynamicImage::ImageRgb32F(wide), ImageFormat::Tiff);
    let narrow = written(jpeg(400, 400), ImageFormat::Tiff);
    let bring = |bytes: &[u8], pixels| bring(MediaFormat::Tiff, bytes, LIMITS, pixels);
    bring(&narrow, 400 * 400).unwrap();
    bring(&wide, 2 * 400 * 400).unwrap();
    let refused = bring(&wide, 400 * 400).unwrap_err().to_string();
    assert!(refused.contains("8 bits a channel"), "{refused}");
}
