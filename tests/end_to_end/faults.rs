//! Every fault at every call of the publishing path: always exactly one visible post, counted at the sandbox.

use std::time::Duration;

use serde_json::{Value, json};
use shareville::sandbox::{Answer, Consent, Death, Effect, Fault, FaultId, Step, demo};

use crate::support::{Times, World, text, with_pages};

/// What can befall a call and go away by itself.
fn passing() -> Vec<(&'static str, Effect)> {
    vec![
        ("the answer is lost", Effect::LoseAnswer),
        (
            "acts, and answers code 2",
            Effect::ActAndAnswer {
                answer: Answer::code_2(),
            },
        ),
        (
            "acts, and answers code 1",
            Effect::ActAndAnswer {
                answer: Answer::code_1(),
            },
        ),
        (
            "acts, and answers a proxy's page",
            Effect::ActAndAnswer {
                answer: Answer::bad_gateway(),
            },
        ),
        (
            "acts late",
            Effect::ActLate {
                after: Duration::from_millis(600),
                close_after: Duration::from_millis(50),
            },
        ),
        (
            "is slow",
            Effect::Delay {
                duration: Duration::from_millis(300),
            },
        ),
        (
            "answers slowly",
            Effect::DelayAnswer {
                duration: Duration::from_millis(300),
            },
        ),
        (
            "answers after the deadline",
            Effect::DelayAnswer {
                duration: Duration::from_millis(2500),
            },
        ),
        ("the request is lost", Effect::LoseRequest),
        (
            "refuses with code 2",
            Effect::Refuse {
                answer: Answer::code_2(),
            },
        ),
    ]
}

/// One fault, on one Page of its own, for one post.
struct Case {
    name: String,
    caption: String,
    page: (String, String),
    fault: FaultId,
    post: String,
}

async fn run(step: Step, body: Value) {
    let mut effects = passing();
    if step == Step::PublishPost {
        // While it is prepared, this blocks the account; at the commit it has lied before.
        let answer = Answer::spam_block();
        effects.push((
            "acts, and answers the spam block",
            Effect::ActAndAnswer { answer },
        ));
        // While it is prepared, nobody knows what this means, so a person is asked.
        let answer = Answer::success_false();
        effects.push((
            "acts, and answers success false",
            Effect::ActAndAnswer { answer },
        ));
    }
    // Nobody dies here, so no lease needs to end soon: on a slow machine a short one would be lost.
    let times = Times {
        lease: 20.0,
        ..Times::default()
    };
    let world = World::with(with_pages(effects.len()), "all", times).await;
    let pages = world
        .pages
        .iter()
        .filter(|(_, platform)| platform.starts_with("9000000"));
    let mut cases = Vec::new();
    for (index, ((name, effect), page)) in effects.into_iter().zip(pages).enumerate() {
        let fault = world.sandbox.arm(Fault::on(step, effect).on_page(&page.1));
        let caption = format!("{step:?} {index}");
        let mut more = body.clone();
        more["caption"] = json!(caption);
        let post = world.publish(&page.0, more).await;
        cases.push(Case {
            name: format!("{step:?}: {name}"),
            caption,
            page: page.clone(),
            fault,
            post,
        });
    }
    for case in &cases {
        let post = world.api.until_status(&case.post, "published").await;
        if post["firstComment"].is_string() {
            // A comment comes after the post is known to be live.
            let ended = |post: &Value| post["firstCommentStatus"] != "pending";
            world.api.until(&case.post, ended).await;
        }
        assert_eq!(
            world.sandbox.struck(case.fault),
            1,
            "{}: the fault never struck",
            case.name
        );
    }
    world.sandbox.quiet().await;
    for case in &cases {
        let visible = world.visible(&case.page.1, &case.caption);
        assert_eq!(visible.len(), 1, "{}: {visible:#?}", case.name);
        assert_eq!(
            world.sandbox.visible_posts(&case.page.1).len(),
            1,
            "{}",
            case.name
        );
        let post = world.api.get(&format!("/posts/{}", case.post)).await;
        assert_eq!(
            text(&post, "platformPostId"),
            visible[0].id,
            "{}",
            case.name
        );
        if post["firstComment"].is_string() {
            // A comment that nobody answered may yet appear, so it is not sent again, and nobody claims to know.
            let lost = case.name.ends_with("the request is lost");
            let (comments, status) = if lost {
                (0, "unknown")
            } else {
                (1, "published")
            };
            assert_eq!(
                visible[0].comments.len(),
                comments,
                "{}: {visible:#?}",
                case.name
            );
            assert_eq!(post["firstCommentStatus"], status, "{}", case.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_should_survive_every_fault() {
    run(Step::CreatePost, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_with_photos_should_survive_every_fault() {
    let media = [
        "https://pictures.example/1.jpg",
        "https://pictures.example/2.jpg",
    ];
    run(Step::CreatePost, json!({"media": media})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploading_should_survive_every_fault() {
    run(
        Step::PhotoUpload,
        json!({"media": ["https://pictures.example/1.jpg"]}),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn committing_should_survive_every_fault() {
    run(Step::PublishPost, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_back_should_survive_every_fault() {
    run(Step::ReadPost, json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commenting_should_survive_every_fault() {
    run(Step::CreateComment, json!({"firstComment": "first"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_should_be_waited_for_and_told() {
    let times = Times {
        base: 0.02,
        ..Times::default()
    };
    let world = World::with(with_pages(0), "all", times).await;
    let (page, platform_page) = &world.pages[0];
    let fault = world.sandbox.arm(
        Fault::on(
            Step::PublishPost,
            Effect::Throttle {
                code: 80001,
                minutes: 3,
            },
        )
        .on_page(platform_page),
    );
    let id = world.publish(page, json!({"caption": "patience"})).await;
    let waiting = world
        .api
        .until(&id, |post| post["error"]["code"] == "rate_limited")
        .await;
    assert_eq!(world.sandbox.struck(fault), 1);
    assert_eq!(waiting["status"], "scheduled", "{waiting:#}");
    assert_eq!(waiting["error"]["action"], "wait");
    assert_eq!(waiting["attempts"], 0, "a rate limit is no attempt");
    let until: chrono::DateTime<chrono::Utc> = text(&waiting, "nextAttemptAt").parse().unwrap();
    let minutes = (until - chrono::Utc::now()).num_seconds();
    assert!((120..=200).contains(&minutes), "{minutes}");
    assert!(world.visible(platform_page, "patience").is_empty());
    // Another post of the same Page waits as well, and says why.
    let other = world.publish(page, json!({"caption": "another"})).await;
    let other = world.api.get(&format!("/posts/{other}")).await;
    assert_eq!(other["status"], "scheduled");
    assert_eq!(other["error"]["code"], "rate_limited");
    assert_eq!(other["nextAttemptAt"], waiting["nextAttemptAt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_token_should_wait_for_the_reconnect() {
    for step in [Step::CreatePost, Step::PublishPost, Step::ReadPost] {
        let world = World::new().await;
        let (page, platform_page) = world
            .pages
            .iter()
            .find(|page| page.1 == demo::BAKERY)
            .unwrap();
        if step == Step::ReadPost {
            // The look that follows a lost answer finds the token dead, with the mark open.
            world
                .sandbox
                .arm(Fault::on(Step::PublishPost, Effect::LoseRequest).on_page(platform_page));
        }
        let death = Effect::Revoke {
            death: Death::PasswordChanged,
        };
        let fault = world
            .sandbox
            .arm(Fault::on(step, death).on_page(platform_page));
        let id = world.publish(page, json!({"caption": "again"})).await;
        world
            .api
            .until(&id, |post| post["error"]["code"] == "reauthorize")
            .await;
        assert_eq!(world.sandbox.struck(fault), 1, "{step:?}");
        let path = format!("/social/providers/{}", world.connection);
        assert_eq!(
            world.api.get(&path).await["status"],
            "reauthorization_required",
            "{step:?}"
        );
        assert!(world.visible(platform_page, "again").is_empty());

        let reconnected = world.connect("ada", &Consent::all()).await;
        assert_eq!(reconnected, world.connection, "a reconnect keeps ids");
        world.api.until_status(&id, "published").await;
        assert_eq!(world.visible(platform_page, "again").len(), 1, "{step:?}");
    }
}
