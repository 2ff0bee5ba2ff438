//! From an error to what people read.

use std::fmt;

use shareville_core::{
    clock::Timestamp,
    failure::{Action, Failure, FailureClass, PlatformError},
};

use super::{ErrorKind, GraphError, table, words};

/// What people call whoever has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Facebook,
    Instagram,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Facebook => "Facebook",
            Self::Instagram => "Instagram",
        })
    }
}

impl GraphError {
    /// The failure to be stored and shown: its class, who must act, and what happened in plain words.
    ///
    /// `now` is the time of the answer: a rate limit's end is counted from it.
    #[must_use]
    pub fn failure(&self, now: Timestamp) -> Failure {
        self.failure_at(Network::Facebook, now)
    }

    /// The same, where it is another network that people know.
    pub(crate) fn failure_at(&self, network: Network, now: Timestamp) -> Failure {
        let class = self.class(now);
        let failure = Failure::new(class, self.words(class, network));
        let failure = match self.must_be_settled_at_the_platform() {
            true => failure.with_action(Action::CheckAccount),
            false => failure,
        };
        if self.status.is_none() {
            return failure;
        }
        failure.with_platform(PlatformError {
            code: self.code,
            subcode: self.subcode,
            fbtrace_id: self.fbtrace_id.clone(),
            media_index: None,
        })
    }

    /// What happened, and who must act.
    fn words(&self, class: FailureClass, network: Network) -> String {
        let known = self
            .subcode
            .and_then(|subcode| table::of_subcode(self.code, subcode))
            .or_else(|| table::of_code(self.code?))
            .map(|row| row.words)
            .filter(|words| !words.is_empty());
        let next = match class {
            FailureClass::Transient => "It is tried again by itself.",
            FailureClass::RateLimited { .. } => "It goes on by itself when the limit has passed.",
            FailureClass::Reauthorize => "Connect the account again.",
            FailureClass::Permission => {
                "Connect the account again and allow all that is asked for, with a person who may create content on the Page."
            }
            FailureClass::Content { retryable: true } => {
                "Make sure that its address can be opened by anybody without a login, then try again."
            }
            FailureClass::Content { .. } => "Change the post, then publish it again.",
            FailureClass::Duplicate => "Look whether it is there; if it is not, change the text.",
            FailureClass::Blocked => {
                "Log in at the platform and clear what it shows there, wait a day, then publish again."
            }
            FailureClass::Config => "Check the app's settings at developers.facebook.com.",
            FailureClass::NotFound => "Look at the account: it may have been deleted there.",
            _ => "Look at the account before you try again.",
        };
        let what = match known {
            Some(known) => known.to_owned(),
            None => self.said(class, network),
        };
        format!("{what} {next}")
    }

    /// What happened, where no row of the tables says it: the kind of failure, with the platform's words.
    fn said(&self, class: FailureClass, network: Network) -> String {
        let does = match class {
            FailureClass::Transient => match self.kind {
                Some(ErrorKind::Connect) => "could not be reached",
                Some(ErrorKind::Lost) => "did not answer in time",
                _ => "has a problem of its own right now",
            },
            FailureClass::RateLimited { .. } => "limits how often it may be called",
            FailureClass::Reauthorize => "no longer accepts the access it was given",
            FailureClass::Permission => "says that a permission or a role is missing",
            FailureClass::Content { .. } => "does not take the post as it is",
            FailureClass::Duplicate => "says that the same has been posted already",
            FailureClass::Blocked => "has blocked the account for now",
            FailureClass::Config => "says that the app is not set up as it must be",
            FailureClass::NotFound => "does not know it, or does not show it",
            _ => "answered with an error that is not known",
        };
        let own = format!("{network} {does}.");
        // What is meant for developers helps a person only where something has to be mended.
        let for_developers = match class {
            FailureClass::Permission
            | FailureClass::Content { .. }
            | FailureClass::Config
            | FailureClass::Unknown => self.message.as_deref(),
            _ => None,
        };
        let said = match self.kind {
            Some(ErrorKind::Graph) => self.user_message.as_deref().or(for_developers),
            _ => None,
        };
        match said
            .map(words::without_code)
            .filter(|said| !said.is_empty())
        {
            Some(said) => format!("{own} It says: “{}”", said.trim_end()),
            None => own,
        }
    }

    /// What no new login mends.
    const fn must_be_settled_at_the_platform(&self) -> bool {
        matches!(self.subcode, Some(1_376_025 | 1_363_144))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use shareville_core::clock::{Clock as _, SystemClock};

    use super::*;

    fn failure(body: &str) -> Failure {
        GraphError::from_response(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes())
            .failure(SystemClock.now())
    }

    #[test]
    fn a_person_should_read_what_happened_and_what_to_do() {
        let failure = failure(
            r##"{"error":{"code":190,"error_subcode":460,"message":"Error validating …","fbtrace_id":"A1"}}"##,
        );
        assert_eq!(failure.action, Action::Reconnect);
        assert_eq!(
            failure.message,
            "The password was changed, or Facebook ended the session for security reasons. Connect the account again."
        );
        let platform = failure.platform.unwrap();
        assert_eq!((platform.code, platform.subcode), (Some(190), Some(460)));
        assert_eq!(platform.fbtrace_id.as_deref(), Some("A1"));
    }

    #[test]
    fn the_platforms_words_for_people_should_come_first_and_without_tokens() {
        let said = failure(
            r##"{"error":{"code":100,"message":"(#100) Nope","error_user_msg":"Too round. EAACEdEose0cBAPRtQKBHQ"}}"##,
        );
        assert!(
            said.message.contains("“Too round. [redacted]”"),
            "{}",
            said.message
        );
        let said = failure(r##"{"error":{"code":100,"message":"(#100) Nope"}}"##);
        assert!(said.message.contains("“Nope”"), "{}", said.message);
        let said = failure(r##"{"error":{"code":2,"message":"Please retry"}}"##);
        assert_eq!(
            said.message,
            "Facebook has a problem of its own right now. It is tried again by itself."
        );
    }
}
