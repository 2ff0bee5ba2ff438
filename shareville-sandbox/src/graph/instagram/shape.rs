//! What a container is made for, and what goes with it (graph-api 6.1).

use super::super::error::GraphError;
use super::super::request::Request;
use crate::world::{ContainerRole, MediaKind};

/// What goes with some media and not with others.
const OPTIONS: [&str; 14] = [
    "image_url",
    "video_url",
    "children",
    "caption",
    "alt_text",
    "cover_url",
    "thumb_offset",
    "share_to_feed",
    "audio_name",
    "collaborators",
    "user_tags",
    "location_id",
    "upload_type",
    "is_ai_generated",
];

/// What a container is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Image,
    ImageItem,
    VideoItem,
    Reel,
    Story,
    Carousel,
}

impl Shape {
    /// What `media_type` and `is_carousel_item` ask for.
    pub(super) fn read(request: &Request) -> Result<Self, GraphError> {
        let item = request.flag("is_carousel_item")?.unwrap_or(false);
        let media_type = request.text("media_type");
        match (media_type.as_deref(), item) {
            (None, false) => Ok(Self::Image),
            (None, true) => Ok(Self::ImageItem),
            (Some("VIDEO"), true) => Ok(Self::VideoItem),
            (Some("REELS"), false) => Ok(Self::Reel),
            (Some("STORIES"), false) => Ok(Self::Story),
            (Some("CAROUSEL"), false) => Ok(Self::Carousel),
            (Some("VIDEO"), false) => Err(GraphError::parameter(
                "The VIDEO value for media_type is no longer supported. Use the REELS media type to publish a video",
            )),
            (Some(kind @ ("REELS" | "STORIES" | "CAROUSEL")), true) => Err(GraphError::parameter(
                format_args!("A container of media_type {kind} cannot be a carousel item"),
            )),
            (Some(other), _) => Err(GraphError::new(
                100,
                format!("The media type {other} is unknown."),
            )
            .sub(2_207_023)),
        }
    }

    /// The parameters that mean something here, beside `media_type` and `is_carousel_item`.
    fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Image => &[
                "image_url",
                "caption",
                "alt_text",
                "collaborators",
                "user_tags",
                "location_id",
                "is_ai_generated",
            ],
            Self::ImageItem => &["image_url", "alt_text", "user_tags"],
            Self::VideoItem => &["video_url", "user_tags", "upload_type"],
            Self::Reel => &[
                "video_url",
                "caption",
                "cover_url",
                "thumb_offset",
                "share_to_feed",
                "audio_name",
                "collaborators",
                "user_tags",
                "location_id",
                "upload_type",
                "is_ai_generated",
            ],
            Self::Story => &[
                "image_url",
                "video_url",
                "user_tags",
                "upload_type",
                "is_ai_generated",
            ],
            Self::Carousel => &[
                "children",
                "caption",
                "collaborators",
                "location_id",
                "is_ai_generated",
            ],
        }
    }

    pub(super) fn role(self) -> ContainerRole {
        match self {
            Self::Image => ContainerRole::Whole(MediaKind::Image),
            Self::ImageItem | Self::VideoItem => ContainerRole::CarouselItem,
            Self::Reel => ContainerRole::Whole(MediaKind::Reel),
            Self::Story => ContainerRole::Whole(MediaKind::Story),
            Self::Carousel => ContainerRole::Whole(MediaKind::Carousel),
        }
    }

    /// What a parameter says if it means something here, else nothing.
    pub(super) fn option<T: Default>(
        self,
        name: &str,
        read: impl FnOnce() -> Result<T, GraphError>,
    ) -> Result<T, GraphError> {
        if self.parameters().contains(&name) {
            read()
        } else {
            Ok(T::default())
        }
    }

    /// Refuses what would mean nothing here: Meta ignores some of it, a test should not.
    pub(super) fn check_parameters(self, request: &Request) -> Result<(), GraphError> {
        let known: Vec<&str> = ["media_type", "is_carousel_item"]
            .into_iter()
            .chain(OPTIONS)
            .collect();
        request.only(&known, true)?;
        let here = self.parameters();
        let names = request.params.keys();
        let stray = names
            .map(|name| name.split_once('[').map_or(name.as_str(), |(stem, _)| stem))
            .find(|name| OPTIONS.contains(name) && !here.contains(name));
        match stray {
            Some(name) => Err(GraphError::parameter(format_args!(
                "Param {name} is not allowed for this media (switch refuse_unknown_parameters)"
            ))),
            None => Ok(()),
        }
    }
}
