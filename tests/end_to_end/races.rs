//! People who change a post while the worker's call is under way, and clients that send a request twice at once.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::{Effect, Fault, Moment, Step};

use crate::{
    api::Api,
    support::{Times, World, with_pages},
};

/// Where the worker's call is held.
const POINTS: [(Step, Moment); 4] = [
    (Step::CreatePost, Moment::BeforeActing),
    (Step::CreatePost, Moment::AfterActing),
    (Step::PublishPost, Moment::BeforeActing),
    (Step::PublishPost, Moment::AfterActing),
];

/// What somebody does to the post: method, the rest of the path, body.
fn deeds() -> [(&'static str, Method, &'static str, Value); 4] {
    let later = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).to_rfc3339();
    [
        ("edit", Method::PATCH, "", json!({"caption": "Changed"})),
        (
            "postpone",
            Method::POST,
            "/schedule",
            json!({"scheduledAt": later}),
        ),
        ("cancel", Method::POST, "/cancel", json!({})),
        ("delete", Method::DELETE, "", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_that_races_a_call_should_win_or_be_refused_and_never_both() {
    let races = POINTS.len() * deeds().len();
    let world = World::with(with_pages(races), "api", Times::default()).await;
    let mut pages = world
        .pages
        .iter()
        .filter(|(_, it)| it.starts_with("9000000"));
    for (step, moment) in POINTS {
        for (name, method, path, body) in deeds() {
            let what = format!("{name} while {step:?} is held {moment:?}");
            let (page, platform_page) = pages.next().unwrap();
            let hold = Fault::on(step, Effect::Hold { moment }).on_page(platform_page);
            let hold = world.sandbox.arm(hold);
            let worker = world.another("worker").await;
            let id = world.publish(page, json!({"caption": "As it was"})).await;
            world.sandbox.held(hold).await.unwrap();
            let path = format!("/posts/{id}{path}");
            let answer = world.api.call(method, &path, Some(body)).await;
            world.sandbox.release(hold).unwrap();
            // It finishes what it holds.
            assert!(worker.stop(), "{what}");
            let worker = world.another("worker").await;
            let won = answer.status.is_success();
            assert_eq!(won, step == Step::CreatePost, "{what}: {answer:?}");
            if !won {
                assert_eq!(answer.status, StatusCode::CONFLICT, "{what}");
                assert_eq!(answer.body["code"], "commit_in_progress", "{what}");
            }
            if !won || name == "edit" {
                world.api.until_status(&id, "published").await;
            }
            // Whatever else was to happen on this page has happened once this one is out.
            let last = world.publish(page, json!({"caption": "The last"})).await;
            world.api.until_status(&last, "published").await;
            assert!(worker.stop(), "{what}");
            world.sandbox.quiet().await;
            let mut seen = world.sandbox.visible_posts(platform_page);
            seen.retain(|post| post.message.as_deref() != Some("The last"));
            let expected = match (won, name) {
                (false, _) => vec![Some("As it was")],
                (true, "edit") => vec![Some("Changed")],
                (true, _) => vec![],
            };
            let seen: Vec<_> = seen.iter().map(|post| post.message.as_deref()).collect();
            assert_eq!(seen, expected, "{what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_key_should_create_one_post() {
    let world = World::with(with_pages(1), "api", Times::default()).await;
    let other = world.another("api").await;
    let there = Api::at(&other).with(world.api.key.clone().unwrap());
    let body = json!({"socialPageId": world.pages[0].0, "caption": "Once"});
    let calls = (0..12).map(|number| {
        let api = if number % 2 == 0 { &world.api } else { &there };
        let request = api.request(Method::POST, "/posts").json(&body);
        api.send(request.header("idempotency-key", "order-17"))
    });
    let answers = futures::future::join_all(calls).await;
    let replayed = answers
        .iter()
        .filter(|it| it.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 11);
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        assert_eq!(answer.body, answers[0].body);
    }
    let listed = world.api.get("/posts").await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}
