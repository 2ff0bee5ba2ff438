//! What is known of a grant stays known where asking its token anew cannot tell.

use crate::{
    clock::Timestamp,
    connection::Connection,
    connector::{Granted, Inspected},
};

/// What was known of a grant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    scopes: &'a [String],
    missing_scopes: &'a [String],
    expires_at: Option<Timestamp>,
}

impl<'a> From<&'a Granted> for Known<'a> {
    fn from(granted: &'a Granted) -> Self {
        Self {
            scopes: &granted.scopes,
            missing_scopes: &granted.missing_scopes,
            expires_at: granted.expires_at,
        }
    }
}

impl<'a> From<&'a Connection> for Known<'a> {
    fn from(connection: &'a Connection) -> Self {
        Self {
            scopes: &connection.scopes,
            missing_scopes: &connection.missing_scopes,
            expires_at: connection.expires_at,
        }
    }
}

impl Known<'_> {
    /// What the same token grants `now`, completed by what was known of it.
    pub(crate) fn complete(self, inspected: Inspected, now: Granted) -> Granted {
        match inspected {
            Inspected::All => now,
            Inspected::AccountsOnly => Granted {
                scopes: self.scopes.to_vec(),
                missing_scopes: self.missing_scopes.to_vec(),
                expires_at: self.expires_at,
                ..now
            },
        }
    }
}
