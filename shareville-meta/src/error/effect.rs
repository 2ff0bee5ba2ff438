//! Whether a call that failed may have acted all the same.

use super::{ErrorKind, GraphError};

/// What a call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Exchanging or renewing tokens.
    Login,
    /// Reading.
    Read,
    /// Making what nobody sees yet.
    Prepare,
    /// Making it visible.
    Commit,
    /// Writing a comment.
    Comment,
    /// Changing what is visible.
    Edit,
    /// Deleting.
    Delete,
}

impl Step {
    /// The step's stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Read => "read",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Comment => "comment",
            Self::Edit => "edit",
            Self::Delete => "delete",
        }
    }
}

/// What a call that failed did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Certainly nothing.
    DidNothing,
    /// Perhaps what it was to do.
    MayHaveActed,
}

/// Whether a call that failed may have acted all the same: it may, unless there is proof that it did not.
///
/// Where something visible is made ([`Step::Commit`], [`Step::Comment`]) the proof is: the call was withheld, or no connection was made; or a
/// well-formed Graph error with HTTP 4xx of a code that the platform gives before it does anything. Codes such as 1, 2
/// and 4/2207051 were seen on calls that had published.
///
/// Elsewhere any well-formed Graph error with HTTP 4xx is proof, but for those ambiguous codes.
///
/// Source: graph-api.md 0.3 (1), 8.3, 12; the list is the project's law 4.
#[must_use]
pub fn effect(step: Step, error: &GraphError) -> Effect {
    let harmless = match step {
        Step::Read => true,
        _ if matches!(error.kind, Some(ErrorKind::Connect | ErrorKind::Withheld)) => true,
        _ if !is_plain_refusal(error) => false,
        Step::Commit | Step::Comment => is_refused_beforehand(error),
        Step::Login | Step::Prepare | Step::Edit | Step::Delete => !is_ambiguous(error),
    };
    match harmless {
        true => Effect::DidNothing,
        false => Effect::MayHaveActed,
    }
}

/// A well-formed Graph error with HTTP 4xx.
fn is_plain_refusal(error: &GraphError) -> bool {
    error.well_formed && error.status.is_some_and(|status| status.is_client_error())
}

/// Limits, tokens and permissions, which the platform looks at before it does anything.
const fn is_refused_beforehand(error: &GraphError) -> bool {
    matches!(
        (error.code, error.subcode),
        (Some(190 | 102 | 104 | 10 | 200..=299 | 3 | 17 | 32 | 341 | 613 | 80_000..=80_014), _)
            | (Some(9), Some(2_207_042))
            | (Some(9007), Some(2_207_027))
    ) || matches!((error.code, error.subcode), (Some(4), subcode) if !is_spam_block(subcode))
}

/// "Application request limit reached" that means spam: seen on posts that went live.
const fn is_spam_block(subcode: Option<i64>) -> bool {
    matches!(subcode, Some(2_207_051))
}

/// Errors seen on calls that had acted.
const fn is_ambiguous(error: &GraphError) -> bool {
    matches!(error.code, Some(-2..=2)) || is_spam_block(error.subcode)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use shareville_core::failure::LimitScope;

    use super::*;

    const WRITES: [Step; 5] = [
        Step::Prepare,
        Step::Commit,
        Step::Comment,
        Step::Edit,
        Step::Delete,
    ];

    fn graph(status: u16, code: i64, subcode: i64) -> GraphError {
        let body = format!(r#"{{"error":{{"code":{code},"error_subcode":{subcode}}}}}"#);
        let status = StatusCode::from_u16(status).unwrap();
        GraphError::from_response(status, &HeaderMap::new(), body.as_bytes())
    }

    fn did_nothing(step: Step, error: &GraphError) -> bool {
        effect(step, error) == Effect::DidNothing
    }

    #[test]
    fn only_the_codes_of_the_law_should_prove_that_a_commit_did_nothing() {
        let proofs = [
            190, 102, 104, 10, 200, 230, 299, 3, 4, 17, 32, 341, 613, 80_000, 80_014,
        ];
        for step in [Step::Commit, Step::Comment] {
            for code in proofs {
                assert!(did_nothing(step, &graph(400, code, 0)), "{step:?} {code}");
                assert!(
                    did_nothing(step, &graph(403, code, 99_999)),
                    "{step:?} {code}"
                );
                assert!(did_nothing(step, &graph(429, code, 0)), "{step:?} {code}");
                for status in [200, 302, 500, 503] {
                    assert!(
                        !did_nothing(step, &graph(status, code, 0)),
                        "{step:?} {status} {code}"
                    );
                }
            }
            assert!(did_nothing(step, &graph(400, 9, 2_207_042)));
            assert!(did_nothing(step, &graph(400, 9007, 2_207_027)));
            for (code, subcode) in [
                (4, 2_207_051),
                (9, 0),
                (9007, 0),
                (199, 0),
                (300, 0),
                (79_999, 0),
                (80_015, 0),
                (1, 99),
                (2, 0),
                (-1, 0),
                (100, 33),
                (368, 1_390_008),
                (506, 0),
                (987_654, 0),
            ] {
                assert!(
                    !did_nothing(step, &graph(400, code, subcode)),
                    "{step:?} {code}/{subcode}"
                );
            }
        }
    }

    #[test]
    fn a_code_found_in_a_text_or_in_another_envelope_should_prove_nothing() {
        for body in [
            r#"{"error":{"message":"(#190) Invalid token"}}"#,
            r#"{"error_code":190,"error_description":"Error validating access token."}"#,
            r#"{"error":"access_denied","error_code":"200"}"#,
            r#"{"success":false}"#,
            "<html>190</html>",
            "",
        ] {
            let error = GraphError::from_response(
                StatusCode::BAD_REQUEST,
                &HeaderMap::new(),
                body.as_bytes(),
            );
            for step in WRITES {
                assert!(!did_nothing(step, &error), "{step:?} {body}");
            }
        }
    }

    #[test]
    fn a_lost_answer_should_leave_every_write_open_and_no_connection_none() {
        let lost = GraphError::cut_off();
        let connect = GraphError {
            kind: Some(ErrorKind::Connect),
            ..GraphError::default()
        };
        for step in WRITES {
            assert!(!did_nothing(step, &lost), "{step:?}");
            assert!(did_nothing(step, &connect), "{step:?}");
        }
        assert!(did_nothing(Step::Read, &lost));
    }

    #[test]
    fn a_call_that_was_withheld_should_have_done_nothing_whatever_it_was_for() {
        let rest = std::time::Duration::from_secs(60);
        let withheld = GraphError::withheld(rest, LimitScope::App);
        for step in WRITES {
            assert!(did_nothing(step, &withheld), "{step:?}");
        }
    }

    #[test]
    fn preparing_should_believe_a_plain_refusal_but_for_the_codes_that_lie() {
        for (code, subcode) in [(100, 0), (368, 0), (324, 2_069_019), (506, 0), (9004, 0)] {
            assert!(
                did_nothing(Step::Prepare, &graph(400, code, subcode)),
                "{code}"
            );
        }
        for (code, subcode) in [(1, 0), (1, 99), (2, 0), (-1, 0), (-2, 0), (4, 2_207_051)] {
            assert!(
                !did_nothing(Step::Prepare, &graph(400, code, subcode)),
                "{code}"
            );
        }
        assert!(!did_nothing(Step::Prepare, &graph(500, 100, 0)));
    }
}
