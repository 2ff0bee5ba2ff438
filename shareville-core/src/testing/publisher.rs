//! The contract of a [`Publisher`], one behaviour a function.
//!
//! [`publisher_contract!`](crate::publisher_contract) makes a test of each. What is visible is asked of the platform
//! itself, through the [`Harness`], never of the publisher.

pub mod contents;
pub mod publishing;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    clock::{Clock, Deadline, SystemClock, Timestamp},
    post::{Content, Evidence, Placement, Progress, Published},
    publisher::{Committed, Job, PlacementLimits, Prepared, Publisher},
};

/// How long a commit may take in these tests.
const WINDOW: Duration = Duration::from_secs(30);

/// The most steps that preparing, or waiting until something is visible, may take.
const MOST_STEPS: usize = 1000;

/// A publisher, and a platform to try it on.
#[async_trait]
pub trait Harness: Send + Sync {
    /// The publisher.
    fn publisher(&self) -> &dyn Publisher;

    /// A content that the publisher takes; where `first_comment` has room, without one.
    fn content(&self) -> Content;

    /// A job for a content, for an account that has no posts yet, with a post id of its own.
    async fn job(&self, content: Content) -> Job;

    /// How many posts everybody can see on the job's account: asked of the platform.
    async fn visible(&self, job: &Job) -> usize;

    /// Lets the platform act on the next commit, and its answer be lost.
    async fn lose_the_next_commits_answer(&self);

    /// Waits until a time that the publisher has named.
    async fn wait_until(&self, until: Timestamp);

    /// Now, by the platform's clock.
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
}

/// Makes a test of each behaviour of the publisher contract.
///
/// It takes the name of an async function without arguments that gives a fresh [`Harness`]. The calling crate needs
/// tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! publisher_contract {
    ($factory:path) => {
        $crate::publisher_contract! { @tests $factory;
            publishing {
                should_leave_nothing_visible_by_preparing
                should_prepare_again_without_harm
                should_make_exactly_one_post_visible
                should_find_it_absent_before_and_live_after
                should_find_it_live_after_a_lost_answer
                should_leave_one_post_where_a_repeat_is_proven
                should_commit_nothing_after_the_deadline
                should_discard_what_is_not_visible
                should_comment_and_find_the_comment
                should_edit_what_is_published_or_say_so
                should_delete_what_is_published
            }
            contents {
                should_find_nothing_wrong_with_what_it_takes
                should_take_a_caption_of_just_the_limit
                should_take_media_up_to_the_limit
                should_refuse_what_a_placement_has_no_room_for
                should_name_all_violations_at_once
            }
        }
    };
    (@tests $factory:path; $($room:ident { $($name:ident)+ })+) => {
        $($(
            #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::testing::publisher::$room::$name(&$factory().await).await;
            }
        )+)+
    };
}

/// Prepares until all that is left is the commit.
async fn prepared(on: &impl Harness, job: &Job) -> Progress {
    let mut progress = None;
    for _ in 0..MOST_STEPS {
        progress = Some(match on.publisher().prepare(job, progress.as_ref()).await {
            Prepared::Continue(progress) | Prepared::Noted { progress, .. } => progress,
            Prepared::Wait { progress, until } => {
                on.wait_until(until).await;
                progress
            }
            Prepared::Ready(progress) => return progress,
            Prepared::Failed { failure, .. } => panic!("preparing failed: {failure}"),
        });
    }
    panic!("preparing took more than {MOST_STEPS} steps")
}

async fn commit(on: &impl Harness, job: &Job, progress: &Progress) -> Committed {
    let deadline = Deadline::after(WINDOW);
    on.publisher().commit(job, progress, deadline).await
}

async fn look(on: &impl Harness, job: &Job, progress: &Progress, since: Timestamp) -> Evidence {
    let found = on.publisher().look(job, progress, since).await;
    found.unwrap_or_else(|failure| panic!("looking failed: {failure}"))
}

/// Looks until it is live.
async fn until_live(
    on: &impl Harness,
    job: &Job,
    progress: &Progress,
    since: Timestamp,
) -> Published {
    for _ in 0..MOST_STEPS {
        match look(on, job, progress, since).await {
            Evidence::Live(published) | Evidence::Visible { guess: published } => {
                return published;
            }
            Evidence::Pending { until } => on.wait_until(until).await,
            other => panic!("it is committed, but the look says {other:?}"),
        }
    }
    panic!("it was not live after {MOST_STEPS} looks")
}

/// Publishes, and gives the job with the post as it is then.
async fn published(on: &impl Harness, content: Content) -> Job {
    let mut job = on.job(content).await;
    let progress = prepared(on, &job).await;
    let since = on.now();
    let found = match commit(on, &job, &progress).await {
        Committed::Live(published) => published,
        Committed::Accepted { until } => {
            on.wait_until(until).await;
            until_live(on, &job, &progress, since).await
        }
        other => panic!("a good commit came to {other:?}"),
    };
    let mut post = (*job.post).clone();
    post.published = found;
    post.published_at = Some(on.now());
    post.work.progress = Some(progress);
    job.post = post.into();
    job
}

fn limits(on: &impl Harness, placement: Placement) -> Option<PlacementLimits> {
    let placements = &on.publisher().capabilities().placements;
    placements
        .iter()
        .find(|it| it.placement == placement)
        .copied()
}
