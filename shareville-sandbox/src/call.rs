//! The log of calls, so that a test can see what really happened on the wire.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fault::{Effect, FaultId, Step};
use crate::graph::{GraphError, Request};

/// The log forgets the oldest calls beyond this.
const KEPT: usize = 50_000;

/// Parameters whose values are not kept.
const SECRET: [&str; 7] = [
    "access_token",
    "client_secret",
    "appsecret_proof",
    "code",
    "fb_exchange_token",
    "input_token",
    "code_verifier",
];

/// Where the token was in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenPlace {
    /// In the `Authorization` header.
    Header,
    /// In the URL's query.
    Query,
    /// In the body.
    Body,
    /// There was none.
    Nowhere,
}

/// How a call ended for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is still under way.
    Pending,
    /// It was answered with this HTTP status.
    Answered(u16),
    /// The connection was closed without an answer.
    Lost,
}

/// The Graph error a call met, whether or not it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallError {
    /// `error.code`
    pub code: i64,
    /// `error.error_subcode`
    pub subcode: Option<u32>,
    /// `error.message`
    pub message: String,
}

/// One call that reached the sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallRecord {
    /// Calls are numbered from 1 in the order in which they arrived.
    pub number: u64,
    /// When it arrived.
    pub time: DateTime<Utc>,
    /// The HTTP method.
    pub method: String,
    /// The path, without host and version.
    pub path: String,
    /// What it is for.
    pub step: Step,
    /// The Page or Instagram account it is about, if that is known.
    pub page: Option<String>,
    /// Its parameters as text; secrets are replaced by `…`.
    pub params: BTreeMap<String, String>,
    /// Where its token was.
    pub token: TokenPlace,
    /// The fault that struck it.
    pub fault: Option<FaultId>,
    /// What that fault does.
    pub effect: Option<Effect>,
    /// Whether it did what it asked for: a fault may make the answer say otherwise.
    pub acted: bool,
    /// What the platform made of it, if that was an error (not one made up by a fault).
    pub error: Option<CallError>,
    /// How it ended for the caller.
    pub outcome: Outcome,
}

#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<CallRecord>,
    count: u64,
}

impl CallLog {
    pub(crate) fn arrive(
        &mut self,
        time: DateTime<Utc>,
        request: &Request,
        step: Step,
        page: Option<String>,
    ) -> u64 {
        self.count += 1;
        let params = request
            .params
            .keys()
            .map(|name| (name.clone(), shown(request, name)))
            .collect();
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(CallRecord {
            number: self.count,
            time,
            method: request.method.to_string(),
            path: request.path.join("/"),
            step,
            page,
            params,
            token: request.token_place,
            fault: None,
            effect: None,
            acted: false,
            error: None,
            outcome: Outcome::Pending,
        });
        self.count
    }

    fn entry(&mut self, number: u64) -> Option<&mut CallRecord> {
        let newest = self.calls.back()?.number;
        let back = usize::try_from(newest.checked_sub(number)?).ok()?;
        let place = self.calls.len().checked_sub(back + 1)?;
        self.calls.get_mut(place)
    }

    pub(crate) fn struck(&mut self, number: u64, fault: FaultId, effect: &Effect) {
        if let Some(call) = self.entry(number) {
            call.fault = Some(fault);
            call.effect = Some(effect.clone());
        }
    }

    pub(crate) fn acted(&mut self, number: u64, error: Option<&GraphError>) {
        if let Some(call) = self.entry(number) {
            call.acted = error.is_none();
            call.error = error.map(|error| CallError {
                code: error.code,
                subcode: error.subcode,
                message: error.message.clone(),
            });
        }
    }

    pub(crate) fn ended(&mut self, number: u64, outcome: Outcome) {
        if let Some(call) = self.entry(number) {
            call.outcome = outcome;
        }
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        self.calls.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }
}

fn shown(request: &Request, name: &str) -> String {
    if SECRET.contains(&name) {
        return "…".to_owned();
    }
    request.text(name).unwrap_or_default()
}
