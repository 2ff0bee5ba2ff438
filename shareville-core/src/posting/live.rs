//! Publishing on request, and what can be done with what is live.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{PostPatch, Posting, TRIES, Target, busy, has_settled, refused};
use crate::{
    clock::{Timestamp, later},
    credential::Scope,
    error::Error,
    failure::Failure,
    id::PostId,
    post::{Command, Content, Evidence, Post, PostStatus, Refusal, Repeat},
    publisher::{Job, Publisher},
    violation::Violation,
};

/// How long a request may look for a post whose outcome is unknown.
const LOOK_PATIENCE: Duration = Duration::from_secs(10);

impl Posting<'_> {
    /// Lets a post go out now; a failed one is tried again.
    ///
    /// A failed post whose outcome is unknown is looked for first: if it is live it becomes published, if it is not
    /// it is tried again, and if nobody can tell it stays as it is, unless `confirmed_not_published` says that a person
    /// has looked.
    ///
    /// # Errors
    /// [`Error::Refused`] if it is published, canceled, or its outcome is unknown; [`Error::Stale`],
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn publish(
        &self,
        target: Target,
        confirmed_not_published: bool,
    ) -> Result<Post, Error> {
        self.caller.require(Scope::PostsWrite)?;
        // However often the post changes meanwhile, all looking together takes no longer.
        let patience = Instant::now() + LOOK_PATIENCE;
        for _ in 0..TRIES {
            let post = self.find(target.id).await?;
            if target.revision.is_some_and(|seen| seen != post.revision) {
                return Err(Error::Stale {
                    current: post.revision,
                });
            }
            let published = match post.status == PostStatus::Failed && post.has_open_commit() {
                true => {
                    self.look_then_resume(target, &post, confirmed_not_published, patience)
                        .await
                }
                false if confirmed_not_published => self.confirmed_before(post).await,
                false => {
                    self.change(target, |reading| reading.ask(Command::Publish))
                        .await
                }
            };
            match published {
                // Who named no revision publishes the post as it is by now.
                Err(Error::Stale { .. }) if target.revision.is_none() => {}
                published => return published,
            }
        }
        Err(busy())
    }

    /// The post, if it is on its way since a person has confirmed that it is not published: the answer to that was lost.
    async fn confirmed_before(&self, post: Post) -> Result<Post, Error> {
        let now = self.shareville.clock().now();
        let on_its_way = post.is_to_go_out() && post.scheduled_at.is_some_and(|at| at <= now);
        match post.status {
            _ if on_its_way => self.shown_one(post).await,
            PostStatus::Published => Err(refused(Refusal::Published, &post)),
            _ => Err(refused(Refusal::NothingToConfirm, &post)),
        }
    }

    async fn look_then_resume(
        &self,
        target: Target,
        post: &Post,
        confirmed_not_published: bool,
        patience: Instant,
    ) -> Result<Post, Error> {
        let found = tokio::time::timeout_at(patience, self.look(post)).await;
        let evidence = match found {
            Ok(found) => found?,
            Err(_) => None,
        };
        let seen = Target {
            revision: Some(post.revision),
            ..target
        };
        match evidence {
            Some(live @ Evidence::Live(_)) => {
                self.change(seen, |reading| reading.ask(Command::Looked(live.clone())))
                    .await
            }
            Some(Evidence::Absent) if repeatable(post) => {
                self.change(seen, |reading| reading.ask(Command::Resume))
                    .await
            }
            // The platform cannot tell, and a person can.
            _ if confirmed_not_published => {
                self.change(seen, |reading| reading.ask(Command::ConfirmNotPublished))
                    .await
            }
            _ => Err(refused(Refusal::OutcomeUnknown, post)),
        }
    }

    async fn look(&self, post: &Post) -> Result<Option<Evidence>, Error> {
        let store = self.shareville.store();
        let tenant = self.caller.tenant();
        let (Some(account), Some(connection)) = (
            store.account(tenant.id, post.account).await?,
            store.connection(tenant.id, post.connection).await?,
        ) else {
            return Ok(None);
        };
        let found = self
            .shareville
            .look_once(tenant, &connection, &account, post)
            .await;
        Ok(found)
    }

    /// Waits until a post has settled, for at most `patience` and not beyond [`Shareville::close`](crate::Shareville::close), and gives it as it
    /// is then, and whether it has.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn settled(&self, id: PostId, patience: Duration) -> Result<(Post, bool), Error> {
        self.caller.require(Scope::PostsRead)?;
        let mut post = self.find(id).await?;
        let until: Timestamp = later(self.shareville.clock().now(), patience);
        while !has_settled(&post) && self.shareville.clock().now() < until {
            let store = self.shareville.store();
            let watching = store.watch(post.tenant, id, post.revision, until);
            let Some(watched) = self
                .shareville
                .closing()
                .run_until_cancelled(watching)
                .await
            else {
                break;
            };
            post = watched?.ok_or(Error::NotFound("post"))?;
        }
        let settled = has_settled(&post);
        Ok((self.shown_one(post).await?, settled))
    }

    /// Changes a post. Of one that is published, only the text, and only where the platform allows it.
    ///
    /// # Errors
    /// [`Error::Invalid`], also with `not_supported_by_platform`; [`Error::Refused`], [`Error::Stale`],
    /// [`Error::Conflict`] with `platform_post_id_unknown`, [`Error::Platform`] as the platform gave it,
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::Store`].
    pub async fn update(
        &self,
        target: Target,
        patch: impl Fn(&Post) -> PostPatch,
    ) -> Result<Post, Error> {
        self.caller.require(Scope::PostsWrite)?;
        for _ in 0..TRIES {
            let post = self.find(target.id).await?;
            if target.revision.is_some_and(|seen| seen != post.revision) {
                return Err(Error::Stale {
                    current: post.revision,
                });
            }
            let patch = patch(&post);
            let edited = match post.status {
                PostStatus::Published => self.edit_published(target, &post, patch).await,
                _ => self.edit_unpublished(target, &post, patch).await,
            };
            match edited {
                // Who named no revision patches the post as it is by now.
                Err(Error::Stale { .. }) if target.revision.is_none() => {}
                edited => return edited,
            }
        }
        Err(busy())
    }

    async fn edit_published(
        &self,
        target: Target,
        post: &Post,
        patch: PostPatch,
    ) -> Result<Post, Error> {
        let content = patch
            .content
            .clone()
            .unwrap_or_else(|| post.content.clone());
        let (publisher, job) = self.job(post).await?;
        let mut violations = publisher.check(&content);
        let caption_too = !publisher.capabilities().edits_published;
        violations.extend(not_editable(post, &content, &patch, caption_too));
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        if content.caption == post.content.caption {
            return Ok(post.clone());
        }
        require_platform_id(post)?;
        publisher.edit(&job, content.caption.as_deref()).await?;
        let caption = content.caption;
        // It is so at the platform: whatever else has changed here meanwhile, this is written too.
        self.change(target.id.into(), |reading| {
            reading.ask(Command::EditedAtPlatform {
                caption: caption.clone(),
            })
        })
        .await
    }

    /// Removes a post from our books; a published one only with `at_platform`, which deletes it there first.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Stale`], [`Error::Invalid`] with `not_supported_by_platform`, [`Error::Conflict`]
    /// with `platform_post_id_unknown`, [`Error::Platform`] as the platform gave it, [`Error::NotFound`],
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn delete(&self, target: Target, at_platform: bool) -> Result<(), Error> {
        self.caller.require(Scope::PostsWrite)?;
        let post = self.find(target.id).await?;
        if !(at_platform && post.status == PostStatus::Published) {
            let deleted = self
                .change(target, |reading| reading.ask(Command::Delete))
                .await;
            return deleted.map(drop);
        }
        if target.revision.is_some_and(|seen| seen != post.revision) {
            return Err(Error::Stale {
                current: post.revision,
            });
        }
        let (publisher, job) = self.job(&post).await?;
        if !publisher.capabilities().deletes_published {
            return Err(Error::invalid(
                "",
                "not_supported_by_platform",
                "the platform lets nobody but its own app delete this post: delete it there",
            ));
        }
        require_platform_id(&post)?;
        publisher.delete(&job).await?;
        let deleted = self
            .change(target.id.into(), |reading| {
                reading.ask(Command::DeletedAtPlatform)
            })
            .await;
        deleted.map(drop)
    }

    async fn job(&self, post: &Post) -> Result<(&dyn Publisher, Job), Error> {
        let store = self.shareville.store();
        let tenant = self.caller.tenant();
        let account = store.account(tenant.id, post.account).await?;
        let connection = store.connection(tenant.id, post.connection).await?;
        let (Some(account), Some(connection)) = (account, connection) else {
            return Err(Failure::connection_removed().into());
        };
        let publisher = self
            .shareville
            .publisher(&account.provider)
            .ok_or(Error::NotFound("provider"))?;
        let job = Job {
            access: self.shareville.access(tenant, &connection, &account)?,
            post: post.clone().into(),
            account: account.into(),
            media: Arc::clone(self.shareville.media()),
            resumed: true,
        };
        Ok((publisher.as_ref(), job))
    }
}

/// A post is live before the platform's id of it is known, and without that nobody can name it there.
fn require_platform_id(post: &Post) -> Result<(), Error> {
    match post.published.platform_id {
        Some(_) => Ok(()),
        None => Err(Error::Conflict {
            code: "platform_post_id_unknown",
            message: "the post is live, and the platform has not said yet as which: wait until its `platformPostId` is \
                      known, or change it there"
                .to_owned(),
        }),
    }
}

/// Whether the same call on the same object may be made again.
fn repeatable(post: &Post) -> bool {
    post.work
        .mark
        .as_ref()
        .is_some_and(|mark| mark.repeat != Repeat::Never)
}

/// What a patch would change of a published post that cannot be changed.
fn not_editable(
    post: &Post,
    content: &Content,
    patch: &PostPatch,
    caption_too: bool,
) -> Vec<Violation> {
    let before = &post.content;
    let fields = [
        ("/caption", caption_too && content.caption != before.caption),
        ("/link", content.link != before.link),
        ("/media", content.media != before.media),
        ("/placement", content.placement != before.placement),
        ("/options", content.options != before.options),
        (
            "/firstComment",
            content.first_comment != before.first_comment,
        ),
        ("/metadata", patch.metadata.is_some()),
        ("/giveUpAfter", patch.give_up_after.is_some()),
        ("/scheduledAt", patch.scheduled_at.is_some()),
        ("/scheduledLocal", patch.scheduled_local.is_some()),
    ];
    let changed = fields.into_iter().filter(|(_, changed)| *changed);
    let message = "of a published post only the `caption` can be changed, and only where the platform allows it";
    changed
        .map(|(pointer, _)| Violation::new(pointer, "not_supported_by_platform", message))
        .collect()
}
