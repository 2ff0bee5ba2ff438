//! What files are, by their heads: real files, and broken ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{ops::Range, sync::Mutex, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::media::{Fetched, MediaError, MediaFacts, MediaFormat};
use shareville_media::{Parts, probe};

fn file(name: &str) -> Bytes {
    let path = format!("{}/tests/files/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap().into()
}

async fn facts(name: &str) -> MediaFacts {
    probe(&file(name)).await.unwrap()
}

/// A film whose data come first and are long: nothing but zeros, which nobody should ask for.
#[derive(Debug)]
struct Long {
    begin: Bytes,
    gap: u64,
    end: Bytes,
    asked: Mutex<u64>,
}

impl Long {
    /// `vertical.mp4` with 1 GB more of data.
    fn film() -> Self {
        const GAP: u64 = 1 << 30;
        let film = file("vertical.mp4");
        let at = film.windows(4).position(|it| it == b"mdat").unwrap() - 4;
        let moov = film.windows(4).position(|it| it == b"moov").unwrap() - 4;
        let length = (moov - at) as u64 + GAP;
        let mut begin = film[..moov].to_vec();
        begin[at..at + 4].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        Self {
            begin: begin.into(),
            gap: GAP,
            end: film.slice(moov..),
            asked: Mutex::default(),
        }
    }

    fn total(&self) -> u64 {
        self.begin.len() as u64 + self.gap + self.end.len() as u64
    }

    fn byte(&self, at: u64) -> u8 {
        let begin = self.begin.len() as u64;
        match at {
            at if at < begin => self.begin[usize::try_from(at).unwrap()],
            at if at < begin + self.gap => 0,
            at => self.end[usize::try_from(at - begin - self.gap).unwrap()],
        }
    }
}

#[async_trait]
impl Parts for Long {
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError> {
        let range = range.start..range.end.min(self.total());
        *self.asked.lock().unwrap() += range.end - range.start;
        Ok(Fetched {
            bytes: range.map(|at| self.byte(at)).collect(),
            total: Some(self.total()),
        })
    }
}

#[tokio::test]
async fn a_picture_should_tell_its_format_and_size() {
    for (name, format, size) in [
        ("upright.jpg", MediaFormat::Jpeg, (320, 240)),
        ("picture.png", MediaFormat::Png, (300, 200)),
        ("picture.webp", MediaFormat::Webp, (300, 200)),
    ] {
        let facts = facts(name).await;
        assert_eq!(facts.format, format, "{name}");
        assert_eq!(facts.width.zip(facts.height), Some(size), "{name}");
        assert_eq!(facts.bytes, Some(file(name).len() as u64), "{name}");
        assert_eq!(facts.duration, None, "{name}");
    }
}

#[tokio::test]
async fn what_lies_on_its_side_should_be_measured_as_it_is_shown() {
    let picture = facts("turned.jpg").await;
    assert_eq!((picture.width, picture.height), (Some(240), Some(320)));
    let film = facts("turned.mov").await;
    assert_eq!((film.width, film.height), (Some(360), Some(640)));
    assert_eq!(film.format, MediaFormat::Mov);
    assert_eq!(film.is_vertical(), Some(true));
}

#[tokio::test]
async fn a_film_should_tell_how_long_it_lasts_and_how_it_is_coded() {
    let film = facts("vertical.mp4").await;
    assert_eq!(film.format, MediaFormat::Mp4);
    assert_eq!((film.width, film.height), (Some(540), Some(960)));
    assert_eq!(film.video_codec.as_deref(), Some("avc1"));
    assert_eq!(film.audio_codec.as_deref(), Some("mp4a"));
    let duration = film.duration.unwrap();
    assert!(
        duration.abs_diff(Duration::from_secs(4)) < Duration::from_millis(100),
        "{duration:?}"
    );
    assert!((film.frame_rate.unwrap() - 30.0).abs() < 0.1, "{film:?}");

    let silent = facts("landscape.mp4").await;
    assert_eq!(silent.audio_codec, None);
    assert_eq!(silent.is_vertical(), Some(false));
    assert!((silent.frame_rate.unwrap() - 25.0).abs() < 0.1);
}

#[tokio::test]
async fn a_codec_that_is_not_known_should_not_be_guessed() {
    let film = facts("hevc.mp4").await;
    assert_eq!((film.width, film.height), (Some(360), Some(640)));
    assert_eq!(film.video_codec, None);
}

#[tokio::test]
async fn a_long_film_should_be_understood_by_a_few_kilobytes() {
    let film = Long::film();
    let facts = probe(&film).await.unwrap();
    assert_eq!((facts.width, facts.height), (Some(540), Some(960)));
    assert_eq!(facts.bytes, Some(film.total()));
    let asked = *film.asked.lock().unwrap();
    assert!(asked < 100_000, "{asked} bytes were read");
}

#[tokio::test]
async fn what_is_neither_picture_nor_film_should_be_told() {
    for bytes in [
        &b""[..],
        b"<html><body>not found</body></html>",
        b"%PDF-1.7 and so on",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let error = probe(&Bytes::from_static(bytes)).await.unwrap_err();
        assert!(matches!(error, MediaError::NotUnderstood(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_or_is_damaged_should_be_an_error_and_no_panic() {
    for name in [
        "vertical.mp4",
        "landscape.mp4",
        "turned.mov",
        "turned.jpg",
        "picture.png",
        "picture.webp",
    ] {
        let whole = file(name);
        for length in (0..whole.len()).step_by(7) {
            let _ = probe(&whole.slice(..length)).await;
        }
        // Each byte once set to all ones: lengths and counts run wild.
        for at in (0..whole.len()).step_by(3) {
            let mut damaged = whole.to_vec();
            damaged[at] = 0xff;
            let _ = probe(&Bytes::from(damaged)).await;
        }
        let broken = probe(&whole.slice(..20)).await;
        assert!(
            matches!(broken, Err(MediaError::NotUnderstood(_))),
            "{name}: {broken:?}"
        );
    }
}

/// A box that says it is this long, in the long form.
fn long_box(kind: [u8; 4], length: u64) -> Vec<u8> {
    [&[0, 0, 0, 1], &kind[..], &length.to_be_bytes()].concat()
}

/// As it comes from a server that does not tell how long it is.
#[derive(Debug)]
struct Endless(Bytes);

#[async_trait]
impl Parts for Endless {
    async fn part(&self, range: Range<u64>) -> Result<Fetched, MediaError> {
        let part = self.0.part(range).await?;
        Ok(Fetched {
            total: None,
            ..part
        })
    }
}

#[tokio::test]
async fn a_box_of_any_length_should_be_an_error_and_no_panic() {
    let begin = long_box(*b"ftyp", 16);
    for length in (0..=64).flat_map(|near| [near, u64::MAX - near, u64::MAX / 2 + near]) {
        for kind in [*b"ftyp", *b"free", *b"moov"] {
            // A table of contents that is empty is one all the same.
            let is_whole = (kind, length) == (*b"moov", 16);
            let alone = long_box(kind, length);
            let behind = [&begin[..], &alone].concat();
            for file in [alone, behind].map(Bytes::from) {
                let broken = [probe(&file).await, probe(&Endless(file)).await];
                for broken in broken {
                    assert!(
                        is_whole || matches!(broken, Err(MediaError::NotUnderstood(_))),
                        "{length}: {broken:?}"
                    );
                }
            }
        }
    }
}

/// A TIFF picture whose directory stands behind this much data, with an orientation.
fn tiff(data: u32, [begin, orientation]: [u8; 2]) -> Bytes {
    let short = |number: u16| match begin {
        b'I' => number.to_le_bytes(),
        _ => number.to_be_bytes(),
    };
    let long = |number: u32| match begin {
        b'I' => number.to_le_bytes(),
        _ => number.to_be_bytes(),
    };
    let mut file = [&[begin, begin][..], &short(42), &long(8 + data)].concat();
    file.resize(8 + data as usize, 7);
    file.extend(short(3));
    file.extend([&short(256)[..], &short(4), &long(1), &long(640)].concat());
    file.extend([&short(257)[..], &short(3), &long(1), &short(480), &[0; 2]].concat());
    let orientation = short(orientation.into());
    file.extend([&short(274)[..], &short(3), &long(1), &orientation, &[0; 2]].concat());
    file.extend(long(0));
    file.into()
}

#[tokio::test]
async fn a_tiff_should_be_measured_wherever_its_directory_stands() {
    for data in [0, 3 * 1024 * 1024] {
        for begin in [b'I', b'M'] {
            for (orientation, size) in [(1, (640, 480)), (6, (480, 640))] {
                let whole = tiff(data, [begin, orientation]);
                let endless = probe(&Endless(whole.clone())).await.unwrap();
                assert_eq!(endless.width.zip(endless.height), Some(size));
                let facts = probe(&whole).await.unwrap();
                assert_eq!(facts.format, MediaFormat::Tiff);
                assert_eq!(facts.width.zip(facts.height), Some(size));
            }
            let whole = tiff(data, [begin, 1]);
            for missing in [1, 10, 39, 42] {
                let broken = probe(&whole.slice(..whole.len() - missing)).await;
                let is_told = matches!(broken, Err(MediaError::NotUnderstood(_)));
                // What follows the directory is nobody's business.
                assert!(is_told || missing <= 16, "{missing}: {broken:?}");
            }
        }
    }
}
