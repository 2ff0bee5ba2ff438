//! Requests that come again: one creates, whatever stops it half-way.

use std::sync::Arc;

use shareville_core::{
    Error, Shareville,
    connection::Account,
    event::EventKind,
    idempotency::{Fingerprint, IdempotencyKey},
    post::Post,
    posting::{Answer, Begun, Wanted},
    store::{PageRequest, PostFilter},
};
use tokio::task::JoinHandle;

use crate::stage::{At, Stage, Wrapped, input, within};

/// Sends the same request as ever, to a process.
async fn request(stage: &Stage, to: &Shareville, account: &Account) -> Result<Answer, Error> {
    let caller = stage.caller().await;
    let key: IdempotencyKey = "key".parse().unwrap();
    let posts = to.posts(&caller);
    let print = Fingerprint::of("POST /posts", &serde_json::Map::new());
    let attempt = match posts.begin(&key, print).await? {
        Begun::First(attempt) => attempt,
        Begun::Before(made) => {
            let replayed = true;
            return Ok(Answer { made, replayed });
        }
    };
    let wanted = Wanted::One(Box::new(input(account, None)));
    let answer = |posts: &[Post]| posts[0].id.to_string().into_bytes();
    posts.create_answered(wanted, Some(attempt), answer).await
}

async fn posts(stage: &Stage) -> usize {
    let (filter, page) = (PostFilter::default(), PageRequest::first(10));
    let listed = stage.store.posts(stage.tenant, &filter, page).await;
    listed.unwrap().items.len()
}

/// A process whose writes of new posts go wrong, with a request under way in it.
async fn held(
    stage: &Arc<Stage>,
    account: &Account,
    at: At,
) -> (Shareville, Arc<Wrapped>, JoinHandle<Result<Answer, Error>>) {
    let view = stage.stopping(at, EventKind::PostCreated);
    let process = stage.on(Arc::<Wrapped>::clone(&view));
    let (on, to, account) = (Arc::clone(stage), process.clone(), account.clone());
    let running = tokio::spawn(async move { request(&on, &to, &account).await });
    within(view.until_stopped()).await;
    (process, view, running)
}

#[tokio::test]
async fn a_request_whose_first_is_still_running_should_wait_ten_seconds() {
    let stage = Arc::new(Stage::new().await);
    let account = stage.account().await;
    let (process, view, first) = held(&stage, &account, At::Before).await;
    let mut second = Box::pin(request(&stage, &process, &account));
    assert!(futures::poll!(second.as_mut()).is_pending());
    stage.pass(9);
    tokio::task::yield_now().await;
    assert!(futures::poll!(second.as_mut()).is_pending());
    stage.pass(1);
    let refused = within(second).await;
    assert!(matches!(
        refused,
        Err(Error::Conflict {
            code: "idempotency_in_progress",
            ..
        })
    ));
    // One that has waited gets the answer of the first.
    let mut third = Box::pin(request(&stage, &process, &account));
    assert!(futures::poll!(third.as_mut()).is_pending());
    view.release();
    let first = within(first).await.unwrap().unwrap();
    let third = within(third).await.unwrap();
    assert!(!first.replayed && third.replayed);
    assert_eq!((first.made, posts(&stage).await), (third.made, 1));
}

#[tokio::test]
async fn a_request_that_was_killed_should_stand_in_nobodys_way() {
    let stage = Arc::new(Stage::new().await);
    let account = stage.account().await;
    let (_, _, first) = held(&stage, &account, At::Before).await;
    first.abort();
    assert!(first.await.is_err());
    let again = request(&stage, &stage.shareville, &account).await.unwrap();
    assert!(!again.replayed);
    assert_eq!(posts(&stage).await, 1);
}

#[tokio::test]
async fn of_two_processes_one_should_create_and_the_other_repeat_its_answer() {
    let stage = Arc::new(Stage::new().await);
    let account = stage.account().await;
    let (_, view, slow) = held(&stage, &account, At::Before).await;
    let quick = request(&stage, &stage.shareville, &account).await.unwrap();
    view.release();
    let slow = within(slow).await.unwrap().unwrap();
    assert!(!quick.replayed && slow.replayed);
    assert_eq!((quick.made, posts(&stage).await), (slow.made, 1));
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_should_get_it_when_it_comes_again() {
    for (at, replayed) in [(At::Lost, true), (At::Never, false)] {
        let stage = Arc::new(Stage::new().await);
        let account = stage.account().await;
        let (_, _, first) = held(&stage, &account, at).await;
        let lost = within(first).await.unwrap();
        assert!(matches!(lost, Err(Error::Store(_))), "{lost:?}");
        let again = request(&stage, &stage.shareville, &account).await.unwrap();
        assert_eq!((again.replayed, posts(&stage).await), (replayed, 1));
    }
}
