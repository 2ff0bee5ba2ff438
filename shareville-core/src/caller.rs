//! Who calls, and what they may do: scopes are checked here and nowhere else.

use std::sync::Arc;

use crate::{
    clock::Timestamp,
    credential::{ApiKey, Purpose, Scope, TokenHash, UserToken, read},
    error::{CredentialError, Error},
    event::Actor,
    id::{RequestId, TenantId, UserId},
    recall::Recall,
    shareville::Shareville,
    store::{CredentialEpoch, Known},
    tenant::Tenant,
};

/// Whoever calls, on behalf of a tenant.
#[derive(Debug, Clone)]
pub struct Caller {
    tenant: Arc<Tenant>,
    kind: Kind,
    request: Option<RequestId>,
}

#[derive(Debug, Clone)]
enum Kind {
    Host,
    ApiKey(Arc<ApiKey>),
    User(Arc<UserToken>),
}

/// Who was found to call before.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    by_credential: Recall<TokenHash, Caller>,
    tenants: Recall<TenantId, Arc<Tenant>>,
}

impl Callers {
    /// A tenant that was read, as the one that is remembered already if there is one: many tokens share it.
    fn tenant(
        &self,
        tenant: Tenant,
        epoch: Option<CredentialEpoch>,
        now: Timestamp,
    ) -> Arc<Tenant> {
        let Some(epoch) = epoch else {
            return Arc::new(tenant);
        };
        let same = self.tenants.get(&tenant.id, epoch, now);
        same.filter(|known| **known == tenant).unwrap_or_else(|| {
            let tenant = Arc::new(tenant);
            self.tenants.put(tenant.id, Arc::clone(&tenant), epoch, now);
            tenant
        })
    }
}

/// What a caller is, for them to read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallerKind<'a> {
    /// The host, in its own process: it may do everything.
    Host,
    /// The tenant, by an API key.
    ApiKey(&'a ApiKey),
    /// One end user.
    User(&'a UserToken),
}

const API_KEY: &str = "API key";
const USER_TOKEN: &str = "user token";

/// What an end user may do: everything with what is their own.
const USER_SCOPES: [Scope; 4] = [
    Scope::ConnectionsRead,
    Scope::ConnectionsWrite,
    Scope::PostsRead,
    Scope::PostsWrite,
];

impl Caller {
    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// What the caller is.
    #[must_use]
    pub fn kind(&self) -> CallerKind<'_> {
        match &self.kind {
            Kind::Host => CallerKind::Host,
            Kind::ApiKey(key) => CallerKind::ApiKey(key),
            Kind::User(token) => CallerKind::User(token),
        }
    }

    /// The same, calling by a request with this id: it stands in the events of what they do, and in what workers log of
    /// a post that they set going.
    #[must_use]
    pub fn with_request_id(mut self, id: RequestId) -> Self {
        self.request = Some(id);
        self
    }

    /// The id of the request by which they call, if it has one.
    #[must_use]
    pub const fn request_id(&self) -> Option<&RequestId> {
        self.request.as_ref()
    }

    /// What the caller may do.
    #[must_use]
    pub fn scopes(&self) -> &[Scope] {
        match &self.kind {
            Kind::Host => &Scope::ALL,
            Kind::ApiKey(key) => &key.scopes,
            Kind::User(_) => &USER_SCOPES,
        }
    }

    /// The end user it speaks for, if it is a user token.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match &self.kind {
            Kind::User(token) => Some(&token.user),
            Kind::Host | Kind::ApiKey(_) => None,
        }
    }

    fn is_in_force(&self, now: Timestamp) -> Result<(), CredentialError> {
        match &self.kind {
            Kind::ApiKey(key) if key.expires_at.is_some_and(|end| end <= now) => {
                Err(CredentialError::Expired(API_KEY))
            }
            Kind::User(token) if token.expires_at <= now => {
                Err(CredentialError::Expired(USER_TOKEN))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        match &self.kind {
            Kind::Host => Actor::Host,
            Kind::ApiKey(key) => Actor::ApiKey(key.id),
            Kind::User(token) => Actor::User(token.user.clone()),
        }
    }

    pub(crate) fn require(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes().contains(&scope) {
            return Ok(());
        }
        Err(Error::Forbidden {
            code: "missing_scope",
            message: match self.kind {
                Kind::User(_) => format!(
                    "a user token cannot have the scope `{}`: use an API key",
                    scope.name()
                ),
                Kind::Host | Kind::ApiKey(_) => {
                    format!(
                        "this needs the scope `{}`, which the API key does not have",
                        scope.name()
                    )
                }
            },
        })
    }

    /// The end user a call is about: a user token's own, else the one that was named.
    pub(crate) fn about(&self, named: Option<&UserId>) -> Result<Option<UserId>, Error> {
        match (self.user(), named) {
            (Some(own), Some(named)) if own != named => Err(Error::Forbidden {
                code: "other_user",
                message:
                    "this user token speaks for another user: leave `userId` out, or name its own"
                        .to_owned(),
            }),
            (Some(own), _) => Ok(Some(own.clone())),
            (None, named) => Ok(named.cloned()),
        }
    }

    /// Whether what belongs to `user` is the caller's to see.
    pub(crate) fn may_see(&self, user: &UserId) -> bool {
        self.user().is_none_or(|own| own == user)
    }
}

impl Shareville {
    /// Finds out who calls, by an API key or a user token.
    ///
    /// What was found before is used again for as long as the store vouches for it, and for 30 seconds at most; whether
    /// its time is over is judged at each call.
    ///
    /// # Errors
    /// [`Error::Credential`] if it is not good; [`Error::Forbidden`] with `client_app_inactive` if its tenant is not
    /// active; [`Error::Store`].
    pub async fn authenticate(&self, credential: &str) -> Result<Caller, Error> {
        let api_key = read(Purpose::ApiKey, credential).map(|it| (Purpose::ApiKey, it));
        let user_token = || read(Purpose::UserToken, credential).map(|it| (Purpose::UserToken, it));
        let (purpose, (tenant, hash)) = api_key
            .or_else(user_token)
            .ok_or(CredentialError::Malformed)?;
        let now = self.clock().now();
        // Before the record is read: one that is changed meanwhile is remembered under an epoch that is over.
        let epoch = self.store().credential_epoch(tenant);
        let callers = &self.callers().by_credential;
        let known = epoch.and_then(|epoch| callers.get(&hash, epoch, now));
        let caller = match known {
            Some(caller) => caller,
            None => {
                let caller = self.look_up(purpose, tenant, &hash, epoch, now).await?;
                if let Some(epoch) = epoch {
                    callers.put(hash, caller.clone(), epoch, now);
                }
                caller
            }
        };
        caller.is_in_force(now)?;
        check_active(&caller.tenant)?;
        Ok(caller)
    }

    async fn look_up(
        &self,
        purpose: Purpose,
        tenant: TenantId,
        hash: &TokenHash,
        epoch: Option<CredentialEpoch>,
        now: Timestamp,
    ) -> Result<Caller, Error> {
        let (tenant, kind) = match purpose {
            Purpose::ApiKey => {
                let found = self.store().api_key(tenant, hash).await?;
                let Known { credential, tenant } =
                    found.ok_or(CredentialError::Unknown(API_KEY))?;
                (tenant, Kind::ApiKey(Arc::new(credential)))
            }
            _ => {
                let found = self.store().user_token(tenant, hash).await?;
                let Known { credential, tenant } =
                    found.ok_or(CredentialError::Unknown(USER_TOKEN))?;
                (tenant, Kind::User(Arc::new(credential)))
            }
        };
        Ok(Caller {
            tenant: self.callers().tenant(tenant, epoch, now),
            kind,
            request: None,
        })
    }

    /// Whether pages of this web origin are the tenant's own, so that they may read what a user token of it is answered.
    ///
    /// It tells nothing of whether the token is good: a page must be able to see that its token has expired.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn is_allowed_origin(&self, credential: &str, origin: &[u8]) -> Result<bool, Error> {
        let Some((tenant, _)) = read(Purpose::UserToken, credential) else {
            return Ok(false);
        };
        let tenant = self.known_tenant(tenant).await?;
        Ok(tenant.is_some_and(|tenant| tenant.allows_origin(origin)))
    }

    /// Calls as the host itself, in its own process, on behalf of a tenant: it may do everything.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] with `client_app_inactive`, [`Error::Store`].
    pub async fn on_behalf_of(&self, tenant: TenantId) -> Result<Caller, Error> {
        let tenant = self.known_tenant(tenant).await?;
        let tenant = tenant.ok_or(Error::NotFound("client app"))?;
        check_active(&tenant)?;
        Ok(Caller {
            tenant,
            kind: Kind::Host,
            request: None,
        })
    }

    /// A tenant as it is, or as it was read before, for as long as the store vouches for that.
    pub(crate) async fn known_tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, Error> {
        let now = self.clock().now();
        let epoch = self.store().credential_epoch(id);
        let callers = self.callers();
        if let Some(known) = epoch.and_then(|epoch| callers.tenants.get(&id, epoch, now)) {
            return Ok(Some(known));
        }
        let tenant = self.store().tenant(id).await?;
        Ok(tenant.map(|tenant| callers.tenant(tenant, epoch, now)))
    }
}

fn check_active(tenant: &Tenant) -> Result<(), Error> {
    if tenant.active {
        return Ok(());
    }
    Err(Error::Forbidden {
        code: "client_app_inactive",
        message: "this client app is not active: its owner can set `active` to true".to_owned(),
    })
}
