//! What the heads of files tell, at each limit and just beyond.

use std::time::Duration;

use shareville_core::{
    id::MediaId,
    media::{MediaFacts, MediaFormat, MediaSource},
    post::{Content, Placement},
};

use super::{super::check_media, film, pictures};

const MEGABYTE: u64 = 1024 * 1024;

/// A film as Instagram takes it everywhere.
fn good_film() -> MediaFacts {
    MediaFacts {
        bytes: Some(10 * MEGABYTE),
        width: Some(1080),
        height: Some(1920),
        duration: Some(Duration::from_secs(30)),
        video_codec: Some("avc1".into()),
        audio_codec: Some("mp4a".into()),
        frame_rate: Some(29.97),
        ..MediaFacts::of(MediaFormat::Mp4)
    }
}

/// A picture as Instagram takes it everywhere.
fn good_picture() -> MediaFacts {
    MediaFacts {
        bytes: Some(MEGABYTE),
        width: Some(1080),
        height: Some(1080),
        ..MediaFacts::of(MediaFormat::Jpeg)
    }
}

fn file_codes(content: &Content, facts: MediaFacts) -> Vec<String> {
    let mut all = vec![None; content.media.len()];
    let last = all.len() - 1;
    all[last] = Some(facts);
    let wrong = check_media(content, &all);
    let place = format!("/media/{last}");
    assert!(
        wrong
            .iter()
            .all(|v| v.pointer == place && v.message.ends_with('.'))
    );
    wrong.into_iter().map(|v| v.code).collect()
}

#[test]
fn pictures_should_have_a_shape_that_the_feed_takes() {
    for (width, height, good) in [
        (1080, 1350, true),
        (1080, 1351, true),
        (1080, 1370, false),
        (1200, 628, true),
        (1920, 1080, true),
        (1920, 1000, false),
    ] {
        let facts = MediaFacts {
            width: Some(width),
            height: Some(height),
            ..good_picture()
        };
        for count in [1, 10] {
            let codes = file_codes(&pictures(count), facts.clone());
            assert_eq!(codes.is_empty(), good, "{width} × {height}: {codes:?}");
        }
        let story = Content {
            placement: Placement::Story,
            ..pictures(1)
        };
        assert!(file_codes(&story, facts).is_empty());
    }
}

#[test]
fn a_picture_should_be_a_jpeg_unless_it_becomes_one_here() {
    let png = MediaFacts {
        format: MediaFormat::Png,
        bytes: Some(8 * MEGABYTE + 1),
        ..good_picture()
    };
    let big = MediaFacts {
        bytes: Some(8 * MEGABYTE + 1),
        ..good_picture()
    };
    let just = MediaFacts {
        bytes: Some(8 * MEGABYTE),
        ..good_picture()
    };
    let mut content = pictures(1);
    assert_eq!(
        file_codes(&content, png.clone()),
        ["jpeg_only", "file_too_big"]
    );
    assert_eq!(file_codes(&content, big.clone()), ["file_too_big"]);
    assert!(file_codes(&content, just).is_empty());
    content.media[0].source = MediaSource::MediaId(MediaId::generate());
    assert!(file_codes(&content, png).is_empty());
    assert!(file_codes(&content, big).is_empty());
    assert_eq!(file_codes(&content, good_film()), ["wrong_kind"]);
    assert_eq!(
        file_codes(&film(Placement::Reel), good_picture()),
        ["wrong_kind"]
    );
}

#[test]
fn films_should_be_no_longer_and_no_bigger_than_their_place_takes() {
    let mut carousel = pictures(1);
    carousel.media.extend(film(Placement::Feed).media);
    for (content, shortest, longest, biggest) in [
        (film(Placement::Reel), 3, 900, 300),
        (film(Placement::Feed), 3, 900, 300),
        (film(Placement::Story), 3, 60, 100),
        (carousel, 3, 60, 300),
    ] {
        for (seconds, megabytes, expected) in [
            (shortest, 1, None),
            (shortest - 1, 1, Some("duration")),
            (longest, biggest, None),
            (longest + 1, 1, Some("duration")),
            (10, biggest + 1, Some("file_too_big")),
        ] {
            let facts = MediaFacts {
                duration: Some(Duration::from_secs(seconds)),
                bytes: Some(megabytes * MEGABYTE),
                ..good_film()
            };
            let expected = Vec::from_iter(expected);
            assert_eq!(
                file_codes(&content, facts),
                expected,
                "{seconds} s, {megabytes} MB"
            );
        }
    }
}

#[test]
fn films_should_have_known_codecs_frames_and_sizes() {
    type Case = (fn(&mut MediaFacts), Option<&'static str>);
    let cases: [Case; 13] = [
        (|facts| facts.format = MediaFormat::Mov, None),
        (|facts| facts.video_codec = Some("hvc1".into()), None),
        (
            |facts| facts.video_codec = Some("av01".into()),
            Some("codec"),
        ),
        (
            |facts| facts.audio_codec = Some("Opus".into()),
            Some("codec"),
        ),
        (|facts| facts.audio_codec = None, None),
        (|facts| facts.frame_rate = Some(23.0), None),
        (|facts| facts.frame_rate = Some(22.0), Some("frame_rate")),
        (|facts| facts.frame_rate = Some(60.0), None),
        (|facts| facts.frame_rate = Some(61.0), Some("frame_rate")),
        (|facts| facts.width = Some(1920), None),
        (|facts| facts.width = Some(1921), Some("too_wide")),
        (|facts| facts.height = Some(108), None),
        (|facts| facts.height = Some(107), Some("aspect_ratio")),
    ];
    for (change, expected) in cases {
        let mut facts = good_film();
        change(&mut facts);
        let expected = Vec::from_iter(expected);
        assert_eq!(
            file_codes(&film(Placement::Reel), facts.clone()),
            expected,
            "{facts:?}"
        );
    }
    let nothing = MediaFacts::of(MediaFormat::Mp4);
    assert!(file_codes(&film(Placement::Reel), nothing).is_empty());
}
