//! Towards a container that can be published: made, then asked for until it is finished. Of a carousel the items first.
//!
//! Source: graph-api.md 6.1, 6.4, 6.5 (D-IGM, D-IGP, D-IGC).

use std::time::Duration;

use shareville_core::{
    failure::{Failure, FailureClass},
    media::{Media, MediaKind},
    post::Progress,
    publisher::{Job, Prepared},
};

use super::{
    InstagramAccounts,
    container::{State, is_missing, is_not_ready},
    create::NotMade,
    progress::{Container, Preparation, Stage},
    shape::Shape,
};
use crate::{
    error::{Effect, GraphError},
    graph::Need,
};

/// How long a container may be worked on: it lives no longer (graph-api.md 6.7).
const CONTAINER_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a new container may be unknown to Instagram itself (graph-api.md 8.4, 2207008).
const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(2 * 60);

/// After how long a picture's container counts as finished where it cannot be read (graph-api.md 6.4): Instagram
/// itself says if it is not.
const PICTURE_PATIENCE: Duration = Duration::from_secs(60);

/// The same for a film's.
const FILM_PATIENCE: Duration = Duration::from_secs(5 * 60);

/// What is known of a container in preparation.
enum Found {
    Finished,
    Working,
    /// It must not be published again.
    Published,
    /// It is to be made anew, if at all.
    Dead(Failure),
    /// It could not be asked for.
    Failed(Failure),
}

impl InstagramAccounts {
    pub(super) async fn next_step(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        if let Some(ready) = self.prepared_before(job, progress) {
            return ready;
        }
        let Some(shape) = Shape::of(&job.post.content) else {
            return shows_nothing();
        };
        let mut preparation = Preparation::resume(job, progress);
        // Whoever wrote this may have died inside the call that creates the carousel.
        if preparation.carousel_next && job.resumed && !preparation.forget() {
            return given_up();
        }
        if preparation.is_new()
            && let Some(failure) = self.used_up(job).await
        {
            return fail(failure, job, &preparation);
        }
        match (shape, preparation.top.take()) {
            (_, Some(top)) => self.await_top(job, shape, top, preparation).await,
            (Shape::Carousel(media), None) => self.towards_carousel(job, media, preparation).await,
            (Shape::Picture(media) | Shape::Reel(media) | Shape::Story(media), None) => {
                match self.create_single(job, shape, media).await {
                    Ok(made) => {
                        preparation.keep_top(Container::new(made.id, self.graph.now()));
                        self.after_making(job, preparation, made.note, Next::Wait)
                    }
                    // Whether or not it was made: a container that nobody publishes vanishes by itself.
                    Err(not_made) => fail(at(not_made.failure, 0), job, &preparation),
                }
            }
        }
    }

    /// What can be published already; whichever version wrote its id down. What may have expired meanwhile, what Instagram
    /// has called not ready when it was to be published, and what it has called published is asked for again.
    fn prepared_before(&self, job: &Job, progress: Option<&Progress>) -> Option<Prepared> {
        let progress = progress
            .filter(|progress| progress.content_revision == job.post.content_revision)
            .filter(|progress| progress.object.is_some())?;
        let top = Preparation::resume(job, Some(progress)).top;
        let refused = job.post.failure.as_ref().is_some_and(is_not_ready);
        let is_doubtful = |top: Container| {
            refused || top.stage == Stage::Published || top.is_outdated(self.graph.now())
        };
        match top.is_some_and(is_doubtful) {
            true => None,
            false => Some(Prepared::Ready(progress.clone())),
        }
    }

    async fn await_top(
        &self,
        job: &Job,
        shape: Shape<'_>,
        top: Container,
        mut preparation: Preparation,
    ) -> Prepared {
        // Once it has said so, no later answer takes that back.
        if top.stage == Stage::Published {
            preparation.top = Some(top);
            return fail(already_published(), job, &preparation);
        }
        let patience = match shape {
            Shape::Picture(media) | Shape::Reel(media) | Shape::Story(media) => patience(media),
            // Its items are finished.
            Shape::Carousel(_) => PICTURE_PATIENCE,
        };
        match self.found(job, &top, patience).await {
            Found::Finished => {
                preparation.top = Some(Container {
                    stage: Stage::Finished,
                    ..top
                });
                Prepared::Ready(preparation.keep(job))
            }
            Found::Working => {
                preparation.top = Some(Container {
                    stage: Stage::Working,
                    ..top
                });
                self.wait(job, preparation)
            }
            Found::Published => {
                preparation.top = Some(Container {
                    stage: Stage::Published,
                    ..top
                });
                fail(already_published(), job, &preparation)
            }
            Found::Failed(failure) => {
                preparation.top = Some(top);
                fail(failure, job, &preparation)
            }
            Found::Dead(failure) => {
                // What a carousel was made of may be dead with it.
                preparation.drop_all();
                let failure = match shape {
                    Shape::Carousel(_) => failure,
                    _ => at(failure, 0),
                };
                fail(failure, job, &preparation)
            }
        }
    }

    async fn towards_carousel(
        &self,
        job: &Job,
        media: &[Media],
        mut preparation: Preparation,
    ) -> Prepared {
        preparation.make_places(media.len(), self.graph.now());
        let missing = preparation.items.iter().position(Option::is_none);
        if let Some((index, item)) = missing.and_then(|index| Some((index, media.get(index)?))) {
            preparation.carousel_next = false;
            return self.make_item(job, item, index, preparation).await;
        }
        match preparation.carousel_next {
            true => self.make_carousel(job, preparation).await,
            false => self.await_items(job, media, preparation).await,
        }
    }

    async fn make_item(
        &self,
        job: &Job,
        media: &Media,
        index: usize,
        mut preparation: Preparation,
    ) -> Prepared {
        match self.create_item(job, media).await {
            Ok(made) => {
                preparation.keep_item(index, Container::new(made.id, self.graph.now()));
                let next = match preparation.items.iter().all(Option::is_some) {
                    true => Next::Wait,
                    false => Next::GoOn,
                };
                self.after_making(job, preparation, made.note, next)
            }
            Err(not_made) => fail(of_item(not_made.failure, index), job, &preparation),
        }
    }

    /// Asks for each item that is not known to be finished.
    async fn await_items(
        &self,
        job: &Job,
        media: &[Media],
        mut preparation: Preparation,
    ) -> Prepared {
        let mut working = false;
        for (index, media) in media.iter().enumerate() {
            let Some(Some(item)) = preparation.items.get_mut(index) else {
                continue;
            };
            if item.stage == Stage::Finished {
                continue;
            }
            match self.found(job, item, patience(media)).await {
                Found::Finished => item.stage = Stage::Finished,
                Found::Working => working = true,
                Found::Published => return fail(already_published(), job, &preparation),
                Found::Failed(failure) => {
                    return fail(of_item(failure, index), job, &preparation);
                }
                // The others are kept: only this one is made anew, if at all.
                Found::Dead(failure) => {
                    preparation.items[index] = None;
                    return fail(of_item(failure, index), job, &preparation);
                }
            }
        }
        if working {
            return self.wait(job, preparation);
        }
        preparation.carousel_next = true;
        Prepared::Continue(preparation.keep(job))
    }

    async fn make_carousel(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        let items = preparation.items.iter().flatten();
        let items: Vec<_> = items.map(|item| item.id.as_str()).collect();
        match self.create_carousel(job, &items).await {
            Ok(made) => {
                preparation.keep_top(Container::new(made.id, self.graph.now()));
                self.after_making(job, preparation, made.note, Next::Wait)
            }
            Err(NotMade { failure, effect }) => {
                let kept = match effect {
                    // Items that Instagram no longer knows are made anew; others are used again.
                    Effect::DidNothing if is_missing(&failure) => {
                        preparation.drop_all();
                        true
                    }
                    Effect::DidNothing => {
                        preparation.carousel_next = false;
                        true
                    }
                    Effect::MayHaveActed => preparation.forget(),
                };
                match kept {
                    true => fail(failure, job, &preparation),
                    false => given_up(),
                }
            }
        }
    }

    /// What is known of a container, as far as preparing goes.
    async fn found(&self, job: &Job, container: &Container, patience: Duration) -> Found {
        let age = container.age(self.graph.now());
        let too_old = age >= CONTAINER_LIFE;
        match self
            .read_container(job, &container.id, Need::Ordinary)
            .await
        {
            Ok(State::Finished) => Found::Finished,
            Ok(State::Published) => Found::Published,
            Ok(State::Dead(failure)) => Found::Dead(failure),
            Ok(State::InProgress | State::Unknown) if too_old => Found::Dead(not_finished()),
            Ok(State::InProgress | State::Unknown) => Found::Working,
            Err(error) => self.not_read(&error, age, patience),
        }
    }

    /// A container that could not be read has been Instagram's own mistake for weeks (graph-api.md 0.3, fact 10): after
    /// a while it counts as finished, and publishing it says whether it is.
    fn not_read(&self, error: &GraphError, age: Duration, patience: Duration) -> Found {
        let failure = self.failure(error);
        match failure.class {
            _ if is_missing(&failure) => match age < UNKNOWN_AT_FIRST {
                true => Found::Working,
                false => Found::Dead(Failure {
                    platform: failure.platform,
                    ..not_finished()
                }),
            },
            _ if age >= CONTAINER_LIFE => Found::Dead(not_finished()),
            FailureClass::NotFound | FailureClass::Permission | FailureClass::Unknown => {
                match age < patience {
                    true => Found::Working,
                    false => Found::Finished,
                }
            }
            FailureClass::Transient => Found::Working,
            _ => Found::Failed(failure),
        }
    }

    fn wait(&self, job: &Job, mut preparation: Preparation) -> Prepared {
        let until = preparation.next_poll(self.graph.now());
        Prepared::Wait {
            progress: preparation.keep(job),
            until,
        }
    }

    /// A container was made: what was done to its medium is told, else what is next is done.
    fn after_making(
        &self,
        job: &Job,
        preparation: Preparation,
        note: Option<String>,
        next: Next,
    ) -> Prepared {
        match (note, next) {
            (Some(note), _) => Prepared::Noted {
                progress: preparation.keep(job),
                note,
            },
            (None, Next::GoOn) => Prepared::Continue(preparation.keep(job)),
            (None, Next::Wait) => self.wait(job, preparation),
        }
    }
}

/// What comes after a container was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Wait,
}

const fn patience(media: &Media) -> Duration {
    match media.kind {
        MediaKind::Image => PICTURE_PATIENCE,
        MediaKind::Video => FILM_PATIENCE,
    }
}

fn fail(failure: Failure, job: &Job, preparation: &Preparation) -> Prepared {
    Prepared::Failed {
        failure,
        progress: Some(preparation.keep(job)),
    }
}

/// The same failure, with which medium it is about.
fn at(mut failure: Failure, index: usize) -> Failure {
    let mut platform = failure.platform.take().unwrap_or_default();
    platform.media_index = index.try_into().ok();
    failure.with_platform(platform)
}

/// The same, of a carousel's item, for people too.
fn of_item(failure: Failure, index: usize) -> Failure {
    let mut failure = at(failure, index);
    failure.message = format!("Item {}: {}", index + 1, failure.message);
    failure
}

fn not_finished() -> Failure {
    Failure::new(
        FailureClass::Transient,
        "Instagram took the media and never finished with them. They are sent again by themselves.",
    )
}

/// No call of ours is known to have published it, so nobody looks by itself: a person has to.
fn already_published() -> Failure {
    Failure::new(
        FailureClass::Unknown,
        "Instagram says that this post is published already, so it was not published again. Look at the account: if it is \
         there, this one is done; if it is not, write it anew.",
    )
    .with_code("already_published")
}

fn shows_nothing() -> Prepared {
    Prepared::Failed {
        failure: Failure::new(
            FailureClass::Content { retryable: false },
            "Instagram takes one picture or film, or two to ten as a carousel in the feed. Change the post's media, then \
             publish it again.",
        ),
        progress: None,
    }
}

/// Three times nobody knows whether the carousel was created. It is not visible in any case.
fn given_up() -> Prepared {
    Prepared::Failed {
        failure: Failure::new(
            FailureClass::Unknown,
            "Instagram did not answer, three times, when the carousel was to be created. Nothing is visible on the \
             account. Try again later.",
        )
        .with_code("create_unanswered"),
        // Whoever tries again begins anew.
        progress: None,
    }
}
