//! A personal data server on one's own machine: as much of the AT Protocol as a post needs, and one fault.
//!
//! It follows the reference server where that matters here: `putRecord` checks everything before it writes, answers the
//! same record under the same key without writing it again, and obeys `swapRecord`.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

/// A server in emulation; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Pds {
    url: Url,
    world: Arc<Mutex<World>>,
    _serving: AbortOnDropHandle<io::Result<()>>,
}

#[derive(Debug, Default)]
struct World {
    /// Password and DID, by handle.
    accounts: HashMap<String, (String, String)>,
    /// Whose a token is.
    access: HashMap<String, String>,
    refresh: HashMap<String, String>,
    /// Records and their hashes, by DID and key.
    records: BTreeMap<(String, String), (Value, String)>,
    lose_next_put: bool,
    made: u64,
    puts: u64,
}

/// An error in the shape of XRPC.
struct Refusal(StatusCode, &'static str, String);

type Answer = Result<Value, Refusal>;

impl Pds {
    /// Starts one, at any free port.
    pub(crate) async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?).parse()?;
        let world = Arc::<Mutex<World>>::default();
        let router = Router::new()
            .route("/xrpc/{method}", get(query).post(procedure))
            .with_state(Arc::clone(&world));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            url,
            world,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> Url {
        self.url.clone()
    }

    /// Opens an account; gives its DID.
    pub(crate) fn open_account(&self, handle: &str, password: &str) -> String {
        let mut world = lock(&self.world);
        let did = format!("did:plc:{}", world.fresh("account"));
        let account = (password.to_owned(), did.clone());
        world.accounts.insert(handle.to_owned(), account);
        did
    }

    /// Writes the next record, and loses the answer.
    pub(crate) fn lose_the_next_answer(&self) {
        lock(&self.world).lose_next_put = true;
    }

    /// What everybody sees on an account: keys and records.
    pub(crate) fn visible(&self, did: &str) -> Vec<(String, Value)> {
        let world = lock(&self.world);
        let records = world.records.iter().filter(|((of, _), _)| of == did);
        records
            .map(|((_, key), (record, _))| (key.clone(), record.clone()))
            .collect()
    }

    /// How often `putRecord` was called.
    pub(crate) fn puts(&self) -> u64 {
        lock(&self.world).puts
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, error, message) = self;
        (status, Json(json!({ "error": error, "message": message }))).into_response()
    }
}

async fn query(
    State(world): State<Arc<Mutex<World>>>,
    Path(method): Path<String>,
    Query(input): Query<HashMap<String, String>>,
) -> Response {
    let answer = match method.as_str() {
        "com.atproto.repo.getRecord" => lock(&world).get(&input),
        _ => Err(no_such_method()),
    };
    answer.map(Json).into_response()
}

async fn procedure(
    State(world): State<Arc<Mutex<World>>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let bearer = headers.get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let bearer = bearer.unwrap_or_default();
    let input = serde_json::from_str(&body).unwrap_or(Value::Null);
    let mut world = lock(&world);
    let answer = match method.as_str() {
        "com.atproto.server.createSession" => world.create_session(&input),
        "com.atproto.server.refreshSession" => world.refresh_session(bearer),
        "com.atproto.server.deleteSession" => world.delete_session(bearer),
        "com.atproto.repo.putRecord" => world.put(bearer, &input),
        "com.atproto.repo.deleteRecord" => world.delete(bearer, &input),
        _ => Err(no_such_method()),
    };
    let is_put = method == "com.atproto.repo.putRecord";
    if is_put && std::mem::take(&mut world.lose_next_put) {
        let broken = Err::<String, _>(io::Error::other("the line went dead"));
        return Body::from_stream(futures::stream::iter([broken])).into_response();
    }
    answer.map(Json).into_response()
}

impl World {
    /// A text that was not there before.
    fn fresh(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn session(&mut self, did: String) -> Value {
        let (access, refresh) = (self.fresh("access"), self.fresh("refresh"));
        let of = |(_, (_, its)): &(&String, &(String, String))| *its == did;
        let handle = self.accounts.iter().find(of).map(|(handle, _)| handle);
        let session =
            json!({ "did": did, "handle": handle, "accessJwt": access, "refreshJwt": refresh });
        self.access.insert(access, did.clone());
        self.refresh.insert(refresh, did);
        session
    }

    fn create_session(&mut self, input: &Value) -> Answer {
        let account = self.accounts.get(text(input, "identifier"));
        match account {
            Some((password, did)) if password == text(input, "password") => {
                let did = did.clone();
                Ok(self.session(did))
            }
            _ => Err(unauthorized("Invalid identifier or password")),
        }
    }

    fn refresh_session(&mut self, bearer: &str) -> Answer {
        match self.refresh.remove(bearer) {
            Some(did) => Ok(self.session(did)),
            None => Err(bad("ExpiredToken", "Token has been revoked")),
        }
    }

    fn delete_session(&mut self, bearer: &str) -> Answer {
        self.refresh.remove(bearer);
        Ok(Value::Null)
    }

    /// The record's place, if the caller may write there.
    fn place(&self, bearer: &str, input: &Value) -> Result<(String, String), Refusal> {
        let did = self.access.get(bearer);
        let did = did.ok_or_else(|| bad("InvalidToken", "Token could not be verified"))?;
        if did != text(input, "repo") {
            return Err(unauthorized("Authentication Required"));
        }
        if text(input, "collection") != "app.bsky.feed.post" {
            return Err(invalid("this emulation holds posts only"));
        }
        Ok((did.clone(), text(input, "rkey").to_owned()))
    }

    fn put(&mut self, bearer: &str, input: &Value) -> Answer {
        self.puts += 1;
        let place = self.place(bearer, input)?;
        let record = &input["record"];
        check(&place.1, record)?;
        let known = self.records.get(&place).cloned();
        let cid = match known {
            // Nothing new: the reference server does not even look at `swapRecord`.
            Some((same, cid)) if same == *record => cid,
            known => {
                let cid = known.as_ref().map(|(_, cid)| cid.as_str());
                swap(input, cid)?;
                let cid = self.fresh("cid");
                let written = (record.clone(), cid.clone());
                self.records.insert(place.clone(), written);
                cid
            }
        };
        Ok(json!({ "uri": uri(&place), "cid": cid }))
    }

    fn get(&self, input: &HashMap<String, String>) -> Answer {
        let field = |name: &str| input.get(name).cloned().unwrap_or_default();
        let place = (field("repo"), field("rkey"));
        match self.records.get(&place) {
            Some((value, cid)) => Ok(json!({ "uri": uri(&place), "cid": cid, "value": value })),
            None => Err(bad("RecordNotFound", "Could not locate record")),
        }
    }

    fn delete(&mut self, bearer: &str, input: &Value) -> Answer {
        let place = self.place(bearer, input)?;
        if let Some((_, cid)) = self.records.get(&place) {
            swap(input, Some(cid))?;
            self.records.remove(&place);
        }
        Ok(json!({}))
    }
}

/// Obeys `swapRecord`: absent, anything goes; `null`, nothing may be there; else, exactly that.
fn swap(input: &Value, current: Option<&str>) -> Result<(), Refusal> {
    match input.get("swapRecord") {
        Some(wanted) if wanted.as_str() != current => {
            Err(bad("InvalidSwap", "Record was at another CID"))
        }
        _ => Ok(()),
    }
}

fn check(key: &str, record: &Value) -> Result<(), Refusal> {
    let digits = |c: char| matches!(c, '2'..='7' | 'a'..='z');
    let is_tid = key.len() == 13 && key.chars().all(digits) && key.as_bytes()[0] <= b'j';
    if !is_tid {
        return Err(invalid("Invalid record key for app.bsky.feed.post"));
    }
    let text = text(record, "text");
    if text.graphemes(true).count() > 300 || text.len() > 3000 || record["createdAt"].is_null() {
        return Err(invalid("Invalid app.bsky.feed.post record"));
    }
    Ok(())
}

fn text<'a>(input: &'a Value, name: &str) -> &'a str {
    input[name].as_str().unwrap_or_default()
}

fn uri((did, key): &(String, String)) -> String {
    format!("at://{did}/app.bsky.feed.post/{key}")
}

fn bad(error: &'static str, message: &str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, error, message.to_owned())
}

fn invalid(message: &str) -> Refusal {
    bad("InvalidRequest", message)
}

fn unauthorized(message: &str) -> Refusal {
    Refusal(
        StatusCode::UNAUTHORIZED,
        "AuthenticationRequired",
        message.to_owned(),
    )
}

fn no_such_method() -> Refusal {
    Refusal(
        StatusCode::NOT_IMPLEMENTED,
        "MethodNotImplemented",
        String::new(),
    )
}
