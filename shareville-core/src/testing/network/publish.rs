//! The network's publisher.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{
    Call, FakeNetwork, Late, MAX_CAPTION_CHARS, MAX_WIDTH, Object, State,
    fault::{Act, Answer, Course, latency, lost},
    platform_id,
};
use crate::{
    clock::{Deadline, Timestamp, later},
    failure::{Failure, FailureClass},
    id::Provider,
    media::{MediaFacts, MediaKind},
    post::{Content, Evidence, Placement, Progress, Published, Repeat},
    publisher::{Capabilities, CommentEvidence, Commented, Committed, Job, Prepared, Publisher},
    violation::Violation,
};

fn not_there() -> Failure {
    Failure::new(FailureClass::NotFound, "There is no such object.")
}

fn published(object: &Object, id: &str) -> Published {
    let platform_id = platform_id(object, id);
    Published {
        permalink: Some(format!("https://network.example/{platform_id}")),
        platform_id: Some(platform_id),
    }
}

/// The object that a published post is.
fn object_of<'a>(state: &'a mut State, job: &Job) -> Option<&'a mut Object> {
    let wanted = job.post.published.platform_id.as_deref()?;
    let mut objects = state.objects.iter_mut().filter(|(_, it)| !it.gone);
    let found = objects.find(|(id, object)| platform_id(object, id) == wanted);
    found.map(|(_, object)| object)
}

impl FakeNetwork {
    /// Waits as the course says, then gives its answer.
    async fn answer(&self, course: Course) -> Answer {
        latency().await;
        if course.hang_after {
            self.hang().await;
        }
        course.answer
    }

    fn put_off(&self, call: Call, object: &str, after: Option<Duration>, text: Option<String>) {
        let now = self.0.clock.now();
        self.state().late.push(Late {
            at: after.map(|after| later(now, after)),
            call,
            object: object.to_owned(),
            text,
        });
    }

    fn make(&self, job: &Job) -> (String, Timestamp) {
        let now = self.0.clock.now();
        let ready_at = later(now, self.0.manners.processing);
        let mut state = self.state();
        state.made += 1;
        let id = format!("object-{}", state.made);
        let object = Object {
            account: job.account.platform_id.clone(),
            post: job.post.id,
            caption: job.post.content.caption.clone(),
            ready_at,
            shown: Vec::new(),
            dead: None,
            gone: false,
            comments: Vec::new(),
        };
        state.objects.insert(id.clone(), object);
        (id, ready_at)
    }

    /// What a good prepare does and says.
    fn step(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        let now = self.0.clock.now();
        let done = progress.map_or(0, |it| it.data["step"].as_u64().unwrap_or_default());
        let progress_at = |step: u64, object: Option<String>| Progress {
            version: 1,
            content_revision: job.post.content_revision,
            object,
            data: json!({ "step": step }),
        };
        if let Some(id) = progress.and_then(|progress| progress.object.clone()) {
            let state = self.state();
            let object = state.objects.get(&id).filter(|object| !object.gone);
            let dead = object.map_or_else(|| Some(not_there()), |object| object.dead.clone());
            let ready_at = object.map_or(now, |object| object.ready_at);
            return match dead {
                // It was never committed, so another may take its place.
                Some(failure) => Prepared::Failed {
                    failure: Failure {
                        class: FailureClass::Transient,
                        ..failure
                    },
                    progress: None,
                },
                None => ready(progress_at(done, Some(id)), ready_at, now),
            };
        }
        if done < u64::from(self.0.manners.steps) {
            return Prepared::Continue(progress_at(done + 1, None));
        }
        let (id, ready_at) = self.make(job);
        ready(progress_at(done, Some(id)), ready_at, now)
    }

    fn commit_now(&self, object: &str) -> Committed {
        let now = self.0.clock.now();
        let mut state = self.state();
        let Some(found) = state.objects.get_mut(object).filter(|it| !it.gone) else {
            return Committed::Uncertain(not_there());
        };
        if found.dead.is_some() || found.ready_at > now {
            return Committed::Refused(Failure::new(
                FailureClass::Transient,
                "The object is not ready.",
            ));
        }
        found.show(&self.0.manners, now);
        match found.shown.last() {
            Some(since) if *since > now => Committed::Accepted { until: *since },
            _ => Committed::Live(published(found, object)),
        }
    }
}

fn ready(progress: Progress, ready_at: Timestamp, now: Timestamp) -> Prepared {
    match ready_at > now {
        true => Prepared::Wait {
            progress,
            until: ready_at,
        },
        false => Prepared::Ready(progress),
    }
}

#[async_trait]
impl Publisher for FakeNetwork {
    fn provider(&self) -> Provider {
        self.0.provider.clone()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    fn check(&self, content: &Content) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let caption = content.caption.as_deref().unwrap_or_default();
        if caption.chars().count() > MAX_CAPTION_CHARS {
            let message = format!("must have at most {MAX_CAPTION_CHARS} characters");
            wrong.push(Violation::new("/caption", "too_long", message));
        }
        if !caption.is_empty() && self.state().refuses_captions {
            let message = "this network takes no captions any more";
            wrong.push(Violation::new("/caption", "too_long", message));
        }
        if content.placement != Placement::Feed {
            let message = "this network has a feed only";
            wrong.push(Violation::new(
                "/placement",
                "not_supported_by_platform",
                message,
            ));
        }
        let of = |kind| {
            content
                .media
                .iter()
                .filter(move |it| it.kind == kind)
                .count()
        };
        let (images, videos) = (of(MediaKind::Image), of(MediaKind::Video));
        if images > 10 || videos > 1 || (images > 0 && videos > 0) {
            let message = "must be 1 to 10 pictures, or one film";
            wrong.push(Violation::new("/media", "too_many", message));
        }
        if caption.is_empty() && content.media.is_empty() && content.link.is_none() {
            let message = "give a caption, a link or media";
            wrong.push(Violation::new("/caption", "required", message));
        }
        for (index, media) in content.media.iter().enumerate() {
            let alt_text = media.alt_text.as_deref().unwrap_or_default();
            if alt_text.chars().count() > 100 {
                let pointer = format!("/media/{index}/altText");
                wrong.push(Violation::new(
                    pointer,
                    "too_long",
                    "at most 100 characters",
                ));
            }
        }
        wrong
    }

    fn check_media(&self, _content: &Content, facts: &[Option<MediaFacts>]) -> Vec<Violation> {
        let widths = facts.iter().map(|facts| facts.as_ref()?.width);
        let wide = widths.enumerate().filter_map(|(index, width)| {
            let width = width.filter(|width| *width > MAX_WIDTH)?;
            let message = format!("must be at most {MAX_WIDTH} pixels wide, not {width}");
            Some(Violation::new(
                format!("/media/{index}"),
                "too_wide",
                message,
            ))
        });
        wide.collect()
    }

    fn lead(&self, _content: &Content) -> Duration {
        self.0.manners.lead
    }

    fn repeat(&self, _content: &Content) -> Repeat {
        self.0.manners.repeat
    }

    async fn prepare(&self, job: &Job, progress: Option<&Progress>) -> Prepared {
        let course = self.course(Call::Prepare, job.post.id).await;
        // An object that appears later is as invisible as one that appears now.
        let done = (course.act != Act::Not).then(|| self.step(job, progress));
        match (self.answer(course).await, done) {
            (Answer::True, Some(done)) => done,
            (Answer::Error(failure) | Answer::Refusal(failure), _) => Prepared::Failed {
                failure,
                progress: progress.cloned(),
            },
            (Answer::True, None) => Prepared::Failed {
                failure: lost(),
                progress: progress.cloned(),
            },
        }
    }

    async fn commit(&self, job: &Job, progress: &Progress, deadline: Deadline) -> Committed {
        let course = self.course(Call::Commit, job.post.id).await;
        let Some(object) = progress.object.clone() else {
            return Committed::Refused(not_there());
        };
        while course.freeze && !deadline.is_past() {
            tokio::task::yield_now().await;
        }
        let sent = deadline.guard(async {
            match course.act {
                Act::Now => Some(self.commit_now(&object)),
                Act::Later(after) => {
                    self.put_off(Call::Commit, &object, after, None);
                    None
                }
                Act::Not => None,
            }
        });
        let Ok(done) = sent.await else {
            return Committed::Refused(lost());
        };
        match (self.answer(course).await, done) {
            (Answer::True, Some(done)) => done,
            (Answer::Refusal(failure), _) => Committed::Refused(failure),
            (Answer::Error(failure), _) => Committed::Uncertain(failure),
            (Answer::True, None) => Committed::Uncertain(lost()),
        }
    }

    async fn look(
        &self,
        job: &Job,
        progress: &Progress,
        _since: Timestamp,
    ) -> Result<Evidence, Failure> {
        let course = self.course(Call::Look, job.post.id).await;
        match self.answer(course).await {
            Answer::True => {}
            Answer::Error(failure) | Answer::Refusal(failure) => return Err(failure),
        }
        let now = self.0.clock.now();
        let id = progress.object.clone().unwrap_or_default();
        let state = self.state();
        if let Some(found) = &state.found {
            return Ok(found.clone());
        }
        let Some(object) = state.objects.get(&id).filter(|object| !object.gone) else {
            return Ok(Evidence::Unclear(Some(not_there())));
        };
        Ok(match (object.shown.first(), &object.dead) {
            (Some(since), _) if *since > now => Evidence::Pending { until: *since },
            (Some(_), _) => Evidence::Live(published(object, &id)),
            (None, Some(failure)) => Evidence::Dead(failure.clone()),
            (None, None) => Evidence::Absent,
        })
    }

    async fn discard(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        let course = self.course(Call::Discard, job.post.id).await;
        if course.act != Act::Not
            && let Some(id) = &progress.object
            && let Some(object) = self.state().objects.get_mut(id)
        {
            object.gone = true;
        }
        match self.answer(course).await {
            Answer::True => Ok(()),
            Answer::Error(failure) | Answer::Refusal(failure) => Err(failure),
        }
    }

    async fn permalink(
        &self,
        _job: &Job,
        published: &Published,
        _deadline: Deadline,
    ) -> Option<String> {
        let id = published.platform_id.as_deref()?;
        Some(format!("https://network.example/{id}"))
    }

    async fn comment(&self, job: &Job, deadline: Deadline) -> Commented {
        let course = self.course(Call::Comment, job.post.id).await;
        let text = job.post.content.first_comment.clone();
        let id = job.post.published.platform_id.clone().unwrap_or_default();
        let object = id.split_once('_').map(|(_, object)| object.to_owned());
        if deadline.is_past() {
            return Commented::Refused(lost());
        }
        match course.act {
            Act::Now => {
                let mut state = self.state();
                let Some(object) = object_of(&mut state, job) else {
                    return Commented::Refused(not_there());
                };
                object.comments.extend(text);
            }
            Act::Later(after) => {
                self.put_off(Call::Comment, &object.unwrap_or_default(), after, text);
            }
            Act::Not => {}
        }
        match self.answer(course).await {
            Answer::True => Commented::Live,
            Answer::Refusal(failure) => Commented::Refused(failure),
            Answer::Error(failure) => Commented::Uncertain(failure),
        }
    }

    async fn look_for_comment(
        &self,
        job: &Job,
        _since: Timestamp,
    ) -> Result<CommentEvidence, Failure> {
        let course = self.course(Call::LookForComment, job.post.id).await;
        match self.answer(course).await {
            Answer::True => {}
            Answer::Error(failure) | Answer::Refusal(failure) => return Err(failure),
        }
        let mut state = self.state();
        let Some(object) = object_of(&mut state, job) else {
            return Ok(CommentEvidence::Unclear);
        };
        let there = object
            .comments
            .iter()
            .any(|comment| Some(comment) == job.post.content.first_comment.as_ref());
        Ok(match there {
            true => CommentEvidence::Live,
            false => CommentEvidence::Absent,
        })
    }

    async fn edit(&self, job: &Job, caption: Option<&str>) -> Result<(), Failure> {
        let course = self.course(Call::Edit, job.post.id).await;
        if course.act != Act::Not {
            let mut state = self.state();
            let object = object_of(&mut state, job).ok_or_else(not_there)?;
            object.caption = caption.map(str::to_owned);
        }
        match self.answer(course).await {
            Answer::True => Ok(()),
            Answer::Error(failure) | Answer::Refusal(failure) => Err(failure),
        }
    }

    async fn delete(&self, job: &Job) -> Result<(), Failure> {
        let course = self.course(Call::Delete, job.post.id).await;
        if course.act != Act::Not
            && let Some(object) = object_of(&mut self.state(), job)
        {
            object.gone = true;
        }
        match self.answer(course).await {
            Answer::True => Ok(()),
            Answer::Error(failure) | Answer::Refusal(failure) => Err(failure),
        }
    }
}
