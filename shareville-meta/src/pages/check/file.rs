//! What is wrong with the files of a post, by what their heads tell.
//!
//! Source: graph-api.md 5.2, 5.6–5.8 (D-FEED, D-VID, D-REEL, D-STORY).

use shareville_core::{
    media::{Media, MediaFacts, MediaKind, MediaSource},
    post::Content,
    violation::Violation,
};

use super::super::{
    limits::{
        PHOTO_BYTES, PHOTO_FORMATS, REEL_FORMATS, REEL_FRAME_RATE, REEL_HEIGHT, REEL_SECONDS,
        REEL_WIDTH, STORY_SECONDS, Span, TALL_RATIO,
    },
    route::{Film, Route, TOO_LONG, UNREADABLE},
};

/// All that is wrong with a content's media by what their heads tell, in their order.
pub(in super::super) fn check_media(
    content: &Content,
    facts: &[Option<MediaFacts>],
) -> Vec<Violation> {
    let route = Route::of(content);
    let known = content.media.iter().zip(facts).enumerate();
    known
        .filter_map(|(index, (media, facts))| Some((index, media, facts.as_ref()?)))
        .flat_map(|(index, media, facts)| {
            let found = file(route, media, facts);
            found.into_iter().map(move |(code, message)| {
                Violation::new(format!("/media/{index}"), code, message)
            })
        })
        .collect()
}

/// A code, and what is wrong.
type Fault = (&'static str, String);

fn file(route: Route, media: &Media, facts: &MediaFacts) -> Vec<Fault> {
    match (media.kind, facts.format.is_video()) {
        (MediaKind::Image, true) => {
            return vec![fault(
                "wrong_type",
                "The file is a video: give it the type `video`.",
            )];
        }
        (MediaKind::Video, false) => {
            return vec![fault(
                "wrong_type",
                "The file is a picture: give it the type `image`.",
            )];
        }
        (MediaKind::Image, false) => return photo(media, facts),
        (MediaKind::Video, true) => {}
    }
    match route {
        Route::Reel => reel(facts),
        Route::VideoStory => story(facts),
        Route::Film => match Film::of(facts) {
            Film::Video => Vec::new(),
            Film::Reel => reel(facts),
            Film::TooLong => vec![fault("vertical_too_long", TOO_LONG)],
            Film::Unknown => vec![fault("media_unreadable", UNREADABLE)],
        },
        // That a video has no room there is said already.
        Route::Post | Route::PhotoStory => Vec::new(),
    }
}

fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    (code, message.into())
}

/// A picture at a public address goes as it is; an uploaded one is made into what Facebook takes.
fn photo(media: &Media, facts: &MediaFacts) -> Vec<Fault> {
    if matches!(media.source, MediaSource::MediaId(_)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if !PHOTO_FORMATS.contains(&facts.format) {
        found.push(fault(
            "unsupported_format",
            "Facebook takes photos as JPEG, PNG, GIF, BMP or TIFF: save it anew, or upload it here.",
        ));
    }
    let most = u64::try_from(PHOTO_BYTES.max).unwrap_or(u64::MAX);
    if let Some(bytes) = facts.bytes.filter(|bytes| *bytes > most) {
        found.push(fault(
            "too_large",
            format!(
                "The photo has {bytes} bytes; Facebook takes at most {most}: make it smaller, or upload it here."
            ),
        ));
    }
    found
}

fn reel(facts: &MediaFacts) -> Vec<Fault> {
    let mut found = Vec::new();
    if !REEL_FORMATS.contains(&facts.format) {
        found.push(fault(
            "unsupported_format",
            "A Reel must be an MP4 file: save it anew.",
        ));
    }
    found.extend(lasts(facts, &REEL_SECONDS, "A Reel"));
    found.extend(is_tall(facts, "A Reel"));
    let too_small = [(facts.width, REEL_WIDTH), (facts.height, REEL_HEIGHT)]
        .into_iter()
        .any(|(pixels, span)| pixels.is_some_and(|pixels| !span.contains(f64::from(pixels))));
    if too_small {
        found.push(fault(
            "resolution",
            "A Reel must have at least 540 by 960 pixels; 1080 by 1920 are recommended.",
        ));
    }
    if facts
        .frame_rate
        .is_some_and(|rate| !REEL_FRAME_RATE.contains(rate))
    {
        found.push(fault(
            "frame_rate",
            "A Reel must have 24 to 60 frames in a second.",
        ));
    }
    found
}

fn story(facts: &MediaFacts) -> Vec<Fault> {
    let mut found = Vec::from_iter(lasts(facts, &STORY_SECONDS, "A video in a story"));
    found.extend(is_tall(facts, "A video in a story"));
    found
}

fn lasts(facts: &MediaFacts, span: &Span, what: &str) -> Option<Fault> {
    let seconds = facts.duration?.as_secs_f64();
    let code = match seconds {
        seconds if seconds < span.min => "too_short",
        seconds if seconds > span.max => "too_long",
        _ => return None,
    };
    let (min, max) = (span.min, span.max);
    Some(fault(
        code,
        format!("{what} lasts {min} to {max} seconds; this one lasts {seconds:.1}."),
    ))
}

fn is_tall(facts: &MediaFacts, what: &str) -> Option<Fault> {
    let ratio = facts.ratio()?;
    (!TALL_RATIO.contains(ratio)).then(|| {
        fault(
            "aspect_ratio",
            format!("{what} must be 9:16, such as 1080 by 1920 pixels."),
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shareville_core::{id::MediaId, media::MediaFormat, post::Placement};

    use super::*;

    fn showing(placement: Placement, media: Media) -> Content {
        Content {
            placement,
            media: vec![media],
            ..Content::default()
        }
    }

    fn film(placement: Placement) -> Content {
        showing(placement, Media::video("https://cdn.example/a.mp4"))
    }

    fn photo_in(placement: Placement) -> Content {
        showing(placement, Media::image("https://cdn.example/a.jpg"))
    }

    /// What a head tells, from a good Reel.
    fn facts(change: impl FnOnce(&mut MediaFacts)) -> MediaFacts {
        let mut facts = MediaFacts {
            bytes: Some(5_000_000),
            width: Some(1080),
            height: Some(1920),
            duration: Some(Duration::from_secs(30)),
            frame_rate: Some(30.0),
            ..MediaFacts::of(MediaFormat::Mp4)
        };
        change(&mut facts);
        facts
    }

    fn codes(content: &Content, facts: MediaFacts) -> Vec<String> {
        let found = check_media(content, &[Some(facts)]);
        assert!(found.iter().all(|v| v.pointer == "/media/0"));
        found.into_iter().map(|v| v.code).collect()
    }

    /// What is known, and what is wrong with it.
    type Head = (fn(&mut MediaFacts), &'static [&'static str]);

    #[test]
    fn each_limit_of_a_reel_should_hold_and_one_more_should_not() {
        let heads: [Head; 20] = [
            (|_| {}, &[]),
            (|f| f.duration = Some(Duration::from_secs(3)), &[]),
            (|f| f.duration = Some(Duration::from_secs(90)), &[]),
            (
                |f| f.duration = Some(Duration::from_millis(2_999)),
                &["too_short"],
            ),
            (
                |f| f.duration = Some(Duration::from_millis(90_001)),
                &["too_long"],
            ),
            (|f| f.frame_rate = Some(23.976), &[]),
            (|f| f.frame_rate = Some(60.0), &[]),
            (|f| f.frame_rate = Some(23.0), &["frame_rate"]),
            (|f| f.frame_rate = Some(61.0), &["frame_rate"]),
            (|f| (f.width, f.height) = (Some(540), Some(960)), &[]),
            (
                |f| (f.width, f.height) = (Some(539), Some(958)),
                &["resolution"],
            ),
            (
                |f| (f.width, f.height) = (Some(540), Some(959)),
                &["resolution"],
            ),
            (
                |f| (f.width, f.height) = (Some(1100), Some(1920)),
                &["aspect_ratio"],
            ),
            (
                |f| (f.width, f.height) = (Some(1060), Some(1920)),
                &["aspect_ratio"],
            ),
            (|f| (f.width, f.height) = (Some(1098), Some(1920)), &[]),
            (
                |f| (f.width, f.height) = (Some(1920), Some(1080)),
                &["aspect_ratio"],
            ),
            (|f| f.format = MediaFormat::Mov, &["unsupported_format"]),
            (|f| f.format = MediaFormat::Jpeg, &["wrong_type"]),
            (|f| *f = MediaFacts::of(MediaFormat::Mp4), &[]),
            (
                |f| (f.width, f.frame_rate) = (Some(300), Some(5.0)),
                &["aspect_ratio", "resolution", "frame_rate"],
            ),
        ];
        for (change, expected) in heads {
            let facts = facts(change);
            assert_eq!(
                codes(&film(Placement::Reel), facts.clone()),
                expected,
                "{facts:?}"
            );
        }
    }

    #[test]
    fn a_film_in_the_feed_should_be_judged_by_what_it_becomes() {
        let heads: [Head; 7] = [
            (|_| {}, &[]),
            (|f| f.frame_rate = Some(10.0), &["frame_rate"]),
            (
                |f| f.duration = Some(Duration::from_millis(90_001)),
                &["vertical_too_long"],
            ),
            (
                |f| (f.width, f.duration) = (Some(1920), Some(Duration::from_secs(9_000))),
                &[],
            ),
            (
                |f| (f.width, f.format) = (Some(3_840), MediaFormat::Mov),
                &[],
            ),
            (|f| f.width = None, &["media_unreadable"]),
            (|f| f.duration = None, &["media_unreadable"]),
        ];
        for (change, expected) in heads {
            let facts = facts(change);
            assert_eq!(
                codes(&film(Placement::Feed), facts.clone()),
                expected,
                "{facts:?}"
            );
        }
        assert_eq!(check_media(&film(Placement::Feed), &[None]), []);
    }

    #[test]
    fn a_film_in_a_story_should_be_short_and_tall() {
        let heads: [Head; 4] = [
            (|f| f.duration = Some(Duration::from_secs(60)), &[]),
            (
                |f| f.duration = Some(Duration::from_millis(60_001)),
                &["too_long"],
            ),
            (|f| f.width = Some(1920), &["aspect_ratio"]),
            (|f| f.format = MediaFormat::Png, &["wrong_type"]),
        ];
        for (change, expected) in heads {
            let facts = facts(change);
            assert_eq!(
                codes(&film(Placement::Story), facts.clone()),
                expected,
                "{facts:?}"
            );
        }
    }

    #[test]
    fn photos_should_be_judged_where_they_go_as_they_are() {
        let heads: [Head; 5] = [
            (
                |f| (f.format, f.bytes) = (MediaFormat::Png, Some(10_000_000)),
                &[],
            ),
            (
                |f| (f.format, f.bytes) = (MediaFormat::Tiff, Some(10_000_001)),
                &["too_large"],
            ),
            (|f| f.format = MediaFormat::Webp, &["unsupported_format"]),
            (|f| f.format = MediaFormat::Heif, &["unsupported_format"]),
            (|f| f.format = MediaFormat::Mp4, &["wrong_type"]),
        ];
        for (change, expected) in heads {
            let facts = facts(change);
            for mut content in [photo_in(Placement::Feed), photo_in(Placement::Story)] {
                assert_eq!(codes(&content, facts.clone()), expected, "{facts:?}");
                content.media[0].source = MediaSource::MediaId(MediaId::generate());
                let expected: &[&str] = match facts.format {
                    MediaFormat::Mp4 => expected,
                    _ => &[],
                };
                assert_eq!(codes(&content, facts.clone()), expected, "uploaded");
            }
        }
    }
}
