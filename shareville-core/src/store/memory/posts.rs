//! Posts and events in memory.

use async_trait::async_trait;

use super::{MemoryStore, State, page, subject_id};
use crate::{
    clock::Timestamp,
    event::{Event, Subject},
    id::{ConnectionId, PostId, TenantId},
    idempotency::{Answered, Created, Idempotency, KeyHash},
    lane::Lane,
    post::{Applied, Change, HoldChange, Post, PostStatus},
    store::{NewPost, Page, PageRequest, PostFilter, PostStore, Result, Stale, StoreError},
};

fn matches(filter: &PostFilter, post: &Post) -> bool {
    let listed_at = post.listed_at();
    filter.user.as_ref().is_none_or(|it| *it == post.user)
        && filter.account.is_none_or(|it| it == post.account)
        && filter.status.is_none_or(|it| it == post.status)
        && filter.group.is_none_or(|it| Some(it) == post.group)
        && filter.from.is_none_or(|from| listed_at >= from)
        && filter.to.is_none_or(|to| listed_at < to)
}

impl State {
    fn can_create(&self, new: &[NewPost]) -> Result<()> {
        for NewPost { post, .. } in new {
            let account = self.accounts.get(&post.account);
            if account.is_none_or(|account| account.tenant != post.tenant) {
                return Err(StoreError::Conflict { field: "account" });
            }
            let twins = new.iter().filter(|other| other.post.id == post.id).count();
            if twins > 1 || self.posts.contains_key(&post.id) {
                return Err(StoreError::Conflict { field: "id" });
            }
        }
        Ok(())
    }

    fn answered(&self, tenant: TenantId, key: &KeyHash, now: Timestamp) -> Option<Answered> {
        let kept = self.answers.get(&(tenant, *key));
        let kept = kept.filter(|kept| kept.expires_at > now)?;
        Some(Answered {
            request: kept.request,
            answer: kept.answer.clone(),
        })
    }

    fn apply(&mut self, change: &Change, now: Timestamp) -> std::result::Result<Applied, Stale> {
        let stored = self.posts.get(&change.post).ok_or(Stale)?;
        if stored.tenant != change.tenant || stored.revision != change.revision {
            return Err(Stale);
        }
        let lane = stored.lane.clone();
        if let Some(claim) = &change.claim
            && (claim.lane != lane || !self.lanes.holds(claim))
        {
            return Err(Stale);
        }
        let active = self.tenants.get(&change.tenant).is_some_and(|it| it.active);
        if change.needs_active_tenant() && !active {
            return Err(Stale);
        }
        // A post whose account is gone never comes up again.
        let works = self.accounts.contains_key(&stored.account);
        let change = change.clone().stamped(now);
        let times = change.next.as_ref().filter(|_| works);
        let (due, expiry) = times.map_or((None, None), |it| (it.due_at(), it.expires_at()));
        self.lanes.change(&lane, |record| {
            record.set_times(change.post, due, expiry);
            match change.hold {
                HoldChange::Keep => {}
                HoldChange::Set(hold) => record.set_hold(hold),
                HoldChange::Lift(post) => record.lift_hold(post),
            }
            if let Some(pause) = change.pause {
                record.pause(pause);
            }
            if change.release && change.claim.is_some() {
                record.release();
            }
        });
        match change.next {
            Some(next) => {
                self.posts.insert(next.id, next);
            }
            None => {
                if let Some(post) = self.posts.remove(&change.post) {
                    self.depart(post.tenant, &post.user, post.id.as_uuid());
                }
            }
        }
        self.tell(&change.events);
        Ok(Applied { now })
    }
}

#[async_trait]
impl PostStore for MemoryStore {
    async fn create(&self, new: &[NewPost], idempotency: Option<&Idempotency>) -> Result<Created> {
        let mut state = self.state();
        let now = self.clock.now();
        let taken = idempotency.and_then(|it| state.answered(it.tenant, &it.key, now));
        if let Some(answered) = taken {
            return Ok(Created::Before(answered));
        }
        state.can_create(new)?;
        if let Some(kept) = idempotency {
            let key = (kept.tenant, kept.key);
            state.answers.insert(key, kept.clone());
        }
        for NewPost { post, events } in new {
            let (due, expiry) = (post.due_at(), post.expires_at());
            state.lanes.change(&post.lane, |record| {
                record.set_times(post.id, due, expiry);
            });
            state.posts.insert(post.id, post.clone());
            state.tell(events);
        }
        drop(state);
        self.stir();
        Ok(Created::Stored)
    }

    async fn answered(&self, tenant: TenantId, key: &KeyHash) -> Result<Option<Answered>> {
        Ok(self.state().answered(tenant, key, self.clock.now()))
    }

    async fn post(&self, tenant: TenantId, id: PostId) -> Result<Option<Post>> {
        let state = self.state();
        let found = state.posts.get(&id);
        Ok(found.filter(|post| post.tenant == tenant).cloned())
    }

    async fn posts(
        &self,
        tenant: TenantId,
        filter: &PostFilter,
        request: PageRequest,
    ) -> Result<Page<Post>> {
        let state = self.state();
        let newest_first = state.posts.values().rev();
        let wanted = newest_first.filter(|post| post.tenant == tenant && matches(filter, post));
        Ok(page(wanted, request, |post| post.id.as_uuid()))
    }

    async fn unsettled(
        &self,
        tenant: TenantId,
        connection: ConnectionId,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let state = self.state();
        let through = state.posts.values().filter(|post| {
            post.tenant == tenant && post.connection == connection && post.is_unsettled()
        });
        Ok(through.take(limit).cloned().collect())
    }

    async fn stranded(&self, after: Option<PostId>, limit: usize) -> Result<Vec<Post>> {
        let state = self.state();
        let stranded = state.posts.values().filter(|post| {
            after.is_none_or(|after| post.id > after)
                && post.is_unsettled()
                && post.status != PostStatus::Failed
                && !state.accounts.contains_key(&post.account)
        });
        Ok(stranded.take(limit).cloned().collect())
    }

    async fn due_within(
        &self,
        lane: &Lane,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Post>> {
        let state = self.state();
        let mut due: Vec<_> = state
            .posts
            .values()
            .filter(|post| post.lane == *lane)
            .collect();
        due.retain(|post| post.due_at().is_some_and(|due| (from..to).contains(&due)));
        due.sort_by_key(|post| (post.due_at(), post.id));
        Ok(due.into_iter().take(limit).cloned().collect())
    }

    async fn is_held(&self, lane: &Lane, platform_id: &str, except: PostId) -> Result<bool> {
        let state = self.state();
        Ok(state.posts.values().any(|post| {
            post.id != except
                && post.lane == *lane
                && post.published.platform_id.as_deref() == Some(platform_id)
        }))
    }

    async fn known_as(&self, lane: &Lane, platform_id: &str) -> Result<Option<Post>> {
        let state = self.state();
        let found = state.posts.values().find(|post| {
            post.lane == *lane && post.published.platform_id.as_deref() == Some(platform_id)
        });
        Ok(found.cloned())
    }

    async fn apply(&self, changes: &[Change]) -> Result<Vec<std::result::Result<Applied, Stale>>> {
        let mut state = self.state();
        let now = self.clock.now();
        let results = changes.iter().map(|it| state.apply(it, now)).collect();
        drop(state);
        self.stir();
        Ok(results)
    }

    async fn events(
        &self,
        tenant: TenantId,
        subject: Subject,
        request: PageRequest,
    ) -> Result<Page<Event>> {
        let state = self.state();
        let of_subject = state.events.get(&(tenant, subject_id(subject)));
        let newest_first = of_subject.into_iter().flat_map(|it| it.values().rev());
        Ok(page(newest_first, request, |event| event.id.as_uuid()))
    }

    async fn watch(
        &self,
        tenant: TenantId,
        id: PostId,
        revision: u64,
        until: Timestamp,
    ) -> Result<Option<Post>> {
        let found = self.wait_for(|state, now| {
            let post = state.posts.get(&id).filter(|post| post.tenant == tenant);
            let waits = post.is_some_and(|post| post.revision <= revision) && now < until;
            match waits {
                true => Err(until),
                false => Ok(post.cloned()),
            }
        });
        Ok(found.await)
    }
}
