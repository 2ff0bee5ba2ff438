//! Notices: what a platform tells us of its own accord, kept until it was looked into.
//!
//! A notice is never a status by itself: it makes us look. What becomes of one is computed here, purely; a store writes
//! it, guarded by its revision.

use std::{fmt, fmt::Write as _, time::Duration};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    clock::{Timestamp, later},
    credential::random,
    delivery::DeliveryPace,
    id::{NoticeId, TenantId},
};

/// How long a notice is tried to be looked into before it is given up. A wish to be deleted never is.
pub const NOTICE_LIFE: Duration = Duration::from_secs(86_400);

/// How long a notice is kept once it has ended, so that one that comes again is recognised: platforms repeat theirs for a
/// day and a half (graph-api.md 9.2, D-WH).
pub const NOTICE_KEPT: Duration = Duration::from_secs(2 * 86_400);

/// How long a wish to be deleted is kept once it was fulfilled, so that its page can tell of it.
pub const DELETION_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// How many bytes of a confirmation code are random.
const CODE_BYTES: usize = 32;

/// By what a notice is recognised when it comes again: a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeDigest([u8; 32]);

impl NoticeDigest {
    /// The digest of what tells a notice from others, part by part.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // With their lengths, so that no two lists of parts run together into the same bytes.
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The code by which a person can ask what became of their wish to be deleted: lower-case letters and digits, which name
/// the tenant and hold 256 random bits.
///
/// It is stored as it is, for a wish that comes again is answered with the same one. All it opens is a page that names
/// nobody.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeletionCode(String);

impl DeletionCode {
    /// A new one.
    #[must_use]
    pub fn generate(tenant: TenantId) -> Self {
        let random: [u8; CODE_BYTES] = random();
        let bytes = tenant.as_uuid().into_bytes().into_iter().chain(random);
        Self(bytes.fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// Reads one, and whose it is; `None` if it cannot be one.
    ///
    /// ```
    /// use shareville_core::{id::TenantId, notice::DeletionCode};
    ///
    /// let tenant = TenantId::generate();
    /// let code = DeletionCode::generate(tenant);
    /// assert_eq!(DeletionCode::read(code.as_str()), Some((tenant, code)));
    /// assert_eq!(DeletionCode::read("0123"), None);
    /// ```
    #[must_use]
    pub fn read(text: &str) -> Option<(TenantId, Self)> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let whole = text.len() == 2 * (16 + CODE_BYTES) && text.bytes().all(is_hex);
        let tenant = Uuid::try_parse(text.get(..32).filter(|_| whole)?).ok()?;
        Some((TenantId::from_uuid(tenant), Self(text.to_owned())))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DeletionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeletionCode(…)")
    }
}

/// What a platform says has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeKind {
    /// A person has withdrawn all that they granted.
    Deauthorized {
        /// The person's id at the platform.
        person: String,
    },
    /// What a person grants has changed.
    PermissionsChanged {
        /// The person's id at the platform.
        person: String,
    },
    /// A person wants what is kept of them to be deleted.
    DeletionWanted {
        /// The person's id at the platform.
        person: String,
        /// By what they can ask what became of it.
        code: DeletionCode,
    },
    /// A post was removed.
    PostRemoved {
        /// The account's id at the platform.
        account: String,
        /// The post's id at the platform.
        post: String,
    },
}

/// How a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoticeOutcome {
    /// It was looked into, and what had to be done is done.
    Done,
    /// Nobody could look into it.
    GivenUp,
}

/// How an attempt to look into a notice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heeded {
    /// All is done.
    Done,
    /// Something was in the way.
    Failed,
}

/// Something that a platform has told of a tenant's app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// The tenant.
    pub tenant: TenantId,
    /// What is said.
    pub kind: NoticeKind,
    /// By what it is recognised when it comes again.
    pub digest: NoticeDigest,
    /// Raised by each change.
    pub revision: u64,
    /// How often it was tried to look into it, since it last came.
    pub attempts: u32,
    /// When it last came.
    pub received_at: Timestamp,
    /// When it is up next; `None` once it has ended.
    pub due_at: Option<Timestamp>,
    /// When it ended.
    pub worked_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<NoticeOutcome>,
}

impl Notice {
    /// A notice that comes for the first time.
    #[must_use]
    pub fn of(tenant: TenantId, kind: NoticeKind, digest: NoticeDigest, now: Timestamp) -> Self {
        Self {
            id: NoticeId::generate(),
            tenant,
            kind,
            digest,
            revision: 1,
            attempts: 0,
            received_at: now,
            due_at: Some(now),
            worked_at: None,
            outcome: None,
        }
    }

    /// A person's wish to be deleted, recognised by who they are.
    #[must_use]
    pub fn of_deletion(tenant: TenantId, person: String, now: Timestamp) -> Self {
        let digest = NoticeDigest::of([b"deletion".as_slice(), person.as_bytes()]);
        let code = DeletionCode::generate(tenant);
        Self::of(
            tenant,
            NoticeKind::DeletionWanted { person, code },
            digest,
            now,
        )
    }

    /// The code of a wish to be deleted.
    #[must_use]
    pub const fn code(&self) -> Option<&DeletionCode> {
        match &self.kind {
            NoticeKind::DeletionWanted { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Until when it is kept; `None` while it has not ended.
    #[must_use]
    pub fn kept_until(&self) -> Option<Timestamp> {
        let kept = match self.kind {
            NoticeKind::DeletionWanted { .. } => DELETION_KEPT,
            _ => NOTICE_KEPT,
        };
        self.worked_at.map(|worked_at| later(worked_at, kept))
    }

    /// What it is after an attempt that ended at `now`: done, tried again later, or given up.
    #[must_use]
    pub fn after(&self, heeded: Heeded, now: Timestamp, pace: &DeliveryPace) -> Self {
        let attempts = self.attempts.saturating_add(1);
        let again = later(now, pace.back_off(attempts));
        let lasting = matches!(self.kind, NoticeKind::DeletionWanted { .. });
        let outcome = match heeded {
            Heeded::Done => Some(NoticeOutcome::Done),
            Heeded::Failed if !lasting && again > later(self.received_at, NOTICE_LIFE) => {
                Some(NoticeOutcome::GivenUp)
            }
            Heeded::Failed => None,
        };
        Self {
            revision: self.revision + 1,
            attempts,
            due_at: outcome.is_none().then_some(again),
            worked_at: outcome.map(|_| now),
            outcome,
            ..self.clone()
        }
    }

    /// The same, to be looked into once more: a wish to be deleted that comes again after it was fulfilled, for there may be
    /// something new by now. Whatever else comes again tells nothing new: `None`.
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Option<Self> {
        self.code()?;
        self.outcome?;
        Some(Self {
            revision: self.revision + 1,
            attempts: 0,
            received_at: now,
            due_at: Some(now),
            worked_at: None,
            outcome: None,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store::START;

    const PACE: DeliveryPace = DeliveryPace {
        base: Duration::from_secs(5),
        jitter: 1.0,
    };

    fn look() -> Notice {
        let kind = NoticeKind::Deauthorized {
            person: "17".to_owned(),
        };
        let digest = NoticeDigest::of([b"17".as_slice()]);
        Notice::of(TenantId::generate(), kind, digest, START)
    }

    fn deletion() -> Notice {
        Notice::of_deletion(TenantId::generate(), "17".to_owned(), START)
    }

    #[test]
    fn parts_should_not_run_together_in_a_digest() {
        let digest = |parts: &[&str]| NoticeDigest::of(parts.iter().map(|it| it.as_bytes()));
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["ab"]), digest(&["ab", ""]));
    }

    #[test]
    fn a_look_that_fails_should_be_given_up_after_about_a_day() {
        let mut notice = look();
        let mut tried = 0;
        while let Some(due) = notice.due_at {
            assert!(due <= later(START, NOTICE_LIFE));
            notice = notice.after(Heeded::Failed, due, &PACE);
            tried += 1;
        }
        assert_eq!(notice.outcome, Some(NoticeOutcome::GivenUp));
        assert!(tried > 8, "{tried}");
        assert!(notice.worked_at.is_some_and(|at| at > START));
    }

    #[test]
    fn a_deletion_should_be_tried_until_it_is_done() {
        let mut notice = deletion();
        for _ in 0..100 {
            notice = notice.after(Heeded::Failed, notice.due_at.unwrap(), &PACE);
        }
        let due = notice.due_at.unwrap();
        assert!(due > later(START, 2 * NOTICE_LIFE));
        let done = notice.after(Heeded::Done, due, &PACE);
        assert_eq!((done.due_at, done.worked_at), (None, Some(due)));
        assert_eq!(done.kept_until(), Some(later(due, DELETION_KEPT)));
    }

    #[test]
    fn only_a_deletion_that_was_done_should_be_done_again() {
        let now = later(START, NOTICE_LIFE);
        assert_eq!(deletion().again(now), None, "it is under way");
        let done = deletion().after(Heeded::Done, START, &PACE);
        let again = done.again(now).unwrap();
        assert_eq!(again.code(), done.code());
        assert_eq!((again.due_at, again.outcome), (Some(now), None));
        assert_eq!(again.revision, done.revision + 1);
        assert_eq!(look().after(Heeded::Done, START, &PACE).again(now), None);
    }

    #[test]
    fn a_person_should_be_recognised_by_their_wish_and_not_by_its_code() {
        let tenant = TenantId::generate();
        let wish = |person: &str| Notice::of_deletion(tenant, person.to_owned(), START);
        assert_eq!(wish("17").digest, wish("17").digest);
        assert_ne!(wish("17").code(), wish("17").code());
        assert_ne!(wish("17").digest, wish("18").digest);
    }

    #[test]
    fn a_code_should_be_letters_and_digits_and_shown_to_nobody() {
        let code = DeletionCode::generate(TenantId::generate());
        assert!(code.as_str().bytes().all(|it| it.is_ascii_alphanumeric()));
        assert!(!format!("{:?}", deletion()).contains(code.as_str()));
        for bad in ["", "é", &code.as_str()[1..], &code.as_str().to_uppercase()] {
            assert_eq!(DeletionCode::read(bad), None, "{bad}");
        }
    }
}
