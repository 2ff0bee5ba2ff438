//! Media are looked at before they are published, as far as the host wants it; and limits are asked for again.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use shareville_core::{
    Error, Settings, Shareville,
    clock::ManualClock,
    connection::Account,
    engine::Engine,
    event::EventKind,
    id::TenantId,
    media::{
        Addressed, Media, MediaError, MediaFacts, MediaForm, MediaFormat, MediaPreflight,
        MediaReader, MediaSource,
    },
    post::{Content, Post, PostStatus},
    posting::{PostInput, PostPatch, Warning},
    testing::network::{Call, MAX_WIDTH, Manners},
};

use crate::stage::{Stage, input, kinds};

/// A web of pictures, by their widths; what is not there cannot be fetched, and what is endless never ends.
#[derive(Debug, Clone, Default)]
struct Web {
    widths: Arc<Mutex<HashMap<String, u32>>>,
    read: Arc<Mutex<Vec<String>>>,
}

const ENDLESS: &str = "https://img.example/endless";
const OUT_OF_REACH: &str = "https://img.example/out-of-reach.jpg";

impl Web {
    fn put(&self, url: &str, width: u32) {
        self.widths.lock().unwrap().insert(url.to_owned(), width);
    }
}

#[async_trait]
impl MediaReader for Web {
    async fn facts(&self, _: TenantId, source: &MediaSource) -> Result<MediaFacts, MediaError> {
        let MediaSource::Url(url) = source else {
            return Err(MediaError::Unknown);
        };
        self.read.lock().unwrap().push(url.clone());
        if url.starts_with(ENDLESS) {
            std::future::pending::<()>().await;
        }
        if url == OUT_OF_REACH {
            return Err(MediaError::Unavailable("nobody listens there".into()));
        }
        let width = self.widths.lock().unwrap().get(url).copied();
        let width = width.ok_or_else(|| MediaError::Unreachable("404".into()))?;
        Ok(MediaFacts {
            width: Some(width),
            ..MediaFacts::of(MediaFormat::Jpeg)
        })
    }

    async fn address(
        &self,
        _: TenantId,
        _: &MediaSource,
        _: MediaForm,
    ) -> Result<Addressed, MediaError> {
        Err(MediaError::NotSupported("a test"))
    }

    async fn read(&self, _: TenantId, _: &MediaSource, _: Range<u64>) -> Result<Bytes, MediaError> {
        Err(MediaError::NotSupported("a test"))
    }
}

const GOOD: &str = "https://img.example/good.jpg";
const WIDE: &str = "https://img.example/wide.jpg";
const LOST: &str = "https://img.example/lost.jpg";

struct Scene {
    stage: Stage,
    web: Web,
    shareville: Shareville,
    account: Account,
}

impl Scene {
    async fn new(media_preflight: MediaPreflight) -> Self {
        let mut settings = Settings::default();
        settings.media_preflight = media_preflight;
        let stage = Stage::set(Manners::default(), settings).await;
        let web = Web::default();
        web.put(GOOD, MAX_WIDTH);
        web.put(WIDE, MAX_WIDTH + 1);
        let url = "https://shareville.example/api".parse().unwrap();
        let store = Arc::clone(&stage.store);
        let shareville = Shareville::builder(store, stage.keyring.clone(), url)
            .clock(Arc::<ManualClock>::clone(&stage.clock))
            .publisher(stage.network.clone())
            .connector(stage.connector.clone())
            .media(web.clone())
            .settings(settings)
            .build()
            .unwrap();
        let account = stage.account().await;
        Self {
            stage,
            web,
            shareville,
            account,
        }
    }

    fn input(&self, urls: &[&str]) -> PostInput {
        let mut input = input(&self.account, Some(self.stage.now()));
        input.content.media = urls.iter().map(|&url| Media::image(url)).collect();
        input
    }

    async fn create(&self, urls: &[&str]) -> Result<Post, Error> {
        let caller = self.stage.caller().await;
        let posts = self.shareville.posts(&caller);
        posts.create(self.input(urls)).await
    }

    async fn check(&self, inputs: Vec<PostInput>) -> Result<Vec<Warning>, Error> {
        let caller = self.stage.caller().await;
        let posts = self.shareville.posts(&caller);
        let checked = posts.check(&inputs.into()).await?;
        Ok(checked.warnings)
    }

    async fn tick_all(&self) {
        let engine = Engine::new(self.shareville.clone());
        while engine.tick().await.unwrap() > 0 {}
    }
}

/// What is wrong, by its places and codes.
fn found(refused: Error) -> Vec<(String, String)> {
    let Error::Invalid(violations) = refused else {
        panic!("not refused for what is wrong: {refused}")
    };
    let found = violations.into_iter().map(|it| (it.pointer, it.code));
    found.collect()
}

fn at(pointer: &str, code: &str) -> (String, String) {
    (pointer.to_owned(), code.to_owned())
}

#[tokio::test]
async fn advice_should_be_told_and_stop_nothing() {
    let scene = Scene::new(MediaPreflight::Advisory).await;
    let inputs = vec![scene.input(&[GOOD]), scene.input(&[GOOD, WIDE, LOST])];
    let warnings = scene.check(inputs).await.unwrap();
    let codes: Vec<_> = warnings.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["media_unreadable", "too_wide"]);
    assert!(warnings[0].message.contains("/posts/1/media/2"));
    assert!(warnings[1].message.contains("/posts/1/media/1"));
    let mut read = scene.web.read.lock().unwrap().clone();
    read.sort();
    assert_eq!(read, [GOOD, LOST, WIDE], "each is read once");

    let post = scene.create(&[WIDE]).await.unwrap();
    let events = scene.stage.told(post.id).await;
    let warnings = &events[0].data["warnings"];
    assert_eq!(warnings[0]["pointer"], "/media/0");
    assert_eq!(warnings[0]["code"], "too_wide");
    scene.tick_all().await;
    assert_eq!(scene.stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_strict_host_should_refuse_all_that_is_wrong_at_once() {
    let scene = Scene::new(MediaPreflight::Strict).await;
    let mut input = scene.input(&[WIDE, GOOD, LOST]);
    input.content.caption = Some("a".repeat(501));
    let refused = scene.check(vec![input]).await.unwrap_err();
    let expected = [
        at("/posts/0/caption", "too_long"),
        at("/posts/0/media/2", "media_unreadable"),
        at("/posts/0/media/0", "too_wide"),
    ];
    assert_eq!(found(refused), expected);
    let refused = scene.create(&[WIDE]).await.unwrap_err();
    assert_eq!(found(refused), [at("/media/0", "too_wide")]);

    let post = scene.create(&[GOOD]).await.unwrap();
    let caller = scene.stage.caller().await;
    let posts = scene.shareville.posts(&caller);
    let patch = PostPatch {
        content: Some(Content {
            media: vec![Media::image(LOST)],
            ..post.content.clone()
        }),
        ..PostPatch::default()
    };
    let refused = posts
        .update(post.id.into(), |_| patch.clone())
        .await
        .unwrap_err();
    assert_eq!(found(refused), [at("/media/0", "media_unreadable")]);
    scene.tick_all().await;
    assert_eq!(scene.stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn nobody_should_look_where_it_is_off() {
    let scene = Scene::new(MediaPreflight::Off).await;
    let warnings = scene.check(vec![scene.input(&[WIDE, LOST])]).await;
    assert_eq!(warnings.unwrap(), []);
    let post = scene.create(&[WIDE]).await.unwrap();
    scene.tick_all().await;
    assert_eq!(scene.stage.network.visible_of(post.id), 1);
    assert!(scene.web.read.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_host_without_a_reader_should_be_as_if_it_were_off() {
    let mut settings = Settings::default();
    settings.media_preflight = MediaPreflight::Strict;
    let stage = Stage::set(Manners::default(), settings).await;
    let account = stage.account().await;
    let mut input = input(&account, Some(stage.now()));
    input.content.media = vec![Media::image(LOST)];
    let post = stage.create(input).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test(start_paused = true)]
async fn a_medium_that_does_not_come_should_hold_nobody_up_for_long() {
    let scene = Scene::new(MediaPreflight::Advisory).await;
    let begun = tokio::time::Instant::now();
    let warnings = scene.check(vec![scene.input(&[ENDLESS, GOOD])]).await;
    let warnings = warnings.unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].code, "media_unreadable");
    assert!(begun.elapsed().as_secs() <= 6, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn what_cannot_be_read_just_now_should_be_taken_for_right_until_it_is_prepared() {
    let scene = Scene::new(MediaPreflight::Strict).await;
    let checked = scene.check(vec![scene.input(&[OUT_OF_REACH])]).await;
    assert_eq!(checked.unwrap(), []);
    let post = scene.create(&[OUT_OF_REACH, GOOD]).await.unwrap();
    scene.tick_all().await;
    let post = scene.stage.read(post.id).await;
    assert!(post.next_attempt_at().is_some(), "{:?}", post.status);
    assert_eq!(post.failure.unwrap().code, "media_unavailable");
    assert_eq!(scene.stage.network.count(Call::Prepare), 0);
}

#[tokio::test(start_paused = true)]
async fn a_medium_for_which_no_time_was_left_should_not_be_called_unreadable() {
    let scene = Scene::new(MediaPreflight::Advisory).await;
    let all: Vec<_> = (0..90).map(|it| format!("{ENDLESS}-{it}")).collect();
    let posts = all.chunks(10).map(|some| {
        let some: Vec<_> = some.iter().map(String::as_str).collect();
        scene.input(&some)
    });
    let warnings = scene.check(posts.collect()).await.unwrap();
    assert!(
        (1..all.len()).contains(&warnings.len()),
        "{} of {}",
        warnings.len(),
        all.len()
    );
}

#[tokio::test]
async fn a_strict_host_should_look_again_before_it_prepares() {
    let scene = Scene::new(MediaPreflight::Strict).await;
    let post = scene.create(&[GOOD, GOOD]).await.unwrap();
    scene.web.put(GOOD, MAX_WIDTH + 1);
    scene.tick_all().await;
    let post = scene.stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Failed);
    let failure = post.failure.unwrap();
    assert_eq!(failure.code, "too_wide");
    assert!(failure.message.contains("/media/1"), "all is told");
    assert_eq!(failure.platform.unwrap().media_index, Some(0));
    assert_eq!(scene.stage.network.count(Call::Prepare), 0);
}

#[tokio::test]
async fn a_strict_host_should_try_again_what_could_not_be_fetched() {
    let scene = Scene::new(MediaPreflight::Strict).await;
    let post = scene.create(&[GOOD]).await.unwrap();
    scene.web.widths.lock().unwrap().clear();
    scene.tick_all().await;
    let waits = scene.stage.read(post.id).await;
    assert_eq!(waits.failure.unwrap().code, "media_unreadable");
    assert!(kinds(&scene.stage.told(post.id).await).contains(&EventKind::PostRetrying));
    scene.web.put(GOOD, 1);
    scene.stage.pass(3600);
    scene.tick_all().await;
    assert_eq!(scene.stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn limits_that_have_changed_should_be_found_before_anything_is_prepared() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.refuse_captions();
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Failed);
    let failure = post.failure.unwrap();
    assert_eq!(failure.code, "too_long");
    assert!(failure.message.contains("/caption"), "{failure}");
    assert_eq!(stage.network.count(Call::Prepare), 0);
}
