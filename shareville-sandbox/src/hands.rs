//! What the Rust handle and the control routes do alike.

use std::sync::Arc;
use std::time::Duration;

use crate::approve::Consent;
use crate::dialog::{self, Ask};
use crate::error::Error;
use crate::fault::FaultId;
use crate::sandbox::HeldCall;
use crate::serve::Shared;
use crate::world::Death;

/// The deeds that both the Rust handle and the control routes do.
#[derive(Debug, Clone)]
pub(crate) struct Hands(pub(crate) Arc<Shared>);

impl Hands {
    pub(crate) fn approve(&self, authorize_url: &str, consent: &Consent) -> Result<String, Error> {
        let (address, query) = authorize_url.split_once('?').unwrap_or((authorize_url, ""));
        let query = query.split('#').next().unwrap_or_default();
        let mut world = self.0.world();
        let url = if address.contains("/www.instagram.com/") {
            dialog::instagram::approve(&mut world, query, consent)
        } else {
            Ask::read(&mut world, query).and_then(|ask| dialog::answer(&mut world, &ask, consent))
        };
        url.map(String::from)
            .map_err(|reason| Error::Dialog { reason })
    }

    pub(crate) async fn held(&self, fault: FaultId) -> Result<HeldCall, Error> {
        loop {
            let gate = self.0.faults().gate(fault)?;
            // `None`: it was released or cleared while nothing stood there; look again which.
            if let Some(call) = gate.arrival().await {
                return Ok(HeldCall { fault, call });
            }
        }
    }

    pub(crate) async fn quiet(&self) {
        let mut flying = self.0.flying.subscribe();
        // The sender lives as long as we do, so the wait cannot fail.
        let _ = flying.wait_for(|count| *count == 0).await;
    }

    pub(crate) fn revoke(&self, person: &str, death: Death) -> usize {
        let mut world = self.0.world();
        if death == Death::AppRemoved {
            world.grants.retain(|(_, granter), _| granter != person);
        }
        world.kill_tokens(person, None, death)
    }

    pub(crate) fn revoke_token(&self, token: &str, death: Death) -> Result<(), Error> {
        let mut world = self.0.world();
        // The token itself is a secret even here: the error does not repeat it.
        let found = world
            .tokens
            .get_mut(token)
            .ok_or_else(|| Error::missing("token", "…"))?;
        found.dead = Some(death);
        Ok(())
    }

    pub(crate) fn comment(
        &self,
        post: &str,
        visitor: &str,
        message: &str,
    ) -> Result<String, Error> {
        let mut world = self.0.world();
        if world.post(post).is_none() {
            return Err(Error::missing("post", post));
        }
        let from = (world.ids.node(), visitor.to_owned());
        Ok(world.add_comment(post, None, from, message.to_owned()))
    }

    pub(crate) fn delete_post(&self, post: &str) -> Result<(), Error> {
        let mut world = self.0.world();
        if let Some(story) = world.stories.get_mut(post).filter(|story| !story.deleted) {
            story.deleted = true;
            return Ok(());
        }
        if world.post(post).is_none() {
            return Err(Error::missing("post", post));
        }
        world.delete_post(post);
        Ok(())
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut world = self.0.world();
        let by = chrono::TimeDelta::from_std(by).unwrap_or_default();
        world.ahead += by;
    }
}
