//! The rules, tried from outside: by table, by story, and by arbitrary sequences of commands.

mod arbitrary;
mod comments;
mod looking;
mod matrix;
mod retrying;
mod stored;

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::{
    Change, Command, Content, Draft, Evidence, Moment, Pace, Post, PostStatus, Progress, Published,
    Refusal, Repeat, apply, draft,
};
use crate::{
    clock::Timestamp,
    connection::Account,
    event::Actor,
    failure::{Failure, FailureClass, PlatformError},
    id::AccountId,
    testing::store::{START, new_connection, new_tenant},
};

/// How long a commit may take in these tests.
const WINDOW: Duration = Duration::from_secs(60);

/// A post, and the time.
#[derive(Debug, Clone)]
struct Story {
    post: Post,
    now: Timestamp,
    pace: Pace,
}

fn account() -> Account {
    let tenant = new_tenant("owner", START);
    let connection = new_connection(&tenant, "user", "person");
    Account {
        id: AccountId::generate(),
        tenant: tenant.id,
        connection: connection.id,
        user: connection.user,
        provider: connection.provider,
        platform_id: "page-1".to_owned(),
        name: "Bakery".to_owned(),
        username: None,
        category: None,
        picture: None,
        can_publish: true,
        problems: Vec::new(),
        token: None,
        created_at: START,
        updated_at: START,
    }
}

impl Story {
    fn draft() -> Self {
        let moment = Moment {
            now: START,
            actor: Actor::Host,
            pace: Pace::default(),
        };
        let mut content = Content::text("Good morning");
        content.first_comment = Some("First!".to_owned());
        let wanted = Draft {
            account: &account(),
            group: None,
            content,
            metadata: serde_json::Map::new(),
            give_up_after: Duration::from_secs(86_400),
        };
        Self {
            post: draft(wanted, &moment).0,
            now: START,
            pace: moment.pace,
        }
    }

    /// Due now.
    fn due() -> Self {
        Self::draft().after(Command::Publish)
    }

    /// With a checkpoint, and no commit.
    fn prepared() -> Self {
        let story = Self::due();
        let checkpoint = story.checkpoint();
        story.after(checkpoint)
    }

    /// With an open commit.
    fn committing(repeat: Repeat) -> Self {
        let story = Self::due();
        let begin = story.begin("object-1", repeat);
        story.after(begin)
    }

    fn published() -> Self {
        Self::committing(Repeat::Assumed).after(Command::Live(named("1")))
    }

    /// Failed, with a commit of which nobody knows.
    fn unknown() -> Self {
        let mut story = Self::committing(Repeat::Assumed);
        while story.is_to_go_out() {
            story.pass(story.due_in().max(1));
            story.does(Command::Looked(Evidence::Unclear(None)));
        }
        assert_eq!(story.code(), Some("outcome_unknown"));
        story
    }

    fn is_to_go_out(&self) -> bool {
        self.post.is_to_go_out()
    }

    fn failed() -> Self {
        Self::due().after(Command::PrepareFailed {
            failure: failure(FailureClass::Permission),
            progress: None,
        })
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.now,
            actor: Actor::Worker,
            pace: self.pace,
        }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.now + TimeDelta::seconds(seconds)
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.at(seconds);
    }

    fn ask(&self, command: Command) -> Result<Change, Refusal> {
        apply(&self.post, command, &self.moment())
    }

    /// Does it, as a store whose clock shows the same does.
    #[track_caller]
    fn does(&mut self, command: Command) {
        let what = format!("{command:?}");
        let change = self.ask(command);
        let change = change.unwrap_or_else(|no| panic!("{what}: {no}"));
        self.post = change.stamped(self.now).next.expect("it is not removed");
    }

    #[track_caller]
    fn after(mut self, command: Command) -> Self {
        self.does(command);
        self
    }

    #[track_caller]
    fn refuses(&self, command: Command) -> Refusal {
        let what = format!("{command:?}");
        match self.ask(command) {
            Ok(_) => panic!("{what} is not refused"),
            Err(refusal) => refusal,
        }
    }

    fn progress(&self, object: Option<&str>) -> Progress {
        Progress {
            version: 1,
            content_revision: self.post.content_revision,
            object: object.map(str::to_owned),
            data: json!({}),
        }
    }

    fn checkpoint(&self) -> Command {
        Command::Checkpoint {
            progress: self.progress(Some("object-1")),
            until: None,
            note: None,
        }
    }

    fn begin(&self, object: &str, repeat: Repeat) -> Command {
        Command::BeginCommit {
            progress: self.progress(Some(object)),
            repeat,
            window: WINDOW,
        }
    }

    fn code(&self) -> Option<&str> {
        self.post.failure.as_ref().map(|it| it.code.as_str())
    }

    fn status(&self) -> PostStatus {
        self.post.status
    }

    /// How many seconds from now it is due.
    #[track_caller]
    fn due_in(&self) -> i64 {
        let due = self.post.due_at().expect("it is due some time");
        (due - self.now).num_seconds()
    }
}

fn named(id: &str) -> Published {
    Published {
        platform_id: Some(id.to_owned()),
        permalink: None,
    }
}

fn failure(class: FailureClass) -> Failure {
    Failure::new(class, "The network says no.")
}

/// One that the platform itself answered.
fn answered(class: FailureClass) -> Failure {
    failure(class).with_platform(PlatformError {
        code: Some(368),
        ..PlatformError::default()
    })
}

fn transient() -> Failure {
    failure(FailureClass::Transient)
}
