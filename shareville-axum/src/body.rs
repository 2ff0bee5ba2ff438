//! Request bodies, read strictly: every field that is wrong is named, and so is every one that nobody knows.
//!
//! A body is read by hand rather than by derive, because a derived reader stops at the first thing that is wrong.

// All readers have one form, whether they keep the value or not.
#![allow(clippy::needless_pass_by_value)]

use std::{fmt::Write as _, time::Duration};

use axum::extract::{FromRequest, Request};
use chrono::{DateTime, SubsecRound, Utc};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Map, Value};
use shareville_core::{
    clock::Timestamp,
    idempotency::Fingerprint,
    local_time::{BadLocalTime, LocalTime},
    tenancy::Patch,
    violation::Violation,
};

use crate::{json::Strict, problem::Problem, whole_body::WholeBody};

/// A body that is a JSON object.
#[derive(Debug)]
pub(crate) struct Body(Map<String, Value>);

/// A body that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalBody(pub(crate) Body);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let WholeBody(bytes) = WholeBody::from_request(request, state).await?;
        parse(&bytes)
    }
}

impl<S: Send + Sync> FromRequest<S> for OptionalBody {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = require_json(request.headers());
        let WholeBody(bytes) = WholeBody::from_request(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(Body(Map::new())));
        }
        is_json?;
        parse(&bytes).map(Self)
    }
}

/// Refuses a body that does not say it is JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(header::CONTENT_TYPE);
    let essence = sent
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|essence| essence.trim().to_ascii_lowercase());
    let detail = match essence {
        Some(essence) if essence == "application/json" || essence.ends_with("+json") => {
            return Ok(());
        }
        Some(essence) => format!("the content type is `{essence}`"),
        None => "there is no content type".to_owned(),
    };
    Err(Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("{detail}: send JSON, with `Content-Type: application/json`"),
    ))
}

fn parse(bytes: &[u8]) -> Result<Body, Problem> {
    match serde_json::from_slice(bytes).map(|Strict(value)| value) {
        Ok(Value::Object(map)) => Ok(Body(map)),
        Ok(_) => Err(Problem::invalid(vec![Violation::new(
            "",
            "type",
            "the body must be a JSON object: `{…}`",
        )])),
        Err(error) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed_json",
            format!("the body cannot be read as JSON: {error}"),
        )),
    }
}

impl Body {
    /// What tells the body from others that are sent to the same route.
    pub(crate) fn fingerprint(&self, route: &str) -> Fingerprint {
        Fingerprint::of(route, &self.0)
    }

    /// Reads the body, and refuses it if anything in it is wrong.
    pub(crate) fn read<T>(self, read: impl FnOnce(&mut Fields<'_>) -> T) -> Result<T, Problem> {
        match self.read_leniently(read) {
            (read, wrong) if wrong.is_empty() => Ok(read),
            (_, wrong) => Err(Problem::invalid(wrong)),
        }
    }

    /// Reads a body of which something must be there: where it is not, `read` has said so and gives `None`.
    pub(crate) fn require<T>(
        self,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Result<T, Problem> {
        match self.read_leniently(read) {
            (Some(read), wrong) if wrong.is_empty() => Ok(read),
            (_, wrong) => Err(Problem::invalid(wrong)),
        }
    }

    /// Reads what can be read of the body, and gives what is wrong beside it.
    pub(crate) fn read_leniently<T>(
        self,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> (T, Vec<Violation>) {
        let mut wrong = Vec::new();
        let mut at = At {
            pointer: String::new(),
            wrong: &mut wrong,
        };
        let value = at.fields(self.0, read);
        (value, wrong)
    }
}

/// A place in a body, where something may be wrong.
#[derive(Debug)]
pub(crate) struct At<'a> {
    pointer: String,
    wrong: &'a mut Vec<Violation>,
}

impl At<'_> {
    /// Says that what stands here is wrong.
    pub(crate) fn say(&mut self, code: &str, message: impl Into<String>) {
        self.wrong
            .push(Violation::new(self.pointer.clone(), code, message));
    }

    /// Says that what stands here is of the wrong type.
    pub(crate) fn mistyped<T>(&mut self, message: &str) -> Option<T> {
        self.say("type", message);
        None
    }

    /// The place below this one.
    pub(crate) fn below(&mut self, name: &str) -> At<'_> {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        At {
            pointer: format!("{}/{escaped}", self.pointer),
            wrong: self.wrong,
        }
    }

    /// Reads the object that stands here; what is in it and was not read is refused.
    pub(crate) fn fields<T>(
        &mut self,
        map: Map<String, Value>,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> T {
        let mut fields = Fields {
            at: At {
                pointer: self.pointer.clone(),
                wrong: self.wrong,
            },
            map,
            known: Vec::new(),
        };
        let value = read(&mut fields);
        fields.refuse_unknown();
        value
    }
}

/// The fields of an object.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    at: At<'a>,
    map: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields<'_> {
    /// Reads a field whose `null` means something else than its absence.
    pub(crate) fn patch<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Patch<T> {
        self.known.push(name);
        match self.map.remove(name) {
            None => Patch::Keep,
            Some(Value::Null) => Patch::Clear,
            Some(value) => read(value, &mut self.at.below(name)).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// Reads a field that may be left out, or be `null`.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.patch(name, read) {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }

    /// Reads a field that may be left out, but not be `null`.
    pub(crate) fn not_null<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<T> {
        match self.patch(name, read) {
            Patch::Set(value) => Some(value),
            Patch::Keep => None,
            Patch::Clear => {
                let message = "cannot be `null`: leave it out to keep it as it is";
                self.at(name).mistyped(message)
            }
        }
    }

    /// Reads a field that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        missing: &str,
        read: impl FnOnce(Value, &mut At<'_>) -> Option<T>,
    ) -> Option<T> {
        if !self.has(name) {
            self.known.push(name);
            self.map.remove(name);
            self.at(name).say("required", missing);
            return None;
        }
        self.optional(name, read)
    }

    /// Whether a field is there, and says something.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    /// The place of a field.
    pub(crate) fn at(&mut self, name: &str) -> At<'_> {
        self.at.below(name)
    }

    fn refuse_unknown(mut self) {
        for name in std::mem::take(&mut self.map).keys() {
            let mut message = "is not known here. Known are: ".to_owned();
            for (index, known) in self.known.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(message, "{comma}`{known}`");
            }
            self.at(name).say("unknown_field", message);
        }
    }
}

/// Reads a text.
pub(crate) fn text(value: Value, at: &mut At<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => at.mistyped("must be a string"),
    }
}

/// Reads true or false.
pub(crate) fn flag(value: Value, at: &mut At<'_>) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(flag),
        _ => at.mistyped("must be `true` or `false`"),
    }
}

/// Reads an object whose fields are the caller's own.
pub(crate) fn map(value: Value, at: &mut At<'_>) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => at.mistyped("must be an object: `{…}`"),
    }
}

/// Reads a list, item by item.
pub(crate) fn list<T>(
    value: Value,
    at: &mut At<'_>,
    mut read: impl FnMut(Value, &mut At<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Array(items) = value else {
        return at.mistyped("must be a list: `[…]`");
    };
    let items = items.into_iter().enumerate();
    let read = items.filter_map(|(index, item)| read(item, &mut at.below(&index.to_string())));
    Some(read.collect())
}

/// Reads a list of texts.
pub(crate) fn texts(value: Value, at: &mut At<'_>) -> Option<Vec<String>> {
    list(value, at, text)
}

/// A time as RFC 3339 has it, in whole microseconds, which is what stores keep.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&Utc).trunc_subsecs(6))
}

/// What a time must look like.
pub(crate) const TIME_RULE: &str =
    "must be a time in RFC 3339 with its offset, such as `2026-01-31T09:00:00Z`";

/// Reads a time.
pub(crate) fn time(value: Value, at: &mut At<'_>) -> Option<Timestamp> {
    let read = value.as_str().and_then(parse_time);
    if read.is_none() {
        let code = if value.is_string() {
            "malformed"
        } else {
            "type"
        };
        at.say(code, TIME_RULE);
    }
    read
}

/// Reads a time of a place's clock.
pub(crate) fn local_time(value: Value, at: &mut At<'_>) -> Option<LocalTime> {
    text(value, at)?
        .parse()
        .map_err(|wrong: BadLocalTime| at.say("malformed", wrong.to_string()))
        .ok()
}

/// Reads a number of seconds.
pub(crate) fn seconds(value: Value, at: &mut At<'_>) -> Option<Duration> {
    let Some(seconds) = value.as_f64() else {
        return at.mistyped("must be a number of seconds");
    };
    let read = Duration::try_from_secs_f64(seconds).ok();
    if read.is_none() {
        at.say(
            "out_of_range",
            "must be a number of seconds, and not below 0",
        );
    }
    read
}

/// Reads one of some words.
pub(crate) fn one_of<T: Copy>(value: Value, at: &mut At<'_>, words: &[(&str, T)]) -> Option<T> {
    let found = value
        .as_str()
        .and_then(|text| words.iter().find(|(word, _)| *word == text));
    if found.is_none() {
        at.say("unknown_value", format!("must be {}", one_of_words(words)));
    }
    found.map(|(_, found)| *found)
}

/// `one of a, b, c`, in words.
pub(crate) fn one_of_words<T>(words: &[(&str, T)]) -> String {
    let listed: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    format!("one of {}", listed.join(", "))
}
