//! Logins and grants in memory.

use async_trait::async_trait;

use super::{KeptGrant, MemoryStore};
use crate::{
    clock::Timestamp,
    connection::{Grant, Login, LoginOutcome},
    credential::TokenHash,
    id::TenantId,
    secret::Sealed,
    store::{LoginFound, LoginStore, Result},
};

#[async_trait]
impl LoginStore for MemoryStore {
    async fn begin_login(&self, login: &Login) -> Result<()> {
        let mut state = self.state();
        state.tenant_is_there(login.tenant)?;
        state.logins.insert(login.hash, login.clone());
        Ok(())
    }

    async fn login(&self, tenant: TenantId, hash: &TokenHash) -> Result<Option<Login>> {
        let now = self.clock.now();
        let state = self.state();
        let found = state.logins.get(hash);
        Ok(found
            .filter(|login| login.tenant == tenant && login.expires_at > now)
            .cloned())
    }

    async fn take_login(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        code: &TokenHash,
    ) -> Result<LoginFound> {
        let now = self.clock.now();
        let mut state = self.state();
        let found = state.logins.get_mut(hash);
        let Some(login) = found.filter(|it| it.tenant == tenant && it.expires_at > now) else {
            return Ok(LoginFound::Unknown);
        };
        Ok(match &login.outcome {
            None => {
                login.outcome = Some(LoginOutcome {
                    code: *code,
                    answer: None,
                });
                LoginFound::First(login.clone())
            }
            Some(outcome) if outcome.code != *code => LoginFound::OtherCode,
            Some(outcome) if outcome.answer.is_some() => LoginFound::Answered(login.clone()),
            Some(_) => LoginFound::UnderWay,
        })
    }

    async fn finish_login(
        &self,
        tenant: TenantId,
        hash: &TokenHash,
        answer: &Sealed,
    ) -> Result<()> {
        let mut state = self.state();
        let found = state.logins.get_mut(hash);
        if let Some(login) = found.filter(|login| login.tenant == tenant)
            && let Some(outcome) = &mut login.outcome
        {
            outcome.answer = Some(answer.clone());
        }
        Ok(())
    }

    async fn create_grant(&self, grant: &Grant) -> Result<()> {
        let mut state = self.state();
        state.tenant_is_there(grant.tenant)?;
        let kept = KeptGrant {
            grant: grant.clone(),
            held_until: None,
        };
        state.grants.insert(grant.hash, kept);
        Ok(())
    }

    async fn take_grant(
        &self,
        tenant: TenantId,
        code: &TokenHash,
        hold_until: Timestamp,
    ) -> Result<Option<Grant>> {
        let now = self.clock.now();
        let mut state = self.state();
        let free = state.grants.get_mut(code).filter(|kept| {
            kept.held_until.is_none() && kept.grant.tenant == tenant && kept.grant.expires_at > now
        });
        Ok(free.map(|kept| {
            kept.held_until = Some(hold_until);
            kept.grant.clone()
        }))
    }

    async fn finish_grant(&self, tenant: TenantId, code: &TokenHash) -> Result<bool> {
        let mut state = self.state();
        let found = state.grants.get(code);
        let own = found.is_some_and(|kept| kept.grant.tenant == tenant);
        Ok(own && state.grants.remove(code).is_some())
    }

    async fn sweep(&self, hold_until: Timestamp) -> Result<Vec<Grant>> {
        let now = self.clock.now();
        let mut state = self.state();
        state.logins.retain(|_, login| login.expires_at > now);
        state.tokens.retain(|_, token| token.expires_at > now);
        state.answers.retain(|_, answer| answer.expires_at > now);
        let over = state.grants.values_mut().filter(|kept| {
            kept.grant.expires_at <= now && kept.held_until.is_none_or(|until| until <= now)
        });
        let taken = over.map(|kept| {
            kept.held_until = Some(hold_until);
            kept.grant.clone()
        });
        Ok(taken.collect())
    }
}
