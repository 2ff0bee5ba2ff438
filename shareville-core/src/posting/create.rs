//! Creating posts: one, or many at once.

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    Attempt, PostInput, Posting,
    attempt::in_progress,
    check::{self, Right},
    refused,
};
use crate::{
    credential::Scope,
    error::Error,
    id::GroupId,
    idempotency::Created,
    post::{Command, Draft, Post, apply, draft},
    store::{NewPost, StoreError},
    violation::Violation,
};

/// The most posts of a batch.
pub const MAX_BATCH: usize = 100;

/// Posts that are asked for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// One.
    One(Box<PostInput>),
    /// Many, all or none: what is wrong with them is told with pointers that begin with `/posts/` and the place in the
    /// list, and they are one group.
    Batch(Vec<PostInput>),
}

impl From<PostInput> for Wanted {
    fn from(input: PostInput) -> Self {
        Self::One(Box::new(input))
    }
}

impl From<Vec<PostInput>> for Wanted {
    fn from(inputs: Vec<PostInput>) -> Self {
        Self::Batch(inputs)
    }
}

impl Wanted {
    pub(super) fn inputs(&self) -> &[PostInput] {
        match self {
            Self::One(input) => std::slice::from_ref(input),
            Self::Batch(inputs) => inputs,
        }
    }

    /// What is wrong with the posts, seen from the body they came in.
    pub(super) fn placed(&self, index: usize, wrong: Vec<Violation>) -> Vec<Violation> {
        match self {
            Self::One(_) => wrong,
            Self::Batch(_) => {
                let place = format!("/posts/{index}");
                wrong.into_iter().map(|wrong| wrong.under(&place)).collect()
            }
        }
    }
}

/// How a request that creates something is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What is answered, as it was made of the posts.
    pub made: Vec<u8>,
    /// Whether it was answered so before, and nothing was created now.
    pub replayed: bool,
}

impl Posting<'_> {
    /// Creates a post: a draft, or scheduled at once.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong at once; [`Error::Forbidden`], [`Error::Store`].
    pub async fn create(&self, input: PostInput) -> Result<Post, Error> {
        let mut made = self.create_all(input.into()).await?;
        // One goes in, so one comes out.
        made.pop().ok_or(Error::NotFound("post"))
    }

    /// Creates posts, all or none.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_all(&self, wanted: Wanted) -> Result<Vec<Post>, Error> {
        let new = self.drafted(&wanted).await?;
        match self.shareville.store().create(&new, None).await {
            Ok(_) => Ok(new.into_iter().map(|new| new.post).collect()),
            Err(error) => Err(self.not_stored(&wanted, error).await),
        }
    }

    /// Creates posts and answers the request for them. With an attempt, the answer is stored in the same step, to be
    /// given again for a day.
    ///
    /// # Errors
    /// As [`create`](Self::create), and as [`begin`](Self::begin).
    pub async fn create_answered(
        &self,
        wanted: Wanted,
        attempt: Option<Attempt>,
        answer: impl Fn(&[Post]) -> Vec<u8>,
    ) -> Result<Answer, Error> {
        let Some(attempt) = attempt else {
            let posts = self.create_all(wanted).await?;
            let made = answer(&posts);
            return Ok(Answer {
                made,
                replayed: false,
            });
        };
        let replayed = |made| Answer {
            made,
            replayed: true,
        };
        let new = match self.drafted(&wanted).await {
            Ok(new) => new,
            // Another process may have been first, and what it needed may be gone.
            Err(refused) => {
                let before = self.before(&attempt).await?;
                return before.map(replayed).ok_or(refused);
            }
        };
        let posts: Vec<_> = new.iter().map(|new| new.post.clone()).collect();
        let made = answer(&posts);
        let users: BTreeSet<_> = posts.into_iter().map(|post| post.user).collect();
        let users = users.into_iter().collect();
        let kept = attempt.kept(made, users, self.shareville);
        match self.shareville.store().create(&new, Some(&kept)).await {
            Ok(Created::Stored) => Ok(Answer {
                made: kept.answer,
                replayed: false,
            }),
            Ok(Created::Before(found)) => attempt.repeated(found).map(replayed),
            Ok(Created::UnderWay) => Err(in_progress()),
            Err(error) => Err(self.not_stored(&wanted, error).await),
        }
    }

    /// Says why posts that were right could not be stored.
    async fn not_stored(&self, wanted: &Wanted, error: StoreError) -> Error {
        match error {
            // An account is gone since it was read: the checks now say whose.
            StoreError::Conflict { field: "account" } => match self.drafted(wanted).await {
                Err(found) => found,
                Ok(_) => check::unknown_account(),
            },
            error => error.into(),
        }
    }

    /// Checks posts that are asked for, and makes them; nothing is stored.
    pub(super) async fn drafted(&self, wanted: &Wanted) -> Result<Vec<NewPost>, Error> {
        self.caller.require(Scope::PostsWrite)?;
        let group = match wanted {
            Wanted::One(_) => None,
            Wanted::Batch(_) => Some(GroupId::generate()),
        };
        let right = self.right(wanted).await?;
        self.keep_uploads_of(wanted.inputs()).await?;
        let wanted = right.iter().zip(wanted.inputs());
        wanted
            .map(|(right, input)| self.draft(right, input, group))
            .collect()
    }

    /// Checks posts that are asked for: all that is wrong with any of them, or what was found out about each.
    pub(super) async fn right(&self, wanted: &Wanted) -> Result<Vec<Right>, Error> {
        if let Wanted::Batch(inputs) = wanted {
            check_size(inputs.len())?;
        }
        let mut violations = Vec::new();
        let mut all = Vec::with_capacity(wanted.inputs().len());
        let checked = self.checked(wanted.inputs()).await?;
        for (index, checked) in checked.into_iter().enumerate() {
            match checked {
                Ok(right) => all.push(right),
                Err(wrong) => violations.extend(wanted.placed(index, wrong)),
            }
        }
        match violations.is_empty() {
            true => Ok(all),
            false => Err(Error::Invalid(violations)),
        }
    }

    fn draft(
        &self,
        right: &Right,
        input: &PostInput,
        group: Option<GroupId>,
    ) -> Result<NewPost, Error> {
        let moment = self.shareville.moment(self.caller.actor());
        let give_up_after = input
            .give_up_after
            .unwrap_or(self.caller.tenant().give_up_after);
        let wanted = Draft {
            account: &right.account,
            group,
            content: input.content.clone(),
            metadata: input.metadata.clone(),
            give_up_after,
        };
        let (post, mut created) = draft(wanted, &moment);
        if !right.advice.is_empty() {
            created.data["warnings"] = json!(right.advice);
        }
        let mut new = NewPost {
            post,
            events: vec![created.asked_by(self.caller.request_id())],
        };
        new.post.timezone.clone_from(&input.timezone);
        if let Some(due) = &right.due {
            let command = Command::Schedule {
                at: due.at,
                timezone: input.timezone.clone(),
                lead: self.lead(&right.account.provider, &new.post.content),
            };
            let change = apply(&new.post, command, &moment)
                .map_err(|refusal| refused(refusal, &new.post))?;
            let change = due.noted(change).asked_by(self.caller.request_id());
            new.events.extend(change.events);
            // Scheduling always leaves a post.
            new.post = change.next.unwrap_or(new.post);
        }
        Ok(new)
    }
}

fn check_size(posts: usize) -> Result<(), Error> {
    if (1..=MAX_BATCH).contains(&posts) {
        return Ok(());
    }
    let code = if posts == 0 { "empty" } else { "too_many" };
    let message = format!("must be 1 to {MAX_BATCH} posts, not {posts}");
    Err(Error::invalid("/posts", code, message))
}
