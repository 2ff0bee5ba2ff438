//! Meta calls the app: signed webhooks, deauthorize and data-deletion callbacks (graph-api 9).

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::error::Error;
use crate::hands::Hands;
use crate::world::World;

/// How long the called server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a server that the sandbox called has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivered {
    /// The HTTP status.
    pub status: u16,
    /// The body: a JSON object or list if it is one, else text.
    pub body: Value,
}

/// How a server answered Meta's question whether it wants webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Handshake {
    /// What it has to send back, to the letter.
    pub challenge: String,
    /// What it answered.
    pub answer: Delivered,
}

impl Hands {
    /// Asks a server whether it wants webhooks.
    pub(crate) async fn handshake(
        &self,
        url: &str,
        verify_token: &str,
    ) -> Result<Handshake, Error> {
        let challenge = self.0.world().ids.node();
        let query = [
            ("hub.mode", "subscribe"),
            ("hub.challenge", &challenge),
            ("hub.verify_token", verify_token),
        ];
        let answer = delivered(url, client()?.get(url).query(&query)).await?;
        Ok(Handshake { challenge, answer })
    }

    /// Sends a webhook. Text goes out byte by byte, anything else as JSON in Meta's spelling.
    pub(crate) async fn notify(
        &self,
        app: &str,
        url: &str,
        body: &Value,
    ) -> Result<Delivered, Error> {
        let bytes = match body {
            Value::String(text) => text.clone(),
            other => escaped(&other.to_string()),
        };
        let signature = hex(&self.sign(app, bytes.as_bytes())?);
        let request = client()?
            .post(url)
            .header("content-type", "application/json")
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(bytes);
        delivered(url, request).await
    }

    /// Takes the app off the account of this person or Instagram account, and tells the app.
    pub(crate) async fn deauthorize(
        &self,
        app: &str,
        person: &str,
        url: &str,
    ) -> Result<Delivered, Error> {
        let signed = self.signed_request(app, person)?;
        self.0.world().remove_app(app, person);
        delivered(url, client()?.post(url).form(&[("signed_request", signed)])).await
    }

    /// Asks the app to delete what it keeps of this person or Instagram account.
    pub(crate) async fn data_deletion(
        &self,
        app: &str,
        person: &str,
        url: &str,
    ) -> Result<Delivered, Error> {
        let signed = self.signed_request(app, person)?;
        delivered(url, client()?.post(url).form(&[("signed_request", signed)])).await
    }

    /// `base64url(signature).base64url(payload)`; the signature is over the encoded payload.
    fn signed_request(&self, app: &str, person: &str) -> Result<String, Error> {
        let payload = {
            let world = self.0.world();
            let user = if world.instagram_account(person).is_some() {
                World::app_scoped(app, person)
            } else if world.people.contains_key(person) {
                person.to_owned()
            } else {
                return Err(Error::missing("person", person));
            };
            json!({ "user_id": user, "algorithm": "HMAC-SHA256", "issued_at": world.now().timestamp() })
        };
        let payload = URL_SAFE_NO_PAD.encode(payload.to_string());
        let signature = URL_SAFE_NO_PAD.encode(self.sign(app, payload.as_bytes())?);
        Ok(format!("{signature}.{payload}"))
    }

    /// The HMAC of these bytes with the app's secret.
    fn sign(&self, app: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let world = self.0.world();
        let found = world
            .apps
            .get(app)
            .ok_or_else(|| Error::missing("app", app))?;
        let secret = found.secret.as_ref().ok_or_else(|| {
            Error::Refused(format!(
                "app {app} has not told its secret yet: nothing can be signed"
            ))
        })?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .map_err(|error| Error::Refused(format!("the secret is no key: {error}")))?;
        mac.update(bytes);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

fn client() -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|source| Error::Refused(format!("there is no HTTP client: {source}")))
}

async fn delivered(url: &str, request: reqwest::RequestBuilder) -> Result<Delivered, Error> {
    let failed = |source: reqwest::Error| Error::Unreachable {
        url: url.to_owned(),
        source: Box::new(source.without_url()),
    };
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(failed)?;
    // A bare number is a text here: a challenge comes back as it was sent.
    let json = serde_json::from_str(&text).ok();
    let body = json.filter(|json: &Value| json.is_object() || json.is_array());
    Ok(Delivered {
        status,
        body: body.unwrap_or(Value::String(text)),
    })
}

/// JSON as Meta sends it: what is not ASCII is written `\uXXXX`.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0_u16; 2];
    for letter in json.chars() {
        if letter.is_ascii() {
            text.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn json_is_spelt_as_meta_spells_it() {
        assert_eq!(
            escaped(r#"{"text":"äöå 🎉"}"#),
            r#"{"text":"\u00e4\u00f6\u00e5 \ud83c\udf89"}"#
        );
    }
}
