//! Who calls: API keys, user tokens, and owners by the host's own sign-in.
//!
//! A credential of ours that is sent on purpose outranks whatever else comes along: where an owner is wanted, an API
//! key or a user token is refused even beside a good cookie. Of two of ours in one request none is taken, for nobody
//! can know which was meant. An `Authorization` that is not ours, beside an `X-API-KEY`, is somebody else's business
//! (a proxy's, say) and is passed over.

use axum::extract::FromRequestParts;
use http::{HeaderMap, Method, StatusCode, header, request::Parts};
use shareville_core::{
    Caller, CallerKind, CredentialError, Shareville,
    connect::Connecting,
    credential::Purpose,
    id::{OwnerId, Provider, RequestId},
    posting::Posting,
    tenancy::Tenancy,
};
use url::Url;

use crate::{
    Api,
    body::require_json,
    problem::Problem,
    sign_in::{By, SignedIn},
};

const API_KEY_HEADER: &str = "x-api-key";

/// Of which kind a credential looks to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    ApiKey,
    UserToken,
    /// Perhaps the host's, perhaps nobody's.
    Other,
}

impl Kind {
    fn of(text: &str) -> Self {
        if text.starts_with(Purpose::ApiKey.prefix()) {
            Self::ApiKey
        } else if text.starts_with(Purpose::UserToken.prefix()) {
            Self::UserToken
        } else {
            Self::Other
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "an API key",
            Self::UserToken => "a user token",
            Self::Other => "none of our credentials",
        }
    }
}

/// A credential as it was sent.
#[derive(Clone, Copy)]
struct Presented<'a> {
    kind: Kind,
    text: &'a str,
}

fn unauthorized(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
}

fn wrong_kind(detail: impl Into<String>) -> Problem {
    unauthorized("wrong_credential_kind", detail)
}

/// The text of `Authorization: Bearer`, if there is one.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| text.trim_matches(' '))
}

fn presented(headers: &HeaderMap) -> Result<Option<Presented<'_>>, Problem> {
    let authorization = bearer(headers).map(|text| Presented {
        kind: Kind::of(text),
        text,
    });
    let mut keys = headers.get_all(API_KEY_HEADER).iter();
    let Some(key) = keys.next() else {
        return Ok(authorization);
    };
    let ours = authorization.is_some_and(|it| it.kind != Kind::Other);
    if ours || keys.next().is_some() {
        return Err(unauthorized(
            "two_credentials",
            "two credentials were sent: send one, an API key as `X-API-KEY` or a user token as `Authorization: Bearer`",
        ));
    }
    // A text that is no text is no key either.
    let text = key.to_str().unwrap_or_default();
    match Kind::of(text) {
        Kind::UserToken => Err(wrong_kind(
            "`X-API-KEY` takes an API key (`svk_…`): send a user token as `Authorization: Bearer`",
        )),
        _ => Ok(Some(Presented {
            kind: Kind::ApiKey,
            text,
        })),
    }
}

/// A caller with an API key or a user token.
#[derive(Debug)]
pub(crate) struct CallerAuth {
    pub(crate) shareville: Shareville,
    pub(crate) caller: Caller,
}

impl CallerAuth {
    pub(crate) const fn posts(&self) -> Posting<'_> {
        self.shareville.posts(&self.caller)
    }

    pub(crate) const fn connections(&self) -> Connecting<'_> {
        self.shareville.connections(&self.caller)
    }

    async fn authenticate(api: &Api, parts: &Parts, it: Presented<'_>) -> Result<Self, Problem> {
        let origin = parts.headers.get(header::ORIGIN);
        if it.kind == Kind::ApiKey && origin.is_some() {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "api_key_in_browser",
                "this request comes from a web page (it has an `Origin`): an API key there is for everybody to read \
                 and to use. Revoke it, and give the page a user token from `POST /user-tokens`",
            ));
        }
        let caller = api.shareville.authenticate(it.text).await?;
        let caller = match parts.extensions.get::<RequestId>() {
            Some(id) => caller.with_request_id(id.clone()),
            None => caller,
        };
        if let Some(origin) = origin
            && !caller.tenant().allows_origin(origin.as_bytes())
        {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "origin_not_allowed",
                "the web page's origin is not among the client app's `allowedOrigins`: its owner can add it",
            ));
        }
        if let Some(limiter) = &api.limiter {
            limiter.admit(&caller, parts, api.shareville.clock().now())?;
        }
        Ok(Self {
            shareville: api.shareville.clone(),
            caller,
        })
    }
}

impl FromRequestParts<Api> for CallerAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        const RIGHT: &str =
            "send an API key as `X-API-KEY`, or a user token as `Authorization: Bearer`";
        match presented(&parts.headers)? {
            Some(it) if it.kind != Kind::Other => Self::authenticate(api, parts, it).await,
            other => {
                // Only to say it better: if the host cannot tell, the answer is 401 all the same.
                if let Ok(Some(_)) = api.sign_in.owner(parts).await {
                    return Err(wrong_kind(format!(
                        "an owner's sign-in manages client apps and their keys, not posts and connections: {RIGHT}"
                    )));
                }
                Err(match other {
                    Some(_) => CredentialError::Malformed.into(),
                    None => unauthorized(
                        "credential_missing",
                        format!("there is no credential: {RIGHT}"),
                    ),
                })
            }
        }
    }
}

/// A caller with an API key: what only the website itself may do.
#[derive(Debug)]
pub(crate) struct KeyAuth(pub(crate) CallerAuth);

impl FromRequestParts<Api> for KeyAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let auth = CallerAuth::from_request_parts(parts, api).await?;
        match auth.caller.kind() {
            CallerKind::User(_) => Err(wrong_kind(
                "a user token cannot do this: it takes an API key, sent as `X-API-KEY` by the website's server",
            )),
            _ => Ok(Self(auth)),
        }
    }
}

/// An owner, by the host's own sign-in.
#[derive(Debug)]
pub(crate) struct OwnerAuth {
    shareville: Shareville,
    owner: OwnerId,
}

impl OwnerAuth {
    pub(crate) const fn tenancy(&self) -> Tenancy<'_> {
        self.shareville.tenancy(&self.owner)
    }
}

impl FromRequestParts<Api> for OwnerAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        const RIGHT: &str = "client apps and their keys are their owner's: sign in as the owner";
        if let Some(it) = presented(&parts.headers)?
            && it.kind != Kind::Other
        {
            let name = it.kind.name();
            return Err(wrong_kind(format!("this is {name}. {RIGHT}")));
        }
        let signed_in = api.sign_in.owner(parts).await?;
        let signed_in = signed_in.ok_or_else(|| unauthorized("not_signed_in", RIGHT))?;
        if signed_in.by == By::Cookie {
            guard_cookie(parts, &api.shareville)?;
        }
        Ok(Self {
            shareville: api.shareville.clone(),
            owner: signed_in.owner,
        })
    }
}

/// A browser sends cookies along wherever a request comes from, so what changes something must come from here.
fn guard_cookie(parts: &Parts, shareville: &Shareville) -> Result<(), Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    if !is_same_origin(&parts.headers, shareville) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "cross_origin",
            "a change by a signed-in cookie must come from a page of the same origin, with `Sec-Fetch-Site: \
             same-origin` or its `Origin`",
        ));
    }
    // A DELETE has no body to be mistaken for a form's.
    match parts.method {
        Method::DELETE => Ok(()),
        _ => require_json(&parts.headers),
    }
}

fn is_same_origin(headers: &HeaderMap, shareville: &Shareville) -> bool {
    // Only the browser itself can set it, and it knows best.
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = headers.get(header::ORIGIN).and_then(|it| it.to_str().ok());
    let Some(origin) = origin.and_then(|text| Url::parse(text).ok()) else {
        return false;
    };
    let ours = shareville.callback_url(&Provider::facebook());
    // The public URL's origin, or, where the host has several names, the one the request was sent to.
    let same_host = || {
        let host = headers.get(header::HOST).and_then(|it| it.to_str().ok());
        host.is_some_and(|host| host.eq_ignore_ascii_case(origin.authority()))
            && origin.scheme() == ours.scheme()
    };
    origin.origin() == ours.origin() || same_host()
}

/// Anybody with a credential of any kind.
#[derive(Debug)]
pub(crate) enum AnyAuth {
    /// By an API key or a user token.
    Caller(CallerAuth),
    /// By the host's own sign-in.
    Owner(SignedIn),
}

impl FromRequestParts<Api> for AnyAuth {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let ours = presented(&parts.headers)?.is_some_and(|it| it.kind != Kind::Other);
        if !ours && let Some(signed_in) = api.sign_in.owner(parts).await? {
            return Ok(Self::Owner(signed_in));
        }
        let caller = CallerAuth::from_request_parts(parts, api).await?;
        Ok(Self::Caller(caller))
    }
}
