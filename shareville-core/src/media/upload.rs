//! Media that were uploaded to us.

use std::{fmt, time::Duration};

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{MediaFacts, MediaKind};
use crate::{
    clock::Timestamp,
    credential::{Purpose, TokenHash, mint, read},
    id::{MediaId, TenantId, UserId},
};

/// What an upload's public address ends with: 256 random bits, which nobody guesses.
///
/// Other than a credential it is stored as it is, beside its hash: the address is told again and again, to platforms that
/// fetch the file and to whoever reads the upload, so it must be there to be told. It opens one file, for as long as that
/// is kept, and lets nobody do anything. It is looked for by its hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaToken(String);

impl MediaToken {
    /// Makes one.
    #[must_use]
    pub fn generate(tenant: TenantId) -> Self {
        Self(mint(Purpose::Media, tenant).text.expose_secret().to_owned())
    }

    /// What was stored before.
    #[must_use]
    pub const fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text, to make an address of.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its hash, to look for; `None` if it is not one of ours.
    #[must_use]
    pub fn hash(&self) -> Option<TokenHash> {
        read(Purpose::Media, &self.0).map(|(_, hash)| hash)
    }
}

impl fmt::Debug for MediaToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaToken(…)")
    }
}

/// What an upload was made from, if it is another's rendition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFrom {
    /// The upload that it shows.
    pub original: MediaId,
    /// Into which form it was brought: the same for the same form.
    pub form: String,
    /// What was done for it, for a person: `PNG 3000×2000 became JPEG 1440×960`.
    pub changed: String,
}

/// An upload that has begun: its place is taken, its bytes are on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunUpload {
    /// Its id.
    pub id: MediaId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The end user it is for.
    pub user: UserId,
    /// What it is made from, if it is a rendition. Renditions count for no quota: the library itself makes them.
    pub made_from: Option<MadeFrom>,
    /// How many bytes are announced.
    pub bytes: u64,
    /// When it is given up, unless it is whole before.
    pub expires_at: Timestamp,
}

/// A medium that was uploaded, or made from one that was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Its id.
    pub id: MediaId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The end user it is for.
    pub user: UserId,
    /// What its address ends with.
    pub token: MediaToken,
    /// What it is, by its bytes.
    pub facts: MediaFacts,
    /// How many bytes it has.
    pub bytes: u64,
    /// What it was made from, if it is a rendition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<MadeFrom>,
    /// When it was whole.
    pub created_at: Timestamp,
    /// When it is erased, unless it is used: what a post that is not settled names is kept.
    pub expires_at: Timestamp,
}

impl Upload {
    /// Picture or film.
    #[must_use]
    pub const fn kind(&self) -> MediaKind {
        if self.facts.format.is_video() {
            MediaKind::Video
        } else {
            MediaKind::Image
        }
    }

    /// Where everybody can fetch it, below the API's own address.
    #[must_use]
    pub fn url(&self, api_url: &Url) -> Url {
        let mut url = api_url.clone();
        // The API's address is checked to be one that has path segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["media", self.token.expose()]);
        }
        url
    }

    /// Where its bytes are.
    #[must_use]
    pub const fn place(&self) -> MediaPlace {
        MediaPlace {
            tenant: self.tenant,
            id: self.id,
        }
    }
}

/// Where the bytes of an upload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaPlace {
    /// Whose it is.
    pub tenant: TenantId,
    /// The upload.
    pub id: MediaId,
}

/// How much may be uploaded, and how long it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadLimits {
    /// How long an upload stays after it was used last. Default 24 hours.
    pub life: Duration,
    /// The most bytes of one file. Default 1 GiB.
    pub max_bytes: u64,
    /// The most bytes of all that a tenant has at one time. Default 50 GiB.
    pub tenant_bytes: u64,
    /// The most bytes of all that one end user has at one time. Default 5 GiB.
    pub user_bytes: u64,
}

const GIB: u64 = 1024 * 1024 * 1024;

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            life: Duration::from_secs(24 * 3600),
            max_bytes: GIB,
            tenant_bytes: 50 * GIB,
            user_bytes: 5 * GIB,
        }
    }
}

/// Whose quota it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaOf {
    /// All of a tenant's.
    Tenant,
    /// One end user's.
    User,
}

/// There is no room left for an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverQuota {
    /// Whose.
    pub of: QuotaOf,
    /// How many bytes there may be at one time.
    pub most: u64,
    /// How many there are, without the upload.
    pub used: u64,
}

impl UploadLimits {
    /// Whether there is room for `bytes` more, beside what there is.
    ///
    /// # Errors
    /// [`OverQuota`] says whose room is used up.
    pub const fn room(
        &self,
        bytes: u64,
        tenant_used: u64,
        user_used: u64,
    ) -> Result<(), OverQuota> {
        let (of, most, used) = if user_used.saturating_add(bytes) > self.user_bytes {
            (QuotaOf::User, self.user_bytes, user_used)
        } else if tenant_used.saturating_add(bytes) > self.tenant_bytes {
            (QuotaOf::Tenant, self.tenant_bytes, tenant_used)
        } else {
            return Ok(());
        };
        Err(OverQuota { of, most, used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_should_be_there_up_to_the_last_byte() {
        let limits = UploadLimits {
            user_bytes: 10,
            tenant_bytes: 20,
            ..UploadLimits::default()
        };
        assert_eq!(limits.room(4, 6, 6), Ok(()));
        let over = limits.room(5, 6, 6).unwrap_err();
        assert_eq!((over.of, over.most, over.used), (QuotaOf::User, 10, 6));
        assert_eq!(limits.room(4, 16, 0), Ok(()));
        let over = limits.room(5, 16, 0).unwrap_err();
        assert_eq!((over.of, over.most, over.used), (QuotaOf::Tenant, 20, 16));
        assert!(limits.room(u64::MAX, 1, 1).is_err());
    }

    #[test]
    fn a_token_should_not_be_shown_and_be_found_by_its_hash() {
        let token = MediaToken::generate(TenantId::generate());
        assert!(!format!("{token:?}").contains(token.expose()));
        assert!(token.hash().is_some());
        assert_eq!(MediaToken::from_text("svm_x".to_owned()).hash(), None);
    }
}
