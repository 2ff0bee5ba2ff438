//! Photos that were uploaded to us, and what older versions have kept.

use serde_json::json;
use shareville_core::{
    failure::FailureClass,
    media::{Media, MediaFacts, MediaForm, MediaFormat},
    post::{Content, Placement, Progress},
    publisher::{Job, Prepared, Publisher as _},
};

use crate::{
    shelf::{SERVED, Shelf, job_on, job_with, uploaded_photo},
    support::{Meta, POST, job},
};

async fn takes_posts(meta: &Meta) {
    meta.on("POST", "/1000/photos", (200, json!({ "id": 501 })))
        .await;
    meta.on("POST", "/1000/feed", (200, json!({ "id": POST })))
        .await;
}

/// Prepares to the end, and gives what was noted on the way.
async fn prepare(meta: &Meta, job: &Job) -> (Progress, Vec<String>) {
    let (mut progress, mut notes) = (None, Vec::new());
    loop {
        progress = Some(match meta.pages().prepare(job, progress.as_ref()).await {
            Prepared::Continue(next) => next,
            Prepared::Noted { progress, note } => {
                notes.push(note);
                progress
            }
            Prepared::Ready(ready) => return (ready, notes),
            other => panic!("{other:?}"),
        });
    }
}

#[tokio::test]
async fn an_uploaded_photo_should_be_fetched_in_a_form_that_facebook_takes() {
    for (format, bytes, changed) in [
        (MediaFormat::Png, 4_000_000, false),
        (MediaFormat::Png, 4_000_001, true),
        (MediaFormat::Webp, 1, true),
        (MediaFormat::Heif, 1, true),
    ] {
        let meta = Meta::start().await;
        takes_posts(&meta).await;
        let facts = MediaFacts {
            bytes: Some(bytes),
            ..MediaFacts::of(format)
        };
        let shelf = Shelf::of(facts).changed("made into a JPEG").into();
        let job = job_on(uploaded_photo(Placement::Feed), &shelf);
        let (ready, notes) = prepare(&meta, &job).await;
        assert_eq!(ready.object.as_deref(), Some(POST));
        let is_jpeg =
            matches!(shelf.asked()[..], [MediaForm::Jpeg(limits)] if limits.max_bytes == 4_000_000);
        assert_eq!(is_jpeg, changed, "{format:?}");
        assert_eq!(notes.is_empty(), !changed, "{format:?}");
        assert_eq!(meta.sent().await[0]["form"]["url"], SERVED);
    }
}

#[tokio::test]
async fn an_upload_that_cannot_be_read_should_fail_the_post_and_be_named() {
    let meta = Meta::start().await;
    let job = job_with(uploaded_photo(Placement::Feed), Shelf::unreadable());
    let Prepared::Failed { failure, .. } = meta.pages().prepare(&job, None).await else {
        panic!("it fails");
    };
    assert_eq!(failure.class, FailureClass::Content { retryable: true });
    assert_eq!(failure.code, "media_unreadable");
    assert_eq!(failure.platform.unwrap().media_index, Some(0));
    assert!(meta.calls().await.is_empty());
}

#[tokio::test]
async fn what_the_version_before_has_kept_should_still_be_used() {
    let meta = Meta::start().await;
    takes_posts(&meta).await;
    let job = job(Content {
        media: vec![Media::image("https://cdn.example/1.jpg"); 2],
        ..Content::default()
    });
    let kept = Progress {
        version: 1,
        content_revision: job.post.content_revision,
        object: None,
        data: json!({ "photos": ["500"], "since": "2026-11-23T11:59:00Z", "create_next": false, "forgotten": 0 }),
    };
    let Prepared::Continue(_) = meta.pages().prepare(&job, Some(&kept)).await else {
        panic!("there is more to do");
    };
    let Prepared::Continue(next) = meta.pages().prepare(&job, Some(&kept)).await else {
        panic!("there is more to do");
    };
    assert_eq!(meta.calls().await, ["POST /1000/photos"; 2]);
    assert_eq!(next.data["photos"], json!(["500", "501"]));
}
