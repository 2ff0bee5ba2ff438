//! What is written in a letter: the event, and the thing as it was then.

use chrono::SecondsFormat;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Letter, Shapes, sign::signature};
use crate::{
    clock::Timestamp,
    connection::Connection,
    event::{Event, Subject},
    post::Post,
    secret::{Keyring, OpenError},
    tenant::{Tenant, webhook_secret_place},
};

/// Why a letter cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwritten {
    #[error("the tenant has no webhook secret, and nothing is sent unsigned")]
    Unsigned,
    #[error(transparent)]
    Sealed(#[from] OpenError),
    #[error("a webhook secret is damaged")]
    Secret,
    #[error("the event does not hold what it tells of")]
    Event,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Writes the letter that tells a tenant of an event; `None` if it has no endpoint any more.
pub(super) fn letter(
    event: &Event,
    tenant: &Tenant,
    keyring: &Keyring,
    shapes: &dyn Shapes,
    now: Timestamp,
) -> Result<Option<Letter>, Unwritten> {
    let Some(url) = &tenant.webhook_url else {
        return Ok(None);
    };
    let body = json!({
        "type": event.kind,
        "timestamp": event.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        "data": data(event, shapes)?,
    });
    let body = serde_json::to_vec(&body)?;
    let (id, timestamp) = (event.id.to_string(), now.timestamp());
    let place = webhook_secret_place(tenant.id);
    let mut signatures = Vec::new();
    for sealed in tenant.live_webhook_secrets(now) {
        let secret = keyring.open(place, sealed)?;
        signatures.push(signature(&secret, &id, timestamp, &body).ok_or(Unwritten::Secret)?);
    }
    if signatures.is_empty() {
        return Err(Unwritten::Unsigned);
    }
    Ok(Some(Letter {
        url: url.clone(),
        id,
        timestamp,
        signature: signatures.join(" "),
        body,
    }))
}

/// The thing that an event tells of, in its public form and with its revision.
fn data(event: &Event, shapes: &dyn Shapes) -> Result<Value, Unwritten> {
    let mut data = match event.subject {
        Subject::Post(_) => shapes.post(&kept::<Post>(event, "post")?),
        Subject::Connection(_) => shapes.connection(&connection(event)?),
        Subject::Tenant(_) => return Err(Unwritten::Event),
    };
    data["revision"] = event.revision.into();
    Ok(data)
}

fn kept<T: DeserializeOwned>(event: &Event, name: &str) -> Result<T, Unwritten> {
    let kept = event.data.get(name).ok_or(Unwritten::Event)?;
    Ok(T::deserialize(kept)?)
}

/// Events keep a connection without its token, which no public form shows.
fn connection(event: &Event) -> Result<Connection, Unwritten> {
    let mut kept = event.data.get("connection").cloned();
    let fields = kept.as_mut().and_then(Value::as_object_mut);
    fields
        .ok_or(Unwritten::Event)?
        .insert("token".to_owned(), "".into());
    Ok(serde_json::from_value(kept.unwrap_or_default())?)
}
