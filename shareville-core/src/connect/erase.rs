//! Erasing an end user.

use serde_json::json;

use crate::{
    caller::Caller,
    connection::Connection,
    credential::Scope,
    error::Error,
    event::{Actor, Event, EventKind, Subject},
    id::{EventId, UserId},
    shareville::Shareville,
    store::PageRequest,
    tenancy::check_user,
    tenant::Tenant,
};

/// How many posts are erased in one write.
const BATCH: usize = 100;

impl Shareville {
    /// Erases an end user: first their tokens and logins, so that nothing more is done in their name; then what waits to
    /// be confirmed, which is revoked; then their connections, as when each is removed; then their posts, with all
    /// history, and their uploads. The tenant's audit tells that somebody was erased, without their name.
    ///
    /// It takes `tokens:write`: whoever may speak for every end user can remove all they have anyway.
    ///
    /// A post whose commit is open is looked for once, as when its connection is removed, and then goes like the others:
    /// with the connection's token erased, nobody could ever look again. What is live at the platform stays there.
    ///
    /// It can be repeated, and must be if it failed half-way; somebody unknown has been erased already.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] if no user can be called so, [`Error::Store`], [`Error::Media`] if the bytes of
    /// uploads could not be erased yet: nobody can fetch them any more.
    pub async fn erase_user(&self, caller: &Caller, user: &UserId) -> Result<(), Error> {
        caller.require(Scope::TokensWrite)?;
        if let Some(violation) = check_user(user) {
            return Err(Error::Invalid(vec![violation]));
        }
        let (tenant, store) = (caller.tenant(), self.store());
        let events = [self.erased(tenant, caller.actor())];
        let Some(grants) = store.shut_out(tenant.id, user, &events).await? else {
            // Whoever has uploaded need not have connected.
            return self.erase_uploads_of(tenant.id, user).await;
        };
        for grant in grants {
            self.end_grant(tenant, &grant).await?;
        }
        loop {
            let page = PageRequest::first(BATCH);
            let connections = store.connections(tenant.id, Some(user), page).await?.items;
            for connection in &connections {
                self.end_connection(tenant, connection, caller.actor())
                    .await?;
            }
            while store.erase_posts(tenant.id, user, BATCH).await? {}
            // Until there is none: the website may be connecting them at this very moment.
            if connections.is_empty() {
                return self.erase_uploads_of(tenant.id, user).await;
            }
        }
    }

    fn erased(&self, tenant: &Tenant, actor: Actor) -> Event {
        Event {
            id: EventId::generate(),
            tenant: tenant.id,
            kind: EventKind::UserErased,
            subject: Subject::Tenant(tenant.id),
            revision: tenant.revision,
            actor,
            at: self.clock().now(),
            data: json!({}),
        }
    }

    pub(crate) async fn end_connection(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        actor: Actor,
    ) -> Result<(), Error> {
        match self.remove_connection(tenant, connection, actor).await {
            // Somebody else was quicker.
            Err(Error::NotFound(_)) => Ok(()),
            removed => removed,
        }
    }
}
