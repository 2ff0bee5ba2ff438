//! Media for Shareville: what a file is by its head, uploads in an object store, and renditions that platforms take.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bytes::Bytes;
//! use shareville_media::probe;
//!
//! let gif = Bytes::from_static(b"GIF89a\x40\x01\xf0\x00\x80\0\0\0\0\0\xff\xff\xff");
//! let facts = probe(&gif).await?;
//! assert_eq!((facts.width, facts.height), (Some(320), Some(240)));
//! # Ok(())
//! # }
//! ```
//!
//! [`MediaLibrary`] is two things: the [reader](shareville_core::media::MediaReader) by which publishers learn what a medium
//! is and where a platform can fetch it, and the [keeper](shareville_core::media::MediaKeeper) of what is uploaded. A host
//! gives it to its [builder](shareville_core::Builder) as both. One that keeps no uploads gives it a [`FetchedMedia`].
//!
//! A platform that takes only JPEG gets one of each picture that is something else: decoded, turned upright, brought to
//! sRGB, set on white where it is transparent, scaled into the limits, never cropped. It is made once, and stands beside
//! its original.
//!
//! What an upload in a cloud's store leaves behind when the process dies in its midst are parts that cost money and that
//! nobody sees: set a rule there that aborts unfinished multipart uploads after a day. In a folder the sweep finds them.

mod fetched;
mod keeper;
mod library;
mod objects;
mod picture;
mod probe;
mod reader;

pub use self::{
    fetched::FetchedMedia,
    library::{MediaLibrary, MediaOptions},
    objects::{Objects, OpenError},
    probe::{AtAddress, Parts, probe, sniff},
};
