//! Credentials: API keys of a tenant, tokens of its end users, and the opaque texts they are made of.
//!
//! Every such text is `prefix ‖ base64url(tenant id ‖ 256 random bits)`: it names its tenant, so that each look-up is
//! a tenant's own, and it is stored as a SHA-256 hash only (a 256-bit random text needs no slow hash).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    id::{ApiKeyId, TenantId, UserId},
};

/// What an opaque text is for; each has a prefix of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An API key, `svk_`.
    ApiKey,
    /// A user token, `svu_`.
    UserToken,
    /// The `state` of a login under way, `svl_`.
    LoginState,
    /// The code that confirms a grant, `svg_`.
    Grant,
    /// What the address of an upload ends with, `svm_`.
    Media,
}

impl Purpose {
    /// The prefix that tells the kind.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "svk_",
            Self::UserToken => "svu_",
            Self::LoginState => "svl_",
            Self::Grant => "svg_",
            Self::Media => "svm_",
        }
    }
}

/// The SHA-256 of an opaque text, as it is stored.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

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

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl std::hash::Hash for TokenHash {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// An opaque text that was just made: shown once, then only its hash is known.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The text to hand out.
    pub text: SecretString,
    /// Its hash, to store.
    pub hash: TokenHash,
}

/// 256 random bits.
pub(crate) fn random() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes)
        // Without the system's randomness no credential can be made; it is there once a system has booted.
        .expect("the operating system has a source of randomness");
    bytes
}

/// 256 random bits as text.
pub(crate) fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(random())
}

/// Makes an opaque text for a tenant.
#[must_use]
pub fn mint(purpose: Purpose, tenant: TenantId) -> Minted {
    let mut bytes = [0_u8; 48];
    bytes[..16].copy_from_slice(tenant.as_uuid().as_bytes());
    bytes[16..].copy_from_slice(&random());
    let text = format!("{}{}", purpose.prefix(), URL_SAFE_NO_PAD.encode(bytes));
    Minted {
        hash: TokenHash::of(&text),
        text: text.into(),
    }
}

/// Reads an opaque text: whose it is and its hash; `None` if it is not one of that kind.
///
/// ```
/// use secrecy::ExposeSecret;
/// use shareville_core::{credential::{mint, read, Purpose}, id::TenantId};
///
/// let tenant = TenantId::generate();
/// let key = mint(Purpose::ApiKey, tenant);
/// let text = key.text.expose_secret();
/// assert!(text.starts_with("svk_"));
/// assert_eq!(read(Purpose::ApiKey, text), Some((tenant, key.hash)));
/// assert_eq!(read(Purpose::UserToken, text), None);
/// ```
#[must_use]
pub fn read(purpose: Purpose, text: &str) -> Option<(TenantId, TokenHash)> {
    let body = text.strip_prefix(purpose.prefix())?;
    let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
    let tenant = Uuid::from_slice(bytes.get(..16).filter(|_| bytes.len() == 48)?).ok()?;
    Some((TenantId::from_uuid(tenant), TokenHash::of(text)))
}

/// The hash of a secret that is not one of ours, such as an authorization code: to recognise it, not to keep it.
#[must_use]
pub fn fingerprint(secret: &SecretString) -> TokenHash {
    TokenHash::of(secret.expose_secret())
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scope {
    /// See connections and pages.
    #[serde(rename = "connections:read")]
    ConnectionsRead,
    /// Connect, confirm, remove.
    #[serde(rename = "connections:write")]
    ConnectionsWrite,
    /// See posts.
    #[serde(rename = "posts:read")]
    PostsRead,
    /// Create, change and publish posts.
    #[serde(rename = "posts:write")]
    PostsWrite,
    /// Mint user tokens and erase users.
    #[serde(rename = "tokens:write")]
    TokensWrite,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::ConnectionsRead,
        Self::ConnectionsWrite,
        Self::PostsRead,
        Self::PostsWrite,
        Self::TokensWrite,
    ];

    /// The scope's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConnectionsRead => "connections:read",
            Self::ConnectionsWrite => "connections:write",
            Self::PostsRead => "posts:read",
            Self::PostsWrite => "posts:write",
            Self::TokensWrite => "tokens:write",
        }
    }
}

/// An API key of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What people call it.
    pub name: Option<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The key's hash.
    pub hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
}

/// A token of one end user. It dies with the key that minted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserToken {
    /// The tenant.
    pub tenant: TenantId,
    /// The end user it speaks for.
    pub user: UserId,
    /// The key that minted it.
    pub key: ApiKeyId,
    /// The token's hash.
    pub hash: TokenHash,
    /// When it stops working.
    pub expires_at: Timestamp,
}
