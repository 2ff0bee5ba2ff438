//! Events: a post's history, a client app's audit.

use serde::Serialize;
use serde_json::Value;
use shareville_core::{
    event::{self, Actor, EventKind},
    id::EventId,
};

use super::Time;

/// An event.
#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    id: EventId,
    r#type: EventKind,
    at: Time,
    actor: &'a Actor,
    revision: u64,
    data: &'a Value,
}

impl<'a> From<&'a event::Event> for Event<'a> {
    fn from(event: &'a event::Event) -> Self {
        Self {
            id: event.id,
            r#type: event.kind,
            at: Time(event.at),
            actor: &event.actor,
            revision: event.revision,
            data: &event.data,
        }
    }
}
