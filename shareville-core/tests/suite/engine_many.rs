//! Many engines, many posts, faults and kills by a seed: each post is visible exactly once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::TimeDelta;
use shareville_core::{
    Settings, Shareville,
    failure::FailureClass,
    id::PostId,
    post::{MAX_ATTEMPTS, PostStatus, Repeat},
    testing::network::{Call, Fault, Manners},
};

use crate::stage::{Stage, Wrapped, failure, has_ended, spawn_tick, transient};

const ENGINES: usize = 16;
const LANES: usize = 25;

/// Xorshift: the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    const fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn fault(dice: &mut Dice, call: Call) -> Option<Fault> {
    if dice.throw(5) > 0 {
        return None;
    }
    Some(match (call, dice.throw(6)) {
        (Call::Commit, 0) => {
            Fault::ActAndAnswer(failure(FailureClass::Content { retryable: false }))
        }
        (Call::Commit, 1) => Fault::ActAndAnswer(failure(FailureClass::Duplicate)),
        // Within the deadline of a minute and the grace: later than that nobody may act.
        (Call::Commit, 2) => Fault::ActLater(Duration::from_secs(1 + dice.throw(60))),
        (_, 3) => Fault::LoseRequest,
        (_, 4) => Fault::Refuse(transient()),
        _ => Fault::ActAndLoseAnswer,
    })
}

/// Lets sixteen engines work, many of them killed at some step, until all posts have ended.
async fn ordeal(stage: &Stage, shareville: &Shareville, count: usize, seed: u64) -> Vec<PostId> {
    let ids: Vec<String> = (0..LANES).map(|lane| format!("page-{lane}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (_, accounts) = stage.connect("maria", "token", &ids).await;
    let mut dice = Dice(seed);
    let mut posts = Vec::new();
    for number in 0..count {
        let at = stage.at(i64::try_from(dice.throw(120)).unwrap());
        posts.push(stage.post_at(&accounts[number % LANES], at).await.id);
    }
    let mut strikes = Dice(seed ^ 0x5DEE_CE66);
    stage
        .network
        .strike(move |call, _| fault(&mut strikes, call));
    let (mut killed, mut healed) = (0, false);
    for _ in 0..3000 {
        let rounds: Vec<_> = (0..ENGINES).map(|_| spawn_tick(shareville)).collect();
        for _ in 0..if healed { 0 } else { dice.throw(12) } {
            for _ in 0..dice.throw(5) {
                tokio::task::yield_now().await;
            }
            let victim = usize::try_from(dice.throw(ENGINES as u64)).unwrap();
            rounds[victim].abort();
        }
        for round in rounds {
            killed += usize::from(round.await.is_err_and(|error| error.is_cancelled()));
        }
        let (mut open, mut to_go_out, mut most_attempts) = (false, false, 0);
        let mut longest_open = TimeDelta::zero();
        for id in &posts {
            let post = stage.read(*id).await;
            open |= !has_ended(&post);
            to_go_out |= post.is_to_go_out();
            most_attempts = most_attempts.max(post.work.attempts);
            if let Some(mark) = &post.work.mark {
                longest_open = longest_open.max(stage.now() - mark.since);
            }
        }
        if !open {
            assert!(
                killed > 20,
                "only {killed} engines were killed in the middle"
            );
            assert!(
                stage.network.struck() > count / 4,
                "hardly any fault struck"
            );
            return posts;
        }
        // Eight attempts are a post's end, and so is an hour of looking: bad luck is stopped short of that.
        if most_attempts + 2 >= MAX_ATTEMPTS || longest_open > TimeDelta::minutes(30) {
            stage.network.heal();
            healed = true;
        }
        stage.pass(match to_go_out {
            true => 1 + dice.throw(15),
            false => 900,
        });
    }
    panic!("the posts do not end");
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.concurrency = 2;
    settings
}

/// How many posts are visible so many times.
fn tally(stage: &Stage, posts: &[PostId]) -> BTreeMap<usize, usize> {
    let mut tally = BTreeMap::new();
    for id in posts {
        *tally.entry(stage.network.visible_of(*id)).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn sixteen_engines_should_publish_each_post_exactly_once() {
    for (seed, repeat) in [(11, Repeat::Assumed), (12, Repeat::Proven)] {
        let manners = Manners {
            repeat,
            steps: 1,
            // A repeat too many shows.
            repeat_makes_copies: true,
            ..Manners::default()
        };
        let stage = Stage::set(manners, settings()).await;
        let posts = ordeal(&stage, &stage.shareville, 200, seed).await;
        for id in &posts {
            let post = stage.read(*id).await;
            assert_eq!(
                post.status,
                PostStatus::Published,
                "seed {seed}: {:?} {:?}",
                post.work,
                post.failure
            );
            let since = stage.network.visible();
            let since = since.iter().find(|it| it.post == *id).map(|it| it.since);
            assert!(
                since >= post.scheduled_at,
                "seed {seed}: never before its time"
            );
        }
        assert_eq!(tally(&stage, &posts), [(1, 200)].into(), "seed {seed}");
    }
}

#[tokio::test]
async fn what_may_never_be_repeated_should_be_visible_at_most_once() {
    let manners = Manners {
        repeat: Repeat::Never,
        repeat_makes_copies: true,
        ..Manners::default()
    };
    let stage = Stage::set(manners, settings()).await;
    let posts = ordeal(&stage, &stage.shareville, 100, 13).await;
    for id in &posts {
        let post = stage.read(*id).await;
        let visible = stage.network.visible_of(*id);
        match post.status {
            PostStatus::Published => assert_eq!(visible, 1),
            PostStatus::Failed => {
                assert_eq!(visible, 0, "what is live was found within a day");
                let code = post.failure.map(|failure| failure.code);
                assert_eq!(code.as_deref(), Some("outcome_unknown"));
            }
            other => panic!("it ended as {other:?}"),
        }
    }
}

#[tokio::test]
async fn engines_that_forget_their_marks_should_be_caught() {
    let stage = Stage::set(Manners::default(), settings()).await;
    let forgetful = Wrapped::forgetful(Arc::clone(&stage.store));
    let shareville = stage.on(Arc::new(forgetful));
    let posts = ordeal(&stage, &shareville, 100, 14).await;
    let tally = tally(&stage, &posts);
    let copied: usize = tally.range(2..).map(|(_, posts)| posts).sum();
    assert!(
        copied > 0,
        "without marks some are visible twice: {tally:?}"
    );
}
