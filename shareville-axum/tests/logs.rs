//! What stands in the logs, and what does not.
//!
//! It is a process of its own: whether something is logged is settled when it is first reached, and other tests at work
//! beside this one would settle it for a log that nobody keeps.
#![allow(clippy::unwrap_used)]
// It uses little of what the other tests have.
#![allow(dead_code)]

#[path = "api/fakes.rs"]
mod fakes;
#[path = "api/shelf.rs"]
mod shelf;
#[path = "api/world.rs"]
mod world;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::World;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn logs_should_name_each_request_and_no_secret() {
    let world = World::new().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let token = world.user_token("u1").await;
    let state = world.begin(&world.key, "u1", "&confirm=true").await;
    world.come_back(&state, "good").await.expect(200);
    let body = json!({"facebookAppSecret": "PLANTED-secret"});
    let path = format!("/client-apps/{}", world.app);
    let call = world
        .patch(&path)
        .owner("alice")
        .header("x-request-id", "my-own-id");
    call.json(&body).send().await.expect(200);
    world
        .get("/client-apps")
        .owner("panic")
        .send()
        .await
        .expect(500);
    world.get("/posts").bearer(&token).send().await.expect(200);
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("my-own-id"), "{log}");
    assert!(log.contains("/api/social/providers/{connection}/callback"));
    assert!(log.contains("status=200") && log.contains("status=500"));
    for secret in [
        &world.key,
        &token,
        &state,
        "code=good",
        "svg_",
        "PLANTED",
        "svs_alice",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
}
