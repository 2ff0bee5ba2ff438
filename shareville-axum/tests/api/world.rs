//! One server with its store, and requests to it.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, request},
};
use serde_json::{Value, json};
use shareville_core::{
    Settings, Shareville,
    clock::{Clock, ManualClock},
    event::Actor,
    id::TenantId,
    post::{Command, Evidence, Moment, Pace, Progress, Published, Repeat, apply},
    publisher::Capabilities,
    secret::Keyring,
    store::{MemoryStore, PostStore, Store},
};
use tokio::sync::Mutex;
use tower::ServiceExt;
use url::Url;

use crate::{
    fakes::{FakeCallbacks, FakeConnector, FakePublisher, FakeSignIn, Script},
    shelf::Shelf,
};

pub(crate) const ORIGIN: &str = "https://shop.example";
/// The most bytes of an upload; a user has room for two, and a client app for three.
pub(crate) const MAX_UPLOAD: u64 = 64 * 1024;

pub(crate) const REDIRECT: &str = "https://shop.example/connected?from=shareville";

/// A server, a client app of the owner `alice`, and an API key of it.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) shareville: Shareville,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) network: Script,
    pub(crate) login: Script,
    pub(crate) evidence: Arc<Mutex<Evidence>>,
    pub(crate) revoked: Arc<Mutex<Vec<String>>>,
    pub(crate) shelf: Shelf,
    pub(crate) app: String,
    pub(crate) key: String,
    document: Value,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// Expects a problem document with a code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        assert_eq!(this.header("content-type"), "application/problem+json");
        assert_eq!(this.body["status"], status);
        assert_eq!(this.body["code"], code, "{}", this.text);
        assert_eq!(
            this.body["type"],
            format!("https://shareville.dev/problems/{code}")
        );
        assert!(!this.detail().is_empty());
        this
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap().to_owned()
    }

    /// Where something was wrong, and how, in the order told.
    pub(crate) fn wrong(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().unwrap();
        let part = |error: &'_ Value, name: &str| error[name].as_str().is_some();
        assert!(errors.iter().all(|error| part(error, "message")));
        errors
            .iter()
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect()
    }
}

/// A request that is being made.
pub(crate) struct Call<'a> {
    world: &'a World,
    request: request::Builder,
    body: Body,
}

impl Call<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("x-api-key", key)
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn owner(self, name: &str) -> Self {
        self.bearer(&format!("svs_{name}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Body::from(body.to_string());
        self.header("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, content_type: &str, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().trim_start_matches("/api").to_owned();
        let answer = ask(self.world.router.clone(), request).await;
        hold(&self.world.document, &method, &path, answer.status.as_u16());
        answer
    }
}

/// Holds an answer's status to what the document tells of its route; what is no route of it is nobody's business.
fn hold(document: &Value, method: &str, path: &str, status: u16) {
    let is_of = |told: &str| {
        let (told, path) = (told.split('/'), path.split('/'));
        told.clone().count() == path.clone().count()
            && told
                .zip(path)
                .all(|(told, it)| told.starts_with('{') || told == it)
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let mut fitting: Vec<_> = paths.filter(|(told, _)| is_of(told)).collect();
    fitting.sort_by_key(|(told, _)| told.matches('{').count());
    let method = method.to_lowercase();
    let Some(operation) = fitting.first().and_then(|(_, item)| item.get(&method)) else {
        return;
    };
    let told = operation["responses"].get(status.to_string());
    assert!(told.is_some(), "{method} {path}: {status} is not told of");
}

/// Sends one request to any router, and checks what every answer promises.
pub(crate) async fn ask(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    };
    assert!(!answer.header("x-request-id").is_empty());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains("PLANTED"), "{}", answer.text);
    answer
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::over(|store| store).await
    }

    /// A server that sees its store through something.
    pub(crate) async fn over(wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let (network, login) = (Script::default(), Script::default());
        let evidence = Arc::new(Mutex::new(Evidence::Unclear(None)));
        let revoked = Arc::default();
        let mut capabilities = Capabilities::default();
        capabilities.edits_published = true;
        capabilities.deletes_published = true;
        let mut settings = Settings::default();
        settings.uploads.max_bytes = MAX_UPLOAD;
        settings.uploads.user_bytes = 2 * MAX_UPLOAD;
        settings.uploads.tenant_bytes = 3 * MAX_UPLOAD;
        let shelf = Shelf::default();
        let api_url = Url::parse("https://api.example/api").unwrap();
        let shareville = Shareville::builder(
            wrap(Arc::<MemoryStore>::clone(&store)),
            Keyring::ephemeral(),
            api_url,
        )
        .clock(Arc::<ManualClock>::clone(&clock))
        .settings(settings)
        .uploads(shelf.clone())
        .publisher(FakePublisher {
            capabilities,
            script: Arc::clone(&network),
            evidence: Arc::clone(&evidence),
        })
        .connector(FakeConnector {
            revoked: Arc::clone(&revoked),
            script: Arc::clone(&login),
        })
        .callbacks(FakeCallbacks)
        .build()
        .unwrap();
        let mut world = Self {
            router: Router::new().nest(
                "/api",
                shareville_axum::router(shareville.clone(), FakeSignIn),
            ),
            shareville,
            store,
            clock,
            network,
            login,
            evidence,
            revoked,
            shelf,
            app: String::new(),
            key: String::new(),
            document: Value::Null,
        };
        let document = Request::get("/api/openapi.json").body(Body::empty());
        world.document = ask(world.router.clone(), document.unwrap()).await.body;
        (world.app, world.key) = world.client_app("alice", "123").await;
        world
    }

    fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call {
            world: self,
            request: Request::builder().method(method).uri(format!("/api{path}")),
            body: Body::empty(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn options(&self, path: &str) -> Call<'_> {
        self.call(Method::OPTIONS, path)
    }

    /// Makes a client app and an API key.
    pub(crate) async fn client_app(&self, owner: &str, app_id: &str) -> (String, String) {
        let body = json!({
            "name": "Ada's Shop",
            "allowedOrigins": [ORIGIN],
            "redirectUris": [REDIRECT],
            "facebookAppId": app_id,
            "facebookAppSecret": "PLANTED-app-secret",
        });
        let made = self
            .post("/client-apps")
            .owner(owner)
            .json(&body)
            .send()
            .await;
        let id = made.expect(201).id();
        let key = self.api_key(owner, &id, &json!({})).await;
        (id, key)
    }

    pub(crate) async fn api_key(&self, owner: &str, app: &str, body: &Value) -> String {
        let path = format!("/client-apps/{app}/api-key");
        let made = self
            .post(&path)
            .owner(owner)
            .json(body)
            .send()
            .await
            .expect(200);
        made.body["apiKey"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn scoped_key(&self, scopes: &[&str]) -> String {
        self.api_key("alice", &self.app, &json!({ "scopes": scopes }))
            .await
    }

    pub(crate) async fn user_token(&self, user: &str) -> String {
        let body = json!({ "userId": user });
        let made = self
            .post("/user-tokens")
            .key(&self.key)
            .json(&body)
            .send()
            .await;
        made.expect(201).body["token"].as_str().unwrap().to_owned()
    }

    /// Begins a login and gives its `state`.
    pub(crate) async fn begin(&self, key: &str, user: &str, more: &str) -> String {
        let path = format!("/social/providers/facebook/connect?userId={user}{more}");
        let begun = self.get(&path).key(key).send().await.expect(200);
        let url = Url::parse(begun.body["url"].as_str().unwrap()).unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        state.1.into_owned()
    }

    pub(crate) async fn come_back(&self, state: &str, code: &str) -> Answer {
        let path = format!("/social/providers/facebook/callback?state={state}&code={code}");
        self.get(&path).send().await
    }

    /// Connects a user, and gives the connection's and its page's ids.
    pub(crate) async fn connect(&self, key: &str, user: &str) -> (String, String) {
        let state = self.begin(key, user, "").await;
        self.come_back(&state, "good").await.expect(200);
        let path = format!("/social/providers?userId={user}");
        let listed = self.get(&path).key(key).send().await.expect(200);
        let connection = listed.body["data"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/social/providers/{connection}/pages");
        let listed = self.get(&path).key(key).send().await.expect(200);
        let page = listed.body["data"][0]["id"].as_str().unwrap().to_owned();
        (connection, page)
    }

    /// Creates a post of this world's client app.
    pub(crate) async fn create(&self, body: &Value) -> Answer {
        self.post("/posts").key(&self.key).json(body).send().await
    }

    /// Creates a draft with a caption.
    pub(crate) async fn draft(&self, page: &str) -> String {
        let body = json!({"socialPageId": page, "caption": "Fresh bread"});
        self.create(&body).await.expect(201).id()
    }

    /// Lets a worker do something to a post.
    pub(crate) async fn work(&self, id: &str, commands: Vec<Command>) {
        let tenant: TenantId = self.app.parse().unwrap();
        for command in commands {
            let post = self
                .store
                .post(tenant, id.parse().unwrap())
                .await
                .unwrap()
                .unwrap();
            let moment = Moment {
                now: self.clock.now(),
                actor: Actor::Worker,
                pace: Pace::default(),
            };
            let change = apply(&post, command, &moment).unwrap();
            self.store.apply(&[change]).await.unwrap()[0].unwrap();
        }
    }
}

/// The commands by which a commit begins.
pub(crate) fn committing() -> Vec<Command> {
    let progress = Progress {
        version: 1,
        content_revision: 1,
        object: Some("obj".to_owned()),
        data: json!({}),
    };
    vec![Command::BeginCommit {
        progress,
        repeat: Repeat::Proven,
        window: Duration::from_secs(60),
    }]
}

/// The commands by which a post becomes published.
pub(crate) fn publishing() -> Vec<Command> {
    let mut commands = committing();
    commands.push(Command::Live(Published {
        platform_id: Some("1_2".to_owned()),
        permalink: Some("https://facebook.test/1_2".to_owned()),
    }));
    commands
}
