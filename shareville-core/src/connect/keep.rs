//! Writing down what became of looking after a connection's token.

use secrecy::ExposeSecret as _;

use super::told;
use crate::{
    clock::{Timestamp, later},
    connection::{Connection, ConnectionStatus, Upkeep},
    connector::Refreshed,
    error::Error,
    event::{Actor, EventKind},
    post::back_off,
    shareville::Shareville,
    store::ConnectionChange,
};

/// The first back-off, in units of `retry_base`: a minute, for a base of 5 seconds.
const BASE: u32 = 12;

/// The longest back-off, in units of the first: 3 hours, for a base of 5 seconds.
const CAP: u32 = 180;

/// What became of renewing a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewal {
    /// It was renewed, or there was nothing to renew.
    Fine,
    /// It could not be done now; not again before that time, where the provider named one.
    Failed {
        /// Until when the provider wants to be left alone.
        not_before: Option<Timestamp>,
    },
}

impl Shareville {
    /// Says when a connection's token is looked after next. Gives what the tenant is to be told now, if its token ends
    /// and nothing helped.
    pub(super) fn plan_upkeep(
        &self,
        connection: &mut Connection,
        renewal: Renewal,
        now: Timestamp,
    ) -> Option<EventKind> {
        let settings = self.settings();
        let (within, jitter) = (settings.expiring_within, settings.pace().jitter);
        match renewal {
            Renewal::Fine => connection.plan_upkeep(now, within, jitter),
            Renewal::Failed { not_before } => connection.put_off_upkeep(|failures| {
                let base = settings.retry_base.saturating_mul(BASE);
                let again = later(now, back_off(base, CAP, failures, jitter));
                not_before.map_or(again, |not_before| again.max(not_before))
            }),
        }
        if !connection.is_to_be_told(now, within) {
            return None;
        }
        connection.upkeep.told_at = Some(now);
        Some(EventKind::ConnectionExpiring)
    }

    /// Writes down a renewed token; `None` if the connection has got another one meanwhile, is broken or gone.
    pub(crate) async fn save_renewed(
        &self,
        connection: &Connection,
        renewed: &Refreshed,
    ) -> Result<Option<Connection>, Error> {
        let place = Connection::token_place(connection.tenant, connection.id);
        let old = self.keyring().open(place, &connection.token)?;
        let is_new = old.expose_secret() != renewed.token.expose_secret();
        let helped = connection.would_last_longer(renewed.expires_at);
        if !is_new && !helped {
            return Ok(Some(connection.clone()));
        }
        self.change_live(connection, |next, now| {
            next.token = self.keyring().seal(place, &renewed.token);
            next.expires_at = renewed.expires_at;
            // One that lasts no longer than the one before is to be renewed as before.
            if helped {
                next.upkeep = Upkeep::of_new_token(now);
            }
            Some(EventKind::ConnectionUpdated)
        })
        .await
    }

    /// Puts looking after a connection off, since it failed in a way that says nothing about its token.
    pub(crate) async fn put_off_upkeep(
        &self,
        connection: &Connection,
        not_before: Option<Timestamp>,
    ) -> Result<(), Error> {
        let failed = Renewal::Failed { not_before };
        self.change_live(connection, |next, now| self.plan_upkeep(next, failed, now))
            .await?;
        Ok(())
    }

    /// Changes a connection that works and has the same token as when it was read; `None` if there is none such. What the
    /// change tells of is told.
    async fn change_live(
        &self,
        connection: &Connection,
        change: impl Fn(&mut Connection, Timestamp) -> Option<EventKind> + Send + Sync,
    ) -> Result<Option<Connection>, Error> {
        let (store, tenant, id) = (self.store(), connection.tenant, connection.id);
        let is_live = |it: &Connection| {
            it.status == ConnectionStatus::Active && self.has_same_token(it, connection)
        };
        let mut current = store.connection(tenant, id).await?;
        while let Some(before) = current.filter(is_live) {
            let now = self.clock().now();
            let mut next = before.clone();
            next.revision += 1;
            let kind = change(&mut next, now);
            if kind.is_some() {
                next.updated_at = now;
            }
            let events = kind.map(|kind| told(&next, kind, Actor::Worker, now));
            let change = ConnectionChange {
                events: Vec::from_iter(events),
                revision: Some(before.revision),
                accounts: Vec::new(),
                pause: Vec::new(),
                resume: Vec::new(),
                connection: next,
            };
            if store.save_connection(&change).await?.is_ok() {
                return Ok(Some(change.connection));
            }
            current = store.connection(tenant, id).await?;
        }
        Ok(None)
    }
}
