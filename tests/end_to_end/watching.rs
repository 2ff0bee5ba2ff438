//! What an operator watches: the figures follow what happens.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use shareville::{
    core::meter::METRICS,
    sandbox::{Answer, Effect, Fault, Sandbox, Step},
};

use crate::{
    api::Api,
    support::{PATIENCE, Server, Times, World, text},
};

/// The text that a server shows to Prometheus.
async fn scrape(server: &Server) -> String {
    let response = reqwest::get(format!("{}/api/metrics", server.url)).await;
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    response.text().await.unwrap()
}

/// A figure, 0 where there is none yet.
fn figure(text: &str, line: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_should_follow_what_happens() {
    // A commit that takes long by itself would be looked at, too.
    let times = Times {
        lease: 20.0,
        commit: 5.0,
        ..Times::default()
    };
    let world = World::with(Sandbox::builder(), "api", times).await;
    let (page, platform) = &world.pages[0];
    let post = |caption: &str| json!({"socialPageId": page, "caption": caption, "scheduledAt": chrono::Utc::now()});

    // Nobody works: what is due waits.
    let first = world.api.post("/posts", post("first")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let text_of_api = scrape(&world.server).await;
    assert_eq!(figure(&text_of_api, "shareville_store_up"), 1.0);
    assert_eq!(figure(&text_of_api, "shareville_lanes_due"), 1.0);
    assert!(figure(&text_of_api, "shareville_due_lag_seconds") >= 0.02);
    assert_eq!(figure(&text_of_api, "shareville_claims_total"), 0.0);

    // A worker's own figures, on its own port.
    let worker = world.another("worker").await;
    world
        .api
        .until_status(&text(&first, "id"), "published")
        .await;
    let lost = Fault::on(Step::PublishPost, Effect::LoseAnswer).on_page(platform);
    world.sandbox.arm(lost);
    let second = world.api.post("/posts", post("second")).await;
    world
        .api
        .until_status(&text(&second, "id"), "published")
        .await;
    let answer = Answer::graph_error(400, 200, 0, "(#200) Permissions error");
    let refused = Fault::on(Step::CreatePost, Effect::Refuse { answer }).on_page(platform);
    world.sandbox.arm(refused);
    let third = world.api.post("/posts", post("third")).await;
    world.api.until_status(&text(&third, "id"), "failed").await;

    let live = r#"shareville_settled_total{status="published",class="none",code="none"}"#;
    let failed =
        r#"shareville_settled_total{status="failed",class="permission",code="permission"}"#;
    // The store knows of an end before the worker does that counts it.
    let begun = Instant::now();
    let shown = loop {
        let shown = scrape(&worker).await;
        if figure(&shown, live) >= 2.0 && figure(&shown, failed) >= 1.0 {
            break shown;
        }
        assert!(begun.elapsed() < PATIENCE, "{shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    for (name, labels, help) in METRICS {
        if labels.is_empty() {
            assert!(
                shown.contains(&format!("\n{name} ")) || shown.starts_with(&format!("{name} ")),
                "{name}"
            );
        }
        if figure(&shown, name) > 0.0 {
            assert!(shown.contains(&format!("# HELP {name} {help}")), "{name}");
        }
    }
    assert_eq!(figure(&shown, "shareville_lanes_due"), 0.0);
    assert!(figure(&shown, "shareville_claims_total") >= 3.0);
    assert_eq!(figure(&shown, live), 2.0, "{shown}");
    assert_eq!(figure(&shown, failed), 1.0, "{shown}");
    assert_eq!(
        figure(&shown, r#"shareville_looks_total{evidence="live"}"#),
        1.0,
        "{shown}"
    );
    for told in [
        text(&first, "id"),
        text(&world.owner.get("/client-apps").await["data"][0], "id"),
    ] {
        assert!(
            !shown.contains(&told),
            "no tenant and no post may be told of"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_figures_should_need_no_credential_and_take_no_other_method() {
    let world = World::new().await;
    let anybody = Api::at(&world.server);
    let answer = anybody.call(Method::POST, "/metrics", None).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn every_figure_should_stand_in_the_operators_handbook() {
    let handbook = include_str!("../../docs/operations.md");
    for (name, _, _) in METRICS {
        assert!(handbook.contains(&format!("`{name}`")), "{name}");
    }
}
