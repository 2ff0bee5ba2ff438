//! A container, as Instagram tells of it.
//!
//! Source: graph-api.md 6.4 (D-IGC; fixtures).

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use shareville_core::{failure::Failure, publisher::Job};

use super::{InstagramAccounts, auth, host};
use crate::{error::GraphError, graph::Need};

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Instagram fetches and processes.
    InProgress,
    /// It can be published.
    Finished,
    /// It is published.
    Published,
    /// It can never be published: `ERROR` and `EXPIRED`.
    Dead(Failure),
    /// It was read, and says nothing that is known.
    Unknown,
}

#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    status_code: Option<String>,
    /// A sentence; the reason of an `ERROR` stands nowhere else.
    #[serde(default)]
    status: Option<String>,
}

impl InstagramAccounts {
    /// `GET /{container}?fields=status_code,status`.
    pub(super) async fn read_container(
        &self,
        job: &Job,
        container: &str,
        need: Need,
    ) -> Result<State, Box<GraphError>> {
        let told = self
            .graph
            .get(&[container], auth(job))
            .at(host(job))
            .needed(need)
            .with("fields", "status_code,status")
            .send::<Told>()
            .await?;
        Ok(match told.status_code.as_deref() {
            Some("IN_PROGRESS") => State::InProgress,
            Some("FINISHED") => State::Finished,
            Some("PUBLISHED") => State::Published,
            Some(word @ ("ERROR" | "EXPIRED")) => {
                State::Dead(self.reason(word, told.status.as_deref()))
            }
            _ => State::Unknown,
        })
    }

    /// Why a container is dead: by the number in its sentence, as for any other error.
    fn reason(&self, word: &str, status: Option<&str>) -> Failure {
        let envelope = json!({ "status_code": word, "status": status }).to_string();
        let error =
            GraphError::from_response(StatusCode::OK, &HeaderMap::new(), envelope.as_bytes());
        self.failure(&error)
    }
}

/// Whether Instagram no longer, or not yet, knows a container (graph-api.md 8.4: 24 with 2207006 or 2207008).
pub(super) fn is_missing(failure: &Failure) -> bool {
    failure
        .platform
        .as_ref()
        .is_some_and(|it| it.code == Some(24) || matches!(it.subcode, Some(2_207_006 | 2_207_008)))
}

/// Whether Instagram would not publish a container because it still works on it (graph-api.md 6.5: 9007/2207027).
pub(super) fn is_not_ready(failure: &Failure) -> bool {
    failure
        .platform
        .as_ref()
        .is_some_and(|it| it.subcode == Some(2_207_027))
}
