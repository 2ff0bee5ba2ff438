//! Media by bytes: taken, kept in a folder, and given to whoever knows their address.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use shareville::sandbox::Sandbox;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{PATIENCE, Times, World, binary, text};

const PNG: &[u8] = include_bytes!("../../shareville-media/tests/files/picture.png");

/// How many files there are in a folder, however deep.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let count = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path) } else { 1 }
    };
    entries.map(count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_should_be_served_to_everybody_and_outlive_the_server() {
    let mut world = World::new().await;
    let request = world.api.request(Method::POST, "/media?userId=ada");
    let request = request.header("content-type", "image/png").body(PNG);
    let made = world.api.send(request).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    assert_eq!(made.body["size"], PNG.len());
    assert_eq!(files(&world.folder.path().join("shareville-media")), 1);
    world.restart(&[]).await;
    let url = text(&made.body, "url");
    let path = url.split_once("/api").unwrap().1;
    let url = format!("{}{path}", world.api.base);
    let served = reqwest::get(&url).await.unwrap();
    assert_eq!(served.headers()["content-type"], "image/png");
    assert_eq!(served.headers()["content-security-policy"], "sandbox");
    assert_eq!(served.bytes().await.unwrap(), PNG);
    let client = reqwest::Client::new();
    let part = client.get(&url).header("range", "bytes=1-3").send().await;
    let part = part.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), "PNG");
    let head = client.head(&url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], PNG.len().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_client_hangs_up_should_leave_nothing() {
    let world = World::new().await;
    let folder = world.folder.path().join("shareville-media");
    let place = world.server.url.trim_start_matches("http://");
    let mut client = TcpStream::connect(place).await.unwrap();
    let key = world.api.key.as_ref().unwrap();
    let head = format!(
        "POST /api/media?userId=ada HTTP/1.1\r\nHost: {place}\r\nX-API-KEY: {key}\r\nContent-Type: image/png\r\n\
         Content-Length: 20000000\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(PNG).await.unwrap();
    client.write_all(&vec![0; 12_000_000]).await.unwrap();
    let begun = Instant::now();
    while files(&folder) == 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(client);
    while files(&folder) > 0 {
        assert!(begun.elapsed() < PATIENCE, "something is left");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_no_place_should_take_no_uploads() {
    let world = World::with(Sandbox::builder(), "api", Times::default()).await;
    let request = world.api.request(Method::POST, "/media?userId=ada");
    let refused = world.api.send(request.body(PNG)).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.body["code"], "media_not_supported");
}

#[test]
fn what_is_one_processs_own_should_be_refused_where_others_would_not_see_it() {
    let roles = ["api", "worker"].into_iter();
    for (role, own) in roles.flat_map(|role| [(role, "file://uploads"), (role, "memory:///")]) {
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new(binary())
            .current_dir(folder.path())
            .env_clear()
            .env("SHAREVILLE_ROLE", role)
            .env("SHAREVILLE_MEDIA_STORE", own)
            .output()
            .unwrap();
        assert!(!output.status.success());
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(log.contains("SHAREVILLE_MEDIA_STORE"), "{log}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
