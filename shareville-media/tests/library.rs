//! The library over a store in memory, and over a folder.
#![allow(clippy::unwrap_used)]

use std::{
    io::Cursor, mem::ManuallyDrop, ops::Range, path::Path, pin::pin, sync::Arc, time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use shareville_core::{
    Caller, Error, Shareville,
    clock::{Clock, ManualClock},
    id::{TenantId, UserId},
    media::{
        Fetched, JpegLimits, MediaError, MediaFetcher, MediaForm, MediaFormat, MediaReader as _,
        MediaSource, Upload,
    },
    secret::Keyring,
    store::{MediaStore as _, MemoryStore, TenantStore as _},
    testing::store::{START, new_tenant},
    upload::NewUpload,
};
use shareville_media::{MediaLibrary, MediaOptions, Objects, OpenError};
use tempfile::TempDir;
use url::Url;

const INSTAGRAM: MediaForm = MediaForm::Jpeg(JpegLimits {
    max_bytes: 8 * 1024 * 1024,
    min_width: 320,
    max_width: 1440,
});

/// What stands at every address: a PNG.
#[derive(Debug)]
struct Web(Bytes);

#[async_trait]
impl MediaFetcher for Web {
    async fn fetch(&self, _: &str, range: Range<u64>) -> Result<Fetched, MediaError> {
        let total = self.0.len() as u64;
        let part = range.start.min(total)..range.end.min(total);
        let part = usize::try_from(part.start).unwrap()..usize::try_from(part.end).unwrap();
        Ok(Fetched {
            bytes: self.0.slice(part),
            total: Some(total),
        })
    }
}

struct World {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    shareville: Shareville,
    library: MediaLibrary,
    caller: Caller,
    tenant: TenantId,
}

async fn world(objects: Objects) -> World {
    let clock = Arc::new(ManualClock::at(START));
    let store = Arc::new(MemoryStore::new(Arc::<ManualClock>::clone(&clock)));
    let tenant = new_tenant("owner", START);
    store.create_tenant(&tenant, &[]).await.unwrap();
    let api_url = Url::parse("https://share.example/api").unwrap();
    let library = MediaLibrary::new(
        Arc::<MemoryStore>::clone(&store),
        objects,
        Web(png(40, 30).into()),
        api_url.clone(),
        MediaOptions::new().with_clock(Arc::<ManualClock>::clone(&clock)),
    );
    let shareville = Shareville::builder(
        Arc::<MemoryStore>::clone(&store),
        Keyring::ephemeral(),
        api_url,
    )
    .clock(Arc::<ManualClock>::clone(&clock) as Arc<dyn Clock>)
    .media(library.clone())
    .uploads(library.clone())
    .build()
    .unwrap();
    World {
        caller: shareville.on_behalf_of(tenant.id).await.unwrap(),
        clock,
        store,
        shareville,
        library,
        tenant: tenant.id,
    }
}

fn written(picture: RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_pixel(width, height, Rgb([10, 120, 220]));
    written(picture, ImageFormat::Png)
}

impl World {
    async fn receive(&self, pieces: Vec<Result<Bytes, Error>>) -> Result<Upload, Error> {
        let new = NewUpload {
            user: Some(UserId::new("maria")),
            ..NewUpload::default()
        };
        let uploads = self.shareville.uploads(&self.caller);
        uploads.receive(new, stream::iter(pieces)).await
    }

    async fn upload(&self, bytes: Vec<u8>) -> Upload {
        self.receive(vec![Ok(bytes.into())]).await.unwrap()
    }

    async fn read(&self, upload: &Upload) -> Vec<u8> {
        let read = self.shareville.read_upload(upload, 0..upload.bytes).await;
        let pieces: Vec<Bytes> = read.unwrap().try_collect().await.unwrap();
        pieces.concat()
    }

    /// The upload that an address names.
    async fn at(&self, url: &str) -> Upload {
        let token = url
            .strip_prefix("https://share.example/api/media/")
            .unwrap();
        self.shareville.upload_at(token).await.unwrap()
    }

    async fn address(
        &self,
        upload: &Upload,
        form: MediaForm,
    ) -> Result<(String, Option<String>), MediaError> {
        let source = MediaSource::MediaId(upload.id);
        let addressed = self.library.address(self.tenant, &source, form).await?;
        Ok((addressed.url, addressed.changed))
    }
}

/// All files in a folder, however deep.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let found = entries.flat_map(|entry| match entry.file_type().unwrap().is_dir() {
        true => files(&entry.path()),
        false => vec![entry.path().display().to_string()],
    });
    found.collect()
}

#[tokio::test]
async fn an_upload_should_be_known_by_its_bytes_and_read_in_parts() {
    let world = world(Objects::in_memory()).await;
    let bytes = png(640, 480);
    let upload = world.upload(bytes.clone()).await;
    let source = MediaSource::MediaId(upload.id);
    let facts = world.library.facts(world.tenant, &source).await.unwrap();
    assert_eq!(facts.format, MediaFormat::Png);
    assert_eq!((facts.width, facts.height), (Some(640), Some(480)));
    assert_eq!(facts.bytes, Some(bytes.len() as u64));
    assert_eq!(world.read(&upload).await, bytes);
    let end = upload.bytes;
    for range in [
        0..4,
        10..20,
        end - 3..end + 9,
        end..end + 1,
        end + 5..end + 9,
    ] {
        let part = world.library.read(world.tenant, &source, range.clone());
        let within = range.start.min(end)..range.end.min(end);
        let within = usize::try_from(within.start).unwrap()..usize::try_from(within.end).unwrap();
        assert_eq!(part.await.unwrap(), bytes[within], "{range:?}");
    }
    let other = TenantId::generate();
    let unknown = world.library.facts(other, &source).await.unwrap_err();
    assert!(matches!(unknown, MediaError::Unknown));
}

#[tokio::test]
async fn what_stands_at_a_public_address_should_stay_there_and_be_known() {
    let world = world(Objects::in_memory()).await;
    let url = "https://pictures.example/a.png".to_owned();
    let source = MediaSource::Url(url.clone());
    let addressed = world.library.address(world.tenant, &source, INSTAGRAM);
    let addressed = addressed.await.unwrap();
    assert_eq!((addressed.url, addressed.changed), (url, None));
    let facts = world.library.facts(world.tenant, &source).await.unwrap();
    assert_eq!(facts.format, MediaFormat::Png);
    assert_eq!((facts.width, facts.height), (Some(40), Some(30)));
    let read = world.library.read(world.tenant, &source, 0..4).await;
    assert_eq!(read.unwrap(), png(40, 30)[..4]);
}

#[tokio::test]
async fn a_rendition_should_be_made_once_and_stand_beside_its_original() {
    let world = world(Objects::in_memory()).await;
    let upload = world.upload(png(1600, 800)).await;
    let (url, changed) = world.address(&upload, INSTAGRAM).await.unwrap();
    let told = "PNG 1600×800 became JPEG 1440×720".to_owned();
    assert_eq!(changed, Some(told));
    let rendition = world.at(&url).await;
    assert_ne!(rendition.id, upload.id);
    let jpeg =
        image::load_from_memory_with_format(&world.read(&rendition).await, ImageFormat::Jpeg);
    assert_eq!(jpeg.unwrap().width(), 1440);
    let again = world.address(&upload, INSTAGRAM).await.unwrap();
    assert_eq!(again, (url.clone(), changed.clone()));
    let (original, changed) = world.address(&upload, MediaForm::AsItIs).await.unwrap();
    assert_eq!((world.at(&original).await.id, changed), (upload.id, None));
}

#[tokio::test]
async fn many_who_want_a_rendition_at_once_should_get_the_same() {
    let world = world(Objects::in_memory()).await;
    let upload = world.upload(png(400, 200)).await;
    let wanting = (0..6).map(|_| world.address(&upload, INSTAGRAM));
    let got = futures::future::join_all(wanting).await;
    let first = got[0].as_ref().unwrap();
    assert!(got.iter().all(|it| it.as_ref().unwrap() == first));
}

#[tokio::test]
async fn a_rendition_that_loses_a_race_should_be_tried_again() {
    let world = world(Objects::in_memory()).await;
    let upload = world.upload(png(1600, 800)).await;
    let mut making = pin!(world.address(&upload, INSTAGRAM));
    assert!(futures::poll!(making.as_mut()).is_pending());
    let ids = [upload.id];
    let discarded = world.store.discard_uploads(world.tenant, &ids);
    discarded.await.unwrap();
    let lost = making.await.unwrap_err();
    assert!(matches!(lost, MediaError::Unavailable(_)), "{lost:?}");
    let gone = world.address(&upload, INSTAGRAM).await.unwrap_err();
    assert!(matches!(gone, MediaError::Unknown), "{gone:?}");
}

#[tokio::test]
async fn a_jpeg_that_is_as_wanted_should_be_addressed_as_it_is() {
    let world = world(Objects::in_memory()).await;
    let picture = RgbImage::from_pixel(800, 600, Rgb([9, 9, 9]));
    let upload = world.upload(written(picture, ImageFormat::Jpeg)).await;
    let (url, changed) = world.address(&upload, INSTAGRAM).await.unwrap();
    assert_eq!((world.at(&url).await.id, changed), (upload.id, None));
}

#[tokio::test]
async fn using_an_upload_should_keep_it_with_its_rendition() {
    let world = world(Objects::in_memory()).await;
    let upload = world.upload(png(400, 200)).await;
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    world.clock.advance(hours(23));
    let (url, _) = world.address(&upload, INSTAGRAM).await.unwrap();
    world.clock.advance(hours(23));
    world.shareville.sweep_uploads().await.unwrap();
    let rendition = world.at(&url).await;
    assert_eq!(world.read(&upload).await.len() as u64, upload.bytes);
    world.clock.advance(hours(1));
    world.shareville.sweep_uploads().await.unwrap();
    let gone = world.address(&upload, INSTAGRAM).await.unwrap_err();
    assert!(matches!(gone, MediaError::Unknown));
    let read = world.shareville.read_upload(&rendition, 0..1).await;
    assert!(matches!(read.err(), Some(Error::NotFound(_))));
}

#[tokio::test]
async fn a_film_should_be_no_picture() {
    let world = world(Objects::in_memory()).await;
    let film = include_bytes!("files/landscape.mp4");
    let upload = world.upload(film.to_vec()).await;
    assert_eq!(upload.facts.format, MediaFormat::Mp4);
    assert_eq!(upload.facts.is_vertical(), Some(false));
    assert!(
        upload.facts.duration.is_some(),
        "it is told how long it lasts"
    );
    let refused = world.address(&upload, INSTAGRAM).await.unwrap_err();
    assert!(matches!(refused, MediaError::NotConvertible(_)));
    world.address(&upload, MediaForm::AsItIs).await.unwrap();
}

fn in_folder() -> (TempDir, Objects) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/uploads", folder.path().display());
    let objects = Objects::open(&url, []).unwrap();
    (folder, objects)
}

#[tokio::test]
async fn an_upload_in_a_folder_should_be_kept_and_go_whole() {
    let (folder, objects) = in_folder();
    let world = world(objects).await;
    // Larger than what is kept in memory, so that it goes there in parts.
    let mut bytes = png(64, 64);
    bytes.resize(12 * 1024 * 1024, 7);
    let pieces = bytes.chunks(100_000).map(Bytes::copy_from_slice).map(Ok);
    let upload = world.receive(pieces.collect()).await.unwrap();
    assert!(world.read(&upload).await == bytes, "it is as it was sent");
    world.clock.advance(Duration::from_secs(24 * 3600));
    world.shareville.sweep_uploads().await.unwrap();
    assert_eq!(files(folder.path()), [""; 0]);
}

#[tokio::test]
async fn an_upload_that_breaks_off_should_leave_nothing() {
    let (folder, objects) = in_folder();
    let world = world(objects).await;
    let gone = || Error::NotFound("client");
    let mut head = png(64, 64);
    head.resize(6 * 1024 * 1024, 7);
    let head = Bytes::from(head);
    for pieces in [
        vec![Err(gone())],
        vec![Ok(head.slice(..10)), Err(gone())],
        vec![Ok(head.clone()), Ok(head.clone()), Err(gone())],
        vec![Ok(Bytes::from_static(b"no picture at all"))],
        // It says that it is one, and is not.
        vec![Ok(Bytes::from_static(
            b"\x89PNG\r\n\x1a\n and nothing more",
        ))],
    ] {
        world.receive(pieces).await.unwrap_err();
    }
    assert_eq!(files(folder.path()), [""; 0]);
    let limit = 10;
    assert_eq!(world.store.sweep_uploads(START, limit).await.unwrap(), 0);
    let left = world.store.discarded_uploads(None, limit).await.unwrap();
    assert_eq!(left, []);
}

#[tokio::test]
async fn what_a_process_that_died_has_begun_should_be_swept() {
    let (folder, objects) = in_folder();
    let world = world(objects).await;
    let mut head = png(64, 64);
    head.resize(12 * 1024 * 1024, 7);
    let new = NewUpload {
        user: Some(UserId::new("maria")),
        ..NewUpload::default()
    };
    let uploads = world.shareville.uploads(&world.caller);
    let never = futures::StreamExt::chain(
        stream::iter([Ok::<_, Error>(Bytes::from(head))]),
        stream::pending(),
    );
    let mut receiving = Box::pin(uploads.receive(new, never));
    // It goes on until nothing more comes.
    while files(folder.path()).is_empty() {
        assert!(futures::poll!(receiving.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    // As a process that is killed: nothing of it runs any more.
    let _never_dropped = ManuallyDrop::new(receiving);
    world.clock.advance(Duration::from_secs(3600));
    world.shareville.sweep_uploads().await.unwrap();
    assert_eq!(files(folder.path()), [""; 0]);
}

#[test]
fn a_wrong_address_should_be_told_without_its_password() {
    for url in ["a folder", "file://", "ftp://user:secret@host"] {
        let refused = Objects::open(url, []).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains("secret"));
    }
    assert!(matches!(
        Objects::open("file:///dev/null/x", []),
        Err(OpenError::Folder(..))
    ));
}
