//! What Facebook says of a film: uploaded, processed, published, or what went wrong.
//!
//! Source: graph-api.md 5.6, 5.7 (D-VID, D-REEL; SDK `VideoStatus*.json`).

use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use shareville_core::{
    clock::Timestamp,
    failure::{Failure, FailureClass},
};

use super::progress::Foretold;
use crate::{
    error::{ErrorKind, GraphError},
    graph::optional_id_text,
};

/// A film as it is now. Every field may be missing, and of any shape.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Video {
    #[serde(default)]
    status: Value,
    #[serde(default, deserialize_with = "truth")]
    published: Option<bool>,
    /// The post that shows it; it comes later than the film.
    #[serde(default, deserialize_with = "optional_id_text")]
    pub(super) post_id: Option<String>,
    #[serde(default, deserialize_with = "optional_id_text")]
    pub(super) permalink_url: Option<String>,
}

/// Whether Facebook has the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Uploading {
    /// It has.
    Complete,
    /// Not yet.
    Underway,
    /// It never will.
    Failed(Failure),
}

/// How far publishing has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Publishing {
    /// Everybody can see it.
    Live,
    /// Facebook works on it.
    Underway,
    /// Nobody has asked for it.
    NotStarted,
    /// It waits for its owner to share it.
    Draft,
    /// It came to nothing.
    Dead(Failure),
    /// This does not tell.
    Unclear,
}

impl Video {
    pub(super) fn uploading(&self, now: Timestamp) -> Uploading {
        if let Some(failure) = self.failure(now) {
            return Uploading::Failed(failure);
        }
        let is_whole = matches!(
            self.word(),
            Some("upload_complete" | "ready" | "processing")
        );
        match self.phase("uploading_phase") {
            Some("complete") => Uploading::Complete,
            None if is_whole => Uploading::Complete,
            _ => Uploading::Underway,
        }
    }

    /// How many bytes Facebook has; its two pages spell the field differently.
    pub(super) fn received(&self) -> u64 {
        let phase = self.status.get("uploading_phase");
        let number = |name| {
            let value = phase?.get(name)?;
            value.as_u64().or_else(|| value.as_str()?.parse().ok())
        };
        let received = number("bytes_transfered").or_else(|| number("bytes_transferred"));
        received.unwrap_or_default()
    }

    /// Whether it says now already that it will be published, while nobody has asked for that yet.
    pub(super) fn foretold(&self) -> Foretold {
        match self.is_to_be_published() {
            true => Foretold::Before,
            false => Foretold::ByCommit,
        }
    }

    fn is_to_be_published(&self) -> bool {
        matches!(self.outcome(), Some("published" | "scheduled"))
    }

    pub(super) fn publishing(&self, now: Timestamp, foretold: Foretold) -> Publishing {
        let phase = self.phase("publishing_phase");
        let outcome = self.outcome();
        let is_out = match outcome {
            Some(outcome) => outcome == "published",
            None => self.published == Some(true),
        };
        match (phase, self.word()) {
            (Some("complete"), _) if is_out => return Publishing::Live,
            // A plain video has one word only.
            (None, Some("ready")) if self.published == Some(true) => return Publishing::Live,
            _ => {}
        }
        if let Some(failure) = self.failure(now) {
            return Publishing::Dead(failure);
        }
        let processing = self.phase("processing_phase");
        // What it is to become stands there from the finish on, also while the phase has not begun; or it has stood
        // there all along.
        let is_asked_for = self.is_to_be_published()
            && (phase != Some("not_started") || foretold == Foretold::ByCommit);
        match (phase, outcome, self.word()) {
            (_, Some("draft"), Some("ready")) => Publishing::Draft,
            (Some("in_progress" | "complete"), ..) => Publishing::Underway,
            _ if is_asked_for => Publishing::Underway,
            _ if processing == Some("in_progress") => Publishing::Underway,
            (None, None, Some("processing")) if processing.is_none() => Publishing::Underway,
            (Some("not_started"), ..) => Publishing::NotStarted,
            // A plain video tells by one field only that nobody sees it. Where nothing tells it, nothing is known.
            (None, _, Some(_)) if self.published == Some(false) => Publishing::NotStarted,
            _ => Publishing::Unclear,
        }
    }

    /// What went wrong: an error in a phase, while the whole may still say that it goes on, or the whole itself.
    fn failure(&self, now: Timestamp) -> Option<Failure> {
        let body = json!({ "status": self.status }).to_string();
        let error = GraphError::from_response(StatusCode::OK, &HeaderMap::new(), body.as_bytes());
        let is_told = error.kind == Some(ErrorKind::Graph);
        let has_words = error.message.is_some() || error.subcode.is_some();
        match self.word() {
            // Nothing is wrong with the film: it has only to be sent again.
            Some("expired" | "upload_failed") if !has_words => Some(Failure::new(
                FailureClass::Transient,
                "Facebook did not get the whole video. It is sent again by itself.",
            )),
            _ if is_told => Some(error.failure(now)),
            _ if self.phases().any(|phase| phase == "error") => Some(Failure::new(
                FailureClass::Content { retryable: false },
                "Facebook could not process the video, and does not say why. Save it anew as MP4, then publish the \
                 post again.",
            )),
            _ => None,
        }
    }

    /// The word for the whole.
    fn word(&self) -> Option<&str> {
        self.status.get("video_status")?.as_str()
    }

    fn phase(&self, name: &str) -> Option<&str> {
        self.status.get(name)?.get("status")?.as_str()
    }

    fn phases(&self) -> impl Iterator<Item = &str> {
        ["uploading_phase", "processing_phase", "publishing_phase"]
            .into_iter()
            .filter_map(|name| self.phase(name))
            .chain(self.outcome())
    }

    /// What publishing came to, or is to come to.
    fn outcome(&self) -> Option<&str> {
        self.status
            .get("publishing_phase")?
            .get("publish_status")?
            .as_str()
    }
}

fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(truth) => Some(truth),
        Value::String(word) if word == "true" => Some(true),
        Value::String(word) if word == "false" => Some(false),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use shareville_core::clock::{Clock as _, SystemClock};

    use super::*;

    fn video(json: Value) -> Video {
        serde_json::from_value(json).unwrap()
    }

    fn publishing(json: Value) -> Publishing {
        video(json).publishing(SystemClock.now(), Foretold::default())
    }

    fn phases(word: &str, processing: &str, publishing: &Value) -> Value {
        json!({ "status": {
            "video_status": word,
            "uploading_phase": { "status": "complete" },
            "processing_phase": { "status": processing },
            "publishing_phase": publishing,
        }})
    }

    #[test]
    fn a_film_should_be_live_only_when_publishing_is_complete() {
        let live = phases(
            "ready",
            "complete",
            &json!({ "status": "complete", "publish_status": "published" }),
        );
        assert_eq!(publishing(live), Publishing::Live);
        let plain = json!({ "published": true, "status": { "video_status": "ready" } });
        assert_eq!(publishing(plain), Publishing::Live);
        for (json, expected) in [
            (
                json!({ "published": true, "status": { "video_status": "processing" } }),
                Publishing::Underway,
            ),
            (
                json!({ "published": true, "status": {
                    "video_status": "ready", "publishing_phase": { "status": "not_started" } } }),
                Publishing::NotStarted,
            ),
            (
                json!({ "published": false, "status": { "video_status": "ready" } }),
                Publishing::NotStarted,
            ),
            (
                json!({ "status": { "video_status": "ready" } }),
                Publishing::Unclear,
            ),
            (
                json!({ "status": { "video_status": "upload_complete" } }),
                Publishing::Unclear,
            ),
            (
                json!({ "status": { "video_status": "ready", "publishing_phase": { "status": "new word" } } }),
                Publishing::Unclear,
            ),
            (json!({ "published": true }), Publishing::Unclear),
            (json!({ "status": 7, "post_id": [] }), Publishing::Unclear),
        ] {
            assert_eq!(publishing(json.clone()), expected, "{json}");
        }
    }

    #[test]
    fn only_what_nobody_has_finished_should_be_not_started() {
        let waiting = json!({ "status": "not_started" });
        for (word, processing) in [
            ("uploading", "not_started"),
            ("upload_complete", "not_started"),
            ("processing", "not_started"),
            ("ready", "complete"),
        ] {
            let json = phases(word, processing, &waiting);
            assert_eq!(publishing(json), Publishing::NotStarted, "{word}");
        }
        for (word, processing, phase) in [
            ("processing", "in_progress", waiting),
            (
                "processing",
                "not_started",
                json!({ "status": "not_started", "publish_status": "published" }),
            ),
            ("ready", "complete", json!({ "status": "in_progress" })),
            ("ready", "complete", json!({ "status": "complete" })),
        ] {
            let json = phases(word, processing, &phase);
            assert_eq!(publishing(json), Publishing::Underway, "{word} {phase}");
        }
        let draft = json!({ "status": "not_started", "publish_status": "draft" });
        assert_eq!(
            publishing(phases("ready", "complete", &draft)),
            Publishing::Draft
        );
    }

    #[test]
    fn what_was_foretold_before_the_commit_should_prove_nothing() {
        let publishing = |phase: &Value| {
            let film = video(phases("ready", "complete", phase));
            film.publishing(SystemClock.now(), Foretold::Before)
        };
        let waiting = json!({ "status": "not_started", "publish_status": "published" });
        assert_eq!(publishing(&waiting), Publishing::NotStarted);
        let begun = json!({ "status": "in_progress", "publish_status": "published" });
        assert_eq!(publishing(&begun), Publishing::Underway);
        let live = json!({ "status": "complete", "publish_status": "published" });
        assert_eq!(publishing(&live), Publishing::Live);
    }

    #[test]
    fn what_went_wrong_should_be_found_in_every_phase() {
        let waiting = json!({ "status": "not_started" });
        let mut told = phases("processing", "error", &waiting);
        told["status"]["processing_phase"]["errors"] =
            json!([{ "code": 1_363_128, "message": "Too long." }]);
        let silent = phases("processing", "error", &waiting);
        let publish = phases(
            "ready",
            "complete",
            &json!({ "status": "complete", "publish_status": "error" }),
        );
        for (json, expected) in [
            (told, FailureClass::Content { retryable: false }),
            (silent, FailureClass::Content { retryable: false }),
            (publish, FailureClass::Content { retryable: false }),
            (
                json!({ "status": { "video_status": "error" } }),
                FailureClass::Content { retryable: false },
            ),
            (
                json!({ "status": { "video_status": "expired" } }),
                FailureClass::Transient,
            ),
            (
                json!({ "status": { "video_status": "upload_failed" } }),
                FailureClass::Transient,
            ),
        ] {
            let Publishing::Dead(failure) = publishing(json.clone()) else {
                panic!("{json}");
            };
            assert_eq!(failure.class, expected, "{json}");
            let uploading = video(json).uploading(SystemClock.now());
            assert_eq!(uploading, Uploading::Failed(failure));
        }
    }

    #[test]
    fn bytes_should_be_counted_by_either_spelling() {
        for phase in [
            json!({ "bytes_transfered": 50_002 }),
            json!({ "bytes_transferred": "50002" }),
        ] {
            let video = video(json!({ "status": { "uploading_phase": phase } }));
            assert_eq!(video.received(), 50_002);
        }
        assert_eq!(video(json!({})).received(), 0);
    }

    #[test]
    fn a_file_should_be_there_when_its_phase_says_so() {
        let uploading = |status: Value| {
            let video = video(json!({ "status": status }));
            video.uploading(SystemClock.now())
        };
        for status in [
            json!({ "uploading_phase": { "status": "complete" } }),
            json!({ "video_status": "upload_complete" }),
            json!({ "video_status": "processing" }),
        ] {
            assert_eq!(uploading(status.clone()), Uploading::Complete, "{status}");
        }
        for status in [
            json!({ "video_status": "processing", "uploading_phase": { "status": "in_progress", "bytes_transfered": 5 } }),
            json!({ "video_status": "uploading" }),
            json!({}),
        ] {
            assert_eq!(uploading(status.clone()), Uploading::Underway, "{status}");
        }
    }
}
