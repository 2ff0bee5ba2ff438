//! The first comment: its own mark, its own look, its own end.

use super::{Command, PostStatus, Story, WINDOW, failure, transient};
use crate::{
    failure::{FailureClass, PlatformError},
    post::FirstCommentStatus,
};

const BEGIN: Command = Command::BeginComment { window: WINDOW };

fn sent() -> Story {
    Story::published().after(BEGIN)
}

#[test]
fn a_comment_should_have_a_mark_of_its_own_before_it_is_sent() {
    let story = Story::published();
    let change = story.ask(BEGIN).unwrap().stamped(story.at(2));
    let mark = change.next.unwrap().work.comment.unwrap();
    assert_eq!(
        (mark.since, mark.deadline, mark.sends),
        (story.at(2), story.at(62), 1)
    );
    assert_eq!(sent().refuses(BEGIN).code(), "moved_on", "not twice");
}

/// The platform itself answered, with an error: that call is over.
fn answered() -> Command {
    Command::CommentUncertain {
        failure: transient().with_platform(PlatformError {
            code: Some(2),
            ..PlatformError::default()
        }),
    }
}

#[test]
fn a_comment_should_be_repeated_only_after_two_absences_past_the_deadline() {
    let mut story = sent().after(answered());
    story.pass(64);
    story.does(Command::CommentAbsent);
    story.pass(1);
    story.does(Command::CommentAbsent);
    story.pass(4);
    story.does(Command::CommentAbsent);
    assert_eq!(
        story.refuses(BEGIN).code(),
        "moved_on",
        "one that counts so far"
    );
    story.pass(1);
    story.does(Command::CommentAbsent);
    story.does(BEGIN);
    assert_eq!(story.post.work.comment.as_ref().unwrap().sends, 2);
}

#[test]
fn a_comment_that_nobody_answered_should_never_be_repeated() {
    let mut story = sent();
    story.does(Command::CommentUncertain {
        failure: transient(),
    });
    while story.post.due_at().is_some() {
        story.pass(story.due_in().max(1));
        story.does(Command::CommentAbsent);
        assert!(story.ask(BEGIN).is_err(), "the call may still act");
    }
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Unknown);
}

#[test]
fn an_unclear_look_should_break_the_row_of_absences() {
    let mut story = sent();
    story.pass(65);
    story.does(Command::CommentAbsent);
    story.pass(10);
    story.does(Command::CommentUnclear);
    story.pass(10);
    story.does(Command::CommentAbsent);
    assert_eq!(story.refuses(BEGIN).code(), "moved_on");
}

#[test]
fn a_comment_nobody_can_find_should_end_as_unknown_and_leave_the_post_alone() {
    let mut story = sent();
    story.does(Command::CommentUncertain {
        failure: transient(),
    });
    let began = story.now;
    while story.post.due_at().is_some() {
        story.pass(story.due_in().max(1));
        story.does(Command::CommentUnclear);
    }
    assert!((story.now - began).num_hours() <= 2);
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Unknown);
    assert_eq!(
        (story.status(), story.code()),
        (PostStatus::Published, None)
    );
}

#[test]
fn a_comment_that_is_refused_should_fail_unless_waiting_helps() {
    let permission = failure(FailureClass::Permission);
    let story = sent().after(Command::CommentRefused {
        failure: permission,
    });
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Failed);
    assert_eq!(story.post.due_at(), None);
    let story = sent().after(Command::CommentRefused {
        failure: transient(),
    });
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Pending);
    assert!(story.due_in() > 0);
}

#[test]
fn a_refusal_should_not_speak_for_an_earlier_comment() {
    let mut story = sent().after(answered());
    for _ in 0..2 {
        story.pass(70);
        story.does(Command::CommentAbsent);
    }
    story.does(BEGIN);
    let permission = failure(FailureClass::Permission);
    story.does(Command::CommentRefused {
        failure: permission,
    });
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Pending);
    assert!(story.post.work.comment.is_some());
}

#[test]
fn a_comment_should_end_however_often_it_is_refused() {
    let mut story = Story::published();
    let mut times = 0;
    while story.post.due_at().is_some() {
        story.pass(story.due_in());
        times += 1;
        if story.post.expires_at().is_some_and(|at| at <= story.now) {
            story.does(Command::Expire);
            continue;
        }
        story.does(BEGIN);
        story.does(Command::CommentRefused {
            failure: transient(),
        });
        assert!(times < 1000);
    }
    assert_eq!(story.post.first_comment_status, FirstCommentStatus::Failed);
}
