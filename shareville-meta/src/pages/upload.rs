//! Getting a film to the address that Facebook has named for it: by saying where it is, or else by its bytes.
//!
//! Source: graph-api.md 5.7 (D-REEL; field trypost#361).

use bytes::Bytes;
use shareville_core::{
    failure::{Failure, FailureClass},
    media::MediaForm,
    publisher::{Job, Prepared},
};
use url::Url;

use super::{
    FacebookPages,
    film::{MAX_CHUNK_BYTES, media_changed, read_part, unfit},
    prepare::{about_medium, failed_anew},
    progress::Session,
    route::only_medium,
    session::Edge,
    status::Uploading,
};
use crate::{
    address::{self, Address, MediaHosts},
    graph::{Acknowledged, Auth, Need, UploadAddress},
};

/// What the host for uploads says of bytes that are not the whole file: it has kept them, and waits for the rest.
const PARTIAL: &str = "PartialRequestError";

/// Where a film is.
enum Film {
    /// Where Facebook can fetch it; as it can stand in a header.
    Public(Url),
    /// Where only we can read it.
    Here,
}

/// What Facebook has of a film that is sent by its bytes.
enum Received {
    /// So many of its bytes.
    Bytes(u64),
    /// All of it.
    All,
    /// The upload has come to nothing.
    Dead(Failure),
}

impl FacebookPages {
    /// The next step towards Facebook having the film.
    pub(super) async fn send_film(&self, job: &Job, edge: Edge, session: Session) -> Prepared {
        let Some(address) = self.graph.upload_address(&session.address) else {
            let failure = Failure::new(
                FailureClass::Unknown,
                "Facebook has named an address for the video that is not its own, so nothing was sent there. Look at \
                 the server's settings, then publish the post again.",
            )
            .with_code("upload_address_refused");
            return failed_anew(about_medium(failure, &job.post.content, 0));
        };
        match self.locate(job).await {
            Ok(Film::Public(film)) => self.tell(job, edge, session, address, film).await,
            Ok(Film::Here) => self.send_bytes(job, edge, session, address).await,
            Err(failure) => broken_off(job, edge, session, failure),
        }
    }

    /// `POST {upload_url}` with the film's address in a header: in a body it is refused. Whoever had told it before may
    /// have died with the answer: then Facebook has the film, or is fetching it.
    async fn tell(
        &self,
        job: &Job,
        edge: Edge,
        session: Session,
        address: UploadAddress,
        film: Url,
    ) -> Prepared {
        match self.received(job, &session).await {
            // Bytes that were not sent from here are being fetched.
            Ok(Received::Bytes(bytes)) if bytes > 0 && session.offset.is_none() => {
                return self.sent(job, edge, session);
            }
            Ok(Received::All) => return self.sent(job, edge, session),
            Ok(Received::Dead(failure)) => {
                return failed_anew(about_medium(failure, &job.post.content, 0));
            }
            // Told twice it is the same film, in the same place.
            Ok(Received::Bytes(_)) => {}
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => return broken_off(job, edge, session, failure),
        }
        let told = self
            .graph
            .upload(address, self.upload_auth(job))
            .with_header("file_url", film)
            .send::<Acknowledged>()
            .await;
        match told {
            Ok(_) => self.sent(job, edge, session),
            Err(error) => {
                let failure = of_upload(self.graph.failure(&error));
                // Nobody knows what became of the upload, and another one costs nothing.
                match failure.class {
                    FailureClass::Transient => {
                        failed_anew(about_medium(failure, &job.post.content, 0))
                    }
                    _ => broken_off(job, edge, session, failure),
                }
            }
        }
    }

    /// `POST {upload_url}` with the bytes that Facebook does not have yet, or as many of them as fit.
    async fn send_bytes(
        &self,
        job: &Job,
        edge: Edge,
        mut session: Session,
        address: UploadAddress,
    ) -> Prepared {
        let offset = match self.received(job, &session).await {
            Ok(Received::Bytes(offset)) => offset,
            Ok(Received::All) => return self.sent(job, edge, session),
            Ok(Received::Dead(failure)) => {
                return failed_anew(about_medium(failure, &job.post.content, 0));
            }
            Err(failure) if failure.class == FailureClass::NotFound => {
                return self.ask_again(job, edge, session);
            }
            Err(failure) => return broken_off(job, edge, session, failure),
        };
        if session.offset == Some(offset) {
            // The next attempt begins with what is there by then.
            session.offset = None;
            let why =
                "Facebook does not keep what is sent of the video. It is tried again by itself.";
            return broken_off(
                job,
                edge,
                session,
                Failure::new(FailureClass::Transient, why),
            );
        }
        let (bytes, size) = match part_of(job, offset).await {
            Ok(part) => part,
            Err(failure) => return broken_off(job, edge, session, failure),
        };
        session.offset = Some(offset);
        let end = u64::try_from(bytes.len()).map(|sent| offset.saturating_add(sent));
        let is_last = end == Ok(size);
        let sent = self
            .graph
            .upload(address, self.upload_auth(job))
            .with_header("offset", offset.to_string())
            .with_header("file_size", size.to_string())
            .with_body(bytes)
            .send::<Acknowledged>()
            .await;
        match sent {
            Ok(_) if is_last => self.sent(job, edge, session),
            // It has taken a part: from where to go on, it is asked.
            Ok(_) => Prepared::Continue(edge.kept(session).keep(job, None)),
            Err(error) if error.error_type.as_deref() == Some(PARTIAL) => {
                Prepared::Continue(edge.kept(session).keep(job, None))
            }
            Err(error) => {
                // Whatever came of it, Facebook says from where to go on.
                session.offset = None;
                match self.graph.failure(&error) {
                    unknown if unknown.class == FailureClass::Unknown => {
                        let failure = of_upload(unknown);
                        failed_anew(about_medium(failure, &job.post.content, 0))
                    }
                    failure => broken_off(job, edge, session, failure),
                }
            }
        }
    }

    /// Facebook has the film, or fetches it: next it is asked whether it has all of it.
    fn sent(&self, job: &Job, edge: Edge, mut session: Session) -> Prepared {
        session.sent_at = Some(self.graph.now());
        Prepared::Continue(edge.kept(session).keep(job, None))
    }

    /// What Facebook has of the film. Of one that was just begun, nothing.
    async fn received(&self, job: &Job, session: &Session) -> Result<Received, Failure> {
        if session.offset.is_none() && session.polls == 0 && !job.resumed {
            return Ok(Received::Bytes(0));
        }
        let video = match self.read_video(job, &session.video, Need::Ordinary).await {
            Ok(video) => video,
            Err(error) => return Err(self.graph.failure(&error)),
        };
        Ok(match video.uploading(self.graph.now()) {
            Uploading::Complete => Received::All,
            Uploading::Underway => Received::Bytes(video.received()),
            Uploading::Failed(failure) => Received::Dead(failure),
        })
    }

    /// Where the film is. What Facebook cannot reach by the look of its address is sent by its bytes.
    async fn locate(&self, job: &Job) -> Result<Film, Failure> {
        let source = &only_medium(&job.post.content)?.source;
        let addressed = job
            .media
            .address(job.post.tenant, source, MediaForm::AsItIs)
            .await
            .map_err(|error| error.failure())?;
        let is_reachable = match address::read(&addressed.url) {
            Address::Http { public, .. } => public || self.media_hosts == MediaHosts::Any,
            Address::Malformed | Address::WithCredentials => false,
        };
        match (is_reachable, Url::parse(&addressed.url)) {
            (true, Ok(url)) => Ok(Film::Public(url)),
            _ => Ok(Film::Here),
        }
    }

    /// In the Page's name, as the host for uploads wants it.
    #[expect(clippy::unused_self, reason = "reads better where it is used")]
    const fn upload_auth<'a>(&self, job: &'a Job) -> Auth<'a> {
        Auth::Upload(&job.access.token, &job.access.app)
    }
}

/// The bytes from an offset on, as many as fit, and how many there are in all.
async fn part_of(job: &Job, offset: u64) -> Result<(Bytes, u64), Failure> {
    let source = &only_medium(&job.post.content)?.source;
    let facts = job
        .media
        .facts(job.post.tenant, source)
        .await
        .map_err(|error| error.failure())?;
    let Some(size) = facts.bytes else {
        let why = "Nobody knows how many bytes the video has: its server must tell its length.";
        return Err(unfit("media_unreadable", why));
    };
    let end = size.min(offset.saturating_add(MAX_CHUNK_BYTES));
    if offset >= end {
        return Err(media_changed());
    }
    Ok((read_part(job, source, offset..end).await?, size))
}

/// What the host for uploads says that nobody knows: another upload costs nothing, and is seen by nobody.
fn of_upload(failure: Failure) -> Failure {
    match failure.class {
        FailureClass::Unknown => Failure {
            platform: failure.platform,
            ..Failure::new(
                FailureClass::Transient,
                "Facebook did not take the video, and does not say why. It is sent again by itself.",
            )
        },
        _ => failure,
    }
}

/// It did not go through. What can be tried again goes on with the same upload; for all else another one is begun.
fn broken_off(job: &Job, edge: Edge, session: Session, failure: Failure) -> Prepared {
    let goes_on = matches!(
        failure.class,
        FailureClass::Transient | FailureClass::RateLimited { .. } | FailureClass::Reauthorize
    );
    Prepared::Failed {
        failure: about_medium(failure, &job.post.content, 0),
        progress: goes_on.then(|| edge.kept(session).keep(job, None)),
    }
}
