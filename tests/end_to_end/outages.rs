//! A database or a Meta that goes away and comes back: callers are told, workers go on, and each post appears once.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;
use shareville::sandbox::Sandbox;

use crate::{
    proxy::{Proxy, Way},
    support::{PATIENCE, Server, Times, World, WriteLock, with_pages},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_should_be_told_and_come_back() {
    let times = Times {
        lease: 30.0,
        ..Times::default()
    };
    let world = World::with(with_pages(4), "all", times).await;
    let mut posts = Vec::new();
    for (page, platform_page) in &world.pages {
        let caption = format!("under way on {platform_page}");
        let id = world.publish(page, json!({"caption": caption})).await;
        posts.push((id, platform_page.clone(), caption));
    }
    let lock = WriteLock::try_take(&world.folder, PATIENCE).await.unwrap();
    let body = json!({"socialPageId": world.pages[0].0, "caption": "in vain"});
    let create = || world.api.call(Method::POST, "/posts", Some(body.clone()));
    let ready = || world.api.call(Method::GET, "/ready", None);
    let begun = Instant::now();
    let (first, second, third, ready_answer) = tokio::join!(create(), create(), create(), ready());
    for answer in [first, second, third, ready_answer] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert_eq!(answer.body["code"], "store_unavailable");
        assert!(answer.headers.contains_key("retry-after"));
    }
    // None hangs: each is told after its own wait, not after those of all before it.
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    world.api.get("/health").await;
    lock.give_back().await;

    let begun = Instant::now();
    while ready().await.status != StatusCode::OK {
        assert!(begun.elapsed() < PATIENCE, "it never recovers");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (id, platform_page, caption) in &posts {
        world.api.until_status(id, "published").await;
        assert_eq!(world.visible(platform_page, caption).len(), 1, "{caption}");
    }
    let listed = world.api.get("/posts").await;
    let captions = listed["data"].as_array().unwrap().iter();
    assert_eq!(
        captions.filter(|post| post["caption"] == "in vain").count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meta_that_is_cut_off_and_hangs_should_get_each_post_once() {
    let times = Times {
        lease: 30.0,
        ..Times::default()
    };
    let world = World::with(with_pages(8), "api", times).await;
    let proxy = Proxy::before(address(&world.sandbox)).await;
    let meta = format!("http://{}", proxy.address);
    let worker = Server::start(&world.folder, &meta, "worker", times).await;
    let mut posts = Vec::new();
    for number in 0..40 {
        let (page, platform_page) = &world.pages[number % world.pages.len()];
        let caption = format!("number {number}");
        let id = world.publish(page, json!({"caption": caption})).await;
        posts.push((id, platform_page.clone(), caption));
        // Wherever the worker is by now: in a commit, before it, or in the look that follows.
        proxy.set(match number % 8 {
            2 => Way::Cut,
            5 => Way::Hanging,
            _ => Way::Open,
        });
    }
    proxy.set(Way::Open);
    for (id, _, _) in &posts {
        world.api.until_status(id, "published").await;
    }
    assert!(worker.stop());
    world.sandbox.quiet().await;
    for (_, platform_page, caption) in &posts {
        assert_eq!(world.visible(platform_page, caption).len(), 1, "{caption}");
    }
}

fn address(sandbox: &Sandbox) -> std::net::SocketAddr {
    let url = url::Url::parse(sandbox.base_url()).unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}
