//! Secrets are planted, everything goes wrong that quotes what it was given, and then every place is searched for them:
//! the database's files and its tables (or the dump of one in PostgreSQL), the logs at their loudest, every answer, every
//! webhook.

use std::{
    collections::BTreeMap,
    fs::{self, File},
};

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shareville::{
    Keyring,
    sandbox::{Answer, Consent, Death, Effect, Fault, Sandbox, Step},
};
use tempfile::TempDir;
use url::form_urlencoded::byte_serialize;

use crate::{
    api::Api,
    dump::dump,
    keys::KEYS,
    place::Place,
    postgres::STORE,
    receiver::{PRIVATE, Receiver},
    search::Search,
    support::{REDIRECT, Server, Times, text},
    wiretap::Wiretap,
};

/// A server at its loudest, whose calls to the sandbox are listened to.
struct Scene {
    folder: TempDir,
    sandbox: Sandbox,
    wire: Wiretap,
    server: Server,
    /// The tenant's endpoint.
    receiver: Receiver,
    search: Search,
    /// Without a credential.
    anybody: Api,
    /// With the tenant's API key.
    api: Api,
    owner: Api,
}

impl Scene {
    /// In a file, or in PostgreSQL.
    async fn set(place: Option<&Place>) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let wire = Wiretap::on(sandbox.base_url()).await;
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let times = Times::default();
        let receiver = Receiver::listen(0).await;
        let mut search = Search::new();
        let keys = Keyring::generate_text("planted");
        let keys = keys.expose_secret();
        let (_, key) = keys.split_once(':').unwrap();
        search.plant("the encryption key", key);
        let mut more = vec![("RUST_LOG", "trace"), (KEYS, keys), PRIVATE];
        let store = place.map(|place| {
            let mut url = place.url();
            // A server that trusts everybody does not ask for it.
            if url.password().is_none() {
                url.set_password(Some("0pen5e5ame0pen5e5ame")).unwrap();
            }
            search.plant("the database's password", url.password().unwrap());
            url
        });
        more.extend(store.as_ref().map(|url| (STORE, url.as_str())));
        let server = Server::launch(&folder, &wire.url, "all", times, &more, log.into()).await;
        let anybody = Api::at(&server);
        let password = search.plant("the owner's password", "p4ss: \"w0rd\" / ünïque + %41");
        let email = "owner@example.org";
        let body = json!({"email": email, "password": password, "name": "O"});
        let signed = search
            .post(&anybody, "/auth/sign-up/email", body, Some("token"))
            .await;
        let body = json!({"email": email, "password": password});
        search
            .post(&anybody, "/auth/sign-in/email", body, Some("token"))
            .await;
        let owner = anybody.with(text(&signed, "token"));
        let secret = search.plant("the app secret", "5ec7e70fab1e5ec7e70fab1e5ec7e70f");
        let app = json!({
            "name": "Site", "redirectUris": [REDIRECT], "allowedOrigins": ["https://site.example"],
            "webhookUrl": receiver.url(), "facebookAppId": "111000111000111", "facebookAppSecret": secret,
            "instagramAppId": "222000222000222", "instagramAppSecret": search.plant("the other app secret", "0ther5ec7e7+/=&?0ther5ec7e7"),
        });
        let app = search
            .post(&owner, "/client-apps", app, Some("webhookSecret"))
            .await;
        let path = format!("/client-apps/{}/api-key", text(&app, "id"));
        let key = search.post(&owner, &path, json!({}), Some("apiKey")).await;
        Self {
            api: anybody.with(text(&key, "apiKey")),
            folder,
            sandbox,
            wire,
            server,
            receiver,
            search,
            anybody,
            owner,
        }
    }

    /// An end user sets out to log in: the address at which they come back. State and code are planted.
    async fn set_out(&mut self, user: &str, consent: &Consent, confirm: bool) -> String {
        let path = format!(
            "/social/providers/facebook/connect?userId={user}&redirectUri={REDIRECT}&confirm={confirm}"
        );
        let begun = self
            .search
            .call(&self.api, (Method::GET, &path), None, Some("url"))
            .await;
        let url = text(&begun.body, "url");
        let back = self.sandbox.approve(&url, consent).unwrap();
        for (name, value) in url::Url::parse(&back).unwrap().query_pairs() {
            if name == "state" || name == "code" {
                self.search
                    .plant(&format!("{name} of {user}, {confirm}"), value);
            }
        }
        back
    }

    /// They come back: what the redirect says.
    async fn come_back(&mut self, back: &str) -> BTreeMap<String, String> {
        let answer = self.anybody.call(Method::GET, back, None).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{answer:?}");
        let location = answer.headers["location"].to_str().unwrap().to_owned();
        let landed = url::Url::parse(&location).unwrap();
        let said: BTreeMap<_, _> = landed.query_pairs().into_owned().collect();
        let mut whole = format!("{:?}{}", answer.headers, answer.body);
        if let Some(grant) = said.get("grant") {
            self.search.plant("the grant's code", grant);
            whole = whole.replace(grant.as_str(), "");
        }
        self.search
            .places
            .push(("a callback's answer".to_owned(), whole));
        said
    }

    async fn ends(&mut self, post: &str, status: &str) {
        self.api.until_status(post, status).await;
        for path in [format!("/posts/{post}"), format!("/posts/{post}/events")] {
            let answer = self
                .search
                .call(&self.api, (Method::GET, &path), None, None)
                .await;
            assert!(answer.status.is_success());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_should_be_found_nowhere() {
    play(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_should_be_found_nowhere_in_postgresql() {
    let place = Place::new().await;
    play(Some(&place)).await;
}

async fn play(place: Option<&Place>) {
    let mut scene = Scene::set(place).await;
    let connection = connect(&mut scene).await;
    let path = format!("/social/providers/{connection}/pages?limit=100");
    let pages = scene.api.get(&path).await;
    let pages = pages["data"].as_array().unwrap();
    let page = pages
        .iter()
        .find(|page| page["canPublish"] == true)
        .unwrap();
    let page = (text(page, "id"), text(page, "pageId"));
    publish_with_faults(&mut scene, &page).await;
    let apps = scene.owner.get("/client-apps").await;
    let audit = format!("/client-apps/{}/events", text(&apps["data"][0], "id"));
    let answer = scene
        .search
        .call(&scene.owner, (Method::GET, &audit), None, None);
    assert_eq!(answer.await.status, StatusCode::OK);
    let metrics = reqwest::get(format!("{}/api/metrics", scene.server.url)).await;
    let metrics = metrics.unwrap().bytes().await.unwrap();
    assert!(metrics.starts_with(b"# "));
    scene.search.add("the metrics".to_owned(), &metrics);
    // The owner signs out at its end.
    wrong_credentials(&mut scene, &connection).await;
    let Scene {
        folder,
        wire,
        server,
        receiver,
        mut search,
        ..
    } = scene;
    for kind in [
        "connection.reauthorization_required",
        "post.failed",
        "post.published",
    ] {
        receiver.hear(kind, &[]).await;
    }
    let heard = wire.secrets();
    assert!(heard.len() > 6, "the line was not listened to: {heard:?}");
    for (number, secret) in heard.into_iter().enumerate() {
        search.plant(&format!("no. {number} of the line"), secret);
    }
    // While the newest pages still stand in a file beside the database, and after.
    search.add_files(&folder, "shareville.db");
    assert!(server.stop());
    search.add_files(&folder, "");
    let values = match place {
        Some(place) => vec![("the dump".to_owned(), place.dump())],
        None => dump(&folder.path().join("shareville.db")).await,
    };
    let kept = |text: &[u8]| String::from_utf8_lossy(text).contains("Bread");
    assert!(values.iter().any(|(_, text)| kept(text)), "no post is kept");
    for (place, value) in values {
        search.add(place, &value);
    }
    for (number, (headers, body)) in receiver.got.borrow().iter().enumerate() {
        search.add(
            format!("the headers of webhook no. {number}"),
            format!("{headers:?}").as_bytes(),
        );
        search.add(format!("webhook no. {number}"), body);
    }

    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    for seen in ["TRACE", "graph_call", "/callback", "published"] {
        assert!(
            log.contains(seen),
            "`{seen}` is not in the log: was it kept?"
        );
    }
    let found = search.found();
    assert!(found.is_empty(), "{found:#?}");
}

/// Logins that fail in ways that quote what was sent, and then some that do not.
async fn connect(scene: &mut Scene) -> String {
    let secret = scene.search.secrets["the app secret"].clone();
    let back = scene.set_out("ada", &Consent::all(), false).await;
    let code = url::Url::parse(&back).unwrap();
    let code = code.query_pairs().find(|(name, _)| name == "code").unwrap();
    let quoting = format!(
        "Invalid client_secret {secret} for code {} in the request",
        code.1
    );
    for answer in [
        Answer::graph_error(400, 100, 36008, &quoting),
        Answer::new(502, quoting.as_str()),
    ] {
        let back = scene.set_out("ada", &Consent::all(), false).await;
        let fault = Fault::on(Step::CodeExchange, Effect::Refuse { answer });
        scene.sandbox.arm(fault);
        assert_eq!(scene.come_back(&back).await["status"], "error");
    }
    for step in [Step::CodeExchange, Step::DebugToken, Step::Accounts] {
        let back = scene.set_out("ada", &Consent::all(), false).await;
        scene.sandbox.arm(Fault::on(step, Effect::LoseAnswer));
        scene.come_back(&back).await;
        scene.sandbox.clear_faults();
    }
    let canceled = scene.set_out("ada", &Consent::cancelled(), false).await;
    assert_eq!(scene.come_back(&canceled).await["status"], "error");

    let back = scene.set_out("grace", &Consent::all(), true).await;
    let said = scene.come_back(&back).await;
    let body = json!({"grant": said["grant"], "userId": "grace"});
    let path = "/social/providers/confirm";
    scene.search.post(&scene.api, path, body, None).await;
    // The same again, and another code for the same state: refused, and not repeated.
    let body = Some(json!({"grant": said["grant"], "userId": "grace"}));
    let again = scene
        .search
        .call(&scene.api, (Method::POST, path), body, None);
    assert_eq!(again.await.status, StatusCode::NOT_FOUND);
    // In front of the fragment that Facebook adds.
    let forged = back.replacen("code=", "code=x", 1);
    let forged = scene
        .search
        .call(&scene.anybody, (Method::GET, &forged), None, None);
    assert_eq!(forged.await.status, StatusCode::BAD_REQUEST);

    let back = scene.set_out("ada", &Consent::all(), false).await;
    let said = scene.come_back(&back).await;
    said.get("connectionId")
        .unwrap_or_else(|| panic!("not connected: {said:?}"))
        .clone()
}

/// Posts whose calls fail with the very tokens in the platform's words.
async fn publish_with_faults(scene: &mut Scene, (page, platform): &(String, String)) {
    let all: Vec<String> = scene.wire.secrets().into_iter().collect();
    let quoting = format!("Error validating access token: {}", all.join(" and "));
    let encoded: String = byte_serialize(quoting.as_bytes()).collect();
    for (step, status, effect) in [
        (
            Step::CreatePost,
            "failed",
            refuse(Answer::graph_error(400, 100, 0, &quoting)),
        ),
        (
            Step::CreatePost,
            "published",
            refuse(Answer::graph_error(500, 2, 0, &quoting)),
        ),
        (
            Step::CreatePost,
            "published",
            refuse(Answer::new(502, quoting.as_str())),
        ),
        (
            Step::PublishPost,
            "published",
            act(Answer::new(200, json!({"token": quoting}))),
        ),
        (Step::PublishPost, "published", Effect::LoseAnswer),
        (
            Step::PublishPost,
            "published",
            act(Answer::graph_error(500, 1, 99, &encoded)),
        ),
    ] {
        let fault = Fault::on(step, effect).on_page(platform);
        scene.sandbox.arm(fault);
        let body =
            json!({"socialPageId": page, "caption": "Bread", "scheduledAt": chrono::Utc::now()});
        let post = scene.search.post(&scene.api, "/posts", body, None).await;
        scene.ends(&text(&post, "id"), status).await;
    }
    // The tokens die, and the platform says which.
    scene.sandbox.arm(
        Fault::on(
            Step::CreatePost,
            Effect::Revoke {
                death: Death::PasswordChanged,
            },
        )
        .on_page(platform),
    );
    let body = json!({"socialPageId": page, "caption": "Rolls", "scheduledAt": chrono::Utc::now()});
    let post = scene.search.post(&scene.api, "/posts", body, None).await;
    let waits = |post: &Value| post["error"]["action"] == "reconnect";
    scene.api.until(&text(&post, "id"), waits).await;
}

fn refuse(answer: Answer) -> Effect {
    Effect::Refuse { answer }
}

fn act(answer: Answer) -> Effect {
    Effect::ActAndAnswer { answer }
}

/// Good credentials in wrong places, wrong ones, and bodies that do not read.
async fn wrong_credentials(scene: &mut Scene, connection: &str) {
    let body = json!({"userId": "ada"});
    let token = scene
        .search
        .post(&scene.api, "/user-tokens", body, Some("token"))
        .await;
    let user = scene.anybody.with(text(&token, "token"));
    let secret = scene.search.secrets["the app secret"].clone();
    let mistyped = format!("{}x", text(&token, "token"));
    let bodies = [
        json!({"name": 7, "facebookAppSecret": {"value": secret}}),
        json!({"name": "S", "facebookAppSecret": secret}),
        json!({"facebookAppsecret": secret, "name": "S"}),
        json!([secret]),
    ];
    for body in bodies {
        let made = scene.search.call(
            &scene.owner,
            (Method::POST, "/client-apps"),
            Some(body),
            None,
        );
        assert!(made.await.status.is_client_error());
    }
    let api = scene.api.clone();
    for (credential, method, path) in [
        (&api, Method::GET, "/client-apps".to_owned()),
        (&user, Method::GET, "/client-apps".to_owned()),
        (&scene.owner.clone(), Method::GET, "/posts".to_owned()),
        (&api.with(mistyped), Method::GET, "/posts".to_owned()),
        (&user, Method::POST, "/user-tokens".to_owned()),
        (
            &api,
            Method::GET,
            format!("/posts?cursor={}", text(&token, "token")),
        ),
        (
            &api,
            Method::GET,
            format!("/posts?key={}", text(&token, "token")),
        ),
        (
            &api,
            Method::GET,
            format!("/nowhere/{}", text(&token, "token")),
        ),
    ] {
        let body = (method == Method::POST).then(|| json!({"userId": "ada"}));
        let refused = scene.search.call(credential, (method, &path), body, None);
        assert!(refused.await.status.is_client_error(), "{path}");
    }
    for path in ["/me", "/social/providers", "/posts"] {
        scene
            .search
            .call(&user, (Method::GET, path), None, None)
            .await;
        scene
            .search
            .call(&api, (Method::GET, path), None, None)
            .await;
    }
    for path in ["/client-apps", "/me"] {
        let owner = scene.owner.clone();
        scene
            .search
            .call(&owner, (Method::GET, path), None, None)
            .await;
    }
    let path = format!("/social/providers/{connection}");
    scene
        .search
        .call(&api, (Method::DELETE, &path), None, None)
        .await;
    let owner = scene.owner.clone();
    scene
        .search
        .call(&owner, (Method::POST, "/auth/sign-out"), None, None)
        .await;
}
