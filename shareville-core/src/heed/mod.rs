//! Heeding: what a platform tells of a tenant's app is held to its signature, stored, answered, and then looked into.
//!
//! A notice makes us look, and is never a status by itself: whoever is said to have withdrawn their consent is looked at
//! with the token we have, and only the platform's answer to that counts. An inactive tenant's notices are heeded as well.

mod act;
mod run;

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;
use url::Url;

pub(crate) use self::run::{heed_once, run};
use crate::{
    callbacks::{CallbackError, Callbacks, Noticed, Signed, SignedPerson, SigningSecret},
    clock::Timestamp,
    error::Error,
    id::{Provider, TenantId},
    notice::{DeletionCode, Notice, NoticeDigest, NoticeKind},
    shareville::Shareville,
    store::{NoticeChange, StoreError},
    tenant::Tenant,
};

/// How far a wish to be deleted has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeletionStatus {
    /// It is under way.
    Pending,
    /// The person's connections are removed since then, with their tokens and accounts, and withdrawn at the provider.
    ///
    /// What stays is the tenant's: posts; and the history of connections, which names the person, until their end user is
    /// [erased](Shareville::erase_user). A login that nobody has confirmed is revoked and erased within minutes by itself.
    Done(Timestamp),
}

/// A person's wish to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// By what the person can ask for it.
    pub code: DeletionCode,
    /// The page that tells a person how far it has come.
    pub url: Url,
    /// When it last came.
    pub received_at: Timestamp,
    /// How far it has come.
    pub status: DeletionStatus,
}

impl Shareville {
    /// Whether whoever subscribes to a tenant's webhook knows the word for it, compared in constant time.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant; [`Error::Forbidden`] with `wrong_verify_token`;
    /// [`Error::Store`].
    pub async fn verify_subscription(&self, tenant: TenantId, word: &str) -> Result<(), Error> {
        let tenant = self.heeding(tenant).await?;
        let known = tenant.meta_verify_token.as_bytes();
        match !known.is_empty() && bool::from(known.ct_eq(word.as_bytes())) {
            true => Ok(()),
            false => Err(Error::Forbidden {
                code: "wrong_verify_token",
                message:
                    "the verify token is not that of this client app: copy its `metaVerifyToken`"
                        .to_owned(),
            }),
        }
    }

    /// Takes a webhook of a tenant's app: what of it matters is stored, once, to be looked into later.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such tenant or nobody reads what platforms send; [`Error::Callback`] if it is
    /// not signed, or cannot be read; [`Error::Sealed`], [`Error::Store`].
    pub async fn heed_webhook(
        &self,
        tenant: TenantId,
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<(), Error> {
        let (callbacks, tenant) = (self.callbacks()?, self.heeding(tenant).await?);
        let secrets = self.signing_secrets(&tenant)?;
        let Signed { by, said } = callbacks.read_webhook(&secrets, body, signature)?;
        tracing::info!(tenant = %tenant.id, %by, notices = said.len(), "a platform's webhook");
        let now = self.clock().now();
        let notices = said.into_iter();
        let notices: Vec<_> = notices
            .map(|Noticed { kind, digest }| Notice::of(tenant.id, kind, digest, now))
            .collect();
        self.keep(&notices).await?;
        Ok(())
    }

    /// Takes the message that a person has withdrawn all that they granted to a tenant's app.
    ///
    /// # Errors
    /// As [`heed_webhook`](Self::heed_webhook).
    pub async fn heed_deauthorization(&self, tenant: TenantId, form: &[u8]) -> Result<(), Error> {
        let (tenant, SignedPerson { person, digest }) = self.person(tenant, form).await?;
        // Who is nobody here has nothing to withdraw.
        let Some(person) = person else { return Ok(()) };
        let digest = NoticeDigest::of([b"deauthorized".as_slice(), digest.as_bytes()]);
        let kind = NoticeKind::Deauthorized { person };
        let notice = Notice::of(tenant.id, kind, digest, self.clock().now());
        self.keep(&[notice]).await?;
        Ok(())
    }

    /// Takes a person's wish that what is kept of them be deleted. The same person again has the same code.
    ///
    /// # Errors
    /// As [`heed_webhook`](Self::heed_webhook); [`CallbackError::BadRequest`] too if it names nobody.
    pub async fn heed_deletion(&self, tenant: TenantId, form: &[u8]) -> Result<Deletion, Error> {
        let (tenant, SignedPerson { person, .. }) = self.person(tenant, form).await?;
        let person = person.ok_or(CallbackError::BadRequest)?;
        let now = self.clock().now();
        let notice = Notice::of_deletion(tenant.id, person, now);
        let before = self.keep(std::slice::from_ref(&notice)).await?.pop();
        let notice = match before.flatten() {
            Some(before) => self.want_again(before, now).await?,
            None => notice,
        };
        let deletion = self.deletion_of(&notice);
        deletion.ok_or(Error::NotFound("deletion request"))
    }

    /// A wish to be deleted, by its code.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or it is too long since it was fulfilled; [`Error::Store`].
    pub async fn deletion(&self, code: &str) -> Result<Deletion, Error> {
        let unknown = Error::NotFound("deletion request");
        let Some((tenant, code)) = DeletionCode::read(code) else {
            return Err(unknown);
        };
        let notice = self.store().deletion(tenant, &code).await?;
        let deletion = notice.and_then(|notice| self.deletion_of(&notice));
        deletion.ok_or(unknown)
    }

    /// One that comes again after it was fulfilled is looked into once more.
    async fn want_again(&self, before: Notice, now: Timestamp) -> Result<Notice, Error> {
        let Some(again) = before.again(now) else {
            return Ok(before);
        };
        let change = NoticeChange {
            notice: again.clone(),
            revision: before.revision,
            claim: None,
        };
        let applied = self.store().apply_notices(&[change]).await?;
        Ok(match applied.first() {
            Some(Ok(())) => again,
            // Somebody else has asked the same meanwhile.
            _ => before,
        })
    }

    fn deletion_of(&self, notice: &Notice) -> Option<Deletion> {
        let code = notice.code()?.clone();
        let mut url = self.api_url().clone();
        // A URL that can be a base always has path segments; `build` refuses others.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["data-deletion", code.as_str()]);
        }
        Some(Deletion {
            code,
            url,
            received_at: notice.received_at,
            status: match notice.worked_at {
                None => DeletionStatus::Pending,
                Some(at) => DeletionStatus::Done(at),
            },
        })
    }

    async fn person(&self, tenant: TenantId, form: &[u8]) -> Result<(Tenant, SignedPerson), Error> {
        let (callbacks, tenant) = (self.callbacks()?, self.heeding(tenant).await?);
        let secrets = self.signing_secrets(&tenant)?;
        let Signed { by, said } = callbacks.read_signed_request(&secrets, form)?;
        tracing::info!(tenant = %tenant.id, %by, "a platform's signed request");
        Ok((tenant, said))
    }

    fn callbacks(&self) -> Result<&dyn Callbacks, Error> {
        let callbacks = self.reads_callbacks();
        let callbacks = callbacks.ok_or(Error::NotFound("callback: this server reads none"))?;
        Ok(callbacks.as_ref())
    }

    async fn heeding(&self, tenant: TenantId) -> Result<Tenant, Error> {
        let found = self.store().tenant(tenant).await?;
        found.ok_or(Error::NotFound("client app"))
    }

    /// The secrets of a tenant's apps. One that is empty is none: it would vouch for anybody.
    fn signing_secrets(&self, tenant: &Tenant) -> Result<Vec<SigningSecret>, Error> {
        let mut secrets = Vec::new();
        for provider in [Provider::facebook(), Provider::instagram()] {
            let app = self.app(tenant, &provider)?;
            let secret = app.map(|app| app.secret);
            let secret = secret.filter(|secret| !secret.expose_secret().is_empty());
            secrets.extend(secret.map(|secret| SigningSecret { provider, secret }));
        }
        match secrets.is_empty() {
            true => Err(CallbackError::NoSecret.into()),
            false => Ok(secrets),
        }
    }

    /// Stores notices that are not known yet; gives for each the one that was.
    async fn keep(&self, notices: &[Notice]) -> Result<Vec<Option<Notice>>, Error> {
        if notices.is_empty() {
            return Ok(Vec::new());
        }
        let kept = self.store().keep_notices(notices).await;
        kept.map_err(|error| match error {
            StoreError::Conflict { field: "tenant" } => Error::NotFound("client app"),
            error => error.into(),
        })
    }
}
