//! What each status says to each command: the table of the HTTP contract.

use std::time::Duration;

use super::{Command, Content, Repeat, Story};
use crate::post::{Edit, Evidence};

fn canceled() -> Story {
    Story::due().after(Command::Cancel)
}

fn deleted() -> Story {
    Story::published().after(Command::DeletedAtPlatform)
}

/// Every status, those with an open commit apart (`+`).
fn stories() -> Vec<(&'static str, Story)> {
    vec![
        ("draft", Story::draft()),
        ("scheduled", Story::due()),
        ("publishing", Story::prepared()),
        ("publishing+", Story::committing(Repeat::Assumed)),
        ("published", Story::published()),
        ("failed", Story::failed()),
        ("failed+", Story::unknown()),
        ("canceled", canceled()),
        ("deleted", deleted()),
    ]
}

fn edit() -> Command {
    Command::Edit(Edit {
        content: Some(Content::text("Good evening")),
        ..Edit::default()
    })
}

fn answer(story: &Story, command: Command) -> String {
    match story.ask(command) {
        Ok(change) => {
            assert_eq!(change.revision, story.post.revision);
            assert!(!change.events.is_empty(), "a change tells of itself");
            change.next.map_or_else(
                || "gone".to_owned(),
                |next| {
                    assert_eq!(next.revision, story.post.revision + 1);
                    next.status.name().to_owned()
                },
            )
        }
        Err(refusal) => format!("!{}", refusal.code()),
    }
}

#[test]
fn each_status_should_answer_each_command_as_the_contract_says() {
    let schedule = |story: &Story| Command::Schedule {
        at: story.at(3600),
        timezone: None,
        lead: Duration::ZERO,
    };
    #[rustfmt::skip]
    let table: [(&str, [&str; 9]); 14] = [
        ("edit", ["draft", "scheduled", "!publishing", "!commit_in_progress", "!already_published", "failed", "!outcome_unknown", "!canceled", "!deleted"]),
        ("schedule", ["scheduled", "scheduled", "!publishing", "!commit_in_progress", "!already_published", "scheduled", "!outcome_unknown", "!canceled", "!deleted"]),
        ("publish", ["scheduled", "scheduled", "!as_it_is", "!as_it_is", "!already_published", "scheduled", "!outcome_unknown", "!canceled", "!deleted"]),
        ("cancel", ["canceled", "canceled", "canceled", "!commit_in_progress", "!not_cancelable", "!not_cancelable", "!outcome_unknown", "!as_it_is", "!not_cancelable"]),
        ("delete", ["gone", "gone", "!publishing", "!commit_in_progress", "!already_published", "gone", "!outcome_unknown", "gone", "!deleted"]),
        ("deleted there", ["!moved_on", "!moved_on", "!moved_on", "!moved_on", "deleted", "!moved_on", "!moved_on", "!moved_on", "!as_it_is"]),
        ("said to be removed", ["!moved_on", "!moved_on", "!moved_on", "!moved_on", "published", "!moved_on", "!moved_on", "!moved_on", "!moved_on"]),
        ("edited there", ["!moved_on", "!moved_on", "!moved_on", "!moved_on", "published", "!moved_on", "!moved_on", "!moved_on", "!moved_on"]),
        ("confirm", ["!nothing_to_confirm", "!nothing_to_confirm", "!nothing_to_confirm", "!nothing_to_confirm", "!nothing_to_confirm", "!nothing_to_confirm", "scheduled", "!nothing_to_confirm", "!nothing_to_confirm"]),
        ("resume", ["!moved_on", "!moved_on", "!moved_on", "!moved_on", "!moved_on", "!moved_on", "publishing", "!moved_on", "!moved_on"]),
        ("edit at rest", ["draft", "scheduled", "scheduled", "!commit_in_progress", "!already_published", "failed", "!outcome_unknown", "!canceled", "!deleted"]),
        ("schedule at rest", ["scheduled", "scheduled", "scheduled", "!commit_in_progress", "!already_published", "scheduled", "!outcome_unknown", "!canceled", "!deleted"]),
        ("delete at rest", ["gone", "gone", "gone", "!commit_in_progress", "!already_published", "gone", "!outcome_unknown", "gone", "!deleted"]),
        ("connection gone", ["!as_it_is", "failed", "failed", "failed", "published", "!as_it_is", "failed", "!as_it_is", "!as_it_is"]),
    ];
    for (name, row) in table {
        for ((status, story), expected) in stories().iter().zip(row) {
            let command = match name {
                "edit" => edit(),
                "schedule" => schedule(story),
                "publish" => Command::Publish,
                "cancel" => Command::Cancel,
                "delete" => Command::Delete,
                "deleted there" => Command::DeletedAtPlatform,
                "said to be removed" => Command::RemovalReported,
                "edited there" => Command::EditedAtPlatform { caption: None },
                "confirm" => Command::ConfirmNotPublished,
                "resume" => Command::Resume,
                "edit at rest" => Command::AtRest(Box::new(edit())),
                "schedule at rest" => Command::AtRest(Box::new(schedule(story))),
                "delete at rest" => Command::AtRest(Box::new(Command::Delete)),
                _ => Command::ConnectionRemoved,
            };
            assert_eq!(answer(story, command), expected, "{name} of {status}");
        }
    }
}

#[test]
fn what_a_worker_finds_should_not_change_what_is_not_its_business() {
    for (status, story) in stories() {
        let open = status.ends_with('+');
        let to_go_out = story.post.is_to_go_out();
        let table = [
            ("checkpoint", story.checkpoint(), to_go_out && !open),
            (
                "begin",
                story.begin("object-1", Repeat::Assumed),
                to_go_out && !open,
            ),
            (
                "begin another",
                story.begin("object-2", Repeat::Proven),
                to_go_out && !open,
            ),
            ("live", Command::Live(super::named("9")), open),
            (
                "uncertain",
                Command::Uncertain {
                    failure: super::transient(),
                },
                open,
            ),
            (
                "refused",
                Command::Refused {
                    failure: super::transient(),
                },
                open,
            ),
            (
                "accepted",
                Command::Accepted {
                    until: story.at(60),
                },
                open,
            ),
            ("looked", Command::Looked(Evidence::Absent), open),
            (
                "begin comment",
                Command::BeginComment {
                    window: super::WINDOW,
                },
                status == "published",
            ),
            ("comment absent", Command::CommentAbsent, false),
            ("expire", Command::Expire, false),
        ];
        for (name, command, does) in table {
            assert_eq!(story.ask(command).is_ok(), does, "{name} of {status}");
        }
    }
}

#[test]
fn asking_for_the_same_again_should_change_nothing() {
    let story = Story::due();
    let again = Command::Schedule {
        at: story.now,
        timezone: None,
        lead: Duration::ZERO,
    };
    assert_eq!(story.refuses(again).code(), "as_it_is");
    let same = Command::Edit(Edit {
        content: Some(story.post.content.clone()),
        ..Edit::default()
    });
    assert_eq!(story.refuses(same).code(), "as_it_is");
}

#[test]
fn a_time_should_be_past_by_five_minutes_at_most() {
    let story = Story::draft();
    let at = |seconds| Command::Schedule {
        at: story.at(seconds),
        timezone: None,
        lead: Duration::ZERO,
    };
    assert!(story.ask(at(-300)).is_ok());
    assert_eq!(story.refuses(at(-301)).code(), "scheduled_in_past");
}

#[test]
fn an_edit_should_set_aside_what_was_prepared_for_the_old_content() {
    let mut story = Story::prepared();
    story.does(Command::Checkpoint {
        progress: story.progress(Some("object-1")),
        until: Some(story.at(600)),
        note: None,
    });
    story.does(edit());
    assert_eq!(story.post.content_revision, 2);
    assert_eq!(story.post.work.progress, None);
    assert_eq!(story.post.work.superseded.len(), 1);
    let begin = story.begin("object-2", Repeat::Assumed);
    assert_eq!(
        story.refuses(begin.clone()).code(),
        "moved_on",
        "first it is deleted"
    );
    story.does(Command::Discarded);
    story.does(begin);
}

#[test]
fn progress_of_an_older_content_should_be_refused() {
    let mut story = Story::due();
    let (begin, checkpoint) = (story.begin("object-1", Repeat::Proven), story.checkpoint());
    story.does(edit());
    assert_eq!(story.refuses(begin).code(), "moved_on");
    assert_eq!(story.refuses(checkpoint).code(), "moved_on");
}

#[test]
fn nothing_should_be_committed_before_its_time() {
    let mut story = Story::draft().after(Command::Schedule {
        at: Story::draft().at(600),
        timezone: None,
        lead: Duration::from_secs(60),
    });
    assert_eq!(story.due_in(), 540, "preparing starts before");
    assert_eq!(story.post.next_attempt_at(), story.post.scheduled_at);
    story.pass(599);
    let begin = story.begin("object-1", Repeat::Proven);
    assert_eq!(story.refuses(begin.clone()).code(), "moved_on");
    story.pass(1);
    story.does(begin);
}

#[test]
fn a_commit_should_name_an_object_that_exists() {
    let story = Story::due();
    let begin = Command::BeginCommit {
        progress: story.progress(None),
        repeat: Repeat::Proven,
        window: super::WINDOW,
    };
    assert_eq!(story.refuses(begin).code(), "moved_on");
}
