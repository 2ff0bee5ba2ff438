//! Asking a provider anew what a connection grants and opens.

use super::{known::Known, save::Basis};
use crate::{
    connection::Connection, connector::Granted, error::Error, event::Actor, failure::FailureClass,
    shareville::Shareville, tenant::Tenant,
};

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
        let (connector, app) = self.connector_and_app(tenant, &connection.provider)?;
        let place = Connection::token_place(tenant.id, connection.id);
        let token = self.keyring().open(place, &connection.token)?;
        let granted = match connector.inspect(&app, &token).await {
            Ok(granted) => {
                let granted = Granted { token, ..granted };
                Known::from(connection).complete(connector.inspects(), granted)
            }
            Err(failure) => {
                if failure.class == FailureClass::Reauthorize {
                    self.mark_broken(connection, actor).await?;
                }
                return Err(failure.into());
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
}
