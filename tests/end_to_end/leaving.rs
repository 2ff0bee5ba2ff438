//! A server that is told to end while clients are at it: every request that was sent is answered.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    support::{Server, Times, World, text, with_pages},
    wire::{Reply, Wire},
};

/// Clients that only ask, and clients that work.
const CLIENTS: u32 = 50;
const WORKERS: u32 = 8;

/// Times of a server that says for some seconds that it is about to leave.
fn patient() -> Times {
    Times {
        drain: 5.0,
        lease: 20.0,
        ..Times::default()
    }
}

/// Sends a request, whose answer must come and be of this status.
async fn ask(wire: &mut Wire, request: &str, status: u16) -> Reply {
    wire.send(request).await.unwrap();
    let reply = wire.reply().await.expect("a request was not answered");
    assert_eq!(reply.status, status, "{reply:?}");
    reply
}

/// Asks one server again and again until it says that it leaves, then the other one, as a balancer does. Each first
/// answer is added to `asked`.
async fn asks(leaving: &Server, staying: &Server, pause: Duration, asked: &Semaphore) {
    let mut answered = [0, 0];
    for (index, server) in [leaving, staying].into_iter().enumerate() {
        let mut wire = Wire::to(server).await.unwrap();
        while answered[1] < 5 {
            let request = "GET /api/posts HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let reply = ask(&mut wire, request, 401).await;
            answered[index] += 1;
            if answered == [1, 0] {
                asked.add_permits(1);
            }
            if reply.closes() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
    }
    assert_eq!(answered[1], 5);
}

/// Likewise creates posts and reads each; gives their ids.
async fn works(leaving: &Server, world: &World, asked: &Semaphore) -> Vec<String> {
    let key = world.api.key.as_deref().unwrap();
    let head = format!("HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n");
    let body = json!({"socialPageId": world.pages[0].0, "caption": "work"}).to_string();
    let create = format!(
        "POST /api/posts {head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut created = Vec::new();
    let mut enough = usize::MAX;
    for server in [leaving, &world.server] {
        let mut wire = Wire::to(server).await.unwrap();
        while created.len() < enough {
            let reply = ask(&mut wire, &create, 201).await;
            let post: Value = serde_json::from_str(&reply.body).unwrap();
            let id = text(&post, "id");
            let read = format!("GET /api/posts/{id} {head}\r\n");
            created.push(id);
            if reply.closes() {
                break;
            }
            let reply = ask(&mut wire, &read, 200).await;
            if created.len() == 1 {
                asked.add_permits(1);
            }
            if reply.closes() {
                break;
            }
        }
        // Some more of the one that stays.
        enough = created.len() + 5;
    }
    created
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_deploy_should_fail_no_request() {
    let world = World::with(with_pages(0), "api", patient()).await;
    let leaving = world.another("api").await;
    let asked = Semaphore::new(0);
    let clients = (0..CLIENTS).map(|client| {
        let pause = Duration::from_millis(u64::from(client) * 2);
        asks(&leaving, &world.server, pause, &asked)
    });
    let workers = (0..WORKERS).map(|_| works(&leaving, &world, &asked));
    let (clients, workers) = (
        futures::future::join_all(clients),
        futures::future::join_all(workers),
    );
    // It is told to leave once all are at it.
    let told = async {
        asked
            .acquire_many(CLIENTS + WORKERS)
            .await
            .unwrap()
            .forget();
        leaving.terminate();
    };
    let (_, created, ()) = tokio::join!(clients, workers, told);
    // All that was promised is there.
    for id in created.iter().flatten() {
        world.api.get(&format!("/posts/{id}")).await;
    }
    assert!(leaving.stopped(), "it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_should_be_answered_when_the_server_leaves() {
    let world = World::with(with_pages(0), "api", patient()).await;
    let (page, _) = &world.pages[0];
    let body = json!({"socialPageId": page, "caption": "nobody publishes it"});
    let post = world.api.post("/posts", body).await;
    let path = format!("/posts/{}/publish", post["id"].as_str().unwrap());
    let request = world
        .api
        .request(reqwest::Method::POST, &path)
        .header("prefer", "wait=60");
    let waiting = tokio::spawn({
        let api = world.api.clone();
        async move { api.send(request).await }
    });
    let id = post["id"].as_str().unwrap();
    // It waits once it is to be published.
    world.api.until(id, |post| post["status"] != "draft").await;
    let mut idle = Wire::to(&world.server).await.unwrap();
    idle.get("/api/health").await.unwrap();
    assert!(!idle.reply().await.unwrap().closes());

    world.server.terminate();
    let answer = waiting.await.unwrap();
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    // While it drains, others still come in, and are told to go elsewhere.
    let mut late = Wire::to(&world.server).await.unwrap();
    late.get("/api/ready").await.unwrap();
    let reply = late.reply().await.unwrap();
    assert_eq!(reply.status, 503, "{reply:?}");
    assert!(
        reply.closes() && reply.body.contains("shutting_down"),
        "{reply:?}"
    );
    idle.get("/api/health").await.unwrap();
    let reply = idle.reply().await.unwrap();
    assert!(reply.status == 200 && reply.closes(), "{reply:?}");
    idle.closed().await;
    assert!(world.server.stopped(), "it ends well");
}
