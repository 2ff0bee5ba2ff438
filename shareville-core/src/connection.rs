//! Connections: what an end user has let a tenant do at a provider, and the accounts that came with it.

mod upkeep;

use serde::{Deserialize, Serialize};
use url::Url;

pub use self::upkeep::Upkeep;

use crate::{
    clock::Timestamp,
    credential::TokenHash,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    lane::Lane,
    secret::{Belongs, Sealed},
};

/// Whether a connection works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectionStatus {
    /// It works.
    Active,
    /// Its token is dead: the end user must connect again.
    ReauthorizationRequired,
    /// The end user withdrew it at the platform.
    Revoked,
}

/// One end user's login at one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id; kept when the user connects again.
    pub id: ConnectionId,
    /// The tenant.
    pub tenant: TenantId,
    /// The end user.
    pub user: UserId,
    /// The login it came by.
    pub provider: Provider,
    /// Raised by each change.
    pub revision: u64,
    /// The person's id at the provider.
    pub person: String,
    /// Other ids by which the provider may name the same person, in its notices for example.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub person_ids: Vec<String>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Whether it works.
    pub status: ConnectionStatus,
    /// What was granted.
    pub scopes: Vec<String>,
    /// What was asked for and not granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    /// The person's long-lived access token.
    pub token: Sealed,
    /// When the token ends; `None` if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How its token is looked after.
    #[serde(default)]
    pub upkeep: Upkeep,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Connection {
    /// Every id by which the provider may name its person.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        let others = self.person_ids.iter().map(String::as_str);
        std::iter::once(self.person.as_str()).chain(others)
    }

    /// Whether it is a person's, by an id that the provider has for them.
    #[must_use]
    pub fn is_of(&self, person: &str) -> bool {
        self.people().any(|id| id == person)
    }

    /// Where the connection's token stands, for sealing.
    #[must_use]
    pub const fn token_place(tenant: TenantId, id: ConnectionId) -> Belongs {
        Belongs {
            tenant,
            record: id.as_uuid(),
            field: "connection_token",
        }
    }

    /// Every secret in this record, with its place: what is not listed here is not re-sealed.
    pub fn sealed_mut(&mut self) -> Vec<(Belongs, &mut Sealed)> {
        let place = Self::token_place(self.tenant, self.id);
        vec![(place, &mut self.token)]
    }
}

/// An account one can post to: a Facebook Page, an Instagram professional account ("page" in the API).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id, ours; kept when the user connects again.
    pub id: AccountId,
    /// The tenant.
    pub tenant: TenantId,
    /// The connection it came with.
    pub connection: ConnectionId,
    /// The end user it belongs to.
    pub user: UserId,
    /// The network it is on.
    pub provider: Provider,
    /// Its id at the platform.
    pub platform_id: String,
    /// Its name.
    pub name: String,
    /// Its user name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The platform's category for it, in the platform's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// Whether one can publish to it.
    pub can_publish: bool,
    /// What stands in the way, for people to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The account's own access token, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Sealed>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Account {
    /// Where the account's token stands, for sealing.
    #[must_use]
    pub const fn token_place(tenant: TenantId, id: AccountId) -> Belongs {
        Belongs {
            tenant,
            record: id.as_uuid(),
            field: "account_token",
        }
    }

    /// Every secret in this record, with its place: what is not listed here is not re-sealed.
    pub fn sealed_mut(&mut self) -> Vec<(Belongs, &mut Sealed)> {
        let place = Self::token_place(self.tenant, self.id);
        let token = self.token.as_mut();
        token.map(|token| (place, token)).into_iter().collect()
    }

    /// The lane its posts go in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane {
            tenant: self.tenant,
            provider: self.provider.clone(),
            platform_id: self.platform_id.clone(),
        }
    }
}

/// A login under way. It is single use and lives for ten minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The hash of the `state` sent along.
    pub hash: TokenHash,
    /// The tenant.
    pub tenant: TenantId,
    /// Who began it.
    pub user: UserId,
    /// Where they log in.
    pub provider: Provider,
    /// Where to send them afterwards.
    pub redirect_uri: Option<Url>,
    /// Whether who began it must confirm it.
    pub confirm: bool,
    /// Until when it can be finished.
    pub expires_at: Timestamp,
    /// How it ended: repeated for the same code, within its time.
    pub outcome: Option<LoginOutcome>,
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginOutcome {
    /// The hash of the code that was exchanged.
    pub code: TokenHash,
    /// The answer, sealed because it may hold a grant; `None` while the exchange is under way.
    pub answer: Option<Sealed>,
}

impl Login {
    /// Where the login's answer stands, for sealing.
    #[must_use]
    pub const fn answer_place(tenant: TenantId) -> Belongs {
        Belongs {
            tenant,
            record: tenant.as_uuid(),
            field: "login_answer",
        }
    }

    /// Every secret in this record, with its place: what is not listed here is not re-sealed.
    pub fn sealed_mut(&mut self) -> Vec<(Belongs, &mut Sealed)> {
        let place = Self::answer_place(self.tenant);
        let answer = self.outcome.as_mut().and_then(|it| it.answer.as_mut());
        answer.map(|answer| (place, answer)).into_iter().collect()
    }
}

/// What a login brought, kept inactive until who began it confirms it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The hash of the code that confirms it.
    pub hash: TokenHash,
    /// The tenant.
    pub tenant: TenantId,
    /// Who began the login.
    pub user: UserId,
    /// Where they logged in.
    pub provider: Provider,
    /// What the login brought, sealed.
    pub sealed: Sealed,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

impl Grant {
    /// Where a grant's content stands, for sealing.
    #[must_use]
    pub const fn place(tenant: TenantId) -> Belongs {
        Belongs {
            tenant,
            record: tenant.as_uuid(),
            field: "grant",
        }
    }

    /// Every secret in this record, with its place: what is not listed here is not re-sealed.
    pub fn sealed_mut(&mut self) -> Vec<(Belongs, &mut Sealed)> {
        vec![(Self::place(self.tenant), &mut self.sealed)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;
    use crate::testing::store::{START, new_connection, new_tenant};

    #[test]
    fn records_should_read_whether_what_is_empty_is_left_out_or_written() {
        let mut connection = new_connection(&new_tenant("owner", START), "user", "person");
        connection.name = None;
        let account = Account {
            id: AccountId::generate(),
            tenant: connection.tenant,
            connection: connection.id,
            user: connection.user.clone(),
            provider: connection.provider.clone(),
            platform_id: "page-1".to_owned(),
            name: "Bakery".to_owned(),
            username: None,
            category: None,
            picture: None,
            can_publish: true,
            problems: Vec::new(),
            token: None,
            created_at: START,
            updated_at: START,
        };

        let mut record = to_value(&connection).unwrap();
        assert_eq!(
            from_value::<Connection>(record.clone()).unwrap(),
            connection
        );
        for name in ["name", "picture", "expires_at"] {
            assert_eq!(record.get(name), None);
            record[name] = json!(null);
        }
        record["missing_scopes"] = json!([]);
        record["person_ids"] = json!([]);
        assert_eq!(from_value::<Connection>(record).unwrap(), connection);

        let mut record = to_value(&account).unwrap();
        assert_eq!(from_value::<Account>(record.clone()).unwrap(), account);
        for name in ["username", "category", "picture", "token"] {
            assert_eq!(record.get(name), None);
            record[name] = json!(null);
        }
        record["problems"] = json!([]);
        assert_eq!(from_value::<Account>(record).unwrap(), account);
    }
}
