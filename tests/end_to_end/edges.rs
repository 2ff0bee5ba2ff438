//! Clients that are slow, send too much, or only hold on to their connections.

use reqwest::{Method, StatusCode};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

use crate::{
    support::{Times, World, text, with_pages},
    wire::Wire,
};

/// How many hold on to a connection.
const CROWD: u64 = 1_100;

/// Open files that this takes, with some for all else.
const FILES: u64 = CROWD + 300;

async fn impatient() -> World {
    let times = Times {
        client: 1.0,
        lease: 20.0,
        ..Times::default()
    };
    World::with(with_pages(0), "api", times).await
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_should_be_left() {
    let world = impatient().await;
    let connect = async || Wire::to(&world.server).await.unwrap();
    let mut silent = connect().await;
    let mut slow_header = connect().await;
    slow_header
        .send("GET /api/health HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let mut idle = connect().await;
    idle.get("/api/health").await.unwrap();
    assert_eq!(idle.reply().await.unwrap().status, 200);
    let mut slow_body = connect().await;
    let header = "POST /api/auth/sign-in/email HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let some = format!("{header}content-length: 1000\r\n\r\n{{");
    slow_body.send(some).await.unwrap();

    silent.closed().await;
    slow_header.closed().await;
    idle.closed().await;
    let reply = slow_body.reply().await.unwrap();
    assert_eq!(reply.status, 408, "{reply:?}");
    assert!(
        reply.body.contains("\"code\":\"body_too_slow\""),
        "{reply:?}"
    );
    slow_body.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_answers_should_be_left() {
    let world = impatient().await;
    // More answers than the buffers between us hold.
    let mut deaf = Wire::to(&world.server).await.unwrap();
    let asked = "GET /api/nothing-is-here HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1000);
    let sending = async { while deaf.send(&asked).await.is_ok() {} };
    let sent = tokio::time::timeout(crate::support::PATIENCE, sending).await;
    sent.expect("it is never left");
    assert_eq!(world.api.get("/health").await, json!({"status": "ok"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_should_be_refused_and_heard() {
    let world = impatient().await;
    let connect = async || Wire::to(&world.server).await.unwrap();
    let header =
        "POST /api/posts HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let key = world.api.key.clone().unwrap();

    // It is refused by what it says of itself, before any of it is sent; and who sends it all the same hears so, too.
    for body in [0, 4 << 20] {
        let mut wire = connect().await;
        let head = format!(
            "{header}authorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
            4 << 20
        );
        wire.send(head).await.unwrap();
        // The server may be done with us before it is all sent.
        let _ = wire.send(vec![b' '; body]).await;
        let reply = wire.reply().await.unwrap();
        assert_eq!(reply.status, 413, "{reply:?}");
        assert!(reply.body.contains("body_too_large"), "{reply:?}");
    }
    for (head, status) in [
        (
            format!("GET /{} HTTP/1.1\r\n", "a".repeat(100_000)),
            [414, 431],
        ),
        (
            format!("GET /api/posts?{} HTTP/1.1\r\n", "a".repeat(70_000)),
            [414, 431],
        ),
        (
            format!("GET / HTTP/1.1\r\nx: {}\r\n", "a".repeat(300_000)),
            [431, 431],
        ),
        (
            format!("GET / HTTP/1.1\r\n{}", "x: y\r\n".repeat(200)),
            [431, 431],
        ),
        ("nonsense\r\n".to_owned(), [400, 400]),
    ] {
        let mut wire = connect().await;
        let _ = wire.send(format!("{head}\r\n")).await;
        let reply = wire.reply().await.unwrap();
        assert!(status.contains(&reply.status), "{status:?}: {reply:?}");
    }
    let deep = world
        .api
        .request(Method::POST, "/posts")
        .header("content-type", "application/json")
        .body("[".repeat(500_000));
    let answer = world.api.send(deep).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["code"], "malformed_json");
    let many = format!("/posts?{}", "a=b&".repeat(10_000));
    let answer = world.api.call(Method::GET, &many, None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.api.get("/posts").await["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_holds_on_should_keep_nobody_from_work() {
    // They hold on for as long as the work beside them takes.
    let times = Times {
        lease: 20.0,
        client: 300.0,
        ..Times::default()
    };
    let world = World::with(with_pages(0), "all", times).await;
    let (page, platform_page) = &world.pages[0];
    // Each of them is an open file of ours, too, and of the server's.
    let mut limit = getrlimit(Resource::Nofile);
    assert!(
        limit.maximum.is_none_or(|most| most >= FILES),
        "this test needs {FILES} open files: raise the hard limit (ulimit -Hn) of {:?}",
        limit.maximum
    );
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut wire = Wire::to(&world.server).await.unwrap();
        match number % 11 {
            // One in eleven never ends its body; of the others, half have asked for something already.
            0 => wire
                .send("POST /api/posts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\n{")
                .await
                .unwrap(),
            number if number % 2 == 0 => {
                wire.get("/api/health").await.unwrap();
                assert_eq!(wire.reply().await.unwrap().status, 200);
            }
            _ => {}
        }
        crowd.push(wire);
    }
    let work = async |client: usize| {
        for turn in 0..5 {
            let body = json!({"socialPageId": page, "caption": format!("{client}, {turn}")});
            let post = world.api.post("/posts", body).await;
            let id = text(&post, "id");
            assert_eq!(
                world.api.get(&format!("/posts/{id}")).await["id"],
                id.as_str()
            );
            world.api.get("/posts?limit=5").await;
            world.api.get("/ready").await;
        }
    };
    tokio::join!(
        work(0),
        work(1),
        work(2),
        work(3),
        work(4),
        work(5),
        work(6),
        work(7)
    );
    let id = world
        .publish(page, json!({"caption": "through the crowd"}))
        .await;
    world.api.until_status(&id, "published").await;
    assert_eq!(world.visible(platform_page, "through the crowd").len(), 1);
    // They held on all the while, and could have asked.
    let idle = crowd
        .iter_mut()
        .enumerate()
        .filter(|(number, _)| number % 11 != 0);
    for (_, wire) in idle {
        wire.get("/api/health").await.unwrap();
        assert_eq!(wire.reply().await.unwrap().status, 200);
    }
}
