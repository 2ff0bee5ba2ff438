//! Every placement, whatever befalls its commit: exactly one of each is visible, counted at the sandbox.
//!
//! What strikes when is drawn from a seed: `SHAREVILLE_TEST_SEED` sets another, and each failure names it.

use std::{path::Path, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path as InPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use shareville::sandbox::{
    Answer, Builder, Effect, Fault, FaultId, Moment, NewInstagramAccount, Step,
};

use crate::support::{PATIENCE, Times, World, text, with_pages};

/// Where something appears, and how it comes there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Photos,
    Video,
    Reel,
    PhotoStory,
    VideoStory,
    InstagramImage,
    InstagramCarousel,
    InstagramReel,
    InstagramImageStory,
    InstagramVideoStory,
}

impl Place {
    const fn is_instagram(self) -> bool {
        matches!(
            self,
            Self::InstagramImage
                | Self::InstagramCarousel
                | Self::InstagramReel
                | Self::InstagramImageStory
                | Self::InstagramVideoStory
        )
    }

    /// The call that makes it visible.
    const fn commit(self) -> Step {
        match self {
            Self::Text | Self::Photos => Step::PublishPost,
            Self::Video => Step::FinishVideo,
            Self::Reel => Step::FinishReel,
            Self::PhotoStory => Step::PublishPhotoStory,
            Self::VideoStory => Step::FinishVideoStory,
            Self::InstagramImage
            | Self::InstagramCarousel
            | Self::InstagramReel
            | Self::InstagramImageStory
            | Self::InstagramVideoStory => Step::PublishMedia,
        }
    }

    /// What is posted, with media on a server at `files`.
    fn body(self, files: &str, caption: &str) -> Value {
        let picture = format!("{files}/upright.jpg");
        let film = format!("{files}/landscape.mp4");
        let upright = format!("{files}/vertical.mp4?width=1080&height=1920&seconds=4");
        let video = |url: &str| json!({"type": "video", "url": url});
        match self {
            Self::Text => json!({"caption": caption}),
            Self::Photos => json!({"caption": caption, "media": [picture, picture]}),
            Self::Video => json!({"caption": caption, "media": [video(&film)]}),
            Self::Reel => {
                json!({"caption": caption, "placement": "reel", "media": [video(&upright)]})
            }
            Self::PhotoStory | Self::InstagramImageStory => {
                json!({"placement": "story", "media": [picture]})
            }
            Self::VideoStory | Self::InstagramVideoStory => {
                json!({"placement": "story", "media": [video(&upright)]})
            }
            Self::InstagramImage => json!({"caption": caption, "media": [picture]}),
            Self::InstagramCarousel => {
                json!({"caption": caption, "media": [picture, video(&upright), picture]})
            }
            Self::InstagramReel => json!({"caption": caption, "media": [video(&upright)]}),
        }
    }
}

/// What befalls a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Clean,
    AnswerLost,
    FalseError,
    ActsLate,
    WorkerKilled,
}

const FATES: [Fate; 5] = [
    Fate::Clean,
    Fate::AnswerLost,
    Fate::FalseError,
    Fate::ActsLate,
    Fate::WorkerKilled,
];

/// Draws what is left open: the same for the same seed.
struct Dice(u64);

impl Dice {
    fn new(place: Place) -> Self {
        Self(seed().wrapping_add(place as u64))
    }

    /// A number below `sides`.
    ///
    /// Source: `SplitMix64` (Steele, Lea, Flood 2014).
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn effect(&mut self, fate: Fate) -> Effect {
        match fate {
            // A delay that harms nothing, so that what is said to be clean was looked at too.
            Fate::Clean => Effect::DelayAnswer {
                duration: Duration::from_millis(self.roll(50)),
            },
            Fate::AnswerLost => Effect::LoseAnswer,
            Fate::FalseError => Effect::ActAndAnswer {
                answer: match self.roll(4) {
                    0 => Answer::code_1(),
                    1 => Answer::code_2(),
                    2 => Answer::spam_block(),
                    _ => Answer::bad_gateway(),
                },
            },
            Fate::ActsLate => Effect::ActLate {
                after: Duration::from_millis(200 + self.roll(700)),
                close_after: Duration::from_millis(self.roll(100)),
            },
            Fate::WorkerKilled => Effect::Hold {
                moment: match self.roll(2) {
                    0 => Moment::BeforeActing,
                    _ => Moment::AfterActing,
                },
            },
        }
    }
}

fn seed() -> u64 {
    let seed = std::env::var("SHAREVILLE_TEST_SEED").ok();
    seed.map_or(17, |seed| seed.parse().unwrap())
}

/// A server with the files of `shareville-media`'s tests, in parts as whoever reads them asks for.
async fn files() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shareville-media/tests/files");
    let app = Router::new()
        .route(
            "/{name}",
            get(
                async |State(folder): State<std::path::PathBuf>,
                       InPath(name): InPath<String>,
                       headers: HeaderMap| {
                    match std::fs::read(folder.join(name)) {
                        Ok(file) => part(&file.into(), &headers),
                        Err(_) => StatusCode::NOT_FOUND.into_response(),
                    }
                },
            ),
        )
        .with_state(folder);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

fn part(file: &Bytes, headers: &HeaderMap) -> Response {
    let range = headers.get(header::RANGE).map(|range| {
        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
        let (start, last) = range.split_once('-').unwrap();
        let last = last.parse().unwrap_or(usize::MAX).min(file.len() - 1);
        (start.parse::<usize>().unwrap(), last)
    });
    match range {
        None => file.clone().into_response(),
        Some((start, last)) if start <= last => {
            let told = format!("bytes {start}-{last}/{}", file.len());
            let headers = [(header::CONTENT_RANGE, told)];
            let bytes = file.slice(start..=last);
            (StatusCode::PARTIAL_CONTENT, headers, bytes).into_response()
        }
        Some(_) => {
            let headers = [(header::CONTENT_RANGE, format!("bytes */{}", file.len()))];
            (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response()
        }
    }
}

/// A world with a Page, and an Instagram account linked to it, for each fate.
fn accounts() -> Builder {
    let pages = with_pages(FATES.len());
    (0..FATES.len()).fold(pages, |builder, number| {
        let account = NewInstagramAccount::new(format!("shop{number}"))
            .with_id(instagram_id(number))
            .linked_to(page_id(number));
        builder.instagram(account)
    })
}

fn page_id(number: usize) -> String {
    format!("90000000000{number:04}")
}

fn instagram_id(number: usize) -> String {
    format!("1784149000000{number:04}")
}

/// One fate, on one account of its own, for one post.
struct Case {
    fate: Fate,
    account: String,
    caption: String,
    fault: FaultId,
    post: String,
}

async fn run(place: Place) {
    let mut dice = Dice::new(place);
    let more = [("SHAREVILLE_ALLOW_PRIVATE_ADDRESSES", "on")];
    let world = World::configured(accounts(), "api", Times::default(), &more).await;
    let files = files().await;
    let worker = world.another("worker").await;
    let mut cases = Vec::new();
    for (number, fate) in FATES.into_iter().enumerate() {
        let account = match place.is_instagram() {
            true => instagram_id(number),
            false => page_id(number),
        };
        let accounts = match place.is_instagram() {
            true => &world.instagram,
            false => &world.pages,
        };
        let ours = accounts.iter().find(|(_, platform)| *platform == account);
        let (ours, _) = ours.unwrap_or_else(|| panic!("{account} is not among {accounts:?}"));
        let fault = Fault::on(place.commit(), dice.effect(fate)).on_page(&account);
        let fault = world.sandbox.arm(fault);
        let caption = format!("{place:?} {fate:?}");
        let post = world.publish(ours, place.body(&files, &caption)).await;
        cases.push(Case {
            fate,
            account,
            caption,
            fault,
            post,
        });
    }
    let killed = cases
        .iter()
        .find(|case| case.fate == Fate::WorkerKilled)
        .unwrap();
    let held = tokio::time::timeout(PATIENCE, world.sandbox.held(killed.fault)).await;
    if held.is_err() {
        let events = world
            .api
            .get(&format!("/posts/{}/events", killed.post))
            .await;
        panic!("{place:?}: its commit was never sent: {events:#}");
    }
    worker.kill();
    world.sandbox.release(killed.fault).unwrap();
    let second = world.another("worker").await;
    for case in &cases {
        world.api.until_status(&case.post, "published").await;
    }
    assert!(second.stop());
    world.sandbox.quiet().await;
    for case in &cases {
        let name = format!("{place:?}, {:?}, seed {}", case.fate, seed());
        assert_eq!(
            world.sandbox.struck(case.fault),
            1,
            "{name}: it never struck"
        );
        let post = world.api.get(&format!("/posts/{}", case.post)).await;
        let seen = seen(&world, place, case);
        assert_eq!(seen.len(), 1, "{name}: {seen:#?}");
        // Being live and knowing as which are two facts.
        if post["platformPostId"].is_string() {
            assert!(
                seen[0].contains(&text(&post, "platformPostId")),
                "{name}: {post:#} {seen:?}"
            );
        }
    }
}

/// What a visitor of the account sees: of each thing all the ids it may be known by.
fn seen(world: &World, place: Place, case: &Case) -> Vec<Vec<String>> {
    if place.is_instagram() {
        let seen = world.sandbox.visible_media(&case.account);
        for media in &seen {
            let caption = media.caption.as_deref();
            assert!(
                caption.is_none_or(|caption| caption == case.caption),
                "{media:#?}"
            );
        }
        return seen.into_iter().map(|media| vec![media.id]).collect();
    }
    let seen = world.sandbox.visible_posts(&case.account);
    seen.into_iter()
        .map(|post| {
            let video = post.video.map(|video| video.id);
            let photos = post.photos.into_iter().map(|photo| photo.id);
            [post.id].into_iter().chain(video).chain(photos).collect()
        })
        .collect()
}

macro_rules! placements {
    ($($name:ident $place:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            run(Place::$place).await;
        }
    )+};
}

placements! {
    a_text_should_appear_once Text
    photos_should_appear_once Photos
    a_video_should_appear_once Video
    a_reel_should_appear_once Reel
    a_photo_story_should_appear_once PhotoStory
    a_video_story_should_appear_once VideoStory
    an_instagram_image_should_appear_once InstagramImage
    an_instagram_carousel_should_appear_once InstagramCarousel
    an_instagram_reel_should_appear_once InstagramReel
    an_instagram_image_story_should_appear_once InstagramImageStory
    an_instagram_video_story_should_appear_once InstagramVideoStory
}
