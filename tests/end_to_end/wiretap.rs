//! Listens on the line between a server and the sandbox: there the secrets are seen that nobody hands to a test.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// What precedes a secret on the line, as a parameter, in JSON, and in a header.
const BEFORE: [&str; 13] = [
    "access_token=",
    "client_secret=",
    "appsecret_proof=",
    "fb_exchange_token=",
    "input_token=",
    "code=",
    r#""access_token":""#,
    r#""access_token": ""#,
    "authorization: Bearer ",
    "authorization: bearer ",
    "Authorization: Bearer ",
    "%7C",
    "|",
];

pub(crate) struct Wiretap {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<u8>>>,
    accepting: JoinHandle<()>,
}

impl Wiretap {
    /// Listens between whoever calls its URL and the server at `url`.
    pub(crate) async fn on(url: &str) -> Self {
        let behind = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let accepting = tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let Ok(called) = TcpStream::connect(&behind).await else {
                    continue;
                };
                let (caller, called) = (caller.into_split(), called.into_split());
                tokio::spawn(pass_on(caller.0, called.1, Arc::clone(&ear)));
                tokio::spawn(pass_on(called.0, caller.1, Arc::clone(&ear)));
            }
        });
        Self {
            url,
            heard,
            accepting,
        }
    }

    /// Every secret that went over the line so far.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let heard = self.heard.lock().unwrap();
        let heard = String::from_utf8_lossy(&heard);
        let mut secrets = BTreeSet::new();
        for before in BEFORE {
            for (at, _) in heard.match_indices(before) {
                let rest = &heard[at + before.len()..];
                let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
                let secret: String = rest.chars().take_while(|c| is_part(*c)).collect();
                // Shorter ones are error codes and the like.
                if secret.len() >= 24 {
                    secrets.insert(secret);
                }
            }
        }
        secrets
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, heard: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
    {
        heard.lock().unwrap().extend_from_slice(&buffer[..length]);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
