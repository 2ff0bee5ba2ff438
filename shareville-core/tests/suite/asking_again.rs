//! What callers ask once more, or of a post that has moved on while they asked.

use std::time::Duration;

use shareville_core::{
    Error,
    event::Actor,
    failure::LimitScope,
    id::PostId,
    post::{Command, Evidence, Moment, Pace, Post, PostStatus, Published, Refusal, Repeat, apply},
    posting::{PostPatch, When},
    store::PageRequest,
    testing::network::{Call, Fault, MAX_CAPTION_CHARS, Manners},
};

use crate::{
    stage::{Stage, limited, within},
    unknown_outcomes::unknown,
};

fn pointers<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let Err(Error::Invalid(wrong)) = result else {
        panic!("not invalid: {result:?}")
    };
    let mut pointers: Vec<_> = wrong.into_iter().map(|it| it.pointer).collect();
    pointers.sort();
    pointers
}

fn new_caption(post: &Post, caption: &str) -> PostPatch {
    let mut content = post.content.clone();
    content.caption = Some(caption.to_owned());
    PostPatch {
        content: Some(content),
        ..PostPatch::default()
    }
}

fn code(post: &Post) -> Option<&str> {
    post.failure.as_ref().map(|failure| failure.code.as_str())
}

async fn publish(stage: &Stage, id: PostId, confirmed: bool) -> Result<Post, Error> {
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    posting.publish(id.into(), confirmed).await
}

/// Somebody looks, and that is written down.
async fn looked(stage: &Stage, id: PostId, evidence: Evidence) {
    let moment = Moment {
        now: stage.now(),
        actor: Actor::Worker,
        pace: Pace::default(),
    };
    let post = stage.read(id).await;
    let change = apply(&post, Command::Looked(evidence), &moment).unwrap();
    let applied = stage.store.apply(&[change]).await.unwrap();
    assert!(applied[0].is_ok());
}

/// Publishes a post whose outcome is unknown, while somebody else looks at it too.
async fn published_while_looked_at(found: Evidence) -> Result<Post, Error> {
    let (stage, post) = unknown(Repeat::Never, Fault::ActAndLoseAnswer).await;
    stage.network.heal();
    let mut hangs = true;
    stage.network.strike(move |call, _| {
        (call == Call::Look && std::mem::take(&mut hangs)).then_some(Fault::HangBefore)
    });
    let (shareville, caller) = (stage.shareville.clone(), stage.caller().await);
    let id = post.id;
    let publishing = tokio::spawn(async move {
        let posting = shareville.posts(&caller);
        posting.publish(id.into(), false).await
    });
    within(stage.network.until_hanging(1)).await;
    looked(&stage, id, found).await;
    stage.network.release();
    within(publishing).await.unwrap()
}

#[tokio::test]
async fn who_named_no_revision_should_publish_the_post_as_it_is_by_now() {
    let published = published_while_looked_at(Evidence::Unclear(None)).await;
    assert_eq!(published.unwrap().status, PostStatus::Published);
    let published = published_while_looked_at(Evidence::Live(Published::default())).await;
    let told = matches!(
        &published,
        Err(Error::Refused { refusal: Refusal::Published, post }) if post.status == PostStatus::Published
    );
    assert!(told, "{published:?}");
}

#[tokio::test]
async fn a_confirmation_whose_answer_was_lost_should_be_safe_to_repeat() {
    let (stage, post) = unknown(Repeat::Never, Fault::LoseRequest).await;
    stage.network.heal();
    let first = publish(&stage, post.id, true).await.unwrap();
    assert_eq!(first.status, PostStatus::Scheduled);
    let again = publish(&stage, post.id, true).await.unwrap();
    assert_eq!(again, first);
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_post_that_waits_should_take_the_time_it_has_already_however_long_past() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let at = stage.now();
    let post = stage.post_at(&account, at).await;
    stage.pass(400);
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let same = posting.schedule(post.id.into(), at).await.unwrap();
    assert_eq!(same, post);
    let patch = || PostPatch {
        scheduled_at: Some(at),
        ..PostPatch::default()
    };
    let same = posting.update(post.id.into(), |_| patch()).await.unwrap();
    assert_eq!(same, post);
    let edit = |post: &Post| PostPatch {
        scheduled_at: Some(at),
        ..new_caption(post, "Good evening")
    };
    let edited = posting.update(post.id.into(), edit).await.unwrap();
    assert_eq!(edited.content.caption.as_deref(), Some("Good evening"));
    assert_eq!(edited.scheduled_at, Some(at));
}

#[tokio::test]
async fn another_time_that_is_past_should_be_told_where_it_was_given() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(60)).await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let moment = posting.schedule(post.id.into(), stage.at(-301)).await;
    assert_eq!(pointers(moment), ["/scheduledAt"]);
    let local = When {
        at: None,
        local: "2026-03-01T09:00".parse().ok(),
        timezone: Some("UTC".to_owned()),
    };
    let scheduled = posting.schedule(post.id.into(), local.clone()).await;
    assert_eq!(pointers(scheduled), ["/scheduledLocal"]);
    let planned = posting.plan_schedule(post.id.into(), local.clone()).await;
    assert_eq!(pointers(planned), ["/scheduledLocal"]);
    let too_long = "x".repeat(MAX_CAPTION_CHARS + 1);
    let patched = posting.update(post.id.into(), |post| PostPatch {
        scheduled_local: local.local,
        timezone: local.timezone.clone(),
        ..new_caption(post, &too_long)
    });
    assert_eq!(
        pointers(patched.await),
        ["/caption", "/scheduledLocal"],
        "all at once"
    );
}

/// A post that a worker has begun, on an account that must be left alone until then.
async fn kept_back() -> (Stage, Post, shareville_core::clock::Timestamp) {
    let stage = Stage::with(Manners {
        processing: Duration::from_secs(30),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.tick_all().await;
    let until = stage.at(600);
    let limit = Fault::Refuse(limited(until, LimitScope::Account));
    stage.network.on(Call::Prepare, 2, limit);
    stage.post(&account).await;
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Publishing);
    (stage, post, until)
}

#[tokio::test]
async fn a_post_that_is_shown_as_scheduled_should_change_like_one() {
    let (stage, post, until) = kept_back().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let read = posting.get(post.id).await.unwrap();
    let same = posting.publish(post.id.into(), false).await.unwrap();
    let edit = |post: &Post| new_caption(post, "Good evening");
    let edited = posting.update(post.id.into(), edit).await.unwrap();
    for answer in [read, same, edited] {
        assert_eq!(answer.status, PostStatus::Scheduled);
        assert_eq!(code(&answer), Some("rate_limited"));
        assert_eq!(answer.next_attempt_at(), Some(until));
    }
    stage.clock.set(until);
    stage.drive(&[post.id]).await;
    let visible = stage.network.visible();
    let own: Vec<_> = visible.iter().filter(|it| it.post == post.id).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].caption.as_deref(), Some("Good evening"));
}

#[tokio::test]
async fn a_post_that_is_shown_as_scheduled_should_be_moved_and_deleted_like_one() {
    let (stage, post, until) = kept_back().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let later = stage.at(660);
    assert!(later > until);
    let moved = posting.schedule(post.id.into(), later).await.unwrap();
    assert_eq!(moved.status, PostStatus::Scheduled);
    assert_eq!(moved.next_attempt_at(), Some(later));

    let (stage, post, _) = kept_back().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    posting.delete(post.id.into(), false).await.unwrap();
    assert_eq!(stage.store.post(stage.tenant, post.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_the_platform_has_not_named_yet_should_not_be_changed_there() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    let post = stage.post(&account).await;
    stage.tick_all().await;
    looked(&stage, post.id, Evidence::Live(Published::default())).await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let edit = |post: &Post| new_caption(post, "Good evening");
    let edited = posting.update(post.id.into(), edit).await.map(drop);
    let deleted = posting.delete(post.id.into(), true).await;
    for answer in [edited, deleted] {
        let told = matches!(
            &answer,
            Err(Error::Conflict {
                code: "platform_post_id_unknown",
                ..
            })
        );
        assert!(told, "{answer:?}");
    }
    assert_eq!(stage.network.count(Call::Edit), 0);
    assert_eq!(stage.network.count(Call::Delete), 0);
    let page = PageRequest::first(1);
    let last = posting.events(post.id, page).await.unwrap().items.remove(0);
    assert_eq!(last.data["post"]["status"], "published", "nothing was told");
}
