//! Fetches parts of media.

use std::{ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::{Buf as _, Bytes};
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, RANGE},
};
use shareville_core::media::{Fetched, MediaError, MediaFetcher};
use url::Url;

use crate::client::{GuardedClient, Refused};

/// How long fetching one part may take.
const TIME: Duration = Duration::from_secs(30);

/// The longest part that may be asked for, in bytes.
const MAX_PART: u64 = 64 * 1024 * 1024;

/// Fetches parts of media by HTTP (RFC 9110, 14: range requests). A server that knows no ranges is read from the
/// beginning, where the part is near enough to it.
#[derive(Debug, Clone)]
pub struct HttpFetcher {
    client: GuardedClient,
}

/// Why a part could not be fetched.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("its address is none: {0}")]
    NoUrl(#[source] url::ParseError),
    #[error("its address {0}")]
    Refused(#[source] Refused),
    #[error("the server answered with the HTTP status {0}")]
    Status(u16),
    #[error("the server sends the whole file only, and the part is too far from its beginning")]
    NoRanges,
    #[error("the server sent another part than that which was asked for")]
    OtherPart,
    #[error("no answer came in time")]
    TimedOut,
    #[error("it could not be read")]
    Http(#[source] reqwest::Error),
}

impl HttpFetcher {
    /// A fetcher that calls with this client.
    #[must_use]
    pub const fn new(client: GuardedClient) -> Self {
        Self { client }
    }

    async fn part(&self, url: &str, range: &Range<u64>) -> Result<Fetched, Trouble> {
        let url: Url = url.parse().map_err(Trouble::NoUrl)?;
        let last = range.end.saturating_sub(1);
        let answer = self
            .client
            .request(Method::GET, &url)
            .map_err(Trouble::Refused)?
            .header(RANGE, format!("bytes={}-{last}", range.start))
            // Parts of what is packed would be parts of something else.
            .header(ACCEPT_ENCODING, "identity")
            .send()
            .await
            .map_err(trouble)?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (start, total) = content_range(answer.headers()).ok_or(Trouble::OtherPart)?;
                if start != range.start {
                    return Err(Trouble::OtherPart);
                }
                let bytes = read(answer, 0, range.end - range.start).await?;
                Ok(Fetched { bytes, total })
            }
            StatusCode::OK => {
                let total = length(answer.headers());
                if range.end > MAX_PART {
                    return Err(Trouble::NoRanges);
                }
                let bytes = read(answer, range.start, range.end - range.start).await?;
                Ok(Fetched { bytes, total })
            }
            // It ends before.
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Fetched {
                bytes: Bytes::new(),
                total: unsatisfied(answer.headers()),
            }),
            status => Err(Trouble::Status(status.as_u16())),
        }
    }
}

#[async_trait]
impl MediaFetcher for HttpFetcher {
    async fn fetch(&self, url: &str, range: Range<u64>) -> Result<Fetched, MediaError> {
        if range.is_empty() {
            return Ok(Fetched {
                bytes: Bytes::new(),
                total: None,
            });
        }
        let range = range.start..range.end.min(range.start.saturating_add(MAX_PART));
        let fetched = tokio::time::timeout(TIME, self.part(url, &range)).await;
        fetched
            .unwrap_or(Err(Trouble::TimedOut))
            .map_err(|trouble| MediaError::Unreachable(trouble.into()))
    }
}

/// Reads `wanted` bytes after the first `skipped`; the connection is closed where there are more.
async fn read(mut answer: Response, skipped: u64, wanted: u64) -> Result<Bytes, Trouble> {
    let mut left_to_skip = usize::try_from(skipped).unwrap_or(usize::MAX);
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    while let Some(mut chunk) = answer.chunk().await.map_err(trouble)? {
        let skip = left_to_skip.min(chunk.len());
        left_to_skip -= skip;
        chunk.advance(skip);
        chunk.truncate(wanted - bytes.len());
        bytes.extend_from_slice(&chunk);
        if bytes.len() == wanted {
            break;
        }
    }
    Ok(bytes.into())
}

/// `bytes 0-99/1000` or `bytes 0-99/*`: where the part begins, and how long the whole is.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, total) = value(headers)?.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

/// `bytes */1000`.
fn unsatisfied(headers: &HeaderMap) -> Option<u64> {
    value(headers)?.strip_prefix("bytes */")?.parse().ok()
}

fn value(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_RANGE)?.to_str().ok()
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn trouble(error: reqwest::Error) -> Trouble {
    match Refused::behind(&error) {
        Some(refused) => Trouble::Refused(refused),
        // Its address may hold what opens it.
        None => Trouble::Http(error.without_url()),
    }
}
