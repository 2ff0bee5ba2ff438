//! What webhooks tell of, in the same form as the API's answers.

use serde_json::Value;
use shareville_core::{connection::Connection, deliver::Shapes, post::Post};

use crate::dto;

/// The API's own shapes, for [`Builder::webhooks`](shareville_core::Builder::webhooks).
#[derive(Debug, Clone, Copy, Default)]
pub struct PublicShapes;

impl Shapes for PublicShapes {
    // Both are plain data with string keys, which always has a JSON form.

    fn post(&self, post: &Post) -> Value {
        serde_json::to_value(dto::Post::from(post)).unwrap_or_default()
    }

    fn connection(&self, connection: &Connection) -> Value {
        serde_json::to_value(dto::Connection::from(connection)).unwrap_or_default()
    }
}
