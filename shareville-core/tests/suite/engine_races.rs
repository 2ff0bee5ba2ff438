//! People who change a post while a worker is at it: one side wins, whole.

use std::{sync::Arc, time::Duration};

use shareville_core::{
    Error,
    event::EventKind,
    id::PostId,
    post::{Content, PostStatus},
    posting::PostPatch,
    testing::network::{Call, Fault, Manners},
};

use crate::stage::{At, Stage, Wrapped, spawn_tick, within};

/// Where the worker is held while somebody changes the post.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    /// In the call that prepares, before it acts or after.
    Prepare(At),
    /// In the write of this kind, before it is written or after.
    Write(At, EventKind),
    /// In the call that makes the post visible, before it acts or after.
    Commit(At),
}

const HELD: [Held; 8] = [
    Held::Prepare(At::Before),
    Held::Prepare(At::After),
    Held::Write(At::Before, EventKind::PostStep),
    Held::Write(At::After, EventKind::PostStep),
    Held::Write(At::Before, EventKind::PostCommit),
    Held::Write(At::After, EventKind::PostCommit),
    Held::Commit(At::Before),
    Held::Commit(At::After),
];

impl Held {
    /// Whether a commit is open there.
    fn is_open(self) -> bool {
        matches!(
            self,
            Self::Commit(_) | Self::Write(At::After, EventKind::PostCommit)
        )
    }
}

fn hanging(at: At) -> Fault {
    match at {
        At::Before => Fault::HangBefore,
        _ => Fault::HangAfter,
    }
}

/// What somebody does to the post.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    Edit,
    Postpone,
    Cancel,
    Delete,
}

/// How much later a post goes out that is put off.
const LATER: u64 = 3600;

async fn done(stage: &Stage, id: PostId, deed: Deed) -> Result<(), Error> {
    let caller = stage.caller().await;
    let posts = stage.shareville.posts(&caller);
    let edited = |_: &_| PostPatch {
        content: Some(Content::text("Changed")),
        ..PostPatch::default()
    };
    let later = stage.at(LATER.cast_signed());
    match deed {
        Deed::Edit => posts.update(id.into(), edited).await.map(drop),
        Deed::Postpone => posts.schedule(id.into(), later).await.map(drop),
        Deed::Cancel => posts.cancel(id.into()).await.map(drop),
        Deed::Delete => posts.delete(id.into(), false).await,
    }
}

/// Holds a worker, does the deed, lets the worker go on: how the deed was answered.
async fn race(stage: &Stage, id: PostId, held: Held, deed: Deed) -> Result<(), Error> {
    let kind = match held {
        Held::Write(_, kind) => kind,
        // Nothing that any write tells of.
        _ => EventKind::TenantCreated,
    };
    let at = match held {
        Held::Write(at, _) => at,
        _ => At::Before,
    };
    let view = stage.stopping(at, kind);
    match held {
        Held::Prepare(at) => stage.network.on(Call::Prepare, 1, hanging(at)),
        Held::Commit(at) => stage.network.on(Call::Commit, 1, hanging(at)),
        Held::Write(..) => {}
    }
    let round = spawn_tick(&stage.on(Arc::<Wrapped>::clone(&view)));
    match held {
        Held::Write(..) => within(view.until_stopped()).await,
        _ => within(stage.network.until_hanging(1)).await,
    }
    let answered = done(stage, id, deed).await;
    view.release();
    stage.network.release();
    within(round).await.unwrap();
    answered
}

fn assert_cleanly_refused(error: &Error, held: Held, what: &str) {
    let Error::Refused { refusal, .. } = error else {
        panic!("{what}: {error}");
    };
    let expected = match held.is_open() {
        true => "commit_in_progress",
        false => "publishing",
    };
    assert_eq!(refusal.code(), expected, "{what}");
}

async fn assert_one_side_won(manners: Manners, held: Held, deed: Deed) -> bool {
    let what = format!("{deed:?} while held at {held:?}");
    let stage = Stage::with(manners).await;
    let account = stage.account().await;
    let id = stage.post(&account).await.id;
    let due_later = stage.at(LATER.cast_signed());
    let answered = race(&stage, id, held, deed).await;
    if let Err(error) = &answered {
        assert_cleanly_refused(error, held, &what);
    }
    let won = answered.is_ok();
    assert!(
        !(won && held.is_open()),
        "{what}: no deed wins over an open commit"
    );
    stage.tick_all().await;
    if won && deed != Deed::Edit {
        assert_eq!(
            stage.network.visible_of(id),
            0,
            "{what}: appeared all the same"
        );
    }
    for _ in 0..40 {
        stage.pass(120);
        stage.tick_all().await;
    }
    let visible: Vec<_> = stage
        .network
        .visible()
        .into_iter()
        .filter(|it| it.post == id)
        .collect();
    let stored = stage.store.post(stage.tenant, id).await.unwrap();
    let gone = won && matches!(deed, Deed::Cancel | Deed::Delete);
    assert_eq!(visible.len(), usize::from(!gone), "{what}");
    match (&stored, won, deed) {
        (None, true, Deed::Delete) => {}
        (Some(post), true, Deed::Cancel) => assert_eq!(post.status, PostStatus::Canceled, "{what}"),
        (Some(post), ..) => {
            let caption = if won && deed == Deed::Edit {
                "Changed"
            } else {
                "Good morning"
            };
            assert_eq!(post.status, PostStatus::Published, "{what}");
            assert_eq!(post.content.caption.as_deref(), Some(caption), "{what}");
            assert_eq!(visible[0].caption.as_deref(), Some(caption), "{what}");
            if won && deed == Deed::Postpone {
                assert!(post.published_at >= Some(due_later), "{what}");
            }
        }
        (None, ..) => panic!("{what}: the post is lost"),
    }
    won
}

#[tokio::test]
async fn a_deed_that_races_the_worker_should_win_or_be_refused_and_never_both() {
    let manners = [
        Manners::default(),
        Manners {
            steps: 2,
            ..Manners::default()
        },
        Manners {
            steps: 1,
            processing: Duration::from_secs(45),
            ..Manners::default()
        },
    ];
    let (mut won, mut refused) = (0, 0);
    for manners in manners {
        for held in HELD {
            // Steps are told of only where there are some, and a commit comes in the first round only where nothing is
            // waited for.
            let steps = matches!(held, Held::Write(_, EventKind::PostStep));
            let waits = !manners.processing.is_zero();
            let commits = held.is_open() || held == Held::Write(At::Before, EventKind::PostCommit);
            if steps && manners.steps == 0 || waits && commits {
                continue;
            }
            for deed in [Deed::Edit, Deed::Postpone, Deed::Cancel, Deed::Delete] {
                match assert_one_side_won(manners, held, deed).await {
                    true => won += 1,
                    false => refused += 1,
                }
            }
        }
    }
    assert!(
        won > 20 && refused > 20,
        "{won} deeds won, {refused} were refused"
    );
}
