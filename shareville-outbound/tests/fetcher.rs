//! Fetching parts of media from servers good and bad.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::error::Error as _;

use shareville_core::{
    failure::FailureClass,
    media::{Fetched, MediaError, MediaFetcher as _},
};
use shareville_outbound::{Addresses, GuardedClient, HttpFetcher};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// A server that gives each caller the same answer; tells what the last one asked.
async fn server(answer: String) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/film.mp4?key=secret",
        listener.local_addr().unwrap()
    );
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.unwrap();
        // Whoever has read enough hangs up.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        String::from_utf8_lossy(&request[..read]).to_lowercase()
    });
    (url, asked)
}

fn fetcher(addresses: Addresses) -> HttpFetcher {
    HttpFetcher::new(GuardedClient::new(addresses).unwrap())
}

async fn fetch(answer: &str, range: std::ops::Range<u64>) -> (Result<Fetched, MediaError>, String) {
    let (url, asked) = server(answer.replace('\n', "\r\n").replace('|', "")).await;
    let fetched = fetcher(Addresses::Any).fetch(&url, range).await;
    (fetched, asked.await.unwrap())
}

/// What went wrong, with all its causes.
fn told(error: &MediaError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

#[tokio::test]
async fn a_part_should_be_asked_for_and_read() {
    let answer =
        "HTTP/1.1 206 Partial Content\nContent-Range: bytes 2-4/10\nContent-Length: 3\n\ncde";
    let (fetched, asked) = fetch(answer, 2..5).await;
    let fetched = fetched.unwrap();
    assert_eq!((&fetched.bytes[..], fetched.total), (&b"cde"[..], Some(10)));
    assert!(asked.contains("range: bytes=2-4\r\n"), "{asked}");
    assert!(asked.contains("accept-encoding: identity\r\n"), "{asked}");
}

#[tokio::test]
async fn a_server_without_ranges_should_be_read_from_its_beginning() {
    let answer = "HTTP/1.1 200 OK\nContent-Length: 10\n\nabcdefghij";
    let fetched = fetch(answer, 2..5).await.0.unwrap();
    assert_eq!((&fetched.bytes[..], fetched.total), (&b"cde"[..], Some(10)));
    let far = fetch(answer, 1 << 40..(1 << 40) + 1).await.0.unwrap_err();
    assert!(told(&far).contains("whole file only"), "{}", told(&far));
}

#[tokio::test]
async fn what_ends_before_should_be_shorter() {
    let answer =
        "HTTP/1.1 206 Partial Content\nContent-Range: bytes 8-9/10\nContent-Length: 2\n\nij";
    let fetched = fetch(answer, 8..100).await.0.unwrap();
    assert_eq!(&fetched.bytes[..], b"ij");
    let answer =
        "HTTP/1.1 416 Range Not Satisfiable\nContent-Range: bytes */10\nContent-Length: 0\n\n";
    let fetched = fetch(answer, 20..30).await.0.unwrap();
    assert_eq!((fetched.bytes.len(), fetched.total), (0, Some(10)));
}

#[tokio::test]
async fn a_server_that_sends_too_much_should_be_left() {
    let answer = format!("HTTP/1.1 200 OK\n\n{}", "x".repeat(1_000_000));
    let fetched = fetch(&answer, 0..4).await.0.unwrap();
    assert_eq!((&fetched.bytes[..], fetched.total), (&b"xxxx"[..], None));
}

#[tokio::test]
async fn an_answer_that_is_not_the_part_should_be_an_error_that_names_no_address() {
    for (answer, words) in [
        (
            "HTTP/1.1 404 Not Found\nContent-Length: 0\n\n",
            "HTTP status 404",
        ),
        (
            "HTTP/1.1 302 Found\nLocation: http://127.0.0.1/\nContent-Length: 0\n\n",
            "HTTP status 302",
        ),
        (
            "HTTP/1.1 206 Partial Content\nContent-Range: bytes 0-2/10\nContent-Length: 3\n\nabc",
            "another part",
        ),
        (
            "HTTP/1.1 206 Partial Content\nContent-Length: 3\n\ncde",
            "another part",
        ),
    ] {
        let error = fetch(answer, 2..5).await.0.unwrap_err();
        assert!(matches!(error, MediaError::Unreachable(_)), "{error:?}");
        let told = told(&error);
        assert!(told.contains(words) && !told.contains("secret"), "{told}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_private_address_should_not_be_fetched_from() {
    for url in [
        "https://127.0.0.1/x",
        "https://localhost/x",
        "http://films.example/x",
        "nonsense",
    ] {
        let error = fetcher(Addresses::Public)
            .fetch(url, 0..4)
            .await
            .unwrap_err();
        assert!(matches!(error, MediaError::Unreachable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_in_trouble_should_be_worth_another_try() {
    let answers = [408, 425, 429, 500, 503]
        .map(|status| format!("HTTP/1.1 {status} \nContent-Length: 0\n\n"));
    let broken_off =
        "HTTP/1.1 206 Partial Content\nContent-Range: bytes 2-4/10\nContent-Length: 3\n\nc";
    for answer in answers.iter().map(String::as_str).chain([broken_off]) {
        let error = fetch(answer, 2..5).await.0.unwrap_err();
        assert!(matches!(error, MediaError::NotAnswering(_)), "{error:?}");
        assert_eq!(error.failure().class, FailureClass::Transient, "{answer}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let error = fetcher(Addresses::Any).fetch(&nobody, 0..4).await;
    let error = error.unwrap_err();
    assert!(matches!(error, MediaError::NotAnswering(_)), "{error:?}");
}

/// A server that sends two bytes at a time of a file of so many, and none without a range.
async fn stingy(total: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            let asked = String::from_utf8_lossy(&request[..read]).to_lowercase();
            let start = asked.split_once("bytes=").unwrap().1;
            let start: u64 = start.split_once('-').unwrap().0.parse().unwrap();
            let end = total.min(start + 2);
            let (length, last) = (end - start, end - 1);
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Length: {length}\r\n\
                 Content-Range: bytes {start}-{last}/{total}\r\n\r\n"
            );
            let body: Vec<u8> = (start..end)
                .map(|at| b'a' + u8::try_from(at).unwrap())
                .collect();
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .await
                .unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_sends_less_should_be_asked_for_the_rest() {
    let url = stingy(10).await;
    let fetch = async |range| fetcher(Addresses::Any).fetch(&url, range).await.unwrap();
    assert_eq!(&fetch(1..8).await.bytes[..], b"bcdefgh");
    let to_the_end = fetch(6..100).await;
    assert_eq!(
        (&to_the_end.bytes[..], to_the_end.total),
        (&b"ghij"[..], Some(10))
    );
    let url = stingy(100).await;
    let error = fetcher(Addresses::Any)
        .fetch(&url, 0..100)
        .await
        .unwrap_err();
    assert!(told(&error).contains("too many pieces"), "{}", told(&error));
}
