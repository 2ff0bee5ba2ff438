//! Whether posts' media are what the network takes, as far as the heads of their files tell.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{PostInput, Posting, check::Weighed};
use crate::{
    failure::{Failure, FailureClass, PlatformError},
    id::{Provider, TenantId},
    media::{MediaError, MediaFacts, MediaPreflight, MediaSource},
    post::{Content, Post},
    publisher::Publisher,
    shareville::Shareville,
    violation::Violation,
};

/// How long reading one medium may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long reading all that one request shows may take.
const PATIENCE_IN_ALL: Duration = Duration::from_secs(20);

/// How many media of one request are read at once.
const AT_ONCE: usize = 16;

/// The most media of a post that are read: no network takes as many.
const MOST: usize = 32;

type Heads = HashMap<MediaSource, Result<MediaFacts, MediaError>>;

/// What was found in the media of a content.
struct Found<'a> {
    /// Which cannot be read, by their places.
    unreadable: Vec<(usize, &'a MediaError)>,
    /// What the network does not take of the others.
    wrong: Vec<Violation>,
}

impl Found<'_> {
    /// What is wrong, as far as it is known: a medium that cannot be read just now may be right.
    fn violations(self) -> Vec<Violation> {
        let known = self.unreadable.iter();
        let known = known.filter(|(_, error)| !matches!(error, MediaError::Unavailable(_)));
        let unreadable = known.map(|(index, error)| {
            let pointer = format!("/media/{index}");
            Violation::new(pointer, "media_unreadable", error.to_string())
        });
        unreadable.chain(self.wrong).collect()
    }
}

/// What the heads tell of a content's media. What cannot be read because nothing is set up for it speaks against nothing.
fn found<'a>(publisher: &dyn Publisher, content: &Content, heads: &'a Heads) -> Found<'a> {
    let media = content.media.iter().map(|media| heads.get(&media.source));
    let (mut unreadable, mut facts) = (Vec::new(), Vec::new());
    for (index, head) in media.enumerate() {
        facts.push(head.and_then(|head| head.as_ref().ok()).cloned());
        match head {
            Some(Err(error)) if !matches!(error, MediaError::NotSupported(_)) => {
                unreadable.push((index, error));
            }
            _ => {}
        }
    }
    let wrong = match facts.iter().any(Option::is_some) {
        true => publisher.check_media(content, &facts),
        false => Vec::new(),
    };
    Found { unreadable, wrong }
}

impl Shareville {
    /// Reads the heads of the media of contents, each once.
    async fn heads(&self, tenant: TenantId, contents: &[&Content]) -> Heads {
        let few = contents.iter().filter(|it| it.media.len() <= MOST);
        let sources: HashSet<&MediaSource> = few
            .flat_map(|content| &content.media)
            .map(|media| &media.source)
            .collect();
        let end = Instant::now() + PATIENCE_IN_ALL;
        let reads: Vec<_> = sources
            .into_iter()
            .map(|source| self.head(tenant, source, end))
            .collect();
        stream::iter(reads)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await
    }

    async fn head(
        &self,
        tenant: TenantId,
        source: &MediaSource,
        end: Instant,
    ) -> (MediaSource, Result<MediaFacts, MediaError>) {
        let until = Instant::now() + PATIENCE;
        let read = timeout_at(end.min(until), self.media().facts(tenant, source)).await;
        let read = read.unwrap_or_else(|late| {
            let late = Box::new(late);
            // That there was too much to read is not the fault of this one; nor is it an upload's that ours is slow.
            Err(match source {
                MediaSource::Url(_) if until <= end => MediaError::NotAnswering(late),
                _ => MediaError::Unavailable(late),
            })
        });
        (source.clone(), read)
    }

    /// What speaks against preparing a post: limits may have changed since it was created, and so may its media.
    pub(crate) async fn objection(
        &self,
        publisher: &dyn Publisher,
        post: &Post,
    ) -> Option<Failure> {
        let content = &post.content;
        let mut violations = publisher.check(content);
        if self.settings().media_preflight == MediaPreflight::Strict {
            let heads = self.heads(post.tenant, &[content]).await;
            let found = found(publisher, content, &heads);
            violations.extend(found.wrong);
            if let (true, Some((index, error))) = (violations.is_empty(), found.unreadable.first())
            {
                return Some(error.failure().with_platform(about(*index)));
            }
        }
        refusal(&violations)
    }
}

impl Posting<'_> {
    /// Looks at the media of posts that were checked otherwise, and adds what is found.
    pub(super) async fn weigh_media(&self, inputs: &[PostInput], weighed: &mut [Weighed]) {
        let mode = self.shareville.settings().media_preflight;
        // What is wrong already is told as wrong, and no advice beside it.
        let is_up = |it: &Weighed| match mode {
            MediaPreflight::Off => false,
            MediaPreflight::Advisory => it.violations.is_empty(),
            MediaPreflight::Strict => true,
        };
        let up = inputs
            .iter()
            .zip(weighed.iter())
            .filter(|(_, it)| is_up(it));
        let contents: Vec<_> = up.map(|(input, _)| &input.content).collect();
        let heads = self
            .shareville
            .heads(self.caller.tenant().id, &contents)
            .await;
        for (input, it) in inputs.iter().zip(weighed) {
            let account = it.account.as_ref().filter(|_| is_up(it));
            let publisher = account.and_then(|it| self.shareville.publisher(&it.provider));
            let Some(publisher) = publisher else { continue };
            let found = found(publisher.as_ref(), &input.content, &heads).violations();
            match mode {
                MediaPreflight::Strict => it.violations.extend(found),
                MediaPreflight::Off | MediaPreflight::Advisory => it.advice = found,
            }
        }
    }

    /// What stops a new content of a post.
    pub(super) async fn wrong_media(
        &self,
        provider: &Provider,
        content: &Content,
    ) -> Vec<Violation> {
        let shareville = self.shareville;
        let is_strict = shareville.settings().media_preflight == MediaPreflight::Strict;
        let publisher = shareville.publisher(provider).filter(|_| is_strict);
        let Some(publisher) = publisher else {
            return Vec::new();
        };
        let heads = shareville.heads(self.caller.tenant().id, &[content]).await;
        found(publisher.as_ref(), content, &heads).violations()
    }
}

/// A failure that tells all that is wrong with a content.
fn refusal(violations: &[Violation]) -> Option<Failure> {
    let first = violations.first()?;
    let told: Vec<_> = violations.iter().map(Violation::to_string).collect();
    let message = format!(
        "The content cannot be published as it is. {}",
        told.join("; ")
    );
    let failure = Failure::new(FailureClass::Content { retryable: false }, message);
    let failure = failure.with_code(&first.code);
    Some(match media_index(&first.pointer) {
        Some(index) => failure.with_platform(about(index)),
        None => failure,
    })
}

/// Which medium a pointer leads to.
fn media_index(pointer: &str) -> Option<usize> {
    pointer
        .strip_prefix("/media/")?
        .split('/')
        .next()?
        .parse()
        .ok()
}

fn about(index: usize) -> PlatformError {
    PlatformError {
        media_index: u32::try_from(index).ok(),
        ..PlatformError::default()
    }
}
