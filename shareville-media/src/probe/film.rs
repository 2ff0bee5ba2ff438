//! How large a film is shown, how long it lasts, and how it is coded.
//!
//! Source: ISO/IEC 14496-12, 4.2 (boxes) and 8.3 (tracks).

use std::{io::Cursor, time::Duration};

use mp4parse::{CodecType, MediaContext, SampleEntry, Track, TrackType, read_mp4};
use shareville_core::media::{Fetched, MediaError, MediaFacts};

use super::Parts;

/// The longest table of contents that is read, in bytes: films of hours stay below.
const MAX_MOOV: u64 = 16 * 1024 * 1024;

/// How many boxes are passed on the way to it.
const MAX_BOXES: usize = 64;

/// The longest head of a box.
const BOX_HEAD: u64 = 16;

/// What a file must begin with for the parser: the table of contents may stand alone behind it.
const FILE_TYPE: [u8; 16] = *b"\0\0\0\x10ftypisom\0\0\0\0";

pub(super) async fn read(
    file: &dyn Parts,
    head: &Fetched,
    facts: &mut MediaFacts,
) -> Result<(), MediaError> {
    let moov = contents(file, head).await?;
    let mut stream = Cursor::new([&FILE_TYPE[..], &moov].concat());
    let film = read_mp4(&mut stream).map_err(|error| {
        MediaError::NotUnderstood(format!("its contents cannot be read ({error:?})"))
    })?;
    describe(&film, facts);
    Ok(())
}

/// Goes from box to box until the one that tells what is in the file.
async fn contents(file: &dyn Parts, head: &Fetched) -> Result<Vec<u8>, MediaError> {
    let mut at: u64 = 0;
    for _ in 0..MAX_BOXES {
        let (Some(end), false) = (
            at.checked_add(BOX_HEAD),
            head.total.is_some_and(|it| at >= it),
        ) else {
            break;
        };
        let start = part(file, head, at..end).await?;
        let Some((length, kind)) = box_head(&start, at, head.total) else {
            break;
        };
        if &kind == b"moov" {
            if length > MAX_MOOV {
                break;
            }
            let moov = part(file, head, at..at + length).await?;
            if (moov.len() as u64) < length {
                break;
            }
            return Ok(moov);
        }
        at += length;
    }
    Err(MediaError::NotUnderstood(
        "it is broken off, or the table of its contents (`moov`) is missing".to_owned(),
    ))
}

/// A part, out of the head if it is there.
pub(super) async fn part(
    file: &dyn Parts,
    head: &Fetched,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>, MediaError> {
    let whole = head.total == Some(head.bytes.len() as u64);
    if range.end <= head.bytes.len() as u64 || whole {
        let clamp =
            |at: u64| usize::try_from(at).map_or(head.bytes.len(), |at| at.min(head.bytes.len()));
        let there = head.bytes.get(clamp(range.start)..clamp(range.end));
        return Ok(there.unwrap_or_default().to_vec());
    }
    Ok(file.part(range).await?.bytes.to_vec())
}

/// How long a box is, head included, and of what kind; `None` where there is none.
fn box_head(head: &[u8], at: u64, total: Option<u64>) -> Option<(u64, [u8; 4])> {
    let (length, rest) = head.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let length = match u32::from_be_bytes(*length) {
        // Up to the end of the file.
        0 => total?.checked_sub(at)?,
        1 => u64::from_be_bytes(*rest.first_chunk()?),
        length => u64::from(length),
    };
    let sane = length >= 8 && at.checked_add(length).is_some();
    sane.then_some((length, *kind))
}

fn describe(film: &MediaContext, facts: &mut MediaFacts) {
    let tracks = || film.tracks.iter();
    let picture = tracks().find(|track| track.track_type == TrackType::Video);
    if let Some(picture) = picture {
        (facts.width, facts.height) = shown(picture).unzip();
        facts.video_codec = codec(picture);
        facts.frame_rate = frame_rate(picture);
    }
    let sound = tracks().find(|track| track.track_type == TrackType::Audio);
    facts.audio_codec = sound.and_then(codec);
    facts.duration = tracks().filter_map(duration).max();
}

/// As it is shown: a telephone held upright writes a film that lies on its side, and how to turn it.
fn shown(track: &Track) -> Option<(u32, u32)> {
    let head = track.tkhd.as_ref()?;
    let (width, height) = (head.width >> 16, head.height >> 16);
    let turned = head.matrix.a == 0 && head.matrix.d == 0 && head.matrix.b != 0;
    match (width, height, turned) {
        (0, _, _) | (_, 0, _) => None,
        (_, _, true) => Some((height, width)),
        (_, _, false) => Some((width, height)),
    }
}

fn duration(track: &Track) -> Option<Duration> {
    let (scale, length) = (track.timescale?.0, track.duration?.0);
    let known = scale > 0 && length > 0;
    // Films are far shorter than what a float tells exactly.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds do")]
    let seconds = length as f64 / scale as f64;
    known.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

fn frame_rate(track: &Track) -> Option<f64> {
    let samples = &track.stts.as_ref()?.samples;
    let frames: u64 = samples.iter().map(|run| u64::from(run.sample_count)).sum();
    #[expect(clippy::cast_precision_loss, reason = "fractions of a frame do")]
    let rate = frames as f64 / duration(track)?.as_secs_f64();
    (frames > 0).then_some(rate)
}

/// Its codec as a sample entry names it; `None` if the parser does not know it.
fn codec(track: &Track) -> Option<String> {
    let entry = track.stsd.as_ref()?.descriptions.first()?;
    let codec = match entry {
        SampleEntry::Video(entry) => entry.codec_type,
        SampleEntry::Audio(entry) => entry.codec_type,
        SampleEntry::Unknown => return None,
    };
    let name = match codec {
        CodecType::H264 => "avc1",
        CodecType::H263 => "s263",
        CodecType::MP4V => "mp4v",
        CodecType::AV1 => "av01",
        CodecType::VP9 => "vp09",
        CodecType::VP8 => "vp08",
        CodecType::AAC => "mp4a",
        CodecType::MP3 => ".mp3",
        CodecType::FLAC => "fLaC",
        CodecType::Opus => "Opus",
        CodecType::ALAC => "alac",
        CodecType::LPCM => "lpcm",
        _ => return None,
    };
    Some(name.to_owned())
}
