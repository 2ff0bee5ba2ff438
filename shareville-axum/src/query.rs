//! What stands in the address: queries, read strictly, and ids.

use std::{fmt::Write as _, str::FromStr};

use axum::extract::{FromRequestParts, RawPathParams};
use http::{StatusCode, request::Parts};
use shareville_core::{
    clock::Timestamp,
    id::{ApiKeyId, ConnectionId, DeliveryId, PostId, Provider, TenantId, UserId},
    store::PageRequest,
};
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    body::{TIME_RULE, one_of_words, parse_time},
    problem::Problem,
};

/// How many items a list gives, unless told otherwise.
const DEFAULT_LIMIT: usize = 50;

/// The most items a list gives.
const MAX_LIMIT: usize = 100;

/// The query of a request.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    known: Vec<&'static str>,
    wrong: Vec<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self {
            pairs: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            known: Vec::new(),
            wrong: Vec::new(),
        })
    }
}

impl Query {
    /// Reads the query, and refuses it if anything in it is wrong or not known.
    pub(crate) fn read<T>(mut self, read: impl FnOnce(&mut Self) -> T) -> Result<T, Problem> {
        let value = read(&mut self);
        for (name, _) in &self.pairs {
            let mut message = format!("`{name}` is not known here");
            for (index, known) in self.known.iter().enumerate() {
                let comma = if index == 0 { ". Known are: " } else { ", " };
                let _ = write!(message, "{comma}`{known}`");
            }
            self.wrong.push(message);
        }
        if self.wrong.is_empty() {
            return Ok(value);
        }
        Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_query",
            format!("the query is wrong: {}", self.wrong.join("; ")),
        ))
    }

    /// Reads the query of a route that knows none.
    pub(crate) fn none(self) -> Result<(), Problem> {
        self.read(|_| ())
    }

    /// A parameter, as it is.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let (found, rest) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition::<Vec<_>, _>(|(key, _)| key == name);
        self.pairs = rest;
        if found.len() > 1 {
            self.wrong.push(format!("`{name}` is given more than once"));
        }
        found.into_iter().next().map(|(_, value)| value)
    }

    /// A parameter that must be of a form.
    fn formed<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let read = read(&text);
        if read.is_none() {
            self.wrong.push(format!("`{name}` {rule}"));
        }
        read
    }

    /// An id.
    pub(crate) fn id<T: FromStr>(&mut self, name: &'static str) -> Option<T> {
        self.formed(name, "must be an id: a UUID", |text| text.parse().ok())
    }

    /// A time.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.formed(name, TIME_RULE, parse_time)
    }

    /// True or false; false if it is left out.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.formed(name, "must be `true` or `false`", |text| text.parse().ok())
            .unwrap_or(false)
    }

    /// One of some words.
    pub(crate) fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let rule = format!("must be {}", one_of_words(words));
        self.formed(name, &rule, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, found)| *found)
        })
    }

    /// Which part of a list is wanted.
    pub(crate) fn page(&mut self) -> PageRequest {
        let rule = format!("must be a number from 1 to {MAX_LIMIT}");
        let limit = self.formed("limit", &rule, |text| {
            let limit = text.parse().ok()?;
            (1..=MAX_LIMIT).contains(&limit).then_some(limit)
        });
        let rule = "must be the `nextCursor` of an earlier answer";
        PageRequest {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            after: self.formed("cursor", rule, |text| Uuid::try_parse(text).ok()),
        }
    }
}

/// Something that the address names.
pub(crate) trait InPath: Sized {
    /// The parameter's name in the routes.
    const NAME: &'static str;
    /// What it is, for the answer that there is none.
    const NOUN: &'static str;

    /// Reads it; `None` if there cannot be such a thing.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! in_path {
    ($($type:ty: $name:literal, $noun:literal;)+) => {$(
        impl InPath for $type {
            const NAME: &'static str = $name;
            const NOUN: &'static str = $noun;

            fn read(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

in_path! {
    TenantId: "clientAppId", "client app";
    ApiKeyId: "keyId", "API key";
    DeliveryId: "deliveryId", "webhook delivery";
    // A connection's id and a provider's name stand in the same place of different routes, so they share a name.
    ConnectionId: "connection", "connection";
    PostId: "postId", "post";
}

impl InPath for UserId {
    const NAME: &'static str = "userId";
    const NOUN: &'static str = "user";

    fn read(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

/// The code by which a person asks what became of their wish to be deleted, as it was given.
#[derive(Debug)]
pub(crate) struct DeletionCode(pub(crate) String);

impl InPath for DeletionCode {
    const NAME: &'static str = "code";
    const NOUN: &'static str = "deletion request";

    fn read(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

impl InPath for Provider {
    const NAME: &'static str = "connection";
    const NOUN: &'static str = "provider";

    fn read(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

/// What the address names. A text that cannot be an id names nothing: 404, as for an id that nothing has.
#[derive(Debug)]
pub(crate) struct InAddress<T>(pub(crate) T);

impl<S: Send + Sync, T: InPath> FromRequestParts<S> for InAddress<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let nothing = || Problem::not_found(T::NOUN);
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| nothing())?;
        let text = params.iter().find(|(name, _)| *name == T::NAME);
        let found = text.and_then(|(_, text)| T::read(text));
        found.map(Self).ok_or_else(nothing)
    }
}
