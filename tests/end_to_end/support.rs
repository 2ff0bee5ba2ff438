//! Servers as processes, and a tenant whose end user has connected.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shareville::sandbox::{Builder, Consent, NewPage, Sandbox, VisiblePost, demo};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::api::Api;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const REDIRECT: &str = "https://site.example/connected";

/// The times of a server under test, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) lease: f64,
    pub(crate) commit: f64,
    pub(crate) base: f64,
    pub(crate) uncertain: f64,
    pub(crate) client: f64,
    pub(crate) drain: f64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            lease: 2.5,
            commit: 1.0,
            base: 0.1,
            uncertain: 30.0,
            client: 60.0,
            drain: 0.01,
        }
    }
}

/// A server's process. It is killed when this is dropped.
pub(crate) struct Server {
    pub(crate) url: String,
    child: Child,
}

pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let server = target.join("examples/server");
    assert!(
        server.exists(),
        "build it first: cargo build --example server"
    );
    server
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

impl Server {
    /// Starts a server in `folder` against the Meta at `meta`.
    pub(crate) async fn start(folder: &TempDir, meta: &str, role: &str, times: Times) -> Self {
        Self::start_with(folder, meta, role, times, &[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn start_with(
        folder: &TempDir,
        meta: &str,
        role: &str,
        times: Times,
        more: &[(&str, &str)],
    ) -> Self {
        Self::launch(folder, meta, role, times, more, Stdio::inherit()).await
    }

    /// The same, logging at `level` to `log`.
    pub(crate) async fn logging(
        folder: &TempDir,
        meta: &str,
        role: &str,
        times: Times,
        level: &str,
        log: Stdio,
    ) -> Self {
        Self::launch(folder, meta, role, times, &[("RUST_LOG", level)], log).await
    }

    /// The same with more in its environment, and a log.
    pub(crate) async fn launch(
        folder: &TempDir,
        meta: &str,
        role: &str,
        times: Times,
        more: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let port = free_port();
        let url = format!("http://localhost:{port}");
        let child = Command::new(binary())
            .current_dir(folder.path())
            .env_clear()
            .env("SHAREVILLE_LISTEN", format!("127.0.0.1:{port}"))
            .env("SHAREVILLE_PUBLIC_URL", &url)
            .env("SHAREVILLE_META", meta)
            .env("SHAREVILLE_ROLE", role)
            .env("SHAREVILLE_LEASE_SECONDS", times.lease.to_string())
            .env("SHAREVILLE_COMMIT_SECONDS", times.commit.to_string())
            .env("SHAREVILLE_RETRY_BASE_SECONDS", times.base.to_string())
            .env("SHAREVILLE_UNCERTAIN_SECONDS", times.uncertain.to_string())
            .env("SHAREVILLE_CLIENT_SECONDS", times.client.to_string())
            .env("SHAREVILLE_DRAIN_SECONDS", times.drain.to_string())
            .env(
                "RUST_LOG",
                std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into()),
            )
            .envs(more.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { url, child };
        let begun = Instant::now();
        while !answers(&format!("{}/api/ready", server.url)).await {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended at once: {ended:?}");
            assert!(begun.elapsed() < PATIENCE, "the server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// SIGKILL: it gets no chance to clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGSTOP: it stands still, with all its connections open.
    ///
    /// Not in the middle of a write, for SQLite has one writer at a time, and no other could work before this one wakes.
    pub(crate) async fn freeze(&self, folder: &TempDir) {
        let begun = Instant::now();
        loop {
            self.signal("-STOP");
            if let Some(lock) = WriteLock::try_take(folder, Duration::ZERO).await {
                return lock.give_back().await;
            }
            self.wake();
            assert!(begun.elapsed() < PATIENCE, "it never stops writing");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGCONT.
    pub(crate) fn wake(&self) {
        self.signal("-CONT");
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// SIGTERM: it finishes or hands back what it holds.
    pub(crate) fn stop(mut self) -> bool {
        self.terminate();
        self.child.wait().unwrap().success()
    }

    /// Waits until it has ended by itself; says whether it ended well.
    pub(crate) fn stopped(mut self) -> bool {
        self.child.wait().unwrap().success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one place where somebody can write to a server's database, taken.
pub(crate) struct WriteLock(SqliteConnection);

impl WriteLock {
    /// Takes it, unless somebody else has it for as long as `patience`.
    pub(crate) async fn try_take(folder: &TempDir, patience: Duration) -> Option<Self> {
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shareville.db"))
            .busy_timeout(patience);
        let mut connection = SqliteConnection::connect_with(&options).await.ok()?;
        let taken = sqlx::query("BEGIN EXCLUSIVE").execute(&mut connection);
        taken.await.ok()?;
        Some(Self(connection))
    }

    pub(crate) async fn give_back(mut self) {
        let done = sqlx::query("ROLLBACK").execute(&mut self.0).await;
        done.unwrap();
        self.0.close().await.unwrap();
    }
}

async fn answers(url: &str) -> bool {
    reqwest::get(url)
        .await
        .is_ok_and(|answer| answer.status().is_success())
}

/// A sandbox, a server, and a tenant whose end user `ada` has connected her Pages.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) server: Server,
    pub(crate) times: Times,
    /// What else stands in the environment of each server.
    more: Vec<(String, String)>,
    /// With the tenant's API key.
    pub(crate) api: Api,
    /// With the owner's token.
    pub(crate) owner: Api,
    pub(crate) app: String,
    pub(crate) connection: String,
    /// Pages one can publish to: ours, and the platform's id.
    pub(crate) pages: Vec<(String, String)>,
    /// Instagram accounts one can publish to, likewise.
    pub(crate) instagram: Vec<(String, String)>,
}

/// A sandbox with `extra` Pages more than the demo has.
pub(crate) fn with_pages(extra: usize) -> Builder {
    (0..extra).fold(Sandbox::builder(), |builder, number| {
        let page = NewPage::new(format!("Page {number}"))
            .with_id(format!("90000000000{number:04}"))
            .managed_by(demo::ADA);
        builder.page(page)
    })
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Sandbox::builder(), "all", Times::default()).await
    }

    pub(crate) async fn with(sandbox: Builder, role: &str, times: Times) -> Self {
        Self::configured(sandbox, role, times, &[]).await
    }

    /// The same with more in the server's environment.
    pub(crate) async fn configured(
        sandbox: Builder,
        role: &str,
        times: Times,
        more: &[(&str, &str)],
    ) -> Self {
        let sandbox = sandbox.start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let meta = sandbox.base_url();
        let server = Server::start_with(&folder, meta, role, times, more).await;
        let (owner, app, api) = tenant(&server, "Site", "111000111000111").await;
        let mut world = Self {
            folder,
            sandbox,
            server,
            times,
            more: owned(more),
            api,
            owner,
            app,
            connection: String::new(),
            pages: Vec::new(),
            instagram: Vec::new(),
        };
        world.connection = world.connect("ada", &Consent::all()).await;
        let path = format!("/social/providers/{}/pages?limit=100", world.connection);
        let pages = world.api.get(&path).await;
        let usable = |provider: &str| {
            let pages = pages["data"].as_array().unwrap().iter();
            let usable = pages.filter(|it| it["canPublish"] == true && it["provider"] == provider);
            usable
                .map(|page| (text(page, "id"), text(page, "pageId")))
                .collect()
        };
        world.pages = usable("facebook");
        world.instagram = usable("instagram");
        world
    }

    /// Stops the server and starts it with other variables.
    pub(crate) async fn restart(&mut self, more: &[(&str, &str)]) {
        self.more = owned(more);
        let next = self.another("all").await;
        assert!(std::mem::replace(&mut self.server, next).stop());
        let base = format!("{}/api", self.server.url);
        for api in [&mut self.api, &mut self.owner] {
            api.base.clone_from(&base);
        }
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("shareville.db")
    }

    /// Another server on the same database.
    pub(crate) async fn another(&self, role: &str) -> Server {
        let meta = self.sandbox.base_url();
        let more = self.more.iter();
        let more: Vec<_> = more
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Server::start_with(&self.folder, meta, role, self.times, &more).await
    }

    /// An end user goes through the login.
    pub(crate) async fn connect(&self, user: &str, consent: &Consent) -> String {
        let back = self.come_back(user, consent, false).await;
        let landed = self.api.call(Method::GET, &back, None).await;
        assert_eq!(landed.status, StatusCode::FOUND, "{landed:?}");
        let location = landed.headers["location"].to_str().unwrap().to_owned();
        let landed = url::Url::parse(&location).unwrap();
        let id = landed
            .query_pairs()
            .find(|(name, _)| name == "connectionId");
        id.unwrap_or_else(|| panic!("not connected: {location}"))
            .1
            .into_owned()
    }

    /// The address at which the login comes back to us.
    pub(crate) async fn come_back(&self, user: &str, consent: &Consent, confirm: bool) -> String {
        let path = format!(
            "/social/providers/facebook/connect?userId={user}&redirectUri={REDIRECT}&confirm={confirm}"
        );
        let begun = self.api.get(&path).await;
        self.sandbox
            .approve(begun["url"].as_str().unwrap(), consent)
            .unwrap()
    }

    /// Creates a post that goes out at once.
    pub(crate) async fn publish(&self, page: &str, more: Value) -> String {
        let mut body = json!({"socialPageId": page, "scheduledAt": chrono::Utc::now()});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        text(&self.api.post("/posts", body).await, "id")
    }

    /// What a visitor of the Page sees that has this text.
    pub(crate) fn visible(&self, platform_page: &str, caption: &str) -> Vec<VisiblePost> {
        let mut visible = self.sandbox.visible_posts(platform_page);
        visible.retain(|post| post.message.as_deref() == Some(caption));
        visible
    }
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(own).collect()
}

/// An owner, their client app and an API key for it.
pub(crate) async fn tenant(server: &Server, name: &str, facebook_app: &str) -> (Api, String, Api) {
    let anonymous = Api::at(server);
    let email = format!("{}@example.org", uuid::Uuid::now_v7());
    let signed_up = anonymous
        .post(
            "/auth/sign-up/email",
            json!({"email": email, "password": "correct horse", "name": "O"}),
        )
        .await;
    let owner = anonymous.with(text(&signed_up, "token"));
    let app = json!({
        "name": name, "redirectUris": [REDIRECT], "allowedOrigins": ["https://site.example"],
        "facebookAppId": facebook_app, "facebookAppSecret": "an app secret",
    });
    let app = text(&owner.post("/client-apps", app).await, "id");
    let key = owner
        .post(&format!("/client-apps/{app}/api-key"), json!({}))
        .await;
    let api = anonymous.with(text(&key, "apiKey"));
    (owner, app, api)
}

pub(crate) fn text(value: &Value, key: &str) -> String {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no `{key}` in {value:#}"))
        .to_owned()
}
