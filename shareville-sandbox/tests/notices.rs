//! Meta calls the app: webhooks, deauthorize, data deletion.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use shareville_sandbox::{AppSeed, Consent, Error, Sandbox, demo};
use support::instagram::{INSTAGRAM_APP, INSTAGRAM_SCOPES, INSTAGRAM_SECRET};
use support::{APP, App, SCOPES, SECRET, app_on};

type Heard = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A server that keeps what it is sent, and answers 201 with a confirmation code.
async fn listener() -> (String, Heard) {
    let heard = Heard::default();
    let hear = async |State(heard): State<Heard>, headers: HeaderMap, body: Bytes| {
        heard.lock().unwrap().push((headers, body));
        (StatusCode::CREATED, r#"{"confirmation_code":"c"}"#)
    };
    let shake = async |Query(query): Query<HashMap<String, String>>| {
        if query["hub.verify_token"] == "right" && query["hub.mode"] == "subscribe" {
            (StatusCode::OK, query["hub.challenge"].clone())
        } else {
            (StatusCode::FORBIDDEN, String::new())
        }
    };
    let router = Router::new()
        .route("/meta", get(shake).post(hear))
        .with_state(Arc::clone(&heard));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/meta", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

async fn with_apps() -> App {
    let sandbox = Sandbox::builder()
        .app(AppSeed::new(APP, SECRET))
        .app(AppSeed::instagram(INSTAGRAM_APP, INSTAGRAM_SECRET))
        .start()
        .await;
    app_on(sandbox.unwrap())
}

fn hmac(secret: &str, bytes: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// The payload of a signed request whose signature fits.
fn opened(body: &[u8], secret: &str) -> Value {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let (signature, payload) = form["signed_request"].split_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(signature, hmac(secret, payload.as_bytes()));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn webhook_should_be_signed_over_its_raw_bytes() {
    let app = with_apps().await;
    let (url, heard) = listener().await;
    let known = r#"{"text":"\u00e4\u00f6\u00e5"}"#;
    let delivered = app.sandbox.notify(APP, &url, known).await.unwrap();
    assert_eq!(
        (delivered.status, &delivered.body),
        (201, &json!({ "confirmation_code": "c" }))
    );
    app.sandbox
        .notify(APP, &url, json!({ "text": "äöå" }))
        .await
        .unwrap();
    let heard = heard.lock().unwrap();
    for (headers, body) in heard.iter() {
        assert_eq!(body.as_ref(), known.as_bytes());
        let expected: String = hmac(SECRET, body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(headers["x-hub-signature-256"], format!("sha256={expected}"));
    }
    assert_eq!(heard.len(), 2);
}

#[tokio::test]
async fn webhook_signature_should_be_the_known_one() {
    let app = with_apps().await;
    app.sandbox.add_app(AppSeed::new("7", "secret"));
    let (url, heard) = listener().await;
    let body = r#"{"object":"page","entry":[]}"#;
    app.sandbox.notify("7", &url, body).await.unwrap();
    assert_eq!(
        heard.lock().unwrap()[0].0["x-hub-signature-256"],
        "sha256=550e646d4869f9eaf9e56ccc2b73b528c8d3aac4a24ff137e0a26e3e45bbd075"
    );
}

#[tokio::test]
async fn deauthorize_should_end_the_login_and_tell_the_app() {
    let app = with_apps().await;
    let (url, heard) = listener().await;
    let user = app.login(SCOPES, &Consent::all()).await;
    app.sandbox.deauthorize(APP, demo::ADA, &url).await.unwrap();
    assert_eq!(app.get("me", &user).await.subcode(), 458);
    let payload = opened(&heard.lock().unwrap()[0].1, SECRET);
    assert_eq!(payload["user_id"], demo::ADA);
    assert_eq!(payload["algorithm"], "HMAC-SHA256");
    assert!(payload["issued_at"].is_i64());
}

#[tokio::test]
async fn data_deletion_should_name_an_instagram_account_as_its_app_knows_it() {
    let app = with_apps().await;
    let (url, heard) = listener().await;
    let token = app.instagram_login(INSTAGRAM_SCOPES, &Consent::all()).await;
    let callback =
        json!({ "app": INSTAGRAM_APP, "person": demo::STANDALONE_INSTAGRAM, "url": url });
    let control = format!("{}/_sandbox/data-deletion", app.sandbox.base_url());
    let told = app.send(app.http.post(control).json(&callback)).await.ok();
    assert_eq!(told["body"]["confirmation_code"], "c");
    let me = app
        .instagram(reqwest::Method::GET, "v25.0/me?fields=id", &token)
        .await;
    let payload = opened(&heard.lock().unwrap()[0].1, INSTAGRAM_SECRET);
    assert_eq!(payload["user_id"], me.text("id"));
}

#[tokio::test]
async fn handshake_should_tell_what_the_server_answered() {
    let app = with_apps().await;
    let (url, _) = listener().await;
    let right = app.sandbox.handshake(&url, "right").await.unwrap();
    assert_eq!(
        (right.answer.status, right.answer.body),
        (200, Value::String(right.challenge))
    );
    let wrong = app.sandbox.handshake(&url, "wrong").await.unwrap();
    assert_eq!(wrong.answer.status, 403);
}

#[tokio::test]
async fn notices_should_fail_in_plain_words() {
    let app = with_apps().await;
    let (url, _) = listener().await;
    let nobody = app.sandbox.notify("8", &url, "{}").await;
    assert!(matches!(nobody, Err(Error::Missing { kind: "app", .. })));
    let stranger = app.sandbox.deauthorize(APP, "9", &url).await;
    assert!(matches!(
        stranger,
        Err(Error::Missing { kind: "person", .. })
    ));
    // A free port: nobody listens there.
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let unheard = app.sandbox.notify(APP, &gone, "{}").await;
    assert!(matches!(unheard, Err(Error::Unreachable { .. })));
    let body = json!({ "app": APP, "url": gone, "body": {} });
    let control = format!("{}/_sandbox/notify", app.sandbox.base_url());
    let told = app.send(app.http.post(control).json(&body)).await;
    assert_eq!(told.status, 502);
}
