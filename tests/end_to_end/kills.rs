//! The worker's process killed or frozen at every point of the publishing path: always exactly one visible post.

use std::time::{Duration, Instant};

use serde_json::json;
use shareville::sandbox::{Effect, Fault, Moment, Step};

use crate::support::{PATIENCE, Times, World, with_pages};

/// Where a worker is struck: in the middle of a call, before or after Meta has acted.
const POINTS: [(&str, Step, Moment); 6] = [
    (
        "before the object exists",
        Step::CreatePost,
        Moment::BeforeActing,
    ),
    ("before the mark", Step::CreatePost, Moment::AfterActing),
    (
        "during the commit, before Meta acts",
        Step::PublishPost,
        Moment::BeforeActing,
    ),
    (
        "during the commit, after Meta acted",
        Step::PublishPost,
        Moment::AfterActing,
    ),
    ("before the settle", Step::ReadPost, Moment::BeforeActing),
    (
        "in the first comment",
        Step::CreateComment,
        Moment::AfterActing,
    ),
];

#[derive(Clone, Copy, PartialEq)]
enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGSTOP beyond its lease; woken once another worker is done.
    Freeze,
    /// SIGSTOP beyond its lease; woken, and Meta acts late, while the other worker may be at it.
    FreezeAndActLate,
}

async fn strike(blow: Blow) {
    let world = World::with(with_pages(POINTS.len()), "api", Times::default()).await;
    let pages: Vec<_> = world
        .pages
        .iter()
        .filter(|(_, platform)| platform.starts_with("9000000"))
        .collect();
    for ((name, step, moment), (page, platform_page)) in POINTS.into_iter().zip(pages) {
        let caption = format!("{name}, {}", blow as u8);
        let worker = world.another("worker").await;
        let fault = world
            .sandbox
            .arm(Fault::on(step, Effect::Hold { moment }).on_page(platform_page));
        let id = world
            .publish(page, json!({"caption": caption, "firstComment": "first"}))
            .await;
        world.sandbox.held(fault).await.unwrap();
        let frozen = match blow {
            Blow::Kill => {
                worker.kill();
                None
            }
            Blow::Freeze | Blow::FreezeAndActLate => {
                worker.freeze(&world.folder).await;
                Some(worker)
            }
        };
        if blow == Blow::FreezeAndActLate {
            world.sandbox.release(fault).unwrap();
        }
        let second = world.another("worker").await;
        world.api.until_status(&id, "published").await;
        if let Some(frozen) = &frozen {
            frozen.wake();
        }
        if blow != Blow::FreezeAndActLate {
            // What the first worker had sent takes effect only now.
            world.sandbox.release(fault).unwrap();
        }
        world.sandbox.quiet().await;
        let post = world
            .api
            .until(&id, |post| post["firstCommentStatus"] == "published")
            .await;
        // Both workers are asked to end, so that nothing is under way any more when the posts are counted.
        if let Some(frozen) = frozen {
            assert!(frozen.stop(), "{name}");
        }
        assert!(second.stop(), "{name}");
        world.sandbox.quiet().await;
        assert_eq!(world.sandbox.struck(fault), 1, "{name}: never struck");
        let visible = world.sandbox.visible_posts(platform_page);
        assert_eq!(visible.len(), 1, "{name}: {visible:#?}");
        assert_eq!(post["platformPostId"], visible[0].id.as_str(), "{name}");
        assert_eq!(
            visible[0].comments.len(),
            1,
            "{name}: {:#?}",
            visible[0].comments
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_worker_should_leave_exactly_one_post() {
    strike(Blow::Kill).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_that_wakes_should_leave_exactly_one_post() {
    strike(Blow::Freeze).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_whose_call_acts_late_should_leave_exactly_one_post() {
    strike(Blow::FreezeAndActLate).await;
}

/// Many posts, and a worker that is killed again and again at random moments.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_again_and_again_should_publish_each_post_once() {
    let world = World::with(
        with_pages(8),
        "api",
        Times {
            lease: 2.0,
            uncertain: 60.0,
            ..Times::default()
        },
    )
    .await;
    let slow = Effect::DelayAnswer {
        duration: Duration::from_millis(100),
    };
    world
        .sandbox
        .arm(Fault::on(Step::PublishPost, slow).always());
    let mut posts = Vec::new();
    for number in 0..120 {
        let page = &world.pages[number % world.pages.len()];
        let caption = format!("number {number}");
        posts.push((
            world.publish(&page.0, json!({"caption": caption})).await,
            page.1.clone(),
            caption,
        ));
    }
    // A fixed series of moments after it has begun, which may be when the last one's leases have run out: the kill falls
    // wherever the worker then is.
    for moment in [60, 250, 30, 400, 150] {
        let before = world.sandbox.calls().len();
        let worker = world.another("worker").await;
        let begun = Instant::now();
        while world.sandbox.calls().len() == before {
            assert!(begun.elapsed() < PATIENCE, "nothing was left to do");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(moment)).await;
        worker.kill();
        // What it had sent may still be under way.
        world.sandbox.quiet().await;
    }
    let last = world.another("worker").await;
    for (id, platform_page, caption) in &posts {
        world.api.until_status(id, "published").await;
        assert_eq!(world.visible(platform_page, caption).len(), 1, "{caption}");
    }
    assert!(last.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_told_to_stop_should_hand_back_what_it_holds() {
    let times = Times {
        lease: 60.0,
        ..Times::default()
    };
    let world = World::with(with_pages(0), "api", times).await;
    let (page, platform_page) = &world.pages[0];
    let worker = world.another("worker").await;
    let slow = Effect::DelayAnswer {
        duration: Duration::from_millis(400),
    };
    let fault = world
        .sandbox
        .arm(Fault::on(Step::CreatePost, slow).on_page(platform_page));
    let id = world.publish(page, json!({"caption": "handed over"})).await;
    while world
        .sandbox
        .calls()
        .iter()
        .all(|call| call.step != Step::CreatePost)
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(worker.stop(), "it ends well");
    // Its lease would have lasted a minute: the next worker need not wait for that.
    let second = world.another("worker").await;
    let begun = Instant::now();
    world.api.until_status(&id, "published").await;
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(world.sandbox.struck(fault), 1);
    assert_eq!(world.visible(platform_page, "handed over").len(), 1);
    drop(second);
}
