//! The small page on which a login ends where there is no page of the website's to go to.

use std::sync::LazyLock;

use axum::response::IntoResponse;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shareville_core::connect::{Landing, LandingStatus};

pub(super) const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

const STYLE: &str =
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}";

/// Tells the window that opened this one, if its origin is among those allowed: for any other, the browser drops the
/// message. What is told stands in the page's data, so that this text never changes and its hash allows it alone.
const SCRIPT: &str = "const{message,origins}=document.body.dataset;\
    if(window.opener){\
    for(const origin of JSON.parse(origins))window.opener.postMessage(JSON.parse(message),origin);\
    window.close()}";

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE),
    );
    // Base64 always is a header's value; if it were not, nothing would be allowed.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// The page on which a login ends, well or not.
pub(super) fn landed(landing: &Landing) -> impl IntoResponse + use<> {
    let website = landing.website.as_str();
    let (title, text, message) = match &landing.status {
        LandingStatus::Connected { connection } => (
            "Connected",
            format!(
                "{website} can now publish to the accounts you chose. You can close this window."
            ),
            json!({"type": "shareville", "status": "connected", "connectionId": connection}),
        ),
        LandingStatus::Confirm { grant } => (
            "Almost done",
            format!("Go back to {website} to confirm the connection. You can close this window."),
            json!({"type": "shareville", "status": "confirm", "grant": grant}),
        ),
        LandingStatus::Error { code, message } => (
            "Not connected",
            format!("{message} You can close this window and go back to {website}."),
            json!({"type": "shareville", "status": "error", "error": code}),
        ),
        _ => (
            "Done",
            format!("Go back to {website}. You can close this window."),
            json!({"type": "shareville", "status": "unknown"}),
        ),
    };
    page(
        &format!("{title} – {website}"),
        title,
        &text,
        Some((&message, &landing.allowed_origins)),
    )
}

/// The page for a login that nobody can tell anything about.
pub(super) fn bad_state(text: &str) -> impl IntoResponse + use<> {
    page("Not connected", "Not connected", text, None)
}

pub(super) fn page(
    title: &str,
    heading: &str,
    text: &str,
    told: Option<(&Value, &[String])>,
) -> impl IntoResponse + use<> {
    let message = told.map(|(message, _)| message.to_string());
    let origins = told.map(|(_, origins)| json!(origins).to_string());
    let markup: Markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body data-message=[&message] data-origins=[&origins] {
                h1 { (heading) }
                p { (text) }
                @if message.is_some() {
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (header::CONTENT_SECURITY_POLICY, POLICY.clone()),
        (header::REFERRER_POLICY, NO_REFERRER),
    ];
    (headers, markup.into_string())
}
