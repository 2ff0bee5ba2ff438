//! The reference server on PostgreSQL: it is cut off and comes back, and its keys are changed.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::json;
use shareville::{
    Keyring,
    sandbox::{Effect, Fault, Moment, Step},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    api::Answer,
    keys::{KEYS, printed, reseal},
    place::Place,
    proxy::{Proxy, Way},
    support::{PATIENCE, Times, World, text, with_pages},
};

pub(crate) const STORE: &str = "SHAREVILLE_STORE";

/// How many create posts while the database goes away.
const CLIENTS: u32 = 8;

fn environment<'a>(store: &'a Url, keys: &'a str) -> [(&'a str, &'a str); 2] {
    [(STORE, store.as_str()), (KEYS, keys)]
}

fn assert_told_of_outage(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    let code = answer.body["code"].as_str().unwrap_or_default();
    assert!(
        ["store_unavailable", "store_answer_lost"].contains(&code),
        "{answer:?}"
    );
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
}

/// What clients say to each other and hear.
struct Outage {
    /// One for each post that is there.
    made: Semaphore,
    /// One for each client that has been refused.
    refused: Semaphore,
    over: CancellationToken,
}

/// A post that was created: its id, where it is to be seen, and its words.
type Created = (String, String, String);

/// Creates posts one after the other until the outage is over, asking again for each until it is there.
async fn create(world: &World, outage: &Outage, client: u32) -> Vec<Created> {
    // The first Page is for another.
    let pages = &world.pages[1..];
    let (page, platform_page) = &pages[client as usize % pages.len()];
    let mut created = Vec::new();
    let mut refused = false;
    while !outage.over.is_cancelled() {
        let caption = format!("{client}, {}", created.len());
        let key = uuid::Uuid::now_v7().to_string();
        let body =
            json!({"socialPageId": page, "caption": caption, "scheduledAt": chrono::Utc::now()});
        let ask = || {
            let request = world.api.request(Method::POST, "/posts");
            let request = request.header("idempotency-key", &key).json(&body);
            world.api.send(request)
        };
        let begun = Instant::now();
        let mut answer = ask().await;
        while answer.status != StatusCode::CREATED {
            assert_told_of_outage(&answer);
            assert!(begun.elapsed() < PATIENCE, "it never recovers: {answer:?}");
            if !std::mem::replace(&mut refused, true) {
                outage.refused.add_permits(1);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = ask().await;
        }
        created.push((text(&answer.body, "id"), platform_page.clone(), caption));
        outage.made.add_permits(1);
    }
    created
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_cut_off_should_be_told_and_come_back() {
    let place = Place::new().await;
    let proxy = Proxy::before(place.address()).await;
    let store = place.through(proxy.address);
    let keys = Keyring::generate_text("one");
    let times = Times {
        lease: 30.0,
        commit: 10.0,
        ..Times::default()
    };
    let environment = environment(&store, keys.expose_secret());
    let world = World::configured(with_pages(4), "all", times, &environment).await;
    // One post is within its commit while the database is away: it is live, and nobody can write that down.
    let (page, platform_page) = &world.pages[0];
    let moment = Moment::AfterActing;
    let hold = Fault::on(Step::PublishPost, Effect::Hold { moment }).on_page(platform_page);
    let fault = world.sandbox.arm(hold);
    let held = world
        .publish(page, json!({"caption": "within its commit"}))
        .await;
    world.sandbox.held(fault).await.unwrap();

    let outage = Outage {
        made: Semaphore::new(0),
        refused: Semaphore::new(0),
        over: CancellationToken::new(),
    };
    let clients = (0..CLIENTS).map(|client| create(&world, &outage, client));
    let clients = futures::future::join_all(clients);
    let cut = async {
        outage.made.acquire_many(CLIENTS).await.unwrap().forget();
        proxy.cut().await;
        world.sandbox.release(fault).unwrap();
        let begun = Instant::now();
        for path in ["/ready", "/posts"] {
            assert_told_of_outage(&world.api.call(Method::GET, path, None).await);
        }
        let owner = world.owner.call(Method::GET, "/client-apps", None).await;
        assert_eq!(owner.status, StatusCode::SERVICE_UNAVAILABLE, "{owner:?}");
        world.api.get("/health").await;
        assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        outage.refused.acquire_many(CLIENTS).await.unwrap().forget();

        proxy.set(Way::Open);
        let begun = Instant::now();
        while world.api.call(Method::GET, "/ready", None).await.status != StatusCode::OK {
            assert!(begun.elapsed() < PATIENCE, "it never recovers");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        outage.over.cancel();
    };
    let (created, ()) = tokio::join!(clients, cut);

    world.owner.get("/client-apps").await;
    let mut posts: Vec<Created> = created.into_iter().flatten().collect();
    assert!(posts.len() > CLIENTS as usize);
    posts.push((held, platform_page.clone(), "within its commit".to_owned()));
    for (id, _, _) in &posts {
        world.api.until_status(id, "published").await;
    }
    world.sandbox.quiet().await;
    for (_, platform_page, caption) in &posts {
        assert_eq!(world.visible(platform_page, caption).len(), 1, "{caption}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_should_be_changed_on_postgresql_too() {
    let place = Place::new().await;
    let store = place.url();
    let (old, new) = (Keyring::generate_text("old"), Keyring::generate_text("new"));
    let (old, new) = (old.expose_secret(), new.expose_secret());
    let both = format!("{new},{old}");
    let (sandbox, times) = (with_pages(0), Times::default());
    let mut world = World::configured(sandbox, "all", times, &environment(&store, old)).await;
    let (page, platform_page) = world.pages[0].clone();
    let post = world.publish(&page, json!({"caption": "Before"})).await;
    world.api.until_status(&post, "published").await;
    world.restart(&environment(&store, &both)).await;
    let on = |keys: &str| {
        let mut command = reseal(world.folder.path(), keys);
        command.env(STORE, store.as_str());
        command
    };
    let output = on(&both).output().unwrap();
    let told = printed(&output);
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("sealed anew with `new`: 0"), "{told}");
    assert!(told.contains("not to be opened: 0"), "{told}");
    let check = on(new).arg("--check").output().unwrap();
    assert!(check.status.success(), "{}", printed(&check));
    let check = on(old).arg("--check").output().unwrap();
    assert!(printed(&check).contains("`new`"), "{}", printed(&check));
    assert!(!check.status.success(), "nothing is under the old key");

    world.restart(&environment(&store, new)).await;
    let post = world.publish(&page, json!({"caption": "Afterwards"})).await;
    world.api.until_status(&post, "published").await;
    for caption in ["Before", "Afterwards"] {
        assert_eq!(world.visible(&platform_page, caption).len(), 1, "{caption}");
    }
}
