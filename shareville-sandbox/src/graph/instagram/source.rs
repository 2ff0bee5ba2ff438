//! Where media comes from. Nothing is fetched: the address itself tells what would be found there.
//!
//! A host that ends in `.invalid` cannot be reached; the ending tells the format; `?width=…&height=…` tells the shape
//! `?bytes=…` the size, and
//! `?seconds=…` the length of a video.

use url::Url;

use super::super::error::GraphError;

/// 8 MiB (graph-api 8.4, D-IGE).
const MOST_BYTES: u64 = 8 * 1024 * 1024;

/// How an image must be shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame {
    /// 4:5 to 1.91:1, as the feed shows it (graph-api 6.2, D-IGM).
    Feed,
    /// Any shape.
    Free,
}

/// An image that Meta takes: JPEG by its ending, of a shape that fits.
pub(super) fn check_image(url: &str, frame: Frame) -> Result<(), GraphError> {
    let parsed = reachable(url)?;
    if !ending(&parsed).is_none_or(|ending| matches!(ending.as_str(), "jpg" | "jpeg")) {
        return Err(
            GraphError::new(36_001, "The image format is not supported.")
                .sub(2_207_005)
                .for_user(
                    "Invalid Image Format",
                    "The image could not be processed because its format is not supported.",
                ),
        );
    }
    if number(&parsed, "bytes").is_some_and(|bytes| bytes > MOST_BYTES) {
        return Err(GraphError::new(36_000, "The image size is too large.")
            .sub(2_207_004)
            .for_user(
                "Image size too large",
                "The image is too large to download. It should be less than 8 MiB.",
            ));
    }
    let shape = number(&parsed, "width").zip(number(&parsed, "height"));
    let fits = |(width, height): (u64, u64)| 5 * width >= 4 * height && 100 * width <= 191 * height;
    if frame == Frame::Feed && !shape.is_none_or(fits) {
        return Err(
            GraphError::new(36_003, "The aspect ratio is not supported.")
                .sub(2_207_009)
                .for_user(
                    "Invalid aspect ratio",
                    "The submitted image's aspect ratio must be between 4:5 and 1.91:1.",
                ),
        );
    }
    Ok(())
}

/// A video that Meta takes: MP4 or MOV by its ending. Its length in seconds, if the address tells it.
pub(super) fn check_video(url: &str) -> Result<Option<u64>, GraphError> {
    let parsed = reachable(url)?;
    if ending(&parsed).is_none_or(|ending| matches!(ending.as_str(), "mp4" | "mov")) {
        Ok(number(&parsed, "seconds"))
    } else {
        Err(GraphError::new(
            352,
            "The video format is not supported. Please check spec for supported MOV format",
        )
        .sub(2_207_026))
    }
}

fn reachable(url: &str) -> Result<Url, GraphError> {
    let parsed = Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let found = parsed.filter(|url| {
        url.host_str()
            .is_some_and(|host| !host.ends_with(".invalid"))
    });
    found.ok_or_else(|| {
        GraphError::new(9_004, "Only photo or video can be accepted as media type.")
            .sub(2_207_052)
            .for_user(
                "Media download has failed. The media URI doesn't meet our requirements.",
                format!(
                    "The media could not be fetched from this URI: {url}. Please check the limitations section of our \
                     development document for more information."
                ),
            )
    })
}

/// The ending of the last part of the path, in lower case.
fn ending(url: &Url) -> Option<String> {
    let name = url.path().rsplit('/').next()?;
    let (_, ending) = name.rsplit_once('.')?;
    Some(ending.to_ascii_lowercase())
}

fn number(url: &Url, name: &str) -> Option<u64> {
    let mut pairs = url.query_pairs();
    let (_, value) = pairs.find(|(key, _)| key == name)?;
    value.parse().ok()
}
