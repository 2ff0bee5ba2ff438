//! A film in the feed: what it becomes, and towards a video of which Facebook has every byte, chunk by chunk.
//!
//! Source: graph-api.md 5.6 (D-VID; fixtures PHPSDK, RESTFB; field restfb#737).

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use shareville_core::{
    failure::{Failure, FailureClass},
    media::{MediaFacts, MediaSource},
    publisher::{Job, Prepared},
};

use super::{
    FacebookPages,
    prepare::{about_medium, failed_anew},
    progress::{Chunks, Kept},
    route::{Film, TOO_LONG, UNREADABLE, only_medium},
    session::Edge,
};
use crate::{
    error::{GraphError, Step},
    graph::{Host, id_text},
};

/// The most bytes of a chunk, which are held in memory.
pub(super) const MAX_CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// How often Facebook may say from where to go on before that counts as a failure.
const MAX_RESUMED: u8 = 8;

/// The answer to `upload_phase=start`.
#[derive(Debug, Deserialize)]
struct Started {
    #[serde(deserialize_with = "id_text")]
    video_id: String,
    #[serde(deserialize_with = "id_text")]
    upload_session_id: String,
    #[serde(flatten)]
    next: Offsets,
}

/// Where the next chunk begins and ends, as texts or numbers; equal when there is none.
#[derive(Debug, Deserialize)]
struct Offsets {
    start_offset: Value,
    end_offset: Value,
}

impl FacebookPages {
    /// Reads what the film is, and begins to send it the way that its shape asks for.
    pub(super) async fn begin_film(&self, job: &Job) -> Prepared {
        let content = &job.post.content;
        let source = match only_medium(content) {
            Ok(media) => &media.source,
            Err(failure) => return failed_anew(failure),
        };
        let facts = match job.media.facts(job.post.tenant, source).await {
            Ok(facts) => facts,
            Err(error) => return failed_anew(about_medium(error.failure(), content, 0)),
        };
        let (code, why) = match Film::of(&facts) {
            Film::Video => return self.start_chunks(job, &facts).await,
            Film::Reel => return self.begin_session(job, Edge::Reels).await,
            Film::TooLong => ("vertical_too_long", TOO_LONG),
            Film::Unknown => ("media_unreadable", UNREADABLE),
        };
        failed_anew(about_medium(unfit(code, why), content, 0))
    }

    /// `upload_phase=start`: an upload of so many bytes.
    async fn start_chunks(&self, job: &Job, facts: &MediaFacts) -> Prepared {
        let content = &job.post.content;
        let Some(size) = facts.bytes.filter(|size| *size > 0) else {
            let why = "Nobody knows how many bytes the video has: its server must tell its length.";
            return failed_anew(about_medium(unfit("media_unreadable", why), content, 0));
        };
        let started = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "videos"],
                self.auth(job),
            )
            .at(Host::GraphVideo)
            .with("upload_phase", "start")
            .with("file_size", size.to_string())
            .send::<Started>()
            .await;
        let started = match started {
            Ok(started) => started,
            // An upload that was begun and that nobody knows of is never finished.
            Err(error) => {
                let failure = self.graph.failure(&error);
                return failed_anew(about_medium(failure, content, 0));
            }
        };
        let Some((start, end)) = started.next.read() else {
            return failed_anew(about_medium(no_offsets(), content, 0));
        };
        let chunks = Chunks {
            video: started.video_id,
            session: started.upload_session_id,
            size,
            start,
            end,
            resumed: 0,
            since: self.graph.now(),
        };
        Prepared::Continue(Kept::Video(chunks).keep(job, None))
    }

    /// `upload_phase=transfer`: the chunk that Facebook has asked for; or all is there.
    pub(super) async fn send_chunk(&self, job: &Job, mut chunks: Chunks) -> Prepared {
        if chunks.is_complete() {
            let object = Some(chunks.video.clone());
            return Prepared::Ready(Kept::Video(chunks).keep(job, object));
        }
        match self.transfer(job, &chunks).await {
            Ok((start, end)) if start > chunks.start || start == end => {
                (chunks.start, chunks.end) = (start, end);
                Prepared::Continue(Kept::Video(chunks).keep(job, None))
            }
            Ok(_) => {
                let why = "Facebook asks for the same part of the video again and again. It is tried again by itself.";
                let failure = Failure::new(FailureClass::Transient, why);
                failed_anew(about_medium(failure, &job.post.content, 0))
            }
            Err(Broken::Resume(start, end)) if chunks.resumed < MAX_RESUMED => {
                chunks.resumed += 1;
                (chunks.start, chunks.end) = (start, end);
                Prepared::Continue(Kept::Video(chunks).keep(job, None))
            }
            Err(broken) => {
                let (failure, goes_on) = broken.failure();
                Prepared::Failed {
                    failure: about_medium(failure, &job.post.content, 0),
                    progress: goes_on.then(|| Kept::Video(chunks).keep(job, None)),
                }
            }
        }
    }

    async fn transfer(&self, job: &Job, chunks: &Chunks) -> Result<(u64, u64), Broken> {
        let source = &only_medium(&job.post.content).map_err(Broken::Over)?.source;
        let bytes = read_chunk(job, source, chunks).await?;
        let answer = self
            .graph
            .post(
                Step::Prepare,
                &[&job.account.platform_id, "videos"],
                self.auth(job),
            )
            .at(Host::GraphVideo)
            .with("upload_phase", "transfer")
            .with("upload_session_id", &chunks.session)
            .with("start_offset", chunks.start.to_string())
            .with_file("video_file_chunk", bytes)
            .send::<Offsets>()
            .await;
        match answer {
            Ok(offsets) => offsets.read().ok_or_else(|| Broken::Over(no_offsets())),
            Err(error) => Err(self.broken(&error, chunks)),
        }
    }

    /// What a refused or lost chunk means for the upload.
    fn broken(&self, error: &GraphError, chunks: &Chunks) -> Broken {
        let asks_to_resume = error.code == Some(6001) || error.subcode == Some(1_363_037);
        if let (true, Some(start)) = (asks_to_resume, error.start_offset) {
            let end = error.end_offset.unwrap_or(chunks.size);
            return Broken::Resume(start.min(chunks.size), end.min(chunks.size));
        }
        let failure = self.graph.failure(error);
        // The file's own trouble, or an upload that has come to an end: the next one begins anew (graph-api.md 8.4).
        let is_over =
            error.code == Some(6000) || matches!(error.subcode, Some(1_363_019 | 1_363_030));
        match failure.class {
            FailureClass::Transient if is_over => Broken::Over(failure),
            // Whether or not the chunk came: Facebook says from where to go on.
            FailureClass::Transient
            | FailureClass::RateLimited { .. }
            | FailureClass::Reauthorize => Broken::Later(failure),
            _ => Broken::Over(failure),
        }
    }
}

/// Why a chunk did not go through.
enum Broken {
    /// Facebook says where the next one begins and ends.
    Resume(u64, u64),
    /// The same chunk can be sent again.
    Later(Failure),
    /// The upload has come to nothing.
    Over(Failure),
}

impl Broken {
    /// The failure, and whether the upload goes on.
    fn failure(self) -> (Failure, bool) {
        match self {
            Self::Resume(..) => {
                let why = "Facebook has asked too often for another part of the video. It is tried again by itself.";
                (Failure::new(FailureClass::Transient, why), false)
            }
            Self::Later(failure) => (failure, true),
            Self::Over(failure) => (failure, false),
        }
    }
}

/// The bytes of a chunk: as many as Facebook has asked for, or as fit.
async fn read_chunk(job: &Job, source: &MediaSource, chunks: &Chunks) -> Result<Bytes, Broken> {
    let longest = chunks.start.saturating_add(MAX_CHUNK_BYTES);
    let end = chunks.end.min(chunks.size).min(longest);
    let read = read_part(job, source, chunks.start..end).await;
    read.map_err(|failure| match failure.class {
        FailureClass::Transient => Broken::Later(failure),
        _ => Broken::Over(failure),
    })
}

/// The bytes of a part, and no fewer.
pub(super) async fn read_part(
    job: &Job,
    source: &MediaSource,
    range: Range<u64>,
) -> Result<Bytes, Failure> {
    let wanted = range.end.saturating_sub(range.start);
    let read = job.media.read(job.post.tenant, source, range).await;
    let bytes = read.map_err(|error| error.failure())?;
    match u64::try_from(bytes.len()) == Ok(wanted) {
        true => Ok(bytes),
        false => Err(media_changed()),
    }
}

pub(super) fn media_changed() -> Failure {
    Failure::new(
        FailureClass::Content { retryable: true },
        "The file is no longer as long as it was when sending it began: leave it as it is until the post is published.",
    )
    .with_code("media_changed")
}

impl Chunks {
    const fn is_complete(&self) -> bool {
        self.start >= self.end || self.start >= self.size
    }
}

impl Offsets {
    fn read(&self) -> Option<(u64, u64)> {
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        Some((number(&self.start_offset)?, number(&self.end_offset)?))
    }
}

pub(super) fn unfit(code: &str, why: &str) -> Failure {
    Failure::new(FailureClass::Content { retryable: false }, why).with_code(code)
}

fn no_offsets() -> Failure {
    Failure::new(
        FailureClass::Transient,
        "Facebook did not say which part of the video it wants next. It is tried again by itself.",
    )
}
