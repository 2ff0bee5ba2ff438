//! Upkeep: tokens are renewed well before they end, and asked at least daily whether they still work.
//!
//! Any number of processes may do so: each connection is claimed, so that no two are at the same one at once. What fails
//! is tried again with a back-off and disconnects nobody; only a token that the provider calls dead ends a connection.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Deadline, Timestamp, later},
    connect::{Basis, Renewal, timed_out},
    connection::Connection,
    engine::survive::survive,
    error::Error,
    event::Actor,
    failure::{Failure, FailureClass},
    shareville::Shareville,
    store::StoreError,
    tenant::Tenant,
};

/// How often to look for connections that are due, after there were none.
const PERIOD: Duration = Duration::from_secs(60);

/// How many connections are looked after at once in this process.
const AT_ONCE: usize = 16;

/// How long the provider may take for a connection, in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection stays claimed: longer than anybody asks about it, and writes down what was answered.
const LEASE: Duration = Duration::from_secs(300);

/// Looks after connections until `shutdown` is canceled; what is under way is ended first, so that no new token is lost.
pub(crate) async fn run(shareville: Shareville, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match keep_up_once(&shareville).await {
            // There may be more.
            Ok(AT_ONCE) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "no connections could be claimed for upkeep: trying again in a minute");
            }
        }
        let until = later(shareville.clock().now(), PERIOD);
        shutdown
            .run_until_cancelled(shareville.clock().sleep_until(until))
            .await;
    }
}

/// Claims once, and looks after what it finds; says how many those were.
pub(crate) async fn keep_up_once(shareville: &Shareville) -> Result<usize, StoreError> {
    // Counted from before the claim, so that it ends before somebody else may claim the same.
    let deadline = Deadline::after(PATIENCE);
    let claimed = shareville.store().claim_upkeep(AT_ONCE, LEASE).await?;
    let each = claimed
        .iter()
        .map(|connection| keep_up(shareville, connection, deadline));
    futures::future::join_all(each).await;
    Ok(claimed.len())
}

async fn keep_up(shareville: &Shareville, connection: &Connection, deadline: Deadline) {
    let (id, tenant) = (connection.id, connection.tenant);
    let looked = survive(look_after(shareville, connection, deadline)).await;
    let looked = match looked {
        Ok(looked) => looked,
        Err(panicked) => {
            tracing::error!(error = %panicked, %id, %tenant, "looking after a connection broke off: trying again");
            shareville.put_off_upkeep(connection, None).await
        }
    };
    match looked {
        // It is claimed again when its lease is over.
        Err(Error::Store(error)) => {
            tracing::warn!(%error, %id, %tenant, "what became of a connection could not be written down");
        }
        Err(error) => {
            tracing::info!(%error, %id, %tenant, "a connection could not be looked after: trying again");
        }
        Ok(()) => {}
    }
}

/// Renews a connection's token if it is time, and asks what it grants and opens now.
async fn look_after(
    shareville: &Shareville,
    connection: &Connection,
    deadline: Deadline,
) -> Result<(), Error> {
    let Some(tenant) = shareville.known_tenant(connection.tenant).await? else {
        return Ok(());
    };
    let renewed = renew(shareville, &tenant, connection, deadline).await;
    let (connection, renewal) = match settled(shareville, connection, renewed).await? {
        Some((Some(renewed), renewal)) => (renewed, renewal),
        Some((None, renewal)) => (connection.clone(), renewal),
        None => return Ok(()),
    };
    let granted = shareville.granted_now(&tenant, &connection, deadline).await;
    let Some(granted) = settled(shareville, &connection, granted).await? else {
        return Ok(());
    };
    let basis = Basis::Upkeep(connection.id, renewal);
    let (user, provider) = (&connection.user, &connection.provider);
    let saved = shareville
        .save_granted(&tenant, user, provider, granted, (basis, Actor::Worker))
        .await;
    match saved {
        // It was removed meanwhile; or it is another person's by now, which nobody can mend from here.
        Err(Error::NotFound(_)) => shareville.put_off_upkeep(&connection, None).await,
        saved => saved.map(drop),
    }
}

/// Goes on with what was answered; `None` if the answer was that the token is dead, which is marked and told.
async fn settled<T>(
    shareville: &Shareville,
    connection: &Connection,
    answer: Result<T, Error>,
) -> Result<Option<T>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(Error::Platform(failure)) if failure.class == FailureClass::Reauthorize => {
            shareville.mark_broken(connection, Actor::Worker).await?;
            Ok(None)
        }
        Err(Error::Store(error)) => Err(error.into()),
        Err(error) => {
            let not_before = match &error {
                Error::Platform(failure) => not_before(failure),
                _ => None,
            };
            shareville.put_off_upkeep(connection, not_before).await?;
            Err(error)
        }
    }
}

/// Renews the token if it is time. A provider that cannot renew it now, or never, keeps nobody from asking what it grants.
async fn renew(
    shareville: &Shareville,
    tenant: &Tenant,
    connection: &Connection,
    deadline: Deadline,
) -> Result<(Option<Connection>, Renewal), Error> {
    if !connection.is_to_be_renewed(shareville.clock().now()) {
        return Ok((None, Renewal::Fine));
    }
    let (connector, app) = shareville.connector_and_app(tenant, &connection.provider)?;
    let place = Connection::token_place(tenant.id, connection.id);
    let token = shareville.keyring().open(place, &connection.token)?;
    let answer = deadline.guard(connector.refresh(&app, &token)).await;
    match answer.unwrap_or_else(|late| Err(timed_out(late))) {
        Ok(None) => Ok((None, Renewal::Fine)),
        Ok(Some(renewed)) => {
            let saved = shareville.save_renewed(connection, &renewed).await?;
            Ok((saved, Renewal::Fine))
        }
        Err(failure) if failure.class == FailureClass::Reauthorize => Err(failure.into()),
        Err(failure) => {
            tracing::info!(%failure, connection = %connection.id, "a token could not be renewed: trying again");
            let not_before = not_before(&failure);
            Ok((None, Renewal::Failed { not_before }))
        }
    }
}

const fn not_before(failure: &Failure) -> Option<Timestamp> {
    match failure.class {
        FailureClass::RateLimited { until, .. } => until,
        _ => None,
    }
}
