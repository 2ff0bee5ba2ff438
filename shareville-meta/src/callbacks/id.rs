//! Ids, which Meta writes as text or as numbers.

use serde_json::Value;

/// An id; `None` for anything that is none, such as null.
///
/// Source: graph-api.md 0.3 (11): 64 bits, so never through a float.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}
