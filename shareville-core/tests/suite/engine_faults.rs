//! Every fault in every call: exactly one visible post, and a status that says so.

use std::{sync::Arc, time::Duration};

use shareville_core::{
    event::EventKind,
    failure::{Failure, FailureClass},
    post::{FirstCommentStatus, Post, PostStatus, Repeat},
    testing::network::{Call, Fault, Manners},
};

use crate::stage::{At, Stage, Wrapped, failure, input, kinds, transient, with_comment, within};

/// All that can go wrong in a call, other than to hang.
fn faults() -> Vec<Fault> {
    vec![
        Fault::ActAndLoseAnswer,
        Fault::ActAndAnswer(failure(FailureClass::Unknown)),
        Fault::ActAndAnswer(failure(FailureClass::Content { retryable: false })),
        Fault::ActAndAnswer(failure(FailureClass::Duplicate)),
        Fault::ActLater(Duration::from_secs(1)),
        Fault::ActLater(Duration::from_secs(40)),
        // The deadline of a commit and the grace after it are 65 s: what acts later than that, and than a second look
        // past it, breaks the assumption of `Assumed`, not ours.
        Fault::ActLater(Duration::from_secs(64)),
        Fault::Refuse(transient()),
        Fault::LoseRequest,
    ]
}

fn manners(repeat: Repeat) -> [Manners; 3] {
    let plain = Manners {
        repeat,
        repeat_makes_copies: repeat == Repeat::Never,
        ..Manners::default()
    };
    [
        plain,
        Manners { steps: 2, ..plain },
        Manners {
            processing: Duration::from_secs(90),
            publishing: Duration::from_secs(90),
            ..plain
        },
    ]
}

fn assert_one(stage: &Stage, post: &Post, what: &str) {
    let told = &post.failure;
    assert_eq!(stage.network.visible_of(post.id), 1, "{what}: {told:?}");
    assert_eq!(post.status, PostStatus::Published, "{what}: {told:?}");
    assert_eq!(post.failure, None, "{what}");
    assert!(post.published.platform_id.is_some() && post.published_at.is_some());
}

#[tokio::test]
async fn a_post_should_be_published_at_once() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let post = stage.post(&account).await;
    assert_eq!(stage.tick().await, 1);
    let post = stage.read(post.id).await;
    assert_one(&stage, &post, "without any fault");
    assert_eq!(
        post.revision, 4,
        "create, schedule, mark and settle: two writes by the engine"
    );
    assert_eq!(post.work.attempts, 1);
    let told = kinds(&stage.told(post.id).await);
    assert_eq!(told[2..], [EventKind::PostCommit, EventKind::PostPublished]);
    assert_eq!(stage.tick().await, 0);
}

#[tokio::test]
async fn every_fault_in_every_call_should_leave_exactly_one_visible_post() {
    for repeat in [Repeat::Proven, Repeat::Assumed] {
        for manners in manners(repeat) {
            for call in [Call::Prepare, Call::Commit] {
                for fault in faults() {
                    let what = format!("{fault:?} in {call:?} with {manners:?}");
                    let stage = Stage::with(manners).await;
                    let account = stage.account().await;
                    stage.network.on(call, 1, fault);
                    let post = stage.post(&account).await;
                    let post = stage.drive_one(post.id).await;
                    assert_eq!(stage.network.struck(), 1, "{what}: the fault struck");
                    match (call, post.status) {
                        // What cannot be prepared, for a reason that stays, fails, and is not visible.
                        (Call::Prepare, PostStatus::Failed) => {
                            assert_eq!(stage.network.visible_of(post.id), 0, "{what}");
                            let class = post.failure.as_ref().map(|it| it.class);
                            assert_ne!(class, Some(FailureClass::Transient), "{what}");
                        }
                        _ => assert_one(&stage, &post, &what),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn every_fault_in_a_look_after_a_lost_answer_should_leave_exactly_one_visible_post() {
    for acted in [Fault::ActAndLoseAnswer, Fault::LoseRequest] {
        for nth in 1..=3 {
            for fault in faults() {
                let what = format!("{acted:?}, then {fault:?} in look {nth}");
                let stage = Stage::new().await;
                let account = stage.account().await;
                stage.network.on(Call::Commit, 1, acted.clone());
                stage.network.on(Call::Look, nth, fault);
                let post = stage.post(&account).await;
                let post = stage.drive_one(post.id).await;
                assert_one(&stage, &post, &what);
            }
        }
    }
}

#[tokio::test]
async fn a_step_that_panics_should_count_as_a_failure_of_it() {
    for broken in [Call::Prepare, Call::Commit, Call::Look] {
        let stage = Stage::new().await;
        let account = stage.account().await;
        stage.network.strike(move |call, nth| match call {
            _ if call == broken && nth == 1 => panic!("the publisher is broken"),
            Call::Commit if nth == 1 => Some(Fault::ActAndLoseAnswer),
            _ => None,
        });
        let post = stage.post(&account).await;
        let post = stage.drive_one(post.id).await;
        assert_one(&stage, &post, &format!("a panic in {broken:?}"));
    }
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage
        .network
        .strike(|_, _| panic!("the publisher is broken"));
    let post = stage.post(&account).await;
    let post = stage.drive_one(post.id).await;
    assert_eq!((post.status, post.work.attempts), (PostStatus::Failed, 8));
}

#[tokio::test]
async fn a_repeat_that_fails_too_should_leave_exactly_one_visible_post() {
    for first in faults() {
        for second in faults() {
            for third in [Fault::LoseRequest, Fault::Refuse(transient())] {
                let what = format!("{first:?}, then {second:?}, then {third:?}");
                let stage = Stage::new().await;
                let account = stage.account().await;
                for (nth, fault) in (1..).zip([first.clone(), second.clone(), third]) {
                    stage.network.on(Call::Commit, nth, fault);
                }
                let post = stage.post(&account).await;
                let post = stage.drive_one(post.id).await;
                assert_one(&stage, &post, &what);
            }
        }
    }
}

#[tokio::test]
async fn what_may_never_be_repeated_should_be_visible_once_or_honestly_unknown() {
    for manners in manners(Repeat::Never) {
        for fault in faults() {
            let what = format!("{fault:?} with {manners:?}");
            let stage = Stage::with(manners).await;
            let account = stage.account().await;
            stage.network.on(Call::Commit, 1, fault.clone());
            let post = stage.post(&account).await;
            let post = stage.drive_one(post.id).await;
            if fault == Fault::LoseRequest {
                assert_eq!(stage.network.visible_of(post.id), 0, "{what}");
                assert_eq!(post.status, PostStatus::Failed, "{what}");
                let code = post.failure.map(|failure| failure.code);
                assert_eq!(code.as_deref(), Some("outcome_unknown"), "{what}");
                assert!(
                    post.work.mark.is_some(),
                    "{what}: nobody can close the mark"
                );
            } else {
                assert_one(&stage, &post, &what);
            }
        }
    }
}

#[tokio::test]
async fn a_flipped_assumption_should_still_leave_one_visible_post_where_the_object_can_be_read() {
    for fault in faults() {
        let stage = Stage::with(Manners {
            repeat_makes_copies: true,
            ..Manners::default()
        })
        .await;
        let account = stage.account().await;
        stage.network.on(Call::Commit, 1, fault.clone());
        let post = stage.post(&account).await;
        let post = stage.drive_one(post.id).await;
        assert_one(&stage, &post, &format!("{fault:?}"));
    }
}

#[tokio::test]
async fn a_post_that_appears_an_hour_later_should_be_found_and_become_published() {
    let stage = Stage::with(Manners {
        repeat: Repeat::Never,
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, Fault::ActWhenTold);
    let post = stage.post(&account).await;
    while stage.read(post.id).await.status != PostStatus::Failed {
        stage.tick_all().await;
        stage.pass(60);
        assert!(
            stage.now() < stage.at(2 * 3600),
            "looking ends after an hour"
        );
    }
    stage.network.act_late();
    let post = stage.drive_one(post.id).await;
    assert_one(&stage, &post, "late");
}

#[tokio::test]
async fn a_lost_answer_of_the_store_should_not_make_a_second_post() {
    for kind in [EventKind::PostCommit, EventKind::PostPublished] {
        for at in [At::Lost, At::Never] {
            let what = format!("{kind:?}, {at:?}");
            let stage = Stage::new().await;
            let account = stage.account().await;
            let post = stage.post(&account).await;
            let flaky = stage.stopping(at, kind);
            let shareville = stage.on(Arc::<Wrapped>::clone(&flaky));
            let engine = shareville_core::engine::Engine::new(shareville);
            engine.tick().await.unwrap();
            within(flaky.until_stopped()).await;
            let post = stage.drive_one(post.id).await;
            assert_one(&stage, &post, &what);
        }
    }
}

#[tokio::test]
async fn an_object_that_dies_should_be_replaced_by_one_visible_post() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.on(Call::Commit, 1, Fault::LoseRequest);
    let post = stage.post(&account).await;
    stage.tick_all().await;
    stage.network.kill_objects_of(post.id, &transient());
    let post = stage.drive_one(post.id).await;
    assert_one(&stage, &post, "after its first object died");
    assert_eq!(
        stage.network.objects_of(post.id),
        1,
        "the dead one was deleted first"
    );
}

#[tokio::test]
async fn what_stays_impossible_should_end_after_eight_attempts() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    stage.network.strike(|call, _| {
        (call == Call::Prepare).then(|| Fault::Refuse(Failure::new(FailureClass::Transient, "No.")))
    });
    let post = stage.post(&account).await;
    let began = stage.now();
    let post = stage.drive_one(post.id).await;
    assert_eq!(post.status, PostStatus::Failed);
    assert_eq!(stage.network.count(Call::Prepare), 8);
    let took = (stage.now() - began).num_minutes();
    assert!(
        (20..=60).contains(&took),
        "about half an hour to an hour, not {took} min"
    );
}

#[tokio::test]
async fn no_fault_of_a_first_comment_should_leave_two_or_a_wrong_word_about_it() {
    for call in [Call::Comment, Call::LookForComment] {
        for fault in faults() {
            let what = format!("{fault:?} in {call:?}");
            let stage = Stage::new().await;
            let account = stage.account().await;
            stage.network.on(call, 1, fault.clone());
            if call == Call::LookForComment {
                stage.network.on(Call::Comment, 1, Fault::LoseRequest);
            }
            let post = stage.create(with_comment(&account, stage.now())).await;
            let post = stage.drive_one(post.id).await;
            assert_one(&stage, &post, &what);
            // A call that nobody answered may act at any time, so it is not repeated, and nobody claims to know.
            let expected = match stage.network.comments_of(post.id).len() {
                0 => FirstCommentStatus::Unknown,
                1 => FirstCommentStatus::Published,
                more => panic!("{what}: {more} comments"),
            };
            assert_eq!(post.first_comment_status, expected, "{what}");
            let lost = call == Call::LookForComment || fault == Fault::LoseRequest;
            assert_eq!(expected == FirstCommentStatus::Unknown, lost, "{what}");
        }
    }
}

#[tokio::test]
async fn a_first_comment_that_is_refused_for_good_should_not_touch_the_post() {
    let stage = Stage::new().await;
    let account = stage.account().await;
    let refusal = failure(FailureClass::Permission);
    stage.network.on(Call::Comment, 1, Fault::Refuse(refusal));
    let post = stage.create(with_comment(&account, stage.now())).await;
    let post = stage.drive_one(post.id).await;
    assert_one(&stage, &post, "without its comment");
    assert_eq!(post.first_comment_status, FirstCommentStatus::Failed);
    assert!(stage.network.comments_of(post.id).is_empty());
}

#[tokio::test]
async fn an_edit_after_preparing_should_publish_the_new_text_only() {
    let stage = Stage::with(Manners {
        lead: Duration::from_secs(600),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let post = stage.post_at(&account, stage.at(900)).await;
    stage.pass(300);
    stage.tick_all().await;
    assert_eq!(
        stage.network.objects_of(post.id),
        1,
        "prepared ten minutes before"
    );
    let caller = stage.caller().await;
    let posting = stage.shareville.posts(&caller);
    let mended = posting
        .update(post.id.into(), |post| {
            let mut content = post.content.clone();
            content.caption = Some("Good evening".to_owned());
            shareville_core::posting::PostPatch {
                content: Some(content),
                ..Default::default()
            }
        })
        .await
        .unwrap();
    let post = stage.drive_one(mended.id).await;
    assert_one(&stage, &post, "edited");
    let visible = stage.network.visible();
    assert_eq!(visible[0].caption.as_deref(), Some("Good evening"));
    assert_eq!(
        stage.network.objects_of(post.id),
        1,
        "what the old text had prepared is deleted"
    );
    let scheduled = post.scheduled_at.unwrap();
    assert!(visible[0].since >= scheduled);
}

#[tokio::test]
async fn a_canceled_post_should_leave_nothing_behind() {
    let stage = Stage::with(Manners {
        lead: Duration::from_secs(600),
        ..Manners::default()
    })
    .await;
    let account = stage.account().await;
    let post = stage.create(input(&account, Some(stage.at(300)))).await;
    stage.tick_all().await;
    assert_eq!(stage.network.objects_of(post.id), 1);
    let caller = stage.caller().await;
    stage
        .shareville
        .posts(&caller)
        .cancel(post.id.into())
        .await
        .unwrap();
    stage.pass(600);
    stage.tick_all().await;
    assert_eq!(stage.network.objects_of(post.id), 0);
    assert!(stage.network.visible().is_empty());
}
