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

/// How long fetching one part may take, in however many requests.
const TIME: Duration = Duration::from_secs(30);

/// The most that is asked for in one request, in bytes.
const MAX_ASKED: u64 = 64 * 1024 * 1024;

/// In how many requests a part is fetched: a server may send less than it is asked for.
const MAX_REQUESTS: usize = 16;

/// Fetches parts of media by HTTP (RFC 9110, 14: range requests).
///
/// A server that knows no ranges is read from the beginning, where the part is near enough to it. One that sends less than
/// was asked for is asked for the rest.
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
    #[error("the server sends the part in too many pieces")]
    Piecemeal,
    #[error("no answer came in time")]
    TimedOut,
    #[error("it could not be read")]
    Http(#[source] reqwest::Error),
}

impl Trouble {
    /// Whether it may go away by itself.
    const fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut | Self::Http(_) | Self::Refused(Refused::NameUnknown) => true,
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::NoUrl(_)
            | Self::Refused(_)
            | Self::NoRanges
            | Self::OtherPart
            | Self::Piecemeal => false,
        }
    }
}

impl From<Trouble> for MediaError {
    fn from(trouble: Trouble) -> Self {
        match trouble.may_pass() {
            true => Self::NotAnswering(trouble.into()),
            false => Self::Unreachable(trouble.into()),
        }
    }
}

impl HttpFetcher {
    /// A fetcher that calls with this client.
    #[must_use]
    pub const fn new(client: GuardedClient) -> Self {
        Self { client }
    }

    async fn part(&self, url: &str, range: Range<u64>) -> Result<Fetched, Trouble> {
        let url: Url = url.parse().map_err(Trouble::NoUrl)?;
        let mut pieces = Vec::new();
        let mut at = range.start;
        for _ in 0..MAX_REQUESTS {
            let asked = at..range.end.min(at.saturating_add(MAX_ASKED));
            let Fetched { bytes, total } = self.piece(&url, &asked).await?;
            let is_short = (bytes.len() as u64) < asked.end - asked.start;
            at = at.saturating_add(bytes.len() as u64);
            pieces.push(bytes);
            let is_end = total.map_or(is_short, |total| at >= total);
            if at >= range.end || is_end {
                let bytes = match &mut pieces[..] {
                    [whole] => std::mem::take(whole),
                    pieces => pieces.concat().into(),
                };
                return Ok(Fetched { bytes, total });
            }
        }
        Err(Trouble::Piecemeal)
    }

    /// What the server sends of a part when it is asked once.
    async fn piece(&self, url: &Url, range: &Range<u64>) -> Result<Fetched, Trouble> {
        let last = range.end.saturating_sub(1);
        let answer = self
            .client
            .request(Method::GET, url)
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
                if range.end > MAX_ASKED {
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
        let fetched = tokio::time::timeout(TIME, self.part(url, range)).await;
        Ok(fetched.unwrap_or(Err(Trouble::TimedOut))?)
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
