//! Bluesky, over the AT Protocol: all that it takes to publish to another network exactly once, in one file.
//!
//! To add a network of your own, answer the questions that a [`Publisher`] asks, in this order:
//!
//! 1. **Which call makes a post visible, and which name does it have before?** Everything else follows from that. Law 2
//!    of Shareville says that *a commit names an object that exists at the platform*, so that whoever finds the mark of
//!    a commit can look at that very object, and can do nothing but the same call on it. A Facebook Page has unpublished
//!    posts for that. Bluesky has nothing unpublished, but it has something better: the client chooses the *record key*
//!    under which a record is written. A repository has one record, or none, under each key, so the key is the
//!    object: it exists before its record does, as an empty place that only this post can fill. The key is made from
//!    the post's id alone, so that no crash, no edit and no second worker can ever come to another.
//! 2. **What can be prepared, unseen?** Here the key, and the record itself word for word: a repeated commit writes the
//!    same bytes, which the server takes for what it is, nothing new.
//! 3. **How does one find out what became of a commit?** By reading the record under the key.
//! 4. **When has a failed call certainly done nothing?** See [`Trouble::did_nothing`]; all else is looked up.
//!
//! The engine does the rest: marks, leases, retries, rate limits, back-off. So nothing here re-sends anything.
//!
//! Sources, as of August 2026, all below <https://github.com/bluesky-social/atproto/blob/main>: the lexicons
//! `lexicons/com/atproto/repo/{putRecord,getRecord,deleteRecord}.json` and `lexicons/app/bsky/feed/post.json`, and the
//! reference server, `packages/pds/src/api/com/atproto/repo/putRecord.ts`. Keys: <https://atproto.com/specs/tid>.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat};
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use shareville::{
    Capabilities, CommentEvidence, Commented, Committed, Content, Deadline, Evidence, Failure,
    FailureClass, Job, LimitScope, Placement, PlacementLimits, Post, PostId, Prepared, Progress,
    Provider, Published, Publisher, Repeat, Timestamp, Violation, core::clock::TooLate,
};
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

/// The kind of record that a post is.
const COLLECTION: &str = "app.bsky.feed.post";

/// The longest text, in what people take for characters, and in bytes. Source: `lexicons/app/bsky/feed/post.json`.
const MAX_GRAPHEMES: usize = 300;
const MAX_BYTES: usize = 3000;

/// The version of what is kept in [`Progress::data`]: raise it when that changes, and old progress is made anew.
const VERSION: u16 = 1;

/// How long a call may take; a commit's own deadline may end it sooner.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read: a record is far below.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What Bluesky, or this publisher, has no room for.
const NOT_SUPPORTED: &str = "not_supported_by_platform";

/// Publishes to the accounts of one personal data server (PDS). It holds no state: clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Bluesky {
    client: reqwest::Client,
    service: Url,
    capabilities: Capabilities,
}

impl Bluesky {
    /// Calls the server at `service`, such as `https://bsky.social`.
    ///
    /// The client must send each call once and nowhere else (law 7): a retry could publish twice, a redirect could carry
    /// the token away.
    pub(crate) fn at(service: Url) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        let mut feed = PlacementLimits::of(Placement::Feed);
        feed.max_caption_chars = MAX_GRAPHEMES;
        feed.links = true;
        feed.text_alone = true;
        let mut capabilities = Capabilities::default();
        capabilities.placements = vec![feed];
        capabilities.deletes_published = true;
        Ok(Self {
            client,
            service,
            capabilities,
        })
    }

    /// Where people find Bluesky's accounts, as our accounts and connections name it.
    pub(crate) fn name() -> Provider {
        Provider::new("bluesky")
    }

    /// A call of a method such as `com.atproto.repo.getRecord`: GET reads, POST writes.
    pub(crate) fn call(&self, verb: Method, method: &str) -> RequestBuilder {
        let mut url = self.service.clone();
        // An http URL always has path segments; with any other, the client sends nothing and says so.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["xrpc", method]);
        }
        self.client.request(verb, url)
    }

    /// Sends a call, once, and reads its answer. A token goes into the header, and nowhere else.
    pub(crate) async fn send(
        &self,
        call: RequestBuilder,
        token: Option<&SecretString>,
    ) -> Result<Value, Trouble> {
        let call = match token {
            Some(token) => call.bearer_auth(token.expose_secret()),
            None => call,
        };
        let sent = call.timeout(PATIENCE).send().await;
        let mut response =
            sent.map_err(|error| match error.is_connect() || error.is_builder() {
                true => Trouble::NotSent,
                false => Trouble::Unanswered,
            })?;
        let (status, until) = (response.status(), limited_until(response.headers()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Trouble::Unanswered)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(Trouble::Unanswered);
            }
        }
        if body.is_empty() {
            body.extend(b"null");
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(answer) if status == StatusCode::OK => Ok(answer),
            Ok(answer) => Err(Trouble::answered(status, &answer["error"], until)),
            // Not the server's own words: something on the way has answered for it.
            Err(_) => Err(Trouble::Unanswered),
        }
    }

    /// Empties a key; with a hash, only if that very record stands under it.
    async fn empty(&self, job: &Job, key: &str, cid: Option<String>) -> Result<(), Failure> {
        let repo = &job.account.platform_id;
        let mut body = json!({ "repo": repo, "collection": COLLECTION, "rkey": key });
        if let Some(cid) = cid {
            body["swapRecord"] = cid.into();
        }
        let call = self.call(Method::POST, "com.atproto.repo.deleteRecord");
        let deleted = self.send(call.json(&body), Some(&job.access.token)).await;
        deleted.map(drop).map_err(|trouble| trouble.failure())
    }

    /// What stands under the key that was prepared.
    async fn find(&self, job: &Job, key: &str, prepared: &Value) -> Result<Found, Trouble> {
        let repo = job.account.platform_id.as_str();
        let place = [("repo", repo), ("collection", COLLECTION), ("rkey", key)];
        let call = self.call(Method::GET, "com.atproto.repo.getRecord");
        let found = self.send(call.query(&place), Some(&job.access.token)).await;
        match found {
            Ok(answer) if answer["value"] == *prepared => Ok(Found::Ours {
                cid: answer["cid"].as_str().map(str::to_owned),
            }),
            Ok(answer) if answer["value"].is_object() => Ok(Found::Another),
            Ok(_) => Err(Trouble::Unanswered),
            Err(trouble) => match trouble.class() {
                FailureClass::NotFound => Ok(Found::Nothing),
                _ => Err(trouble),
            },
        }
    }
}

/// What stands under a key.
enum Found {
    /// The record that was prepared; `cid` is its hash.
    Ours { cid: Option<String> },
    /// Some other record: never to be overwritten, and never to be deleted.
    Another,
    /// Nothing.
    Nothing,
}

/// Why a call did not work.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It was not sent: no connection was made.
    NotSent,
    /// It may have been sent, and there is no answer that tells.
    Unanswered,
    /// The server itself answered with an error.
    Refused {
        status: StatusCode,
        class: FailureClass,
    },
}

impl Trouble {
    /// An answer that is an error: `{"error": "Name", "message": "…"}`. Source: <https://atproto.com/specs/xrpc>.
    ///
    /// Only the names count that the reference server gives *before* it begins to write, with a status of 4xx. Its
    /// `InvalidSwap` is not among them: under our key stands a record already, and it may well be ours.
    fn answered(status: StatusCode, name: &Value, until: Option<Timestamp>) -> Self {
        let class = match name.as_str() {
            Some("ExpiredToken" | "InvalidToken" | "AuthMissing" | "AuthenticationRequired") => {
                FailureClass::Reauthorize
            }
            Some("RateLimitExceeded") => FailureClass::RateLimited {
                until,
                scope: LimitScope::Account,
            },
            Some("AccountTakedown" | "AccountDeactivated") => FailureClass::Blocked,
            Some("InvalidRequest" | "PayloadTooLarge") => {
                FailureClass::Content { retryable: false }
            }
            Some("RecordNotFound") => FailureClass::NotFound,
            _ => return Self::Unanswered,
        };
        match status.is_client_error() {
            true => Self::Refused { status, class },
            false => Self::Unanswered,
        }
    }

    /// Whether the call has certainly done nothing (law 4). Say yes only where you can prove it: a wrong yes loses
    /// or doubles a post, a wrong no costs a look.
    const fn did_nothing(&self) -> bool {
        !matches!(self, Self::Unanswered)
    }

    const fn class(&self) -> FailureClass {
        match self {
            Self::NotSent | Self::Unanswered => FailureClass::Transient,
            Self::Refused { class, .. } => *class,
        }
    }

    /// The same for people. The server's own words are left out: they could repeat a secret.
    pub(crate) fn failure(&self) -> Failure {
        let message = match self.class() {
            FailureClass::Reauthorize => "Bluesky no longer takes the login: connect again.",
            FailureClass::RateLimited { .. } => "Bluesky wants to be left alone for a while.",
            FailureClass::Blocked => "Bluesky has taken this account down, or it is deactivated.",
            FailureClass::Content { .. } => "Bluesky does not take this post as it is: change it.",
            FailureClass::NotFound => "Bluesky does not know this post.",
            _ => "Bluesky could not be reached, or did not answer.",
        };
        let mut failure = Failure::new(self.class(), message);
        if let Self::Refused { status, .. } = self {
            let platform = failure.platform.get_or_insert_default();
            platform.code = Some(status.as_u16().into());
        }
        failure
    }
}

/// When calls are welcome again, in seconds since 1970. Source: `packages/xrpc-server/src/rate-limiter-http.ts`.
fn limited_until(headers: &HeaderMap) -> Option<Timestamp> {
    let reset = headers.get("ratelimit-reset")?.to_str().ok()?;
    DateTime::from_timestamp(reset.parse().ok()?, 0)
}

/// The record key of a post, from its id alone: a TID, which is 53 bits of microseconds and 10 bits that tell writers
/// apart, in 13 characters of base 32. Source: <https://atproto.com/specs/tid>.
///
/// The id (a UUID of version 7) has the milliseconds, and a counter that tells the posts of one millisecond apart. Two
/// posts might still come to one key, once in a million that two processes make for one account in one millisecond:
/// then the second finds the key taken, and fails as `outcome_unknown` without touching the first.
pub(crate) fn record_key(post: PostId) -> String {
    const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
    let id = post.as_uuid().as_u128();
    let (millis, counter) = (id >> 80, id >> 32);
    let (micros, writer) = (millis * 1000 + (counter >> 10) % 1000, counter % 1024);
    let tid = (micros % (1 << 53)) << 10 | writer;
    let digits = (0..13).rev().map(|place| (tid >> (5 * place)) % 32);
    digits
        .map(|digit| char::from(ALPHABET[digit as usize]))
        .collect()
}

/// The record that a post becomes. Source: `lexicons/app/bsky/feed/post.json` and `.../embed/external.json`.
fn record(post: &Post) -> Value {
    let at = post.scheduled_at.unwrap_or(post.created_at);
    let mut record = json!({
        "$type": COLLECTION,
        "text": post.content.caption.as_deref().unwrap_or_default(),
        "createdAt": at.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    if let Some(link) = &post.content.link {
        // Bluesky fetches no preview by itself: the card shows the address as its title.
        record["embed"] = json!({
            "$type": "app.bsky.embed.external",
            "external": { "uri": link, "title": link, "description": "" },
        });
    }
    record
}

/// What everybody sees under a key.
fn published(job: &Job, key: &str) -> Published {
    let did = &job.account.platform_id;
    Published {
        platform_id: Some(format!("at://{did}/{COLLECTION}/{key}")),
        permalink: Some(format!("https://bsky.app/profile/{did}/post/{key}")),
    }
}

fn check_text(content: &Content) -> Option<Violation> {
    let text = content.caption.as_deref().unwrap_or_default();
    let (graphemes, bytes) = (text.graphemes(true).count(), text.len());
    let (code, message) = if graphemes > MAX_GRAPHEMES || bytes > MAX_BYTES {
        let most = format!("at most {MAX_GRAPHEMES} in {MAX_BYTES}");
        let message =
            format!("It has {graphemes} characters in {bytes} bytes; Bluesky takes {most}.");
        ("too_long", message)
    } else if text.trim().is_empty() && content.link.is_none() {
        let message = "There is nothing to publish: give a text or a link.";
        ("required", message.to_owned())
    } else {
        return None;
    };
    Some(Violation::new("/caption", code, message))
}

fn check_link(link: &str) -> Option<Violation> {
    let whole = Url::parse(link).is_ok_and(|url| {
        let open = url.username().is_empty() && url.password().is_none();
        open && matches!(url.scheme(), "http" | "https")
    });
    let message = "A link must be a whole http or https address without a login, such as https://example.com/.";
    (!whole).then(|| Violation::new("/link", "invalid_url", message))
}

#[async_trait]
impl Publisher for Bluesky {
    fn provider(&self) -> Provider {
        Self::name()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// All that is wrong, at once. What has no room is refused here: nothing is dropped in silence (law 8).
    fn check(&self, content: &Content) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let mut no_room = |pointer: &str, given: bool| {
            let message = "This is not supported on Bluesky yet: give a text, a link, or both, in the `feed`.";
            wrong.extend(given.then(|| Violation::new(pointer, NOT_SUPPORTED, message)));
        };
        no_room("/placement", content.placement != Placement::Feed);
        no_room("/media", !content.media.is_empty());
        no_room("/options/facebook", content.options.facebook.is_some());
        no_room("/options/instagram", content.options.instagram.is_some());
        no_room("/firstComment", content.first_comment.is_some());
        wrong.extend(check_text(content));
        wrong.extend(content.link.as_deref().and_then(check_link));
        wrong
    }

    /// Preparing takes no time, for it calls nobody.
    fn lead(&self, _content: &Content) -> Duration {
        Duration::ZERO
    }

    /// Proven: the same record under the same key is there once, however often it is written.
    fn repeat(&self, _content: &Content) -> Repeat {
        Repeat::Proven
    }

    async fn prepare(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        let current = progress.filter(|made| {
            made.version == VERSION && made.content_revision == job.post.content_revision
        });
        Prepared::Ready(current.cloned().unwrap_or_else(|| Progress {
            version: VERSION,
            content_revision: job.post.content_revision,
            object: Some(record_key(job.post.id)),
            data: record(&job.post),
        }))
    }

    /// `putRecord`, once. `swapRecord: null` lets it create, never replace; for the record that is there already, word
    /// for word, the reference server answers as if it had just written it.
    async fn commit(&self, job: &Job, progress: &Progress, deadline: Deadline) -> Committed {
        let Some(key) = progress.object.as_deref() else {
            let message = "No key was prepared to publish under. Publish it again.";
            return Committed::Refused(Failure::new(FailureClass::Unknown, message));
        };
        let body = json!({
            "repo": job.account.platform_id,
            "collection": COLLECTION,
            "rkey": key,
            "record": progress.data,
            "swapRecord": null,
        });
        let expected = published(job, key);
        let call = self.call(Method::POST, "com.atproto.repo.putRecord");
        let put = self.send(call.json(&body), Some(&job.access.token));
        // The guard asks before each poll whether it is too late (law 6): a worker that slept sends nothing.
        match deadline.guard(put).await {
            Ok(Ok(answer)) if answer["uri"].as_str() == expected.platform_id.as_deref() => {
                Committed::Live(expected)
            }
            Ok(Err(trouble)) if trouble.did_nothing() => Committed::Refused(trouble.failure()),
            Ok(Err(trouble)) => Committed::Uncertain(trouble.failure()),
            Err(TooLate::NotStarted) => Committed::Refused(Trouble::NotSent.failure()),
            Ok(Ok(_)) | Err(TooLate::Unfinished) => {
                Committed::Uncertain(Trouble::Unanswered.failure())
            }
        }
    }

    /// `getRecord`: the key decides, and nothing else does (law 5).
    async fn look(
        &self,
        job: &Job,
        progress: &Progress,
        _since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let Some(key) = progress.object.as_deref() else {
            return Ok(Evidence::Unclear(None));
        };
        let found = self.find(job, key, &progress.data).await;
        match found.map_err(|trouble| trouble.failure()) {
            Ok(Found::Ours { .. }) => Ok(Evidence::Live(published(job, key))),
            Ok(Found::Nothing) => Ok(Evidence::Absent),
            Ok(Found::Another) => Ok(Evidence::Unclear(None)),
            Err(failure) => match failure.class {
                // The lane has to stop: nobody can look before that is mended.
                FailureClass::Reauthorize | FailureClass::RateLimited { .. } => Err(failure),
                _ => Ok(Evidence::Unclear(Some(failure))),
            },
        }
    }

    /// Empties the key, if what stands there is what was prepared; `swapRecord` holds the server to that.
    async fn discard(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        let Some(key) = progress.object.as_deref() else {
            return Ok(());
        };
        let found = self.find(job, key, &progress.data).await;
        match found.map_err(|trouble| trouble.failure())? {
            Found::Ours { cid } => self.empty(job, key, cid).await,
            Found::Another | Found::Nothing => Ok(()),
        }
    }

    async fn permalink(
        &self,
        _job: &Job,
        published: &Published,
        _deadline: Deadline,
    ) -> Option<String> {
        published.permalink.clone()
    }

    async fn comment(&self, _job: &Job, _deadline: Deadline) -> Commented {
        Commented::Refused(no_room("First comments are not supported on Bluesky yet."))
    }

    async fn look_for_comment(
        &self,
        _job: &Job,
        _since: Timestamp,
    ) -> Result<CommentEvidence, Failure> {
        Ok(CommentEvidence::Unclear)
    }

    async fn edit(&self, _job: &Job, _caption: Option<&str>) -> Result<(), Failure> {
        Err(no_room("Bluesky shows a post as it was first written."))
    }

    /// `deleteRecord`, which deletes a record "or ensures it doesn't exist".
    async fn delete(&self, job: &Job) -> Result<(), Failure> {
        let known = job.post.published.platform_id.as_deref();
        match known.and_then(|uri| uri.rsplit('/').next()) {
            Some(key) => self.empty(job, key, None).await,
            None => self.empty(job, &record_key(job.post.id), None).await,
        }
    }
}

fn no_room(message: &str) -> Failure {
    Failure::new(FailureClass::Content { retryable: false }, message)
}
