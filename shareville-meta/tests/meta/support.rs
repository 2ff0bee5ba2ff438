//! A server that stands for Meta, and what is sent to it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use shareville_core::{
    clock::{Clock as _, ManualClock, SystemClock, Timestamp},
    connection::Account,
    event::Actor,
    id::{AccountId, ConnectionId, Provider, TenantId, UserId},
    media::PublicMedia,
    post::{self, Content, Draft, Moment, Pace, Progress},
    publisher::{Access, Job},
    tenant::App,
};
use shareville_meta::{Endpoint, FacebookLogin, FacebookPages, Graph, GraphConfig, LoginConfig};
use wiremock::{
    Match, Mock, MockBuilder, MockServer, Request, ResponseTemplate,
    matchers::{any, method, path},
};

pub(crate) const APP_ID: &str = "4242";
pub(crate) const APP_SECRET: &str = "app-secret-0123456789";
pub(crate) const USER_TOKEN: &str = "EAAuser0long0lived0token";
pub(crate) const SHORT_TOKEN: &str = "EAAuser0short0lived0token";
pub(crate) const PAGE_TOKEN: &str = "EAApage0token0of0the0page";
pub(crate) const CODE: &str = "code-from-the-dialog-0123";
pub(crate) const INSTAGRAM_TOKEN: &str = "IGAAinstagram0long0lived0token";
pub(crate) const INSTAGRAM_SECRET: &str = "instagram-secret-0123456789";
pub(crate) const PAGE: &str = "1000";
pub(crate) const POST: &str = "1000_2000";

/// Every planted secret, and what stands for it in snapshots.
const SECRETS: [(&str, &str); 7] = [
    (APP_SECRET, "[app secret]"),
    (USER_TOKEN, "[user token]"),
    (SHORT_TOKEN, "[short user token]"),
    (PAGE_TOKEN, "[page token]"),
    (CODE, "[code]"),
    (INSTAGRAM_TOKEN, "[instagram token]"),
    (INSTAGRAM_SECRET, "[instagram secret]"),
];

pub(crate) struct Meta {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
}

/// When everything happens.
pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// When the platform says that something happened, `seconds` from [`now`].
pub(crate) fn graph_time(seconds: i64) -> String {
    let time = now() + chrono::TimeDelta::seconds(seconds);
    time.format("%Y-%m-%dT%H:%M:%S+0000").to_string()
}

impl Meta {
    /// A server that answers what no expectation covers with an error that names it.
    pub(crate) async fn start() -> Self {
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(|request: &Request| {
                let missed = format!("NO EXPECTATION FOR {} {}", request.method, request.url);
                ResponseTemplate::new(400)
                    .set_body_json(json!({ "error": { "message": missed, "code": 987_654 } }))
            })
            .with_priority(255)
            .mount(&server)
            .await;
        Self {
            server,
            clock: Arc::new(ManualClock::at(now())),
        }
    }

    pub(crate) fn config(&self) -> GraphConfig {
        let base = self.server.uri().parse().unwrap();
        GraphConfig::new().with_endpoint(Endpoint::at(base).unwrap())
    }

    pub(crate) fn graph_with(&self, config: GraphConfig) -> Graph {
        let clock = Arc::clone(&self.clock);
        Graph::new(config).unwrap().with_clock(clock)
    }

    pub(crate) fn pages(&self) -> FacebookPages {
        FacebookPages::new(self.graph_with(self.config()))
    }

    /// Where people see something that has an id.
    pub(crate) fn address_of(&self, id: &str) -> String {
        format!("{}/www.facebook.com/{id}", self.server.uri())
    }

    /// What the clock shows.
    pub(crate) fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn login(&self) -> FacebookLogin {
        FacebookLogin::new(self.graph_with(self.config()), LoginConfig::new())
    }

    /// Answers a call with JSON.
    pub(crate) async fn on(&self, verb: &str, below_version: &str, answer: (u16, Value)) {
        self.mount(on(verb, below_version), json_answer(answer))
            .await;
    }

    /// Answers the next such call only.
    pub(crate) async fn once(&self, verb: &str, below_version: &str, answer: (u16, Value)) {
        let mock = on(verb, below_version).respond_with(json_answer(answer));
        mock.up_to_n_times(1)
            .with_priority(1)
            .mount(&self.server)
            .await;
    }

    /// Answers a call, named by its host too, with JSON.
    pub(crate) async fn on_host(&self, verb: &str, whole_path: &str, answer: (u16, Value)) {
        self.mount(on_host(verb, whole_path), json_answer(answer))
            .await;
    }

    /// Answers such calls with this parameter.
    pub(crate) async fn on_with(
        &self,
        verb: &str,
        edge: &str,
        matches: impl Match + 'static,
        answer: (u16, Value),
    ) {
        let mock = on(verb, edge)
            .and(matches)
            .respond_with(json_answer(answer));
        mock.with_priority(2).mount(&self.server).await;
    }

    pub(crate) async fn mount(&self, mock: MockBuilder, answer: ResponseTemplate) {
        mock.respond_with(answer).mount(&self.server).await;
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// `GET /me` and the like, in the order they came.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let requests = self.requests().await;
        let version = "/graph.facebook.com/v25.0";
        let name = |request: &Request| {
            let edge = request
                .url
                .path()
                .strip_prefix(version)
                .unwrap_or(request.url.path());
            format!("{} {edge}", request.method)
        };
        requests.iter().map(name).collect()
    }

    /// All that was sent, for a snapshot, with the secrets blotted out.
    pub(crate) async fn sent(&self) -> Value {
        Value::Array(self.requests().await.iter().map(described).collect())
    }
}

pub(crate) fn on(verb: &str, below_version: &str) -> MockBuilder {
    on_host(verb, &format!("/graph.facebook.com/v25.0{below_version}"))
}

/// A call with its host, and its version if it has one.
pub(crate) fn on_host(verb: &str, whole_path: &str) -> MockBuilder {
    Mock::given(method(verb)).and(path(whole_path))
}

pub(crate) fn json_answer((status, body): (u16, Value)) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn described(request: &Request) -> Value {
    let pairs = |bytes: &[u8]| {
        let pairs = url::form_urlencoded::parse(bytes).into_owned();
        pairs
            .map(|(name, value)| (name, blotted(&value)))
            .collect::<BTreeMap<_, _>>()
    };
    let header = |name: &str| {
        let value = request.headers.get(name)?.to_str().ok()?;
        Some((name.to_owned(), blotted(value)))
    };
    let mut headers: BTreeMap<_, _> = [
        "authorization",
        "content-type",
        "file_url",
        "offset",
        "file_size",
    ]
    .into_iter()
    .filter_map(header)
    .collect();
    let boundary = headers.get("content-type").and_then(|kind| {
        let (_, boundary) = kind.split_once("boundary=")?;
        Some(boundary.to_owned())
    });
    if boundary.is_some() {
        headers.insert("content-type".into(), "multipart/form-data".into());
    }
    let mut described = json!({
        "method": request.method.as_str(),
        "path": request.url.path(),
        "headers": headers,
    });
    let query = pairs(request.url.query().unwrap_or_default().as_bytes());
    let form = match (boundary, request.headers.contains_key("offset")) {
        (Some(boundary), _) => parts(&request.body, &boundary),
        (None, true) => BTreeMap::new(),
        (None, false) => pairs(&request.body),
    };
    if !query.is_empty() {
        described["query"] = json!(query);
    }
    if !form.is_empty() {
        described["form"] = json!(form);
    }
    described
}

/// The parts of a `multipart/form-data` body; all of them are texts here.
fn parts(body: &[u8], boundary: &str) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(body).unwrap();
    let separator = format!("--{boundary}");
    let parts = body.split(separator.as_str());
    parts
        .filter_map(|part| part.split_once("\r\n\r\n"))
        .map(|(head, value)| {
            let (_, name) = head.split_once("name=\"").unwrap();
            let name = name.split('"').next().unwrap().to_owned();
            let value = value.strip_suffix("\r\n").unwrap();
            match head.contains("filename=") {
                true => (format!("{name} (a file)"), value.to_owned()),
                false => (name, blotted(value)),
            }
        })
        .collect()
}

fn blotted(text: &str) -> String {
    if text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return "[proof]".to_owned();
    }
    SECRETS
        .iter()
        .fold(text.to_owned(), |text, (secret, name)| {
            text.replace(secret, name)
        })
}

/// Whether any planted secret shows in a text.
pub(crate) fn shows_a_secret(text: &str) -> bool {
    SECRETS.iter().any(|(secret, _)| text.contains(secret))
}

pub(crate) fn app() -> App {
    App {
        id: APP_ID.to_owned(),
        secret: APP_SECRET.into(),
    }
}

fn account() -> Account {
    Account {
        id: AccountId::generate(),
        tenant: TenantId::generate(),
        connection: ConnectionId::generate(),
        user: UserId::from("ada"),
        provider: Provider::facebook(),
        platform_id: PAGE.to_owned(),
        name: "Ada's".to_owned(),
        username: None,
        category: None,
        picture: None,
        can_publish: true,
        problems: Vec::new(),
        token: None,
        created_at: now(),
        updated_at: now(),
    }
}

/// A post of this content, in the middle of a claim.
pub(crate) fn job(content: Content) -> Job {
    let account = account();
    let draft = Draft {
        account: &account,
        group: None,
        content,
        metadata: serde_json::Map::new(),
        give_up_after: Duration::from_secs(86_400),
    };
    let moment = Moment {
        now: SystemClock.now(),
        actor: Actor::Host,
        pace: Pace::default(),
    };
    let (post, _) = post::draft(draft, &moment);
    Job {
        post: Arc::new(post),
        account: Arc::new(account),
        access: Access {
            token: PAGE_TOKEN.into(),
            app: app(),
            login: Provider::facebook(),
        },
        media: Arc::new(PublicMedia),
        resumed: false,
    }
}

/// The same post, published.
pub(crate) fn published(mut job: Job) -> Job {
    let mut post = (*job.post).clone();
    post.published.platform_id = Some(POST.to_owned());
    job.post = Arc::new(post);
    job
}

/// The same post, claimed by another worker.
pub(crate) fn resumed(job: &Job) -> Job {
    Job {
        resumed: true,
        ..job.clone()
    }
}

/// What preparing leaves when it is done.
pub(crate) fn ready(job: &Job) -> Progress {
    Progress {
        version: 1,
        content_revision: job.post.content_revision,
        object: Some(POST.to_owned()),
        data: json!({}),
    }
}

pub(crate) fn graph_error(code: i64, subcode: i64) -> Value {
    json!({ "error": { "message": "Nope", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "Trace1" } })
}
