//! Bluesky against the contract of a publisher, on the emulated server; and what is Bluesky's own.

use std::{collections::HashSet, net::Ipv4Addr, sync::Arc, time::Duration};

use async_trait::async_trait;
use axum::{Router, http::StatusCode, routing::any};
use chrono::DateTime;
use serde_json::json;
use shareville::{
    Access, Account, AccountId, Actor, Clock, Committed, ConnectionId, ConnectionStatus, Connector,
    Content, Deadline, Engine, Evidence, FailureClass, Job, LimitScope, Media, OwnerId, Placement,
    PostId, PostStatus, Prepared, Progress, PublicMedia, Publisher, SystemClock, TenantId,
    TenantInput, Timestamp, UserId,
    core::{
        post::{Draft, FacebookOptions, InstagramOptions, Moment, Options, Pace, draft},
        publisher_contract,
        testing::publisher::Harness,
    },
};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    HANDLE, PASSWORD,
    bluesky::{Bluesky, record_key},
    build, connect,
    login::AppPasswords,
    pds::Pds,
    publish,
};

struct Emulated {
    pds: Pds,
    publisher: Bluesky,
    login: AppPasswords,
}

async fn emulated() -> Emulated {
    let pds = Pds::start().await.unwrap();
    let publisher = Bluesky::at(pds.url()).unwrap();
    let sign_in = "https://site.example/sign-in".parse().unwrap();
    Emulated {
        login: AppPasswords::new(publisher.clone(), sign_in),
        publisher,
        pds,
    }
}

#[async_trait]
impl Harness for Emulated {
    fn publisher(&self) -> &dyn Publisher {
        &self.publisher
    }

    fn content(&self) -> Content {
        Content {
            link: Some("https://example.com/news".to_owned()),
            ..Content::text("what the contract publishes")
        }
    }

    async fn job(&self, content: Content) -> Job {
        let handle = format!("{}.example", PostId::generate());
        self.pds.open_account(&handle, "password");
        let app = self.login.shared_app().unwrap();
        let code = format!("{handle} password").into();
        let callback = "https://site.example/callback".parse().unwrap();
        let granted = self.login.exchange(&app, &code, &callback).await.unwrap();
        let found = granted.accounts.into_iter().next().unwrap();
        let now = SystemClock.now();
        let account = Account {
            id: AccountId::generate(),
            tenant: TenantId::generate(),
            connection: ConnectionId::generate(),
            user: UserId::new("ada"),
            provider: found.provider,
            platform_id: found.platform_id,
            name: found.name,
            username: found.username,
            category: found.category,
            picture: found.picture,
            can_publish: true,
            problems: found.problems,
            token: None,
            created_at: now,
            updated_at: now,
        };
        let moment = Moment {
            now,
            actor: Actor::Host,
            pace: Pace::default(),
        };
        let new = Draft {
            account: &account,
            group: None,
            content,
            metadata: serde_json::Map::new(),
            give_up_after: Duration::from_secs(60),
        };
        Job {
            post: Arc::new(draft(new, &moment).0),
            account: Arc::new(account),
            access: Access {
                token: found.token.unwrap(),
                app,
                login: self.login.provider(),
            },
            media: Arc::new(PublicMedia),
            resumed: true,
        }
    }

    async fn visible(&self, job: &Job) -> usize {
        self.pds.visible(&job.account.platform_id).len()
    }

    async fn lose_the_next_commits_answer(&self) {
        self.pds.lose_the_next_answer();
    }

    async fn wait_until(&self, until: Timestamp) {
        SystemClock.sleep_until(until).await;
    }
}

publisher_contract!(emulated);

async fn prepared(on: &Emulated, job: &Job) -> Progress {
    match on.publisher.prepare(job, None).await {
        Prepared::Ready(progress) => progress,
        other => panic!("not ready: {other:?}"),
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

#[test]
fn a_key_should_be_the_posts_own_and_of_the_platforms_form() {
    let posts: Vec<_> = (0..10_000).map(|_| PostId::generate()).collect();
    let keys: HashSet<_> = posts.iter().map(|post| record_key(*post)).collect();
    assert_eq!(keys.len(), posts.len(), "made within the same milliseconds");
    assert_eq!(record_key(posts[0]), record_key(posts[0]));
    for key in keys {
        let first = key.chars().next().unwrap();
        assert!(
            key.len() == 13 && "234567abcdefghij".contains(first),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_text_should_be_measured_in_what_people_take_for_characters() {
    let on = emulated().await;
    let codes = |text: String| {
        let wrong = on.publisher.check(&Content::text(text)).into_iter();
        wrong.map(|it| it.code).collect::<Vec<_>>()
    };
    // Two code points each, one character each.
    assert_eq!(codes("e\u{301}".repeat(300)), Vec::<String>::new());
    assert_eq!(codes("e\u{301}".repeat(301)), ["too_long"]);
    // 25 bytes each: 3,000 is the limit.
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}";
    assert_eq!(codes(family.repeat(120)), Vec::<String>::new());
    assert_eq!(codes(family.repeat(121)), ["too_long"]);
}

#[tokio::test]
async fn what_has_no_room_should_be_refused_all_at_once() {
    let on = emulated().await;
    let content = Content {
        link: Some("https://ada:secret@example.com/".to_owned()),
        media: vec![Media::image("https://example.com/frog.jpg")],
        placement: Placement::Story,
        options: Options {
            facebook: Some(FacebookOptions::default()),
            instagram: Some(InstagramOptions::default()),
        },
        first_comment: Some("First!".to_owned()),
        ..Content::text("x".repeat(301))
    };
    let wrong = on.publisher.check(&content).into_iter();
    let mut pointers: Vec<_> = wrong.map(|it| it.pointer).collect();
    pointers.sort();
    let all = "/caption /firstComment /link /media /options/facebook /options/instagram /placement";
    assert_eq!(pointers.join(" "), all);
    let nothing = on.publisher.check(&Content::text(" "));
    assert_eq!(nothing[0].code, "required");
}

#[tokio::test]
async fn another_record_under_the_key_should_be_left_alone() {
    let on = emulated().await;
    let job = on.job(on.content()).await;
    let progress = prepared(&on, &job).await;
    let mut others = progress.clone();
    others.data["text"] = json!("written by somebody else");
    let written = on.publisher.commit(&job, &others, soon()).await;
    assert!(matches!(written, Committed::Live(_)), "{written:?}");

    let answer = on.publisher.commit(&job, &progress, soon()).await;
    assert!(matches!(answer, Committed::Uncertain(_)), "{answer:?}");
    let found = on.publisher.look(&job, &progress, on.now()).await;
    assert_eq!(found, Ok(Evidence::Unclear(None)));
    assert_eq!(on.publisher.discard(&job, &progress).await, Ok(()));
    let visible = on.pds.visible(&job.account.platform_id);
    assert_eq!(visible.len(), 1);
    assert_eq!(visible[0].1, others.data);
}

#[tokio::test]
async fn a_dead_token_should_ask_for_a_new_login_and_do_nothing() {
    let on = emulated().await;
    let mut job = on.job(on.content()).await;
    let progress = prepared(&on, &job).await;
    job.access.token = "of yesterday".into();
    match on.publisher.commit(&job, &progress, soon()).await {
        Committed::Refused(failure) => assert_eq!(failure.class, FailureClass::Reauthorize),
        other => panic!("it certainly did nothing: {other:?}"),
    }
    assert_eq!(on.visible(&job).await, 0);
}

/// A server that answers every call in the same way.
async fn answering(status: StatusCode, body: &'static str) -> Bluesky {
    let answer = move || async move {
        let headers = [
            ("ratelimit-reset", "1800000000"),
            ("location", "/elsewhere"),
        ];
        (status, headers, body)
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // Whoever follows the redirect is told that nothing was done.
    let elsewhere = || async { (StatusCode::BAD_REQUEST, r#"{"error": "InvalidRequest"}"#) };
    let router = Router::new()
        .route("/elsewhere", any(elsewhere))
        .fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Bluesky::at(url.parse().unwrap()).unwrap()
}

#[tokio::test]
async fn only_what_certainly_did_nothing_should_be_called_refused() {
    let on = emulated().await;
    let job = on.job(on.content()).await;
    let progress = prepared(&on, &job).await;
    let limited = FailureClass::RateLimited {
        until: DateTime::from_timestamp(1_800_000_000, 0),
        scope: LimitScope::Account,
    };
    let content = FailureClass::Content { retryable: false };
    let reauthorize = FailureClass::Reauthorize;
    for (status, body, refused) in [
        (400, r#"{"error": "ExpiredToken"}"#, Some(reauthorize)),
        (401, r#"{"error": "AuthMissing"}"#, Some(reauthorize)),
        (429, r#"{"error": "RateLimitExceeded"}"#, Some(limited)),
        (400, r#"{"error": "InvalidRequest"}"#, Some(content)),
        (
            400,
            r#"{"error": "AccountTakedown"}"#,
            Some(FailureClass::Blocked),
        ),
        // The record may be there already; a name nobody knows; and whatever did not come from the server itself.
        (400, r#"{"error": "InvalidSwap"}"#, None),
        (400, r#"{"error": "Surprise"}"#, None),
        (400, "{}", None),
        (500, r#"{"error": "InvalidRequest"}"#, None),
        (429, "<html>Too many requests</html>", None),
        (502, "<html>Bad gateway</html>", None),
        (307, "", None),
        (200, "", None),
        (
            200,
            r#"{"uri": "at://did:plc:other/app.bsky.feed.post/2222222222222"}"#,
            None,
        ),
    ] {
        let server = answering(StatusCode::from_u16(status).unwrap(), body).await;
        let answer = server.commit(&job, &progress, soon()).await;
        let as_expected = match (&answer, refused) {
            (Committed::Refused(failure), Some(class)) => failure.class == class,
            (Committed::Uncertain(_), None) => true,
            _ => false,
        };
        assert!(as_expected, "{status} {body}: {answer:?}");
        let found = server.look(&job, &progress, on.now()).await;
        let known = matches!(found, Ok(Evidence::Live(_) | Evidence::Absent));
        assert!(
            !known,
            "{status} {body}: nothing was found out, but {found:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_should_certainly_do_nothing() {
    let on = emulated().await;
    let job = on.job(on.content()).await;
    let progress = prepared(&on, &job).await;
    // Nobody listens at port 1.
    let away = Bluesky::at("http://127.0.0.1:1".parse().unwrap()).unwrap();
    let answer = away.commit(&job, &progress, soon()).await;
    assert!(matches!(answer, Committed::Refused(_)), "{answer:?}");
    let found = away.look(&job, &progress, on.now()).await;
    assert!(matches!(found, Ok(Evidence::Unclear(Some(_)))), "{found:?}");
}

#[tokio::test]
async fn the_engine_should_publish_once_although_the_answer_is_lost() {
    let pds = Pds::start().await.unwrap();
    let did = pds.open_account(HANDLE, PASSWORD);
    let shareville = build(&pds).unwrap();
    let owner = OwnerId::new("owner");
    let input = TenantInput {
        name: Some("A website without an app of its own".to_owned()),
        ..TenantInput::default()
    };
    let tenant = shareville.tenancy(&owner).create(input).await.unwrap();
    let caller = shareville.on_behalf_of(tenant.tenant.id).await.unwrap();
    let account = connect(&shareville, &caller).await.unwrap();
    let shutdown = CancellationToken::new();
    let engine = tokio::spawn(Engine::new(shareville.clone()).run(shutdown.clone()));

    pds.lose_the_next_answer();
    let text = Content::text("Once");
    let post = publish(&shareville, &caller, account, text).await.unwrap();
    assert_eq!(post.status, PostStatus::Published, "{:?}", post.failure);
    let visible = pds.visible(&did);
    assert_eq!(visible.len(), 1);
    assert_eq!(visible[0].0, record_key(post.id));

    // Connecting anew, by the long-lived token, brings another token to publish with.
    let connections = shareville.connections(&caller);
    let again = connections.refresh_accounts(post.connection).await.unwrap();
    assert_eq!(again.status, ConnectionStatus::Active);
    let posts = shareville.posts(&caller);
    posts.delete(post.id.into(), true).await.unwrap();
    assert_eq!(pds.visible(&did), []);
    shutdown.cancel();
    engine.await.unwrap();
}
