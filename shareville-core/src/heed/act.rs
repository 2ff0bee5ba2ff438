//! Looking into a notice.

use crate::{
    connection::Connection,
    error::Error,
    event::Actor,
    failure::FailureClass,
    lane::Lane,
    notice::{Notice, NoticeKind},
    post::{Command, apply},
    shareville::Shareville,
    store::PageRequest,
    tenant::Tenant,
};

/// How many connections are read at once.
const BATCH: usize = 100;

/// Does what a notice asks for. It can be repeated: what is done already is left as it is.
pub(super) async fn act(shareville: &Shareville, notice: &Notice) -> Result<(), Error> {
    let Some(tenant) = shareville.store().tenant(notice.tenant).await? else {
        return Ok(());
    };
    let acting = Acting {
        shareville,
        tenant: &tenant,
    };
    match &notice.kind {
        NoticeKind::Deauthorized { person } | NoticeKind::PermissionsChanged { person } => {
            acting.look_at(person).await
        }
        NoticeKind::DeletionWanted { person, .. } => acting.erase(person).await,
        NoticeKind::PostRemoved { account, post } => acting.note_removal(account, post).await,
    }
}

/// Work for one tenant.
struct Acting<'a> {
    shareville: &'a Shareville,
    tenant: &'a Tenant,
}

impl Acting<'_> {
    /// Asks the provider what a person's connections still grant. A dead one is marked, its lanes paused and the tenant
    /// told, as wherever it is found out; one that is alive stays, with what it grants now.
    async fn look_at(&self, person: &str) -> Result<(), Error> {
        let mut looked = Ok(());
        for provider in self.shareville.providers() {
            let store = self.shareville.store();
            let connections = store
                .connections_of_person(self.tenant.id, provider, person)
                .await?;
            for connection in connections {
                // One that cannot be looked at now keeps no other from it.
                if let Err(error) = self.look_at_one(&connection).await {
                    looked = Err(error);
                }
            }
        }
        looked
    }

    async fn look_at_one(&self, connection: &Connection) -> Result<(), Error> {
        let inspected = self
            .shareville
            .inspect_connection(self.tenant, connection, Actor::Worker)
            .await;
        match inspected {
            // That is what was looked for, and it is marked.
            Err(Error::Platform(failure)) if failure.class == FailureClass::Reauthorize => Ok(()),
            // Or somebody has removed it meanwhile.
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes every connection of a person, broken ones too, as when each is removed by its user. What is live at the
    /// platform stays there.
    ///
    /// It goes through all of the tenant's connections: a broken one is on no index, and such wishes are rare.
    async fn erase(&self, person: &str) -> Result<(), Error> {
        let store = self.shareville.store();
        let mut page = PageRequest::first(BATCH);
        loop {
            let read = store.connections(self.tenant.id, None, page).await?;
            for connection in read.items.iter().filter(|it| it.is_of(person)) {
                self.shareville
                    .end_connection(self.tenant, connection, Actor::Worker)
                    .await?;
            }
            match read.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Writes down that a post of ours is said to be removed. Its status stays: a notice is none, and there is no look that
    /// proves a published post gone, for the platform answers "does not exist" for posts that are live too (graph-api.md
    /// 0.3).
    async fn note_removal(&self, account: &str, platform_id: &str) -> Result<(), Error> {
        let store = self.shareville.store();
        for provider in self.shareville.publishing() {
            let lane = Lane {
                tenant: self.tenant.id,
                provider: provider.clone(),
                platform_id: account.to_owned(),
            };
            while let Some(post) = store.known_as(&lane, platform_id).await? {
                let moment = self.shareville.moment(Actor::Worker);
                // A post that is not published any more has nothing to tell.
                let Ok(change) = apply(&post, Command::RemovalReported, &moment) else {
                    break;
                };
                let applied = store.apply(&[change]).await?;
                if applied.iter().all(Result::is_ok) {
                    break;
                }
            }
        }
        Ok(())
    }
}
