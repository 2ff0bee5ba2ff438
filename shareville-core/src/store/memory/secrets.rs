//! Everything sealed, in memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    secret::{Belongs, Sealed},
    store::{Holder, Result, SealedPage, SealedSecret, SecretStore, Swap},
};

/// Where a record stands in a walk: its kind's number, then its id.
fn rank(holder: &Holder) -> (u8, Vec<u8>) {
    match holder {
        Holder::Tenant(id) => (0, id.as_uuid().as_bytes().to_vec()),
        Holder::Connection(id) => (1, id.as_uuid().as_bytes().to_vec()),
        Holder::Account(id) => (2, id.as_uuid().as_bytes().to_vec()),
        Holder::Login(hash) => (3, hash.as_bytes().to_vec()),
        Holder::Grant(hash) => (4, hash.as_bytes().to_vec()),
    }
}

type Found<'a> = Vec<(Belongs, &'a mut Sealed)>;

impl State {
    fn holders(&self) -> Vec<Holder> {
        let mut holders: Vec<Holder> = self.tenants.keys().copied().map(Holder::Tenant).collect();
        holders.extend(self.connections.keys().copied().map(Holder::Connection));
        holders.extend(self.accounts.keys().copied().map(Holder::Account));
        holders.extend(self.logins.keys().copied().map(Holder::Login));
        holders.extend(self.grants.keys().copied().map(Holder::Grant));
        holders.sort_by_cached_key(rank);
        holders
    }

    fn sealed_in(&mut self, holder: &Holder) -> Found<'_> {
        let found = match holder {
            Holder::Tenant(id) => self
                .tenants
                .get_mut(id)
                .map(|tenant| Arc::make_mut(tenant).sealed_mut()),
            Holder::Connection(id) => self.connections.get_mut(id).map(|it| it.sealed_mut()),
            Holder::Account(id) => self.accounts.get_mut(id).map(|it| it.sealed_mut()),
            Holder::Login(hash) => self.logins.get_mut(hash).map(|it| it.sealed_mut()),
            Holder::Grant(hash) => self
                .grants
                .get_mut(hash)
                .map(|kept| kept.grant.sealed_mut()),
        };
        found.unwrap_or_default()
    }
}

#[async_trait]
impl SecretStore for MemoryStore {
    async fn holders(&self) -> Result<u64> {
        Ok(self.state().holders().len() as u64)
    }

    async fn sealed(&self, after: Option<&Holder>, limit: usize) -> Result<SealedPage> {
        let mut state = self.state();
        let after = after.map(rank);
        let mut rest = state.holders();
        rest.retain(|holder| after.as_ref().is_none_or(|after| rank(holder) > *after));
        let more = rest.len() > limit.max(1);
        rest.truncate(limit.max(1));
        let mut page = SealedPage {
            holders: rest.len(),
            next: rest.last().copied().filter(|_| more),
            ..SealedPage::default()
        };
        for holder in rest {
            let found = state.sealed_in(&holder).into_iter();
            page.secrets
                .extend(found.map(|(place, sealed)| SealedSecret {
                    holder,
                    place,
                    sealed: sealed.clone(),
                }));
        }
        Ok(page)
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<Vec<bool>> {
        let mut state = self.state();
        let swapped = swaps.iter().map(|Swap { old, new }| {
            let mut found = state.sealed_in(&old.holder).into_iter();
            match found.find(|(place, sealed)| *place == old.place && **sealed == old.sealed) {
                Some((_, sealed)) => {
                    sealed.clone_from(new);
                    true
                }
                None => false,
            }
        });
        Ok(swapped.collect())
    }

    async fn probes(&self) -> Result<Vec<Sealed>> {
        Ok(self.state().probes.values().cloned().collect())
    }

    async fn keep_probe(&self, key: &str, probe: &Sealed) -> Result<()> {
        let mut state = self.state();
        state
            .probes
            .entry(key.to_owned())
            .or_insert_with(|| probe.clone());
        Ok(())
    }

    async fn forget_probes(&self, keys: &[String]) -> Result<()> {
        let mut state = self.state();
        state.probes.retain(|key, _| !keys.contains(key));
        Ok(())
    }
}
