//! Asking a provider anew what a connection grants and opens.

use std::time::Duration;

use super::{known::Known, save::Basis};
use crate::{
    clock::{Deadline, TooLate},
    connection::Connection,
    connector::Granted,
    error::Error,
    event::Actor,
    failure::{Failure, FailureClass},
    shareville::Shareville,
    tenant::Tenant,
};

/// How long the provider may take to tell what one connection grants.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

impl Shareville {
    /// Asks the provider anew which accounts a connection opens, and what stands in their way; writes it down, and marks
    /// the connection if its token is dead.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is gone by now; [`Error::Platform`] as the provider gave it; [`Error::Sealed`],
    /// [`Error::Store`].
    pub(crate) async fn inspect_connection(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        actor: Actor,
    ) -> Result<Connection, Error> {
        let deadline = Deadline::after(PATIENCE);
        let granted = match self.granted_now(tenant, connection, deadline).await {
            Ok(granted) => granted,
            Err(error) => {
                if matches!(&error, Error::Platform(it) if it.class == FailureClass::Reauthorize) {
                    self.mark_broken(connection, actor).await?;
                }
                return Err(error);
            }
        };
        let basis = (Basis::Refresh(connection.id, connection.status), actor);
        self.save_granted(
            tenant,
            &connection.user,
            &connection.provider,
            granted,
            basis,
        )
        .await
    }

    /// What a connection's token grants and opens now, by what the provider answers before the deadline.
    ///
    /// # Errors
    /// [`Error::Platform`] as the provider gave it, or as [`timed_out`]; [`Error::Sealed`].
    pub(crate) async fn granted_now(
        &self,
        tenant: &Tenant,
        connection: &Connection,
        deadline: Deadline,
    ) -> Result<Granted, Error> {
        let (connector, app) = self.connector_and_app(tenant, &connection.provider)?;
        let place = Connection::token_place(tenant.id, connection.id);
        let token = self.keyring().open(place, &connection.token)?;
        let answer = deadline.guard(connector.inspect(&app, &token)).await;
        let granted = answer.unwrap_or_else(|late| Err(timed_out(late)))?;
        let granted = Granted { token, ..granted };
        Ok(Known::from(connection).complete(connector.inspects(), granted))
    }
}

/// The failure of a provider that did not answer in time.
pub(crate) fn timed_out(late: TooLate) -> Failure {
    Failure::new(FailureClass::Transient, late.to_string()).with_code("timed_out")
}
