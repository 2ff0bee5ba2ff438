//! Plans: what is to be written for posts, for a host to write together with rows of its own.

use super::{Posting, Target, Wanted, When};
use crate::{
    credential::Scope,
    error::Error,
    post::{Change, Command, Post},
    store::NewPost,
};

/// What is to be written for posts: worked out and checked, but not stored yet.
///
/// A store in a host's own database executes it within a transaction of the host, so that its rows and our posts are stored
/// together or not at all. Until then nothing has happened, and a plan that is dropped leaves nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    write: PlannedWrite,
    posts: Vec<Post>,
}

/// How a plan is executed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PlannedWrite {
    /// By storing posts, as [`PostStore::create`](crate::store::PostStore::create) does.
    Create(Vec<NewPost>),
    /// By a change to a post, as [`PostStore::apply`](crate::store::PostStore::apply) does; its account must be there, if
    /// the post is to go out.
    Change(Box<Change>),
    /// It is so already: by nothing.
    Nothing,
}

impl Plan {
    /// The posts as they are once the plan is executed and committed; a post that a change removes is left out.
    #[must_use]
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// What is to be done: for stores.
    #[must_use]
    pub const fn write(&self) -> &PlannedWrite {
        &self.write
    }
}

impl From<Vec<NewPost>> for Plan {
    fn from(new: Vec<NewPost>) -> Self {
        Self {
            posts: new.iter().map(|new| new.post.clone()).collect(),
            write: PlannedWrite::Create(new),
        }
    }
}

impl From<Change> for Plan {
    fn from(change: Change) -> Self {
        Self {
            posts: change.next.iter().cloned().collect(),
            write: PlannedWrite::Change(Box::new(change)),
        }
    }
}

impl Posting<'_> {
    /// Plans to create posts, all or none, as [`create_all`](Self::create_all) would.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn plan_create(&self, wanted: impl Into<Wanted>) -> Result<Plan, Error> {
        Ok(self.drafted(&wanted.into()).await?.into())
    }

    /// Plans to let a post go out at a time, as [`schedule`](Self::schedule) would. The post is read as it is stored: what a
    /// transaction has not committed yet is not seen.
    ///
    /// # Errors
    /// As [`schedule`](Self::schedule).
    pub async fn plan_schedule(
        &self,
        target: Target,
        when: impl Into<When>,
    ) -> Result<Plan, Error> {
        let when = when.into();
        let due = self.due(&when)?;
        let now = self.shareville.clock().now();
        let computed = self.computed(target, self.scheduling(&due, when)).await;
        let (post, change) = computed.map_err(|error| due.placed(error, now))?;
        Ok(planned(post, change))
    }

    /// Plans to call a post off, as [`cancel`](Self::cancel) would. It is read as for
    /// [`plan_schedule`](Self::plan_schedule).
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    pub async fn plan_cancel(&self, target: Target) -> Result<Plan, Error> {
        self.caller.require(Scope::PostsWrite)?;
        let computed = self.computed(target, |reading| reading.ask(Command::Cancel));
        let (post, change) = computed.await?;
        Ok(planned(post, change))
    }
}

fn planned(post: Post, change: Option<Change>) -> Plan {
    change.map_or_else(
        || Plan {
            write: PlannedWrite::Nothing,
            posts: vec![post],
        },
        Plan::from,
    )
}
