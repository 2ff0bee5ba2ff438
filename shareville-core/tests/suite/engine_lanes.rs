//! Lanes: whose turn it is, what waits, and one commit at a time.

use std::{sync::Arc, time::Duration};

use shareville_core::{
    clock::Clock,
    engine::Engine,
    event::EventKind,
    post::PostStatus,
    testing::network::{Call, Fault, Manners},
};
use tokio_util::sync::CancellationToken;

use crate::stage::{At, Stage, Wrapped, spawn_tick, within};

#[tokio::test]
async fn nothing_should_be_committed_before_its_time() {
    let stage = Stage::with(Manners {
        lead: Duration::from_secs(600),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let at = stage.at(3600);
    let post = stage.post_at(&account, at).await;
    stage.clock.set(at - Duration::from_secs(601));
    stage.tick_all().await;
    assert!(
        stage.network.taken().is_empty(),
        "not even prepared before its lead"
    );
    stage.pass(1);
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Prepare), 1);
    stage.clock.set(at - Duration::from_micros(1));
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Commit), 0);
    stage.clock.set(at);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(stage.network.visible()[0].since, at);
}

#[tokio::test]
async fn a_lane_should_publish_in_due_order() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let mut due = Vec::new();
    for seconds in [30, 10, 20] {
        let post = stage.post_at(&account, stage.at(seconds)).await;
        due.push((seconds, post.id));
    }
    due.sort_unstable();
    stage.pass(60);
    stage.tick_all().await;
    let commits = stage.network.taken();
    let commits = commits.into_iter().filter(|it| it.call == Call::Commit);
    let commits: Vec<_> = commits.map(|it| it.post).collect();
    assert_eq!(commits, due.iter().map(|(_, id)| *id).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_post_that_waits_should_let_later_ones_pass() {
    let stage = Stage::with(Manners {
        processing: Duration::from_secs(300),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let first = stage.post(&account).await;
    stage.tick_all().await;
    let shown = stage.read(first.id).await;
    assert_eq!(
        shown.status,
        PostStatus::Scheduled,
        "a wait people would notice"
    );
    assert_eq!(shown.next_attempt_at(), Some(stage.at(300)));
    let second = stage.post(&account).await;
    stage.tick_all().await;
    assert_eq!(
        stage.network.objects_of(second.id),
        1,
        "it is prepared meanwhile"
    );
    stage.drive(&[first.id, second.id]).await;
    assert_eq!(stage.network.visible().len(), 2);
}

#[tokio::test]
async fn a_lane_should_commit_one_at_a_time() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let first = stage.post(&account).await;
    let second = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::HangBefore);
    let round = spawn_tick(&stage.shareville);
    within(stage.network.until_hanging(1)).await;
    assert_eq!(stage.tick().await, 0, "the lane is claimed");
    assert_eq!(stage.network.count(Call::Commit), 1);
    stage.network.release();
    within(round).await.unwrap();
    stage.tick_all().await;
    for post in [first, second] {
        assert_eq!(stage.network.visible_of(post.id), 1);
    }
}

#[tokio::test]
async fn an_open_commit_should_hold_its_lane_until_its_deadline_and_a_grace() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let first = stage.post(&account).await;
    stage.network.on(Call::Commit, 1, Fault::LoseRequest);
    stage.tick_all().await;
    let second = stage.post(&account).await;
    stage.pass(64);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(second.id), 0, "the lane is held");
    stage.pass(1);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(second.id), 1, "then it goes on");
    stage.drive(&[first.id]).await;
    assert_eq!(stage.network.visible_of(first.id), 1);
}

#[tokio::test]
async fn lanes_should_not_wait_for_each_other() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1", "page-2"]).await;
    let stuck = stage.post(&accounts[0]).await;
    stage.network.on(Call::Commit, 1, Fault::HangBefore);
    let round = spawn_tick(&stage.shareville);
    within(stage.network.until_hanging(1)).await;
    let free = stage.post(&accounts[1]).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(free.id), 1);
    assert_eq!(stage.network.visible_of(stuck.id), 0);
    stage.network.release();
    within(round).await.unwrap();
    assert_eq!(stage.network.visible_of(stuck.id), 1);
}

#[tokio::test]
async fn an_edit_that_wins_the_race_should_stop_the_commit() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let view = stage.stopping(At::Before, EventKind::PostCommit);
    let round = spawn_tick(&stage.on(Arc::<Wrapped>::clone(&view)));
    within(view.until_stopped()).await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let edited = posting
        .update(post.id.into(), |post| {
            let mut content = post.content.clone();
            content.caption = Some("Good evening".to_owned());
            shareville_core::posting::PostPatch {
                content: Some(content),
                ..Default::default()
            }
        })
        .await;
    edited.unwrap();
    view.release();
    within(round).await.unwrap();
    assert_eq!(stage.network.count(Call::Commit), 0, "the mark was stale");
    stage.drive(&[post.id]).await;
    let visible = stage.network.visible();
    assert_eq!(visible.len(), 1);
    assert_eq!(visible[0].caption.as_deref(), Some("Good evening"));
}

/// A running engine, with whatever stops it.
fn start(stage: &Stage) -> (tokio::task::JoinHandle<()>, CancellationToken) {
    let shutdown = CancellationToken::new();
    let engine = Engine::new(stage.shareville.clone());
    (tokio::spawn(engine.run(shutdown.clone())), shutdown)
}

#[tokio::test]
async fn a_running_engine_should_wake_for_a_new_post() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let (running, shutdown) = start(&stage);
    let post = stage.post(&account).await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let (settled, is_settled) = within(posting.settled(post.id, Duration::from_secs(60)))
        .await
        .unwrap();
    assert!(is_settled);
    assert_eq!(settled.status, PostStatus::Published);
    let later = stage.post_at(&account, stage.at(100)).await;
    stage.pass(100);
    within(posting.settled(later.id, Duration::from_secs(60)))
        .await
        .unwrap();
    assert_eq!(stage.network.visible_of(later.id), 1);
    shutdown.cancel();
    within(running).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_should_settle_what_is_being_committed_and_hand_back_the_rest() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1", "page-2"]).await;
    let committing = stage.post(&accounts[0]).await;
    stage.network.on(Call::Commit, 1, Fault::HangAfter);
    let (running, shutdown) = start(&stage);
    within(stage.network.until_hanging(1)).await;
    shutdown.cancel();
    let waiting = stage.post(&accounts[1]).await;
    stage.network.release();
    within(running).await.unwrap();
    let settled = stage.read(committing.id).await;
    assert_eq!(settled.status, PostStatus::Published);
    let untouched = stage.read(waiting.id).await;
    assert_eq!(
        untouched.status,
        PostStatus::Scheduled,
        "nothing new is begun"
    );
    // Without any lease to wait for, another engine goes on at once.
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(waiting.id), 1);
    let third = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(third.id), 1);
}

#[tokio::test]
async fn a_shutdown_while_preparing_should_keep_what_is_prepared() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    stage.network.on(Call::Prepare, 1, Fault::HangAfter);
    let (running, shutdown) = start(&stage);
    within(stage.network.until_hanging(1)).await;
    shutdown.cancel();
    stage.network.release();
    within(running).await.unwrap();
    assert_eq!(
        stage.network.count(Call::Commit),
        0,
        "nothing new is committed"
    );
    assert!(stage.read(post.id).await.work.progress.is_some());
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(stage.network.objects_of(post.id), 1);
    assert!(stage.clock.now() < stage.at(1), "at once");
}
