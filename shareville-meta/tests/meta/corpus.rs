//! Every failure in the collection must get its class; every usage header must be read.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, StatusCode};
use proptest::prelude::{any, proptest};
use serde_json::Value;
use shareville_core::failure::{Action, FailureClass};
use shareville_meta::{Effect, GraphError, Step, Usage, effect};

use crate::support::now;

const ERRORS: &str = include_str!("../fixtures/graph-errors.json");
pub(crate) const ANSWERS: &str = include_str!("../fixtures/graph-answers.json");

/// Labels that the ladder does not follow, each with why.
const EXCEPTIONS: [(&str, &str); 1] = [(
    "e-aa0d4b70",
    "2207085 on a DELETE is Meta's own fault; the same subcode on a container is content. Only the call tells the two \
     apart, and a class knows no call.",
)];

pub(crate) fn entries(json: &str) -> Vec<Value> {
    serde_json::from_str(json).unwrap()
}

fn class_of(entry: &Value) -> FailureClass {
    let status = entry["http_status"].as_u64().unwrap_or(400);
    let status = StatusCode::from_u16(status.try_into().unwrap()).unwrap();
    let body = serde_json::to_vec(&entry["body"]).unwrap();
    GraphError::from_response(status, &HeaderMap::new(), &body).class(now())
}

#[test]
fn every_failure_should_get_its_class_and_whether_to_try_again() {
    let exceptions = BTreeMap::from(EXCEPTIONS);
    let mut mismatches = Vec::new();
    for entry in entries(ERRORS) {
        let class = class_of(&entry);
        let id = entry["id"].as_str().unwrap();
        let right = class.code() == entry["expected_class"].as_str().unwrap()
            && class.is_retryable() == entry["expected_retry"].as_bool().unwrap();
        if right == exceptions.contains_key(id) {
            mismatches.push(format!(
                "{id}: {} (retry {}) is {class:?}: {}",
                entry["expected_class"], entry["expected_retry"], entry["why"]
            ));
        }
    }
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
}

#[test]
fn no_failure_should_show_what_was_scrubbed_or_panic_in_words() {
    for entry in entries(ERRORS) {
        let body = serde_json::to_vec(&entry["body"]).unwrap();
        let error = GraphError::from_response(StatusCode::BAD_REQUEST, &HeaderMap::new(), &body);
        let failure = error.failure(now());
        assert!(
            !failure.message.is_empty() && failure.message.ends_with('.'),
            "{failure}"
        );
        assert!(!format!("{error:?}{error}{failure}").contains("sentry_block_data"));
    }
}

#[test]
fn every_failure_should_say_who_acts_and_what_to_quote() {
    for entry in entries(ERRORS) {
        let (id, body) = (&entry["id"], &entry["body"]);
        let status = entry["http_status"].as_u64().unwrap_or(400);
        let status = StatusCode::from_u16(status.try_into().unwrap()).unwrap();
        let bytes = serde_json::to_vec(body).unwrap();
        let error = GraphError::from_response(status, &HeaderMap::new(), &bytes);
        let failure = error.failure(now());
        assert_eq!(failure.code, failure.class.code(), "{id}");
        assert!(failure.message.len() > 40, "{id}: {failure}");
        // Nobody is left alone with it: somebody acts, or it is tried again by itself.
        let acts = match failure.class {
            FailureClass::Transient | FailureClass::RateLimited { .. } => Action::Wait,
            FailureClass::Reauthorize => Action::Reconnect,
            FailureClass::Content { .. } | FailureClass::Duplicate => Action::FixContent,
            FailureClass::Config => Action::FixAppSettings,
            FailureClass::Permission if failure.action == Action::Reconnect => Action::Reconnect,
            _ => Action::CheckAccount,
        };
        assert_eq!(failure.action, acts, "{id}");
        let platform = failure.platform.unwrap();
        let told = ["/error/fbtrace_id", "/error/code", "/error/error_subcode"];
        let [trace, code, subcode] = told.map(|pointer| body.pointer(pointer));
        assert_eq!(
            platform.fbtrace_id.as_deref(),
            trace.and_then(Value::as_str),
            "{id}"
        );
        if let Some(code) = code.and_then(Value::as_i64).filter(|code| *code != 0) {
            assert_eq!(platform.code, Some(code), "{id}");
        }
        if let Some(subcode) = subcode.and_then(Value::as_i64).filter(|it| *it != 0) {
            assert_eq!(platform.subcode, Some(subcode), "{id}");
        }
    }
}

/// The classes of codes and finer codes, row by row of graph-api.md 8.3 and 8.4: the collection has no case of many.
#[rustfmt::skip]
const CLASSES: [(&str, &[(i64, i64)]); 10] = [
    ("transient", &[
        (1, 0), (1, 99), (2, 0), (-1, 0), (-2, 0), (3919, 0), (6001, 0), (6001, 1_363_037), (6000, 1_363_019),
        (390, 1_363_030), (1, 1_363_047), (1, 1_609_010), (9007, 0), (9007, 2_207_027), (-1, 2_207_001),
        (-2, 2_207_003), (24, 2_207_008), (-2, 2_207_020), (-1, 2_207_032), (-1, 2_207_053),
    ]),
    ("rate_limited", &[
        (4, 0), (4, 1_349_210), (9, 0), (9, 2_207_042), (17, 0), (32, 0), (341, 0), (613, 0), (613, 1996),
        (80_000, 0), (80_001, 0), (80_002, 0), (80_006, 0), (80_008, 0), (80_009, 0), (80_014, 0),
    ]),
    ("reauthorize", &[
        (102, 0), (102, 463), (104, 0), (190, 0), (190, 458), (190, 459), (190, 460), (190, 463), (190, 464),
        (190, 467), (190, 483), (190, 490), (190, 492), (190, 31_337), (100, 36_007), (100, 36_009),
    ]),
    ("permission", &[
        (10, 0), (200, 0), (210, 0), (230, 0), (283, 0), (299, 0), (200, 1_376_025), (200, 1_363_144),
    ]),
    ("content", &[
        (100, 0), (105, 0), (194, 0), (324, 0), (324, 2_069_019), (352, 0), (352, 2_207_026), (100, 2_207_026),
        (382, 0), (389, 0), (389, 1_363_057), (390, 0), (1500, 0), (1_609_005, 0), (100, 1_609_005),
        (100, 1_609_008), (100, 2_061_006), (100, 1_366_046), (100, 1_349_125), (1, 1_446_036), (1, 1_965_014),
        (6000, 0), (6000, 1_363_045), (100, 1_363_040), (100, 1_363_127), (100, 1_363_128), (100, 1_363_129),
        (-1, 1_363_103), (9004, 0), (9004, 2_207_052), (100, 2_207_052), (1, 2_207_052), (36_000, 0),
        (36_000, 2_207_004), (36_001, 2_207_005), (36_001, 2_207_083), (36_002, 0), (36_003, 2_207_009),
        (36_004, 2_207_010), (100, 2_207_023), (100, 2_207_028), (100, 2_207_035), (100, 2_207_036),
        (100, 2_207_037), (100, 2_207_040), (1, 2_207_057),
    ]),
    ("duplicate", &[(506, 0), (368, 1_404_082), (100, 1_366_051)]),
    ("blocked", &[
        (25, 0), (25, 2_207_050), (4, 2_207_051), (368, 0), (368, 1_390_008), (368, 1_346_003), (368, 1_404_006),
        (368, 1_404_078), (368, 1_404_102), (368, 1_404_112), (368, 4_854_002),
    ]),
    ("config", &[(3, 0), (12, 0), (191, 0), (100, 36_008), (2200, 0), (2500, 0), (2635, 0)]),
    ("not_found", &[(24, 0), (24, 2_207_006), (100, 33), (110, 0), (110, 2_207_013), (803, 0)]),
    ("unknown", &[(987_654, 0), (0, 0), (300, 0)]),
];

#[test]
fn every_code_should_have_the_class_of_its_row() {
    for (expected, codes) in CLASSES {
        for &(code, subcode) in codes {
            let error =
                serde_json::json!({ "code": code, "error_subcode": subcode, "message": "x" });
            let body = serde_json::json!({ "error": error }).to_string();
            let status = StatusCode::BAD_REQUEST;
            let error = GraphError::from_response(status, &HeaderMap::new(), body.as_bytes());
            assert_eq!(error.class(now()).code(), expected, "{code}/{subcode}");
        }
    }
}

#[test]
fn every_usage_header_should_be_read() {
    let mut read = 0;
    for entry in entries(ANSWERS)
        .iter()
        .filter(|entry| entry["kind"] == "usage_header")
    {
        let mut headers = HeaderMap::new();
        for (name, value) in entry["headers"].as_object().unwrap() {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        let usage = Usage::from_headers(&headers);
        assert_eq!(usage.app.is_some(), headers.contains_key("x-app-usage"));
        assert_eq!(usage.page.is_some(), headers.contains_key("x-page-usage"));
        assert_eq!(
            !usage.business.is_empty(),
            headers.contains_key("x-business-use-case-usage")
        );
        read += 1;
    }
    assert_eq!(read, 7);
}

/// The failures that Instagram has answered: each one's id, HTTP status and body.
pub(crate) fn instagrams_failures() -> Vec<(String, u16, Value)> {
    let all = entries(ERRORS).into_iter();
    let failures: Vec<_> = all
        .filter(|entry| entry["surface"] == "instagram")
        .map(|entry| {
            let status = entry["http_status"].as_u64().unwrap_or(400);
            let id = entry["id"].as_str().unwrap().to_owned();
            (id, status.try_into().unwrap(), entry["body"].clone())
        })
        .collect();
    assert!(failures.len() > 30);
    failures
}

/// The bodies of a kind of answers.
pub(crate) fn answers(kind: &str) -> Vec<Value> {
    let all = entries(ANSWERS).into_iter();
    let bodies: Vec<_> = all
        .filter(|entry| entry["kind"] == kind)
        .map(|entry| entry["body"].clone())
        .collect();
    assert!(!bodies.is_empty(), "{kind}");
    bodies
}

proptest! {
    #[test]
    fn no_answer_should_be_too_odd_to_read(
        status in 200_u16..600,
        body: Vec<u8>,
        words in "\\PC*",
        code: i64,
        subcode: i64,
        transient in any::<Option<bool>>(),
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = serde_json::json!({ "error": {
            "message": words, "code": code, "error_subcode": subcode, "is_transient": transient,
        } });
        for body in [body, error.to_string().into_bytes()] {
            let error = GraphError::from_response(status, &HeaderMap::new(), &body);
            assert!(!error.failure(now()).message.is_empty());
            // Only HTTP 4xx can prove that a commit did nothing.
            let proven = effect(Step::Commit, &error) == Effect::DidNothing;
            assert!(!proven || status.is_client_error());
        }
    }
}
