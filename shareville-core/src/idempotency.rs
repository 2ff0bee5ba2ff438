//! Idempotency keys: by them a request that creates something can be sent again without creating it twice.
//!
//! The answer to the first request is stored in the write that creates what it tells of. So a request that died half-way
//! has left nothing, and needs no clearing up; and of two at the same time the database lets one be the first.

use std::{fmt, str::FromStr, time::Duration};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    clock::Timestamp,
    id::{TenantId, UserId},
};

/// How long a key and its answer are kept: a day.
pub const KEPT_FOR: Duration = Duration::from_secs(86_400);

/// The longest key, in characters.
const MAX_KEY: usize = 255;

/// What a caller chose to know one request by.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// It cannot be an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key must be 1 to 255 visible ASCII characters, such as a UUID")]
pub struct BadIdempotencyKey;

impl FromStr for IdempotencyKey {
    type Err = BadIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, BadIdempotencyKey> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match is_visible && (1..=MAX_KEY).contains(&text.len()) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadIdempotencyKey),
        }
    }
}

/// A key may be made of what a customer ordered, so it is not shown.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

impl IdempotencyKey {
    /// The key as it is stored: a hash of it and of whose it is. A tenant's API keys are one subject, each end user is
    /// another.
    #[must_use]
    pub fn hash(&self, user: Option<&UserId>) -> KeyHash {
        let subject = match user {
            Some(user) => format!("user {}:{user}", user.as_str().len()),
            None => "tenant".to_owned(),
        };
        KeyHash(Sha256::digest(format!("{subject} {}", self.0)).into())
    }
}

/// A hash of 256 bits, as it is stored.
macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// What was stored before.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes to store.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

hash! {
    /// The SHA-256 of a key and its subject.
    KeyHash
}

hash! {
    /// The SHA-256 of a request: what was asked for, and with which body.
    Fingerprint
}

impl Fingerprint {
    /// The fingerprint of a body sent to a route. How the body was spaced, and in which order its fields came, does not
    /// matter.
    #[must_use]
    pub fn of(route: &str, body: &Map<String, Value>) -> Self {
        let mut hash = Sha256::new();
        hash.update(route);
        hash.update([0]);
        feed_map(&mut hash, body);
        Self(hash.finalize().into())
    }
}

/// Feeds a value to a hash so that different values never look alike, whichever order a map keeps its fields in.
fn feed(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Array(items) => {
            hash.update(format!("[{}:", items.len()));
            items.iter().for_each(|item| feed(hash, item));
        }
        Value::Object(map) => feed_map(hash, map),
        Value::String(text) => hash.update(format!("\"{}:{text}", text.len())),
        plain => hash.update(format!("{plain};")),
    }
}

fn feed_map(hash: &mut Sha256, map: &Map<String, Value>) {
    let mut fields: Vec<_> = map.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    hash.update(format!("{{{}:", fields.len()));
    for (name, value) in fields {
        hash.update(format!("{}:{name}", name.len()));
        feed(hash, value);
    }
}

/// A request that can be sent again: stored together with what it creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The tenant.
    pub tenant: TenantId,
    /// Its key.
    pub key: KeyHash,
    /// What was asked for.
    pub request: Fingerprint,
    /// What was answered, in a form that only whoever answers knows.
    pub answer: Vec<u8>,
    /// Whose posts the answer tells of: it goes when one of them is erased.
    pub users: Vec<UserId>,
    /// Until when it is kept.
    pub expires_at: Timestamp,
}

/// What was answered to an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What was asked for then.
    pub request: Fingerprint,
    /// What was answered.
    pub answer: Vec<u8>,
}

/// What became of the creation of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is stored.
    Stored,
    /// An earlier request had the same key: nothing was stored.
    Before(Answered),
    /// Another request with the same key is being written, and was not done in ten seconds: nothing was stored.
    UnderWay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_should_be_visible_characters_and_not_too_many() {
        for good in ["k", "019312f0-7d5a", "\"quoted\"", &"x".repeat(255)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "ä", "a\u{7f}", &"x".repeat(256)] {
            assert_eq!(
                bad.parse::<IdempotencyKey>(),
                Err(BadIdempotencyKey),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_key_should_be_each_users_and_the_tenants_own() {
        let key: IdempotencyKey = "k".parse().unwrap();
        let (anna, bert) = (UserId::new("anna"), UserId::new("bert"));
        let mut hashes = vec![key.hash(None), key.hash(Some(&anna)), key.hash(Some(&bert))];
        // No user and key can be put together so as to look like another user's.
        let odd: IdempotencyKey = "b:k".parse().unwrap();
        hashes.push(odd.hash(Some(&UserId::new("a"))));
        hashes.push(key.hash(Some(&UserId::new("a b:"))));
        hashes.push(key.hash(Some(&UserId::new("tenant"))));
        let all = hashes.len();
        hashes.sort_unstable_by_key(|hash| *hash.as_bytes());
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn a_fingerprint_should_tell_bodies_and_routes_apart_and_nothing_else() {
        let of = |body: &str| {
            let body = format!(r#"{{"body":{body}}}"#);
            Fingerprint::of("POST /posts", &serde_json::from_str(&body).unwrap())
        };
        assert_eq!(of(r#"{"a":1,"b":[2]}"#), of(r#"{ "b": [2], "a": 1 }"#));
        let mut different = vec![
            of("{}"),
            of("[]"),
            of("[[],[]]"),
            of("[[[]]]"),
            of(r#"[{},{}]"#),
            of(r#"["1"]"#),
            of("[1]"),
            of("[null]"),
            of(r#"["null"]"#),
            of("[1,2]"),
            of("[12]"),
            of(r#"{"a":null}"#),
            of(r#"{"a":"b","c":"d"}"#),
            of(r#"{"a":"b\"1:c\"1:d"}"#),
            Fingerprint::of("POST /posts/batch", &Map::new()),
            Fingerprint::of("POST /posts", &Map::new()),
        ];
        let all = different.len();
        different.sort_unstable_by_key(|print| *print.as_bytes());
        different.dedup();
        assert_eq!(different.len(), all);
    }
}
