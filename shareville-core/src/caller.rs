//! Who calls, and what they may do: scopes are checked here and nowhere else.

use std::sync::Arc;

use crate::{
    credential::{ApiKey, Purpose, Scope, UserToken, read},
    error::{CredentialError, Error},
    event::Actor,
    id::{RequestId, TenantId, UserId},
    shareville::Shareville,
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
    ApiKey(ApiKey),
    User(UserToken),
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
    pub const fn kind(&self) -> CallerKind<'_> {
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
    pub const fn user(&self) -> Option<&UserId> {
        match &self.kind {
            Kind::User(token) => Some(&token.user),
            Kind::Host | Kind::ApiKey(_) => None,
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
    /// # Errors
    /// [`Error::Credential`] if it is not good; [`Error::Forbidden`] with `client_app_inactive` if its tenant is not
    /// active; [`Error::Store`].
    pub async fn authenticate(&self, credential: &str) -> Result<Caller, Error> {
        let now = self.clock().now();
        let (tenant, kind) = if let Some((tenant, hash)) = read(Purpose::ApiKey, credential) {
            const KIND: &str = "API key";
            let key = self.store().api_key(tenant, &hash).await?;
            let key = key.ok_or(CredentialError::Unknown(KIND))?;
            if key.expires_at.is_some_and(|end| end <= now) {
                return Err(CredentialError::Expired(KIND).into());
            }
            (tenant, Kind::ApiKey(key))
        } else if let Some((tenant, hash)) = read(Purpose::UserToken, credential) {
            const KIND: &str = "user token";
            let token = self.store().user_token(tenant, &hash).await?;
            let token = token.ok_or(CredentialError::Unknown(KIND))?;
            if token.expires_at <= now {
                return Err(CredentialError::Expired(KIND).into());
            }
            (tenant, Kind::User(token))
        } else {
            return Err(CredentialError::Malformed.into());
        };
        let tenant = self.active_tenant(tenant).await?;
        Ok(Caller {
            tenant,
            kind,
            request: None,
        })
    }

    /// Calls as the host itself, in its own process, on behalf of a tenant: it may do everything.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`] with `client_app_inactive`, [`Error::Store`].
    pub async fn on_behalf_of(&self, tenant: TenantId) -> Result<Caller, Error> {
        Ok(Caller {
            tenant: self.active_tenant(tenant).await?,
            kind: Kind::Host,
            request: None,
        })
    }

    async fn active_tenant(&self, id: TenantId) -> Result<Arc<Tenant>, Error> {
        let tenant = self.store().tenant(id).await?;
        let tenant = tenant.ok_or(Error::NotFound("client app"))?;
        if !tenant.active {
            return Err(Error::Forbidden {
                code: "client_app_inactive",
                message: "this client app is not active: its owner can set `active` to true"
                    .to_owned(),
            });
        }
        Ok(Arc::new(tenant))
    }
}
