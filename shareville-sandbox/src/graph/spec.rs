//! What Meta demands of the picture of a Reel or a story.

use crate::world::{Video, VideoEdge};

/// A demand that is not met: the subcode, and Meta's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpecFailure {
    pub(super) subcode: u32,
    pub(super) message: &'static str,
}

/// The narrowest and lowest picture.
const LEAST_PIXELS: (u32, u32) = (540, 960);
/// How far width by height may be from 9:16; encoders round to even numbers.
const RATIO_SLACK: f64 = 0.02;

/// The first demand that the video does not meet. What nobody knows of it counts as met.
pub(super) fn failure(video: &Video) -> Option<SpecFailure> {
    let longest = match video.edge {
        VideoEdge::Videos => return None,
        VideoEdge::Reels => 90.0,
        VideoEdge::Stories => 60.0,
    };
    if !video.upload.is_complete() {
        return None;
    }
    let fail = |subcode, message| Some(SpecFailure { subcode, message });
    let shape = &video.shape;
    if let Some((width, height)) = shape.pixels {
        if (f64::from(width) / f64::from(height.max(1)) - 9.0 / 16.0).abs() > RATIO_SLACK {
            return fail(1_363_040, "Aspect ratio not supported. Video must be 9:16.");
        }
        if width < LEAST_PIXELS.0 || height < LEAST_PIXELS.1 {
            return fail(
                1_363_127,
                "Resolution too low. Video must have a minimum resolution of 540p.",
            );
        }
    }
    if shape
        .seconds
        .is_some_and(|seconds| !(3.0..=longest).contains(&seconds))
    {
        return fail(1_363_128, "The length of the video is not supported.");
    }
    if shape
        .frames_per_second
        .is_some_and(|rate| !(24.0..=60.0).contains(&rate))
    {
        return fail(
            1_363_129,
            "Frame rate not supported. It must be between 24 and 60 frames per second.",
        );
    }
    None
}
