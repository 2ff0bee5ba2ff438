//! Media for Shareville: what a file is, by its head.
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

mod probe;

pub use self::probe::{AtAddress, Parts, probe, sniff};
