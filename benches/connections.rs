//! What a crowd of idle and slow connections costs everybody else: p50 and p99 of one request, without it and with it.
//!
//! Start a server (`cargo run --release --example server`), then:
//! `cargo bench --bench connections -- 127.0.0.1:3000 /api/ready`
#![allow(clippy::print_stdout)] // it is what the person who runs it reads

use std::{
    io,
    time::{Duration, Instant},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const IDLE: usize = 1_000;
const SLOW: usize = 100;
const CLIENTS: usize = 8;
const REQUESTS: usize = 1_000;

/// How often a slow connection sends one more byte of its body.
const DRIP: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> io::Result<()> {
    // Cargo adds `--bench`.
    let mut told = std::env::args().skip(1).filter(|word| word != "--bench");
    let address = told.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let path = told.next().unwrap_or_else(|| "/api/ready".to_owned());
    // Each of the crowd is an open file of ours, and shells start with few.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    report("alone", &measure(&address, &path).await?);
    let mut crowd = Vec::with_capacity(IDLE);
    for _ in 0..IDLE {
        let mut stream = TcpStream::connect(&address).await?;
        ask(&mut stream, "/api/health").await?;
        crowd.push(stream);
    }
    for _ in 0..SLOW {
        let stream = TcpStream::connect(&address).await?;
        tokio::spawn(drip(stream));
    }
    report(
        "beside 1,000 idle and 100 slow ones",
        &measure(&address, &path).await?,
    );
    // Else the second figure tells nothing.
    for stream in &mut crowd {
        ask(stream, "/api/health").await.map_err(|error| {
            io::Error::other(format!(
                "the server did not keep an idle connection: {error}"
            ))
        })?;
    }
    Ok(())
}

/// Sends a body a byte at a time, until it is cut off.
async fn drip(mut stream: TcpStream) -> io::Result<()> {
    let head = "POST /api/auth/sign-in/email HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 10000\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    loop {
        stream.write_all(b" ").await?;
        tokio::time::sleep(DRIP).await;
    }
}

/// How long each request took, in order of time taken.
async fn measure(address: &str, path: &str) -> io::Result<Vec<Duration>> {
    let clients = (0..CLIENTS).map(|_| async {
        let mut stream = TcpStream::connect(address).await?;
        let mut took = Vec::with_capacity(REQUESTS);
        for _ in 0..REQUESTS {
            let begun = Instant::now();
            ask(&mut stream, path).await?;
            took.push(begun.elapsed());
        }
        io::Result::Ok(took)
    });
    let all = futures::future::try_join_all(clients).await?;
    let mut took: Vec<_> = all.into_iter().flatten().collect();
    took.sort_unstable();
    Ok(took)
}

/// One request and its answer, which must be a success.
async fn ask(stream: &mut TcpStream, path: &str) -> io::Result<()> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(head.to_owned()));
        }
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Ok(());
        }
    }
}

fn report(name: &str, took: &[Duration]) {
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!("{name}: p50 {:?}, p99 {:?}", at(50), at(99));
}
