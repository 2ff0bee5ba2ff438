//! What Instagram's refusals of a login mean to people.
//!
//! The class is decided where all errors are; here it gets better words, by the texts that are known.
//!
//! Source: graph-api.md 4.1–4.4 (D-IGLOG; field).

use shareville_core::failure::{Action, Failure, FailureClass};

use crate::{error::GraphError, graph::Graph};

/// A failure of a call that exchanges or renews tokens, or asks whose they are.
pub(super) fn failure(graph: &Graph, error: &GraphError) -> Failure {
    let failure = graph.login_failure(error);
    let text = error.message.as_deref().unwrap_or_default().to_lowercase();
    let has = |words: &str| text.contains(words);
    let said = match failure.class {
        FailureClass::Reauthorize if error.code.is_none() => {
            Some("This login took too long, or was used already. Begin it again.")
        }
        FailureClass::Config if has("developer role") => Some(
            "This Instagram account may not use the app yet, because the app is in development. Add the account to the \
             app as an Instagram Tester at developers.facebook.com, accept the invitation in Instagram's settings, then \
             connect again.",
        ),
        FailureClass::Config if has("platform app") => Some(
            "Instagram does not know the app. Set the Instagram app's own id and secret (at developers.facebook.com, \
             under Instagram, API setup): they are not those of the Meta app.",
        ),
        FailureClass::Config if has("redirect") => Some(
            "Instagram does not accept the redirect address or the secret. Register the address with the Instagram app \
             at developers.facebook.com exactly as it is, and check the Instagram app's secret.",
        ),
        FailureClass::Config if has("invalid scope") => Some(
            "The app does not have all permissions that the login asks for. Add them to the app at \
             developers.facebook.com, under Instagram, API setup.",
        ),
        FailureClass::Config if has("method type") => Some(
            "The app may not act for this account: see at developers.facebook.com whether it is live, and whether the \
             account may use it.",
        ),
        FailureClass::Permission if has("not an instagram business") => Some(
            "Instagram lets apps publish to professional accounts only. Switch to one in the Instagram app (Settings, \
             Account type), then connect again.",
        ),
        _ => None,
    };
    match said {
        Some(said) => Failure {
            message: said.to_owned(),
            ..failure
        },
        None => failure,
    }
}

/// There is no call for it.
pub(super) fn cannot_be_withdrawn() -> Failure {
    Failure::new(
        FailureClass::Unknown,
        "Instagram has no way for an app to give its access back: the person can remove the app in Instagram's settings, \
         under Website permissions, Apps and websites.",
    )
    .with_code("not_supported_by_platform")
    .with_action(Action::CheckAccount)
}
