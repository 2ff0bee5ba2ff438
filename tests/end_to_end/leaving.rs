//! A server that is told to end while clients are at it: every request that was sent is answered.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::json;

use crate::{
    support::{Server, Times, World, with_pages},
    wire::Wire,
};

const CLIENTS: usize = 50;

/// Times of a server that says for a second that it is about to leave.
fn patient() -> Times {
    Times {
        drain: 1.0,
        lease: 20.0,
        ..Times::default()
    }
}

/// Asks one server again and again until it says that it leaves, then the other one, as a balancer does; gives how often
/// each has answered.
async fn loops(leaving: &Server, staying: &Server, pause: Duration) -> [usize; 2] {
    let mut answered = [0, 0];
    for (index, server) in [leaving, staying].into_iter().enumerate() {
        let mut wire = Wire::to(server).await.unwrap();
        while answered[1] < 5 {
            wire.get("/api/posts").await.unwrap();
            let reply = wire.reply().await.expect("a request was not answered");
            assert_eq!(reply.status, 401, "{reply:?}");
            answered[index] += 1;
            if reply.closes() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_deploy_should_fail_no_request() {
    let world = World::with(with_pages(0), "api", patient()).await;
    let leaving = world.another("api").await;
    let clients = (0..CLIENTS).map(|client| {
        let pause = Duration::from_millis(client as u64 * 2);
        loops(&leaving, &world.server, pause)
    });
    let clients = futures::future::join_all(clients);
    let told = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        leaving.terminate();
    };
    let (answered, ()) = tokio::join!(clients, told);
    for [before, after] in answered {
        assert!(before > 0, "it was never asked");
        assert_eq!(after, 5);
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
