//! One id leads an operator from a request's answer to the calls at the platform that a worker made for it later.

use reqwest::{Method, StatusCode};
use serde_json::json;
use shareville::sandbox::Sandbox;

use crate::support::{Server, Times, World, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_should_lead_to_the_workers_calls() {
    let world = World::with(Sandbox::builder(), "api", Times::default()).await;
    let path = world.folder.path().join("worker.log");
    let log = std::fs::File::create(&path).unwrap();
    let (meta, times) = (world.sandbox.base_url(), world.times);
    let worker = Server::logging(&world.folder, meta, "worker", times, "info", log.into()).await;
    let body = json!({
        "socialPageId": world.pages[0].0, "scheduledAt": chrono::Utc::now(), "caption": "followed",
    });
    let request = world.api.request(Method::POST, "/posts").json(&body);
    let request = request.header("x-request-id", "abc-followed-1");
    let created = world.api.send(request).await;
    assert_eq!(created.status, StatusCode::CREATED, "{created:?}");
    assert_eq!(created.headers["x-request-id"], "abc-followed-1");
    let id = text(&created.body, "id");
    world.api.until_status(&id, "published").await;
    assert!(worker.stop());

    let log = std::fs::read_to_string(&path).unwrap();
    let of_it: Vec<_> = log
        .lines()
        .filter(|line| line.contains("abc-followed-1") && line.contains(&id))
        .collect();
    for wanted in [
        "step=\"prepare\"",
        "step=\"commit\"",
        "http_status=200",
        "settled",
    ] {
        assert!(
            of_it.iter().any(|line| line.contains(wanted)),
            "no {wanted} in {log}"
        );
    }
    for secret in ["access_token", "appsecret_proof", "an app secret"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let events = world.api.get(&format!("/posts/{id}/events")).await;
    let told = events["data"].as_array().unwrap().iter();
    let asked = told.filter(|event| event["data"]["requestId"] == "abc-followed-1");
    assert_eq!(asked.count(), 2, "created and scheduled: {events:#}");
}
