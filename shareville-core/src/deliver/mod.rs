//! Delivering: tenants' endpoints are told of what happens, by the [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! Events are written with the change they tell of; workers take them up from there, sign and send them, and try again
//! until the endpoint has them or about a day is over. Each event arrives at least once, in no particular order.
//!
//! An inactive tenant is told as well: what becomes of posts under way is news to it all the same.

mod letter;
mod run;
mod sign;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

pub(crate) use self::{
    run::{deliver_once, run},
    sign::new_secret,
};
use crate::{connection::Connection, delivery::Trouble, post::Post};

/// One message, signed and ready to be sent: a POST with the content type `application/json`.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Where to.
    pub url: Url,
    /// The header `webhook-id`: the event's id, the same for each attempt.
    pub id: String,
    /// The header `webhook-timestamp`: when this attempt began, in seconds since 1970.
    pub timestamp: i64,
    /// The header `webhook-signature`: one signature for each secret in force, with spaces between.
    pub signature: String,
    /// The body.
    pub body: Vec<u8>,
}

impl fmt::Debug for Letter {
    // The address and the content are nobody's but the tenant's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("id", &self.id)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

/// The port to what sends letters. It calls addresses that tenants name, so it must refuse private ones.
#[async_trait]
pub trait Courier: fmt::Debug + Send + Sync + 'static {
    /// What an endpoint's address must be and is not, as far as it tells by itself: `must begin with …`.
    fn refuses(&self, url: &Url) -> Option<String>;

    /// Sends a letter once, following no redirect; gives the HTTP status of the answer. It is dropped if it takes too
    /// long.
    ///
    /// # Errors
    /// [`Trouble`] if there was no answer.
    async fn send(&self, letter: &Letter) -> Result<u16, Trouble>;
}

/// The public form of what webhooks tell of: the same as the API's.
pub trait Shapes: fmt::Debug + Send + Sync + 'static {
    /// A post, as it was.
    fn post(&self, post: &Post) -> Value;

    /// A connection, as it was. It comes without its token.
    fn connection(&self, connection: &Connection) -> Value;
}

/// What a host gives so that webhooks are sent.
#[derive(Debug, Clone)]
pub(crate) struct Webhooks {
    pub(crate) courier: Arc<dyn Courier>,
    pub(crate) shapes: Arc<dyn Shapes>,
}
