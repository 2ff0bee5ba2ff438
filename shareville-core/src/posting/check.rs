//! Whether a post is right, before anything is written.

use crate::{
    clock::Timestamp,
    connection::{Account, Connection, ConnectionStatus},
    error::Error,
    post::is_too_old,
    tenancy::{check_user, give_up_after_rule, is_give_up_after},
    violation::Violation,
};

use super::{AnyPublisher, PostInput, PostPatch, Posting, account_id};

/// The most bytes of metadata, as JSON.
const MAX_METADATA_BYTES: usize = 16 * 1024;

/// A post that is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What its author may want to know all the same.
    pub warnings: Vec<Warning>,
}

/// Something that is not wrong, and worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A stable word for programs.
    pub code: &'static str,
    /// For a person.
    pub message: String,
}

const UNKNOWN_ACCOUNT: &str = "there is no such page, or it is not this user's: use the `id` of a page from \
     `GET /social/providers/{connectionId}/pages`";

pub(super) fn unknown_account() -> Error {
    Error::invalid("/socialPageId", "unknown", UNKNOWN_ACCOUNT)
}

impl Posting<'_> {
    /// Checks everything that can be checked, and finds the account.
    pub(super) async fn checked(
        &self,
        input: &PostInput,
    ) -> Result<(Account, Vec<Warning>), Error> {
        let user = self.caller.about(input.user.as_ref())?;
        let mut violations = Vec::from_iter(user.as_ref().and_then(check_user));
        let account = match self.account_for(input).await? {
            Ok(account) => Some(account),
            Err(wrong) => {
                violations.push(wrong);
                None
            }
        };
        if let (Some(account), Some(user)) = (&account, &user)
            && account.user != *user
        {
            violations.push(match self.caller.user() {
                // A user token does not learn what belongs to others.
                Some(_) => Violation::new("/socialPageId", "unknown", UNKNOWN_ACCOUNT),
                None => Violation::new(
                    "/userId",
                    "not_owner",
                    "this user does not own the page `socialPageId`",
                ),
            });
        }
        let now = self.shareville.clock().now();
        violations.extend(check_times(input.scheduled_at, input.give_up_after, now));
        violations.extend(check_metadata(&input.metadata));
        let mut warnings = Vec::new();
        if let Some(account) = &account {
            let connection = self.connection_of(account).await?;
            violations.extend(check_account(account, connection.as_ref()));
            match self.shareville.publisher(&account.provider) {
                Some(publisher) => violations.extend(publisher.check(&input.content)),
                None => violations.push(no_publisher(account)),
            }
            if connection.is_some_and(|it| it.status != ConnectionStatus::Active) {
                warnings.push(Warning {
                    code: "reauthorization_required",
                    message: "the page's connection is broken: the post goes out only once its user has connected \
                              again"
                        .to_owned(),
                });
            }
        }
        match account {
            Some(account) if violations.is_empty() => Ok((account, warnings)),
            _ => Err(Error::Invalid(violations)),
        }
    }

    async fn account_for(&self, input: &PostInput) -> Result<Result<Account, Violation>, Error> {
        let Some(id) = account_id(&input.account) else {
            let looks_foreign = !input.account.is_empty()
                && input
                    .account
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b'_');
            let (code, message) = if looks_foreign {
                (
                    "platform_id",
                    "this looks like the platform's own id of the page: use the page's `id` in Shareville, as \
                     `GET /social/providers/{connectionId}/pages` lists it",
                )
            } else {
                ("malformed", "must be the `id` of a page: a UUID")
            };
            return Ok(Err(Violation::new("/socialPageId", code, message)));
        };
        let store = self.shareville.store();
        let account = store.account(self.caller.tenant().id, id).await?;
        Ok(account.ok_or_else(|| Violation::new("/socialPageId", "unknown", UNKNOWN_ACCOUNT)))
    }

    async fn connection_of(&self, account: &Account) -> Result<Option<Connection>, Error> {
        let store = self.shareville.store();
        Ok(store.connection(account.tenant, account.connection).await?)
    }
}

fn no_publisher(account: &Account) -> Violation {
    Violation::new(
        "/socialPageId",
        "not_supported_by_platform",
        format!("this server cannot publish to {} yet", account.provider),
    )
}

fn check_account(account: &Account, connection: Option<&Connection>) -> Option<Violation> {
    let broken = connection.is_none_or(|it| it.status != ConnectionStatus::Active);
    // A broken connection may be mended in time; a page that lacks a right may not.
    (!account.can_publish && !broken).then(|| {
        let why = account.problems.join(" ");
        Violation::new(
            "/socialPageId",
            "cannot_publish",
            format!("one cannot publish to this page: {why}"),
        )
    })
}

fn check_times(
    scheduled_at: Option<Timestamp>,
    give_up_after: Option<std::time::Duration>,
    now: Timestamp,
) -> Vec<Violation> {
    let mut wrong = Vec::new();
    if scheduled_at.is_some_and(|at| is_too_old(at, now)) {
        wrong.push(Violation::new(
            "/scheduledAt",
            "scheduled_in_past",
            format!(
                "is more than 5 minutes past (the server's clock says {now}): give a time to come"
            ),
        ));
    }
    if give_up_after.is_some_and(|after| !is_give_up_after(after)) {
        wrong.push(Violation::new(
            "/giveUpAfter",
            "out_of_range",
            give_up_after_rule(),
        ));
    }
    wrong
}

fn check_metadata(metadata: &serde_json::Map<String, serde_json::Value>) -> Option<Violation> {
    let size = serde_json::to_string(metadata).map_or(0, |text| text.len());
    (size > MAX_METADATA_BYTES).then(|| {
        Violation::new(
            "/metadata",
            "too_long",
            format!("must have at most {MAX_METADATA_BYTES} bytes as JSON, not {size}"),
        )
    })
}

/// Checks what a patch brings.
pub(super) fn patch(
    publisher: Option<&AnyPublisher>,
    patch: &PostPatch,
    now: Timestamp,
) -> Result<(), Error> {
    let mut violations = check_times(patch.scheduled_at, patch.give_up_after, now);
    violations.extend(patch.metadata.as_ref().and_then(check_metadata));
    if let (Some(publisher), Some(content)) = (publisher, &patch.content) {
        violations.extend(publisher.check(content));
    }
    match violations.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(violations)),
    }
}
