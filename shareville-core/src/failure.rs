//! Failures: what went wrong at a platform, who must act, and how.

use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, lane::PauseReason};

/// What kind of failure it is, which decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureClass {
    /// It may go away by itself: tried again, at most 8 times.
    Transient,
    /// The platform wants to be left alone for a while: waits, which is no attempt.
    RateLimited {
        /// When the platform says that calls are welcome again, if it says so.
        until: Option<Timestamp>,
        /// What must be left alone.
        scope: LimitScope,
    },
    /// The access token is dead: the end user must connect again.
    Reauthorize,
    /// The connection lacks a permission or a role.
    Permission,
    /// The content cannot be published as it is.
    Content {
        /// Whether trying again may help (the platform could not fetch a medium, say): at most 2 times.
        retryable: bool,
    },
    /// The platform says that the same content is there already.
    Duplicate,
    /// The platform has blocked the account, for spam or until somebody proves who they are.
    Blocked,
    /// The tenant's app is set up wrongly.
    Config,
    /// What was to be worked on does not exist, or cannot be seen.
    NotFound,
    /// Nothing is known about it: not tried again by itself.
    Unknown,
}

/// How far a rate limit reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitScope {
    /// One account only.
    Account,
    /// All that the tenant's app does.
    App,
}

/// Who must do what, for a person to read in a user interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Nobody need do anything.
    None,
    /// Wait: it is tried again, or may be tried again later.
    Wait,
    /// The end user connects the account again.
    Reconnect,
    /// The author mends the post.
    FixContent,
    /// The tenant mends the settings of their app.
    FixAppSettings,
    /// The end user looks at the account at the platform itself.
    CheckAccount,
}

/// What the platform itself said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformError {
    /// The platform's error code.
    pub code: Option<i64>,
    /// The platform's finer code.
    pub subcode: Option<i64>,
    /// What to quote to the platform's support (`fbtrace_id`).
    pub fbtrace_id: Option<String>,
    /// Which medium it is about, from 0.
    pub media_index: Option<u32>,
}

/// A failure, ready to be stored with a post and shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Failure {
    /// What kind it is.
    #[serde(flatten)]
    pub class: FailureClass,
    /// A stable word for programs: the class's own, or a finer one such as `outcome_unknown`.
    pub code: String,
    /// One or two sentences for a person: what happened, and what to do.
    pub message: String,
    /// Who must act, and how.
    pub action: Action,
    /// What the platform said, where it was the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformError>,
}

impl FailureClass {
    /// The class's stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::RateLimited { .. } => "rate_limited",
            Self::Reauthorize => "reauthorize",
            Self::Permission => "permission",
            Self::Content { .. } => "content",
            Self::Duplicate => "duplicate",
            Self::Blocked => "blocked",
            Self::Config => "config",
            Self::NotFound => "not_found",
            Self::Unknown => "unknown",
        }
    }

    /// Who must act on it, where nothing finer is known.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Transient | Self::RateLimited { .. } => Action::Wait,
            Self::Reauthorize | Self::Permission => Action::Reconnect,
            Self::Content { .. } | Self::Duplicate => Action::FixContent,
            Self::Blocked | Self::NotFound | Self::Unknown => Action::CheckAccount,
            Self::Config => Action::FixAppSettings,
        }
    }

    /// Whether the engine, or a person later, may try the same again with some hope.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Transient | Self::RateLimited { .. } | Self::Content { retryable: true }
        )
    }
}

impl Failure {
    /// A failure of a class, with that class's own code and action.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            code: class.code().to_owned(),
            message: message.into(),
            action: class.action(),
            platform: None,
        }
    }

    /// The same with a finer code.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        code.clone_into(&mut self.code);
        self
    }

    /// The same with another action.
    #[must_use]
    pub const fn with_action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// The same with what the platform said.
    #[must_use]
    pub fn with_platform(mut self, platform: PlatformError) -> Self {
        self.platform = Some(platform);
        self
    }

    /// Whether the platform itself answered with it, so that the call it is about is over.
    #[must_use]
    pub fn is_the_platforms_own(&self) -> bool {
        self.platform.as_ref().is_some_and(|it| it.code.is_some())
    }

    /// Nobody can tell whether the post is live.
    #[must_use]
    pub fn outcome_unknown() -> Self {
        Self::new(
            FailureClass::Unknown,
            "The platform never said whether the post went live. Look at the account: if it is there, nothing need be \
             done; if it is not, publish it again and say so with `confirmedNotPublished`.",
        )
        .with_code("outcome_unknown")
    }

    /// The post could not go out while it still made sense.
    #[must_use]
    pub fn missed(last: Option<&Self>) -> Self {
        let why = last.map_or_else(String::new, |last| {
            format!(" Last obstacle: {}", last.message)
        });
        Self::new(
            FailureClass::Unknown,
            format!(
                "It could not be published before its `giveUpAfter` had passed, so it was not published late.{why}"
            ),
        )
        .with_code("missed")
        .with_action(last.map_or(Action::None, |last| last.action))
    }

    /// The account's lane stands still, and the post with it.
    #[must_use]
    pub fn paused(reason: PauseReason, until: Timestamp) -> Self {
        match reason {
            PauseReason::RateLimited => Self::new(
                FailureClass::RateLimited {
                    until: Some(until),
                    scope: LimitScope::Account,
                },
                "The platform wants to be left alone for a while: the post goes out after that.",
            ),
            PauseReason::Blocked => Self::new(
                FailureClass::Blocked,
                "The platform has blocked the account for a while: look at the account there, and clear what it asks \
                 for. The post goes out after that.",
            ),
            PauseReason::ConnectionBroken => Self::new(
                FailureClass::Reauthorize,
                "The connection no longer works: its user must connect the account again. The post goes out then, \
                 unless its `giveUpAfter` has passed.",
            ),
            PauseReason::TenantInactive => Self::new(
                FailureClass::Config,
                "The website's client app is not active: its owner can set `active` to true.",
            )
            .with_code("client_app_inactive"),
        }
    }

    /// The connection that the post was to go through is gone.
    #[must_use]
    pub fn connection_removed() -> Self {
        Self::new(
            FailureClass::Reauthorize,
            "The connection was removed before the post was published. Connect the account again, then create the post \
             anew for it.",
        )
        .with_code("connection_removed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_should_survive_json() {
        let failure = Failure::new(FailureClass::Content { retryable: true }, "m").with_platform(
            PlatformError {
                code: Some(9004),
                ..PlatformError::default()
            },
        );
        let json = serde_json::to_value(&failure).unwrap();
        assert_eq!(json["class"], "content");
        assert_eq!(serde_json::from_value::<Failure>(json).unwrap(), failure);
    }
}
