//! Owners of the reference server: sign-up and sign-in with a password. A host has its own; this shows what it hands
//! to the router.

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use async_trait::async_trait;
use axum::{
    Json, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use shareville::{
    OwnerId, Violation,
    axum::{Problem, SignIn, SignInError, SignedIn, WholeBody},
};
use uuid::Uuid;

use crate::{
    owners::{Owner, Owners},
    paths::paths,
    throttle::{Throttle, Turn},
};

const PREFIX: &str = "svs_";
const COOKIE: &str = "shareville_session";
const SESSION: Duration = Duration::from_secs(30 * 86_400);

/// A hash to verify against where there is no owner, so that time does not tell who has an account. It is made as every
/// other is, of no password that anybody knows.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5J3Mgc2FsdCE$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Signs owners up and in.
#[derive(Debug, Clone)]
pub(crate) struct Accounts {
    owners: Owners,
    sign_up: bool,
    /// Cookies are marked `Secure` where the server is reached by https.
    secure: bool,
    throttle: Arc<Throttle>,
}

impl Accounts {
    pub(crate) async fn open(
        owners: Owners,
        sign_up: bool,
        secure: bool,
        throttle: Throttle,
    ) -> Result<Self, sqlx::Error> {
        owners.make_tables().await?;
        Ok(Self {
            owners,
            sign_up,
            secure,
            throttle: Arc::new(throttle),
        })
    }

    /// The routes below `/auth`.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/sign-up/email", post(sign_up))
            .route("/sign-in/email", post(sign_in))
            .route("/sign-out", post(sign_out))
            .method_not_allowed_fallback(async || {
                let detail = "this route takes POST";
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
            })
            .with_state(self)
    }

    /// Makes an owner, or finds the one there is.
    pub(crate) async fn ensure(&self, email: &str, name: &str) -> Result<OwnerId, sqlx::Error> {
        let new = Owner {
            id: Uuid::now_v7().to_string(),
            email: email.to_owned(),
            name: name.to_owned(),
            password: String::new(),
        };
        self.owners.add(&new).await?;
        let owner = self.owners.by_email(email).await?;
        Ok(OwnerId::new(owner.ok_or(sqlx::Error::RowNotFound)?.id))
    }

    async fn begin_session(&self, owner: &Owner) -> Result<Response, Problem> {
        let mut random = [0_u8; 32];
        getrandom::fill(&mut random).map_err(|_| unavailable())?;
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
        self.owners
            .begin_session(&hash(&token), owner, SESSION)
            .await
            .map_err(table_failed)?;
        let secure = if self.secure { "; Secure" } else { "" };
        let cookie = format!(
            "{COOKIE}={token}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            SESSION.as_secs()
        );
        let body = Json(json!({ "token": token, "user": owner }));
        Ok(([(header::SET_COOKIE, cookie)], body).into_response())
    }
}

/// The fields of a body, none of them given twice: `serde_json` alone would keep the last in silence.
struct Given(Map<String, Value>);

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut given = Map::new();
        while let Some((name, value)) = fields.next_entry::<String, Value>()? {
            if given.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
            }
            given.insert(name, value);
        }
        Ok(given)
    }
}

/// Reads a body of texts: all that is wrong with it, at once.
fn fields<const N: usize>(
    headers: &HeaderMap,
    body: &[u8],
    names: [&str; N],
) -> Result<[String; N], Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .and_then(|kind| kind.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase());
    if kind.is_none_or(|kind| kind != "application/json" && !kind.ends_with("+json")) {
        let detail = "send the body as `content-type: application/json`";
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        ));
    }
    let malformed = |error: serde_json::Error| {
        Problem::new(StatusCode::BAD_REQUEST, "malformed_json", error.to_string())
    };
    let value: Value = serde_json::from_slice(body).map_err(malformed)?;
    let mut wrong = Vec::new();
    let given = if value.is_object() {
        let Given(given) = serde_json::from_slice(body).map_err(malformed)?;
        given
    } else {
        wrong.push(Violation::new("", "wrong_type", "must be an object"));
        Map::new()
    };
    for unknown in given.keys().filter(|name| !names.contains(&name.as_str())) {
        let message = format!("is not known here. Known are: {}", names.join(", "));
        wrong.push(Violation::new(
            format!("/{unknown}"),
            "unknown_field",
            message,
        ));
    }
    let texts = names.map(|name| {
        let text = given.get(name).and_then(Value::as_str).map(str::to_owned);
        text.unwrap_or_else(|| {
            let message = "is needed, and must be a text";
            wrong.push(Violation::new(format!("/{name}"), "required", message));
            String::new()
        })
    });
    match wrong.is_empty() {
        true => Ok(texts),
        false => Err(Problem::invalid(wrong)),
    }
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn unavailable() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
        "the server cannot do this right now: try again",
    )
    .retry_after(Duration::from_secs(1))
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn table_failed(error: sqlx::Error) -> Problem {
    tracing::error!(%error, "the owners' table failed");
    unavailable()
}

/// Argon2 takes its time on purpose, so it runs where it keeps nobody waiting.
async fn hash_password(password: String, turn: Turn) -> Option<String> {
    let hashed = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        Argon2::default()
            .hash_password(password.as_bytes())
            .map(|hash| hash.to_string())
    });
    hashed.await.ok()?.ok()
}

async fn verify_password(password: String, hash: String, turn: Turn) -> bool {
    let verified = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    });
    verified.await.unwrap_or(false)
}

async fn sign_up(
    State(accounts): State<Accounts>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, Problem> {
    let [email, password, name] = fields(&headers, &body, ["email", "password", "name"])?;
    if !accounts.sign_up {
        let detail = "sign-up is closed on this server: ask its operator (SHAREVILLE_SIGN_UP)";
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "sign_up_closed",
            detail,
        ));
    }
    let email = email.trim().to_lowercase();
    let mut wrong = Vec::new();
    let parts = email.split_once('@');
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if parts.is_none_or(|(name, host)| {
        name.is_empty() || host.is_empty() || host.contains('@') || email.contains(odd)
    }) || email.len() > 254
    {
        wrong.push(Violation::new(
            "/email",
            "malformed",
            "must be an e-mail address",
        ));
    }
    if !(8..=1024).contains(&password.chars().count()) {
        let message = "must have 8 to 1024 characters";
        wrong.push(Violation::new("/password", "out_of_range", message));
    }
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 200 || name.contains(char::is_control) {
        wrong.push(Violation::new(
            "/name",
            "out_of_range",
            "must have 1 to 200 characters",
        ));
    }
    if !wrong.is_empty() {
        return Err(shareville::Error::Invalid(wrong).into());
    }
    let turn = accounts.throttle.turn().await?;
    let password = hash_password(password, turn).await;
    let password = password.ok_or_else(unavailable)?;
    let owner = Owner {
        id: Uuid::now_v7().to_string(),
        email,
        name: name.to_owned(),
        password,
    };
    let added = accounts.owners.add(&owner).await.map_err(table_failed)?;
    if !added {
        let detail = "somebody has signed up with this e-mail address: sign in instead";
        return Err(Problem::new(StatusCode::CONFLICT, "email_taken", detail));
    }
    let from = accounts.throttle.address(peer, &headers);
    accounts.throttle.know(&owner.email, from, Instant::now());
    let mut answer = accounts.begin_session(&owner).await?;
    *answer.status_mut() = StatusCode::CREATED;
    Ok(answer)
}

async fn sign_in(
    State(accounts): State<Accounts>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, Problem> {
    let [email, password] = fields(&headers, &body, ["email", "password"])?;
    let email = email.trim().to_lowercase();
    let from = accounts.throttle.address(peer, &headers);
    accounts.throttle.look(&email, from, Instant::now())?;
    let turn = accounts.throttle.turn().await?;
    let owner = accounts.owners.by_email(&email).await;
    let owner = owner.map_err(table_failed)?;
    // Only now, so that what is no fault of theirs counts against nobody.
    accounts.throttle.begin(&email, from, Instant::now())?;
    let known = owner.as_ref().map_or(DECOY, |owner| &owner.password);
    let right = verify_password(password, known.to_owned(), turn).await;
    match owner.filter(|_| right) {
        Some(owner) => {
            accounts.throttle.right(&email, from, Instant::now());
            accounts.begin_session(&owner).await
        }
        None => {
            let detail = "e-mail address or password is wrong";
            Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "wrong_password",
                detail,
            ))
        }
    }
}

async fn sign_out(
    State(accounts): State<Accounts>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some((token, _)) = session(&headers) {
        let ended = accounts.owners.end_session(&hash(token)).await;
        ended.map_err(table_failed)?;
    }
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// How a session's token was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Header,
    Cookie,
}

fn session(headers: &HeaderMap) -> Option<(&str, Sent)> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| token.starts_with(PREFIX));
    if let Some(token) = bearer {
        return Some((token, Sent::Header));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find_map(|(name, token)| (name == COOKIE).then_some((token, Sent::Cookie)))
}

#[async_trait]
impl SignIn for Accounts {
    async fn owner(&self, request: &Parts) -> Result<Option<SignedIn>, SignInError> {
        let Some((token, sent)) = session(&request.headers) else {
            return Ok(None);
        };
        let owner = self.owners.of_session(&hash(token)).await;
        let owner = owner.map_err(|error| SignInError::Unavailable(error.into()))?;
        Ok(owner.map(|owner| match sent {
            Sent::Header => SignedIn::by_bearer(owner),
            Sent::Cookie => SignedIn::by_cookie(owner),
        }))
    }

    fn paths(&self) -> Value {
        paths()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

    use super::*;

    async fn pool() -> SqlitePool {
        let options = SqliteConnectOptions::new().in_memory(true);
        let pool = SqlitePoolOptions::new().max_connections(1);
        pool.connect_with(options).await.unwrap()
    }

    fn json_body() -> HeaderMap {
        let mut headers = HeaderMap::new();
        let kind = "application/json".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, kind);
        headers
    }

    #[test]
    fn the_decoy_should_take_as_long_as_any_other_hash() {
        let decoy = PasswordHash::new(DECOY).unwrap();
        let fresh = Argon2::default().hash_password(b"password").unwrap();
        let made = |hash: &PasswordHash| {
            let text = hash.to_string();
            text.rsplitn(3, '$').last().unwrap().to_owned()
        };
        assert_eq!(made(&decoy), made(&fresh));
        let length = |hash: &PasswordHash| hash.hash.unwrap().as_bytes().len();
        assert_eq!(length(&decoy), length(&fresh));
        let verified = Argon2::default().verify_password(b"password", &decoy);
        assert!(verified.is_err());
    }

    #[tokio::test]
    async fn what_is_no_wrong_password_should_count_against_nobody() {
        let pool = pool().await;
        let owners = Owners::Sqlite(pool.clone());
        let accounts = Accounts::open(owners, true, false, Throttle::new(0));
        let accounts = accounts.await.unwrap();
        pool.close().await;
        for _ in 0..20 {
            let body = r#"{"email": "ada@example.org", "password": "right, for all one knows"}"#;
            let refused = sign_in(
                State(accounts.clone()),
                ConnectInfo("192.0.2.1:9".parse().unwrap()),
                json_body(),
                WholeBody(Bytes::from_static(body.as_bytes())),
            );
            let status = refused.await.map_err(|problem| problem.status());
            assert_eq!(status.err(), Some(StatusCode::SERVICE_UNAVAILABLE));
        }
    }

    #[test]
    fn a_body_should_be_read_as_strictly_as_the_api_reads_its_own() {
        let read = |kind: &str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            let read = fields(&headers, body.as_bytes(), ["email"]);
            read.map_err(|problem| problem.code().to_owned())
        };
        let body = r#"{"email": "ada"}"#;
        for kind in ["application/json", "Application/JSON ; charset=utf-8"] {
            assert_eq!(read(kind, body), Ok(["ada".to_owned()]), "{kind}");
        }
        for kind in ["application/jsonx", "text/plain"] {
            let refused = Err("unsupported_media_type".to_owned());
            assert_eq!(read(kind, body), refused, "{kind}");
        }
        for (body, code) in [
            (r#"{"email": "ada", "email": "eve"}"#, "malformed_json"),
            ("{", "malformed_json"),
            ("[]", "invalid"),
            (r#"{"email": "ada", "name": "Ada"}"#, "invalid"),
        ] {
            let refused = Err(code.to_owned());
            assert_eq!(read("application/json", body), refused, "{body}");
        }
    }
}
