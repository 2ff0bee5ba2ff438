//! Secrets at rest: sealed with an AEAD, bound to the record they belong to.
//!
//! Format of a sealed secret: `version (1 byte) ‖ key id length (1 byte) ‖ key id ‖ nonce (24 bytes) ‖ ciphertext`,
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), with tenant, record and field as associated data: a ciphertext moved
//! to another row does not open.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Generate, Payload},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::id::TenantId;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// A secret as it is stored: opaque without the [`Keyring`].
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// What was stored before.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, as they stand in a record's JSON.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }

    /// The id of the key it was sealed with; `None` if it is no sealed secret at all.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        split_key_id(&self.0).map(|(id, _)| id)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64())
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// What a secret belongs to. It opens only under the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongs {
    /// Whose it is.
    pub tenant: TenantId,
    /// The record it stands in.
    pub record: Uuid,
    /// The record's field.
    pub field: &'static str,
}

impl Belongs {
    fn associated_data(&self) -> Vec<u8> {
        // Both ids have a fixed length, so no two places can run together into the same bytes.
        let mut data = Vec::with_capacity(32 + self.field.len());
        data.extend_from_slice(self.tenant.as_uuid().as_bytes());
        data.extend_from_slice(self.record.as_bytes());
        data.extend_from_slice(self.field.as_bytes());
        data
    }
}

/// The keys that seal and open secrets: the first seals, all open.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<(String, Key)>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|(id, _)| id))
            .finish()
    }
}

/// Why a list of keys was refused. It never shows key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// No key at all.
    #[error("no key: expected `id:base64(32 bytes)`, comma-separated")]
    Empty,
    /// An entry without a usable id.
    #[error(
        "key {position} has no id of 1 to 64 letters, digits, `-` or `_`: expected `id:base64(32 bytes)`"
    )]
    Id {
        /// Which entry, from 1.
        position: usize,
    },
    /// An entry whose key is not 32 bytes of base64.
    #[error("key `{id}` is not 32 bytes in base64: make one with `openssl rand -base64 32`")]
    Key {
        /// The entry's id.
        id: String,
    },
    /// Two entries under one id.
    #[error("key id `{id}` stands twice in the list: each key needs an id of its own")]
    Twice {
        /// The id.
        id: String,
    },
}

/// Why a sealed secret did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The key it was sealed with is not in the keyring: add it back.
    #[error(
        "sealed with key `{id}`, which is not among the encryption keys: add it back to the list"
    )]
    UnknownKey {
        /// The key's id.
        id: String,
    },
    /// The bytes are damaged, were moved from another record, or were sealed with another key of the same id.
    #[error(
        "a sealed secret does not open: damaged, moved from another record, or a key was changed under its id"
    )]
    Damaged,
    /// The key of this id is another one than the one secrets were sealed with.
    #[error(
        "key `{id}` is not the one that secrets were sealed with: it was changed under its id, so put it back"
    )]
    OtherKey {
        /// The key's id.
        id: String,
    },
}

impl Keyring {
    /// A keyring of one fresh key that lives as long as the process: for tests and throw-away stores.
    #[must_use]
    pub fn ephemeral() -> Self {
        Self {
            keys: vec![("ephemeral".to_owned(), Key::generate())],
        }
    }

    /// Makes a key and writes it as [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn generate_text(id: &str) -> SecretString {
        format!("{id}:{}", STANDARD.encode(Key::generate())).into()
    }

    /// Reads `id:base64(32 bytes)`, comma-separated.
    ///
    /// # Errors
    /// [`KeyringError`] names the entry that is wrong, and never its key.
    ///
    /// ```
    /// use shareville_core::secret::Keyring;
    ///
    /// let text = Keyring::generate_text("2026");
    /// # use secrecy::ExposeSecret;
    /// let keyring = Keyring::parse(text.expose_secret())?;
    /// assert_eq!(format!("{keyring:?}"), r#"["2026"]"#);
    /// assert!(Keyring::parse("2026:c2hvcnQ=").is_err());
    /// # Ok::<(), shareville_core::secret::KeyringError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let mut keys: Vec<(String, Key)> = Vec::new();
        let entries = text.split(',').map(str::trim).filter(|e| !e.is_empty());
        for (index, entry) in entries.enumerate() {
            let position = index + 1;
            let (id, key) = entry.split_once(':').ok_or(KeyringError::Id { position })?;
            let named = (1..=64).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if !named {
                return Err(KeyringError::Id { position });
            }
            if keys.iter().any(|(other, _)| other == id) {
                return Err(KeyringError::Twice { id: id.to_owned() });
            }
            let wrong = || KeyringError::Key { id: id.to_owned() };
            let bytes = STANDARD.decode(key).map_err(|_| wrong())?;
            let key = Key::try_from(bytes.as_slice()).map_err(|_| wrong())?;
            keys.push((id.to_owned(), key));
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty);
        }
        Ok(Self { keys })
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn sealing_id(&self) -> &str {
        // Every constructor refuses an empty list of keys.
        &self.keys[0].0
    }

    /// Whether a key of this id is here.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|(known, _)| known == id)
    }

    /// Seals a secret with the first key.
    #[must_use]
    #[allow(clippy::missing_panics_doc)] // it cannot panic, see below
    pub fn seal(&self, place: Belongs, secret: &SecretString) -> Sealed {
        // Every constructor refuses an empty list of keys.
        let (id, key) = &self.keys[0];
        let nonce = XNonce::generate();
        let payload = Payload {
            msg: secret.expose_secret().as_bytes(),
            aad: &place.associated_data(),
        };
        #[allow(clippy::expect_used)]
        let ciphertext = XChaCha20Poly1305::new(key)
            .encrypt(&nonce, payload)
            // It fails only for a message of 256 GiB or more.
            .expect("a secret fits into memory");
        let mut bytes = Vec::with_capacity(2 + id.len() + NONCE_BYTES + ciphertext.len());
        bytes.push(VERSION);
        #[allow(clippy::cast_possible_truncation)] // ids have at most 64 bytes
        bytes.push(id.len() as u8);
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        Sealed(bytes)
    }

    /// Opens a secret that was sealed for this place.
    ///
    /// # Errors
    /// [`OpenError::UnknownKey`] if its key is not here, [`OpenError::Damaged`] for all else.
    pub fn open(&self, place: Belongs, sealed: &Sealed) -> Result<SecretString, OpenError> {
        let (id, rest) = split_key_id(&sealed.0).ok_or(OpenError::Damaged)?;
        let key = self
            .keys
            .iter()
            .find_map(|(known, key)| (known == id).then_some(key))
            .ok_or_else(|| OpenError::UnknownKey { id: id.to_owned() })?;
        let (nonce, ciphertext) = rest
            .split_at_checked(NONCE_BYTES)
            .ok_or(OpenError::Damaged)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| OpenError::Damaged)?;
        let payload = Payload {
            msg: ciphertext,
            aad: &place.associated_data(),
        };
        let plain = XChaCha20Poly1305::new(key)
            .decrypt(&nonce, payload)
            .map_err(|_| OpenError::Damaged)?;
        String::from_utf8(plain)
            .map(SecretString::from)
            .map_err(|_| OpenError::Damaged)
    }

    /// Seals a secret anew with the first key; `None` if that has sealed it already, and opens it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reseal(&self, place: Belongs, sealed: &Sealed) -> Result<Option<Sealed>, OpenError> {
        let secret = self.open(place, sealed)?;
        let is_old = sealed.key_id() != Some(self.sealing_id());
        Ok(is_old.then(|| self.seal(place, &secret)))
    }
}

fn split_key_id(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let [VERSION, length, rest @ ..] = bytes else {
        return None;
    };
    let (id, rest) = rest.split_at_checked(usize::from(*length))?;
    Some((std::str::from_utf8(id).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Belongs {
        Belongs {
            tenant: TenantId::generate(),
            record: Uuid::now_v7(),
            field: "token",
        }
    }

    #[test]
    fn a_secret_should_open_only_in_its_own_place() {
        let keyring = Keyring::ephemeral();
        let place = place();
        let sealed = keyring.seal(place, &"EAAsecret".into());
        assert_eq!(
            keyring.open(place, &sealed).unwrap().expose_secret(),
            "EAAsecret"
        );
        for elsewhere in [
            Belongs {
                tenant: TenantId::generate(),
                ..place
            },
            Belongs {
                record: Uuid::now_v7(),
                ..place
            },
            Belongs {
                field: "secret",
                ..place
            },
        ] {
            assert!(matches!(
                keyring.open(elsewhere, &sealed),
                Err(OpenError::Damaged)
            ));
        }
    }

    #[test]
    fn the_first_key_should_seal_and_all_should_open() {
        let old = Keyring::generate_text("old");
        let new = Keyring::generate_text("new");
        let place = place();
        let before = Keyring::parse(old.expose_secret()).unwrap();
        let sealed = before.seal(place, &"x".into());
        let both = format!("{},{}", new.expose_secret(), old.expose_secret());
        assert!(Keyring::parse(&both).unwrap().open(place, &sealed).is_ok());
        let gone = Keyring::parse(new.expose_secret()).unwrap();
        assert_eq!(
            gone.open(place, &sealed).map(|_| ()),
            Err(OpenError::UnknownKey { id: "old".into() })
        );
    }

    #[test]
    fn truncated_and_foreign_bytes_should_be_refused() {
        let keyring = Keyring::ephemeral();
        let place = place();
        let sealed = keyring.seal(place, &"x".into());
        for length in 0..sealed.as_bytes().len() {
            let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
            assert!(keyring.open(place, &cut).is_err(), "{length}");
        }
    }

    #[test]
    fn wrong_keys_should_be_named_but_not_shown() {
        assert_eq!(Keyring::parse(" , ").unwrap_err(), KeyringError::Empty);
        let error = Keyring::parse("a:SECRETSECRET").unwrap_err().to_string();
        assert!(error.contains("`a`") && !error.contains("SECRET"));
        let key = Keyring::generate_text("a");
        let twice = format!("{0},{0}", key.expose_secret());
        assert!(matches!(
            Keyring::parse(&twice),
            Err(KeyringError::Twice { .. })
        ));
    }
}
