//! What makes lanes stand still, and what ends that.

use std::{sync::Arc, time::Duration};

use shareville_core::{
    connection::ConnectionStatus,
    event::{EventKind, Subject},
    failure::{Failure, FailureClass, LimitScope, PlatformError},
    id::PostId,
    post::{FirstCommentStatus, Post, PostStatus},
    tenancy::{Patch, TenantInput},
    testing::network::{Call, Fault, Manners},
};

use crate::stage::{
    At, Stage, Wrapped, failure, input, kinds, limited, spawn_tick, with_comment, within,
};

fn code(post: &Post) -> Option<&str> {
    post.failure.as_ref().map(|failure| failure.code.as_str())
}

#[tokio::test]
async fn a_rate_limit_should_pause_its_lane_and_be_no_attempt() {
    for call in [Call::Prepare, Call::Commit] {
        let stage = Stage::new().await;
        let (_, accounts) = stage.connect("maria", "token", &["page-1", "page-2"]).await;
        let until = stage.at(1800);
        stage
            .network
            .on(call, 1, Fault::Refuse(limited(until, LimitScope::Account)));
        let first = stage.post(&accounts[0]).await;
        stage.tick_all().await;
        let second = stage.post(&accounts[0]).await;
        let other = stage.post(&accounts[1]).await;
        stage.tick_all().await;
        let held = stage.read(first.id).await;
        assert_eq!(
            (held.status, code(&held)),
            (PostStatus::Scheduled, Some("rate_limited"))
        );
        assert_eq!(held.next_attempt_at(), Some(until));
        assert_eq!(
            held.work.attempts, 0,
            "{call:?}: a rate limit is no attempt"
        );
        assert_eq!(
            stage.network.visible_of(second.id),
            0,
            "{call:?}: the lane stands still"
        );
        assert_eq!(
            stage.network.visible_of(other.id),
            1,
            "{call:?}: the other one does not"
        );
        stage.clock.set(until);
        stage.tick_all().await;
        for post in [first, second] {
            assert_eq!(stage.network.visible_of(post.id), 1, "{call:?}");
        }
    }
}

#[tokio::test]
async fn an_app_wide_limit_should_pause_all_lanes_of_that_network() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "token", &["page-1", "page-2"]).await;
    let until = stage.at(1800);
    stage.network.on(
        Call::Commit,
        1,
        Fault::Refuse(limited(until, LimitScope::App)),
    );
    let first = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    let other = stage.post(&accounts[1]).await;
    stage.pass(60);
    stage.tick_all().await;
    assert!(stage.network.visible().is_empty());
    stage.clock.set(until);
    stage.tick_all().await;
    for post in [first, other] {
        assert_eq!(stage.network.visible_of(post.id), 1);
    }
}

#[tokio::test]
async fn a_limit_of_looking_should_not_end_the_post() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let until = stage.at(3 * 3600);
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    stage.network.on(
        Call::Look,
        1,
        Fault::Refuse(limited(until, LimitScope::Account)),
    );
    let post = stage.post(&account).await;
    stage.tick_all().await;
    stage.pass(70);
    stage.tick_all().await;
    let waits = stage.read(post.id).await;
    assert!(waits.has_open_commit());
    stage.clock.set(until);
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Published, "{:?}", post.failure);
}

#[tokio::test]
async fn a_dead_token_should_be_told_once_and_the_posts_go_out_after_the_reconnect() {
    for call in [Call::Prepare, Call::Commit] {
        let stage = Stage::new().await;
        let (connection, accounts) = stage.connect("maria", "old", &["page-1", "page-2"]).await;
        let dead = failure(FailureClass::Reauthorize);
        stage.network.on(call, 1, Fault::Refuse(dead));
        let posts = [
            stage.post(&accounts[0]).await,
            stage.post(&accounts[0]).await,
            stage.post(&accounts[1]).await,
        ];
        stage.network.heal();
        stage
            .network
            .on(call, 1, Fault::Refuse(failure(FailureClass::Reauthorize)));
        stage
            .network
            .on(call, 2, Fault::Refuse(failure(FailureClass::Reauthorize)));
        stage.tick_all().await;
        stage.pass(3600);
        stage.tick_all().await;
        let (broken, _) = stage.connection(connection.id).await;
        assert_eq!(broken.status, ConnectionStatus::ReauthorizationRequired);
        let told = stage.told_of(Subject::Connection(connection.id)).await;
        let told = kinds(&told);
        let times = told
            .iter()
            .filter(|kind| **kind == EventKind::ConnectionReauthorizationRequired);
        assert_eq!(times.count(), 1, "{call:?}: told once");
        assert!(stage.network.visible().is_empty());
        assert!(
            stage.network.count(call) <= 2,
            "{call:?}: nobody goes on asking"
        );
        let waits = stage.read(posts[0].id).await;
        assert_eq!(waits.status, PostStatus::Scheduled);
        assert_eq!(
            waits.work.attempts, 0,
            "{call:?}: a dead token is no attempt"
        );
        assert_eq!(waits.next_attempt_at(), None);

        let (mended, _) = stage.connect("maria", "new", &["page-1", "page-2"]).await;
        assert_eq!(mended.id, connection.id);
        stage.tick_all().await;
        for post in &posts {
            assert_eq!(stage.network.visible_of(post.id), 1, "{call:?}");
        }
    }
}

#[tokio::test]
async fn a_dead_token_with_an_open_commit_should_be_looked_at_after_the_reconnect() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "old", &["page-1"]).await;
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    stage.network.on(
        Call::Look,
        1,
        Fault::Refuse(failure(FailureClass::Reauthorize)),
    );
    let post = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    stage.pass(10);
    stage.tick_all().await;
    // Longer than the hour for which an uncertain post is looked for: the clock stands still.
    stage.pass(6 * 3600);
    stage.tick_all().await;
    let waits = stage.read(post.id).await;
    assert_eq!(waits.status, PostStatus::Publishing);
    assert!(waits.has_open_commit());
    stage.connect("maria", "new", &["page-1"]).await;
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Published);
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn a_dead_token_with_an_open_commit_should_end_as_unknown_when_its_time_is_over() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "old", &["page-1"]).await;
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    stage.network.on(
        Call::Look,
        1,
        Fault::Refuse(failure(FailureClass::Reauthorize)),
    );
    let post = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    stage.pass(10);
    stage.tick_all().await;
    stage.pass(86_400);
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Failed);
    assert_eq!(code(&post), Some("outcome_unknown"));
}

#[tokio::test]
async fn a_post_that_is_held_up_too_long_should_be_missed() {
    let stage = Stage::new().await;
    let (_, accounts) = stage.connect("maria", "old", &["page-1"]).await;
    stage.network.on(
        Call::Prepare,
        1,
        Fault::Refuse(failure(FailureClass::Reauthorize)),
    );
    let mut soon = input(&accounts[0], Some(stage.now()));
    soon.give_up_after = Some(Duration::from_secs(3600));
    let soon = stage.create(soon).await;
    let patient = stage.post(&accounts[0]).await;
    stage.tick_all().await;
    stage.pass(3600);
    stage.tick_all().await;
    let missed = stage.read(soon.id).await;
    assert_eq!(
        (missed.status, code(&missed)),
        (PostStatus::Failed, Some("missed"))
    );
    assert_eq!(stage.read(patient.id).await.status, PostStatus::Scheduled);
    stage.connect("maria", "new", &["page-1"]).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(soon.id), 0, "never late");
    assert_eq!(stage.network.visible_of(patient.id), 1);
}

async fn set_active(stage: &Stage, active: bool) {
    let input = TenantInput {
        active: Some(active),
        ..TenantInput::default()
    };
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.update(stage.tenant, input).await.unwrap();
}

#[tokio::test]
async fn an_inactive_tenants_posts_should_wait_until_it_is_active_again() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    set_active(&stage, false).await;
    stage.tick_all().await;
    assert!(stage.network.taken().is_empty());
    stage.pass(3600);
    set_active(&stage, true).await;
    stage.drive(&[post.id]).await;
    assert_eq!(stage.network.visible_of(post.id), 1);
}

#[tokio::test]
async fn an_inactive_tenants_post_should_be_missed_when_its_time_is_over() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    set_active(&stage, false).await;
    stage.pass(86_400);
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(code(&post), Some("missed"));
    assert!(stage.network.visible().is_empty());
}

#[tokio::test]
async fn what_an_inactive_tenant_is_committing_should_be_settled() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, Fault::ActAndLoseAnswer);
    let post = stage.post(&account).await;
    stage.tick_all().await;
    set_active(&stage, false).await;
    stage.pass(120);
    stage.tick_all().await;
    let post = stage.read(post.id).await;
    assert_eq!(post.status, PostStatus::Published, "{:?}", post.failure);
}

#[tokio::test]
async fn a_tenant_that_turns_inactive_while_a_post_is_prepared_should_commit_nothing() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(Call::Prepare, 1, Fault::HangBefore);
    let post = stage.post(&account).await;
    let round = spawn_tick(&stage.shareville);
    within(stage.network.until_hanging(1)).await;
    set_active(&stage, false).await;
    stage.network.release();
    within(round).await.unwrap();
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Commit), 0);
    let waits = stage.read(post.id).await;
    assert_eq!(code(&waits), Some("client_app_inactive"));
    assert!(waits.work.progress.is_some(), "what was prepared is kept");
    stage.pass(3600);
    set_active(&stage, true).await;
    stage.drive(&[post.id]).await;
    assert_eq!(stage.network.visible_of(post.id), 1);
    assert_eq!(stage.network.objects_of(post.id), 1);
}

#[tokio::test]
async fn a_tenant_that_turns_inactive_before_the_mark_is_written_should_commit_nothing() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    let stopping = stage.stopping(At::Before, EventKind::PostCommit);
    let round = spawn_tick(&stage.on(Arc::<Wrapped>::clone(&stopping)));
    within(stopping.until_stopped()).await;
    set_active(&stage, false).await;
    stopping.release();
    within(round).await.unwrap();
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Commit), 0);
    let waits = stage.read(post.id).await;
    assert_eq!(code(&waits), Some("client_app_inactive"));
    assert!(!waits.has_open_commit());
}

#[tokio::test]
async fn a_blocked_account_should_be_left_alone_for_a_day() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(
        Call::Commit,
        1,
        Fault::Refuse(failure(FailureClass::Blocked)),
    );
    let blocked = stage.post(&account).await;
    stage.tick_all().await;
    let blocked = stage.read(blocked.id).await;
    assert_eq!(
        (blocked.status, code(&blocked)),
        (PostStatus::Failed, Some("blocked"))
    );
    let mut patient = input(&account, Some(stage.now()));
    patient.give_up_after = Some(Duration::from_secs(3 * 86_400));
    let patient = stage.create(patient).await;
    stage.pass(86_399);
    stage.tick_all().await;
    assert_eq!(stage.network.count(Call::Prepare), 1);
    stage.pass(1);
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(patient.id), 1);
}

/// The platform says that it has a problem of its own.
fn passing() -> Failure {
    failure(FailureClass::Transient).with_platform(PlatformError {
        code: Some(2),
        ..PlatformError::default()
    })
}

/// The platform says that it has blocked the account.
fn said_blocked() -> Failure {
    failure(FailureClass::Blocked).with_platform(PlatformError {
        code: Some(368),
        ..PlatformError::default()
    })
}

#[tokio::test]
async fn an_account_that_may_be_blocked_should_be_left_alone_once_looking_has_shown_it() {
    // The second call is refused by a platform that has answered the first.
    for faults in [
        vec![Fault::Answer(said_blocked())],
        vec![Fault::Answer(passing()), Fault::Refuse(said_blocked())],
    ] {
        let stage = Stage::new().await;
        let account = stage.account().await;
        let sent = faults.len();
        for (nth, fault) in (1..).zip(faults) {
            stage.network.on(Call::Commit, nth, fault);
        }
        let mut blocked = stage.post(&account).await;
        stage.tick_all().await;
        while stage.network.count(Call::Commit) < sent {
            stage
                .clock
                .set(stage.read(blocked.id).await.due_at().unwrap());
            stage.tick_all().await;
        }
        let mut patient = input(&account, Some(stage.now()));
        patient.give_up_after = Some(Duration::from_secs(3 * 86_400));
        let patient = stage.create(patient).await;
        blocked = stage.read(blocked.id).await;
        while blocked.is_to_go_out() {
            stage.clock.set(blocked.due_at().unwrap().max(stage.at(1)));
            stage.tick_all().await;
            blocked = stage.read(blocked.id).await;
        }
        assert_eq!(
            (blocked.status, blocked.failure),
            (PostStatus::Failed, Some(said_blocked()))
        );
        stage.pass(3600);
        stage.tick_all().await;
        let commits = stage.network.count(Call::Commit);
        assert_eq!(commits, sent, "nothing more is sent to it");
        stage.pass(86_400);
        stage.tick_all().await;
        assert_eq!(stage.network.visible_of(patient.id), 1);
    }
}

#[tokio::test]
async fn an_account_that_was_said_to_be_blocked_should_go_on_if_the_post_is_live() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let lie = Fault::ActAndAnswer(said_blocked());
    stage.network.on(Call::Commit, 1, lie);
    let first = stage.post(&account).await;
    let first = stage.drive_one(first.id).await;
    assert_eq!(first.status, PostStatus::Published);
    let second = stage.post(&account).await;
    stage.tick_all().await;
    assert_eq!(stage.network.visible_of(second.id), 1);
}

/// The tenant's app is gone: nothing that it would be needed for can be done.
async fn without_app(stage: &Stage) {
    let input = TenantInput {
        facebook_app_id: Patch::Clear,
        ..TenantInput::default()
    };
    let tenancy = stage.shareville.tenancy(&stage.owner);
    tenancy.update(stage.tenant, input).await.unwrap();
}

/// Lets time pass until a post does not come up any more: how often it did.
async fn comes_up(stage: &Stage, id: PostId) -> usize {
    for times in 0..100 {
        stage.tick_all().await;
        let Some(due) = stage.read(id).await.due_at() else {
            return times;
        };
        stage.clock.set(due.max(stage.at(1)));
    }
    panic!("it comes up again for ever");
}

#[tokio::test]
async fn leftovers_that_cannot_be_deleted_should_not_be_worked_on_for_ever() {
    let stage = Stage::with(Manners {
        lead: Duration::from_secs(600),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(300)).await;
    stage.tick_all().await;
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    posting.cancel(post.id.into()).await.unwrap();
    without_app(&stage).await;
    assert!(comes_up(&stage, post.id).await <= 8);
}

#[tokio::test]
async fn a_first_comment_that_nobody_can_send_should_end_as_failed() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let refusal = limited(stage.at(600), LimitScope::Account);
    stage.network.on(Call::Comment, 1, Fault::Refuse(refusal));
    let post = stage.create(with_comment(&account, stage.now())).await;
    stage.tick_all().await;
    without_app(&stage).await;
    comes_up(&stage, post.id).await;
    let post = stage.read(post.id).await;
    assert_eq!(post.first_comment_status, FirstCommentStatus::Failed);
}

#[tokio::test]
async fn a_first_comment_whose_answer_was_lost_should_end_as_unknown_when_nobody_can_look() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(Call::Comment, 1, Fault::ActAndLoseAnswer);
    let post = stage.create(with_comment(&account, stage.now())).await;
    stage.tick_all().await;
    without_app(&stage).await;
    comes_up(&stage, post.id).await;
    let post = stage.read(post.id).await;
    assert_eq!(post.first_comment_status, FirstCommentStatus::Unknown);
    assert_eq!(post.status, PostStatus::Published);
}
