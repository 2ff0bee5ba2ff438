//! Connections at hand for single statements.
//!
//! sqlx's pool asks the server, each time a connection is given back, whether it is still there: a second trip for each
//! statement. What ended well is kept at hand here instead; all else goes back to the pool, which sees to it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use shareville_core::store::{Result, StoreError};
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::failed;

/// How long a connection may lie idle: one that has for long may have been lost without a word.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// A connection, and since when it is idle.
type Idle = (PoolConnection<Postgres>, Instant);

/// Connections at hand.
#[derive(Debug)]
pub(super) struct AtHand {
    /// The one that was given back last is the last.
    idle: Mutex<Vec<Idle>>,
    /// How many may be lent or at hand together; none of a host's pool, where others would wait for them.
    permits: Option<Arc<Semaphore>>,
}

impl AtHand {
    pub(super) fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self {
            idle: Mutex::default(),
            permits: (most > 0).then(|| Arc::new(Semaphore::new(most))),
        }
    }

    /// Lends a connection.
    pub(super) async fn lend(self: &Arc<Self>, pool: &PgPool) -> Result<Lent> {
        let permit = match &self.permits {
            Some(permits) => {
                let permit = Arc::clone(permits).acquire_owned().await;
                Some(permit.map_err(|closed| StoreError::Unavailable(Box::new(closed)))?)
            }
            None => None,
        };
        let connection = match self.take() {
            Some(connection) => connection,
            None => pool.acquire().await.map_err(failed)?,
        };
        Ok(Lent {
            connection,
            home: Home {
                at_hand: Arc::clone(self),
                kept: false,
            },
            permit,
        })
    }

    /// Takes the connection that was used last; drops those that have been idle for too long.
    fn take(&self) -> Option<PoolConnection<Postgres>> {
        let mut idle = self.idle();
        let old = idle.partition_point(|(_, since)| since.elapsed() > IDLE);
        for (connection, _) in idle.drain(..old) {
            drop(connection.detach());
        }
        idle.pop().map(|(connection, _)| connection)
    }

    /// Gives all that is idle back to the pool.
    fn clear(&self) {
        self.idle().clear();
    }

    /// Lends no more.
    pub(super) fn close(&self) {
        if let Some(permits) = &self.permits {
            permits.close();
        }
        self.clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AtHand {
    fn drop(&mut self) {
        // The pool takes connections back within a runtime only, and there may be none any more.
        for (connection, _) in self.idle().drain(..) {
            drop(connection.detach());
        }
    }
}

/// A connection that is lent for a statement.
#[derive(Debug)]
pub(super) struct Lent {
    connection: PoolConnection<Postgres>,
    home: Home,
    permit: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct Home {
    at_hand: Arc<AtHand>,
    kept: bool,
}

impl Drop for Home {
    fn drop(&mut self) {
        // One that failed may not be the only one: the server may have gone away.
        if !self.kept {
            self.at_hand.clear();
        }
    }
}

impl Lent {
    pub(super) fn on(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Keeps the connection at hand: the statement has ended well.
    pub(super) fn keep(self) {
        let Self {
            connection,
            mut home,
            permit,
        } = self;
        home.kept = true;
        if let Some(permits) = &home.at_hand.permits {
            let mut idle = home.at_hand.idle();
            if !permits.is_closed() {
                idle.push((connection, Instant::now()));
            }
        }
        drop(permit);
    }
}
