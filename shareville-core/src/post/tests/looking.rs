//! Marks: what opens, licenses, and closes them.

use super::{Command, Evidence, PostStatus, Repeat, Story, answered, failure, named, transient};
use crate::{
    clock::later,
    failure::{Failure, FailureClass, LimitScope},
    lane::Hold,
    post::{HoldChange, Pace, may_repeat},
};

fn absent() -> Command {
    Command::Looked(Evidence::Absent)
}

fn dead() -> Command {
    Command::Looked(Evidence::Dead(transient()))
}

fn unclear() -> Command {
    Command::Looked(Evidence::Unclear(None))
}

/// Whether the same call on the same object may be made now.
fn licensed(story: &Story) -> bool {
    story.ask(story.begin("object-1", Repeat::Proven)).is_ok()
}

#[test]
fn a_mark_should_take_its_times_from_the_stores_clock() {
    let story = Story::due();
    let change = story.ask(story.begin("object-1", Repeat::Assumed)).unwrap();
    // The store is three seconds ahead of the worker.
    let change = change.stamped(story.at(3));
    let post = change.next.unwrap();
    let mark = post.work.mark.unwrap();
    assert_eq!((mark.since, mark.deadline), (story.at(3), story.at(63)));
    assert_eq!(post.work.due_at, Some(story.at(68)), "deadline and grace");
    let hold = Hold {
        post: post.id,
        until: story.at(68),
    };
    assert_eq!(change.hold, HoldChange::Set(hold));
}

#[test]
fn a_repeat_should_move_the_deadline_and_keep_the_beginning() {
    let mut story = Story::committing(Repeat::Proven);
    let since = story.post.work.mark.as_ref().unwrap().since;
    story.pass(65);
    story.does(absent());
    let begin = story.begin("object-1", Repeat::Proven);
    let post = story.ask(begin).unwrap().stamped(story.at(2)).next.unwrap();
    let mark = post.work.mark.unwrap();
    assert_eq!(
        (mark.since, mark.deadline, mark.commits),
        (since, story.at(62), 2)
    );
    assert!(mark.uncertain, "the first call stays uncertain");
}

#[test]
fn a_proven_repeat_should_need_one_absence_past_the_deadline() {
    let mut story = Story::committing(Repeat::Proven);
    story.pass(64);
    story.does(absent());
    assert!(!licensed(&story), "within the grace it does not count");
    assert_eq!(story.due_in(), 1, "looked at again when it counts");
    story.pass(1);
    story.does(absent());
    assert!(licensed(&story));
    assert_eq!(story.due_in(), 0);
    let another = story.begin("object-2", Repeat::Proven);
    assert_eq!(
        story.refuses(another).code(),
        "moved_on",
        "the same object only"
    );
}

#[test]
fn an_assumed_repeat_should_need_two_absences_a_grace_apart() {
    let mut story = Story::committing(Repeat::Assumed);
    story.pass(65);
    story.does(absent());
    assert!(!licensed(&story));
    story.pass(4);
    story.does(absent());
    assert!(!licensed(&story), "too soon after the first");
    story.pass(1);
    story.does(absent());
    assert!(licensed(&story));
    let begin = story.begin("object-1", Repeat::Assumed);
    story.does(begin);
    assert!(!licensed(&story), "each repeat needs a licence of its own");
}

#[test]
fn what_may_never_be_repeated_should_not_be() {
    let mut story = Story::committing(Repeat::Never);
    for _ in 0..5 {
        story.pass(100);
        story.does(absent());
        assert!(!licensed(&story));
    }
}

#[test]
fn anything_between_should_break_a_row_of_absences() {
    for between in [
        unclear(),
        dead(),
        Command::Looked(Evidence::Pending {
            until: Story::draft().now,
        }),
    ] {
        let mut story = Story::committing(Repeat::Assumed);
        story.pass(65);
        story.does(absent());
        story.pass(10);
        story.does(between.clone());
        story.pass(10);
        story.does(absent());
        assert!(!licensed(&story), "{between:?}");
    }
}

#[test]
fn what_the_platform_works_on_should_not_be_committed_again() {
    let mut story = Story::committing(Repeat::Proven);
    story.pass(65);
    story.does(absent());
    assert!(licensed(&story));
    story.does(Command::Looked(Evidence::Pending { until: story.now }));
    assert!(!licensed(&story));
}

#[test]
fn absence_should_never_close_a_mark() {
    let mut story = Story::committing(Repeat::Never);
    for _ in 0..400 {
        story.pass(300);
        if story.post.due_at().is_none() {
            break;
        }
        let expired = story.post.expires_at().is_some_and(|at| at <= story.now);
        story.does(if expired { Command::Expire } else { absent() });
        assert!(story.post.has_open_commit());
    }
    assert_eq!(story.status(), PostStatus::Failed);
    assert_eq!(story.post.due_at(), None, "looking ends too");
    for command in [Command::Publish, Command::Cancel, Command::Delete] {
        assert_eq!(story.refuses(command).code(), "outcome_unknown");
    }
}

#[test]
fn two_counted_looks_should_find_it_dead_and_its_object_be_deleted() {
    let mut story = Story::committing(Repeat::Assumed);
    story.pass(60);
    story.does(dead());
    story.pass(5);
    story.does(dead());
    assert!(
        story.post.has_open_commit(),
        "the first look was too early to count"
    );
    story.pass(4);
    story.does(dead());
    assert!(story.post.has_open_commit(), "the second came too soon");
    story.pass(1);
    story.does(dead());
    assert!(!story.post.has_open_commit());
    assert_eq!(story.post.work.superseded.len(), 1);
    let begin = story.begin("object-2", Repeat::Assumed);
    assert_eq!(story.refuses(begin.clone()).code(), "moved_on");
    story.does(Command::Discarded);
    story.does(begin);
}

#[test]
fn a_failed_post_found_dead_should_stay_failed_until_a_person_retries_it() {
    for found in [
        transient(),
        failure(FailureClass::Content { retryable: true }),
        failure(FailureClass::Reauthorize),
    ] {
        let mut story = Story::unknown();
        for _ in 0..2 {
            story.pass(60);
            let dead = Command::Looked(Evidence::Dead(found.clone()));
            let change = story.ask(dead.clone()).unwrap();
            story.does(dead);
            assert_eq!(story.status(), PostStatus::Failed, "{found}");
            let lifted = matches!(change.hold, HoldChange::Lift(_));
            assert_eq!(lifted, !story.post.has_open_commit());
        }
        assert!(!story.post.has_open_commit(), "it certainly is not live");
        assert_eq!(story.post.failure, Some(found));
        assert_eq!(story.due_in(), 0, "what was prepared is deleted");
        story.does(Command::Discarded);
        assert_eq!(story.post.due_at(), None);
        story.does(Command::Publish);
        assert!(story.is_to_go_out());
    }
}

#[test]
fn a_refusal_should_close_a_mark_only_if_no_earlier_commit_is_uncertain() {
    let no = Command::Refused {
        failure: transient(),
    };
    let story = Story::committing(Repeat::Proven).after(no.clone());
    assert!(!story.post.has_open_commit(), "it did nothing");
    assert_eq!(
        story.post.work.progress.as_ref().unwrap().object.as_deref(),
        Some("object-1")
    );

    let mut story = Story::committing(Repeat::Proven);
    story.pass(65);
    story.does(absent());
    let begin = story.begin("object-1", Repeat::Proven);
    story.does(begin);
    story.does(no);
    assert!(story.post.has_open_commit(), "the first one may have acted");

    let mut story = Story::committing(Repeat::Proven);
    story.does(Command::Uncertain {
        failure: transient(),
    });
    story.does(Command::Refused {
        failure: failure(FailureClass::Permission),
    });
    assert!(story.post.has_open_commit());
    assert_eq!(story.status(), PostStatus::Publishing);
}

/// Lets time pass as the engine does, answering each call with a failure and each look with absence, until it has
/// ended: how often it was committed.
fn refused_each_time(story: &mut Story, repeat: Repeat, failure: &Failure) -> u32 {
    let refused = || Command::Uncertain {
        failure: failure.clone(),
    };
    story.does(refused());
    for _ in 0..1000 {
        if !story.is_to_go_out() {
            break;
        }
        story.pass(story.due_in().max(1));
        story.does(absent());
        if may_repeat(&story.post, story.now) {
            let begin = story.begin("object-1", repeat);
            story.does(begin);
            story.does(refused());
        }
    }
    story.post.work.mark.as_ref().unwrap().commits
}

#[test]
fn what_the_platform_refuses_should_be_committed_no_oftener_than_its_class_allows() {
    for (class, times) in [
        (FailureClass::Blocked, 1),
        (FailureClass::Duplicate, 1),
        (FailureClass::Permission, 1),
        (FailureClass::Config, 1),
        (FailureClass::NotFound, 8),
        (FailureClass::Unknown, 8),
        (FailureClass::Content { retryable: false }, 1),
        (FailureClass::Content { retryable: true }, 2),
        (FailureClass::Transient, 8),
    ] {
        for repeat in [Repeat::Proven, Repeat::Assumed] {
            let mut story = Story::committing(repeat);
            let refusal = answered(class);
            assert_eq!(refused_each_time(&mut story, repeat, &refusal), times);
            assert_eq!(story.status(), PostStatus::Failed, "{class:?}");
            assert_eq!(story.post.failure, Some(refusal), "the real reason");
            assert_eq!(story.refuses(Command::Delete).code(), "outcome_unknown");
            assert!(story.due_in() > 0, "looking goes on");
            let live = story.clone().after(Command::Live(named("7")));
            assert_eq!(live.status(), PostStatus::Published);
            // A person may have it sent again all the same.
            story.does(Command::Resume);
            story.pass(70);
            story.does(absent());
            assert!(may_repeat(&story.post, story.now), "{class:?}");
        }
    }
}

#[test]
fn what_may_never_be_repeated_should_fail_with_the_reason_that_the_platform_gave() {
    let mut story = Story::committing(Repeat::Never);
    let refusal = answered(FailureClass::Content { retryable: false });
    assert_eq!(refused_each_time(&mut story, Repeat::Never, &refusal), 1);
    assert_eq!(story.post.failure, Some(refusal));
    let mut story = Story::committing(Repeat::Never);
    let passing = answered(FailureClass::Transient);
    assert_eq!(refused_each_time(&mut story, Repeat::Never, &passing), 1);
    assert_eq!(story.code(), Some("outcome_unknown"), "it might yet act");
}

#[test]
fn a_refusal_should_end_no_post_of_which_an_earlier_call_was_not_answered() {
    let mut story = Story::committing(Repeat::Proven);
    story.does(Command::Uncertain {
        failure: Failure::new(FailureClass::Transient, "no answer"),
    });
    story.pass(70);
    story.does(absent());
    let begin = story.begin("object-1", Repeat::Proven);
    story.does(begin);
    story.does(Command::Refused {
        failure: answered(FailureClass::Blocked),
    });
    for _ in 0..10 {
        story.pass(story.due_in().max(1));
        story.does(absent());
        assert!(!may_repeat(&story.post, story.now), "it was refused");
        assert!(
            story.is_to_go_out(),
            "the first call may yet act: the hour runs"
        );
    }
    while story.is_to_go_out() {
        story.pass(story.due_in().max(1));
        story.does(absent());
    }
    assert_eq!(story.code(), Some("outcome_unknown"));
}

#[test]
fn a_rate_limit_should_not_shorten_the_time_for_looking() {
    let mut story = Story::committing(Repeat::Never);
    story.post.give_up_after = std::time::Duration::from_secs(600);
    story.pass(70);
    story.does(Command::Looked(Evidence::Unclear(None)));
    let until = story.at(1200);
    story.does(Command::Hold {
        failure: Failure::new(
            FailureClass::RateLimited {
                until: Some(until),
                scope: LimitScope::Account,
            },
            "wait",
        ),
        until,
    });
    assert_eq!(
        story.post.expires_at(),
        Some(later(until, Pace::default().uncertain))
    );
}

#[test]
fn a_blocked_account_should_be_left_alone_while_its_answer_is_looked_into() {
    let story = Story::committing(Repeat::Assumed);
    let change = story.ask(Command::Uncertain {
        failure: answered(FailureClass::Blocked),
    });
    let hold = Hold {
        post: story.post.id,
        until: story.at(65 + 3600),
    };
    assert_eq!(change.unwrap().hold, HoldChange::Set(hold));
}

#[test]
fn a_post_found_live_should_be_published_whatever_it_was() {
    for mut story in [Story::committing(Repeat::Never), Story::unknown()] {
        story.does(Command::Looked(Evidence::Live(named("7"))));
        assert_eq!(story.status(), PostStatus::Published);
        assert_eq!(story.post.failure, None);
        let change = Story::committing(Repeat::Never).ask(Command::Live(named("7")));
        assert!(matches!(change.unwrap().hold, HoldChange::Lift(_)));
    }
}

#[test]
fn an_uncertain_post_should_be_unknown_after_an_hour_and_looked_for_a_day() {
    let mut story = Story::committing(Repeat::Never);
    story.does(Command::Uncertain {
        failure: transient(),
    });
    let began = story.now;
    while story.status() == PostStatus::Publishing {
        story.pass(story.due_in().max(1));
        story.does(unclear());
    }
    let hour = (story.now - began).num_seconds();
    assert!((3600..=3600 + 60 + 600).contains(&hour), "{hour} s");
    assert_eq!(story.code(), Some("outcome_unknown"));
    let failed_at = story.now;
    while let Some(due) = story.post.due_at() {
        story.now = due;
        let over = story.post.expires_at().unwrap() <= story.now;
        story.does(if over { Command::Expire } else { unclear() });
    }
    let day = (story.now - failed_at).num_minutes();
    assert!((23 * 60..=25 * 60).contains(&day), "{day} min");
}

#[test]
fn what_the_platform_works_on_should_end_after_a_day() {
    let mut story = Story::committing(Repeat::Assumed);
    story.post.give_up_after = std::time::Duration::from_secs(30 * 86_400);
    let began = story.now;
    // However late the platform asks to come back.
    story.does(Command::Accepted {
        until: story.at(3 * 86_400),
    });
    let mut looks = 0;
    while story.status() == PostStatus::Publishing {
        looks += 1;
        story.pass(story.due_in().max(1));
        story.does(Command::Looked(Evidence::Pending {
            until: story.at(3600 * 5),
        }));
        assert!(looks < 100);
    }
    let hours = (story.now - began).num_hours();
    assert_eq!(story.code(), Some("outcome_unknown"));
    assert!((23..=25).contains(&hours), "{hours} h");
}

/// Works on it for most of a day, and is then found unpublished.
fn worked_on_in_vain() -> Story {
    let mut story = Story::committing(Repeat::Proven);
    story.post.give_up_after = std::time::Duration::from_secs(30 * 86_400);
    let until = story.at(20 * 3600);
    story.does(Command::Accepted { until });
    story.now = until;
    story.does(absent());
    story
}

#[test]
fn a_commit_made_again_should_have_its_own_day_to_be_worked_on() {
    let mut again = worked_on_in_vain();
    let begin = again.begin("object-1", Repeat::Proven);
    again.does(begin);
    let mut resumed = Story::committing(Repeat::Proven);
    let until = resumed.at(0);
    resumed.does(Command::Accepted { until });
    while resumed.is_to_go_out() {
        resumed.pass(3600);
        resumed.does(unclear());
    }
    resumed.does(Command::Resume);
    for mut story in [again, resumed] {
        let mark = story.post.work.mark.as_ref().unwrap();
        assert_eq!((mark.settle_by, mark.pending_since), (None, None));
        let until = story.at(60);
        story.does(Command::Looked(Evidence::Pending { until }));
        story.pass(23 * 3600);
        story.does(Command::Looked(Evidence::Pending {
            until: story.at(60),
        }));
        assert!(story.is_to_go_out(), "its day is not over");
        story.pass(3600);
        story.does(Command::Looked(Evidence::Pending {
            until: story.at(60),
        }));
        assert_eq!(story.code(), Some("outcome_unknown"));
    }
}

#[test]
fn a_dead_token_should_stop_the_clock_of_an_open_commit() {
    let mut story = Story::committing(Repeat::Assumed);
    let dead = failure(FailureClass::Reauthorize);
    story.does(Command::Hold {
        failure: dead,
        until: story.at(900),
    });
    assert_eq!(story.status(), PostStatus::Publishing, "its commit is open");
    story.pass(10 * 3600);
    story.does(unclear());
    assert_eq!(
        story.status(),
        PostStatus::Publishing,
        "the hour starts now"
    );
    let began = story.now;
    while story.is_to_go_out() {
        story.pass(story.due_in().max(1));
        story.does(unclear());
    }
    assert_eq!(story.code(), Some("outcome_unknown"));
    let minutes = (story.now - began).num_minutes();
    assert!((60..=70).contains(&minutes), "{minutes} min");
}

/// A rate limit of an hour comes between two looks at a commit.
fn limited_for_an_hour(story: &mut Story) {
    story.pass(65);
    story.does(unclear());
    let scope = LimitScope::Account;
    let until = Some(story.at(3600));
    let limited = Command::Hold {
        failure: failure(FailureClass::RateLimited { until, scope }),
        until: story.at(3600),
    };
    story.does(limited);
    story.pass(3600);
    story.does(unclear());
}

#[test]
fn a_rate_limit_should_stop_the_clock_of_an_open_commit() {
    let mut story = Story::committing(Repeat::Never);
    limited_for_an_hour(&mut story);
    assert_eq!(
        story.status(),
        PostStatus::Publishing,
        "the hour starts now"
    );
    let began = story.now;
    while story.is_to_go_out() {
        story.pass(story.due_in().max(1));
        story.does(unclear());
    }
    assert_eq!(story.code(), Some("outcome_unknown"));
    let minutes = (story.now - began).num_minutes();
    assert!((60..=70).contains(&minutes), "{minutes} min");
}

#[test]
fn rate_limits_should_not_keep_looking_alive_for_ever() {
    let mut story = Story::committing(Repeat::Never);
    story.post.give_up_after = std::time::Duration::from_secs(30);
    limited_for_an_hour(&mut story);
    assert_eq!(story.code(), Some("outcome_unknown"));
}

#[test]
fn the_time_for_looking_should_start_anew_after_nobody_looked_for_long() {
    let mut story = Story::committing(Repeat::Proven);
    story.pass(3 * 3600);
    story.does(absent());
    assert_eq!(story.status(), PostStatus::Publishing);
    let begin = story.begin("object-1", Repeat::Proven);
    story.does(begin);
    assert_eq!(
        story.post.work.mark.as_ref().unwrap().commits,
        2,
        "it was licensed"
    );
}

#[test]
fn nothing_should_be_repeated_once_the_post_has_given_up() {
    let mut story = Story::committing(Repeat::Proven);
    story.post.give_up_after = std::time::Duration::from_secs(30);
    story.pass(70);
    story.does(absent());
    assert!(story.due_in() > 0, "it looks on, and does not repeat");
}

#[test]
fn a_person_who_has_looked_should_open_the_way_for_a_new_object_only_after_the_old_is_gone() {
    let mut story = Story::unknown();
    story.does(Command::ConfirmNotPublished);
    assert_eq!(story.status(), PostStatus::Scheduled);
    assert_eq!(story.post.work.superseded.len(), 1);
    let begin = story.begin("object-2", Repeat::Assumed);
    assert_eq!(story.refuses(begin).code(), "moved_on");
}

#[test]
fn a_removed_connection_should_leave_an_open_commit_honestly_unknown() {
    let story = Story::committing(Repeat::Assumed).after(Command::ConnectionRemoved);
    assert_eq!(story.code(), Some("outcome_unknown"));
    assert!(story.post.has_open_commit());
    assert_eq!(story.post.due_at(), None);
    let story = Story::due().after(Command::ConnectionRemoved);
    assert_eq!(story.code(), Some("connection_removed"));
}
