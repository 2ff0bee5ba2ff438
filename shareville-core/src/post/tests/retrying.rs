//! Failures, waits and attempts.

use std::time::Duration;

use super::{Command, PostStatus, Progress, Repeat, Story, failure, transient};
use crate::failure::{Failure, FailureClass, LimitScope};

fn no(failure: Failure) -> Command {
    let progress = None::<Progress>;
    Command::PrepareFailed { failure, progress }
}

fn limited(story: &Story, seconds: i64) -> Failure {
    failure(FailureClass::RateLimited {
        until: Some(story.at(seconds)),
        scope: LimitScope::Account,
    })
}

#[test]
fn the_transient_should_be_tried_eight_times() {
    let mut story = Story::due();
    let mut waits = Vec::new();
    while story.status() != PostStatus::Failed {
        story.does(no(transient()));
        if story.status() != PostStatus::Failed {
            waits.push(story.due_in());
            story.pass(story.due_in());
        }
    }
    assert_eq!(waits, [5, 20, 80, 320, 900, 900, 900]);
    assert_eq!(story.post.work.attempts, 8);
    assert_eq!(story.code(), Some("transient"));
    assert_eq!(story.post.due_at(), None);
}

#[test]
fn prepare_and_commit_should_share_their_attempts() {
    let mut story = Story::due();
    for _ in 0..4 {
        story.does(no(transient()));
        story.pass(story.due_in());
        let begin = story.begin("object-1", Repeat::Proven);
        story.does(begin);
        story.does(Command::Refused {
            failure: transient(),
        });
        if let Some(due) = story.post.due_at() {
            story.now = due;
        }
    }
    assert_eq!(
        (story.status(), story.post.work.attempts),
        (PostStatus::Failed, 8)
    );
}

#[test]
fn content_that_may_yet_be_taken_should_be_tried_twice() {
    let maybe = failure(FailureClass::Content { retryable: true });
    let mut story = Story::due().after(no(maybe.clone()));
    assert!(story.post.is_to_go_out());
    story.does(no(maybe));
    assert_eq!(
        (story.status(), story.code()),
        (PostStatus::Failed, Some("content"))
    );
    let never = failure(FailureClass::Content { retryable: false });
    assert_eq!(Story::due().after(no(never)).status(), PostStatus::Failed);
}

#[test]
fn what_trying_cannot_mend_should_fail_at_once() {
    for class in [
        FailureClass::Permission,
        FailureClass::Duplicate,
        FailureClass::Blocked,
        FailureClass::Config,
        FailureClass::NotFound,
        FailureClass::Unknown,
    ] {
        let story = Story::due().after(no(failure(class)));
        assert_eq!(story.status(), PostStatus::Failed, "{class:?}");
        assert_eq!(story.post.due_at(), None);
    }
}

#[test]
fn rate_limits_and_dead_tokens_should_be_no_attempts() {
    let mut story = Story::due();
    for _ in 0..20 {
        let limited = limited(&story, 600);
        story.does(no(limited));
        assert_eq!(story.due_in(), 600, "the platform's own time");
        story.pass(600);
        let begin = story.begin("object-1", Repeat::Proven);
        story.does(begin);
        story.does(Command::Refused {
            failure: failure(FailureClass::Reauthorize),
        });
        assert_eq!(story.due_in(), 0, "its lane keeps it back");
        assert_eq!(story.post.next_attempt_at(), None);
        assert_eq!(story.status(), PostStatus::Scheduled);
    }
    assert_eq!(story.post.work.attempts, 0);
}

#[test]
fn a_wait_that_people_notice_should_show_as_scheduled_with_its_reason() {
    let mut story = Story::due();
    let short = limited(&story, 60);
    story.does(no(short));
    assert_eq!(story.status(), PostStatus::Publishing);
    let long = limited(&story, 61);
    story.does(no(long));
    assert_eq!(
        (story.status(), story.code()),
        (PostStatus::Scheduled, Some("rate_limited"))
    );
    assert_eq!(story.post.next_attempt_at(), Some(story.at(61)));

    let mut open = Story::committing(Repeat::Assumed);
    let long = limited(&open, 600);
    open.does(Command::Hold {
        failure: long,
        until: open.at(600),
    });
    assert_eq!(
        open.status(),
        PostStatus::Publishing,
        "while a commit is open it is"
    );
}

#[test]
fn a_post_should_be_missed_when_its_time_is_over_and_not_before() {
    let mut story = Story::due();
    story.post.give_up_after = Duration::from_secs(3600);
    let why = failure(FailureClass::Reauthorize);
    story.does(no(why));
    assert_eq!(story.post.expires_at(), Some(story.at(3600)));
    story.pass(3599);
    assert_eq!(story.refuses(Command::Expire).code(), "moved_on");
    story.pass(1);
    story.does(Command::Expire);
    assert_eq!(
        (story.status(), story.code()),
        (PostStatus::Failed, Some("missed"))
    );
    let said = &story.post.failure.as_ref().unwrap().message;
    assert!(
        said.contains("The network says no."),
        "the last obstacle: {said}"
    );
}

#[test]
fn an_open_commit_should_never_be_missed() {
    let mut story = Story::committing(Repeat::Assumed);
    story.pass(3 * 86_400);
    story.does(Command::Expire);
    assert_eq!(story.code(), Some("outcome_unknown"));
    assert!(story.post.has_open_commit());
}

#[test]
fn publishing_again_should_start_with_fresh_attempts_and_the_same_object() {
    let mut story = Story::prepared();
    for _ in 0..8 {
        let progress = story.post.work.progress.clone();
        story.does(Command::PrepareFailed {
            failure: transient(),
            progress,
        });
    }
    assert_eq!(story.status(), PostStatus::Failed);
    story.does(Command::Publish);
    assert_eq!(story.post.work.attempts, 0);
    assert_eq!(story.post.failure, None);
    assert!(story.post.current_progress().is_some());
}

#[test]
fn the_deletion_of_leftovers_should_end_though_it_fails() {
    let mut story = Story::prepared().after(Command::Cancel);
    assert_eq!(story.due_in(), 0);
    let mut times = 0;
    while story.post.due_at().is_some() {
        story.pass(story.due_in());
        story.does(Command::DiscardFailed {
            failure: transient(),
        });
        times += 1;
    }
    assert_eq!((times, story.status()), (8, PostStatus::Canceled));
}
