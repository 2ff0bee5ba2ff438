//! Events: a post's history, a client app's audit.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use shareville_core::{
    event::{self, Actor, EventKind},
    failure,
    id::EventId,
    post,
};
use utoipa::ToSchema;

use super::{Failure, Post, Time, input::AnyObject};
use crate::openapi::words;

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event<'a> {
    #[schema(value_type = Uuid)]
    id: EventId,
    #[schema(value_type = words::EventType)]
    r#type: EventKind,
    at: Time,
    #[schema(value_type = Who)]
    actor: &'a Actor,
    /// The revision that what it is about has since.
    revision: u64,
    /// What is to be said of it; of what webhooks tell, `post` is the post as it was then.
    #[schema(value_type = AnyObject)]
    data: Value,
}

impl<'a> From<&'a event::Event> for Event<'a> {
    fn from(event: &'a event::Event) -> Self {
        Self {
            id: event.id,
            r#type: event.kind,
            at: Time(event.at),
            actor: &event.actor,
            revision: event.revision,
            data: shown(&event.data),
        }
    }
}

/// What is kept of an event in the domain's own form, in the API's.
fn shown(kept: &Value) -> Value {
    let mut data = kept.clone();
    for (name, value) in data.as_object_mut().into_iter().flatten() {
        let shown = match name.as_str() {
            "post" => as_sent::<post::Post>(value, |post| json(&Post::from(post))),
            "failure" | "discardFailed" => {
                as_sent::<failure::Failure>(value, |it| json(&Failure::from(it)))
            }
            _ => None,
        };
        if let Some(shown) = shown {
            *value = shown;
        }
    }
    data
}

fn as_sent<T: DeserializeOwned>(
    kept: &Value,
    show: impl FnOnce(&T) -> Option<Value>,
) -> Option<Value> {
    // Where there was none, `null` stands.
    T::deserialize(kept).ok().and_then(|read| show(&read))
}

fn json(shown: &impl Serialize) -> Option<Value> {
    serde_json::to_value(shown).ok()
}

/// Who brought something about.
#[derive(ToSchema)]
#[schema(as = Actor)]
#[allow(dead_code)] // only its shape is used
struct Who {
    /// `owner`, `api_key`, `host`, `user` or `worker`.
    kind: String,
    /// Who of them; there is none where there is but one.
    #[schema(required = false)]
    id: String,
}
