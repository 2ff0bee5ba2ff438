//! Posting: what callers do with posts.

mod attempt;
mod check;
mod create;
mod live;
mod nearby;
mod paused;
mod plan;
mod preflight;
mod when;

use std::time::Duration;

use serde_json::Value;

pub(crate) use self::attempt::Gate;
use self::when::Due;
pub use self::{
    attempt::{Attempt, Begun},
    check::{Checked, Warning},
    create::{Answer, MAX_BATCH, Wanted},
    plan::{Plan, PlannedWrite},
    when::When,
};
use crate::{
    caller::Caller,
    clock::Timestamp,
    credential::Scope,
    error::Error,
    event::{Event, Subject},
    id::{AccountId, PostId, Provider, UserId},
    local_time::LocalTime,
    post::{Change, Command, Content, Edit, Moment, Post, PostStatus, Refusal, apply},
    publisher::Publisher,
    shareville::Shareville,
    store::{Page, PageRequest, PostFilter},
};

/// How often a change is computed anew because the post has changed meanwhile.
const TRIES: usize = 16;

/// A post to be created.
#[derive(Debug, Clone, Default)]
pub struct PostInput {
    /// The end user, where the caller speaks for all of them: must own the account.
    pub user: Option<UserId>,
    /// The account's id, ours.
    pub account: String,
    /// What it says and shows.
    pub content: Content,
    /// When it is to go out; without it, it is a draft.
    pub scheduled_at: Option<Timestamp>,
    /// When it is to go out by the clock of `timezone`, instead of `scheduled_at`.
    pub scheduled_local: Option<LocalTime>,
    /// The time zone its author thinks in, by its name in the IANA database.
    pub timezone: Option<String>,
    /// How long after its time it may still go out; the tenant's own setting if left out.
    pub give_up_after: Option<Duration>,
    /// The tenant's own notes.
    pub metadata: serde_json::Map<String, Value>,
}

/// What to change about a post; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct PostPatch {
    /// What it says and shows, made from what it said.
    pub content: Option<Content>,
    /// The tenant's own notes.
    pub metadata: Option<serde_json::Map<String, Value>>,
    /// How long after its time it may still go out.
    pub give_up_after: Option<Duration>,
    /// When it is to go out.
    pub scheduled_at: Option<Timestamp>,
    /// When it is to go out by the clock of `timezone`, instead of `scheduled_at`.
    pub scheduled_local: Option<LocalTime>,
    /// The time zone its author thinks in, by its name in the IANA database.
    pub timezone: Option<String>,
}

impl PostInput {
    /// When it is to go out.
    #[must_use]
    pub fn when(&self) -> When {
        When {
            at: self.scheduled_at,
            local: self.scheduled_local,
            timezone: self.timezone.clone(),
        }
    }
}

impl PostPatch {
    /// When it is to go out.
    #[must_use]
    pub fn when(&self) -> When {
        When {
            at: self.scheduled_at,
            local: self.scheduled_local,
            timezone: self.timezone.clone(),
        }
    }
}

/// A change somebody asks for, of a post they have read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The post.
    pub id: PostId,
    /// The revision they have read, if it must still have that.
    pub revision: Option<u64>,
}

impl From<PostId> for Target {
    fn from(id: PostId) -> Self {
        Self { id, revision: None }
    }
}

/// A post as it was read, of which something is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    post: &'a Post,
    moment: &'a Moment,
    /// Whether its paused lane keeps it back.
    at_rest: bool,
}

impl Reading<'_> {
    /// Computes what a command does to it.
    fn ask(&self, command: Command) -> Result<Change, Refusal> {
        let command = match self.at_rest {
            true => Command::AtRest(Box::new(command)),
            false => command,
        };
        apply(self.post, command, self.moment)
    }
}

/// A caller at work on posts.
#[derive(Debug, Clone, Copy)]
pub struct Posting<'a> {
    pub(super) shareville: &'a Shareville,
    pub(super) caller: &'a Caller,
}

impl Shareville {
    /// What a caller can do with posts.
    #[must_use]
    pub const fn posts<'a>(&'a self, caller: &'a Caller) -> Posting<'a> {
        Posting {
            shareville: self,
            caller,
        }
    }
}

impl Posting<'_> {
    fn lead(&self, provider: &Provider, content: &Content) -> Duration {
        self.shareville
            .publisher(provider)
            .map_or(Duration::ZERO, |publisher| publisher.lead(content))
    }

    pub(super) async fn find(&self, id: PostId) -> Result<Post, Error> {
        let store = self.shareville.store();
        let post = store.post(self.caller.tenant().id, id).await?;
        post.filter(|post| self.caller.may_see(&post.user))
            .ok_or(Error::NotFound("post"))
    }

    /// Reads a post.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn get(&self, id: PostId) -> Result<Post, Error> {
        self.caller.require(Scope::PostsRead)?;
        let post = self.find(id).await?;
        self.shown_one(post).await
    }

    /// Lists posts.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn list(
        &self,
        mut filter: PostFilter,
        page: PageRequest,
    ) -> Result<Page<Post>, Error> {
        self.caller.require(Scope::PostsRead)?;
        filter.user = self.caller.about(filter.user.as_ref())?;
        let store = self.shareville.store();
        let page = store.posts(self.caller.tenant().id, &filter, page).await?;
        Ok(Page {
            items: self.shown(page.items).await?,
            next: page.next,
        })
    }

    /// Lists what happened to a post: every attempt, step, error and wait.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn events(&self, id: PostId, page: PageRequest) -> Result<Page<Event>, Error> {
        self.caller.require(Scope::PostsRead)?;
        let post = self.find(id).await?;
        let store = self.shareville.store();
        Ok(store
            .events(post.tenant, Subject::Post(post.id), page)
            .await?)
    }

    /// Reads the post, computes a change, and writes it; again, if the post has changed meanwhile. Gives the post as it is
    /// then, and as callers see it.
    ///
    /// A caller who named a revision is told instead that theirs is outdated.
    pub(super) async fn change(
        &self,
        target: Target,
        compute: impl Fn(&Reading<'_>) -> Result<Change, Refusal> + Send + Sync,
    ) -> Result<Post, Error> {
        for _ in 0..TRIES {
            let (post, change) = self.computed(target, &compute).await?;
            let Some(change) = change else {
                return self.shown_one(post).await;
            };
            let sets_going = sets_going(&post, &change);
            let next = change.next.clone();
            let applied = self.shareville.store().apply(&[change]).await?;
            if applied.first().is_none_or(Result::is_err) {
                continue;
            }
            let next = next.unwrap_or(post);
            // Removing the connection ends the posts it finds; this one may have come after it looked.
            if sets_going && !self.has_account(&next).await? {
                let moment = self.shareville.moment(self.caller.actor());
                if let Ok(ended) = apply(&next, Command::ConnectionRemoved, &moment) {
                    self.shareville.store().apply(&[ended]).await?;
                }
                return Err(account_removed());
            }
            // It is written, whether or not its lane can be asked about.
            let shown = self.shown_one(next.clone()).await;
            return Ok(shown.unwrap_or(next));
        }
        Err(busy())
    }

    /// Reads the post and computes a change; none, if it is as wanted already.
    pub(super) async fn computed(
        &self,
        target: Target,
        compute: impl Fn(&Reading<'_>) -> Result<Change, Refusal>,
    ) -> Result<(Post, Option<Change>), Error> {
        let post = self.find(target.id).await?;
        if target.revision.is_some_and(|seen| seen != post.revision) {
            return Err(Error::Stale {
                current: post.revision,
            });
        }
        let moment = self.shareville.moment(self.caller.actor());
        let mut reading = Reading {
            post: &post,
            moment: &moment,
            at_rest: false,
        };
        let mut computed = compute(&reading);
        if computed == Err(Refusal::Publishing) && self.stands_still(&post).await? {
            reading.at_rest = true;
            computed = compute(&reading);
        }
        let change = match computed {
            Ok(change) => change.asked_by(self.caller.request_id()),
            Err(Refusal::AsItIs) => return Ok((post, None)),
            Err(refusal) => return Err(refused(refusal, &post)),
        };
        if sets_going(&post, &change) && !self.has_account(&post).await? {
            return Err(account_removed());
        }
        Ok((post, Some(change)))
    }

    async fn has_account(&self, post: &Post) -> Result<bool, Error> {
        let store = self.shareville.store();
        Ok(store.account(post.tenant, post.account).await?.is_some())
    }

    /// Lets a post go out at a time.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Stale`], [`Error::Invalid`] for a time that is past or does not exist,
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn schedule(&self, target: Target, when: impl Into<When>) -> Result<Post, Error> {
        let when = when.into();
        let due = self.due(&when)?;
        let now = self.shareville.clock().now();
        let scheduled = self.change(target, self.scheduling(&due, when)).await;
        scheduled.map_err(|error| due.placed(error, now))
    }

    /// For when a post is to be scheduled, however long past: it may have that time already.
    fn due(&self, when: &When) -> Result<Due, Error> {
        self.caller.require(Scope::PostsWrite)?;
        let (due, mut wrong) = when.due();
        if wrong.is_empty() {
            return due.ok_or_else(no_time);
        }
        // Whether the post has that time already makes no difference then.
        let now = self.shareville.clock().now();
        wrong.extend(due.and_then(|due| due.in_past(now)));
        Err(Error::Invalid(wrong))
    }

    /// How a post is scheduled.
    fn scheduling(
        &self,
        due: &Due,
        when: When,
    ) -> impl Fn(&Reading<'_>) -> Result<Change, Refusal> {
        move |reading: &Reading<'_>| {
            let post = reading.post;
            let command = Command::Schedule {
                at: due.at,
                timezone: when.timezone.clone(),
                lead: self.lead(&post.lane.provider, &post.content),
            };
            reading.ask(command).map(|change| due.noted(change))
        }
    }

    /// Calls a post off.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Stale`], [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn cancel(&self, target: Target) -> Result<Post, Error> {
        self.caller.require(Scope::PostsWrite)?;
        self.change(target, |reading| reading.ask(Command::Cancel))
            .await
    }

    /// Changes a post that has not gone out.
    async fn edit_unpublished(
        &self,
        target: Target,
        post: &Post,
        patch: PostPatch,
    ) -> Result<Post, Error> {
        let publisher = self.shareville.publisher(&post.lane.provider);
        let content = patch.content.as_ref().unwrap_or(&post.content);
        let now = self.shareville.clock().now();
        let wrong = match &patch.content {
            Some(content) => self.wrong_media(&post.lane.provider, content).await,
            None => Vec::new(),
        };
        let due = check::patch(publisher.map(AsRef::as_ref), &patch, post, now, wrong)?;
        let lead = publisher.map_or(Duration::ZERO, |publisher| publisher.lead(content));
        let edit = Edit {
            content: patch.content,
            metadata: patch.metadata,
            give_up_after: patch.give_up_after,
            lead,
        };
        // What is written was computed from the post as it was read: if it has changed, the caller decides anew.
        let target = Target {
            revision: Some(post.revision),
            ..target
        };
        let changed = self.change(target, |reading| {
            let edited = reading.ask(Command::Edit(edit.clone()));
            let Some(due) = &due else {
                return edited;
            };
            let base = match &edited {
                Ok(change) => change.next.as_ref().unwrap_or(reading.post),
                Err(Refusal::AsItIs) => reading.post,
                Err(_) => return edited,
            };
            let command = Command::Schedule {
                at: due.at,
                timezone: patch.timezone.clone(),
                lead,
            };
            let edited_first = Reading {
                post: base,
                moment: reading.moment,
                at_rest: reading.at_rest,
            };
            match edited_first.ask(command) {
                Ok(scheduled) => Ok(Change::joined(edited.ok(), due.noted(scheduled))),
                Err(Refusal::AsItIs) => edited,
                Err(refusal) => Err(refusal),
            }
        });
        changed.await.map_err(|error| match &due {
            Some(due) => due.placed(error, now),
            None => error,
        })
    }
}

/// Whether a change lets a post go out that was not to go out before.
fn sets_going(post: &Post, change: &Change) -> bool {
    let next = change.next.as_ref();
    next.is_some_and(Post::is_to_go_out) && !post.is_to_go_out()
}

fn busy() -> Error {
    Error::Conflict {
        code: "busy",
        message: "the post keeps changing: read it again, then decide".to_owned(),
    }
}

fn no_time() -> Error {
    let message = "give `scheduledAt`, a time with its offset, or `scheduledLocal` and `timezone`";
    Error::invalid("/scheduledAt", "required", message)
}

fn account_removed() -> Error {
    Error::Conflict {
        code: "connection_removed",
        message: "the page this post goes to went with its connection: connect again, and create the post anew for \
                  the page's new `id`"
            .to_owned(),
    }
}

/// A refusal, as callers see it.
fn refused(refusal: Refusal, post: &Post) -> Error {
    match refusal {
        Refusal::ScheduledInPast => {
            Error::invalid("/scheduledAt", refusal.code(), refusal.to_string())
        }
        refusal => Error::Refused {
            refusal,
            post: Box::new(post.clone()),
        },
    }
}

/// Whether nothing more happens by itself soon: the post is published, has failed, or was called off.
const fn has_settled(post: &Post) -> bool {
    matches!(
        post.status,
        PostStatus::Published | PostStatus::Failed | PostStatus::Canceled | PostStatus::Deleted
    )
}

fn account_id(text: &str) -> Option<AccountId> {
    text.parse().ok()
}

/// A network's publisher, seen without its box.
type AnyPublisher = dyn Publisher;
