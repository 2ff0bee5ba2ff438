//! Towards a container that can be published at Instagram, where all goes well.

use serde_json::json;
use shareville_core::{
    media::UserTag,
    post::{Content, InstagramOptions, Placement, Progress},
    publisher::{Prepared, Publisher as _},
};

use crate::{
    corpus::answers,
    instagram_stage::{
        CONTAINER, Stage, at_instagram, by_instagram, carousel, film, job, media, ok, picture,
        quota, status, uploaded,
    },
    support::{graph_error, resumed},
};

#[tokio::test]
async fn a_picture_should_be_one_container_that_is_asked_for_until_it_is_finished() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says_once(CONTAINER, "IN_PROGRESS").await;
    stage.says(CONTAINER, "FINISHED").await;
    let mut content = picture();
    content.media[0].alt_text = Some("A & B".into());
    content.media[0].user_tags = vec![UserTag {
        username: "grace".into(),
        x: Some(0.5),
        y: Some(0.25),
    }];
    content.options.instagram = Some(InstagramOptions {
        location_id: Some("77".into()),
        collaborators: vec!["ada".into(), "alan".into()],
        share_to_feed: None,
    });
    let course = stage.prepare(&job(content), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(course.seconds(), [2, 5]);
    insta::assert_json_snapshot!("instagram_picture", stage.meta.sent().await);
}

#[tokio::test]
async fn an_account_of_instagrams_own_login_should_be_called_at_instagrams_host() {
    let stage = Stage::start().await;
    let limit = answers("ig_publishing_limit").swap_remove(0);
    for (verb, edge, answer) in [
        ("GET", quota(), limit),
        ("POST", media(), json!({ "id": 17_889_615_691_921_648_u64 })),
        ("GET", format!("/{CONTAINER}"), status("FINISHED")),
    ] {
        stage
            .meta
            .mount(at_instagram(verb, &edge), ok(&answer))
            .await;
    }
    let course = stage.prepare(&by_instagram(job(picture())), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    insta::assert_json_snapshot!("instagram_own_login", stage.meta.sent().await);
    // The proof is by the secret of the app that the token belongs to: HMAC-SHA256, worked out elsewhere.
    let proof = "857902d3c4eec8e4e396e38222a9813d3ca04e5a66ca6e0f92194958884b00e3";
    let requests = stage.meta.requests().await;
    let mut sent = requests[0].url.query_pairs();
    assert!(sent.any(|(name, value)| name == "appsecret_proof" && value == proof));
}

#[tokio::test]
async fn a_reel_should_have_its_cover_and_say_whether_it_shows_in_the_feed() {
    for (name, placement, share_to_feed) in [
        ("instagram_reel", Placement::Reel, Some(false)),
        ("instagram_feed_film", Placement::Feed, None),
    ] {
        let stage = Stage::start().await;
        stage.takes("1.mp4", CONTAINER).await;
        stage.says(CONTAINER, "FINISHED").await;
        let mut content = film(placement);
        content.media[0].user_tags = vec![UserTag {
            username: "grace".into(),
            x: None,
            y: None,
        }];
        match placement {
            Placement::Reel => content.media[0].thumbnail_offset_ms = Some(1_500),
            _ => content.media[0].thumbnail_url = Some("https://cdn.example/cover.jpg".into()),
        }
        content.options.instagram = Some(InstagramOptions {
            share_to_feed,
            ..InstagramOptions::default()
        });
        let course = stage.prepare(&job(content), None).await;
        assert_eq!(course.object(), Some(CONTAINER));
        let sent = stage.meta.sent().await;
        insta::assert_json_snapshot!(name, sent[1]);
    }
}

#[tokio::test]
async fn stories_should_be_pictures_and_films_without_words() {
    let still = Content {
        caption: None,
        placement: Placement::Story,
        ..picture()
    };
    let moving = Content {
        caption: None,
        ..film(Placement::Story)
    };
    for (name, content) in [
        ("instagram_picture_story", still),
        ("instagram_film_story", moving),
    ] {
        let stage = Stage::start().await;
        stage.takes("1.", CONTAINER).await;
        stage.says(CONTAINER, "FINISHED").await;
        assert_eq!(stage.publisher.check(&content), []);
        let course = stage.prepare(&job(content), None).await;
        assert_eq!(course.object(), Some(CONTAINER));
        let sent = stage.meta.sent().await;
        insta::assert_json_snapshot!(name, sent[1]);
    }
}

#[tokio::test]
async fn a_carousel_should_follow_its_items_once_all_are_finished() {
    let stage = Stage::start().await;
    for (file, item) in [("1.jpg", "501"), ("2.mp4", "502"), ("3.jpg", "503")] {
        stage.takes(file, item).await;
    }
    stage.takes_carousel("501,502,503").await;
    for item in ["501", "503"] {
        stage.says(item, "FINISHED").await;
    }
    stage.says_once("502", "IN_PROGRESS").await;
    stage.says("502", "FINISHED").await;
    stage.says(CONTAINER, "FINISHED").await;
    let mut content = carousel(3);
    content.media[0].alt_text = Some("First".into());
    content.media[2].user_tags = vec![UserTag {
        username: "grace".into(),
        x: Some(0.0),
        y: Some(1.0),
    }];
    content.options.instagram = Some(InstagramOptions {
        location_id: Some("77".into()),
        collaborators: vec!["alan".into()],
        share_to_feed: None,
    });
    let course = stage.prepare(&job(content), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    // What is finished is not asked for again.
    assert_eq!(stage.count("GET /501").await, 1);
    assert_eq!(stage.count("GET /502").await, 2);
    insta::assert_json_snapshot!("instagram_carousel", stage.meta.sent().await);
}

#[tokio::test]
async fn two_items_and_ten_should_go_the_same_way() {
    for count in [2, 10] {
        let stage = Stage::start().await;
        let mut items = Vec::new();
        for n in 1..=count {
            let file = if n % 2 == 1 { "jpg" } else { "mp4" };
            let item = (500 + n).to_string();
            stage.takes(&format!("{n}.{file}"), &item).await;
            stage.says(&item, "FINISHED").await;
            items.push(item);
        }
        stage.takes_carousel(&items.join(",")).await;
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&job(carousel(count)), None).await;
        assert_eq!(course.object(), Some(CONTAINER));
        assert_eq!(stage.creations().await, count + 1);
    }
}

#[tokio::test]
async fn each_item_should_be_kept_by_itself() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", "501").await;
    let job = job(carousel(2));
    let first = stage.publisher.prepare(&job, None).await;
    let Prepared::Continue(progress) = first else {
        panic!("{first:?}");
    };
    assert_eq!(progress.object, None, "there is nothing to publish yet");
    stage.takes("2.mp4", "502").await;
    let second = stage
        .publisher
        .prepare(&resumed(&job), Some(&progress))
        .await;
    assert!(matches!(second, Prepared::Wait { .. }), "{second:?}");
    assert_eq!(stage.creations().await, 2);
}

#[tokio::test]
async fn an_upload_should_go_in_the_form_that_instagram_takes_and_tell_what_became_of_it() {
    let stage = Stage::start().await;
    stage.takes("rendition-1440.jpg", CONTAINER).await;
    stage.says(CONTAINER, "FINISHED").await;
    let course = stage.prepare(&job(uploaded()), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(course.notes, ["PNG became a JPEG, 1440 wide"]);

    // Of a carousel, each item.
    let stage = Stage::start().await;
    stage.takes("rendition-1440.jpg", "501").await;
    stage.takes("2.mp4", "502").await;
    stage.takes_carousel("501,502").await;
    for item in ["501", "502", CONTAINER] {
        stage.says(item, "FINISHED").await;
    }
    let mut content = carousel(2);
    content.media[0] = uploaded().media.remove(0);
    let course = stage.prepare(&job(content), None).await;
    assert_eq!(course.object(), Some(CONTAINER));
    assert_eq!(course.notes.len(), 1);
}

#[tokio::test]
async fn what_is_ready_should_stay_ready_and_cost_no_call() {
    let stage = Stage::start().await;
    stage.takes("1.jpg", CONTAINER).await;
    stage.says(CONTAINER, "FINISHED").await;
    let job = job(picture());
    let progress = stage.prepare(&job, None).await.ready().clone();
    let calls = stage.meta.calls().await.len();
    for progress in [
        progress.clone(),
        Progress {
            version: 99,
            ..progress.clone()
        },
    ] {
        let again = stage.prepare(&resumed(&job), Some(progress.clone())).await;
        assert_eq!(again.ready(), &progress);
    }
    assert_eq!(stage.meta.calls().await.len(), calls);

    // For other content it is of no use.
    let odd = Progress {
        content_revision: 7,
        ..progress
    };
    assert_eq!(
        stage.prepare(&job, Some(odd)).await.object(),
        Some(CONTAINER)
    );
    assert_eq!(stage.creations().await, 2);
}

#[tokio::test]
async fn every_known_answer_about_a_container_should_be_read() {
    for body in answers("ig_container_status") {
        let stage = Stage::start().await;
        let created = answers("ig_container_create").swap_remove(0);
        let id = created["id"].as_str().unwrap().to_owned();
        stage.on("POST", &media(), (200, created)).await;
        stage
            .once("GET", &format!("/{id}"), (200, body.clone()))
            .await;
        stage.says(&id, "FINISHED").await;
        let course = stage.prepare(&job(picture()), None).await;
        if body["status_code"] == "PUBLISHED" {
            let (failure, _) = course.failed();
            assert_eq!(failure.code, "already_published");
            continue;
        }
        assert_eq!(course.object(), Some(id.as_str()));
        let working = body["status_code"] == "IN_PROGRESS";
        assert_eq!(course.waits.len(), 1 + usize::from(working), "{body}");
    }
}

#[tokio::test]
async fn where_the_quota_cannot_be_read_it_should_go_on() {
    for answer in [
        (400, graph_error(100, 33)),
        (200, json!({ "data": [{ "quota_usage": 90 }] })),
        (200, json!({ "data": [] })),
    ] {
        let stage = Stage::start().await;
        stage.once("GET", &quota(), answer).await;
        stage.takes("1.jpg", CONTAINER).await;
        stage.says(CONTAINER, "FINISHED").await;
        let course = stage.prepare(&job(picture()), None).await;
        assert_eq!(course.object(), Some(CONTAINER));
    }
}
