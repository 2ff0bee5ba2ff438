//! The shapes in which the platform says that something failed.
//!
//! Source: graph-api.md 8.1.

use http::HeaderMap;
use serde_json::{Map, Value};

use super::{GraphError, words};

/// What an envelope says, of whatever shape it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reported {
    pub(super) code: Option<i64>,
    pub(super) subcode: Option<i64>,
    pub(super) error_type: Option<String>,
    pub(super) message: Option<String>,
    pub(super) user_title: Option<String>,
    pub(super) user_message: Option<String>,
    pub(super) is_transient: Option<bool>,
    pub(super) fbtrace_id: Option<String>,
    pub(super) start_offset: Option<u64>,
    pub(super) end_offset: Option<u64>,
    pub(super) well_formed: bool,
}

type Object = Map<String, Value>;

impl Reported {
    /// What `json` says, if it is one of the failure envelopes.
    pub(super) fn read(json: &Value) -> Option<Self> {
        let object = json.as_object()?;
        let mut reported = Self::graph(object)
            .or_else(|| Self::dialog(object))
            .or_else(|| Self::instagram(object))
            .or_else(|| Self::ancient(object))
            .or_else(|| Self::upload(object))
            .or_else(|| Self::checked_token(object))
            .or_else(|| Self::container(object))
            .or_else(|| Self::video(object))
            .or_else(|| Self::no_success(object))?;
        if reported.code.is_none() {
            reported.code = reported.message.as_deref().and_then(words::leading_code);
        }
        Some(reported)
    }

    /// `{"error":{"message","type","code",…}}`: every key optional.
    fn graph(object: &Object) -> Option<Self> {
        let error = object.get("error")?.as_object()?;
        // An object or a text; may hold what the platform wants kept out of logs.
        let data = error.get("error_data").and_then(Value::as_object);
        let offset = |name| data.and_then(|data| data.get(name)).and_then(integer);
        let code = error
            .get("code")
            .and_then(integer)
            .filter(|code| *code != 0);
        Some(Self {
            code,
            subcode: error
                .get("error_subcode")
                .and_then(integer)
                .filter(|subcode| *subcode != 0),
            error_type: text(error, "type"),
            message: text(error, "message"),
            user_title: text(error, "error_user_title"),
            user_message: text(error, "error_user_msg"),
            is_transient: error.get("is_transient").and_then(Value::as_bool),
            fbtrace_id: text(error, "fbtrace_id"),
            start_offset: offset("start_offset").and_then(|offset| offset.try_into().ok()),
            end_offset: offset("end_offset").and_then(|offset| offset.try_into().ok()),
            well_formed: code.is_some(),
        })
    }

    /// The login dialog's way back: `error`, `error_code`, `error_reason`, `error_description`, all texts.
    fn dialog(object: &Object) -> Option<Self> {
        Some(Self {
            error_type: Some(object.get("error")?.as_str()?.to_owned()),
            code: object.get("error_code").and_then(integer),
            message: text(object, "error_description"),
            user_title: text(object, "error_reason"),
            ..Self::default()
        })
    }

    /// api.instagram.com: flat, or inside `meta`. Its `code` is an HTTP status, not one of Graph's codes.
    fn instagram(object: &Object) -> Option<Self> {
        let object = object
            .get("meta")
            .and_then(Value::as_object)
            .unwrap_or(object);
        Some(Self {
            error_type: Some(object.get("error_type")?.as_str()?.to_owned()),
            message: text(object, "error_message"),
            ..Self::default()
        })
    }

    /// `{"error_code":190,"error_description":"…"}`.
    fn ancient(object: &Object) -> Option<Self> {
        Some(Self {
            code: Some(integer(object.get("error_code")?)?),
            message: text(object, "error_description"),
            ..Self::default()
        })
    }

    /// The upload host: `{"debug_info":{"retriable","type","message"}}`.
    fn upload(object: &Object) -> Option<Self> {
        let info = object.get("debug_info")?.as_object()?;
        Some(Self {
            error_type: text(info, "type"),
            message: text(info, "message"),
            is_transient: info.get("retriable").and_then(Value::as_bool),
            ..Self::default()
        })
    }

    /// `debug_token` of a token that is not valid: HTTP 200, `{"data":{"error":{"code","message","subcode"}}}`.
    fn checked_token(object: &Object) -> Option<Self> {
        let error = object.get("data")?.get("error")?.as_object()?;
        Some(Self {
            code: error.get("code").and_then(integer),
            subcode: error.get("subcode").and_then(integer),
            message: text(error, "message"),
            ..Self::default()
        })
    }

    /// An Instagram container that failed: HTTP 200, `{"status_code":"ERROR","status":"Error: … error code 2207077"}`.
    fn container(object: &Object) -> Option<Self> {
        let word = object.get("status_code")?.as_str()?;
        if !matches!(word, "ERROR" | "EXPIRED") {
            return None;
        }
        let status = text(object, "status");
        Some(Self {
            // Here, and nowhere else, the platform gives its subcode in this sentence only.
            subcode: status.as_deref().and_then(words::container_subcode),
            error_type: Some(format!("container {word}")),
            message: status,
            ..Self::default()
        })
    }

    /// A film that failed: HTTP 200, an error inside one of its phases, or a `video_status` that says so.
    fn video(object: &Object) -> Option<Self> {
        let status = object.get("status")?.as_object()?;
        let phases = ["uploading_phase", "processing_phase", "publishing_phase"];
        let error = phases.iter().find_map(|phase| {
            let phase = status.get(*phase)?;
            phase
                .get("error")
                .or_else(|| phase.get("errors")?.as_array()?.first())?
                .as_object()
        });
        let word = status.get("video_status").and_then(Value::as_str);
        if error.is_none() && !matches!(word, Some("error" | "expired" | "upload_failed")) {
            return None;
        }
        let number = error.and_then(|error| integer(error.get("code")?));
        let (code, subcode) = match number {
            // The numbers of 8.4, where a code has a few digits only.
            Some(number) if number >= 1_000_000 => (None, Some(number)),
            number => (number, None),
        };
        Some(Self {
            code,
            subcode,
            error_type: Some("video error".to_owned()),
            message: error.and_then(|error| text(error, "message")),
            ..Self::default()
        })
    }

    /// `{"success":false}`.
    fn no_success(object: &Object) -> Option<Self> {
        let success = object.get("success")?;
        let denied = success.as_bool() == Some(false) || success.as_str() == Some("false");
        denied.then(Self::default)
    }
}

/// Whether an answer says that it is a failure, whatever its HTTP status: an `error` on top, Instagram's flat one, or no
/// `success`.
pub(crate) fn is_failure(json: &Value) -> bool {
    json.as_object().is_some_and(|object| {
        object.contains_key("error")
            || Reported::instagram(object).is_some()
            || Reported::no_success(object).is_some()
    })
}

/// `WWW-Authenticate: OAuth "Facebook Platform" "invalid_token" "…"`, for answers without a body that says more.
pub(super) fn read_challenge(headers: &HeaderMap, error: &mut GraphError) {
    let Some(challenge) = super::header(headers, "www-authenticate") else {
        return;
    };
    let mut quoted = challenge.split('"').skip(1).step_by(2).skip(1);
    error.error_type = quoted.next().map(str::to_owned);
    error.message = quoted.next().map(words::blot);
}

/// A number, or a text that is one.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn text(object: &Object, name: &str) -> Option<String> {
    object
        .get(name)?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn zero_should_mean_no_code_and_the_number_in_front_of_the_text_should_do() {
        let json = json!({"error": {"code": 0, "error_subcode": 0, "message": "(#506) Duplicate"}});
        let reported = Reported::read(&json).unwrap();
        assert_eq!((reported.code, reported.subcode), (Some(506), None));
        assert!(
            !reported.well_formed,
            "a number found in a text proves nothing"
        );
    }

    #[test]
    fn offsets_should_be_read_as_numbers_and_as_texts() {
        let json = json!({"error": {"code": 6001, "error_data": {"start_offset": "40", "end_offset": 50}}});
        let reported = Reported::read(&json).unwrap();
        assert_eq!(
            (reported.start_offset, reported.end_offset),
            (Some(40), Some(50))
        );
    }

    #[test]
    fn a_films_error_should_be_read_by_its_finer_code() {
        let json = json!({"status": {"video_status": "processing", "processing_phase": {
            "status": "error", "errors": [{"code": 1_363_128, "message": "Too long."}]}}});
        let reported = Reported::read(&json).unwrap();
        assert_eq!((reported.code, reported.subcode), (None, Some(1_363_128)));
    }

    #[test]
    fn an_ordinary_answer_should_be_no_failure() {
        for json in [
            json!({"success": true}),
            json!({"success": "true"}),
            json!({"id": "1"}),
            json!({"status_code": "FINISHED", "status": "Finished"}),
            json!([]),
        ] {
            assert_eq!(Reported::read(&json), None, "{json}");
            assert!(!is_failure(&json));
        }
        for json in [
            json!({"success": "false"}),
            json!({"error": 1, "id": "1"}),
            json!({"error_type": "OAuthException", "code": 400, "error_message": "No"}),
        ] {
            assert!(is_failure(&json));
        }
    }
}
