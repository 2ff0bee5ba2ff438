//! What platforms tell: it makes us look, and is never a status by itself.

use secrecy::{ExposeSecret, SecretString};
use shareville_core::{
    Error,
    callbacks::{CallbackError, Callbacks, Noticed, Signed, SignedPerson, SigningSecret},
    connection::{Connection, ConnectionStatus},
    engine::Engine,
    event::{EventKind, Subject},
    heed::{Deletion, DeletionStatus},
    id::{Provider, TenantId},
    notice::{NoticeDigest, NoticeKind},
    post::PostStatus,
    store::PageRequest,
    tenancy::{Patch, TenantInput},
    testing::network::{Call, granted},
};
use tokio_util::sync::CancellationToken;

use crate::stage::{Stage, kinds, within};

/// A platform whose signature is the secret itself. A webhook's body has a line for each notice, such as `permissions 17`;
/// a request about a person is `{secret} {person}`.
#[derive(Debug)]
pub(crate) struct FakeCallbacks;

fn signer(secrets: &[SigningSecret], signature: &[u8]) -> Option<Provider> {
    let secret = |it: &&SigningSecret| it.secret.expose_secret().as_bytes() == signature;
    Some(secrets.iter().find(secret)?.provider.clone())
}

impl Callbacks for FakeCallbacks {
    fn read_webhook(
        &self,
        secrets: &[SigningSecret],
        body: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Signed<Vec<Noticed>>, CallbackError> {
        let by = signature.and_then(|it| signer(secrets, it));
        let by = by.ok_or(CallbackError::NotSigned)?;
        let text = std::str::from_utf8(body).map_err(|_| CallbackError::Unreadable)?;
        let said = text.lines().map(|line| {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let kind = match words[0].as_str() {
                "permissions" => NoticeKind::PermissionsChanged {
                    person: words[1..].join(" "),
                },
                _ => NoticeKind::PostRemoved {
                    account: words[1].clone(),
                    post: words[2].clone(),
                },
            };
            let digest = NoticeDigest::of([line.as_bytes()]);
            Noticed { kind, digest }
        });
        let said = said.collect();
        Ok(Signed { by, said })
    }

    fn read_signed_request(
        &self,
        secrets: &[SigningSecret],
        form: &[u8],
    ) -> Result<Signed<SignedPerson>, CallbackError> {
        let text = std::str::from_utf8(form).map_err(|_| CallbackError::BadRequest)?;
        let (signature, person) = text.split_once('|').ok_or(CallbackError::BadRequest)?;
        let by = signer(secrets, signature.as_bytes()).ok_or(CallbackError::BadRequest)?;
        let said = SignedPerson {
            person: (!person.is_empty()).then(|| person.to_owned()),
            digest: NoticeDigest::of([form]),
        };
        Ok(Signed { by, said })
    }
}

const SECRET: &str = "app secret";

fn about(person: &str) -> String {
    format!("{SECRET}|{person}")
}

async fn deauthorize(stage: &Stage, person: &str) -> Result<(), Error> {
    let form = about(person);
    let shareville = &stage.shareville;
    shareville
        .heed_deauthorization(stage.tenant, form.as_bytes())
        .await
}

async fn delete(stage: &Stage, person: &str) -> Result<Deletion, Error> {
    let form = about(person);
    let shareville = &stage.shareville;
    shareville
        .heed_deletion(stage.tenant, form.as_bytes())
        .await
}

async fn webhook(stage: &Stage, body: &str, signature: Option<&str>) -> Result<(), Error> {
    let signature = signature.map(str::as_bytes);
    let shareville = &stage.shareville;
    shareville
        .heed_webhook(stage.tenant, body.as_bytes(), signature)
        .await
}

/// One round: how many notices were looked into.
async fn heed(stage: &Stage) -> usize {
    Engine::new(stage.shareville.clone()).heed().await.unwrap()
}

async fn told(stage: &Stage, connection: &Connection) -> Vec<EventKind> {
    kinds(&stage.told_of(Subject::Connection(connection.id)).await)
}

async fn set_secret(stage: &Stage, secret: Patch<SecretString>) {
    let input = TenantInput {
        facebook_app_secret: secret,
        ..TenantInput::default()
    };
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.update(stage.tenant, input).await.unwrap();
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Error>, expected: CallbackError) {
    match answer {
        Err(Error::Callback(error)) => assert_eq!(error, expected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_person_who_has_left_should_be_looked_at_and_their_lanes_paused() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let (other, _) = stage.connect("jose", "token of jose", &["page-2"]).await;
    let post = stage.post(&accounts[0]).await;
    stage.connector.change("token", None);

    deauthorize(&stage, "person of maria").await.unwrap();
    deauthorize(&stage, "person of maria").await.unwrap();
    assert_eq!(stage.connector.inspected(), [""; 0], "it is answered first");
    assert_eq!(heed(&stage).await, 1);
    assert_eq!(stage.connector.inspected(), ["token"]);
    let (broken, _) = stage.connection(connection.id).await;
    assert_eq!(broken.status, ConnectionStatus::ReauthorizationRequired);
    let marked = EventKind::ConnectionReauthorizationRequired;
    let times = |told: Vec<EventKind>| told.into_iter().filter(|kind| *kind == marked).count();
    assert_eq!(times(told(&stage, &connection).await), 1);
    stage.tick_all().await;
    assert_eq!(stage.read(post.id).await.status, PostStatus::Scheduled);
    assert_eq!(stage.network.count(Call::Commit), 0);

    // It comes again, and is known.
    deauthorize(&stage, "person of maria").await.unwrap();
    assert_eq!(heed(&stage).await, 0);
    let (other, _) = stage.connection(other.id).await;
    assert_eq!(other.status, ConnectionStatus::Active);
}

#[tokio::test]
async fn a_person_who_is_said_to_have_left_and_has_not_should_stay() {
    let stage = Stage::new().await;
    let (connection, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    deauthorize(&stage, "person of maria").await.unwrap();
    assert_eq!(heed(&stage).await, 1);
    assert_eq!(stage.connector.inspected(), ["token"]);
    let (same, _) = stage.connection(connection.id).await;
    assert_eq!(same.status, ConnectionStatus::Active);
    let post = stage.post(&accounts[0]).await;
    assert_eq!(stage.drive_one(post.id).await.status, PostStatus::Published);
    // Nobody here, and nobody at all.
    deauthorize(&stage, "a stranger").await.unwrap();
    deauthorize(&stage, "").await.unwrap();
    assert_eq!(heed(&stage).await, 1);
    assert_eq!(stage.connector.inspected().len(), 1);
}

#[tokio::test]
async fn a_look_that_cannot_be_made_should_be_made_later() {
    let stage = Stage::new().await;
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    deauthorize(&stage, "person of maria").await.unwrap();
    stage.connector.change("token", None);
    set_secret(&stage, Patch::Clear).await;
    assert_eq!(heed(&stage).await, 1);
    let (same, _) = stage.connection(connection.id).await;
    assert_eq!(same.status, ConnectionStatus::Active, "nobody has looked");
    assert_eq!(heed(&stage).await, 0, "not before its time");
    set_secret(&stage, Patch::Set(SECRET.into())).await;
    stage.pass(5);
    assert_eq!(heed(&stage).await, 1);
    let (broken, _) = stage.connection(connection.id).await;
    assert_eq!(broken.status, ConnectionStatus::ReauthorizationRequired);
    stage.pass(86_400);
    assert_eq!(heed(&stage).await, 0);
}

#[tokio::test]
async fn a_look_that_panics_should_be_made_later() {
    let stage = Stage::new().await;
    stage.connect("maria", "token", &["page-1"]).await;
    deauthorize(&stage, "person of maria").await.unwrap();
    stage.connector.break_at(Some("token"));
    assert_eq!(heed(&stage).await, 1);
    stage.connector.break_at(None);
    stage.pass(5);
    assert_eq!(heed(&stage).await, 1);
    assert_eq!(stage.connector.inspected(), ["token"; 2]);
    stage.pass(86_400);
    assert_eq!(heed(&stage).await, 0);
}

#[tokio::test]
async fn changed_permissions_should_be_read_anew() {
    let stage = Stage::new().await;
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    let mut less = granted(
        &Provider::facebook(),
        "person of maria",
        "token",
        &["page-1"],
    );
    less.scopes.clear();
    less.missing_scopes = vec!["publish".to_owned()];
    stage.connector.change("token", Some(less));
    let body = "permissions person of maria";
    webhook(&stage, body, Some(SECRET)).await.unwrap();
    webhook(&stage, body, Some(SECRET)).await.unwrap();
    assert_eq!(heed(&stage).await, 1);
    let (changed, _) = stage.connection(connection.id).await;
    assert_eq!(changed.missing_scopes, ["publish"]);
    assert_eq!(changed.status, ConnectionStatus::Active);
}

#[tokio::test]
async fn a_wish_to_be_deleted_should_remove_all_that_is_the_persons() {
    let stage = Stage::new().await;
    let (first, accounts) = stage.connect("maria", "token", &["page-1"]).await;
    let brings = granted(
        &Provider::facebook(),
        "person of maria",
        "second",
        &["page-3"],
    );
    stage.log_in("maria's colleague", false, brings).await;
    let (other, _) = stage.connect("jose", "token of jose", &["page-2"]).await;
    let post = stage.post_at(&accounts[0], stage.at(3600)).await;
    // The one who leaves is often gone already.
    stage.connector.change("token", None);
    deauthorize(&stage, "person of maria").await.unwrap();
    heed(&stage).await;

    let wish = delete(&stage, "person of maria").await.unwrap();
    assert_eq!(wish.status, DeletionStatus::Pending);
    let url = format!(
        "https://shareville.example/api/data-deletion/{}",
        wish.code.as_str()
    );
    assert_eq!(wish.url.as_str(), url);
    let again = delete(&stage, "person of maria").await.unwrap();
    assert_eq!(again, wish);
    let code = wish.code.as_str();
    assert_eq!(stage.shareville.deletion(code).await.unwrap(), wish);

    assert_eq!(heed(&stage).await, 1);
    let read = stage.store.connection(stage.tenant, first.id).await;
    assert_eq!(read.unwrap(), None);
    let all = PageRequest::first(10);
    let left = stage.store.connections(stage.tenant, None, all).await;
    let left: Vec<_> = left.unwrap().items.iter().map(|it| it.id).collect();
    assert_eq!(left, [other.id]);
    let failed = stage.read(post.id).await;
    assert_eq!(failed.status, PostStatus::Failed);
    assert_eq!(failed.failure.unwrap().code, "connection_removed");
    assert!(
        told(&stage, &first)
            .await
            .contains(&EventKind::ConnectionRevoked)
    );
    let done = stage.shareville.deletion(code).await.unwrap();
    assert_eq!(done.status, DeletionStatus::Done(stage.now()));
}

#[tokio::test]
async fn a_wish_that_comes_again_should_be_fulfilled_again_under_its_code() {
    let stage = Stage::new().await;
    let wish = delete(&stage, "person of maria").await.unwrap();
    assert_eq!(heed(&stage).await, 1);
    stage.pass(3600);
    let (connection, _) = stage.connect("maria", "token", &["page-1"]).await;
    let again = delete(&stage, "person of maria").await.unwrap();
    assert_eq!(again.code, wish.code);
    assert_eq!(again.status, DeletionStatus::Pending);
    assert_eq!(heed(&stage).await, 1);
    let read = stage.store.connection(stage.tenant, connection.id).await;
    assert_eq!(read.unwrap(), None);

    // It is forgotten in the end.
    stage.pass(91 * 86_400);
    stage.store.sweep_notices().await.unwrap();
    let code = wish.code.as_str();
    for unknown in [code, "nonsense"] {
        let found = stage.shareville.deletion(unknown).await;
        assert!(matches!(found, Err(Error::NotFound(_))), "{unknown}");
    }
    refused(delete(&stage, "").await, CallbackError::BadRequest);
}

#[tokio::test]
async fn a_post_that_is_said_to_be_removed_should_keep_its_status_and_tell_of_it() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let live = stage.drive_one(post.id).await;
    let id = live.published.platform_id.clone().unwrap();
    let body = format!("removed page-1 {id}\nremoved page-1 unknown\nremoved page-2 {id}");
    webhook(&stage, &body, Some(SECRET)).await.unwrap();
    assert_eq!(heed(&stage).await, 3);
    let same = stage.read(post.id).await;
    assert_eq!(same.status, PostStatus::Published);
    assert_eq!(same.revision, live.revision + 1);
    let told = kinds(&stage.told(post.id).await);
    assert_eq!(told.last(), Some(&EventKind::PostRemovalReported));
}

#[tokio::test]
async fn what_is_not_signed_with_an_own_secret_should_be_refused() {
    let stage = Stage::new().await;
    stage.connect("maria", "token", &["page-1"]).await;
    let body = "permissions person of maria";
    for signature in [None, Some(""), Some("another secret")] {
        refused(
            webhook(&stage, body, signature).await,
            CallbackError::NotSigned,
        );
    }
    let shareville = &stage.shareville;
    for form in ["", "|person of maria", "another secret|person of maria"] {
        let left = shareville.heed_deauthorization(stage.tenant, form.as_bytes());
        refused(left.await, CallbackError::BadRequest);
        let wish = shareville.heed_deletion(stage.tenant, form.as_bytes());
        refused(wish.await, CallbackError::BadRequest);
    }
    set_secret(&stage, Patch::Clear).await;
    for signature in [None, Some(""), Some(SECRET)] {
        refused(
            webhook(&stage, body, signature).await,
            CallbackError::NoSecret,
        );
    }
    let none = delete(&stage, "person of maria").await;
    refused(none, CallbackError::NoSecret);
    assert_eq!(heed(&stage).await, 0, "nothing was stored");
    let nobody = TenantId::generate();
    let unknown = shareville.heed_webhook(nobody, b"", None).await;
    assert!(matches!(unknown, Err(Error::NotFound("client app"))));
}

#[tokio::test]
async fn only_who_knows_the_word_should_subscribe() {
    let stage = Stage::new().await;
    let tenant = stage.store.tenant(stage.tenant).await.unwrap().unwrap();
    let word = tenant.meta_verify_token;
    let verify = |word: String| {
        let shareville = &stage.shareville;
        async move { shareville.verify_subscription(stage.tenant, &word).await }
    };
    assert!(verify(word.clone()).await.is_ok());
    for wrong in [String::new(), format!("{word}x"), "guess".to_owned()] {
        let code = "wrong_verify_token";
        let refused = verify(wrong).await;
        assert!(matches!(refused, Err(Error::Forbidden { code: it, .. }) if it == code));
    }
}

#[tokio::test]
async fn an_engine_should_look_into_notices_by_itself() {
    let stage = Stage::new().await;
    let wish = delete(&stage, "person of maria").await.unwrap();
    let shutdown = CancellationToken::new();
    let engine = Engine::new(stage.shareville.clone()).run(shutdown.clone());
    let engine = tokio::spawn(engine);
    let code = wish.code.as_str();
    within(async {
        while stage.shareville.deletion(code).await.unwrap().status == DeletionStatus::Pending {
            tokio::task::yield_now().await;
        }
    })
    .await;
    shutdown.cancel();
    within(engine).await.unwrap();
}
