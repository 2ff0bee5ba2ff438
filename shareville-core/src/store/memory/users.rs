//! Forgetting end users in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, State};
use crate::{
    connection::Grant,
    event::Event,
    id::{PostId, TenantId, UserId},
    post::Post,
    store::{Result, UserStore},
};

impl State {
    fn posts_of<'a>(&'a self, tenant: TenantId, user: &UserId) -> impl Iterator<Item = &'a Post> {
        let posts = self.posts.values();
        posts.filter(move |post| post.tenant == tenant && post.user == *user)
    }

    fn knows(&self, tenant: TenantId, user: &UserId) -> bool {
        let own = |whose: (TenantId, &UserId)| whose == (tenant, user);
        self.tokens.values().any(|it| own((it.tenant, &it.user)))
            || self.logins.values().any(|it| own((it.tenant, &it.user)))
            || self
                .grants
                .values()
                .any(|it| own((it.grant.tenant, &it.grant.user)))
            || self
                .connections
                .values()
                .any(|it| own((it.tenant, &it.user)))
            || self.posts_of(tenant, user).next().is_some()
            || self.departed.contains_key(&(tenant, user.clone()))
    }

    fn erase_post(&mut self, id: PostId) {
        if let Some(post) = self.posts.remove(&id) {
            self.events.remove(&(post.tenant, id.as_uuid()));
            self.lanes
                .change(&post.lane, |record| record.set_times(id, None, None));
        }
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn shut_out(
        &self,
        tenant: TenantId,
        user: &UserId,
        events: &[Event],
    ) -> Result<Option<Vec<Grant>>> {
        let _raised = self.epochs.raising(tenant);
        let mut state = self.state();
        if !state.knows(tenant, user) {
            return Ok(None);
        }
        let others = |whose: (TenantId, &UserId)| whose != (tenant, user);
        state.tokens.retain(|_, it| others((it.tenant, &it.user)));
        state.logins.retain(|_, it| others((it.tenant, &it.user)));
        state.tell(events);
        let grants = state.grants.values().map(|kept| &kept.grant);
        let own = grants.filter(|it| !others((it.tenant, &it.user)));
        Ok(Some(own.cloned().collect()))
    }

    async fn erase_posts(&self, tenant: TenantId, user: &UserId, limit: usize) -> Result<bool> {
        let mut state = self.state();
        state
            .answers
            .retain(|(of, _), kept| *of != tenant || !kept.users.contains(user));
        let posts: Vec<PostId> = state
            .posts_of(tenant, user)
            .map(|post| post.id)
            .take(limit)
            .collect();
        for id in &posts {
            state.erase_post(*id);
        }
        let whose = (tenant, user.clone());
        let mut departed = state.departed.remove(&whose).unwrap_or_default();
        let gone: Vec<Uuid> = departed.iter().copied().take(limit).collect();
        for subject in &gone {
            departed.remove(subject);
            state.events.remove(&(tenant, *subject));
        }
        if !departed.is_empty() {
            state.departed.insert(whose, departed);
        }
        drop(state);
        self.stir();
        Ok(posts.len() == limit || gone.len() == limit)
    }
}
