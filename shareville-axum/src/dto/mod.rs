//! What is sent and read: the contract's shapes, apart from the types they are made of.

pub(crate) mod api_key;
pub(crate) mod client_app;
pub(crate) mod connection;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod failure;
pub(crate) mod input;
pub(crate) mod me;
pub(crate) mod media;
pub(crate) mod page;
pub(crate) mod post;
pub(crate) mod post_input;

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use chrono::SecondsFormat;
use serde::{Serialize, Serializer};
use serde_json::Number;
use shareville_core::{clock::Timestamp, store};
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) use self::{
    api_key::{ApiKey, MintedApiKey, UserToken},
    client_app::ClientApp,
    connection::{Connection, Login},
    delivery::Delivery,
    event::Event,
    failure::Failure,
    me::Me,
    media::Media,
    page::Page,
    post::{Batch, Checked, Post},
};

/// A time, in UTC with `Z` and always six decimals, so that they sort as texts too.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Time(pub(crate) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// A length of time in seconds: a whole number wherever it is one.
pub(crate) fn seconds(length: Duration) -> Option<Number> {
    if length.subsec_nanos() == 0 {
        Some(length.as_secs().into())
    } else {
        Number::from_f64(length.as_secs_f64())
    }
}

/// Part of a list, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<D> {
    data: Vec<D>,
    /// What to give as `cursor` for the next part; null after the last.
    next_cursor: Option<Uuid>,
}

/// Answers with part of a list.
pub(crate) fn list<'a, T, D>(page: &'a store::Page<T>) -> Response
where
    D: From<&'a T> + Serialize,
{
    axum::Json(List {
        data: page.items.iter().map(D::from).collect(),
        next_cursor: page.next,
    })
    .into_response()
}
