//! An Instagram account, by either login, and what is published to it.

use std::{ops::Range, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use shareville_core::{
    clock::{Clock as _, until},
    failure::Failure,
    id::{MediaId, Provider, TenantId},
    media::{
        Addressed, JpegLimits, Media, MediaError, MediaFacts, MediaForm, MediaReader, MediaSource,
    },
    post::{Content, Placement, Progress},
    publisher::{Access, Job, Prepared, Publisher as _},
    tenant::App,
};
use shareville_meta::InstagramAccounts;
use wiremock::{
    Match, Mock, MockBuilder, ResponseTemplate,
    matchers::{body_string_contains, method, path},
};

use crate::support::{self, INSTAGRAM_SECRET, INSTAGRAM_TOKEN, Meta};

/// The account.
pub(crate) const ACCOUNT: &str = "17841400000000001";

/// The container that a commit publishes.
pub(crate) const CONTAINER: &str = "17889615691921648";

/// What it becomes.
pub(crate) const MEDIA: &str = "17920238422030506";

/// Reads uploads as pictures that had to become JPEGs; what stands at an address stays there.
#[derive(Debug)]
struct Reader;

#[async_trait]
impl MediaReader for Reader {
    async fn facts(&self, _: TenantId, _: &MediaSource) -> Result<MediaFacts, MediaError> {
        Err(MediaError::Unknown)
    }

    async fn address(
        &self,
        _: TenantId,
        source: &MediaSource,
        form: MediaForm,
    ) -> Result<Addressed, MediaError> {
        let widest = match form {
            MediaForm::Jpeg(JpegLimits { max_width, .. }) => Some(max_width),
            _ => None,
        };
        match (source, widest) {
            (MediaSource::Url(url), _) if url.ends_with("/gone.jpg") => Err(MediaError::Unknown),
            (MediaSource::Url(url), _) => Ok(Addressed {
                url: url.clone(),
                changed: None,
            }),
            (MediaSource::MediaId(_), Some(width)) => Ok(Addressed {
                url: format!("https://app.example/media/rendition-{width}.jpg"),
                changed: Some(format!("PNG became a JPEG, {width} wide")),
            }),
            (MediaSource::MediaId(_), None) => Ok(Addressed {
                url: "https://app.example/media/film.mp4".to_owned(),
                changed: None,
            }),
        }
    }

    async fn read(&self, _: TenantId, _: &MediaSource, _: Range<u64>) -> Result<Bytes, MediaError> {
        Err(MediaError::Unknown)
    }
}

pub(crate) struct Stage {
    pub(crate) meta: Meta,
    pub(crate) publisher: InstagramAccounts,
}

impl Stage {
    /// An account that may publish, where nothing is prepared yet.
    pub(crate) async fn start() -> Self {
        let meta = Meta::start().await;
        let publisher = InstagramAccounts::new(meta.graph_with(meta.config()));
        let limit = json!({ "data": [{
            "config": { "quota_total": 50, "quota_duration": 86_400 }, "quota_usage": 2,
        }] });
        meta.on("GET", &quota(), (200, limit)).await;
        Self { meta, publisher }
    }

    /// Answers all such calls.
    pub(crate) async fn on(&self, verb: &str, edge: &str, answer: (u16, Value)) {
        self.meta.on(verb, edge, answer).await;
    }

    /// Answers the next such call only.
    pub(crate) async fn once(&self, verb: &str, edge: &str, answer: (u16, Value)) {
        self.meta.once(verb, edge, answer).await;
    }

    /// Takes what names this file, as this container.
    pub(crate) async fn takes(&self, file: &str, container: &str) {
        let names = body_string_contains(format!("%2F{file}"));
        self.takes_where(names, container).await;
    }

    /// Takes carousels of these items, as [`CONTAINER`].
    pub(crate) async fn takes_carousel(&self, items: &str) {
        let children = body_string_contains(format!("children={}", items.replace(',', "%2C")));
        self.takes_where(children, CONTAINER).await;
    }

    async fn takes_where(&self, matches: impl Match + 'static, container: &str) {
        let answer = (200, json!({ "id": container }));
        self.meta.on_with("POST", &media(), matches, answer).await;
    }

    /// Says this of a container the next time it is asked for.
    pub(crate) async fn says_once(&self, container: &str, code: &str) {
        self.once("GET", &format!("/{container}"), (200, status(code)))
            .await;
    }

    /// Says this of a container whenever it is asked for.
    pub(crate) async fn says(&self, container: &str, code: &str) {
        self.on("GET", &format!("/{container}"), (200, status(code)))
            .await;
    }

    /// Prepares until there is nothing more to do, letting time pass at each wait.
    pub(crate) async fn prepare(&self, job: &Job, from: Option<Progress>) -> Course {
        let mut course = Course {
            waits: Vec::new(),
            notes: Vec::new(),
            done: Prepared::Continue(nothing(job)),
        };
        let mut progress = from;
        let mut job = job.clone();
        for _ in 0..2_000 {
            let done = self.publisher.prepare(&job, progress.as_ref()).await;
            // Only the first step since a claim is a resumption, and each wait ends a claim.
            job.resumed = false;
            match done {
                Prepared::Continue(next) => progress = Some(next),
                Prepared::Noted {
                    progress: next,
                    note,
                } => {
                    course.notes.push(note);
                    progress = Some(next);
                }
                Prepared::Wait {
                    progress: next,
                    until: at,
                } => {
                    let now = self.meta.clock.now();
                    course.waits.push(until(now, at));
                    self.meta.clock.set(at);
                    job.resumed = true;
                    progress = Some(next);
                }
                done => {
                    course.done = done;
                    return course;
                }
            }
        }
        panic!("preparing does not end");
    }

    /// How often a call was made.
    pub(crate) async fn count(&self, call: &str) -> usize {
        let calls = self.meta.calls().await;
        calls.iter().filter(|made| *made == call).count()
    }

    /// How many containers were made, or were to be.
    pub(crate) async fn creations(&self) -> usize {
        self.count(&format!("POST {}", media())).await
    }
}

/// How preparing went.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) waits: Vec<Duration>,
    pub(crate) notes: Vec<String>,
    done: Prepared,
}

impl Course {
    /// What a commit would publish.
    pub(crate) fn object(&self) -> Option<&str> {
        self.ready().object.as_deref()
    }

    pub(crate) fn ready(&self) -> &Progress {
        match &self.done {
            Prepared::Ready(progress) => progress,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(self) -> (Failure, Option<Progress>) {
        match self.done {
            Prepared::Failed { failure, progress } => (failure, progress),
            other => panic!("{other:?}"),
        }
    }

    /// How long each wait was, in seconds.
    pub(crate) fn seconds(&self) -> Vec<u64> {
        self.waits.iter().map(Duration::as_secs).collect()
    }
}

/// `/{account}/media`: where containers are made, and what is published is listed.
pub(crate) fn media() -> String {
    format!("/{ACCOUNT}/media")
}

/// `/{account}/media_publish`.
pub(crate) fn publish() -> String {
    format!("/{ACCOUNT}/media_publish")
}

/// `/{account}/content_publishing_limit`.
pub(crate) fn quota() -> String {
    format!("/{ACCOUNT}/content_publishing_limit")
}

/// A call at the host of those who logged in with Instagram.
pub(crate) fn at_instagram(verb: &str, edge: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(format!("/graph.instagram.com/v25.0{edge}")))
}

/// What Instagram says of a container.
pub(crate) fn status(code: &str) -> Value {
    json!({ "id": CONTAINER, "status_code": code, "status": "…" })
}

/// What Instagram says of a container that failed.
pub(crate) fn failure(status: &str) -> Value {
    json!({ "id": CONTAINER, "status_code": "ERROR", "status": status })
}

pub(crate) fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// A post of this content for an account that came by Facebook's login.
pub(crate) fn job(content: Content) -> Job {
    let mut job = support::job(content);
    let mut account = (*job.account).clone();
    account.provider = Provider::instagram();
    account.platform_id = ACCOUNT.to_owned();
    account.username = Some("ada".to_owned());
    let mut post = (*job.post).clone();
    post.lane = account.lane();
    job.post = Arc::new(post);
    job.account = Arc::new(account);
    job.media = Arc::new(Reader);
    job
}

/// The same for an account that came by Instagram's own login.
pub(crate) fn by_instagram(job: Job) -> Job {
    Job {
        access: Access {
            token: INSTAGRAM_TOKEN.into(),
            app: App {
                id: "777".to_owned(),
                secret: INSTAGRAM_SECRET.into(),
            },
            login: Provider::instagram(),
        },
        ..job
    }
}

/// The same post, after a step of it has failed.
pub(crate) fn after(job: &Job, failure: Failure) -> Job {
    let mut post = (*job.post).clone();
    post.failure = Some(failure);
    Job {
        post: Arc::new(post),
        ..job.clone()
    }
}

/// The same post, published.
pub(crate) fn published(job: &Job) -> Job {
    let mut post = (*job.post).clone();
    post.published.platform_id = Some(MEDIA.to_owned());
    Job {
        post: Arc::new(post),
        ..job.clone()
    }
}

pub(crate) fn picture() -> Content {
    Content {
        media: vec![Media::image("https://cdn.example/1.jpg")],
        ..Content::text("Look: ä & ö")
    }
}

pub(crate) fn film(placement: Placement) -> Content {
    Content {
        media: vec![Media::video("https://cdn.example/1.mp4")],
        placement,
        ..Content::text("Look: ä & ö")
    }
}

/// `1.jpg`, `2.mp4`, `3.jpg`, …
pub(crate) fn carousel(count: usize) -> Content {
    let item = |n: usize| match n % 2 {
        1 => Media::image(format!("https://cdn.example/{n}.jpg")),
        _ => Media::video(format!("https://cdn.example/{n}.mp4")),
    };
    Content {
        media: (1..=count).map(item).collect(),
        ..Content::text("Look: ä & ö")
    }
}

/// A picture that was uploaded to us.
pub(crate) fn uploaded() -> Content {
    let mut content = picture();
    content.media[0].source = MediaSource::MediaId(MediaId::generate());
    content
}

fn nothing(job: &Job) -> Progress {
    Progress {
        version: 1,
        content_revision: job.post.content_revision,
        object: None,
        data: json!({}),
    }
}

/// What preparing leaves when it is done.
pub(crate) fn ready(job: &Job) -> Progress {
    Progress {
        object: Some(CONTAINER.to_owned()),
        ..nothing(job)
    }
}
