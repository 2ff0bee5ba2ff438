//! Whether a post is right, before anything is written.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    connection::{Account, Connection, ConnectionStatus},
    credential::Scope,
    error::Error,
    id::AccountId,
    post::Post,
    tenancy::{check_user, give_up_after_rule, is_give_up_after},
    violation::Violation,
};

use super::{AnyPublisher, PostInput, PostPatch, Posting, Wanted, account_id, when::Due};

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
    pub code: String,
    /// For a person.
    pub message: String,
}

impl From<Violation> for Warning {
    /// What is only advised against says by itself where it is.
    fn from(violation: Violation) -> Self {
        Self {
            message: violation.to_string(),
            code: violation.code,
        }
    }
}

const UNKNOWN_ACCOUNT: &str = "there is no such page, or it is not this user's: use the `id` of a page from \
     `GET /social/providers/{connectionId}/pages`";

pub(super) fn unknown_account() -> Error {
    Error::invalid("/socialPageId", "unknown", UNKNOWN_ACCOUNT)
}

/// A post to be that is right.
pub(super) struct Right {
    pub(super) account: Account,
    pub(super) due: Option<Due>,
    pub(super) warnings: Vec<Warning>,
    /// What the network may not take of its media.
    pub(super) advice: Vec<Violation>,
}

/// A post to be, and all that was found out about it so far.
pub(super) struct Weighed {
    pub(super) account: Option<Account>,
    due: Option<Due>,
    pub(super) violations: Vec<Violation>,
    warnings: Vec<Warning>,
    pub(super) advice: Vec<Violation>,
}

impl Weighed {
    fn judged(self) -> Result<Right, Vec<Violation>> {
        match self.account {
            Some(account) if self.violations.is_empty() => Ok(Right {
                account,
                due: self.due,
                warnings: self.warnings,
                advice: self.advice,
            }),
            _ => Err(self.violations),
        }
    }
}

type Found = HashMap<AccountId, (Account, Connection)>;

impl Posting<'_> {
    /// Checks posts as [`create_all`](Self::create_all) does, and stores nothing.
    ///
    /// # Errors
    /// As [`create_all`](Self::create_all).
    pub async fn check(&self, wanted: &Wanted) -> Result<Checked, Error> {
        self.caller.require(Scope::PostsWrite)?;
        let mut warnings = Vec::new();
        let all = self.right(wanted).await?;
        for (index, (right, input)) in all.iter().zip(wanted.inputs()).enumerate() {
            warnings.extend_from_slice(&right.warnings);
            let advice = wanted.placed(index, right.advice.clone());
            warnings.extend(advice.into_iter().map(Warning::from));
            warnings.extend(self.nearby(right, &input.content).await?);
        }
        Ok(Checked { warnings })
    }

    /// Checks everything that can be checked of each post, and finds the accounts.
    pub(super) async fn checked(
        &self,
        inputs: &[PostInput],
    ) -> Result<Vec<Result<Right, Vec<Violation>>>, Error> {
        let named = inputs.iter().filter_map(|input| account_id(&input.account));
        let named: BTreeSet<_> = named.collect();
        let named: Vec<_> = named.into_iter().collect();
        let found: Found = match named.is_empty() {
            true => Found::new(),
            false => {
                let store = self.shareville.store();
                let tenant = self.caller.tenant().id;
                let found = store.accounts_by_id(tenant, &named).await?.into_iter();
                found.map(|found| (found.0.id, found)).collect()
            }
        };
        let weighed = inputs.iter().map(|input| self.weighed(input, &found));
        let mut weighed = weighed.collect::<Result<Vec<_>, Error>>()?;
        self.weigh_media(inputs, &mut weighed).await;
        Ok(weighed.into_iter().map(Weighed::judged).collect())
    }

    fn weighed(&self, input: &PostInput, found: &Found) -> Result<Weighed, Error> {
        let user = self.caller.about(input.user.as_ref())?;
        let mut violations = Vec::from_iter(user.as_ref().and_then(check_user));
        let found = match account_for(input, found) {
            Ok(found) => Some(found),
            Err(wrong) => {
                violations.push(wrong);
                None
            }
        };
        if let (Some((account, _)), Some(user)) = (found, &user)
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
        let (due, wrong) = input.when().due();
        violations.extend(wrong);
        let now = self.shareville.clock().now();
        violations.extend(due.as_ref().and_then(|due| due.in_past(now)));
        violations.extend(check_give_up_after(input.give_up_after));
        violations.extend(check_metadata(&input.metadata));
        let mut warnings = Vec::from_iter(due.as_ref().and_then(|due| due.warning.clone()));
        if let Some((account, connection)) = found {
            violations.extend(check_account(account, connection));
            match self.shareville.publisher(&account.provider) {
                Some(publisher) => violations.extend(publisher.check(&input.content)),
                None => violations.push(no_publisher(account)),
            }
            if connection.status != ConnectionStatus::Active {
                warnings.push(Warning {
                    code: "reauthorization_required".to_owned(),
                    message: "the page's connection is broken: the post goes out only once its user has connected \
                              again"
                        .to_owned(),
                });
            }
        }
        Ok(Weighed {
            account: found.map(|(account, _)| account.clone()),
            due,
            violations,
            warnings,
            advice: Vec::new(),
        })
    }
}

/// The account a post names, with its connection.
fn account_for<'a>(
    input: &PostInput,
    found: &'a Found,
) -> Result<&'a (Account, Connection), Violation> {
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
        return Err(Violation::new("/socialPageId", code, message));
    };
    let unknown = || Violation::new("/socialPageId", "unknown", UNKNOWN_ACCOUNT);
    found.get(&id).ok_or_else(unknown)
}

fn no_publisher(account: &Account) -> Violation {
    Violation::new(
        "/socialPageId",
        "not_supported_by_platform",
        format!("this server cannot publish to {} yet", account.provider),
    )
}

fn check_account(account: &Account, connection: &Connection) -> Option<Violation> {
    let broken = connection.status != ConnectionStatus::Active;
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

fn check_give_up_after(after: Option<Duration>) -> Option<Violation> {
    let wrong = after.is_some_and(|after| !is_give_up_after(after));
    wrong.then(|| Violation::new("/giveUpAfter", "out_of_range", give_up_after_rule()))
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

/// Checks what a patch brings to a post, and finds out when the post is to go out if it says so. The time that it has
/// already may be past: whether it still waits for that, the post itself says. `violations` are what was found wrong before.
pub(super) fn patch(
    publisher: Option<&AnyPublisher>,
    patch: &PostPatch,
    post: &Post,
    now: Timestamp,
    mut violations: Vec<Violation>,
) -> Result<Option<Due>, Error> {
    let (due, wrong) = patch.when().due();
    violations.extend(wrong);
    let moved = due.as_ref().filter(|due| post.scheduled_at != Some(due.at));
    violations.extend(moved.and_then(|due| due.in_past(now)));
    violations.extend(check_give_up_after(patch.give_up_after));
    violations.extend(patch.metadata.as_ref().and_then(check_metadata));
    if let (Some(publisher), Some(content)) = (publisher, &patch.content) {
        violations.extend(publisher.check(content));
    }
    match violations.is_empty() {
        true => Ok(due),
        false => Err(Error::Invalid(violations)),
    }
}
