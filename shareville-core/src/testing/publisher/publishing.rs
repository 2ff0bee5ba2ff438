//! Preparing, committing, looking, and what can be done with what is live.

use std::time::Duration;

use super::{Harness, WINDOW, commit, limits, look, prepared, published, until_live};
use crate::{
    clock::Deadline,
    failure::FailureClass,
    post::{Content, Evidence, Repeat},
    publisher::{CommentEvidence, Commented, Committed, Prepared},
};

/// Preparing, to its end, makes nothing visible.
pub async fn should_leave_nothing_visible_by_preparing(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let progress = prepared(on, &job).await;
    assert!(
        progress.object.is_some(),
        "a commit names an object that exists"
    );
    assert_eq!(progress.content_revision, job.post.content_revision);
    assert_eq!(on.visible(&job).await, 0);
}

/// Preparing from nothing, and from what is prepared already, does no harm.
pub async fn should_prepare_again_without_harm(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let _lost = prepared(on, &job).await;
    let kept = prepared(on, &job).await;
    match on.publisher().prepare(&job, Some(&kept)).await {
        Prepared::Ready(again) => assert_eq!(again.object, kept.object, "what is there is used"),
        other => panic!("what is ready stays ready, not {other:?}"),
    }
    assert_eq!(on.visible(&job).await, 0);
}

/// A commit makes one post visible, and says what the platform calls it or that it comes.
pub async fn should_make_exactly_one_post_visible(on: &impl Harness) {
    let job = published(on, on.content()).await;
    assert_eq!(on.visible(&job).await, 1);
}

/// A look tells what is unpublished from what is live.
pub async fn should_find_it_absent_before_and_live_after(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let progress = prepared(on, &job).await;
    let since = on.now();
    assert_eq!(look(on, &job, &progress, since).await, Evidence::Absent);
    let answer = commit(on, &job, &progress).await;
    let found = until_live(on, &job, &progress, since).await;
    if let Committed::Live(said) = answer
        && let (Some(said), Some(found)) = (said.platform_id, found.platform_id)
    {
        assert_eq!(
            said, found,
            "the look names the same post as the commit's answer"
        );
    }
    assert_eq!(on.visible(&job).await, 1);
}

/// A commit whose answer is lost is uncertain, and a look finds it live.
pub async fn should_find_it_live_after_a_lost_answer(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let progress = prepared(on, &job).await;
    let since = on.now();
    on.lose_the_next_commits_answer().await;
    let answer = commit(on, &job, &progress).await;
    assert!(
        matches!(answer, Committed::Uncertain(_)),
        "a lost answer proves nothing, but the commit says {answer:?}"
    );
    until_live(on, &job, &progress, since).await;
    assert_eq!(on.visible(&job).await, 1);
}

/// Where a repeat is proven harmless, the same commit again leaves one post.
pub async fn should_leave_one_post_where_a_repeat_is_proven(on: &impl Harness) {
    if on.publisher().repeat(&on.content()) != Repeat::Proven {
        return;
    }
    let job = published(on, on.content()).await;
    let progress = job.post.work.progress.clone().expect("it was prepared");
    let _ = commit(on, &job, &progress).await;
    assert_eq!(on.visible(&job).await, 1);
}

/// A commit whose deadline is past before it is sent is not sent: a process that slept commits nothing.
pub async fn should_commit_nothing_after_the_deadline(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let progress = prepared(on, &job).await;
    let past = Deadline::after(Duration::ZERO);
    let answer = on.publisher().commit(&job, &progress, past).await;
    assert!(
        matches!(answer, Committed::Refused(_) | Committed::Uncertain(_)),
        "nothing was sent, but the commit says {answer:?}"
    );
    assert_eq!(on.visible(&job).await, 0);
    let found = look(on, &job, &progress, on.now()).await;
    assert_eq!(found, Evidence::Absent);
}

/// What was prepared can be deleted, twice even, and never becomes visible then.
pub async fn should_discard_what_is_not_visible(on: &impl Harness) {
    let job = on.job(on.content()).await;
    let progress = prepared(on, &job).await;
    let discarded = on.publisher().discard(&job, &progress).await;
    assert_eq!(discarded, Ok(()));
    if let Err(failure) = on.publisher().discard(&job, &progress).await {
        assert_eq!(failure.class, FailureClass::NotFound, "{failure}");
    }
    assert_eq!(on.visible(&job).await, 0);
}

/// A first comment is sent and found; another text is not.
pub async fn should_comment_and_find_the_comment(on: &impl Harness) {
    let content = on.content();
    if limits(on, content.placement).is_none_or(|limits| !limits.first_comment) {
        return;
    }
    let first_comment = Some("First!".to_owned());
    let job = published(
        on,
        Content {
            first_comment,
            ..content
        },
    )
    .await;
    let since = on.now();
    let absent = on.publisher().look_for_comment(&job, since).await;
    assert_eq!(absent, Ok(CommentEvidence::Absent));
    let said = on.publisher().comment(&job, Deadline::after(WINDOW)).await;
    assert_eq!(said, Commented::Live);
    let there = on.publisher().look_for_comment(&job, since).await;
    assert_eq!(there, Ok(CommentEvidence::Live));
    assert_eq!(on.visible(&job).await, 1);
}

/// Where the capabilities say so, a published text can be changed, and the post stays one.
pub async fn should_edit_what_is_published_or_say_so(on: &impl Harness) {
    if !on.publisher().capabilities().edits_published {
        return;
    }
    let job = published(on, on.content()).await;
    let edited = on.publisher().edit(&job, Some("Better so")).await;
    assert_eq!(edited, Ok(()));
    assert_eq!(on.visible(&job).await, 1);
}

/// Where the capabilities say so, a published post can be deleted, and one that is gone is deleted.
pub async fn should_delete_what_is_published(on: &impl Harness) {
    if !on.publisher().capabilities().deletes_published {
        return;
    }
    let job = published(on, on.content()).await;
    assert_eq!(on.visible(&job).await, 1);
    for _ in 0..2 {
        assert_eq!(on.publisher().delete(&job).await, Ok(()));
        assert_eq!(on.visible(&job).await, 0);
    }
}
