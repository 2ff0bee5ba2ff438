//! What a grant makes of a connection and its accounts, beside what there was before.

use chrono::TimeDelta;

use crate::{
    clock::Timestamp,
    connection::{Account, Connection, ConnectionStatus, Upkeep},
    connector::{FoundAccount, Granted},
    id::{AccountId, ConnectionId, Provider, UserId},
    secret::{Keyring, Sealed},
    tenant::Tenant,
};

/// How far apart two answers may be that tell when one token ends.
const ROUNDED: TimeDelta = TimeDelta::hours(1);

const NOT_INCLUDED: &str =
    "The last login did not include this account: connect again and choose it.";

/// When a token ends that was asked about again: platforms round, and some do not say.
pub(super) fn end_of_same_token(before: &Connection, told: Option<Timestamp>) -> Option<Timestamp> {
    let (Some(before), Some(told)) = (before.expires_at, told) else {
        return told.or(before.expires_at);
    };
    match (told - before).abs() <= ROUNDED {
        true => Some(before),
        false => Some(told),
    }
}

/// Whether something is new in a connection that people may care for: addresses of pictures change all the time.
pub(super) fn is_news(before: &Connection, after: &Connection) -> bool {
    let same = Connection {
        revision: before.revision,
        picture: before.picture.clone(),
        token: before.token.clone(),
        upkeep: before.upkeep.clone(),
        updated_at: before.updated_at,
        ..after.clone()
    };
    same != *before
}

/// The same for an account.
fn differs(before: &Account, after: &Account) -> bool {
    let same = Account {
        picture: before.picture.clone(),
        token: before.token.clone(),
        updated_at: before.updated_at,
        ..after.clone()
    };
    same != *before
}

pub(super) fn accounts_differ(before: &[Account], after: &[Account]) -> bool {
    let is_there = |new: &Account| before.iter().any(|old| !differs(old, new));
    before.len() != after.len() || !after.iter().all(is_there)
}

/// The connection that was granted; its token is yet to be sealed.
pub(super) fn connection(
    tenant: &Tenant,
    user: &UserId,
    provider: &Provider,
    granted: &Granted,
    before: Option<&Connection>,
    now: Timestamp,
) -> Connection {
    let mut person_ids = before.map_or_else(Vec::new, |before| before.person_ids.clone());
    for id in &granted.person_ids {
        if *id != granted.person && !person_ids.contains(id) {
            person_ids.push(id.clone());
        }
    }
    Connection {
        id: before.map_or_else(ConnectionId::generate, |before| before.id),
        tenant: tenant.id,
        user: user.clone(),
        provider: provider.clone(),
        revision: before.map_or(1, |before| before.revision + 1),
        person: granted.person.clone(),
        person_ids,
        name: granted.name.clone(),
        picture: granted.picture.clone(),
        status: ConnectionStatus::Active,
        scopes: granted.scopes.clone(),
        missing_scopes: granted.missing_scopes.clone(),
        token: Sealed::from_bytes(Vec::new()),
        expires_at: granted.expires_at,
        upkeep: Upkeep::of_new_token(now),
        created_at: before.map_or(now, |before| before.created_at),
        updated_at: now,
    }
}

pub(super) fn accounts(
    keyring: &Keyring,
    connection: &Connection,
    found: &[FoundAccount],
    known: &[Account],
    now: Timestamp,
) -> Vec<Account> {
    let same = |account: &Account, found: &FoundAccount| {
        account.provider == found.provider && account.platform_id == found.platform_id
    };
    let came = found.iter().map(|found| {
        let before = known.iter().find(|account| same(account, found));
        let id = before.map_or_else(AccountId::generate, |before| before.id);
        let place = Account::token_place(connection.tenant, id);
        let account = Account {
            id,
            tenant: connection.tenant,
            connection: connection.id,
            user: connection.user.clone(),
            provider: found.provider.clone(),
            platform_id: found.platform_id.clone(),
            name: found.name.clone(),
            username: found.username.clone(),
            category: found.category.clone(),
            picture: found.picture.clone(),
            can_publish: found.problems.is_empty(),
            problems: found.problems.clone(),
            token: found.token.as_ref().map(|token| keyring.seal(place, token)),
            created_at: before.map_or(now, |before| before.created_at),
            updated_at: now,
        };
        (account, before)
    });
    // What no longer came along keeps its id, for its posts and for the day it comes back.
    let is_gone = |account: &&Account| !found.iter().any(|found| same(account, found));
    let gone = known.iter().filter(is_gone).map(|gone| {
        let account = Account {
            can_publish: false,
            problems: vec![NOT_INCLUDED.to_owned()],
            token: None,
            updated_at: now,
            ..gone.clone()
        };
        (account, Some(gone))
    });
    let all = came.chain(gone);
    all.map(|(account, before)| match before {
        Some(before) if !differs(before, &account) => Account {
            updated_at: before.updated_at,
            ..account
        },
        _ => account,
    })
    .collect()
}
