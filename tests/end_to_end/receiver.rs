//! A website's endpoint for webhooks, which verifies what it gets.

use std::sync::Arc;

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use reqwest::StatusCode;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::support::PATIENCE;

/// What a server needs in its environment to send to one on this machine.
pub(crate) const PRIVATE: (&str, &str) = ("SHAREVILLE_ALLOW_PRIVATE_ADDRESSES", "on");

/// What came: its headers and its body.
pub(crate) type Got = Arc<watch::Sender<Vec<(HeaderMap, Bytes)>>>;

/// A website's endpoint.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    pub(crate) got: Got,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn listen(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Got = Arc::new(watch::Sender::new(Vec::new()));
        let hear = async |State(got): State<Got>, headers: HeaderMap, body: Bytes| {
            got.send_modify(|got| got.push((headers, body)));
            StatusCode::NO_CONTENT
        };
        let app = Router::new()
            .route("/hook", post(hear))
            .with_state(Arc::clone(&got));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { port, got, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits for a message of a type, and verifies it with each of these secrets.
    pub(crate) async fn hear(&self, kind: &str, secrets: &[&str]) -> (HeaderMap, Value) {
        let mut got = self.got.subscribe();
        let read = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap();
        let has = |got: &Vec<(HeaderMap, Bytes)>| got.iter().any(|it| read(&it.1)["type"] == kind);
        let heard = tokio::time::timeout(PATIENCE, got.wait_for(has)).await;
        assert!(heard.is_ok(), "{kind} never came");
        drop(heard);
        let got = self.got.borrow().clone();
        let (headers, body) = got
            .iter()
            .rev()
            .find(|it| read(&it.1)["type"] == kind)
            .unwrap();
        for secret in secrets {
            Webhook::new(secret).unwrap().verify(body, headers).unwrap();
        }
        let other = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert!(other.verify(body, headers).is_err());
        (headers.clone(), read(body))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
