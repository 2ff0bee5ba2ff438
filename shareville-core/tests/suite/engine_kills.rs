//! Workers killed or frozen at every point: the next one finishes, and one post is visible.

use std::{sync::Arc, time::Duration};

use shareville_core::{
    Settings,
    engine::Engine,
    event::EventKind,
    post::{FirstCommentStatus, Post, PostStatus, Repeat},
    store::Store,
    testing::network::{Call, Fault, Manners},
};

use crate::stage::{At, Stage, Wrapped, kill_when, spawn_tick, with_comment, within};

async fn assert_finished(stage: &Stage, post: &Post, what: &str) {
    let post = stage.drive_one(post.id).await;
    assert_eq!(
        stage.network.visible_of(post.id),
        1,
        "{what}: {:?}",
        post.failure
    );
    assert_eq!(
        post.status,
        PostStatus::Published,
        "{what}: {:?}",
        post.failure
    );
}

fn slow() -> [Manners; 2] {
    [
        Manners::default(),
        Manners {
            steps: 2,
            processing: Duration::from_secs(45),
            ..Manners::default()
        },
    ]
}

#[tokio::test]
async fn a_worker_killed_at_a_write_should_be_followed_by_one_that_finishes() {
    for manners in slow() {
        for kind in [
            EventKind::PostStep,
            EventKind::PostWaiting,
            EventKind::PostCommit,
            EventKind::PostPublished,
        ] {
            for at in [At::Before, At::After] {
                let what = format!("killed {at:?} the write of {kind:?} with {manners:?}");
                let stage = Stage::with(manners).await;
                let account = stage.account().await;
                let post = stage.post(&account).await;
                let view = stage.stopping(at, kind);
                let shareville = stage.on(Arc::<Wrapped>::clone(&view));
                // Steps and waits only where there are some.
                let steps = matches!(kind, EventKind::PostStep | EventKind::PostWaiting);
                if steps && manners.steps == 0 {
                    continue;
                }
                while !steps
                    && stage.read(post.id).await.work.progress.is_none()
                    && manners.steps > 0
                {
                    stage.tick_all().await;
                    stage.pass(45);
                }
                kill_when(&shareville, view.until_stopped()).await;
                assert_finished(&stage, &post, &what).await;
            }
        }
    }
}

#[tokio::test]
async fn a_worker_killed_during_a_commit_should_be_followed_by_one_that_finishes() {
    for repeat in [Repeat::Proven, Repeat::Assumed, Repeat::Never] {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let what = format!("{fault:?}, {repeat:?}");
            let stage = Stage::with(Manners {
                repeat,
                repeat_makes_copies: true,
                ..Manners::default()
            })
            .await;
            let account = stage.account().await;
            let post = stage.post(&account).await;
            stage.network.on(Call::Commit, 1, fault.clone());
            kill_when(&stage.shareville, stage.network.until_hanging(1)).await;
            assert!(
                stage.read(post.id).await.has_open_commit(),
                "{what}: the mark is durable"
            );
            if repeat == Repeat::Never && fault == Fault::HangBefore {
                let post = stage.drive_one(post.id).await;
                let code = post.failure.map(|failure| failure.code);
                assert_eq!(code.as_deref(), Some("outcome_unknown"));
                assert_eq!(stage.network.visible_of(post.id), 0);
                continue;
            }
            assert_finished(&stage, &post, &what).await;
            assert_eq!(
                stage.network.objects_of(post.id),
                1,
                "{what}: the same object"
            );
        }
    }
}

#[tokio::test]
async fn nobody_should_look_before_the_deadline_of_a_dead_workers_commit() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::HangBefore);
    kill_when(&stage.shareville, stage.network.until_hanging(1)).await;
    let marked = stage.read(post.id).await.work.mark.unwrap();
    // A minute for the commit, five seconds of grace.
    stage.pass(64);
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Look), 0);
    stage.pass(1);
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Look), 1);
    assert_eq!(
        stage.network.count(Call::Commit),
        1,
        "one absence is not enough"
    );
    stage.pass(5);
    stage.tick_all().await;
    let again = stage.read(post.id).await;
    assert_finished(&stage, &again, "after the second look").await;
    let commits = stage.network.taken();
    let commits: Vec<_> = commits
        .iter()
        .filter(|it| it.call == Call::Commit)
        .collect();
    assert_eq!(commits.len(), 2);
    assert!(commits[1].at >= marked.deadline + Duration::from_secs(10));
}

#[tokio::test]
async fn workers_killed_one_after_the_other_should_still_leave_one_post() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        let stage = Stage::new().await;
        let account = stage.account().await;
        let post = stage.post(&account).await;
        for (call, nth) in [(Call::Commit, 1), (Call::Look, 1), (Call::Look, 2)] {
            stage.network.on(call, nth, fault.clone());
        }
        for _ in 0..3 {
            kill_when(&stage.shareville, stage.network.until_hanging(1)).await;
            // The dead worker's lease, and whatever the mark asks for.
            stage.pass(120);
        }
        assert_eq!(stage.network.struck(), 3);
        assert_finished(&stage, &post, "after three dead workers").await;
    }
}

#[tokio::test]
async fn a_worker_killed_during_a_first_comment_should_not_comment_twice() {
    for (fault, comments, status) in [
        (Fault::HangBefore, 0, FirstCommentStatus::Unknown),
        (Fault::HangAfter, 1, FirstCommentStatus::Published),
    ] {
        let stage = Stage::new().await;
        let account = stage.account().await;
        let post = stage.create(with_comment(&account, stage.now())).await;
        stage.network.on(Call::Comment, 1, fault);
        kill_when(&stage.shareville, stage.network.until_hanging(1)).await;
        assert_finished(&stage, &post, "the post").await;
        let post = stage.read(post.id).await;
        assert_eq!(stage.network.comments_of(post.id).len(), comments);
        assert_eq!(post.first_comment_status, status);
    }
}

#[tokio::test]
async fn a_frozen_worker_that_wakes_after_the_commit_should_write_nothing() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::HangAfter);
    let frozen = spawn_tick(&stage.shareville);
    within(stage.network.until_hanging(1)).await;
    stage.pass(70);
    assert_finished(&stage, &post, "by another worker").await;
    let before = stage.read(post.id).await;
    stage.network.release();
    within(frozen).await.unwrap();
    assert_eq!(
        stage.read(post.id).await,
        before,
        "the one that woke wrote nothing"
    );
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_frozen_worker_that_wakes_before_its_commit_should_send_nothing() {
    // Past its deadline by the machine's own clock: short, for it is waited for.
    let mut settings = Settings::default();
    settings.commit = Duration::from_millis(200);
    let manners = Manners {
        repeat_makes_copies: true,
        ..Manners::default()
    };
    let stage = Stage::set(manners, settings).await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::Freeze);
    let frozen = spawn_tick(&stage.shareville);
    within(stage.network.until_hanging(1)).await;
    stage.pass(70);
    assert_finished(&stage, &post, "by another worker").await;
    let before = stage.read(post.id).await;
    stage.network.release();
    within(frozen).await.unwrap();
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(stage.read(post.id).await, before);
}

#[tokio::test]
async fn a_worker_frozen_before_its_mark_should_find_its_claim_gone() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let view = stage.stopping(At::Before, EventKind::PostCommit);
    let frozen = spawn_tick(&stage.on(Arc::<Wrapped>::clone(&view)));
    within(view.until_stopped()).await;
    stage.pass(61);
    assert_finished(&stage, &post, "by another worker").await;
    view.release();
    within(frozen).await.unwrap();
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(
        stage.network.count(Call::Commit),
        1,
        "the one that woke sent nothing"
    );
}

/// Kills a worker after it has acted, on a store of one's own, then lets another finish on it.
async fn kill_and_finish(stage: &Stage, store: Arc<dyn Store>) -> usize {
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let shareville = stage.on(store);
    stage.network.on(Call::Commit, 1, Fault::HangAfter);
    kill_when(&shareville, stage.network.until_hanging(1)).await;
    stage.pass(70);
    for _ in 0..3 {
        let engine = Engine::new(shareville.clone());
        while engine.tick().await.unwrap() > 0 {}
        stage.pass(70);
    }
    stage.network.visible_of(post.id)
}

#[tokio::test]
async fn an_engine_that_forgets_its_marks_should_be_caught() {
    let stage = Stage::new().await;
    let forgetful = Wrapped::forgetful(Arc::clone(&stage.store));
    let visible = kill_and_finish(&stage, Arc::new(forgetful)).await;
    assert_eq!(visible, 2, "without the mark the post is published twice");

    let stage = Stage::new().await;
    let visible = kill_and_finish(&stage, Arc::clone(&stage.store)).await;
    assert_eq!(visible, 1, "the mark alone makes the difference");
}
