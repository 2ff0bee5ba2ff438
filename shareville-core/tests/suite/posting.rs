//! Posting: what callers ask of posts, and how that goes together with workers at work.

use shareville_core::{
    Error,
    engine::Engine,
    id::{OwnerId, PostId},
    post::{Content, Post, PostStatus, Refusal},
    posting::{PostInput, PostPatch, Target, Wanted},
    store::PageRequest,
    tenancy::TenantInput,
    testing::network::{Call, Fault, MAX_CAPTION_CHARS, Manners},
    violation::Violation,
};

use crate::stage::{Stage, input, spawn_tick};

fn violations<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(String, String)> {
    let Err(Error::Invalid(wrong)) = result else {
        panic!("not invalid: {result:?}")
    };
    let of = |it: Violation| (it.pointer, it.code);
    let mut wrong: Vec<_> = wrong.into_iter().map(of).collect();
    wrong.sort();
    wrong
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    pairs.iter().map(own).collect()
}

pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused { refusal, .. }) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn new_caption(post: &Post, caption: &str) -> PostPatch {
    let mut content = post.content.clone();
    content.caption = Some(caption.to_owned());
    PostPatch {
        content: Some(content),
        ..PostPatch::default()
    }
}

pub(crate) async fn update(stage: &Stage, id: PostId, caption: &str) -> Result<Post, Error> {
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    posting
        .update(id.into(), |post| new_caption(post, caption))
        .await
}

pub(crate) async fn publish(stage: &Stage, id: PostId, confirmed: bool) -> Result<Post, Error> {
    let caller = stage.caller().await;
    stage
        .shareville
        .posts(&caller)
        .publish(id.into(), confirmed)
        .await
}

pub(crate) async fn delete(stage: &Stage, id: PostId, at_platform: bool) -> Result<(), Error> {
    let caller = stage.caller().await;
    stage
        .shareville
        .posts(&caller)
        .delete(id.into(), at_platform)
        .await
}

#[tokio::test]
async fn a_platform_id_should_be_told_from_a_page_of_ours() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    for (id, code) in [
        ("112233445566", "platform_id"),
        ("112_233", "platform_id"),
        ("page", "malformed"),
        ("", "malformed"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "unknown"),
    ] {
        let mut wrong = input(&account, None);
        id.clone_into(&mut wrong.account);
        let found = violations(posting.create(wrong).await);
        assert_eq!(found, pairs(&[("/socialPageId", code)]), "{id:?}");
    }
}

#[tokio::test]
async fn a_post_should_name_the_request_that_set_it_going() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let by = async |id: &str| stage.caller().await.with_request_id(id.parse().unwrap());
    let request = |post: &Post| post.work.request.as_ref().map(ToString::to_string);

    let (writing, going, later) = (by("writing").await, by("going").await, by("later").await);
    let posting = stage.shareville.posts(&writing);
    let draft = posting.create(input(&account, None)).await.unwrap();
    assert_eq!(request(&draft), None, "nothing is set going yet");
    let due = posting.create(input(&account, Some(stage.at(60))));
    assert_eq!(request(&due.await.unwrap()).as_deref(), Some("writing"));

    let posting = stage.shareville.posts(&going);
    let at = stage.at(60);
    let post = posting.schedule(draft.id.into(), at).await.unwrap();
    assert_eq!(request(&post).as_deref(), Some("going"));
    let posting = stage.shareville.posts(&later);
    let edit = |post: &Post| new_caption(post, "Better so");
    let post = posting.update(draft.id.into(), edit).await.unwrap();
    assert_eq!(
        request(&post).as_deref(),
        Some("going"),
        "an edit sets nothing going"
    );

    let page = PageRequest::first(10);
    let told = posting.events(draft.id, page).await.unwrap().items;
    let mut told: Vec<_> = told.iter().map(|it| it.data["requestId"].clone()).collect();
    told.reverse();
    assert_eq!(told, ["writing", "going", "later"]);
}

#[tokio::test]
async fn all_that_is_wrong_should_be_told_at_once() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let wrong = PostInput {
        user: Some("jose".into()),
        content: Content::text("x".repeat(MAX_CAPTION_CHARS + 1)),
        give_up_after: Some(std::time::Duration::ZERO),
        ..input(&account, Some(stage.at(-301)))
    };
    let expected = [
        ("/caption", "too_long"),
        ("/giveUpAfter", "out_of_range"),
        ("/scheduledAt", "scheduled_in_past"),
        ("/userId", "not_owner"),
    ];
    assert_eq!(
        violations(posting.create(wrong.clone()).await),
        pairs(&expected)
    );
    assert_eq!(
        violations(posting.check(&Wanted::One(Box::new(wrong.clone()))).await),
        pairs(&expected)
    );
    let good = input(&account, None);
    let both = posting.create_all(Wanted::Batch(vec![good, wrong])).await;
    let expected = expected.map(|(pointer, code)| (format!("/posts/1{pointer}"), code.to_owned()));
    assert_eq!(violations(both), expected);
    let none = posting
        .list(Default::default(), PageRequest::first(9))
        .await;
    assert_eq!(none.unwrap().items, [], "all or none");
}

#[tokio::test]
async fn a_time_five_minutes_past_should_mean_now() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(-300)).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn anothers_post_should_be_as_good_as_none() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(60)).await;
    let other = TenantInput {
        name: Some("Rival".to_owned()),
        ..TenantInput::default()
    };
    let rival = OwnerId::new("rival");
    let rival = stage
        .shareville
        .tenancy(&rival)
        .create(other)
        .await
        .unwrap();
    let caller = stage
        .shareville
        .on_behalf_of(rival.tenant.id)
        .await
        .unwrap();
    let posting = stage.shareville.posts(&caller);
    assert!(matches!(
        posting.get(post.id).await,
        Err(Error::NotFound("post"))
    ));
    assert!(matches!(
        posting.cancel(post.id.into()).await,
        Err(Error::NotFound("post"))
    ));
    assert!(matches!(
        posting.publish(post.id.into(), true).await,
        Err(Error::NotFound("post"))
    ));
    assert!(matches!(
        posting.delete(post.id.into(), true).await,
        Err(Error::NotFound("post"))
    ));
}

#[tokio::test]
async fn an_outdated_revision_should_be_told_so() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(60)).await;
    update(&stage, post.id, "Good evening").await.unwrap();
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let seen = Target {
        id: post.id,
        revision: Some(post.revision),
    };
    let current = post.revision + 1;
    let stale = |error| matches!(error, Err(Error::Stale { current: it }) if it == current);
    assert!(stale(posting.cancel(seen).await));
    assert!(stale(posting.publish(seen, false).await));
    assert!(stale(
        posting.delete(seen, false).await.map(|()| post.clone())
    ));
    assert!(stale(
        posting.update(seen, |post| new_caption(post, "?")).await
    ));
}

/// A fresh post, and a worker that has taken some turns with it.
async fn racing(turns: usize) -> (Stage, Post, tokio::task::JoinHandle<usize>) {
    let stage = Stage::with(Manners {
        steps: 1,
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let round = spawn_tick(&stage.shareville);
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
    (stage, post, round)
}

#[tokio::test]
async fn an_edit_that_races_a_worker_should_end_on_one_side() {
    let (mut won, mut lost) = (0, 0);
    for turns in 0..40 {
        let (stage, post, round) = racing(turns).await;
        let edited = update(&stage, post.id, "Good evening").await;
        round.await.unwrap();
        let post = stage.drive_one(post.id).await;
        let visible = stage.network.visible();
        assert_eq!(visible.len(), 1, "after {turns} turns");
        assert_eq!(
            visible[0].caption, post.content.caption,
            "after {turns} turns"
        );
        let expected = match edited {
            Ok(_) => "Good evening",
            Err(_) => "Good morning",
        };
        won += usize::from(edited.is_ok());
        lost += usize::from(edited.is_err());
        assert_eq!(
            visible[0].caption.as_deref(),
            Some(expected),
            "after {turns} turns"
        );
    }
    assert!(won > 0 && lost > 0, "{won} won, {lost} lost");
}

#[tokio::test]
async fn a_cancel_that_races_a_worker_should_end_on_one_side() {
    let (mut won, mut lost) = (0, 0);
    for turns in 0..40 {
        let (stage, post, round) = racing(turns).await;
        let caller = stage.caller().await;
        let canceled = stage.shareville.posts(&caller).cancel(post.id.into()).await;
        round.await.unwrap();
        let post = stage.drive_one(post.id).await;
        let (status, visible) = match canceled {
            Ok(_) => (PostStatus::Canceled, 0),
            Err(_) => (PostStatus::Published, 1),
        };
        won += usize::from(canceled.is_ok());
        lost += usize::from(canceled.is_err());
        assert_eq!(post.status, status, "after {turns} turns");
        assert_eq!(
            stage.network.visible_of(post.id),
            visible,
            "after {turns} turns"
        );
    }
    assert!(won > 0 && lost > 0, "{won} won, {lost} lost");
}

#[tokio::test]
async fn a_failed_post_should_be_tried_again_when_asked() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let refused = crate::stage::failure(shareville_core::failure::FailureClass::Permission);
    stage.network.on(Call::Commit, 1, Fault::Refuse(refused));
    let post = stage.post(&account).await;
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Failed);
    publish(&stage, post.id, false).await.unwrap();
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(
        stage.network.objects_of(post.id),
        1,
        "its object was used again"
    );
}

#[tokio::test]
async fn a_published_post_should_be_deleted_at_the_platform_only_when_told() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.tick_all().await;
    assert_eq!(
        refusal(delete(&stage, post.id, false).await),
        Refusal::Published
    );
    assert_eq!(stage.network.visible_of(post.id), 1);
    delete(&stage, post.id, true).await.unwrap();
    assert_eq!(stage.network.visible_of(post.id), 0);
    assert_eq!(stage.read(post.id).await.status, PostStatus::Deleted);
    assert_eq!(
        refusal(publish(&stage, post.id, false).await),
        Refusal::Deleted
    );
}

#[tokio::test]
async fn a_deletion_that_the_platform_refuses_should_change_nothing() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.tick_all().await;
    stage.network.on(Call::Delete, 1, Fault::ActAndLoseAnswer);
    let lost = delete(&stage, post.id, true).await;
    assert!(matches!(lost, Err(Error::Platform(_))), "{lost:?}");
    assert_eq!(stage.read(post.id).await.status, PostStatus::Published);
    delete(&stage, post.id, true)
        .await
        .expect("what is gone is deleted");
    assert_eq!(stage.read(post.id).await.status, PostStatus::Deleted);
}

#[tokio::test]
async fn what_has_not_gone_out_should_be_deleted_from_our_books() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let draft = stage.create(input(&account, None)).await;
    let scheduled = stage.post_at(&account, stage.at(60)).await;
    for post in [draft, scheduled] {
        delete(&stage, post.id, true).await.unwrap();
        assert_eq!(stage.store.post(stage.tenant, post.id).await.unwrap(), None);
    }
    stage.pass(120);
    assert_eq!(stage.tick().await, 0);
}

#[tokio::test]
async fn of_a_published_post_only_the_text_should_change() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.tick_all().await;
    let edited = update(&stage, post.id, "Good evening").await.unwrap();
    assert_eq!(edited.content.caption.as_deref(), Some("Good evening"));
    let visible = stage.network.visible();
    assert_eq!(visible.len(), 1);
    assert_eq!(visible[0].caption.as_deref(), Some("Good evening"));
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let more = posting.update(post.id.into(), |post| {
        let mut patch = new_caption(post, "Good night");
        patch.metadata = Some(serde_json::Map::new());
        patch
    });
    let found = violations(more.await);
    assert_eq!(found, pairs(&[("/metadata", "not_supported_by_platform")]));
}

#[tokio::test]
async fn an_edit_should_be_refused_while_a_commit_is_open() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    Engine::new(stage.shareville.clone()).tick().await.unwrap();
    let refused = refusal(update(&stage, post.id, "?").await);
    assert_eq!(refused, Refusal::CommitInProgress);
    assert_eq!(
        refusal(delete(&stage, post.id, false).await),
        Refusal::CommitInProgress
    );
    let same = publish(&stage, post.id, false).await.unwrap();
    assert_eq!(
        same,
        stage.read(post.id).await,
        "publishing already: the post as it is"
    );
}
