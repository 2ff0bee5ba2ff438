//! The torture must be able to fail: an engine that stores neither mark nor object id before the commit is caught. And where
//! what is assumed of Meta is wrong, publishers that are told so make no second post.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{sync::Arc, time::Duration};

use shareville::{
    Callback, Caller, Content, Engine, Keyring, Media, NewLogin, OwnerId, PageRequest, Patch,
    Placement, PostInput, PostStatus, Provider, Repeat, Settings, Shareville, Store, TenantInput,
    UserId,
    core::testing::wrapped::Wrapped,
    meta::{
        Endpoint, FacebookLogin, FacebookPages, Graph, GraphConfig, InstagramAccounts, LoginConfig,
    },
    sandbox::{Answer, Consent, Effect, Fault, Moment, Sandbox, Step, Switches, demo},
    sqlite::{SqliteOptions, SqliteStore},
};
use tokio_util::sync::CancellationToken;
use url::Url;

const CAPTION: &str = "once";

fn shareville(store: Arc<dyn Store>, sandbox: &Sandbox, uncertain: Duration) -> Shareville {
    let endpoint = Endpoint::at(sandbox.base_url().parse().unwrap()).unwrap();
    let graph = Graph::new(GraphConfig::new().with_endpoint(endpoint)).unwrap();
    let mut settings = Settings::default();
    settings.lease = Duration::from_millis(600);
    settings.commit = Duration::from_millis(500);
    settings.retry_base = Duration::from_millis(50);
    settings.uncertain = uncertain;
    Shareville::builder(
        store,
        Keyring::ephemeral(),
        "http://localhost/api".parse().unwrap(),
    )
    .publisher(FacebookPages::new(graph.clone()).with_repeat(Repeat::Never))
    .publisher(InstagramAccounts::new(graph.clone()).with_repeat(Repeat::Never))
    .connector(FacebookLogin::new(graph, LoginConfig::new()))
    .settings(settings)
    .build()
    .unwrap()
}

/// A tenant whose end user has connected her Pages; gives a caller for it, and our id of one account.
async fn connected(shareville: &Shareville, sandbox: &Sandbox, account: &str) -> (Caller, String) {
    let owner = OwnerId::new("owner");
    let input = TenantInput {
        name: Some("Site".to_owned()),
        facebook_app_id: Patch::Set("400000000000004".to_owned()),
        facebook_app_secret: Patch::Set("an app secret".into()),
        ..TenantInput::default()
    };
    let saved = shareville.tenancy(&owner).create(input).await.unwrap();
    let tenant = saved.tenant;
    let caller = shareville.on_behalf_of(tenant.id).await.unwrap();
    let connections = shareville.connections(&caller);
    let login = NewLogin {
        provider: Provider::facebook(),
        user: Some(UserId::new("ada")),
        redirect_uri: None,
        confirm: false,
    };
    let begun = connections.begin(login).await.unwrap();
    let back: Url = sandbox
        .approve(begun.url.as_str(), &Consent::all())
        .unwrap()
        .parse()
        .unwrap();
    let named = |name| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let callback = Callback {
        state: named("state"),
        code: named("code").map(Into::into),
        error: None,
    };
    shareville
        .finish_login(&Provider::facebook(), callback)
        .await
        .unwrap();
    let connection = connections
        .list(None, PageRequest::first(1))
        .await
        .unwrap()
        .items
        .remove(0);
    let pages = connections
        .accounts(connection.id, PageRequest::first(100))
        .await
        .unwrap();
    let page = pages
        .items
        .into_iter()
        .find(|page| page.platform_id == account)
        .unwrap();
    (caller, page.id.to_string())
}

/// A worker is killed when Meta has acted on its commit, before it hears so; another one finishes. Gives how many posts
/// a visitor sees.
async fn kill_and_finish(wrap: fn(Arc<dyn Store>) -> Arc<dyn Store>) -> usize {
    let sandbox = Sandbox::start().await.unwrap();
    let store = SqliteStore::in_memory(SqliteOptions::new()).await.unwrap();
    let uncertain = Duration::from_secs(20);
    let shareville = shareville(wrap(Arc::new(store)), &sandbox, uncertain);
    let (caller, page) = connected(&shareville, &sandbox, demo::BAKERY).await;
    let hold = Effect::Hold {
        moment: Moment::AfterActing,
    };
    let fault = sandbox.arm(Fault::on(Step::PublishPost, hold));
    let posts = shareville.posts(&caller);
    let input = PostInput {
        account: page,
        content: Content::text(CAPTION),
        ..PostInput::default()
    };
    let post = posts.create(input).await.unwrap();

    posts.publish(post.id.into(), false).await.unwrap();
    let killed = shareville.clone();
    let first = tokio::spawn(async move { Engine::new(killed).tick().await });
    sandbox.held(fault).await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let shutdown = CancellationToken::new();
    let second = tokio::spawn(Engine::new(shareville.clone()).run(shutdown.clone()));
    let (settled, _) = posts
        .settled(post.id, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(settled.status, PostStatus::Published);
    shutdown.cancel();
    second.await.unwrap();
    sandbox.release(fault).unwrap();
    sandbox.quiet().await;
    let visible = sandbox.visible_posts(demo::BAKERY);
    visible
        .iter()
        .filter(|post| post.message.as_deref() == Some(CAPTION))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_with_its_marks_should_publish_once() {
    assert_eq!(kill_and_finish(|store| store).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_without_its_marks_should_be_caught() {
    let forgetful = |store| -> Arc<dyn Store> { Arc::new(Wrapped::forgetful(store)) };
    assert_eq!(kill_and_finish(forgetful).await, 2);
}

/// One placement whose commit is only assumed to be harmless when it is repeated.
struct Place {
    account: &'static str,
    commit: Step,
    content: Content,
}

fn assumed() -> [Place; 3] {
    let film = "https://films.example/reel.mp4?width=1080&height=1920&seconds=10";
    let picture = "https://pictures.example/1.jpg";
    let content = |placement, media| Content {
        placement,
        media: vec![media],
        ..Content::default()
    };
    [
        Place {
            account: demo::BAKERY,
            commit: Step::FinishReel,
            content: content(Placement::Reel, Media::video(film)),
        },
        Place {
            account: demo::BAKERY,
            commit: Step::PublishPhotoStory,
            content: content(Placement::Story, Media::image(picture)),
        },
        Place {
            account: demo::BAKERY_INSTAGRAM,
            commit: Step::PublishMedia,
            content: content(Placement::Feed, Media::image(picture)),
        },
    ]
}

async fn publish_where_a_repeat_harms(place: Place, effect: Effect) {
    let case = format!("{:?}, {effect:?}", place.commit);
    let sandbox = Sandbox::start().await.unwrap();
    let mut switches = Switches::default();
    switches.finish_twice_is_harmless = false;
    switches.photo_story_twice_is_harmless = false;
    switches.media_publish_twice_is_harmless = false;
    sandbox.set_switches(switches);
    let store = SqliteStore::in_memory(SqliteOptions::new()).await.unwrap();
    let shareville = shareville(Arc::new(store), &sandbox, Duration::from_secs(2));
    let (caller, account) = connected(&shareville, &sandbox, place.account).await;
    let fault = sandbox.arm(Fault::on(place.commit, effect));
    let posts = shareville.posts(&caller);
    let input = PostInput {
        account,
        content: place.content,
        ..PostInput::default()
    };
    let post = posts.create(input).await.unwrap();
    posts.publish(post.id.into(), false).await.unwrap();
    let shutdown = CancellationToken::new();
    let engine = tokio::spawn(Engine::new(shareville.clone()).run(shutdown.clone()));
    let (settled, _) = posts
        .settled(post.id, Duration::from_secs(60))
        .await
        .unwrap();
    shutdown.cancel();
    engine.await.unwrap();
    sandbox.quiet().await;
    assert_eq!(sandbox.struck(fault), 1, "{case}");
    let visible = match place.account {
        demo::BAKERY_INSTAGRAM => sandbox.visible_media(place.account).len(),
        page => sandbox.visible_posts(page).len(),
    };
    match settled.status {
        PostStatus::Published => assert_eq!(visible, 1, "{case}"),
        PostStatus::Failed => {
            let code = settled.failure.map(|failure| failure.code);
            assert_eq!(code.as_deref(), Some("outcome_unknown"), "{case}");
            assert!(visible <= 1, "{case}: {visible}");
        }
        other => panic!("{case}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_assumption_should_make_no_second_post() {
    let answer = Answer::code_2();
    let effects = [
        Effect::LoseRequest,
        Effect::LoseAnswer,
        Effect::ActAndAnswer { answer },
    ];
    let cases = effects.into_iter().flat_map(|effect| {
        let places = assumed().into_iter();
        places.map(move |place| publish_where_a_repeat_harms(place, effect.clone()))
    });
    futures::future::join_all(cases).await;
}
