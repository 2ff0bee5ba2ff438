//! What the heads of a post's files tell.
//!
//! Source: graph-api.md 6.2 (D-IGM).

use shareville_core::{
    media::{Media, MediaFacts, MediaFormat, MediaKind, MediaSource},
    post::{Content, Placement},
    violation::Violation,
};

use super::super::{
    limits::{
        CAROUSEL_FILM, FILM_FRAMES, FILM_RATIO, FILM_WIDTH, FilmLimits, PICTURE, PICTURE_RATIO,
        REEL, STORY_FILM,
    },
    shape::Shape,
};

/// The codecs of films, as their sample entries name them: H.264 and HEVC.
const VIDEO_CODECS: [&str; 4] = ["avc1", "avc3", "hvc1", "hev1"];

/// The codec of their sound: AAC.
const AUDIO_CODEC: &str = "mp4a";

/// How far a frame rate may be off by the way it is counted: 59.94 is 60.
const FRAMES_OFF: f64 = 0.1;

pub(in crate::instagram) fn check_media(
    content: &Content,
    facts: &[Option<MediaFacts>],
) -> Vec<Violation> {
    let film = match Shape::of(content) {
        Some(Shape::Story(_)) => &STORY_FILM,
        Some(Shape::Carousel(_)) => &CAROUSEL_FILM,
        Some(Shape::Reel(_) | Shape::Picture(_)) | None => &REEL,
    };
    let mut found = Vec::new();
    for (index, (media, facts)) in content.media.iter().zip(facts).enumerate() {
        let Some(facts) = facts else {
            continue;
        };
        let wrong = match (media.kind, facts.format.is_video()) {
            (MediaKind::Image, false) => picture(content.placement, media, facts),
            (MediaKind::Video, true) => of_film(film, facts),
            (MediaKind::Image, true) => vec![other_kind("picture", "film", "video")],
            (MediaKind::Video, false) => vec![other_kind("film", "picture", "image")],
        };
        let wrong = wrong.into_iter();
        found.extend(wrong.map(|v| v.under(&format!("/media/{index}"))));
    }
    found
}

fn wrong(code: &str, message: impl Into<String>) -> Violation {
    Violation::new("", code, message)
}

fn other_kind(said: &str, is: &str, name: &str) -> Violation {
    wrong(
        "wrong_kind",
        format!("This is said to be a {said}, and is a {is}: give its `type` as `{name}`."),
    )
}

/// What was uploaded to us becomes a JPEG within the limits; what stands at a public address must be one.
fn picture(placement: Placement, media: &Media, facts: &MediaFacts) -> Vec<Violation> {
    let mut found = Vec::new();
    if matches!(media.source, MediaSource::Url(_)) {
        if facts.format != MediaFormat::Jpeg {
            found.push(wrong(
                "jpeg_only",
                format!(
                    "This is {}, and Instagram takes pictures as JPEG only: give a JPEG, or upload the file here, and it \
                     becomes one.",
                    facts.format.content_type()
                ),
            ));
        }
        found.extend(too_big(facts, PICTURE.max_bytes, "a picture"));
    }
    // Stories take every shape; 9:16 fills the screen.
    let ratio = facts.ratio().filter(|_| placement != Placement::Story);
    // Instagram's own limits have two decimals: 1200 × 628 is 1.91.
    let rounded = ratio.map(|ratio| (ratio * 100.0).round() / 100.0);
    if rounded.is_some_and(|ratio| !(PICTURE_RATIO.0..=PICTURE_RATIO.1).contains(&ratio)) {
        found.push(wrong(
            "aspect_ratio",
            format!(
                "This picture is {}; the feed takes pictures from 4:5 (upright) to 1.91:1 (wide). Crop it.",
                size(facts)
            ),
        ));
    }
    found
}

fn of_film(limits: &FilmLimits, facts: &MediaFacts) -> Vec<Violation> {
    let mut found = Vec::from_iter(too_big(facts, limits.max_bytes, limits.place));
    found.extend(duration(limits, facts));
    if facts.width.is_some_and(|width| width > FILM_WIDTH) {
        found.push(wrong(
            "too_wide",
            format!(
                "This film is {}; Instagram takes films of at most {FILM_WIDTH} pixels in width. Scale it down.",
                size(facts)
            ),
        ));
    }
    if facts
        .ratio()
        .is_some_and(|ratio| !(FILM_RATIO.0..=FILM_RATIO.1).contains(&ratio))
    {
        found.push(wrong(
            "aspect_ratio",
            format!(
                "This film is {}; Instagram takes films from 0.01:1 to 10:1, best 9:16. Crop it.",
                size(facts)
            ),
        ));
    }
    found.extend(codecs(facts));
    let (least, most) = FILM_FRAMES;
    if let Some(rate) = facts.frame_rate
        && !(least - FRAMES_OFF..=most + FRAMES_OFF).contains(&rate)
    {
        found.push(wrong(
            "frame_rate",
            format!(
                "This film has {rate:.2} frames a second; Instagram takes {least:.0} to {most:.0}. Convert it."
            ),
        ));
    }
    found
}

fn duration(limits: &FilmLimits, facts: &MediaFacts) -> Option<Violation> {
    let seconds = facts.duration?.as_secs_f64();
    // A film's last frame may last a little longer than its round length.
    let most = std::time::Duration::from_secs(limits.max_seconds).as_secs_f64() + 0.5;
    let least = std::time::Duration::from_secs(limits.min_seconds).as_secs_f64();
    (!(least..=most).contains(&seconds)).then(|| {
        wrong(
            "duration",
            format!(
                "This film lasts {seconds:.1} seconds; {} takes {} to {}. Cut it.",
                limits.place, limits.min_seconds, limits.max_seconds
            ),
        )
    })
}

fn codecs(facts: &MediaFacts) -> Vec<Violation> {
    let video = facts.video_codec.as_deref();
    let video = video.filter(|codec| !VIDEO_CODECS.contains(codec));
    let video = video.map(|codec| (codec, "films in H.264 or HEVC"));
    let audio = facts.audio_codec.as_deref();
    let audio = audio.filter(|codec| *codec != AUDIO_CODEC);
    let audio = audio.map(|codec| (codec, "sound in AAC"));
    video
        .into_iter()
        .chain(audio)
        .map(|(codec, taken)| {
            wrong(
                "codec",
                format!("This film has the codec `{codec}`; Instagram takes {taken}. Convert it."),
            )
        })
        .collect()
}

fn too_big(facts: &MediaFacts, max_bytes: u64, what: &str) -> Option<Violation> {
    let bytes = facts.bytes.filter(|bytes| *bytes > max_bytes)?;
    Some(wrong(
        "file_too_big",
        format!(
            "This file has {bytes} bytes; {what} at Instagram has at most {max_bytes}. Make it smaller."
        ),
    ))
}

fn size(facts: &MediaFacts) -> String {
    match (facts.width, facts.height) {
        (Some(width), Some(height)) => format!("{width} × {height}"),
        (Some(width), None) => format!("{width} wide"),
        _ => "of an unknown size".to_owned(),
    }
}
