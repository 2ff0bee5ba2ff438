//! Encryption keys are changed while the server runs.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shareville::{
    Connection, ConnectionId, ConnectionStatus, Keyring, Provider, TenantId, Upkeep, UserId,
    sandbox::Consent,
};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};

use crate::{
    dump::key_ids,
    support::{World, binary},
};

pub(crate) const KEYS: &str = "SHAREVILLE_ENCRYPTION_KEYS";

/// The keys that the server made for itself, and those in a change to a new one.
struct Keys {
    old: String,
    new: String,
    both: String,
}

impl Keys {
    fn of(world: &World) -> Self {
        let old = fs::read_to_string(world.folder.path().join("shareville.db.keys")).unwrap();
        let new = Keyring::generate_text("new").expose_secret().to_owned();
        Self {
            both: format!("{new},{old}"),
            old,
            new,
        }
    }
}

pub(crate) fn reseal(folder: &Path, keys: &str) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(folder)
        .env_clear()
        .env(KEYS, keys)
        .arg("reseal")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn printed(output: &Output) -> String {
    let (told, log) = (&output.stdout, &output.stderr);
    format!(
        "{}\n{}",
        String::from_utf8_lossy(told),
        String::from_utf8_lossy(log)
    )
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_should_be_changed_while_the_server_works() {
    let mut world = World::new().await;
    let keys = Keys::of(&world);
    let database = world.database();
    assert_eq!(key_ids(&database).await, ids(["generated"]));
    world.restart(&[(KEYS, &keys.both)]).await;
    let app = format!("/client-apps/{}", world.app);
    let connection = format!("/social/providers/{}", world.connection);
    let before = (
        world.owner.get(&app).await,
        world.api.get(&connection).await,
    );

    let (page, platform_page) = world.pages[0].clone();
    let mut posts = vec![world.publish(&page, json!({"caption": "Before"})).await];
    let mut command = reseal(world.folder.path(), &keys.both);
    let command = tokio::task::spawn_blocking(move || command.output().unwrap());
    for _ in 0..5 {
        posts.push(world.publish(&page, json!({"caption": "Meanwhile"})).await);
    }
    let output = command.await.unwrap();
    let told = printed(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("not to be opened: 0"), "{told}");
    assert!(told.contains("going through what is sealed"), "{told}");
    for post in &posts {
        world.api.until_status(post, "published").await;
    }
    assert_eq!(key_ids(&database).await, ids(["new"]));
    let after = (
        world.owner.get(&app).await,
        world.api.get(&connection).await,
    );
    assert_eq!(after, before, "nothing that anybody sees has changed");

    // The old key is thrown away, and nobody misses it.
    fs::remove_file(world.folder.path().join("shareville.db.keys")).unwrap();
    world.restart(&[(KEYS, &keys.new)]).await;
    let post = world.publish(&page, json!({"caption": "Afterwards"})).await;
    world.api.until_status(&post, "published").await;
    for (caption, count) in [("Before", 1), ("Meanwhile", 5), ("Afterwards", 1)] {
        assert_eq!(world.visible(&platform_page, caption).len(), count);
    }

    // A server with the old key alone does not start, and says why in one line.
    let output = Command::new(binary())
        .current_dir(world.folder.path())
        .env_clear()
        .env(KEYS, &keys.old)
        .output()
        .unwrap();
    let told = printed(&output);
    assert!(!output.status.success());
    let lines: Vec<_> = told.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1, "{told}");
    assert!(
        lines[0].contains(KEYS) && lines[0].contains("`new`"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_killed_should_be_finished_by_the_next() {
    let mut world = World::new().await;
    let keys = Keys::of(&world);
    let (database, folder) = (world.database(), world.folder.path().to_owned());
    world.restart(&[(KEYS, &keys.both)]).await;

    let mut tries = 0;
    while key_ids(&database).await != ids(["generated", "new"]) {
        assert!(tries < 5, "it was never killed half-way");
        tries += 1;
        // If it had finished before the kill came, there is enough to do again.
        fill(&database, world.app.parse().unwrap(), &keys.old, 5000).await;
        let mut command = reseal(&folder, &keys.both).spawn().unwrap();
        let log = BufReader::new(command.stderr.take().unwrap());
        let began = log
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("going through what is sealed"));
        command.kill().unwrap();
        command.wait().unwrap();
        assert!(began.is_some(), "it never began");
    }

    let check = reseal(&folder, &keys.new).arg("--check").output().unwrap();
    let told = printed(&check);
    assert!(!check.status.success(), "{told}");
    assert!(
        told.contains("`generated` has sealed") && told.contains(KEYS),
        "{told}"
    );

    let output = reseal(&folder, &keys.both).output().unwrap();
    let told = printed(&output);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("with it before: 0"), "{told}");
    assert_eq!(key_ids(&database).await, ids(["new"]));
    let check = reseal(&folder, &keys.new).arg("--check").output().unwrap();
    assert!(check.status.success(), "{}", printed(&check));
    let (page, _) = world.pages[0].clone();
    let post = world.publish(&page, json!({"caption": "Afterwards"})).await;
    world.api.until_status(&post, "published").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_open_should_be_named_and_not_shown() {
    let world = World::new().await;
    let keys = Keys::of(&world);
    let gone = Keyring::generate_text("gone");
    fill(
        &world.database(),
        world.app.parse().unwrap(),
        gone.expose_secret(),
        1,
    )
    .await;
    let output = reseal(world.folder.path(), &keys.both).output().unwrap();
    let told = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("not to be opened: 1"), "{told}");
    assert!(
        told.contains(&world.app) && told.contains("connection_token"),
        "{told}"
    );
    assert!(told.contains("`gone`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_lost_should_be_given_up() {
    let mut world = World::new().await;
    let keys = Keys::of(&world);
    let folder = world.folder.path().to_owned();
    // It ends before long, and says nothing more of its key.
    world.server.terminate();
    fs::remove_file(folder.join("shareville.db.keys")).unwrap();
    let output = Command::new(binary())
        .current_dir(&folder)
        .env_clear()
        .env(KEYS, &keys.new)
        .output()
        .unwrap();
    let told = printed(&output);
    assert!(!output.status.success());
    for words in [KEYS, "`generated`", "`reseal --give-up`"] {
        assert!(told.contains(words), "{told}");
    }
    let give_up = |id: &str| {
        let output = reseal(&folder, &keys.new).args(["--give-up", id]).output();
        let output = output.unwrap();
        (output.status.success(), printed(&output))
    };
    let (done, told) = give_up("generatde");
    assert!(!done && told.contains("`generatde`"), "{told}");
    let (done, told) = give_up("generated");
    assert!(done && told.contains("`generated` is given up"), "{told}");

    world.restart(&[(KEYS, &keys.new)]).await;
    let (done, told) = give_up("new");
    assert!(!done && told.contains("only one that is lost"), "{told}");
    let (page, platform_page) = world.pages[0].clone();
    let post = world.publish(&page, json!({"caption": "At last"})).await;
    let waits = |post: &Value| post["error"]["code"] == "secret_unreadable";
    world.api.until(&post, waits).await;
    let app = format!("/client-apps/{}", world.app);
    let secret = Some(json!({"facebookAppSecret": "an app secret"}));
    let entered = world.owner.call(Method::PATCH, &app, secret).await;
    assert_eq!(entered.status, StatusCode::OK, "{entered:?}");
    let connection = world.connect("ada", &Consent::all()).await;
    assert_eq!(connection, world.connection);
    world.api.until_status(&post, "published").await;
    assert_eq!(world.visible(&platform_page, "At last").len(), 1);
}

#[test]
fn a_wrong_call_should_be_told() {
    let folder = tempfile::tempdir().unwrap();
    for (words, store, expected) in [
        (&["resale"][..], "sqlite://none.db", "`reseal --check`"),
        (
            &["reseal", "--give-up"][..],
            "sqlite://none.db",
            "`reseal --give-up`",
        ),
        (&["reseal"][..], "sqlite://none.db", "SHAREVILLE_STORE"),
        (&["reseal"][..], "sqlite::memory:", "SHAREVILLE_STORE"),
    ] {
        let output = Command::new(binary())
            .current_dir(folder.path())
            .env_clear()
            .env("SHAREVILLE_STORE", store)
            .args(words)
            .output()
            .unwrap();
        let told = printed(&output);
        assert!(
            !output.status.success() && told.contains(expected),
            "{told}"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "something was written"
        );
    }
}

/// Connections as they may stand in a database of years.
async fn fill(database: &Path, tenant: TenantId, keys: &str, count: usize) {
    let keyring = Keyring::parse(keys).unwrap();
    let options = SqliteConnectOptions::new().filename(database);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    let mut all = pool.begin().await.unwrap();
    for _ in 0..count {
        let id = ConnectionId::generate();
        let place = Connection::token_place(tenant, id);
        let now = chrono::Utc::now();
        let connection = Connection {
            id,
            tenant,
            user: UserId::new("bob"),
            provider: Provider::facebook(),
            revision: 1,
            person: format!("person {id}"),
            person_ids: Vec::new(),
            name: None,
            picture: None,
            status: ConnectionStatus::Active,
            scopes: Vec::new(),
            missing_scopes: Vec::new(),
            token: keyring.seal(place, &"token".into()),
            expires_at: None,
            upkeep: Upkeep::default(),
            created_at: now,
            updated_at: now,
        };
        sqlx::query(
            "INSERT INTO shareville_connections (id, tenant, user, provider, person, active, revision, record)
             VALUES (?, ?, 'bob', 'facebook', ?, 1, 1, ?)",
        )
        .bind(id.as_uuid())
        .bind(tenant.as_uuid())
        .bind(&connection.person)
        .bind(serde_json::to_string(&connection).unwrap())
        .execute(&mut *all)
        .await
        .unwrap();
    }
    all.commit().await.unwrap();
    pool.close().await;
}
