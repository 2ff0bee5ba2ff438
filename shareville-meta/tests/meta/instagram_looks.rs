//! Finding out what became of a commit at Instagram.

use serde_json::{Value, json};
use shareville_core::{
    failure::{Failure, FailureClass},
    post::{Content, Evidence, Placement, Published},
    publisher::{Job, Publisher as _},
};
use wiremock::matchers::{query_param, query_param_is_missing};

use crate::{
    corpus::answers,
    instagram_stage::{
        CONTAINER, MEDIA, Stage, carousel, failure, film, job, media, picture, ready, status,
    },
    support::{graph_error, graph_time, now},
};

/// A list of nothing.
fn none() -> Value {
    json!({ "data": [] })
}

async fn look(stage: &Stage, job: &Job) -> Result<Evidence, Failure> {
    stage.publisher.look(job, &ready(job), now()).await
}

/// An item of the list that is the picture.
fn item() -> Value {
    json!({
        "id": MEDIA,
        "caption": "Look: ä & ö",
        "timestamp": graph_time(2),
        "permalink": "https://www.instagram.com/p/x/",
        "media_type": "IMAGE",
        "media_product_type": "FEED",
    })
}

/// The same, but for one thing.
fn but(name: &str, value: Value) -> Value {
    let mut item = item();
    item[name] = value;
    item
}

fn list(items: &[Value]) -> (u16, Value) {
    (200, json!({ "data": items }))
}

/// A container that is published, or one that cannot be read, and this list.
async fn with(container: (u16, Value), listed: (u16, Value)) -> Stage {
    let stage = Stage::start().await;
    stage.on("GET", &format!("/{CONTAINER}"), container).await;
    stage.on("GET", &media(), listed).await;
    stage
}

fn unreadable() -> (u16, Value) {
    (400, graph_error(100, 33))
}

#[tokio::test]
async fn a_published_container_should_be_live_and_the_list_tell_which_it_is() {
    let mut other = but("id", json!("1"));
    other["caption"] = json!("Another");
    let others = [other, item()];
    let stage = with((200, status("PUBLISHED")), list(&others)).await;
    let Evidence::Visible { guess: published } = look(&stage, &job(picture())).await.unwrap()
    else {
        panic!("it is live");
    };
    assert_eq!(published.platform_id.as_deref(), Some(MEDIA));
    let link = published.permalink.as_deref();
    assert_eq!(link, Some("https://www.instagram.com/p/x/"));
    insta::assert_json_snapshot!("instagram_look", stage.meta.sent().await);
}

#[tokio::test]
async fn a_published_container_should_be_live_even_where_nobody_tells_which_it_is() {
    let published = (200, status("PUBLISHED"));
    for listed in [
        (200, none()),
        list(&[item(), but("id", json!("1"))]),
        (500, graph_error(2, 0)),
        (400, graph_error(190, 0)),
    ] {
        let stage = with(published.clone(), listed).await;
        let evidence = look(&stage, &job(picture())).await.unwrap();
        assert_eq!(evidence, Evidence::Live(Published::default()));
    }
    // What has no words is not told from others of its kind.
    let silent = Content {
        caption: None,
        ..picture()
    };
    let story = Content {
        placement: Placement::Story,
        ..silent.clone()
    };
    for content in [silent, story] {
        let stage = with(published.clone(), list(&[but("caption", Value::Null)])).await;
        let evidence = look(&stage, &job(content)).await.unwrap();
        assert_eq!(evidence, Evidence::Live(Published::default()));
        assert_eq!(stage.meta.calls().await.len(), 1);
    }
}

#[tokio::test]
async fn the_container_should_decide_as_long_as_it_can_be_read() {
    let sentence = "Error: Media upload has failed with error code 2207026";
    let stage = with((200, status("FINISHED")), list(&[item()])).await;
    assert_eq!(look(&stage, &job(picture())).await, Ok(Evidence::Absent));
    let stage = with((200, status("IN_PROGRESS")), list(&[item()])).await;
    let evidence = look(&stage, &job(picture())).await.unwrap();
    assert!(matches!(evidence, Evidence::Pending { until } if until > now()));
    for (container, expected) in [
        (
            failure(sentence),
            FailureClass::Content { retryable: false },
        ),
        (status("EXPIRED"), FailureClass::Transient),
    ] {
        let stage = with((200, container), list(&[item()])).await;
        let evidence = look(&stage, &job(picture())).await.unwrap();
        let Evidence::Dead(failure) = evidence else {
            panic!("{evidence:?}");
        };
        assert_eq!(failure.class, expected);
        assert_eq!(stage.meta.calls().await.len(), 1);
    }
}

#[tokio::test]
async fn where_the_container_cannot_be_read_the_list_may_prove_that_it_is_live() {
    for container in [
        unreadable(),
        (400, graph_error(10, 0)),
        (400, graph_error(24, 2_207_008)),
        (200, json!({ "id": CONTAINER })),
    ] {
        let stage = with(container, list(&[item()])).await;
        let Evidence::Live(published) = look(&stage, &job(picture())).await.unwrap() else {
            panic!("it is live");
        };
        assert_eq!(published.platform_id.as_deref(), Some(MEDIA));
    }
}

#[tokio::test]
async fn the_list_should_never_prove_that_a_post_is_absent_nor_name_the_newest() {
    for listed in [
        (200, none()),
        (200, json!({})),
        (500, graph_error(2, 0)),
        list(&[but("caption", json!("Another"))]),
        list(&[but("timestamp", json!(graph_time(-1)))]),
        list(&[but("timestamp", Value::Null)]),
        list(&[but("media_type", Value::Null)]),
        list(&[but("media_type", json!("VIDEO"))]),
        list(&[but("media_product_type", json!("STORY"))]),
        list(&[item(), but("id", json!("1"))]),
        list(&[item(), {
            let mut perhaps = but("media_type", Value::Null);
            perhaps["id"] = json!("1");
            perhaps
        }]),
        (200, json!({ "data": [item()], "paging": { "next": "…" } })),
    ] {
        let stage = with(unreadable(), listed.clone()).await;
        let evidence = look(&stage, &job(picture())).await.unwrap();
        let seen =
            matches!(&evidence, Evidence::Unclear(Some(it)) if it.class == FailureClass::NotFound);
        assert!(seen, "{listed:?}: {evidence:?}");
    }
}

#[tokio::test]
async fn each_kind_should_match_its_own_only() {
    let reel = |mut item: Value| {
        item["media_type"] = json!("VIDEO");
        item["media_product_type"] = json!("REELS");
        item
    };
    let album = |mut item: Value| {
        item["media_type"] = json!("CAROUSEL_ALBUM");
        item
    };
    let items = [item(), reel(item()), album(item())];
    let contents = [picture(), film(Placement::Feed), carousel(2)];
    for (n, content) in contents.into_iter().enumerate() {
        for (m, item) in items.iter().enumerate() {
            let stage = with(unreadable(), list(std::slice::from_ref(item))).await;
            let evidence = look(&stage, &job(content.clone())).await.unwrap();
            let live = matches!(evidence, Evidence::Live(_));
            assert_eq!(live, n == m, "{content:?} {item}");
        }
    }
}

#[tokio::test]
async fn a_known_item_of_a_list_should_be_read() {
    let mut item = answers("ig_media").swap_remove(0);
    item["timestamp"] = json!(graph_time(1));
    let stage = with(unreadable(), list(&[item.clone()])).await;
    let content = Content {
        caption: Some("Great carousel".to_owned()),
        ..carousel(3)
    };
    let evidence = look(&stage, &job(content)).await.unwrap();
    let Evidence::Live(published) = evidence else {
        panic!("{evidence:?}");
    };
    assert_eq!(published.platform_id.as_deref(), item["id"].as_str());
}

#[tokio::test]
async fn a_caption_should_be_told_by_what_the_list_shows_of_it() {
    let long = "ä".repeat(2_100);
    let shortened = long.chars().take(2_000).collect::<String>();
    for (caption, listed, live) in [
        ("One\r\ntwo ", "One\ntwo", true),
        ("One", "One more", false),
        (&long, &long, true),
        (&long, &shortened, true),
        (&long, &format!("{}…", "ä".repeat(1_997)), true),
        (&long, "ä", false),
        (&long, &"a".repeat(2_000), false),
        // One that is short is never shortened.
        ("ää", "ä", false),
    ] {
        let stage = with(unreadable(), list(&[but("caption", json!(listed))])).await;
        let content = Content {
            caption: Some(caption.to_owned()),
            ..picture()
        };
        let evidence = look(&stage, &job(content)).await.unwrap();
        assert_eq!(matches!(evidence, Evidence::Live(_)), live, "{evidence:?}");
    }
}

#[tokio::test]
async fn the_list_should_be_read_to_the_time_of_the_commit_and_by_cursor() {
    let elsewhere = "https://graph.facebook.com/never/followed?access_token=x";
    let more = |items: &[Value], after: &str| {
        let paging = json!({ "cursors": { "before": "b", "after": after }, "next": elsewhere });
        (200, json!({ "data": items, "paging": paging }))
    };
    let other = |seconds: i64| {
        let mut other = but("caption", json!("Another"));
        other["timestamp"] = json!(graph_time(seconds));
        other
    };
    let stage = Stage::start().await;
    stage
        .on("GET", &format!("/{CONTAINER}"), unreadable())
        .await;
    let first = more(&[other(60)], "cursor-1");
    stage
        .meta
        .on_with("GET", &media(), query_param_is_missing("after"), first)
        .await;
    let second = more(&[item(), other(-60)], "cursor-2");
    stage
        .meta
        .on_with("GET", &media(), query_param("after", "cursor-1"), second)
        .await;
    let evidence = look(&stage, &job(picture())).await.unwrap();
    assert!(matches!(evidence, Evidence::Live(_)), "{evidence:?}");
    insta::assert_json_snapshot!("instagram_look_listed", stage.meta.sent().await);

    // A list without end proves nothing: another might be among the rest.
    let stage = with(unreadable(), more(&[other(60)], "again")).await;
    let evidence = look(&stage, &job(picture())).await.unwrap();
    assert!(matches!(evidence, Evidence::Unclear(_)), "{evidence:?}");
    assert_eq!(stage.meta.calls().await.len(), 1 + 5);
}

#[tokio::test]
async fn a_look_that_is_refused_should_stop_the_lane_and_one_that_fails_tell_nothing() {
    for code in [190, 80_002, 4] {
        let refused = (400, graph_error(code, 0));
        let stage = with(refused.clone(), list(&[item()])).await;
        assert!(look(&stage, &job(picture())).await.is_err(), "{code}");
        let stage = with(unreadable(), refused).await;
        assert!(look(&stage, &job(picture())).await.is_err(), "{code}");
    }
    for (status, code) in [(500, 2), (400, 987_654), (400, 368)] {
        let stage = with((status, graph_error(code, 0)), list(&[item()])).await;
        let evidence = look(&stage, &job(picture())).await;
        assert!(matches!(evidence, Ok(Evidence::Unclear(Some(_)))), "{code}");
    }
}

#[tokio::test]
async fn what_is_set_aside_should_be_let_go_only_if_it_is_not_published() {
    let dead = failure("Error: Media upload has failed with error code 2207026");
    for (container, expected) in [
        ((200, status("FINISHED")), None),
        ((200, status("IN_PROGRESS")), None),
        ((200, status("EXPIRED")), None),
        ((200, dead), None),
        ((200, status("PUBLISHED")), Some("still_visible")),
        ((200, json!({ "id": CONTAINER })), Some("transient")),
        (unreadable(), Some("not_found")),
        ((400, graph_error(10, 0)), Some("not_found")),
        ((500, graph_error(2, 0)), Some("transient")),
        ((400, graph_error(190, 0)), Some("reauthorize")),
    ] {
        let stage = with(container, (200, none())).await;
        let job = job(picture());
        let discarded = stage.publisher.discard(&job, &ready(&job)).await;
        // "Not found" is believed by the engine when it hears it twice.
        let class = discarded.err().map(|failure| (failure.class, failure.code));
        let code = class.as_ref().map(|(class, code)| {
            let known = [class.code(), "still_visible"].contains(&code.as_str());
            assert!(known, "{class:?}: {code}");
            code.as_str()
        });
        assert_eq!(code, expected);
    }
    let stage = Stage::start().await;
    let job = job(picture());
    let nothing = shareville_core::post::Progress {
        object: None,
        ..ready(&job)
    };
    assert_eq!(stage.publisher.discard(&job, &nothing).await, Ok(()));
    assert!(stage.meta.calls().await.is_empty());
}
