//! From an error to what people read.

use shareville_core::{
    clock::{Timestamp, TooLate},
    failure::{Action, Failure, FailureClass, PlatformError},
};

use super::{ErrorKind, GraphError, Network, table, words};

/// Who tries again what may work later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    ByItself,
    ByPerson,
}

impl Network {
    /// The words with the network's name. The tables are written for Facebook, whose codes Instagram shares.
    fn named(self, words: &str) -> String {
        match self {
            Self::Facebook => words.to_owned(),
            Self::Instagram => words
                .replace("facebook.com", "instagram.com")
                .replace("Facebook", "Instagram"),
        }
    }
}

/// A call that its deadline has cut off, or kept from being made.
pub(crate) fn too_late(network: Network, late: TooLate) -> Failure {
    let message = match late {
        TooLate::NotStarted => "There was no time left to send it. It is tried again by itself.",
        TooLate::Unfinished => "Facebook did not answer in time. It is looked up by itself.",
    };
    Failure::new(FailureClass::Transient, network.named(message))
}

impl GraphError {
    /// The failure to be stored and shown: its class, who must act, and what happened in plain words.
    ///
    /// `now` is the time of the answer: a rate limit's end is counted from it.
    #[must_use]
    pub fn failure(&self, now: Timestamp) -> Failure {
        self.told(now, Again::ByItself, self.network())
    }

    /// The same for a login, which nobody tries again but the person.
    pub(crate) fn login_failure(&self, now: Timestamp) -> Failure {
        self.told(now, Again::ByPerson, self.network())
    }

    /// The same, where people know the network that was called for: its calls may go to the other's hosts.
    pub(crate) fn failure_at(&self, network: Network, now: Timestamp) -> Failure {
        self.told(now, Again::ByItself, network)
    }

    fn told(&self, now: Timestamp, again: Again, network: Network) -> Failure {
        let class = self.class(now);
        let failure = Failure::new(class, self.words(class, again, network));
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
    fn words(&self, class: FailureClass, again: Again, network: Network) -> String {
        let known = self
            .subcode
            .and_then(|subcode| table::of_subcode(self.code, subcode))
            .or_else(|| table::of_code(self.code?))
            .map(|row| row.words)
            .filter(|words| !words.is_empty());
        let next = match class {
            FailureClass::Transient => match again {
                Again::ByItself => "It is tried again by itself.",
                Again::ByPerson => "Try again in a while.",
            },
            FailureClass::RateLimited { .. } => match again {
                Again::ByItself => "It goes on by itself when the limit has passed.",
                Again::ByPerson => "Try again when the limit has passed.",
            },
            FailureClass::Reauthorize => "Connect the account again.",
            FailureClass::Permission => match network {
                Network::Facebook => {
                    "Connect the account again and allow all that is asked for, with a person who may create content on the Page."
                }
                Network::Instagram => {
                    "Connect the account again and allow all that is asked for, with a professional account."
                }
            },
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
            Some(known) => network.named(known),
            None => self.said(class, network),
        };
        format!("{what} {next}")
    }

    /// Whose answer it is: Instagram's own errors come from Facebook's hosts too.
    fn network(&self) -> Network {
        let is_instagrams = self.error_type.as_deref() == Some("IGApiException")
            || self
                .error_type
                .as_deref()
                .is_some_and(|kind| kind.starts_with("container "))
            || self.subcode.is_some_and(table::is_instagrams);
        match is_instagrams {
            true => Network::Instagram,
            false => self.network,
        }
    }

    /// What happened, where no row of the tables says it: the kind of failure, with the platform's words.
    fn said(&self, class: FailureClass, network: Network) -> String {
        let own = match (class, self.kind) {
            (FailureClass::Transient, Some(ErrorKind::Connect)) => "Facebook could not be reached.",
            (FailureClass::Transient, Some(ErrorKind::Lost)) => "Facebook did not answer in time.",
            (FailureClass::Transient, _) => "Facebook has a problem of its own right now.",
            (FailureClass::RateLimited { .. }, Some(ErrorKind::Withheld)) => {
                "Facebook limits how often it may be called, and few calls are left: this one was not made."
            }
            (FailureClass::RateLimited { .. }, _) => "Facebook limits how often it may be called.",
            (FailureClass::Reauthorize, _) => "Facebook no longer accepts the access it was given.",
            (FailureClass::Permission, _) => {
                "Facebook says that a permission or a role is missing."
            }
            (FailureClass::Content { .. }, _) => "Facebook does not take the post as it is.",
            (FailureClass::Duplicate, _) => "Facebook says that the same has been posted already.",
            (FailureClass::Blocked, _) => "Facebook has blocked the account for now.",
            (FailureClass::Config, _) => "The app is not set up at Facebook as it must be.",
            (FailureClass::NotFound, _) => "Facebook does not know it, or does not show it.",
            _ => "Facebook answered with an error that is not known.",
        };
        let own = network.named(own);
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
    fn what_instagram_says_should_be_told_as_instagrams() {
        for body in [
            r##"{"error":{"code":10,"type":"IGApiException","message":"(#10) Nope"}}"##,
            r##"{"error":{"code":4,"error_subcode":2207051,"message":"Application request limit reached"}}"##,
            r##"{"status_code":"EXPIRED","status":"Expired: …"}"##,
        ] {
            let said = failure(body).message;
            assert!(
                said.contains("Instagram") && !said.contains("Facebook"),
                "{said}"
            );
        }
        let body = br##"{"error":{"code":190,"error_subcode":459}}"##;
        let error = GraphError::from_response(StatusCode::BAD_REQUEST, &HeaderMap::new(), body);
        let said = Box::new(error)
            .at(Network::Instagram)
            .failure(SystemClock.now());
        assert_eq!(
            said.message,
            "Instagram wants the person to log in at instagram.com and clear a security check first. Connect the account again."
        );
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
