//! What the platform answers, leniently: ids as texts or numbers, `success` as word or text, lists with or without
//! paging.
//!
//! Source: graph-api.md 0.3 (11), 2.1, 2.3.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use shareville_core::clock::Timestamp;

/// `{"id":…}`, whatever else there is.
#[derive(Debug, Deserialize)]
pub(crate) struct Created {
    /// The id.
    #[serde(deserialize_with = "id_text")]
    pub(crate) id: String,
}

/// `{"success":true}`: an answer without it is none. (`false` is a failure before this is read.)
#[derive(Debug, Deserialize)]
pub(crate) struct Acknowledged {
    #[serde(rename = "success", deserialize_with = "yes")]
    _success: (),
}

/// `{"data":[…],"paging":{…}}`. Without `data` it is no list: least of all an empty one.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed<T> {
    /// What there is on this page; there may be less than asked for, or nothing, and still another page.
    pub(crate) data: Vec<T>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Option<Cursors>,
    /// Holds the access token: never followed, never shown; only whether it is there counts.
    #[serde(default)]
    next: Option<de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

impl<T> Listed<T> {
    /// Where the next page begins; `None` if this is the last. The last page may still have cursors.
    pub(crate) fn after(&self) -> Option<&str> {
        let paging = self.paging.as_ref()?;
        paging.next.as_ref()?;
        paging.cursors.as_ref()?.after.as_deref()
    }

    /// Whether there is another page that no cursor leads to.
    pub(crate) fn is_cut_off(&self) -> bool {
        let more = self
            .paging
            .as_ref()
            .is_some_and(|paging| paging.next.is_some());
        more && self.after().is_none()
    }
}

/// `{"data":{…}}`.
#[derive(Debug, Deserialize)]
pub(crate) struct Nested<T> {
    /// What is inside.
    pub(crate) data: T,
}

/// An id as text, whether it came as text or as number.
pub(crate) fn id_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(id) if !id.is_empty() => Ok(id),
        Value::Number(id) if id.is_u64() => Ok(id.to_string()),
        _ => Err(de::Error::custom("no id")),
    }
}

/// The same where it may be missing.
pub(crate) fn optional_id_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(id) if !id.is_empty() => Some(id),
        Value::Number(id) if id.is_u64() => Some(id.to_string()),
        _ => None,
    })
}

fn yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(true) => Ok(()),
        Value::String(word) if word == "true" => Ok(()),
        _ => Err(de::Error::custom("no success")),
    }
}

/// A time as the platform writes it: `2026-04-06T17:50:09+0000`, or Unix seconds.
pub(crate) fn parse_time(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let text = value.as_str()?;
    DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z")
        .ok()
        .map(|time| time.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_should_be_texts_without_losing_a_digit() {
        for id in [
            json!("122168928356960180"),
            json!(122_168_928_356_960_180_u64),
        ] {
            let created: Created = serde_json::from_value(json!({ "id": id, "x": 1 })).unwrap();
            assert_eq!(created.id, "122168928356960180");
        }
        for id in [json!(""), json!(1.5), json!(null), json!({})] {
            assert!(serde_json::from_value::<Created>(json!({ "id": id })).is_err());
        }
    }

    #[test]
    fn success_should_be_read_as_word_and_as_text() {
        for (success, expected) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(1), false),
            (json!(null), false),
        ] {
            let answer = serde_json::from_value::<Acknowledged>(json!({ "success": success }));
            assert_eq!(answer.is_ok(), expected);
        }
        assert!(serde_json::from_value::<Acknowledged>(json!({ "id": "1" })).is_err());
    }

    #[test]
    fn only_a_page_with_a_next_should_have_a_cursor_to_follow() {
        let after = |paging: Value| {
            let page: Listed<Value> =
                serde_json::from_value(json!({ "data": [], "paging": paging })).unwrap();
            (page.after().map(str::to_owned), page.is_cut_off())
        };
        let cursors = json!({ "before": "b", "after": "a" });
        assert_eq!(after(json!({ "cursors": cursors })), (None, false));
        assert_eq!(
            after(json!({ "cursors": cursors, "next": "…" })),
            (Some("a".into()), false)
        );
        assert_eq!(after(json!({ "next": "…" })), (None, true));
        assert_eq!(after(Value::Null), (None, false));
    }

    #[test]
    fn times_should_be_read_with_an_offset_without_colon() {
        let expected = DateTime::parse_from_rfc3339("2026-04-06T17:50:09Z").unwrap();
        assert_eq!(
            parse_time(&json!("2026-04-06T17:50:09+0000")).unwrap(),
            expected
        );
        assert_eq!(parse_time(&json!(expected.timestamp())).unwrap(), expected);
        assert_eq!(parse_time(&json!("yesterday")), None);
    }
}
